"""Answers that no hub ever gave: what gateways, portals and attackers put in its place."""

import zlib
from collections.abc import Iterator
from typing import Final

_PAGE: Final = (
    "<html><head><title>认证</title></head><body>请先登录无线网络 Please log in</body></html>".encode()
)
_HUGE_BYTES: Final = 100 * 1024 * 1024
_PIECE: Final = b"\0" * 65536


def answer(what: str) -> Iterator[bytes]:
    """The pieces of a replacement (see `REPLACEMENTS` in `simulators.chaos.faults`); whoever sends them may stop early."""
    match what:
        case "html":
            yield _head(len(_PAGE), "Content-Type: text/html;charset=utf-8") + _PAGE
        case "huge":
            yield _head(_HUGE_BYTES)
            yield from zeros(_HUGE_BYTES)
        case "endless":
            yield _head(None)
            yield from zeros(_HUGE_BYTES)
        case "gzip-bomb":
            yield _head(None, "Content-Encoding: gzip")
            yield from gzip_bomb(_HUGE_BYTES)
        case "charset":
            body = '{"infcode":-1,"err_msg":"余额不足"}'.encode("gb18030")
            yield _head(len(body), "Content-Type: application/json;charset=x-no-such-charset") + body
        case "garbage":
            yield b"\x16\x03\x03\xff\x00" + bytes(range(256)) * 4
        case "continue":
            for _ in range(1000):
                yield b"HTTP/1.1 100 Continue\r\n\r\n"
        case "empty":
            yield _head(0)
        case _:
            raise ValueError(f"no answer {what!r}")


def _head(length: int | None, *more: str) -> bytes:
    """The head of a good answer; without a length the body ends with the line."""
    lines = ["HTTP/1.1 200 OK", *more]
    if not any(line.startswith("Content-Type") for line in more):
        lines.append("Content-Type: application/json")
    lines.append("Connection: close" if length is None else f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def zeros(count: int) -> Iterator[bytes]:
    """`count` zero bytes, to the last whole piece of 64 KiB."""
    for _ in range(count // len(_PIECE)):
        yield _PIECE


def gzip_bomb(size: int) -> Iterator[bytes]:
    """`size` zero bytes as gzip: a thousandth of them on the wire."""
    packer = zlib.compressobj(9, wbits=31)
    for piece in zeros(size):
        yield packer.compress(piece)
    yield packer.flush()
