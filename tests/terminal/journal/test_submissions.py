"""Submissions in the journal: guards that hold by themselves, what the checker finds, keys, terms, and an older journal."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.submission import Progress, SubmissionState
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed, JournalRefused, SubmissionMessage
from terminal.journal.retention import Due
from terminal.journal.store import dicts
from terminal.journal.submission_table import SUBMISSION_COLUMNS, submission_mac
from terminal.journal.verify import verify_journal
from terminal.journal.verify_submissions import follow_submission
from tests.terminal.journal.old_journals import old_vault, open_old, unpack
from tests.terminal.journal.samples import MSGID, SECOND, open_at, raw, vault
from tests.terminal.journal.submission_steps import (
    CONTENT,
    IDENTITY_OF,
    REQUEST,
    accepted,
    moved,
    opened,
    sending,
)
from tests.terminal.journal.tampering import CHANGED_ROW
from tests.terminal.journal.terms import DAY, EVIDENCE, IDENTITY, TERMS, expire_due, later

_S = SubmissionState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one accepted submission U1 and one that is on its way, U2."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    journal.reserve_message_numbers(later(1).wall)
    accepted(journal, sending(journal, opened(journal)))
    second = opened(journal, "U2", msgspec.structs.replace(IDENTITY_OF, key="k2"))
    sending(journal, second, MSGID[:-2] + "02")
    journal.close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[apsw.Connection]:
    """A stranger's connection to that file."""
    stranger = raw(path)
    stranger.pragma("foreign_keys", 1)
    yield stranger
    stranger.close()


def test_it_is_read_as_it_was_written_with_its_messages(path: Path) -> None:
    journal = open_at(path)
    row = journal.submissions.get("U1")
    assert row is not None
    assert (row.content, row.result, row.progress) == (CONTENT, b'{"serial":"TRT1"}', Progress(_S.ACCEPTED))
    (attempt,) = journal.submissions.attempts("U1")
    assert (attempt.request, attempt.answer, attempt.verdict) == (REQUEST, b"the answer", "accepted")
    assert [one.id for one in journal.submissions.unfinished()] == ["U2"]
    assert [one.id for one in journal.submissions.recent(10)] == ["U2", "U1"]
    assert journal.submissions.get("U9") is None
    journal.close()
    assert b"99990000000000000001" not in path.read_bytes()
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings


def test_the_same_request_returns_what_it_opened_and_another_body_is_refused(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    first = opened(journal)
    assert opened(journal, "U9") == first
    with pytest.raises(JournalRefused, match="idempotency_conflict"):
        opened(journal, "U9", msgspec.structs.replace(IDENTITY_OF, fingerprint=b"\2" * 32))
    assert len(journal.submissions.recent(10)) == 1
    journal.close()


FORBIDDEN = {
    "a move the rules do not allow": "UPDATE submission SET state = 'WAITING', due_at = 'x' WHERE id = 'U1'",
    "a state nobody knows": "UPDATE submission SET state = 'DONE' WHERE id = 'U2'",
    "a submission that vanishes": "DELETE FROM submission WHERE id = 'U1'",
    "another content": "UPDATE submission SET content = x'00' WHERE id = 'U1'",
    "another transaction": "UPDATE submission SET infno = '2505' WHERE id = 'U1'",
    "another key": "UPDATE submission SET key = 'k9' WHERE id = 'U1'",
    "one that waits for ever": "UPDATE submission SET state = 'UNKNOWN', due_at = NULL WHERE id = 'U2'",
    "tries below nothing": "UPDATE submission SET tries = -1 WHERE id = 'U1'",
    "other request bytes": "UPDATE submission_attempt SET request = x'00' WHERE submission = 'U1'",
    "another outcome": "UPDATE submission_attempt SET state = 'UNKNOWN' WHERE submission = 'U1'",
    "a message that vanishes": "DELETE FROM submission_attempt WHERE submission = 'U1'",
    "a second message on its way": "INSERT INTO submission_attempt SELECT 'M9', submission, infno, key_id, request, request_sm3,"
    " 'SENT', NULL, NULL, sent_at, sent_monotonic, boot_id, NULL FROM submission_attempt WHERE submission = 'U2'",
    "a message that begins with its outcome": "INSERT INTO submission_attempt SELECT 'M9', submission, infno, key_id, request,"
    " request_sm3, 'ANSWERED', NULL, NULL, sent_at, sent_monotonic, boot_id, NULL FROM submission_attempt"
    " WHERE submission = 'U1'",
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_sql_itself_refuses(connection: apsw.Connection, what: str) -> None:
    with pytest.raises(apsw.ConstraintError):
        connection.execute(FORBIDDEN[what])


def test_nothing_is_called_sent_before_its_bytes_are_there(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    row = opened(journal)
    with pytest.raises(apsw.ConstraintError):
        moved(journal, row, _S.SENT)
    assert [entry["action"] for entry in _audit(journal)] == ["submit"]
    journal.close()


def _audit(journal: Journal) -> list[dict[str, object]]:
    rows = journal.store.rows("SELECT record FROM audit ORDER BY sequence")
    return [msgspec.json.decode(record) for (record,) in rows]


DAMAGED = "request or answer does not open in its place"
TAMPERED = {
    "another state": (
        "UPDATE submission SET state = 'GIVEN_UP' WHERE id = 'U2'",
        [("transition", "U2", "is GIVEN_UP, the audit log says SENT"), ("row", "U2", CHANGED_ROW),
         ("attempt", SECOND, "has no outcome, but its submission is GIVEN_UP")],
    ),
    "another reason": ("UPDATE submission SET reason = 'x' WHERE id = 'U1'", [("row", "U1", CHANGED_ROW)]),
    "an answer put in": ("UPDATE submission_attempt SET answer = x'00' WHERE submission = 'U1'", [("blob", MSGID, DAMAGED)]),
}  # fmt: skip


def _findings(path: Path, *, key: bool = True) -> list[tuple[str, str, str]]:
    """What the checker says, word for word; that guards were taken away is left out."""
    found = verify_journal(str(path), vault() if key else None).findings
    return [(one.code, one.where, one.text) for one in found if one.code != "guard"]


@pytest.mark.parametrize("what", TAMPERED)
def test_the_checker_finds_what_was_changed_from_outside(path: Path, what: str) -> None:
    sql, expected = TAMPERED[what]
    stranger = raw(path)
    stranger.execute(sql)
    stranger.close()
    assert _findings(path) == expected
    if what != "an answer put in":
        with pytest.raises(JournalFailed, match="row changed outside"):
            open_at(path).submissions.recent(10)


def test_a_row_taken_out_with_its_guards_is_missed(path: Path) -> None:
    stranger = raw(path)
    stranger.execute("DROP TRIGGER submission_is_kept; DROP TRIGGER submission_attempt_is_kept").fetchall()
    stranger.execute(
        "DELETE FROM submission_attempt WHERE submission = 'U1'; DELETE FROM submission WHERE id = 'U1'"
    ).fetchall()
    stranger.close()
    assert _findings(path) == [
        ("number", "U2", "a submission before this one is missing"),
        ("transition", "U1", "is in the audit log and not in the table"),
    ]
    guards = [(one.where, one.text) for one in verify_journal(str(path)).findings if one.code == "guard"]
    assert guards == [
        ("trigger submission_attempt_is_kept", "is missing"), ("trigger submission_is_kept", "is missing"),
    ]  # fmt: skip


NO_GUARDS = (
    "DROP TRIGGER submission_content_is_fixed; DROP TRIGGER submission_is_kept; DROP TRIGGER submission_moves_by_rule;"
    " DROP TRIGGER submission_attempt_bytes_are_fixed"
)
BEHIND_THE_GUARDS = {
    "a hash of other bytes": ("UPDATE submission_attempt SET request_sm3 = zeroblob(32) WHERE submission = 'U1'",
        [("blob", MSGID, "the request is not the one whose hash was kept")]),
    "bytes of another message": (
        "UPDATE submission_attempt SET request = (SELECT request FROM submission_attempt WHERE submission = 'U2')"
        " WHERE submission = 'U1'", [("blob", MSGID, DAMAGED)],
    ),
    "a message without its submission": (
        "DELETE FROM submission WHERE id = 'U2'",
        [("transition", "U2", "is in the audit log and not in the table"), ("attempt", SECOND, "belongs to no submission")],
    ),
    "a message of another time": (
        f"UPDATE submission_attempt SET msgid = '{MSGID[:12]}20261130{MSGID[20:]}' WHERE submission = 'U1'",
        [("blob", f"{MSGID[:12]}20261130{MSGID[20:]}", DAMAGED),
         ("number", "message_numbers_until", "a message id lies behind the reserved seconds")],
    ),
    "a number left out": (
        "UPDATE submission SET sequence = 9 WHERE id = 'U2'",
        [("number", "U2", "a submission before this one is missing"), ("row", "U2", CHANGED_ROW)],
    ),
    "a result taken away": ("UPDATE submission SET result = NULL WHERE id = 'U1'", [("row", "U1", CHANGED_ROW)]),
}  # fmt: skip


@pytest.mark.parametrize("what", BEHIND_THE_GUARDS)
def test_the_checker_finds_what_was_changed_behind_the_guards(path: Path, what: str) -> None:
    sql, expected = BEHIND_THE_GUARDS[what]
    stranger = raw(path)
    stranger.execute(NO_GUARDS).fetchall()
    stranger.execute(sql)
    stranger.close()
    assert _findings(path) == expected


def test_the_code_of_a_row_covers_these_bytes() -> None:
    """Rows of years are checked with it: a program that computes another one finds each of them changed."""
    columns, content, result = ["U1", b"\x01\x02", 3, None], b"content", b"result"
    until = f'["submission","U1","0102",3,null,"{sm3(content).hex()}"'
    assert submission_mac(vault(), columns, content, None) == vault().mac(f"{until}]".encode())
    both = f'{until},"{sm3(result).hex()}"]'
    assert submission_mac(vault(), columns, content, result) == vault().mac(both.encode())


def test_a_content_that_the_terminal_itself_wrote_wrong_is_found_though_its_code_is_right(path: Path) -> None:
    stranger = raw(path)
    stranger.execute(NO_GUARDS).fetchall()
    (row,) = dicts(stranger, "SELECT * FROM submission WHERE id = 'U1'")
    mac = submission_mac(vault(), [row[name] for name in SUBMISSION_COLUMNS], row["result"], row["result"])
    stranger.execute("UPDATE submission SET content = result, row_mac = ? WHERE id = 'U1'", (mac,))
    stranger.close()
    assert _findings(path) == [("blob", "U1", "content or result does not open in its place")]


def test_a_request_that_carries_another_message_id_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    other = SubmissionMessage(MSGID, "2503", "key 1", REQUEST.replace(MSGID.encode(), b"another"))
    moved(journal, opened(journal), _S.SENT, sent=other)
    journal.close()
    (found,) = verify_journal(str(path), vault()).findings
    assert (found.code, found.where, found.text) == ("blob", MSGID, "the request carries another message id")


def test_without_the_key_states_and_numbers_are_checked_and_nothing_is_opened(path: Path) -> None:
    assert verify_journal(str(path)).ok
    stranger = raw(path)
    stranger.execute("UPDATE submission_attempt SET answer = x'00' WHERE submission = 'U1'")
    stranger.execute("UPDATE submission SET state = 'GIVEN_UP' WHERE id = 'U2'")
    stranger.close()
    assert _findings(path, key=False) == [
        ("transition", "U2", "is GIVEN_UP, the audit log says SENT"),
        ("attempt", SECOND, "has no outcome, but its submission is GIVEN_UP"),
    ]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ((("submit", "None", "WAITING"),), ""),
        ((("submit", "None", "WAITING"), ("submission", "WAITING", "WAITING")), ""),
        ((("submit", "None", "WAITING"), ("submission", "WAITING", "SENT")), ""),
        ((("submit", "None", "WAITING"), ("submit", "None", "WAITING")), "was opened twice"),
        ((("submission", "WAITING", "SENT"),), "left WAITING (record 1) without being in it"),
        ((("submit", "None", "WAITING"), ("submission", "SENT", "ACCEPTED")), "left SENT (record 2) without being in it"),
        ((("submit", "None", "WAITING"), ("submission", "WAITING", "ACCEPTED")), "WAITING to ACCEPTED (record 2) is not allowed"),
    ],
)  # fmt: skip
def test_the_records_of_a_submission_lead_from_one_to_the_next_by_the_rules(
    records: tuple[tuple[str, str, str], ...], text: str
) -> None:
    told: list[tuple[str, str, str]] = []
    ends: dict[str, str] = {}
    for sequence, (action, old, new) in enumerate(records, start=1):
        content = {"action": action, "object": "U1", "old": old, "new": new}
        follow_submission(content, sequence, ends, lambda *finding: told.append(finding))
    assert told == ([("transition", "U1", text)] if text else [])
    assert ends == {"U1": records[-1][2]}


def test_a_day_is_kept_while_a_submission_of_it_is_open_and_goes_two_years_after_its_end(
    tmp_path: Path,
) -> None:
    """A day on which nobody sold anything has its keys deleted too."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    row = sending(journal, opened(journal))
    outlook = journal.retention.outlook(TERMS, later(800).wall)
    assert (outlook.due, {held.settlements for held in outlook.held}) == ((), {("U1",)})
    accepted(journal, row)
    assert journal.retention.outlook(TERMS, later(729).wall).due == (Due(DAY, IDENTITY),)
    assert expire_due(journal, later(731)) == [
        (DAY.isoformat(), "identity"),
        (DAY.isoformat(), EVIDENCE.value),
    ]
    past = journal.submissions.get("U1")
    assert past is not None
    assert (past.content, past.result, past.progress.state) == (b"", b"", "ACCEPTED")
    assert [one.request for one in journal.submissions.attempts("U1")] == [b""]
    journal.close()
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings


def test_a_journal_of_before_there_were_submissions_takes_them(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    journal = open_old(path)
    opened(journal)
    assert [one.id for one in journal.submissions.unfinished()] == ["U1"]
    journal.close()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings
