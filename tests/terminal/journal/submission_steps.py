"""Submissions in the tests of the journal: opened, sent, answered."""

import msgspec

from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import AttemptEnded
from terminal.journal.journal import Journal
from terminal.journal.records import (
    Idempotency,
    NewSubmission,
    SubmissionChange,
    SubmissionMessage,
    SubmissionRow,
)
from tests.terminal.journal.samples import MSGID, NINE, stamp
from tests.terminal.journal.terms import DAY

_S = SubmissionState
IDENTITY_OF = Idempotency("till", "k1", b"\1" * 32)
CONTENT = b'{"insured":"999900","input":{"data":{"psn_no":"99990000000000000001"}}}'
REQUEST = b'{"msgid":"' + MSGID.encode() + b'"}'


def opened(journal: Journal, name: str = "U1", identity: Idempotency = IDENTITY_OF) -> SubmissionRow:
    """One that waits."""
    wanted = [NewSubmission(name, "filing.chronic", "2503", CONTENT)]
    (row,) = journal.submissions.open(wanted, identity, DAY, stamp())
    return row


def moved(
    journal: Journal,
    row: SubmissionRow,
    state: SubmissionState,
    *,
    sent: SubmissionMessage | None = None,
    ended: AttemptEnded | None = None,
    result: bytes = b"",
) -> SubmissionRow:
    """Write one step."""
    due = NINE if state in (_S.WAITING, _S.UNKNOWN) else None
    after = msgspec.structs.replace(
        row, progress=Progress(state), reason="test", due_at=due, changed_at=stamp(1).wall, result=result
    )
    before = row.progress.state
    journal.submissions.change(
        SubmissionChange(row=after, before=before, actor="runner", stamp=stamp(1), sent=sent, ended=ended)
    )
    return after


def sending(journal: Journal, row: SubmissionRow, msgid: str = MSGID) -> SubmissionRow:
    """Write a message that leaves."""
    message = SubmissionMessage(msgid, "2503", "key 1", REQUEST.replace(MSGID.encode(), msgid.encode()))
    return moved(journal, row, _S.SENT, sent=message)


def accepted(journal: Journal, row: SubmissionRow) -> SubmissionRow:
    """Write its end."""
    ended = AttemptEnded(MSGID, "ANSWERED", "accepted", b"the answer")
    return moved(journal, row, _S.ACCEPTED, ended=ended, result=b'{"serial":"TRT1"}')
