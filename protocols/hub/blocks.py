"""What the messages of several families share: the extension member, traceability codes, an empty answer."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

from protocols.hub.profile import Profile

Block = TypeVar("Block", bound="Extended")
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
"""D of the field tables as we write it, yyyy-MM-dd: a day of UTC+8."""
Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")]
"""DT of the field tables as we write it, yyyy-MM-dd HH:mm:ss, UTC+8."""
Flag = Literal["0", "1"]
"""0 no, 1 yes."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One JSON object of a message. Members we do not know are ignored."""


class OutputNode(Node, frozen=True, kw_only=True, omit_defaults=True):
    """One JSON object of an answer; absent members are left out when it is written."""


class Extended(Node, frozen=True, kw_only=True):
    """A node with the extension member, which is spelt in two ways on the wire, even within one answer (K19).

    Read `extension`; write with `spelled`, which picks the spelling of the profile. Unset members are not sent.
    """

    extension_snake: str | UnsetType = field(name="exp_content", default=UNSET)  # 字段扩展
    extension_camel: str | UnsetType = field(name="expContent", default=UNSET)  # 字段扩展

    @property
    def extension(self) -> str:
        """The extension's JSON text, "" when there is none."""
        return self.extension_snake or self.extension_camel or ""


class ExtendedOutput(Extended, frozen=True, kw_only=True, omit_defaults=True):
    """An answer's node with the extension member."""


class NoOutput(OutputNode, frozen=True, kw_only=True):
    """The output of a transaction that answers nothing: infcode 0 means done."""


class TraceCode(Node, frozen=True, kw_only=True):
    """One drug traceability code (`durg_trac_info` in 2102, `drug_trac_info` in 2207A; decision K13)."""

    line_no: str = field(name="feedetl_sn")  # 费用明细流水号, the line it belongs to
    code: str = field(name="drug_trac_codg")  # 药品追溯码
    split_pack: str = field(name="trdn_flag")  # 拆零标志, 0/1
    smallest_unit: str | UnsetType = field(
        name="min_prcunt_type", default=UNSET
    )  # 最小计价单位, newer 2207 only


def spelled(block: Block, profile: Profile, infno: str, text: str = "") -> Block:
    """Return the block with its extension member set, spelt as this profile spells it in this transaction."""
    if profile.extension_spelling(infno) == "exp_content":
        return msgspec.structs.replace(block, extension_snake=text, extension_camel=UNSET)
    return msgspec.structs.replace(block, extension_snake=UNSET, extension_camel=text)


def either(*lists: Sequence[TraceCode] | UnsetType) -> tuple[TraceCode, ...]:
    """Return the first list that was sent."""
    for codes in lists:
        if not isinstance(codes, UnsetType):
            return tuple(codes)
    return ()
