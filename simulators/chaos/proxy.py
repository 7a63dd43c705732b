"""The proxy: passes bytes between a caller and a target, and does to each exchange what its plan says.

It knows no protocol. Only where a whole answer is needed (duplicate, swap) or an order asks for words in the request
does it look for the end of an HTTP message by its `Content-Length`; anything else is passed on as it comes.

Over TLS there are two ways. Without contexts the records pass untouched: cuts, delays, stalls and resets hit them as
they hit any bytes. With contexts the proxy is itself the server of the near line and a client on the far one, so that
answers can be replaced and requests looked into.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final

import msgspec

from simulators.chaos.answers import answer
from simulators.chaos.faults import (
    CutAnswer,
    CutRequest,
    DelayAnswer,
    DelayRequest,
    DuplicateAnswer,
    Fault,
    Order,
    Plan,
    Refuse,
    Replace,
    Stall,
    Swap,
    Trickle,
    parse_order,
)
from simulators.held_port import HeldPort

_PIECE_BYTES: Final = 65536
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*([0-9]{1,9})\s*\r\n", re.IGNORECASE)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

Sleep = Callable[[float], Awaitable[None]]


class Fired(msgspec.Struct, frozen=True):
    """One fault that met an exchange."""

    exchange: int
    """Number of the exchange, counted from 1 over all connections."""
    connection: int
    fault: Fault


class _LineEnds(Exception):
    """This connection is over, by a fault."""


class _Exchange:
    """One request and its answer, as far as they have come."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.fault: Fault | None = None
        self.is_decided = False
        self.held = b""
        """Request bytes that wait for the decision."""
        self.sent = 0
        self.answered = 0
        """Bytes of answer that the target has given so far."""
        self.answer = b""
        """The answer, where it is needed whole."""


class ChaosProxy:
    """Use as `async with ChaosProxy("127.0.0.1", port) as proxy`; the control is this object."""

    def __init__(
        self,
        target_host: str,
        target_port: int,
        plan: Plan | None = None,
        *,
        near: ssl.SSLContext | None = None,
        far: ssl.SSLContext | None = None,
        sleep: Sleep = asyncio.sleep,
        tell: "Callable[[Fired], None] | None" = None,
    ) -> None:
        """`near` (a server's context) and `far` (a client's) end TLS here; `sleep` is handed in, so time may be virtual;
        `tell` hears of every fault that meets an exchange."""
        self._target = (target_host, target_port)
        self.plan = plan or Plan()
        self.near = near
        """From the next `listen` on."""
        self.far = far
        self._sleep = sleep
        self._tell_of = tell
        self._server: asyncio.Server | None = None
        self._lines: dict[asyncio.Task[None], _Line] = {}
        self._returning: asyncio.Task[None] | None = None
        self._waiting_swap: asyncio.Future[bytes] | None = None
        self._swapped = b""
        self._place = HeldPort()
        self.fired: list[Fired] = []
        self.exchanges = 0
        self.connections = 0
        self.request_bytes = 0
        """Bytes that the target got, over all connections."""
        self.answer_bytes = 0
        """Bytes that callers were given, over all connections."""

    @property
    def host(self) -> str:
        """Where it listens, or did."""
        return self._place.host

    @property
    def port(self) -> int:
        """Where it listens, or did; 0 before."""
        return self._place.port

    # -- control ----------------------------------------------------------------------------------

    async def listen(self, host: str = "", port: int = 0) -> None:
        """Listen (again); without arguments where it listened before, or on a free loopback port."""
        if self._server is not None:
            return
        wanted = (host or self.host, port or self.port)
        if wanted != (self.host, self.port):
            self._place.release()
            self._place = HeldPort(*wanted)
        self._place.take()
        self._server = await asyncio.start_server(
            self._accept, self.host, self.port, ssl=self.near, limit=_PIECE_BYTES
        )

    async def refuse(self) -> None:
        """Stop listening, so that connecting is refused, and end every line by a reset."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()

    def order(self, line: str) -> None:
        """Order a fault as a line of a script. Raises ValueError."""
        self.plan.add(parse_order(line))

    def arm(self, fault: Fault, count: int = 1, match: str = "") -> None:
        """Order a fault for the next `count` exchanges whose request has `match` in it."""
        self.plan.add(Order(fault, count, match))

    def cut(self) -> None:
        """End every line by a reset, whatever it is doing."""
        for line in self._lines.values():
            line.reset()

    async def close(self) -> None:
        """Stop listening and end every line."""
        if self._returning is not None:
            self._returning.cancel()
        await self.refuse()
        self._place.release()
        for task in tuple(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def __aenter__(self) -> "ChaosProxy":
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- inside -----------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            _drop(writer)  # its handshake ended after we had stopped listening
            return
        self.connections += 1
        line = _Line(self, self.connections, reader, writer)
        task = asyncio.get_running_loop().create_task(self._serve(line), name=f"chaos {self.connections}")
        self._lines[task] = line
        task.add_done_callback(self._lines.pop)

    async def _serve(self, line: "_Line") -> None:
        try:
            await line.run(self._target, self.far)
        except (OSError, _LineEnds):
            line.reset()  # the target is away, or one side went: the caller sees a line that ends
        finally:
            await line.close()

    def begin(self) -> _Exchange:
        """The next exchange."""
        self.exchanges += 1
        return _Exchange(self.exchanges)

    def note(self, exchange: _Exchange, connection: int, fault: Fault) -> None:
        """A fault has met an exchange."""
        fired = Fired(exchange.number, connection, fault)
        self.fired.append(fired)
        if self._tell_of is not None:
            self._tell_of(fired)

    async def sleep(self, seconds: float) -> None:
        """Wait by the clock that was handed in."""
        await self._sleep(seconds)

    async def swap(self, own: bytes) -> bytes:
        """Give an answer away and get the one of the other exchange that swaps; waits for it."""
        other = self._waiting_swap
        if other is not None and not other.done():
            self._waiting_swap = None
            theirs, self._swapped = self._swapped, b""
            other.set_result(own)
            return theirs
        self._swapped = own
        self._waiting_swap = asyncio.get_running_loop().create_future()
        return await self._waiting_swap

    async def be_away(self, seconds: float) -> None:
        """Refuse everybody for a while."""
        await self.refuse()
        self._returning = asyncio.ensure_future(self._return(seconds))

    async def _return(self, seconds: float) -> None:
        await self._sleep(seconds)
        await self.listen()


class _Line:
    """One caller's connection with its connection to the target."""

    def __init__(
        self, proxy: ChaosProxy, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._number = number
        self._near_in = reader
        self._near_out = writer
        self._far_out: asyncio.StreamWriter | None = None
        self._exchange: _Exchange | None = None

    async def run(self, target: tuple[str, int], far: ssl.SSLContext | None) -> None:
        """Pass on until one side ends the line or a fault does."""
        host, port = target
        far_in, self._far_out = await asyncio.open_connection(
            host, port, ssl=far, server_hostname=host if far else None, limit=_PIECE_BYTES
        )
        for writer in (self._near_out, self._far_out):
            # drain() then waits until the kernel has taken everything: "n bytes, then the end" means n bytes.
            # (Under TLS a limit of 0 would count an empty buffer as full.)
            is_tls = writer.get_extra_info("ssl_object") is not None
            writer.transport.set_write_buffer_limits(high=1 if is_tls else 0, low=0)
        ways = {
            asyncio.ensure_future(self._pass_requests(self._far_out)),
            asyncio.ensure_future(self._pass_answers(far_in)),
        }
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def reset(self) -> None:
        """End both connections by a reset; bytes on their way may be lost."""
        for writer in self._writers():
            line = writer.get_extra_info("socket")
            if line is not None:  # None: closed already
                with contextlib.suppress(OSError):
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            _drop(writer)

    async def close(self) -> None:
        """Close both connections."""
        for writer in self._writers():
            writer.close()
        for writer in self._writers():
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _writers(self) -> tuple[asyncio.StreamWriter, ...]:
        return (self._near_out,) if self._far_out is None else (self._near_out, self._far_out)

    # -- requests ---------------------------------------------------------------------------------

    async def _pass_requests(self, far_out: asyncio.StreamWriter) -> None:
        while piece := await self._near_in.read(_PIECE_BYTES):
            exchange = self._exchange
            if exchange is None or exchange.answered:
                exchange = self._exchange = self._proxy.begin()
            exchange.held += piece
            if not exchange.is_decided and not await self._decide(exchange):
                continue
            held, exchange.held = exchange.held, b""
            await self._send(exchange, held, far_out)

    async def _decide(self, exchange: _Exchange) -> bool:
        """Choose the exchange's fault; False while more of the request must be seen for that."""
        plan = self._proxy.plan
        if plan.must_see_request and not _is_whole(exchange.held):
            return False
        exchange.fault, exchange.is_decided = plan.take(exchange.held), True
        if exchange.fault is not None:
            self._proxy.note(exchange, self._number, exchange.fault)
        if isinstance(exchange.fault, DelayRequest):
            await self._proxy.sleep(exchange.fault.seconds)
        return True

    async def _send(self, exchange: _Exchange, piece: bytes, far_out: asyncio.StreamWriter) -> None:
        match exchange.fault:
            case CutRequest(at, reset):
                piece, ends = piece[: at - exchange.sent], exchange.sent + len(piece) >= at
                await self._give(exchange, piece, far_out)
                if ends:
                    await self._end(reset=reset)
            case Replace(what, before=True):
                exchange.answered = 1
                await self._replace(what)
            case _:
                await self._give(exchange, piece, far_out)

    async def _give(self, exchange: _Exchange, piece: bytes, far_out: asyncio.StreamWriter) -> None:
        exchange.sent += len(piece)
        self._proxy.request_bytes += len(piece)
        far_out.write(piece)
        await far_out.drain()

    # -- answers ----------------------------------------------------------------------------------

    async def _pass_answers(self, far_in: asyncio.StreamReader) -> None:
        while piece := await far_in.read(_PIECE_BYTES):
            await self._answer(self._exchange or self._proxy.begin(), piece)
        exchange = self._exchange
        if exchange is not None and exchange.answer:
            await self._whole_answer(exchange)
        if exchange is not None and isinstance(exchange.fault, Stall):
            await asyncio.get_running_loop().create_future()  # until the caller goes away

    async def _answer(self, exchange: _Exchange, piece: bytes) -> None:
        before = exchange.answered
        exchange.answered += len(piece)
        match exchange.fault:
            case CutAnswer(at, reset):
                await self._tell(piece[: max(at - before, 0)])
                if exchange.answered >= at:
                    await self._end(reset=reset)
            case Stall(at):
                await self._tell(piece[: max(at - before, 0)])
            case DelayAnswer(seconds):
                if not before:
                    await self._proxy.sleep(seconds)
                await self._tell(piece)
            case Trickle(every_s, size):
                for start in range(0, len(piece), size):
                    await self._tell(piece[start : start + size])
                    await self._proxy.sleep(every_s)
            case Replace(what):
                await self._replace(what)
            case DuplicateAnswer() | Swap() | Refuse():
                exchange.answer += piece
                if _is_whole(exchange.answer):
                    await self._whole_answer(exchange)
            case _:
                await self._tell(piece)

    async def _whole_answer(self, exchange: _Exchange) -> None:
        whole, exchange.answer = exchange.answer, b""
        match exchange.fault:
            case DuplicateAnswer():
                await self._tell(whole + whole)
            case Swap():
                await self._tell(await self._proxy.swap(whole))
            case Refuse(seconds):
                await self._tell(whole)
                await self._proxy.be_away(seconds)

    async def _replace(self, what: str) -> None:
        for piece in answer(what):
            await self._tell(piece)
            await asyncio.sleep(0)  # some pieces take a while to make and are empty
        await self._end(reset=False)

    async def _tell(self, piece: bytes) -> None:
        if piece:
            self._proxy.answer_bytes += len(piece)
            self._near_out.write(piece)
            await self._near_out.drain()

    async def _end(self, *, reset: bool) -> None:
        """End the line here: by a reset, or in order, after what was written."""
        if reset:
            raise _LineEnds
        await self.close()
        raise _LineEnds


def _drop(writer: asyncio.StreamWriter) -> None:
    """Close without waiting for what is not sent yet."""
    writer.transport.abort()
    writer.close()  # under TLS an aborted transport does not count as closed by itself


def _is_whole(message: bytes) -> bool:
    """Whether an HTTP message with a `Content-Length` is here to its last byte; other bytes are never whole."""
    head, separator, body = message.partition(b"\r\n\r\n")
    found = _LENGTH.search(head + b"\r\n")
    return bool(separator) and len(body) >= (int(found[1]) if found else 0)
