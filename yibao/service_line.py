"""One request to the service at a time, and what can become of it: an answer, a refusal, nothing sent, or nobody knows.

CounterError            `code`, and what to do in Chinese (`zh`) and English (`en`)
├── ServiceNotRunning   nothing listens on the socket; nothing was sent
├── CounterProblem      the service has answered and says no; `status` is the HTTP status
└── NoAnswer            the request may have been taken; ask for the state of `settlement_id`
"""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from yibao.words import Words, say

Wanted = TypeVar("Wanted")
_BASE: Final = "http://counter"
_MAX_LINE_BYTES: Final = 1024 * 1024


class CounterError(Exception):
    """Something a person can be told; `words` says it in both languages."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words

    @property
    def code(self) -> str:
        """Machine word."""
        return self.words.code

    @property
    def zh(self) -> str:
        """Chinese text."""
        return self.words.zh

    @property
    def en(self) -> str:
        """English text."""
        return self.words.en


class ServiceNotRunning(CounterError):
    """Nobody answers on the socket; nothing was sent."""


class CounterProblem(CounterError):
    """The service refuses; what that means for the sale stands in the text."""

    def __init__(self, words: Words, status: int, settlement_id: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.settlement_id = settlement_id


class NoAnswer(CounterError):
    """The service went away or stayed silent; it may have taken the request. Ask for the state, do not repeat."""

    def __init__(self, settlement_id: str = "") -> None:
        super().__init__(say("no_answer", what=settlement_id or "-"))
        self.settlement_id = settlement_id


class _Problem(msgspec.Struct, frozen=True):
    """The service's own form of an error."""

    code: str
    zh: str
    en: str
    settlement_id: str = ""


class ServiceLine:
    """The way to the service over its socket: `open` it inside a running loop, `close` it."""

    def __init__(self, socket_path: Path, name: str, answer_limit_s: float) -> None:
        self._socket_path = socket_path
        self._name = name
        self._answer_limit_s = answer_limit_s
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make ready; a connection is made per request: a dead service then shows when nothing has been sent yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._socket_path), force_close=True),
            timeout=aiohttp.ClientTimeout(total=self._answer_limit_s),
            headers={"X-Client": self._name},
        )

    async def close(self) -> None:
        """End what is open."""
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, wanted: type[Wanted], query: Mapping[str, str] | None = None) -> Wanted:
        """Ask; raises as `send`."""
        return await self.send("GET", path, None, wanted, query=query)

    async def send(
        self,
        method: str,
        path: str,
        body: object,
        wanted: type[Wanted],
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Wanted:
        """One request. Raises `ServiceNotRunning` (nothing sent), `NoAnswer` (unknown) or `CounterProblem` (no)."""
        sent: dict[str, Any] = {"headers": dict(headers or {}), "params": dict(query or {})}
        if body is not None:
            sent["data"] = msgspec.json.encode(body)
            sent["headers"]["Content-Type"] = "application/json"
        return msgspec.json.decode(await self.exchange(method, path, sent), type=wanted)

    async def exchange(self, method: str, path: str, sent: Mapping[str, Any]) -> bytes:
        """Send one request, `sent` as aiohttp takes it, and return the answer's bytes; raises as `send`."""
        try:
            async with self._opened().request(method, f"{_BASE}{path}", **sent) as answer:
                content, status = await answer.read(), answer.status
        except aiohttp.ClientConnectorError as error:
            raise self._not_running(error) from None
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            raise NoAnswer from None
        if status >= 400:
            raise _problem(status, content)
        return content

    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Every line of an answer that does not end by itself; ends when the service ends, or sends what is no line."""
        endless = aiohttp.ClientTimeout(total=None)
        try:
            async with self._opened().get(f"{_BASE}{path}", params=dict(query), timeout=endless) as answer:
                if answer.status != 200:
                    raise _problem(answer.status, await answer.read())
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
                    if len(rest) > _MAX_LINE_BYTES:
                        return
        except aiohttp.ClientConnectorError as error:
            raise self._not_running(error) from None
        except (aiohttp.ClientError, ConnectionError):
            return

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use CounterClient as an asynchronous context manager")
        return self._session

    def _not_running(self, error: aiohttp.ClientConnectorError) -> ServiceNotRunning:
        if isinstance(error.os_error, PermissionError):
            return ServiceNotRunning(say("socket_forbidden", path=str(self._socket_path)))
        return ServiceNotRunning(say("service_not_running", path=str(self._socket_path)))


def _problem(status: int, content: bytes) -> CounterProblem:
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.MsgspecError:
        return CounterProblem(say("service_error", status=str(status)), status)
    return CounterProblem(Words(problem.code, problem.zh, problem.en), status, problem.settlement_id)
