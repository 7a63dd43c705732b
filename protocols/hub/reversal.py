"""2601: reversal (冲正) of a transaction whose outcome is unknown (national interface, Hunan edition V1.1.27, 2601).

Names the original by its message id and transaction number. The reversal has a message id of its own and the same
insured division as the original. How a refusal is read is the profile's business (`Profile.classify_reversal`).
"""

from msgspec import field

from protocols.hub.blocks import Node
from protocols.secret import Secret


class Reversal(Node, frozen=True, kw_only=True):
    """`data` of 2601."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    original_message_id: str = field(name="omsgid")  # 原发送方报文ID
    original_infno: str = field(
        name="oinfno"
    )  # 原交易编号; printed with 4 characters, 2207A is accepted (K16)


class ReversalInput(Node, frozen=True, kw_only=True):
    """Input of 2601. Output: `blocks.NoOutput`."""

    reversal: Reversal = field(name="data")
