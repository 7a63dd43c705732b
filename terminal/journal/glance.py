"""A quick look into a journal file from outside: what is open, what waits, how new it is. Never writes."""

import datetime as dt

import apsw
import msgspec

from protocols.wire_time import WIRE_ZONE

_TIME = "%Y-%m-%d %H:%M:%S.%f"


class Glance(msgspec.Struct, frozen=True):
    """What a journal holds that concerns people now."""

    doubts_since: tuple[dt.datetime, ...]
    """When each open doubt began, oldest first."""
    slips_waiting: int
    newest: dt.datetime | None
    """Newest change of a settlement; None in an empty journal."""


def glance_at_journal(path: str) -> Glance:
    """Look at the journal at `path`, also beside a running service; raises `apsw.Error` when it cannot be read."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(1000)
        with connection:  # one snapshot
            doubts = connection.execute(
                "SELECT doubt_since FROM settlement WHERE doubt_since IS NOT NULL ORDER BY doubt_since"
            ).fetchall()
            ((waiting,),) = connection.execute(
                "SELECT COUNT(*) FROM receipt WHERE state IN ('waiting', 'printing')"
            ).fetchall()
            ((newest,),) = connection.execute("SELECT MAX(changed_at) FROM settlement").fetchall()
    finally:
        connection.close()
    return Glance(
        tuple(_time(str(since)) for (since,) in doubts),
        int(str(waiting)),
        None if newest is None else _time(str(newest)),
    )


def _time(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _TIME).replace(tzinfo=WIRE_ZONE)
