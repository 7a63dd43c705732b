"""The messages that were sent: id and exact bytes before the first byte leaves (S3), the answer before anybody is told (S4)."""

import datetime as dt
from typing import Any, Final

from protocols.gm.sm3 import sm3
from terminal.core.values import SENT_AGAIN, AttemptEnded, AttemptSent
from terminal.journal.records import AttemptRow, Sent, SettlementRow, Stamp
from terminal.journal.schema import KEYS_IN_USE
from terminal.journal.sealing import Sealing
from terminal.journal.store import Store
from terminal.journal.times import text_of, time_of

PAGE: Final = 100
"""Messages looked at at once where their number is not known: a till's morning."""


class AttemptTable:
    """The table, as a part of the journal. Whoever writes holds a transaction."""

    def __init__(self, store: Store, sealing: Sealing, boot_id: str) -> None:
        self._store = store
        self._sealing = sealing
        self._boot_id = boot_id

    def begin(self, row: SettlementRow, sent: AttemptSent, stamp: Stamp) -> None:
        """Store a message of a settlement that is about to leave; raises `JournalRefused` past the term of its day."""
        request = self._sealing.seal_evidence(row, _request_place(sent.msgid), sent.request, stamp.wall)
        self._store.execute(
            "INSERT INTO attempt (msgid, settlement, lane, purpose, infno, key_id, request, request_sm3, state, sent_at,"
            " sent_monotonic, boot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'SENT', ?, ?, ?)",
            (sent.msgid, row.id, row.lane, sent.purpose, sent.infno, sent.key_id, request, sm3(sent.request), text_of(stamp.wall),
             stamp.monotonic_s, self._boot_id),
        )  # fmt: skip

    def end(self, row: SettlementRow, ended: AttemptEnded, stamp: Stamp) -> None:
        """Store what became of a message, with the answer's bytes if there are any; one that goes out again leaves now.

        Which day's books may hold it is told by when it left, not by when it was first composed.
        """
        answer = None
        if ended.answer:
            answer = self._sealing.seal_evidence(row, _answer_place(ended.msgid), ended.answer, stamp.wall)
        self._store.execute(
            "UPDATE attempt SET state = ?, verdict = ?, answer = COALESCE(?, answer), ended_at = ? WHERE msgid = ?",
            (ended.state, ended.verdict, answer, text_of(stamp.wall), ended.msgid),
        )
        if (ended.state, ended.verdict) == ("SENT", SENT_AGAIN):
            self._store.execute(
                "UPDATE attempt SET sent_at = ?, sent_monotonic = ?, boot_id = ? WHERE msgid = ?",
                (text_of(stamp.wall), stamp.monotonic_s, self._boot_id, ended.msgid),
            )

    def of(self, settlement_id: str) -> list[AttemptRow]:
        """Return the attempts of a settlement in the order they were sent, bytes decrypted."""
        return [
            self._row(*columns)
            for columns in self._store.rows(
                "SELECT request, answer, msgid, settlement, purpose, infno, key_id, state, verdict, sent_at, ended_at FROM attempt"
                " WHERE settlement = ? ORDER BY msgid",
                (settlement_id,),
            )
        ]

    def _row(
        self, request: bytes, answer: bytes | None, msgid: str, settlement: str, purpose: str, infno: str, key_id: str, state: str,
        verdict: str | None, sent_at: str, ended_at: str | None,
    ) -> AttemptRow:  # fmt: skip
        opened = self._sealing.open(_request_place(msgid), request)
        heard = None if answer is None else self._sealing.open(_answer_place(msgid), answer)
        return AttemptRow(
            msgid, settlement, purpose, infno, key_id, opened or b"", state, verdict, heard, sent_at, ended_at, opened is None
        )  # fmt: skip

    def sent_under(self, msgid: str) -> list[Sent]:
        """Return the message that moves money under this id, without its bytes; nothing when there is none."""
        return self._sent("msgid = ?", (msgid,))

    def sent_until(self, first_msgid: str, end: dt.datetime) -> list[Sent]:
        """Return every message that moves money with this id or a later one, sent before `end`, without its bytes.

        An id carries a second that is never before the message, and after a clock that was ahead for a moment one that lies
        days behind it. But ids never go back: where a whole page was sent at `end` or later, all behind it was too.
        """
        found: list[Sent] = []
        where, msgid = "msgid >= ?", first_msgid
        while True:
            page = self._sent(where, (msgid,), limit=PAGE)
            early = [one for one in page if one.sent_at < end]
            if not early:
                return found
            found += early
            where, msgid = "msgid > ?", page[-1].msgid

    def sent_for_days(self, first: dt.date, last: dt.date) -> list[Sent]:
        """Return every message that moves money for a settlement of these business dates (both included), without its bytes."""
        return self._sent(
            "settlement IN (SELECT id FROM settlement WHERE business_date BETWEEN ? AND ?)",
            (first.isoformat(), last.isoformat()),
        )

    def sent_for(self, settlement_id: str) -> list[Sent]:
        """Return every message that moves money sent for a settlement, without its bytes, in the order they were sent."""
        return self._sent("settlement = ?", (settlement_id,))

    def _sent(self, where: str, values: tuple[Any, ...], limit: int = -1) -> list[Sent]:
        return [
            Sent(
                msgid,
                settlement,
                purpose,
                state,
                verdict or "",
                time_of(sent_at),
                time_of(ended_at) if ended_at else None,
            )
            for msgid, settlement, purpose, state, verdict, sent_at, ended_at in self._store.rows(
                "SELECT msgid, settlement, purpose, state, verdict, sent_at, ended_at FROM attempt"
                f" WHERE {where} AND purpose <> 'STEP' ORDER BY msgid LIMIT ?",
                (*values, limit),
            )
        ]

    def keys_in_use(self) -> set[str]:
        """Ids of the keys that signed a message of a settlement that is not over: its undoing needs them."""
        return {str(key_id) for (key_id,) in self._store.rows(KEYS_IN_USE)}


def _request_place(msgid: str) -> str:
    return f"attempt.request:{msgid}"


def _answer_place(msgid: str) -> str:
    return f"attempt.answer:{msgid}"
