"""Numbered migrations of the journal: how a file of an older schema becomes one of this program's schema.

`schema.py` says what a new file looks like; each migration here says how a file of the schema before it gets there. A
test proves that both ways end in the same tables.

A migration that has been released never changes again: files that went through it are out there. Whoever changes
`schema.py` adds a migration of the next number. So a migration repeats the text of its tables and triggers on purpose,
instead of taking it from `schema.py`, whose text goes on changing.

A migration is a list of steps. Plain text is SQL and may hold several statements (new tables, new columns at the end
of a table, triggers and indexes dropped and made again). `Reword` changes words inside a table's stored definition, for
the lists in CHECK constraints: no row is copied, so it takes no longer with 500,000 settlements than with one. The
allowed transitions are no step: they are written anew from the program's table at the end of every migration.

How a file is migrated: checked, copied beside itself by SQLite's online backup, then changed under a rollback journal
with synchronous=EXTRA in one transaction that also holds the new schema number and an audit record, and checked again
before the commit. A power cut leaves the old journal or the new one, never a mixture. The copy is removed at the next
good start after that, and in a service that goes on running after `COPY_KEPT`; until then it is the way back to the
older program (docs/operations.md says how).

A journal of a newer program is refused, unless that program has noted (`meta.readable_from`) that this one may use it:
its migrations only added things. So a program can be put back by one version with doubts still open (fault F72).
"""

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import apsw
import msgspec

from protocols.wire_time import WIRE_ZONE, format_time, parse_time
from terminal.journal.audit_chain import append_record
from terminal.journal.files import exists, remove
from terminal.journal.migration_3 import SUBMISSIONS
from terminal.journal.records import JournalFailed
from terminal.journal.schema import CREATE, RULES, SCHEMA_VERSION


class Reword(msgspec.Struct, frozen=True):
    """Replace words in the definition of a table; they must stand there exactly once.

    Only for what rows already stored keep to, such as one more value in a list of allowed states.
    """

    table: str
    old: str
    new: str


class Migration(msgspec.Struct, frozen=True):
    """From schema `number - 1` to schema `number`."""

    number: int
    title: str
    steps: tuple[str | Reword, ...]
    readable_from: int = 0
    """Oldest schema whose program can still use the file afterwards; 0 = this one's own number. A migration that only adds
    tables, triggers that ask for nothing new, and columns that may be empty keeps the value of the one before it."""


_DAY_KEYS: Final = """
CREATE TABLE day_key (
    day TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('identity', 'evidence')),
    wrapped BLOB,
    made_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (day, purpose),
    CHECK ((wrapped IS NULL) = (deleted_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER day_key_is_written_once BEFORE UPDATE ON day_key
BEGIN SELECT RAISE(ABORT, 'a day key never changes'); END;

ALTER TABLE settlement ADD COLUMN identity BLOB;

DROP TRIGGER attempt_bytes_are_fixed;
CREATE TRIGGER attempt_bytes_are_fixed BEFORE UPDATE OF msgid, settlement, purpose, infno, key_id, request, request_sm3 ON attempt
WHEN NOT (NEW.request = x'' AND NEW.msgid = OLD.msgid AND NEW.settlement = OLD.settlement AND NEW.purpose = OLD.purpose
          AND NEW.infno = OLD.infno AND NEW.key_id = OLD.key_id AND NEW.request_sm3 = OLD.request_sm3
          AND EXISTS (SELECT 1 FROM settlement, day_key WHERE settlement.id = OLD.settlement
                      AND day_key.day = settlement.business_date AND day_key.purpose = 'evidence'
                      AND day_key.deleted_at IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'sent bytes never change'); END;
"""

_GUARDS: Final = """
CREATE TRIGGER attempt_moves_by_rule BEFORE UPDATE OF state ON attempt
WHEN NEW.state <> OLD.state AND OLD.state <> 'SENT' AND NOT (OLD.state = 'UNSENT' AND NEW.state = 'SENT')
BEGIN SELECT RAISE(ABORT, 'the outcome of an attempt never changes'); END;

CREATE TRIGGER attempt_begins_as_sent BEFORE INSERT ON attempt WHEN NEW.state <> 'SENT'
BEGIN SELECT RAISE(ABORT, 'an attempt begins before its outcome'); END;

CREATE TRIGGER only_what_is_open_is_queued BEFORE INSERT ON reversal_queue
WHEN EXISTS (SELECT 1 FROM settlement WHERE id = NEW.settlement
             AND (state IN ('DRAFT', 'PRICED', 'ARMED')
                  OR (flow <> 'clinic_visit' AND (state IN ('DELIVERED', 'CLOSED') OR (state = 'CONFIRMED' AND quarantine = 0)))))
BEGIN SELECT RAISE(ABORT, 'nothing is open in this settlement'); END;

CREATE TRIGGER receipt_moves_by_rule BEFORE UPDATE OF state ON receipt
WHEN NEW.state <> OLD.state
 AND NOT ((OLD.state = 'waiting' AND NEW.state IN ('printing', 'unknown'))
          OR (OLD.state = 'printing' AND NEW.state IN ('waiting', 'printed', 'printed_unverified', 'unknown')))
BEGIN SELECT RAISE(ABORT, 'a slip does not go this way'); END;

CREATE TRIGGER receipt_begins_waiting BEFORE INSERT ON receipt WHEN NEW.state <> 'waiting'
BEGIN SELECT RAISE(ABORT, 'a slip is owed before it is printed'); END;

CREATE TRIGGER receipt_is_kept BEFORE DELETE ON receipt
BEGIN SELECT RAISE(ABORT, 'slips are never forgotten'); END;

CREATE TRIGGER receipt_identity_is_fixed BEFORE UPDATE OF id, settlement, kind, copy_number ON receipt
BEGIN SELECT RAISE(ABORT, 'a slip stays what it is'); END;
"""

_ANCHORS: Final = """
CREATE TABLE anchor (
    sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
    head BLOB NOT NULL CHECK (length(head) = 32),
    made_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
CREATE TRIGGER anchor_is_written_once BEFORE UPDATE ON anchor BEGIN SELECT RAISE(ABORT, 'anchors are never changed'); END;
CREATE TRIGGER anchor_is_kept BEFORE DELETE ON anchor BEGIN SELECT RAISE(ABORT, 'anchors are never removed'); END;
"""

MIGRATIONS: Final = (
    Migration(
        2,
        "day keys, anchors; guards of attempts, queue and slips",
        (_DAY_KEYS, _ANCHORS, _GUARDS),
    ),
    Migration(
        3,
        "submissions: messages that change the hub outside a settlement",
        (SUBMISSIONS,),
        readable_from=2,
    ),
)
"""In order, without a gap. Migration 2 holds everything that came with schema 2."""

OLDEST: Final = 1
"""The oldest schema that can be migrated."""
SPARE_BYTES: Final = 16 * 1024 * 1024
"""Room wanted on the disk for a migration, besides a copy of the journal."""
COPY_KEPT: Final = dt.timedelta(days=3)
"""How long a running service keeps the copy of the older journal: everything in it opens under the field key alone, so it
must not outlive what is deleted at the end of its term."""
_MIGRATED_AT: Final = "migrated_at"


def copy_path(path: str, schema: int) -> str:
    """Where the copy of the journal of an older schema lies while it is kept."""
    return f"{path}.schema-{schema}"


def readable_from(migrations: tuple[Migration, ...] = MIGRATIONS) -> int:
    """The oldest schema whose program can use a journal of the newest of these migrations."""
    newest = migrations[-1]
    return newest.readable_from or newest.number


def refuse_newer(connection: apsw.Connection) -> None:
    """Refuse a journal that a newer program has written in a way this one cannot use; raises `JournalFailed`."""
    found = int(str(connection.pragma("user_version")))
    if found <= SCHEMA_VERSION:
        return
    note = connection.execute("SELECT value FROM meta WHERE name = 'readable_from'").fetchone()
    if note is None or int(str(note[0])) > SCHEMA_VERSION:
        raise JournalFailed(
            f"journal has schema {found}, this program knows {SCHEMA_VERSION}",
            "journal_newer",
            found=str(found),
            known=str(SCHEMA_VERSION),
        )


def migrate_if_old(
    connection: apsw.Connection,
    path: str,
    vfs: str | None,
    boot_id: str,
    now: dt.datetime,
    migrations: tuple[Migration, ...] = MIGRATIONS,
) -> None:
    """Bring the journal at `path`, open in `connection`, to the schema of the last migration; nothing happens when it has it.

    Raises `JournalFailed` (not enough room, damaged file, a schema that cannot be migrated) and apsw.Error; in each case
    the old journal stands as it was.
    """
    target = migrations[-1].number
    found = int(str(connection.pragma("user_version")))
    if found == target:
        _forget_copies(connection, path, vfs, target)
    if found >= target:
        return
    if found < OLDEST:
        raise _not_migrated(f"journal has schema {found}, which cannot be migrated", "schema")
    _require_room(path, vfs, copy_path(path, found))
    _require_whole(connection, "before its migration")
    connection.pragma("synchronous", 3)
    with _alone():
        # The rollback journal takes over here: what stood in the write-ahead log is now in the file itself.
        if connection.pragma("journal_mode", "delete") != "delete":
            raise JournalFailed("somebody else has the journal open", "journal_busy")
    _copy(connection, copy_path(path, found), vfs)
    with _alone():
        connection.execute("BEGIN EXCLUSIVE")
    try:
        for migration in migrations[found - OLDEST :]:
            _apply(connection, migration)
        _finish(connection, found, migrations, boot_id, now)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrated_copy(source: apsw.Connection) -> apsw.Connection:
    """Return a copy of an older journal, of this program's schema, for looking at; the file stays as it is.

    The copy has no name: SQLite keeps it in memory as far as its cache goes, the rest in a temporary file that is gone with the
    connection (years of trade are gigabytes). Raises `JournalFailed` when it cannot be migrated.
    """
    copy = apsw.Connection("")
    try:
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step()
        found = int(str(copy.pragma("user_version")))
        if found < OLDEST:
            raise _not_migrated(f"journal has schema {found}, which cannot be migrated", "schema")
        for migration in MIGRATIONS[found - OLDEST :]:
            _apply(copy, migration)
        _write_rules(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _write_rules(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM transition_rule")
    connection.executemany("INSERT INTO transition_rule VALUES (?, ?)", RULES)


def _apply(connection: apsw.Connection, migration: Migration) -> None:
    for step in migration.steps:
        if isinstance(step, str):
            connection.execute(step).fetchall()
        else:
            _reword(connection, step)


def _reword(connection: apsw.Connection, step: Reword) -> None:
    """Change the stored text of a table; SQLite reads it anew because the schema's own number goes up."""
    query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    row = connection.execute(query, (step.table,)).fetchone()
    text = "" if row is None else str(row[0])
    if text.count(step.old) != 1:
        raise _not_migrated(f"table {step.table} is not as it was made", "changed")
    number = int(str(connection.pragma("schema_version")))
    connection.pragma("writable_schema", 1)
    try:
        connection.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
            (text.replace(step.old, step.new), step.table),
        )
        connection.pragma("schema_version", number + 1)
    finally:
        connection.pragma("writable_schema", 0)


def _finish(
    connection: apsw.Connection, found: int, migrations: tuple[Migration, ...], boot_id: str, now: dt.datetime
) -> None:
    target = migrations[-1].number
    _write_rules(connection)
    note_readable_from(connection, readable_from(migrations))
    _note(connection, _MIGRATED_AT, format_time(now))
    append_record(
        connection, {"action": "migrate", "actor": "start", "old": str(found), "new": str(target)}, boot_id, now.astimezone(WIRE_ZONE)
    )  # fmt: skip
    connection.pragma("user_version", target)
    _require_whole(connection, "after its migration")
    if target == SCHEMA_VERSION and schema_of(connection) != fresh_schema():
        raise _not_migrated("the migrated tables are not those of this program", "changed")


def note_readable_from(connection: apsw.Connection, schema: int) -> None:
    """Note the oldest schema whose program may use this file."""
    _note(connection, "readable_from", str(schema))


def _note(connection: apsw.Connection, name: str, value: str) -> None:
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )  # fmt: skip


def schema_of(connection: apsw.Connection) -> dict[str, str]:
    """Every table, index and trigger with its definition, white space evened out (a migrated table has other spaces)."""
    return {
        str(name): _even(str(sql))
        for name, sql in connection.execute(
            "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
        )
    }


@cache
def fresh_schema() -> Mapping[str, str]:
    """The same for a journal made new by this program; worked out once."""
    fresh = apsw.Connection(":memory:")
    try:
        fresh.execute(CREATE).fetchall()
        return MappingProxyType(schema_of(fresh))
    finally:
        fresh.close()


@lru_cache(maxsize=128)
def _even(sql: str) -> str:
    for sign in "(),":
        sql = f" {sign} ".join(sql.split(sign))
    return " ".join(sql.split())


def _require_whole(connection: apsw.Connection, when: str) -> None:
    lines = [str(line) for (line,) in connection.execute("PRAGMA quick_check")]
    if lines != ["ok"]:
        raise _not_migrated(f"the journal is damaged {when}: {lines[0]}", "damaged")


def _not_migrated(reason: str, why: str) -> JournalFailed:
    """`why` is a word of the catalogue: `not_migrated_` and this."""
    return JournalFailed(reason, "journal_not_migrated", why=why)


@contextmanager
def _alone() -> Iterator[None]:
    """Somebody who reads the journal meanwhile is told apart from a broken disk: nothing is wrong, it only has to wait."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as busy:
        raise JournalFailed("somebody else has the journal open", "journal_busy") from busy


def _require_room(path: str, vfs: str | None, copy: str) -> None:
    """A copy and the change itself must fit; only a real disk can be asked.

    A copy that an interrupted start has left is counted as free, for the new one takes its place. It is not removed for
    that yet: should the journal turn out to be damaged, it may be needed.
    """
    if vfs is not None or not Path(path).exists():
        return
    size = sum(file.stat().st_size for file in (Path(path), Path(f"{path}-wal")) if file.exists())
    left_over = sum(file.stat().st_size for file in (Path(copy), Path(f"{copy}-journal")) if file.exists())
    free = shutil.disk_usage(Path(path).absolute().parent).free + left_over
    wanted = 2 * size + SPARE_BYTES
    if free < wanted:
        megabytes = -(-(wanted - free) // 1_000_000)
        raise JournalFailed(
            f"not enough room to migrate the journal: {megabytes} MB more",
            "journal_no_room",
            megabytes=str(megabytes),
        )


def _copy(connection: apsw.Connection, target: str, vfs: str | None) -> None:
    """Copy the old journal beside itself, whole and synced, before anything in it changes."""
    remove(target, vfs)  # what an interrupted start has left
    copy = apsw.Connection(target, vfs=vfs)
    try:
        copy.pragma("synchronous", 3)
        with copy.backup("main", connection, "main") as backup:
            while not backup.done:
                backup.step()
        _require_whole(copy, "in its copy")
    finally:
        copy.close()


def _forget_copies(connection: apsw.Connection, path: str, vfs: str | None, target: int) -> None:
    """The start after a migration: the new journal has been used, the copies of older ones go.

    The start that migrates never comes here, so the copy stays at least until the one after it.
    """
    older = _copies(path, vfs, target)
    if not older:
        return
    _require_whole(connection, "after its migration")
    for copy in older:
        remove(copy, vfs)


def forget_copies_past_their_time(connection: apsw.Connection, now: dt.datetime) -> bool:
    """Remove the copies of older schemas beside the journal in use, once `COPY_KEPT` has passed since its migration.

    Returns False while one is left, because it is younger or cannot be removed.
    """
    path, vfs = connection.filename, connection.open_vfs
    older = _copies(path, vfs, SCHEMA_VERSION)
    if not older:
        return True
    note = connection.execute("SELECT value FROM meta WHERE name = ?", (_MIGRATED_AT,)).fetchone()
    if note is not None and now < parse_time(str(note[0])) + COPY_KEPT:
        return False
    try:
        for copy in older:
            remove(copy, vfs)
    except apsw.Error:
        return False
    return True


def _copies(path: str, vfs: str | None, target: int) -> list[str]:
    named = [copy_path(path, schema) for schema in range(OLDEST, target)]
    return [copy for copy in named if exists(copy, vfs)]
