"""The card's end of the vpcd wire: plugs a simulated card into a slot of a real pcscd.

Each message in both directions is a two-byte big-endian length and that many bytes. vpcd speaks first: one byte is a
control (00 power off, 01 power on, 02 reset, 04 get ATR; only the last is answered), two or more are a command APDU.
Being connected and answering "get ATR" is what makes a card present, and pcscd asks for it all the time, between
commands too; so that answer is cheap and changes nothing.

vpcd writes a length and its bytes in two segments. Linux falls back to delayed acknowledgements after every receive,
and with them each command costs 48 ms instead of 0.2 ms: TCP_QUICKACK is therefore set again after every receive.
"""

import asyncio
import contextlib
import socket
from typing import Final

from simulators.cards.machine import CardMachine
from simulators.reader.tear import Tear, TearPoint

_POWER_OFF: Final = b"\x00"
_POWER_ON: Final = b"\x01"
_RESET: Final = b"\x02"
_GET_ATR: Final = b"\x04"
# pcscd looks at a slot every 400 ms. A card changed faster than that may stay unseen, or leave the slot powered down
# until the next removal; no hand is that fast.
_EMPTY_S: Final = 0.45
_RETRY_S: Final = 0.02
"""pcscd is up 10-14 ms after its start; the card waits for it as it would in a real reader."""

# Longer than any answer to reset (33 bytes): the driver sees a card and fails to power it, as with a mute one.
_MUTE_ATR: Final = bytes(64)


class SlotUnavailable(Exception):
    """Nothing listens on the slot's port: pcscd is not running, or its slot has another port."""


class VpcdSlot:
    """One slot of the virtual reader. The card stays inserted while pcscd restarts, until `remove` or a tear."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self._card: CardMachine | None = None
        self._task: asyncio.Task[None] | None = None
        self._emptied_at = float("-inf")

    @property
    def card(self) -> CardMachine | None:
        """The card that is in the slot, also while pcscd is away."""
        return self._card

    async def insert(self, card: CardMachine, tear: Tear | None = None, timeout_s: float = 2.0) -> None:
        """Put a card in, after taking out the one that is there; returns when the card is on the wire.

        The slot stays empty for a moment between two cards, as it does when a person changes them. Raises
        SlotUnavailable when nothing listens within `timeout_s`.
        """
        await self.remove()
        since_s = asyncio.get_running_loop().time() - self._emptied_at
        if since_s < _EMPTY_S:
            await asyncio.sleep(_EMPTY_S - since_s)
        try:
            async with asyncio.timeout(timeout_s):
                link = await self._connect()
        except TimeoutError:
            raise SlotUnavailable(f"nothing listens on port {self._address[1]}") from None
        self._card = card
        self._task = asyncio.create_task(self._live(link, card, tear))

    async def remove(self) -> None:
        """Take the card out; nothing happens when there is none."""
        task, self._task, self._card = self._task, None, None
        if task is None:
            return
        if not task.done():
            self._emptied_at = asyncio.get_running_loop().time()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def __aenter__(self) -> "VpcdSlot":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.remove()

    async def _connect(self) -> "_Link":
        while True:
            endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            endpoint.setblocking(False)
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await asyncio.get_running_loop().sock_connect(endpoint, self._address)
                return _Link(endpoint)
            except OSError:
                endpoint.close()
                await asyncio.sleep(_RETRY_S)
            except BaseException:
                endpoint.close()
                raise

    async def _live(self, link: "_Link", card: CardMachine, tear: Tear | None) -> None:
        commands = 0
        while True:
            with contextlib.closing(link):
                try:
                    commands, torn = await self._serve(link, card, tear, commands)
                except OSError:
                    torn = False
            card.reset()
            if torn:
                self._card = None
                self._emptied_at = asyncio.get_running_loop().time()
                return
            link = await self._connect()

    async def _serve(
        self, link: "_Link", card: CardMachine, tear: Tear | None, commands: int
    ) -> tuple[int, bool]:
        """Answer until the link ends (False) or the card is pulled (True); counts the commands since insertion."""
        while (message := await link.receive()) is not None:
            if len(message) == 1:
                await self._control(link, card, message)
                continue
            point = tear.point if tear is not None and tear.apdu == commands else None
            commands += 1
            if point is TearPoint.BEFORE:
                return commands, True
            answer = card.process(message)
            if point is TearPoint.INSIDE:
                await link.send_header_only(answer)
                return commands, True
            if point is TearPoint.ONE_BYTE:
                await link.send_one_byte()
                return commands, True
            await link.send(answer)
            if point is TearPoint.AFTER:
                return commands, True
        return commands, False

    async def _control(self, link: "_Link", card: CardMachine, message: bytes) -> None:
        if message == _GET_ATR:
            await link.send(card.atr or _MUTE_ATR)
        elif message in (_POWER_OFF, _POWER_ON, _RESET):
            card.reset()


class _Link:
    """One connection to vpcd."""

    def __init__(self, endpoint: socket.socket) -> None:
        self._socket = endpoint

    def close(self) -> None:
        self._socket.close()

    async def receive(self) -> bytes | None:
        """Return the next message, or None when vpcd has closed the connection or broken the protocol."""
        header = await self._exactly(2)
        if header is None or header == b"\x00\x00":
            return None
        return await self._exactly(int.from_bytes(header, "big"))

    async def _exactly(self, length: int) -> bytes | None:
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < length:
            piece = await loop.sock_recv(self._socket, length - len(data))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not piece:
                return None
            data += piece
        return data

    async def send(self, payload: bytes) -> None:
        await self._write(len(payload).to_bytes(2, "big") + payload)

    async def send_header_only(self, payload: bytes) -> None:
        await self._write(len(payload).to_bytes(2, "big"))

    async def send_one_byte(self) -> None:
        await self._write(b"\x00")

    async def _write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)
