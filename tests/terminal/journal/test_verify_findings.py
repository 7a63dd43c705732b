"""What the checker says, word for word, of each thing that can be wrong in a file: code, place and text."""

from pathlib import Path

import msgspec
import pytest

from terminal.core.states import State
from terminal.core.values import AttemptSent
from terminal.journal.anchor_table import COLUMNS
from terminal.journal.records import Amounts, Commit
from terminal.journal.sheet import encode_sheet
from terminal.journal.verify import verify_journal
from tests.capabilities import asserted
from tests.terminal.core.samples import TO_CONFIRMED, TO_SENDING, after, draft
from tests.terminal.journal.samples import (
    AMOUNTS,
    MSGID,
    SECOND,
    TO_SENDING_STATES,
    begin,
    open_at,
    path_of,
    row,
    send,
    stamp,
    three_sales,
    vault,
)
from tests.terminal.journal.submission_steps import opened
from tests.terminal.journal.tampering import CHANGED_ROW, Tamper, findings, record, sql


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a settled sale S1, a doubt S2 on lane 2, and an open sale S3."""
    return three_sales(tmp_path / "journal.db")


OPEN: dict[str, tuple[Tamper, list[tuple[str, str, str]]]] = {
    "a record that is no JSON": (
        record(5, whole=b"no record"),
        [("chain", "5", "the record cannot be read"), ("transition", "S1", "is CONFIRMED, the audit log says SENDING")],
    ),
    "a record that is no object": (
        record(5, whole=b"[]"),
        [("chain", "5", "the record cannot be read"), ("transition", "S1", "is CONFIRMED, the audit log says SENDING")],
    ),
    "a record without an action": (
        record(5, whole=b'{"sequence":5}'),
        [("chain", "5", "the record cannot be read"), ("transition", "S1", "is CONFIRMED, the audit log says SENDING")],
    ),
    "a record with another number": (record(5, sequence=6), [("chain", "5", "the record carries another number")]),
    "a sale opened twice": (record(2, action="open"), [("transition", "S1", "was opened twice")]),
    "a move from elsewhere": (
        record(3, old="DRAFT"), [("transition", "S1", "left DRAFT (record 3) without being in it")]
    ),
    "a move that is not allowed": (
        record(5, new="CLOSED"),
        [("transition", "S1", "SENDING to CLOSED (record 5) is not allowed"),
         ("transition", "S1", "is CONFIRMED, the audit log says CLOSED")],
    ),
    "an anchor of another record": (
        sql(f"INSERT INTO anchor ({COLUMNS}) VALUES (5, zeroblob(32), 't', 'b', 'k', zeroblob(64))"),
        [("chain", "5", "is not the record of the anchor kept in the journal")],
    ),
    "an anchor of a record that is not there": (
        sql(f"INSERT INTO anchor ({COLUMNS}) VALUES (12, zeroblob(32), 't', 'b', 'k', zeroblob(64))"),
        [("chain", "12", "has an anchor and is missing: the end was cut off")],
    ),
    "parts without a total": (
        sql("UPDATE settlement SET total_fen = NULL WHERE id = 'S1'"),
        [("sum", "S1", "has parts without a total"), ("sum", "S1", "is booked without amounts")],
    ),
    "a total without a part": (
        sql("UPDATE settlement SET hospital_fen = NULL WHERE id = 'S1'"), [("sum", "S1", "total is not fund + account + cash + hospital")]
    ),
    "a total without the mutual aid": (
        sql("UPDATE settlement SET mutual_aid_fen = NULL WHERE id = 'S1'"),
        [("sum", "S1", "total is not fund + account + cash + hospital")],
    ),
    "a fen too much": (
        sql("UPDATE settlement SET cash_fen = 1 WHERE id = 'S1'"), [("sum", "S1", "total is not fund + account + cash + hospital")]
    ),
    "mutual aid beside the account": (
        sql("UPDATE settlement SET mutual_aid_fen = 1, mutual_aid_beside = 1 WHERE id = 'S1'"),
        [("sum", "S1", "total is not fund + account + cash + hospital")],
    ),
    "mutual aid beside the account that adds up": (
        sql("UPDATE settlement SET mutual_aid_fen = 50, account_fen = 3700, mutual_aid_beside = 1 WHERE id = 'S1'"), [],
    ),
    "an amount below nothing": (
        sql("UPDATE settlement SET cash_fen = -1, fund_fen = 1 WHERE id = 'S1'"), [("sum", "S1", "an amount is negative")]
    ),
    "no amounts of what is booked": (
        sql("UPDATE settlement SET total_fen = NULL, fund_fen = NULL, account_fen = NULL, mutual_aid_fen = NULL, cash_fen = NULL,"
            " hospital_fen = NULL WHERE id = 'S1'"),
        [("sum", "S1", "is booked without amounts")],
    ),
    "no amounts of what is quarantined": (
        sql("UPDATE settlement SET total_fen = NULL, fund_fen = NULL, account_fen = NULL, mutual_aid_fen = NULL, cash_fen = NULL,"
            " hospital_fen = NULL, quarantine = 1 WHERE id = 'S1'"),
        [("queue", "S1", "is CONFIRMED and has no next try")],
    ),
    "messages of a settlement that is gone": (
        sql("DELETE FROM settlement WHERE id = 'S2'", "settlement_is_kept"),
        [("transition", "S2", "is in the audit log and not in the table"), ("attempt", SECOND, "belongs to no settlement"),
         ("number", "2", "a settlement of this sequence number is missing"),
         ("number", "sequence", "the counter of settlements differs from their number")],
    ),
    "a message of what was never sent": (
        sql("UPDATE settlement SET state = 'PRICED' WHERE id = 'S1'", "settlement_moves_by_rule"),
        [("transition", "S1", "is PRICED, the audit log says CONFIRMED"), ("attempt", MSGID, "was sent, but its settlement is PRICED")],
    ),
    "two messages without an outcome": (
        sql(f"UPDATE attempt SET state = 'SENT' WHERE msgid = '{MSGID}'", "attempt_moves_by_rule"),
        [("attempt", MSGID, "has no outcome, but its settlement is CONFIRMED")],
    ),
    "no settlement message": (
        sql(f"DELETE FROM attempt WHERE msgid = '{MSGID}'", "attempt_is_kept"),
        [("attempt", "S1", "has 0 settlement messages instead of one")],
    ),
    "a sequence number left out": (
        sql("UPDATE settlement SET terminal_sequence = 9 WHERE id = 'S2'", "settlement_key_is_fixed"),
        [("number", "2", "a settlement of this sequence number is missing")],
    ),
    "no counter": (
        sql("DELETE FROM sequence WHERE name = 'settlement'"),
        [("number", "sequence", "the counter of settlements differs from their number")],
    ),
    "no reserved numbers": (
        sql("DELETE FROM meta WHERE name = 'message_numbers_until'"),
        [("number", "message_numbers_until", "a message id lies behind the reserved seconds")],
    ),
    "a doubt out of the queue": (sql("DELETE FROM reversal_queue"), [("queue", "S2", "is DOUBT and has no next try")]),
    "an open sale in the queue": (
        sql("INSERT INTO reversal_queue VALUES ('S3', 0, 't', 'v', 0)", "only_what_is_open_is_queued"),
        [("queue", "S3", "is DRAFT and still has a next try")],
    ),
    "a closed sale in the queue": (
        sql("UPDATE settlement SET state = 'CLOSED' WHERE id = 'S2'", "settlement_moves_by_rule"),
        [("transition", "S2", "is CLOSED, the audit log says DOUBT"), ("sum", "S2", "is booked without amounts"),
         ("queue", "S2", "is CLOSED and still has a next try")],
    ),
    "a closed visit in the queue": (
        sql("UPDATE settlement SET state = 'CLOSED', flow = 'clinic_visit' WHERE id = 'S2'", "settlement_moves_by_rule",
            "settlement_key_is_fixed"),
        [("transition", "S2", "is CLOSED, the audit log says DOUBT"), ("sum", "S2", "is booked without amounts")],
    ),
    "an open visit in the queue": (
        sql("UPDATE settlement SET flow = 'clinic_visit' WHERE id = 'S3'; INSERT INTO reversal_queue VALUES ('S3', 0, 't', 'v', 0)",
            "settlement_key_is_fixed", "only_what_is_open_is_queued"),
        [("queue", "S3", "is DRAFT and still has a next try")],
    ),
    "a settlement that is not in the log": (
        record(11, object="S4"),
        [("transition", "S3", "is DRAFT, the audit log says None"), ("transition", "S4", "is in the audit log and not in the table")],
    ),
    "a record taken out": (
        sql("DELETE FROM audit WHERE sequence = 3", "audit_is_kept"),
        [("chain", "3", "records are missing"), ("chain", "4", "does not continue the record before it"),
         ("transition", "S1", "left ARMED (record 4) without being in it")],
    ),
    "two records taken out in two places": (
        sql("DELETE FROM audit WHERE sequence IN (3, 9)", "audit_is_kept"),
        [("chain", "3", "records are missing"), ("chain", "4", "does not continue the record before it"),
         ("transition", "S1", "left ARMED (record 4) without being in it"), ("chain", "9", "records are missing"),
         ("chain", "10", "does not continue the record before it"),
         ("transition", "S2", "left SENDING (record 10) without being in it")],
    ),
    "a record changed and not hashed anew": (
        sql("UPDATE audit SET record = CAST(replace(record, '\"T01\"', '\"T02\"') AS BLOB) WHERE sequence = 5", "audit_is_written_once"),
        [("chain", "5", "the record is not the one that was hashed")],
    ),
    "a step on its way in a settled visit": (
        sql(f"UPDATE attempt SET purpose = 'STEP', state = 'SENT' WHERE msgid = '{SECOND}'", "attempt_bytes_are_fixed",
            "attempt_moves_by_rule"),
        [("attempt", "S2", "has 0 settlement messages instead of one")],
    ),
    "a message on its way of what is being reversed": (
        sql(f"UPDATE settlement SET state = 'REVERSING' WHERE id = 'S2'; UPDATE attempt SET state = 'SENT' WHERE msgid = '{SECOND}'",
            "settlement_moves_by_rule", "attempt_moves_by_rule"),
        [("transition", "S2", "is REVERSING, the audit log says DOUBT")],
    ),
    "a message of what is only armed": (
        sql("UPDATE settlement SET state = 'ARMED' WHERE id = 'S2'", "settlement_moves_by_rule"),
        [("transition", "S2", "is ARMED, the audit log says DOUBT"), ("queue", "S2", "is ARMED and still has a next try")],
    ),
    "no amounts of what is over without money": (
        sql("UPDATE settlement SET state = 'REVERSED' WHERE id = 'S2'", "settlement_moves_by_rule"),
        [("transition", "S2", "is REVERSED, the audit log says DOUBT")],
    ),
    "one settlement too many in the counter": (
        sql("UPDATE sequence SET value = 4"), [("number", "sequence", "the counter of settlements differs from their number")]
    ),
    "a message of the last reserved second": (
        sql("UPDATE meta SET value = '2026-11-23 09:00:00.000000' WHERE name = 'message_numbers_until'"), []
    ),
    "a message of a second that was not reserved": (
        sql("UPDATE meta SET value = '2026-11-23 08:59:59.999999' WHERE name = 'message_numbers_until'"),
        [("number", "message_numbers_until", "a message id lies behind the reserved seconds")],
    ),
    "a rule added": (
        sql("INSERT INTO transition_rule VALUES ('REFUSED', 'CONFIRMED')"),
        [("guard", "transition_rule", "the allowed transitions are not those of this program")],
    ),
    "a rule taken away": (
        sql("DELETE FROM transition_rule WHERE source = 'DRAFT' AND target = 'PRICED'"),
        [("guard", "transition_rule", "the allowed transitions are not those of this program")],
    ),
    "a trigger dropped": (sql("DROP TRIGGER receipt_is_kept"), [("guard", "trigger receipt_is_kept", "is missing")]),
    "a table added": (sql("CREATE TABLE extra (x)"), [("guard", "table extra", "does not belong here")]),
    "an index changed": (
        sql("DROP INDEX receipt_waiting; CREATE INDEX receipt_waiting ON receipt (id)"),
        [("guard", "index receipt_waiting", "is not as it was made")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", OPEN)
def test_what_can_be_seen_without_the_key_is_said(harm: str, path: Path) -> None:
    tamper, expected = OPEN[harm]
    # Sums that do not add up break a CHECK as well: those findings are the business of test_verify_checks.
    assert [one for one in findings(path, tamper) if one[0] != "check"] == expected


SEALED: dict[str, tuple[Tamper, list[tuple[str, str, str]]]] = {
    "another hash of the request": (
        sql(f"UPDATE attempt SET request_sm3 = zeroblob(32) WHERE msgid = '{MSGID}'", "attempt_bytes_are_fixed"),
        [("blob", MSGID, "the request is not the one whose hash was kept")],
    ),
    "an answer that does not open": (
        sql(f"UPDATE attempt SET answer = zeroblob(60) WHERE msgid = '{MSGID}'"),
        [("blob", MSGID, "request or answer does not open in its place")],
    ),
    "a request taken away": (
        sql(f"UPDATE attempt SET request = x'' WHERE msgid = '{MSGID}'", "attempt_bytes_are_fixed"),
        [("blob", MSGID, "the request is missing before its term")],
    ),
    "a changed row": (sql("UPDATE settlement SET person = 'x' WHERE id = 'S1'"), [("row", "S1", CHANGED_ROW)]),
    "a changed sheet": (sql("UPDATE settlement SET sheet = x'' WHERE id = 'S1'"), [("row", "S1", CHANGED_ROW)]),
}  # fmt: skip


@pytest.mark.parametrize("harm", SEALED)
def test_what_only_the_key_shows_is_said_with_it(harm: str, path: Path) -> None:
    tamper, expected = SEALED[harm]
    found = findings(path, tamper, key=True)
    assert found == expected
    if harm == "a changed row":
        asserted("R68", ("row", "S1", CHANGED_ROW), found[0], what="altered")
    assert verify_journal(str(path)).ok


def written(path: Path) -> list[tuple[str, str, str]]:
    """What is found, with the key, in a file that only the journal has written."""
    report = verify_journal(str(path), vault())
    return [(finding.code, finding.where, finding.text) for finding in report.findings]


def test_a_sheet_of_another_settlement_or_state_is_found(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    journal.open_sale(row(sheet=encode_sheet(draft(id="S9"))), None, "till", stamp())
    journal.open_sale(
        row(id="S2", key=msgspec.structs.replace(row().key, sale_number="0002"), lane="2",
            sheet=encode_sheet(draft(id="S2", state=State.PRICED))),
        None, "till", stamp(),
    )  # fmt: skip
    journal.close()
    text = "the sheet belongs to another settlement or state"
    assert written(tmp_path / "journal.db") == [("blob", "S1", text), ("blob", "S2", text)]


def test_a_sheet_with_other_amounts_than_its_row_is_found(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    sending = send(journal, begin(journal))
    sheet = encode_sheet(after(*TO_CONFIRMED, start=draft(id="S1")))
    dearer = Amounts(3751, 0, 3751, 0, 0, 0)
    assert AMOUNTS.total_fen == 3750
    settled = msgspec.structs.replace(sending, state=State.CONFIRMED, amounts=dearer, sheet=sheet)
    journal.commit(Commit(settled, path_of(State.SENDING, State.CONFIRMED), "T01", stamp(2)))
    journal.close()
    assert written(tmp_path / "journal.db") == [
        ("sum", "S1", "the sheet and the row have different amounts"),
        ("attempt", MSGID, "has no outcome, but its settlement is CONFIRMED"),
    ]


def test_a_request_that_carries_another_message_id_is_found(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    sheet = encode_sheet(after(*TO_SENDING, start=draft(id="S1")))
    sending = msgspec.structs.replace(begin(journal), state=State.SENDING, sheet=sheet)
    sent = AttemptSent(MSGID, "SETTLE", "2102", "key 1", b'{"msgid":"another"}')
    journal.commit(Commit(sending, path_of(*TO_SENDING_STATES), "T01", stamp(1), sent=sent))
    journal.close()
    assert written(tmp_path / "journal.db") == [("blob", MSGID, "the request carries another message id")]


def test_submissions_are_checked_with_everything_else(path: Path) -> None:
    journal = open_at(path)
    opened(journal)
    journal.close()
    tampered = findings(
        path, sql("UPDATE submission SET state = 'HELD'", "submission_moves_by_rule"), key=True
    )
    assert tampered == [
        ("transition", "U1", "is HELD, the audit log says WAITING"), ("row", "U1", CHANGED_ROW),
    ]  # fmt: skip
