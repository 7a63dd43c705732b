"""Is a server there, and how long does each part of reaching it take: name and TCP, TLS, one answer.

On a connection of its own, so that nobody else's is disturbed. The question is a GET of the path that takes only POST:
it carries no data, changes nothing, and every HTTP server answers it with something. What comes back is not
authenticated: it proves that a server answers, never whose.
"""

import asyncio
import datetime as dt
import email.utils
import errno
import socket
import ssl
import time
from contextlib import suppress
from typing import Final

import msgspec
from yarl import URL

from drivers.interfaces.reach import Reached

_MAX_HEAD_BYTES: Final = 16 * 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
_TLS_SCHEMES: Final = frozenset({"https", "mqtts"})
_HTTP_SCHEMES: Final = frozenset({"http", "https"})


async def reach(
    url: str, path: str = "/", *, tls: ssl.SSLContext | None = None, connect_limit_s: float = 5.0, answer_limit_s: float = 5.0
) -> Reached:  # fmt: skip
    """Connect to the server behind `url` and, for http and https, ask it one question. Never raises for the network.

    `tls` is the trust for https and mqtts; None = the machine's own authorities.
    """
    server = URL(url)
    scheme, host = server.scheme, server.host or ""
    port = server.explicit_port or _DEFAULT_PORTS.get(scheme, 0)
    found = Reached(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(connect_limit_s):
            reader, writer = await asyncio.open_connection(host, port, limit=_MAX_HEAD_BYTES)
    except TimeoutError:
        return msgspec.structs.replace(found, reason="connect_timeout")
    except OSError as failure:
        return msgspec.structs.replace(found, reason=_reason(failure))
    found = msgspec.structs.replace(found, connect_ms=_ms_since(began_s))
    try:
        return await _converse(
            found, reader, writer, server.join(URL(path)), tls, connect_limit_s, answer_limit_s
        )
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):  # we have our answer; how the line ends tells nothing more
            async with asyncio.timeout(1.0):
                await writer.wait_closed()


async def _converse(
    found: Reached,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: URL,
    tls: ssl.SSLContext | None,
    connect_limit_s: float,
    answer_limit_s: float,
) -> Reached:
    if target.scheme in _TLS_SCHEMES:
        began_s = time.monotonic()
        try:
            context = await asyncio.to_thread(ssl.create_default_context) if tls is None else tls
            async with asyncio.timeout(connect_limit_s):
                await writer.start_tls(context, server_hostname=target.host)
        except TimeoutError:
            return msgspec.structs.replace(found, reason="connect_timeout")
        except ssl.SSLCertVerificationError as untrusted:
            return msgspec.structs.replace(found, reason="tls", detail=untrusted.verify_message)
        except (ssl.SSLError, OSError) as failure:
            return msgspec.structs.replace(found, reason="tls", detail=getattr(failure, "reason", None) or "")
        found = msgspec.structs.replace(found, tls_ms=_ms_since(began_s))
    if target.scheme not in _HTTP_SCHEMES:
        return found
    return await _ask(found, reader, writer, target, answer_limit_s)


async def _ask(
    found: Reached, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: URL, limit_s: float
) -> Reached:
    began_s = time.monotonic()
    question = f"GET {target.raw_path or '/'} HTTP/1.1\r\nHost: {found.address}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(limit_s):
            writer.write(question.encode("ascii"))
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        return msgspec.structs.replace(found, reason="timeout")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return msgspec.structs.replace(found, reason="broken")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/") or not rest[:3].isdigit():
        return msgspec.structs.replace(found, reason="broken")
    return msgspec.structs.replace(
        found, answer_ms=_ms_since(began_s), status=int(rest[:3]), server_time=_date(lines)
    )


def _date(lines: list[str]) -> dt.datetime | None:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "date":
            try:
                return email.utils.parsedate_to_datetime(value.strip()).astimezone(dt.UTC)
            except (ValueError, TypeError):
                return None
    return None


def _reason(failure: OSError) -> str:
    if isinstance(failure, socket.gaierror):
        return "name"
    # Where a name has several addresses, the loop raises one error that quotes all of them.
    refused = isinstance(failure, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(failure)
    return "refused" if refused else "unreachable"


def _ms_since(began_s: float) -> float:
    return round((time.monotonic() - began_s) * 1000, 3)
