"""One command and its whole answer: the only place that knows 61xx and 6Cxx (ISO/IEC 7816-3, 12.2).

A dialogue is a generator: it yields the bytes of a command APDU and receives the bytes of the response. Whoever drives
it (a PC/SC thread, a simulated card, a test) needs no knowledge of what is read.
"""

from collections.abc import Generator
from typing import Final, TypeVar

import msgspec

from protocols.iso7816.apdu import LE_ANY, Command, MalformedApdu, Response, parse_response

Result = TypeVar("Result")
Dialogue = Generator[bytes, bytes, Result]

_MAX_ROUNDS: Final = 256  # 65,536 bytes in pieces of 256: a card that says 61xx for ever is broken


def exchange(command: Command) -> Dialogue[Response]:
    """Send a command and return its complete response, with the status word of the last part.

    6Cxx is obeyed once per command, never in a loop. A reader that hides GET RESPONSE gives the data at once, which is
    accepted as well. Raises MalformedApdu when a response holds no status word or the answer never ends.
    """
    response = parse_response((yield command.encode()))
    if response.sw >> 8 == 0x6C:
        response = parse_response((yield _with_le(command, response).encode()))
    if response.sw >> 8 != 0x61:
        return response
    data = response.data
    for _ in range(_MAX_ROUNDS):
        get_response = Command(command.cla & 0x03, 0xC0, 0x00, 0x00, le=response.sw2 or LE_ANY)
        response = parse_response((yield get_response.encode()))
        if response.sw >> 8 == 0x6C:
            response = parse_response((yield _with_le(get_response, response).encode()))
        data += response.data
        if response.sw >> 8 != 0x61:
            return Response(data, response.sw)
    raise MalformedApdu("the card announces more data without end")


def _with_le(command: Command, correction: Response) -> Command:
    return msgspec.structs.replace(command, le=correction.sw2 or LE_ANY)
