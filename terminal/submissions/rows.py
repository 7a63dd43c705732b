"""From what somebody wrote to the content of messages: rows of text by wire name, checked before anything is on disk.

Lengths and codes are the hub's to judge (K16). What is checked here is what makes a message: every column is known, every
required one is there, dates and amounts can be read. The first wrong row is named by its number and its field.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec

from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.hub.catalogue import MESSAGES
from protocols.hub.profile import Profile
from terminal.core.events import Misuse
from terminal.core.values import Person
from terminal.submissions.kinds import MANY, Form, Kind

Value = str | list[str | dict[str, str]]
"""A cell; a list for trace codes and for documents."""
Row = Mapping[str, Value]
MOST_ROWS: Final = 1000
"""Rows of one request; a larger file is sent in several."""

_MISSING: Final = re.compile(r"missing required field `(\w+)`")
_CODES, _CODE = "drugtracinfo", "drug_trac_codg"
_SETTLED: Final = ("MDTRT_SETL_TYPE", "mdtrt_setl_type")
_BETWEEN: Final = re.compile(r"[\s;；,，、]+")


class Content(msgspec.Struct, frozen=True):
    """What the message of one submission is made of."""

    insured: str
    """`insuplc_admdvs`; empty where nobody is named."""
    input: msgspec.Raw


def contents(
    kind: Kind, rows: Sequence[Row], profile: Profile, institution: str, person: Person | None
) -> tuple[str, list[bytes]]:
    """Return the transaction and the stored content of each message. Raises `Misuse` (`submission_row`, `bad_request`)."""
    if not 1 <= len(rows) <= MOST_ROWS:
        raise Misuse("bad_request", reason=f"rows: 1 to {MOST_ROWS}")
    form = kind.form(profile)
    node_type = _row_type(form)
    made = [
        _checked(number, _filled(number, row, node_type, profile, institution, person), form, kind, profile)
        for number, row in enumerate(rows, start=1)
    ]
    insured = person.insured_division if person is not None else ""
    parts: list[Any] = [made[at : at + MANY] for at in range(0, len(made), MANY)] if form.many else made
    return form.infno, [_stored(form, part, insured) for part in parts]


def _stored(form: Form, part: Any, insured: str) -> bytes:
    tree = {form.node: part} if form.node else part
    content = wire.convert(tree, MESSAGES[form.infno].input_type)
    return encode_content(content, insured)


def encode_content(content: msgspec.Struct, insured: str) -> bytes:
    """What is kept of a message's content."""
    return msgspec.json.encode(Content(insured, msgspec.Raw(wire.encode(content))))


def decode_content(infno: str, stored: bytes) -> tuple[msgspec.Struct, str]:
    """Read it again: the content, and the insured place. Raises `MalformedMessage`, msgspec.DecodeError."""
    if infno not in MESSAGES:
        raise MalformedMessage("known to a newer version only", "infno")
    kept = msgspec.json.decode(stored, type=Content)
    return wire.decode(bytes(kept.input), MESSAGES[infno].input_type), kept.insured


def _row_type(form: Form) -> type[msgspec.Struct]:
    """The struct of one row of this transaction."""
    input_type = MESSAGES[form.infno].input_type
    if not form.node:
        return input_type
    (member,) = (one for one in msgspec.structs.fields(input_type) if one.encode_name == form.node)
    return cast(type[msgspec.Struct], get_args(member.type)[0] if form.many else member.type)


def _filled(
    number: int,
    row: Row,
    type_: type[msgspec.Struct],
    profile: Profile,
    institution: str,
    person: Person | None,
) -> dict[str, Any]:
    """The row as it goes on the wire: what the terminal knows itself put in, spellings as the profile has them."""
    known = {member.encode_name for member in msgspec.structs.fields(type_)}
    if "exp_content" in known or "expContent" in known:
        known -= {"exp_content", "expContent"}  # nobody has published what a filing may carry there
    given: dict[str, Any] = {name: value for name, value in row.items() if value not in ("", [])}
    if _CODES in known and _CODE in given:
        codes = given.pop(_CODE)
        texts = [code for code in _BETWEEN.split(codes) if code] if isinstance(codes, str) else codes
        given[_CODES] = [{_CODE: code} for code in texts]
    own = {"fixmedins_code": institution} if type_.__name__ == "MappingWithdrawalInput" else {}
    if person is not None:
        own["psn_no"] = person.psn_no.reveal()
    for name in given:
        if name not in known or name in own:
            raise _wrong(number, name, "row_unknown_field")
    if person is not None:
        of_sale = {"insutype": person.insutype, "insu_optins": person.insured_division}
        given = {name: value for name, value in of_sale.items() if name in known} | given
    settled = next((given.pop(name) for name in _SETTLED if name in given), "")
    if settled:
        given[_SETTLED[0 if profile.form.setl_type_case == "upper" else 1]] = settled
    return {**given, **own}


def _checked(number: int, tree: dict[str, Any], form: Form, kind: Kind, profile: Profile) -> dict[str, Any]:
    if kind.needs_codes and profile.trace.required != "none" and not tree.get(_CODES):
        raise _wrong(number, _CODE, "row_missing")
    try:
        wire.convert(tree, _row_type(form))
    except MalformedMessage as malformed:
        missing = _MISSING.search(malformed.reason)
        field = malformed.where.removeprefix("$").strip(".")
        if missing:
            raise _wrong(number, f"{field}.{missing[1]}".strip("."), "row_missing") from None
        is_time = "matching regex" in malformed.reason
        raise _wrong(number, field or "-", "row_not_a_date" if is_time else "row_unreadable") from None
    return tree


def _wrong(number: int, field: str, reason: str) -> Misuse:
    """Never repeats what stood there: it may be about a person."""
    field = field if re.fullmatch(r"[A-Za-z_.\[\]0-9]{1,60}", field) else "?"
    return Misuse("submission_row", row=str(number), field=field, reason=reason)
