"""The checker's part for the CHECK constraints of the tables.

SQLite does not even read them of a file that it may only read, so `PRAGMA integrity_check` leaves them out there. Here each
table is asked for the rows that break one: in the words of this program's own schema, never in those of the file.
"""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import apsw

from terminal.journal.migrations import fresh_schema, schema_of
from terminal.journal.verify_submissions import Find

_BEGIN: Final = re.compile(r"\bCHECK \( ")
_TABLE: Final = "table "


@cache
def checks_of_tables() -> Mapping[str, tuple[str, ...]]:
    """The condition of every CHECK of this program's schema, by table, in order."""
    definitions = {name: sql for name, sql in fresh_schema().items() if name.startswith(_TABLE)}
    found = {name.removeprefix(_TABLE): tuple(_checks_in(sql)) for name, sql in definitions.items()}
    return MappingProxyType({table: checks for table, checks in found.items() if checks})


def _checks_in(definition: str) -> list[str]:
    """What stands between each `CHECK (` and the bracket that closes it; no text in the schema holds brackets."""
    return [_up_to_its_end(definition[begin.end() :]) for begin in _BEGIN.finditer(definition)]


def _up_to_its_end(text: str) -> str:
    depth = 1
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if not depth:
            return text[:place].strip()
    raise AssertionError("SQLite has taken this definition: its brackets are closed")


def find_broken_checks(connection: apsw.Connection, find: Find) -> None:
    """Name every row that breaks a CHECK, by the first column of its table, which is its key.

    Only in tables that are as this program makes them: another definition is a finding of its own, or a newer program's.
    """
    there, ours = schema_of(connection), fresh_schema()
    for table, checks in checks_of_tables().items():
        definition = ours[_TABLE + table]
        if there.get(_TABLE + table) == definition:
            _, _, columns = definition.partition(" ( ")
            _ask(connection, table, columns.split()[0], checks, find)


def _ask(connection: apsw.Connection, table: str, key: str, checks: tuple[str, ...], find: Find) -> None:
    """One pass over the table. As in a CHECK itself, a condition about nothing (NULL) is not broken."""
    holds = [f"({check})" for check in checks]
    query = f"SELECT {key}, {', '.join(holds)} FROM {table} WHERE NOT ({' AND '.join(holds)})"
    for name, *held in connection.execute(query):
        for check, holding in zip(checks, held, strict=True):
            if holding == 0:
                find("check", str(name), f"breaks CHECK ( {check} ) of {table}")
