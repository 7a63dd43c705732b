"""What changes the hub outside a settlement: its content before anything leaves, and every message sent for it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from protocols.gm.sm3 import sm3
from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import AttemptEnded
from terminal.journal.audit_chain import AuditLog
from terminal.journal.records import (
    Idempotency,
    JournalRefused,
    NewSubmission,
    Stamp,
    SubmissionAttempt,
    SubmissionChange,
    SubmissionRow,
)
from terminal.journal.schema import SUBMISSION_OPEN
from terminal.journal.sealing import Sealing
from terminal.journal.store import Store
from terminal.journal.times import text_of, time_of
from terminal.journal.vault import Vault

SUBMISSION_COLUMNS: Final = (
    "id", "sequence", "client", "key", "part", "fingerprint", "business_date", "kind", "infno", "opened_at", "state", "tries",
    "unanswered", "reason", "due_at", "changed_at",
)  # fmt: skip
"""What is stored in the clear, in the order in which the row's code is made over it."""
_COLUMNS: Final = (*SUBMISSION_COLUMNS, "content", "result", "row_mac")
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM submission"
_INSERT: Final = f"INSERT INTO submission ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_canonical = msgspec.json.Encoder()


class SubmissionTable:
    """The two tables, as a part of the journal; every writing method is a transaction of its own, with its audit record."""

    def __init__(self, store: Store, vault: Vault, sealing: Sealing, audit: AuditLog, boot_id: str) -> None:
        self._store = store
        self._vault = vault
        self._sealing = sealing
        self._audit = audit
        self._boot_id = boot_id

    # -- reading ----------------------------------------------------------------------------------

    def get(self, submission_id: str) -> SubmissionRow | None:
        """Return one, its content decrypted, or None."""
        rows = self._read("WHERE id = ?", (submission_id,))
        return rows[0] if rows else None

    def unfinished(self) -> list[SubmissionRow]:
        """Return every one that still wants something, the terminal's work or a person's word, oldest first."""
        return self._read(f"WHERE {SUBMISSION_OPEN} ORDER BY sequence", ())

    def recent(self, limit: int) -> list[SubmissionRow]:
        """Return the newest, newest first."""
        return self._read("ORDER BY sequence DESC LIMIT ?", (limit,))

    def attempts(self, submission_id: str) -> list[SubmissionAttempt]:
        """Return the messages sent for one, in the order they were sent, bytes decrypted."""
        found = []
        for msgid, infno, key_id, request, state, verdict, answer, sent_at, ended_at in self._store.rows(
            "SELECT msgid, infno, key_id, request, state, verdict, answer, sent_at, ended_at FROM submission_attempt"
            " WHERE submission = ? ORDER BY msgid",
            (submission_id,),
        ):
            opened = self._sealing.open(request_place(msgid), request)
            heard = None if answer is None else self._sealing.open(answer_place(msgid), answer)
            found.append(
                SubmissionAttempt(
                    msgid, infno, key_id, opened or b"", state, verdict, heard, sent_at, ended_at
                )
            )
        return found

    def _read(self, where: str, values: tuple[Any, ...]) -> list[SubmissionRow]:
        return [self._row(columns) for columns in self._store.rows(f"{_SELECT} {where}", values)]

    def _row(self, columns: tuple[Any, ...]) -> SubmissionRow:
        """Make a row of its columns; one whose code does not fit stops the journal."""
        *plain, content, result, mac = columns
        if submission_mac(self._vault, plain, content, result) != mac:
            raise self._store.fail("row changed outside the terminal")
        (id_, sequence, client, key, part, fingerprint, date, kind, infno, opened, state, tries, unanswered, reason, due,
         changed) = plain  # fmt: skip
        return SubmissionRow(
            id=id_, sequence=sequence, client=client, key=key, part=part, fingerprint=fingerprint,
            business_date=dt.date.fromisoformat(date), kind=kind, infno=infno, opened_at=time_of(opened),
            progress=Progress(SubmissionState(state), tries, unanswered), reason=reason, due_at=time_of(due) if due else None,
            changed_at=time_of(changed), content=self._sealing.open(_content_place(id_), content) or b"",
            result=self._sealing.open(_result_place(id_), result) or b"",
        )  # fmt: skip

    # -- writing ----------------------------------------------------------------------------------

    def open(
        self, wanted: Sequence[NewSubmission], idempotency: Idempotency, date: dt.date, stamp: Stamp
    ) -> list[SubmissionRow]:
        """Put these on disk together, as the parts of one request; the same request again returns what it opened before.

        Raises `JournalRefused` (`idempotency_conflict`): the same key with another body.
        """
        with self._store.transaction():
            known = self._read(
                "WHERE client = ? AND key = ? ORDER BY part", (idempotency.client, idempotency.key)
            )
            if known:
                if any(row.fingerprint != idempotency.fingerprint for row in known):
                    raise JournalRefused("idempotency_conflict", known[0].id)
                return known
            first = int(self._store.one("SELECT COALESCE(MAX(sequence), 0) + 1 FROM submission"))
            rows = [
                SubmissionRow(
                    id=one.id, sequence=first + place, client=idempotency.client, key=idempotency.key, part=place + 1,
                    fingerprint=idempotency.fingerprint, business_date=date, kind=one.kind, infno=one.infno,
                    opened_at=stamp.wall, progress=Progress(), reason="opened", due_at=stamp.wall, changed_at=stamp.wall,
                    content=one.content,
                )
                for place, one in enumerate(wanted)
            ]  # fmt: skip
            for row in rows:
                self._store.execute(_INSERT, self._columns(row))
                self._note(idempotency.client, "submit", row, "", stamp)
            return rows

    def change(self, change: SubmissionChange) -> None:
        """Write where a submission now stands, with the message that leaves or came back; on disk when this returns.

        Raises `JournalRefused` past the term of its day, and apsw.ConstraintError when an SQL guard refuses what the rules
        believed right (our own bug; nothing was written).
        """
        row, stamp = change.row, change.stamp
        with self._store.transaction():
            if change.ended is not None:
                self._end(row, change.ended, stamp)
            if change.sent is not None:
                sent = change.sent
                sealed = self._seal(row, request_place(sent.msgid), sent.request, stamp)
                self._store.execute(
                    "INSERT INTO submission_attempt (msgid, submission, infno, key_id, request, request_sm3, state, sent_at,"
                    " sent_monotonic, boot_id) VALUES (?, ?, ?, ?, ?, ?, 'SENT', ?, ?, ?)",
                    (sent.msgid, row.id, sent.infno, sent.key_id, sealed, sm3(sent.request), text_of(stamp.wall),
                     stamp.monotonic_s, self._boot_id),
                )  # fmt: skip
            columns = dict(zip(_COLUMNS, self._columns(row, row.id), strict=True))
            changing = ("state", "tries", "unanswered", "reason", "due_at", "changed_at", "result", "row_mac")
            self._store.execute(
                f"UPDATE submission SET {', '.join(f'{name} = ?' for name in changing)} WHERE id = ?",
                (*(columns[name] for name in changing), row.id),
            )
            self._note(change.actor, "submission", row, change.before.value, stamp)

    def _end(self, row: SubmissionRow, ended: AttemptEnded, stamp: Stamp) -> None:
        answer = self._seal(row, answer_place(ended.msgid), ended.answer, stamp) if ended.answer else None
        self._store.execute(
            "UPDATE submission_attempt SET state = ?, verdict = ?, answer = ?, ended_at = ? WHERE msgid = ?",
            (ended.state, ended.verdict, answer, text_of(stamp.wall), ended.msgid),
        )

    def _note(self, actor: str, action: str, row: SubmissionRow, old: str, stamp: Stamp) -> None:
        self._audit.append(
            {"action": action, "actor": actor, "object": row.id, "infno": row.infno, "old": old,
             "new": row.progress.state.value, "reason": row.reason},
            stamp,
        )  # fmt: skip

    def _columns(self, row: SubmissionRow, stored: str = "") -> tuple[Any, ...]:
        """The columns of a row; `stored` names the row on disk whose sealed content stays as it is."""
        now, progress = Stamp(row.changed_at, 0.0), row.progress
        plain = (
            row.id, row.sequence, row.client, row.key, row.part, row.fingerprint, row.business_date.isoformat(), row.kind,
            row.infno, text_of(row.opened_at), progress.state.value, progress.tries, progress.unanswered, row.reason,
            text_of(row.due_at) if row.due_at else None, text_of(row.changed_at),
        )  # fmt: skip
        if stored:
            content = self._store.one("SELECT content FROM submission WHERE id = ?", (stored,))
        else:
            content = self._seal(row, _content_place(row.id), row.content, now)
        result = self._seal(row, _result_place(row.id), row.result, now) if row.result else None
        return (*plain, content, result, submission_mac(self._vault, plain, content, result))

    def _seal(self, row: SubmissionRow, place: str, plain: bytes, stamp: Stamp) -> bytes:
        return self._sealing.seal_for_day(row.business_date, row.id, place, plain, stamp.wall)


def submission_mac(vault: Vault, plain: Sequence[Any], content: bytes, result: bytes | None) -> bytes:
    """Authentication code of a submission: its plain columns in order, and the hashes of its sealed ones."""
    sealed = [content] if result is None else [content, result]
    texts = [column.hex() if isinstance(column, bytes) else column for column in plain]
    return vault.mac(_canonical.encode(["submission", *texts, *(sm3(part).hex() for part in sealed)]))


def _content_place(submission_id: str) -> str:
    return f"submission.content:{submission_id}"


def _result_place(submission_id: str) -> str:
    return f"submission.result:{submission_id}"


def request_place(msgid: str) -> str:
    """Where the bytes of a message are sealed."""
    return f"submission_attempt.request:{msgid}"


def answer_place(msgid: str) -> str:
    """Where the bytes of its answer are sealed."""
    return f"submission_attempt.answer:{msgid}"
