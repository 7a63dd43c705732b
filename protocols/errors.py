"""Errors of the protocol layer: whose fault it is, and where, never what the bytes said.

    ProtocolError
    ├── MalformedMessage    the other side sent something that is not what it should be
    ├── MoneyError          an amount, or a set of amounts, that cannot be right
    └── ProfileError        a province profile that we cannot follow

Messages name places and rules, never contents: what arrives at a counter are names, identity numbers and tokens.
"""


class ProtocolError(Exception):
    """Base of everything this layer refuses."""


class MalformedMessage(ProtocolError):
    """Bytes from the other side that cannot be read as what they should be.

    `where` is a JSON path (`$.setlinfo.medfee_sumamt`) or "" for the whole message; `reason` is a short sentence.
    Neither carries any content of the message.
    """

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.where = where


class MoneyError(ProtocolError, ValueError):
    """A number that is no amount (too many decimals, an exponent, out of range) or amounts that do not add up."""


class ProfileError(ProtocolError):
    """A profile file with an unknown key, a wrong type or a value this version does not support."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason
