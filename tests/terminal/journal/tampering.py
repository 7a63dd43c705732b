"""Tampering with the file of a journal, by somebody who knows what he does, and what the checker then finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec

from protocols.gm.sm3 import sm3
from terminal.journal.verify import Report, verify_journal
from tests.terminal.journal.samples import raw, vault

Tamper = Callable[[apsw.Connection], None]
CHANGED_ROW = "was changed outside the terminal, or another key is in use"


def found(report: Report) -> set[str]:
    """The kinds of findings."""
    return {finding.code for finding in report.findings}


def findings(path: Path, tamper: Tamper, *, key: bool = False) -> list[tuple[str, str, str]]:
    """What is found after somebody has been at the file."""
    stranger = raw(path)
    stranger.execute("PRAGMA foreign_keys = 0; PRAGMA ignore_check_constraints = 1").fetchall()
    tamper(stranger)
    stranger.close()
    report = verify_journal(str(path), vault() if key else None)
    return [(finding.code, finding.where, finding.text) for finding in report.findings]


def sql(statement: str, *guards: str) -> Tamper:
    """Do this with these triggers out of the way, and put them back."""

    def tamper(connection: apsw.Connection) -> None:
        made = []
        for guard in guards:
            made.append(
                connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (guard,)).fetchall()[0][0]
            )
            connection.execute(f"DROP TRIGGER {guard}")
        connection.execute(statement).fetchall()
        for text in made:
            connection.execute(str(text))

    return tamper


def untyped(table: str, change: str) -> Tamper:
    """Change a table as if its columns had no types, every trigger out of the way: what a damaged page can hold."""

    def define(connection: apsw.Connection, text: str) -> None:
        number = int(str(connection.pragma("schema_version")))
        connection.pragma("writable_schema", 1)
        connection.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (text, table)
        )
        connection.pragma("schema_version", number + 1)
        connection.pragma("writable_schema", 0)

    def tamper(connection: apsw.Connection) -> None:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'table')")
        found = {str(name): str(text) for name, text in rows}
        guards = [name for name, text in found.items() if text.startswith("CREATE TRIGGER")]
        define(connection, found[table].replace("STRICT", "").replace(" NOT NULL", ""))
        sql(f"UPDATE {table} SET {change}", *guards)(connection)
        define(connection, found[table])

    return tamper


def record(number: int, **changes: Any) -> Tamper:
    """Change the content of one audit record (or replace it by `whole`) and hash the chain anew behind it."""

    def tamper(connection: apsw.Connection) -> None:
        (guard,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_is_written_once'"
        ).fetchall()[0]
        connection.execute("DROP TRIGGER audit_is_written_once")
        previous = bytes(32)
        rows: list[Any] = connection.execute(
            "SELECT sequence, record FROM audit ORDER BY sequence"
        ).fetchall()
        for sequence, content in rows:
            text = bytes(content)
            if sequence == number:
                text = changes.get("whole") or msgspec.json.encode(msgspec.json.decode(text) | changes)
            digest = sm3(previous + text)
            connection.execute(
                "UPDATE audit SET previous = ?, hash = ?, record = ? WHERE sequence = ?",
                (previous, digest, text, sequence),
            )
            previous = digest
        connection.execute(str(guard))

    return tamper
