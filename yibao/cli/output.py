"""How the commands speak: Chinese first, English second, JSON for programs."""

import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from yibao.cli.errors import CommandFailed
from yibao.cli.streams import speaks_chinese
from yibao.words import Words, say

_COMMANDING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of letters that command a terminal or turn text round (abuse case T33)."""


_GROUPS: Final = "card|clearing|evidence|filing|hub|journal|keys|prescription|stock|submissions"
_HINT: Final = re.compile(
    rf"yibao (?:(?:{_GROUPS}) |(?!(?:{_GROUPS}|sim|demo|rehearse)\b))[a-z]+(?:-[a-z]+)*", re.ASCII
)
"""A command that takes --counter, named in a message."""
_counter: ContextVar[Path | None] = ContextVar("_counter", default=None)


def name_counter(file: Path | None) -> None:
    """From now on the commands that messages name ask this counter; None = the one that stands here."""
    _counter.set(file)


def addressed(words: Words) -> Words:
    """The same words; the commands they name ask the counter that was named to this one, not the one that stands here."""
    file = _counter.get()
    if file is None:
        return words
    option = f" --counter {shlex.quote(str(file))}"
    return Words(
        words.code, *(_HINT.sub(lambda hint: hint[0] + option, text) for text in (words.zh, words.en))
    )


def tell(words: Words, stream: TextIO | None = None) -> None:
    """Print a message on two lines, Chinese first; English alone where Chinese cannot be printed."""
    where, words = stream or sys.stdout, addressed(words)
    print(words.both() if speaks_chinese(where) else words.en, file=where, flush=True)


def tell_line(words: Words, stream: TextIO | None = None) -> None:
    """Print a message on one line."""
    where, words = stream or sys.stdout, addressed(words)
    print(words.one_line() if speaks_chinese(where) else words.en, file=where, flush=True)


def label(chinese: str, english: str, stream: TextIO | None = None) -> str:
    """A label in both languages, for a table."""
    return f"{chinese} {english}" if speaks_chinese(stream or sys.stdout) else english


def print_json(value: Any, *, compact: bool = False) -> None:
    """Print a value as JSON; letters that the stream cannot carry are written as JSON escapes."""
    import msgspec

    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, ensure_ascii=not speaks_chinese(sys.stdout), indent=None if compact else 2)
    print(text, flush=True)


def without_controls(text: str) -> str:
    """Words from far as they may be shown: on one line, and nothing in them commands the terminal."""
    return "".join(letter for letter in text if unicodedata.category(letter) not in _COMMANDING)


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def write_picture(path: Path, picture: bytes) -> None:
    """Write a picture, over an older one too. Raises OSError that names the file."""
    try:
        path.write_bytes(picture)
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, str(path)) from failure


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner may read, on disk when the block ends; nothing is left of it when the block fails.

    Raises `CommandFailed` when there is one already (it is left alone), OSError that names the file.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CommandFailed(say("file_exists", path=str(path))) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as failure:
        with suppress(OSError):
            path.unlink()
        if isinstance(failure, OSError) and failure.filename is None:
            raise OSError(failure.errno, failure.strerror, str(path)) from failure
        raise
