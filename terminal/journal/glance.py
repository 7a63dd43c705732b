"""A quick look into a journal file from outside: what is open, what waits, how new it is. Never writes."""

import datetime as dt

import apsw
import msgspec

from terminal.journal.schema import KEYS_IN_USE, UNFINISHED
from terminal.journal.times import time_of

LOOKED_AT = 500
"""Settlements looked at for the newest change: all of them would be read from the disk, years of them."""


class Glance(msgspec.Struct, frozen=True):
    """What a journal holds that concerns people now."""

    doubts_since: tuple[dt.datetime, ...]
    """When each open doubt began, or a visit that still owes withdrawals was opened, oldest first."""
    slips_waiting: int
    newest: dt.datetime | None
    """Newest change of one of the newest settlements; None in an empty journal."""


def glance_at_journal(path: str) -> Glance:
    """Look at the journal at `path`, also beside a running service; raises `apsw.Error` when it cannot be read."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(1000)
        with connection:  # one snapshot
            doubts = connection.execute(
                f"SELECT COALESCE(doubt_since, opened_at) AS since FROM settlement WHERE id IN ({UNFINISHED})"
                " AND (doubt_since IS NOT NULL OR id IN (SELECT settlement FROM reversal_queue)) ORDER BY since"
            ).fetchall()
            ((waiting,),) = connection.execute(
                "SELECT COUNT(*) FROM receipt WHERE state IN ('waiting', 'printing')"
            ).fetchall()
            ((newest,),) = connection.execute(
                "SELECT MAX(changed_at) FROM (SELECT changed_at FROM settlement ORDER BY terminal_sequence DESC LIMIT ?)",
                (LOOKED_AT,),
            ).fetchall()
    finally:
        connection.close()
    return Glance(
        tuple(time_of(str(since)) for (since,) in doubts),
        int(str(waiting)),
        None if newest is None else time_of(str(newest)),
    )


def keys_in_use(path: str) -> set[str]:
    """See `AttemptTable.keys_in_use`; for a journal beside a running service. Raises `apsw.Error` when it cannot be read."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(1000)
        found = connection.execute(KEYS_IN_USE).fetchall()
    finally:
        connection.close()
    return {str(key_id) for (key_id,) in found}
