"""A quick look into a journal file from outside: what is open, what waits, how new it is. Never writes."""

import datetime as dt

import apsw
import msgspec

from protocols.wire_time import WIRE_ZONE
from terminal.journal.schema import NOT_OVER

LOOKED_AT = 500
"""Settlements looked at for the newest change: all of them would be read from the disk, years of them."""
_TIME = "%Y-%m-%d %H:%M:%S.%f"


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
                "SELECT COALESCE(doubt_since, opened_at) AS since FROM settlement WHERE id IN (SELECT id FROM settlement"
                f" INDEXED BY settlement_by_state WHERE {NOT_OVER} AND doubt_since IS NOT NULL"
                " UNION ALL SELECT settlement FROM reversal_queue) ORDER BY since"
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
        tuple(_time(str(since)) for (since,) in doubts),
        int(str(waiting)),
        None if newest is None else _time(str(newest)),
    )


def _time(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _TIME).replace(tzinfo=WIRE_ZONE)
