"""Opening the journal: the file created or migrated, its settings proved, one `Journal` on it.

Durability. The file is created and migrated under a rollback journal with synchronous=EXTRA, then reopened, switched
to WAL and used under synchronous=FULL; every pragma is read back. (A new file switched to WAL under FULL can lose its
first commits in a power cut: the rollback journal's removal is not synced. See docs/decisions/0005.) The engine must
be 3.51.3 or later, because of the WAL-reset bug before it. What an earlier process could not sync is written once more first.
"""

import datetime as dt
from collections.abc import Callable

import apsw

from terminal.journal.files import sync_log_again
from terminal.journal.journal import Journal
from terminal.journal.migrations import migrate_if_old, note_readable_from, readable_from, refuse_newer
from terminal.journal.records import JournalFailed
from terminal.journal.schema import CREATE, RULES, SCHEMA_VERSION
from terminal.journal.store import Store
from terminal.journal.times import text_of
from terminal.journal.vault import Vault

MINIMUM_ENGINE = (3, 51, 3)


def engine_is_safe() -> bool:
    """True when the SQLite engine in use is free of the WAL-reset bug (fixed in 3.51.3; 3.52.0 was withdrawn)."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    return version >= MINIMUM_ENGINE and version != (3, 52, 0)


def _require_pragma(connection: apsw.Connection, name: str, expected: object) -> None:
    found = connection.pragma(name)
    if found != expected:
        raise JournalFailed(f"pragma {name} is {found!r}, not {expected!r}")


def open_journal(
    path: str,
    vault: Vault,
    boot_id: str,
    floor: dt.datetime,
    vfs: str | None = None,
    check: Callable[[apsw.Connection], None] | None = None,
) -> Journal:
    """Create or open the journal at `path`, migrate an older one, and prove its settings.

    `floor` is the time now: the earliest second that message numbers of a new journal may carry. `vfs` names another VFS (power-cut
    tests). Raises `JournalFailed` with a reason when the file cannot be trusted or durability cannot be had.
    """
    if not engine_is_safe():
        raise JournalFailed(
            f"SQLite engine {apsw.sqlite_lib_version()} has the WAL-reset bug; 3.51.3 or later is needed"
        )
    try:
        sync_log_again(path, vfs)
        _make_ready(path, vfs, boot_id, floor)
        connection = _connect(path, vfs)
        try:
            _prepare(connection)
            if check is not None:
                check(connection)
            return Journal(Store(connection), vault, boot_id)
        except BaseException:
            connection.close()
            raise
    except apsw.Error as broken:
        raise JournalFailed(f"{type(broken).__name__}: {broken}") from broken


def _prepare(connection: apsw.Connection) -> None:
    """Check the schema, switch to WAL, and prove every setting that durability hangs on."""
    refuse_newer(connection)
    # The switch writes one page through a rollback journal. Under FULL the removal of that journal is not synced: after
    # a power cut it could come back and roll later commits away. EXTRA syncs the directory too.
    connection.pragma("synchronous", 3)
    if connection.pragma("journal_mode", "wal") != "wal":
        raise JournalFailed("write-ahead logging is not available on this file system")
    connection.pragma("synchronous", 2)
    connection.pragma("wal_autocheckpoint", 0)
    _require_pragma(connection, "synchronous", 2)
    _require_pragma(connection, "foreign_keys", 1)
    _require_pragma(connection, "trusted_schema", 0)
    _require_pragma(connection, "mmap_size", 0)


def _connect(path: str, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(path, vfs=vfs)
    connection.set_busy_timeout(0)
    connection.pragma("foreign_keys", 1)
    connection.pragma("trusted_schema", 0)
    connection.pragma("mmap_size", 0)
    return connection


def _make_ready(path: str, vfs: str | None, boot_id: str, now: dt.datetime) -> None:
    """See that the file has this program's tables, under a rollback journal: new, migrated, or as they are."""
    connection = _connect(path, vfs)
    try:
        if connection.pragma("user_version") == 0:
            _create(connection, now)
        else:
            migrate_if_old(connection, path, vfs, boot_id, now)
    finally:
        connection.close()


def _create(connection: apsw.Connection, floor: dt.datetime) -> None:
    """Create tables with EXTRA, in one transaction: old or new, never mixed."""
    connection.pragma("synchronous", 3)
    _require_pragma(connection, "synchronous", 3)
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute(CREATE).fetchall()
    connection.executemany("INSERT INTO transition_rule VALUES (?, ?)", RULES)
    connection.execute("INSERT INTO sequence VALUES ('settlement', 0)")
    whole_second = floor.replace(microsecond=0)
    connection.execute("INSERT INTO meta VALUES ('message_numbers_until', ?)", (text_of(whole_second),))
    note_readable_from(connection, readable_from())
    connection.pragma("user_version", SCHEMA_VERSION)
    connection.execute("COMMIT")
