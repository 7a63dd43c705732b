"""The token check (`localEcTokenCheck`): does this token belong to that identity, and is it in its life?

The request has no envelope; the reply has the usual one, `data.flag` 1 or 0 (public clients of one province).
"""

import msgspec
from msgspec import field

from protocols.ecertificate import envelope
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.secret import Secret


class TokenCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Token and the identity it is said to stand for."""

    token: Secret = field(name="ecToken")
    document_type: str = field(name="idType")
    document_no: Secret = field(name="idNo")
    name: Secret = field(name="userName")


def encode_check(check: TokenCheck) -> bytes:
    """Write the body of one check."""
    return wire.encode(check)


def parse_check(body: bytes) -> TokenCheck:
    """Read a check (the centre's side); raises `MalformedMessage`."""
    return wire.decode(body, TokenCheck)


def parse_check_reply(body: bytes) -> bool | CentreRefusal:
    """Read the reply: True = valid. Raises `MalformedMessage`, also for a flag that is neither 1 nor 0."""
    data = envelope.parse_reply(body)
    if isinstance(data, CentreRefusal):
        return data
    flag = data.get("flag")
    if isinstance(flag, bool) or str(flag) not in ("0", "1"):
        raise MalformedMessage("not 0 or 1", "$.data.flag")
    return str(flag) == "1"
