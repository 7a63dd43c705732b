"""The end of a term: day keys are deleted, and with them everything that was sealed under them (docs/decisions/0009).

A day's key goes when the term has passed since the last of the day's settlements and submissions came to its end, and
never while one of them is open, owes something to the hub, or waits for its slip. What stays for good: states, times, summed amounts,
pseudonyms, message ids and hashes, the audit chain. The deletion itself stands in that chain.

Deleted means: the table of keys is emptied and written anew without the key in one transaction, with SQLite told to
overwrite freed pages, and then the write-ahead log is moved into the file and cut to nothing. While somebody reads the
file the log cannot be cut; that is noted on disk and made up for.

Blobs of schema 1 are not sealed under day keys. At the end of their term they are overwritten instead: the sheet by one
without names, later by nothing, the messages by nothing. Where SQLite had moved such a row before, pieces of its old
place can stand in unused parts of pages until they are used again; only day keys promise more.

Deleting cannot be undone, and a clock can be wrong: one run deletes at most `MOST_DAYS` days of a purpose.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw
import msgspec

from protocols.wire_time import WIRE_ZONE
from terminal.core.states import FINAL
from terminal.journal.audit_chain import AuditLog
from terminal.journal.day_keys import DayKeys, Purpose, is_of_schema_1
from terminal.journal.migrations import forget_copies_past_their_time
from terminal.journal.records import Stamp
from terminal.journal.schema import SUBMISSION_OPEN
from terminal.journal.settlement_table import SettlementTable
from terminal.journal.store import Store
from terminal.journal.times import text_of, time_of

MOST_DAYS: Final = 31
"""Days of one purpose that one run deletes at most: a month to catch up with, and the damage of a wrong clock."""
ACTION: Final = "expire"
_PENDING: Final = "purge_pending"
_FIRST_DAY: Final = "COALESCE((SELECT MIN(business_date) FROM {table}{after}), '9999-12-31')"
_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL))


class Terms(msgspec.Struct, frozen=True):
    """How long after the end of a day's last settlement its keys are kept."""

    identity_days: int = 30
    """Names, identity numbers, dates of birth."""
    evidence_days: int = 730
    """Request and answer bytes, charge sheets, person numbers; not shorter than the other."""

    def of(self, purpose: Purpose) -> dt.timedelta:
        """The term of a purpose."""
        return dt.timedelta(days=self.identity_days if purpose is Purpose.IDENTITY else self.evidence_days)


class Due(msgspec.Struct, frozen=True):
    """A day whose key of a purpose is to be deleted."""

    day: dt.date
    purpose: Purpose


class Held(msgspec.Struct, frozen=True):
    """A day that would be due, but something of it is not over; `settlements` are the first few of them, submissions behind."""

    day: dt.date
    purpose: Purpose
    settlements: tuple[str, ...]


class Outlook(msgspec.Struct, frozen=True):
    """What is due now, oldest day first, and what is held back."""

    due: tuple[Due, ...]
    held: tuple[Held, ...]


class Expired(msgspec.Struct, frozen=True):
    """One key deleted."""

    day: dt.date
    purpose: Purpose
    settlements: int
    """How many settlements of that day can no longer be opened."""


class Retention:
    """The part of the journal that deletes; every deletion is one transaction of it, with its audit record."""

    def __init__(self, store: Store, audit: AuditLog, keys: DayKeys, settlements: SettlementTable) -> None:
        self._store = store
        self._audit = audit
        self._keys = keys
        self._settlements = settlements

    def outlook(self, terms: Terms, now: dt.datetime) -> Outlook:
        """Look what is due; changes nothing. Raises `JournalFailed`."""
        with self._store.guarded():
            return self._outlook(terms, now)

    def _outlook(self, terms: Terms, now: dt.datetime) -> Outlook:
        due: list[Due] = []
        held: list[Held] = []
        for purpose in Purpose:
            last = now.astimezone(WIRE_ZONE) - terms.of(purpose)
            for day in self._kept_days(purpose, last.date()):
                open_ = self._open_of(day)
                if open_:
                    held.append(Held(day, purpose, open_))
                elif self._ended(day) <= last:
                    due.append(Due(day, purpose))
        # Identity first: of a day that is due for both, names must not outlive the rest.
        limited = [
            one
            for purpose in Purpose
            for one in [due_ for due_ in due if due_.purpose is purpose][:MOST_DAYS]
        ]
        return Outlook(tuple(limited), tuple(held))

    def expire(self, due: Due, actor: str, stamp: Stamp) -> Expired | None:
        """Delete one day's key for ever; None when a settlement of that day has been taken up again since `outlook`."""
        with self._store.guarded():
            return self._expire(due, actor, stamp)

    def _expire(self, due: Due, actor: str, stamp: Stamp) -> Expired | None:
        if self._open_of(due.day):
            return None
        day, purpose = due.day.isoformat(), due.purpose
        with self._overwriting(), self._store.transaction():
            (count,) = self._store.execute(
                "SELECT COUNT(*) FROM settlement WHERE business_date = ?", (day,)
            ).fetchall()[0]
            self._blank_key(day, purpose, stamp)
            self._overwrite_schema_1(day, purpose)
            self._store.execute(
                "INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", (_PENDING,)
            )
            self._audit.append(
                {"action": ACTION, "actor": actor, "day": day, "purpose": purpose.value, "settlements": int(str(count))},
                stamp,
            )  # fmt: skip
        self._keys.forget()
        return Expired(due.day, purpose, int(str(count)))

    def purge(self, now: dt.datetime) -> bool:
        """Remove the last traces of what was deleted: cut the write-ahead log, forget the copy made before a migration.

        False (try again) while a reader is in the way of the cutting, or the copy is still kept as the way back.
        """
        with self._store.guarded():
            is_cut = self._cut_log()
            return forget_copies_past_their_time(self._store.connection, now) and is_cut

    def _cut_log(self) -> bool:
        if not self._store.execute("SELECT 1 FROM meta WHERE name = ?", (_PENDING,)).fetchall():
            return True
        with self._overwriting():
            try:
                self._store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except (apsw.BusyError, apsw.LockedError):
                return False
        with self._store.transaction():
            self._store.execute("DELETE FROM meta WHERE name = ?", (_PENDING,))
        return True

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _overwriting(self) -> Iterator[None]:
        self._store.connection.pragma("secure_delete", 1)
        try:
            yield
        finally:
            self._store.connection.pragma("secure_delete", 0)

    def _kept_days(self, purpose: Purpose, last: dt.date) -> list[dt.date]:
        """Business days up to `last` whose key of this purpose has not been deleted, oldest first.

        From one day to the next by the index: two years of sales are not read for it.
        """
        query = (
            "WITH RECURSIVE days (day) AS ("
            f"SELECT MIN({_FIRST_DAY.format(table='settlement', after='')}, {_FIRST_DAY.format(table='submission', after='')})"
            f" UNION ALL SELECT MIN({_FIRST_DAY.format(table='settlement', after=' WHERE business_date > day')},"
            f" {_FIRST_DAY.format(table='submission', after=' WHERE business_date > day')}) FROM days WHERE day <= ?1)"
            " SELECT day FROM days WHERE day <= ?1 AND NOT EXISTS (SELECT 1 FROM day_key WHERE day_key.day = days.day"
            " AND purpose = ?2 AND deleted_at IS NOT NULL) ORDER BY day"
        )
        rows = self._store.execute(query, (last.isoformat(), purpose.value))
        return [dt.date.fromisoformat(str(day)) for (day,) in rows]

    def _open_of(self, day: dt.date) -> tuple[str, ...]:
        rows = self._store.execute(
            f"SELECT id FROM settlement WHERE business_date = ? AND (state NOT IN ({_FINAL})"
            " OR id IN (SELECT settlement FROM reversal_queue)"
            " OR id IN (SELECT settlement FROM receipt WHERE state IN ('waiting', 'printing'))) ORDER BY terminal_sequence LIMIT 5",
            (day.isoformat(),),
        )
        open_ = [str(name) for (name,) in rows]
        rows = self._store.execute(
            f"SELECT id FROM submission WHERE business_date = ? AND {SUBMISSION_OPEN} ORDER BY sequence LIMIT 5",
            (day.isoformat(),),
        )
        return (*open_, *(str(name) for (name,) in rows))

    def _ended(self, day: dt.date) -> dt.datetime:
        query = (
            "SELECT MAX(newest) FROM (SELECT MAX(changed_at) AS newest FROM settlement WHERE business_date = ?1"
            " UNION ALL SELECT MAX(changed_at) FROM submission WHERE business_date = ?1)"
        )
        ((newest,),) = self._store.execute(query, (day.isoformat(),)).fetchall()
        return time_of(str(newest))

    def _blank_key(self, day: str, purpose: Purpose, stamp: Stamp) -> None:
        """Empty the table and write it anew: all its pages are freed and overwritten, so no page keeps an old cell."""
        now = text_of(stamp.wall)
        rows = {
            (str(row[0]), str(row[1])): row
            for row in self._store.execute(
                "SELECT day, purpose, wrapped, made_at, deleted_at FROM day_key"
            ).fetchall()
        }
        made_at = str(rows[day, purpose.value][3]) if (day, purpose.value) in rows else now
        rows[day, purpose.value] = (day, purpose.value, None, made_at, now)
        self._store.execute("DELETE FROM day_key")
        self._store.connection.executemany(
            "INSERT INTO day_key (day, purpose, wrapped, made_at, deleted_at) VALUES (?, ?, ?, ?, ?)",
            [rows[name] for name in sorted(rows)],
        )

    def _overwrite_schema_1(self, day: str, purpose: Purpose) -> None:
        sheets = self._store.execute(
            "SELECT id, sheet FROM settlement WHERE business_date = ?", (day,)
        ).fetchall()
        for name, sheet in sheets:
            if isinstance(sheet, bytes) and sheet and is_of_schema_1(sheet):
                self._settlements.rewrite_sheet(str(name), purpose)
        if purpose is Purpose.EVIDENCE:
            self._store.execute(
                "UPDATE attempt SET request = x'', answer = NULL WHERE substr(request, 1, 1) = x'01'"
                " AND settlement IN (SELECT id FROM settlement WHERE business_date = ?)",
                (day,),
            )
