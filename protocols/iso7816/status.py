"""Status words, with the meaning the social-security card specification (part 5, table 5) gives them."""

from types import MappingProxyType
from typing import Final

OK: Final = 0x9000
FILE_INVALIDATED: Final = 0x6283
FUNCTION_NOT_SUPPORTED: Final = 0x6A81
"""Also the answer of a blocked social-security card to every command."""
SECURITY_NOT_SATISFIED: Final = 0x6982
NO_CURRENT_EF: Final = 0x6986
FILE_NOT_FOUND: Final = 0x6A82
RECORD_NOT_FOUND: Final = 0x6A83
WRONG_P1_P2: Final = 0x6A86
PERMANENTLY_BLOCKED: Final = 0x9303

_MEANINGS: Final = MappingProxyType(
    {
        0x9000: "done",
        0x6281: "part of the data may be damaged",
        0x6282: "end of file before Le bytes were read",
        0x6283: "selected file is invalidated",
        0x6581: "memory failure",
        0x6700: "wrong length",
        0x6901: "command not accepted in this state",
        0x6981: "command does not fit the file type",
        0x6982: "security state not met",
        0x6983: "PIN or key locked",
        0x6984: "no valid challenge, or reference data invalid",
        0x6985: "conditions of use not met",
        0x6986: "no current file",
        0x6987: "MAC missing",
        0x6988: "MAC wrong",
        0x6A80: "bad data field",
        0x6A81: "not supported, or the card is blocked",
        0x6A82: "file not found",
        0x6A83: "record not found",
        0x6A84: "no room in the file",
        0x6A85: "Lc does not fit the TLV",
        0x6A86: "wrong P1 P2",
        0x6A88: "key or reference data not found",
        0x6B00: "offset outside the file",
        0x6D00: "unknown instruction",
        0x6E00: "unknown class",
        0x6F00: "data invalid",
        0x9302: "MAC invalid",
        0x9303: "application permanently blocked",
        0x9401: "insufficient amount",
        0x9402: "counter full",
        0x9403: "key index not supported",
        0x9406: "MAC not available",
    }
)


def describe(sw: int) -> str:
    """Return the status word in hexadecimal with its meaning; unknown words stay printable."""
    if sw >> 8 == 0x61:
        meaning = f"{sw & 0xFF} bytes waiting"
    elif sw >> 8 == 0x6C:
        meaning = f"wrong Le, {sw & 0xFF} is right"
    elif sw >> 4 == 0x63C:
        meaning = f"check failed, {sw & 0xF} tries left"
    else:
        meaning = _MEANINGS.get(sw, "unknown status")
    return f"{sw:04X} ({meaning})"
