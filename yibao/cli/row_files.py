"""Rows as a shop writes them: a CSV with a line of field names, or a TOML file with `[[row]]` tables.

A spreadsheet program in China saves CSV as GB 18030; both it and UTF-8 are read. Cells are text: nothing is rounded.
"""

import csv
import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Final

from yibao.cli.common import bytes_of
from yibao.cli.errors import CommandFailed
from yibao.words import say

MOST_BYTES: Final = 900_000
"""Less than the local API takes in one request."""

Cell = str | list[str | dict[str, str]]


def read_rows(path: Path) -> list[dict[str, Cell]]:
    """Read the rows of a file; empty cells are left out.

    Raises `WrongUse` when it cannot be read, `CommandFailed` with file and reason when it holds no rows.
    """
    data = bytes_of(path)
    if len(data) > MOST_BYTES:
        raise _wrong(path, f"more than {MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise _wrong(path, "neither UTF-8 nor GB 18030") from None
    rows = _toml_rows(path, text) if path.suffix.lower() == ".toml" else _csv_rows(path, text)
    if not rows:
        raise _wrong(path, "no rows")
    return rows


def _csv_rows(path: Path, text: str) -> list[dict[str, Cell]]:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as wrong:
        raise _wrong(path, f"line {reader.line_num}: {wrong}") from None
    lines = [line for line in lines if any(line)]
    if not lines:
        return []
    heads, *rest = lines
    if len(set(heads)) != len(heads) or not all(heads):
        raise _wrong(path, "the first line must name every column once")
    for number, line in enumerate(rest, start=1):
        if len(line) != len(heads):
            raise _wrong(path, f"row {number}: {len(line)} cells under {len(heads)} names")
    return [{head: cell for head, cell in zip(heads, line, strict=True) if cell} for line in rest]


def _toml_rows(path: Path, text: str) -> list[dict[str, Cell]]:
    try:
        rows = tomllib.loads(text, parse_float=str).get("row", [])
    except tomllib.TOMLDecodeError as wrong:
        raise _wrong(path, str(wrong)) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _wrong(path, "write each row as a table [[row]]")
    return [
        {name: _cell(path, number, name, value) for name, value in row.items()}
        for number, row in enumerate(rows, start=1)
    ]


def _cell(path: Path, number: int, name: str, value: Any) -> Cell:
    if isinstance(value, list):
        return [_part(path, number, name, part) for part in value]
    part = _part(path, number, name, value)
    if isinstance(part, dict):
        raise _wrong(path, f"row {number}, {name}: a list of tables or a value")
    return part


def _part(path: Path, number: int, name: str, value: Any) -> str | dict[str, str]:
    match value:
        case bool():
            return "1" if value else "0"
        case str() | int():
            return str(value)
        case dt.datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case dt.date():
            return value.isoformat()
        case dict() if all(isinstance(one, str) for one in value.values()):
            return {str(key): str(one) for key, one in value.items()}
        case _:
            raise _wrong(path, f"row {number}, {name}: a text, a number or a date")


def _wrong(path: Path, reason: str) -> CommandFailed:
    return CommandFailed(say("file_wrong", reason=f"{path}: {reason}"))
