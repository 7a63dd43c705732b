"""One POST, one whole answer or an honest failure, over aiohttp.

The point of this file is the line between *not sent* and *no answer*: everything that fails before a connection
stands is proved not sent (no byte of the request was handed to the kernel); everything after that is unknown.
"""

import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
_IDLE_CONNECTION_S: Final = 10.0
"""Connections are kept for a sale's worth of messages only: an older one may have been closed by the far side."""


class HttpTransport:
    """Implements `HubTransport` towards one server. Create and use it on one event loop."""

    def __init__(
        self, base_url: str, tls: ssl.SSLContext | None = None, *, one_request_per_connection: bool = False
    ) -> None:
        """`tls` (see `drivers.http.tls`) is required for https; plain http is accepted to this machine only.

        `one_request_per_connection`: where no signature binds an answer to its request, the connection has to.
        """
        url = URL(base_url)
        if url.scheme not in ("http", "https"):
            raise ValueError("http or https")
        if url.scheme == "http" and url.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("plain http is allowed to this machine only")
        if url.scheme == "https" and tls is None:
            raise ValueError("https needs the issuing authority of the server")
        self._base = url
        self._tls = tls
        self._one_request = one_request_per_connection
        self._session: aiohttp.ClientSession | None = None
        self.last_server_timing_ms = 0.0
        """Time the far side says it spent on the last request (`Server-Timing: NAME;dur=`); for benchmarks only."""

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = self._tls if self._tls is not None else True
            connector = (
                aiohttp.TCPConnector(limit=8, force_close=True, ssl=tls)
                if self._one_request
                else aiohttp.TCPConnector(limit=8, keepalive_timeout=_IDLE_CONNECTION_S, ssl=tls)
            )
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"}, skip_auto_headers=("User-Agent",),
            )  # fmt: skip
        return self._session

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport.post`."""
        target = self._target(path)
        timeout = aiohttp.ClientTimeout(total=total_timeout_s, sock_connect=connect_timeout_s)
        try:
            async with self._open().post(
                target, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                whole = await self._read(response)
                self.last_server_timing_ms = _server_timing_ms(response.headers.get("Server-Timing", ""))
                return RawAnswer(response.status, whole, response.content_type)
        except aiohttp.ClientConnectorDNSError as failure:
            raise NotSent("name") from failure
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as failure:
            raise NotSent("tls") from failure
        except aiohttp.ClientConnectorError as failure:
            raise NotSent(_refusal(failure)) from failure
        except aiohttp.ConnectionTimeoutError as failure:
            raise NotSent("connect_timeout") from failure
        except TimeoutError as failure:
            raise NoAnswer("timeout") from failure
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as failure:
            raise NoAnswer("disconnected") from failure
        except (aiohttp.ClientError, ValueError) as failure:
            raise NoAnswer("broken") from failure

    def _target(self, path: str) -> URL:
        """Where a path is at our server; a text that leads to another one is not a path, and is never sent to."""
        try:
            target = self._base.join(URL(path))
            if target.origin() == self._base.origin():
                return target
        except ValueError:
            pass
        raise NotSent("no_path")

    @staticmethod
    async def _read(response: aiohttp.ClientResponse) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NoAnswer("broken")
        whole = bytearray()
        if (response.content_length or 0) > MAX_BODY_BYTES:
            raise NoAnswer("too_large")
        async for piece in response.content.iter_any():
            if len(whole) + len(piece) > MAX_BODY_BYTES:
                raise NoAnswer("too_large")
            whole += piece
        return bytes(whole)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _refusal(failure: aiohttp.ClientConnectorError) -> str:
    return "refused" if isinstance(failure.os_error, ConnectionRefusedError) else "unreachable"


def _server_timing_ms(header: str) -> float:
    value = header.partition(";dur=")[2]
    return float(value) if value.replace(".", "", 1).isdigit() else 0.0
