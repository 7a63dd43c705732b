"""How the commands speak: Chinese first, English second, JSON for programs."""

import json
import sys
from typing import Any, TextIO

from yibao.cli.streams import speaks_chinese
from yibao.words import Words


def tell(words: Words, stream: TextIO | None = None) -> None:
    """Print a message on two lines, Chinese first; English alone where Chinese cannot be printed."""
    where = stream or sys.stdout
    print(words.both() if speaks_chinese(where) else words.en, file=where, flush=True)


def tell_line(words: Words, stream: TextIO | None = None) -> None:
    """Print a message on one line."""
    where = stream or sys.stdout
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


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"
