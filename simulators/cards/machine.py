"""An ISO 7816-4 machine over a card image: command APDU in, response APDU out, no I/O and no clock.

It speaks what the free part of a social-security card needs: SELECT, READ RECORD, READ BINARY, GET RESPONSE, GET
CHALLENGE. It has no keys and no PIN: files under a rule answer 6982, UPDATE answers 6982, everything else 6D00 or 6E00.

Over T=0 a case-4 command answers 61xx and a wrong Le 6Cxx; over T=1 (contactless) data comes at once (P-1, P-2, P-6).
"""

from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Final

from protocols.iso7816 import status
from protocols.iso7816.apdu import LE_ANY, Command, MalformedApdu, Response, parse_command
from protocols.iso7816.atr import contact_atr, contactless_atr
from protocols.iso7816.tlv import encode_ber
from simulators.cards.image import Application, CardImage, File

MASTER_FILE: Final = "3F00"


class Transport(Enum):
    """How the card is reached."""

    T0 = "contact, T=0"
    T1 = "contactless, shown as T=1"


class CardMachine:
    """One card with its volatile state; `reset` is what a reader does to it."""

    def __init__(
        self, image: CardImage, transport: Transport = Transport.T0, random: Random | None = None
    ) -> None:
        self.image = image
        self.transport = transport
        self.commands = 0
        """Commands processed since the machine was made."""
        self._random = random or Random(image.label)
        self._commands: dict[int, Callable[[Command], Response]] = {
            0xA4: self._select,
            0xB0: self._read_binary,
            0xB2: self._read_record,
            0xC0: self._get_response,
            0x84: self._get_challenge,
            0xD6: _denied,
            0xDC: _denied,
        }
        self.reset()

    @property
    def atr(self) -> bytes:
        """Answer to reset; empty when the card is mute."""
        if self.image.mute:
            return b""
        build = contact_atr if self.transport is Transport.T0 else contactless_atr
        return build(bytes.fromhex(self.image.historical))

    def reset(self) -> None:
        """Forget all volatile state: selection, pending bytes, record pointer."""
        self._directory = MASTER_FILE
        self._file: File | None = None
        self._record = 0
        self._pending = b""

    def process(self, raw: bytes) -> bytes:
        """Execute one command APDU and return data and status word."""
        self.commands += 1
        if self.image.blocked:
            return _status(status.FUNCTION_NOT_SUPPORTED).encode()
        try:
            command = parse_command(raw)
        except MalformedApdu:
            return _status(0x6700).encode()
        if command.cla != 0x00:
            return _status(0x6E00).encode()
        handler = self._commands.get(command.ins)
        if handler is None:
            return _status(0x6D00).encode()
        if command.ins != 0xC0:
            self._pending = b""
        return handler(command).encode()

    # SELECT

    def _select(self, command: Command) -> Response:
        if command.p1 == 0x04 and command.p2 in (0x00, 0x02):
            return self._select_name(command)
        if command.p1 == 0x00 and command.p2 == 0x00:
            return self._select_id(command.data.hex().upper())
        if command.p1 == 0x02 and command.p2 == 0x00:
            return self._select_file(command.data.hex().upper())
        return _status(status.WRONG_P1_P2)

    def _select_name(self, command: Command) -> Response:
        if not 5 <= len(command.data) <= 16:
            return _status(0x6700)
        matches = [item for item in self.image.application if bytes.fromhex(item.name) == command.data]
        # P2 = 02 asks for the next application of that name; partial names are not supported (P-4), so there is none.
        if not matches or command.p2 == 0x02:
            return _status(status.FILE_NOT_FOUND)
        return self._enter(matches[0])

    def _select_id(self, fid: str) -> Response:
        if fid in ("", MASTER_FILE):
            self._directory, self._file = MASTER_FILE, None
            return _status(status.OK)
        for application in self.image.application:
            if application.fid == fid and application.parent == self._directory:
                return self._enter(application)
        return self._select_file(fid)

    def _select_file(self, fid: str) -> Response:
        file = next((item for item in self._files() if item.fid == fid), None)
        if file is None:
            return _status(status.FILE_NOT_FOUND)
        self._make_current(file)
        return _status(status.OK)

    def _enter(self, application: Application) -> Response:
        self._directory, self._file = application.fid, None
        template = encode_ber(0x84, bytes.fromhex(application.name))
        if application.issuer_data:
            template += encode_ber(0xA5, bytes.fromhex(application.issuer_data))
        return self._answer(encode_ber(0x6F, template))

    def _files(self) -> tuple[File, ...]:
        return next((item.file for item in self.image.application if item.fid == self._directory), ())

    def _make_current(self, file: File) -> None:
        self._file, self._record = file, 0

    # Reading

    def _current(self, sfi: int) -> File | Response:
        """Return the file a read command means, or the status word that refuses it."""
        if sfi:
            file = next((item for item in self._files() if item.sfi == sfi), None)
            if file is None:
                return _status(status.FILE_NOT_FOUND)
            if file is not self._file:
                self._make_current(file)
        if self._file is None:
            return _status(status.NO_CURRENT_EF)
        if self._file.read != "free":
            return _status(status.SECURITY_NOT_SATISFIED)
        return self._file

    def _read_record(self, command: Command) -> Response:
        file = self._current(command.p2 >> 3)
        if isinstance(file, Response):
            return file
        if file.content:
            return _status(0x6981)
        records = [bytes.fromhex(record) for record in file.records]
        chosen = self._chosen(records, command.p1, command.p2 & 0x07)
        if chosen is None:
            return _status(status.WRONG_P1_P2)
        if not chosen:
            return _status(status.RECORD_NOT_FOUND)
        self._record = chosen[0]
        return self._exactly(b"".join(records[number - 1] for number in chosen), command.le)

    def _chosen(self, records: list[bytes], p1: int, mode: int) -> list[int] | None:
        """Return record numbers from 1 in the order asked for; None when the mode does not exist (part 5, table 32)."""
        numbers = range(1, len(records) + 1)
        if mode <= 0x03:
            same = [number for number in numbers if records[number - 1][:1] == bytes([p1])]
            after = [number for number in same if number > self._record]
            before = [number for number in same if self._record and number < self._record]
            return (same[:1], same[-1:], after[:1], before[-1:])[mode]
        if mode == 0x04:
            return [number for number in numbers if number == p1]
        if mode == 0x05:
            return [number for number in numbers if number >= p1]
        if mode == 0x06:
            return [number for number in reversed(numbers) if number >= p1]
        return None

    def _read_binary(self, command: Command) -> Response:
        by_short_id = bool(command.p1 & 0x80)
        file = self._current(command.p1 & 0x1F if by_short_id else 0)
        if isinstance(file, Response):
            return file
        if not file.content:
            return _status(0x6981)
        offset = command.p2 if by_short_id else command.p1 << 8 | command.p2
        rest = bytes.fromhex(file.content)[offset:]
        if not rest:
            return _status(0x6B00)
        if command.le is not None and command.le <= len(rest):
            return Response(rest[: command.le], status.OK)
        return self._exactly(rest[:LE_ANY], command.le)

    def _exactly(self, data: bytes, le: int | None) -> Response:
        """Apply P-6: the exact length, or over T=1 "any", gives the data; everything else names the right length."""
        if le is None:
            return _status(0x6700)
        if le == len(data) or (le == LE_ANY and self.transport is Transport.T1):
            return Response(data, status.OK)
        return _status(0x6C00 | len(data) & 0xFF)

    # Answers over T=0

    def _answer(self, data: bytes) -> Response:
        if self.transport is Transport.T1:
            return Response(data, status.OK)
        self._pending = data
        return _status(0x6100 | len(data))

    def _get_response(self, command: Command) -> Response:
        waiting, le = self._pending, command.le or 0
        if not waiting:
            return _status(0x6985)
        if le == 0 or le > len(waiting):
            return _status(0x6C00 | len(waiting))
        self._pending = waiting[le:]
        return Response(waiting[:le], 0x6100 | len(self._pending) if self._pending else status.OK)

    def _get_challenge(self, command: Command) -> Response:
        if command.le not in (4, 8, 16):
            return _status(0x6700)
        return Response(self._random.randbytes(command.le), status.OK)


def _status(sw: int) -> Response:
    return Response(b"", sw)


def _denied(_command: Command) -> Response:
    """Refuse a write: it needs a key, and no key can be presented."""
    return _status(status.SECURITY_NOT_SATISFIED)
