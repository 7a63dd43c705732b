"""What a story leaves behind, whole: every column of every row as the file holds it, every word of every audit record."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.states import State
from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import AttemptEnded
from terminal.journal.journal import Journal
from terminal.journal.records import (
    Commit,
    Idempotency,
    JournalFailed,
    NewSubmission,
    SubmissionAttempt,
    SubmissionChange,
    SubmissionMessage,
    SubmissionRow,
)
from terminal.journal.store import dicts
from tests.terminal.journal.samples import (
    KEY,
    MSGID,
    NINE,
    begin,
    closed_sale,
    doubt,
    open_at,
    path_of,
    raw,
    row,
    send,
    settle,
    stamp,
)
from tests.terminal.journal.terms import DAY, IDENTITY, expire_due, later

SEALED = "sealed"
REQUEST = b'{"msgid":"' + MSGID.encode() + b'"}'
CONTENT = b'{"insured":"999900"}'
ASKED = Idempotency("till", "k1", b"\1" * 32)
NOTHING_MOVED: dict[str, Any] = {"person": None, "amounts": None, "reason": "", "object": "S1"}


def rows(path: Path, table: str, *sealed: str) -> list[dict[str, Any]]:
    """All rows of a table as the file holds them; of what is sealed only that it is there."""
    stranger = raw(path)
    found = list(dicts(stranger, f"SELECT * FROM {table} ORDER BY 1"))
    stranger.close()
    for one in found:
        one.update({name: SEALED for name in sealed if isinstance(one[name], bytes) and len(one[name]) > 28})
    return found


def at(seconds: float) -> str:
    """A time as the tables hold it."""
    return (NINE + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")


def said(path: Path, *told: tuple[float, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """The audit log as it stands, and as it should: second and content of each record."""
    found = [msgspec.json.decode(one["record"]) for one in rows(path, "audit")]
    wanted = [
        {"v": 1, "sequence": number, "boot": "boot", "wall": at(second), "monotonic": 1000.0 + second, **content}
        for number, (second, content) in enumerate(told, start=1)
    ]  # fmt: skip
    return found, wanted


def moved(old: str, new: str, **changes: Any) -> dict[str, Any]:
    """A move of S1 by the till."""
    return {
        "action": "move", "actor": "T01", "object": "S1", "person": "pseudonym", "old": old, "new": new, "reason": "test",
        "amounts": None, **changes,
    }  # fmt: skip


PAID = {
    "total_fen": 3750, "fund_fen": 0, "account_fen": 3750, "mutual_aid_fen": 0, "cash_fen": 0, "hospital_fen": 0,
    "mutual_aid_beside": False,
}  # fmt: skip
OPENED = {"action": "open", "actor": "till", "old": "", "new": "DRAFT", **NOTHING_MOVED}
SENT = (
    (0, OPENED), (1, moved("DRAFT", "PRICED")), (1, moved("PRICED", "ARMED")), (1, moved("ARMED", "SENDING")),
)  # fmt: skip


def test_a_sale_with_its_slip_a_copy_and_a_note(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    opened = journal.open_sale(row(), ASKED, "till", stamp())
    settle(journal, send(journal, opened, code_mark="m" * 64))
    journal.receipts.move(1, "printing", "printer", stamp(3), b"\5" * 32)
    journal.receipts.move(1, "printed", "printer", stamp(4))
    assert journal.receipts.owe_copy("S1", "T02", stamp(5)) == 1
    journal.audit.note("T03", "sign-in", "9001", stamp(6))
    journal.close()
    assert rows(path, "settlement", "sheet", "identity", "row_mac") == [
        {"id": "S1", "institution": "P99990000001", "till": "T01", "sale_number": "0001", "business_date": "2026-11-23",
         "generation": 1, "terminal_sequence": 1, "lane": "1", "flow": "pharmacy_purchase", "state": "CONFIRMED",
         "person": "pseudonym", **PAID, "mutual_aid_beside": 0, "quarantine": 0, "opened_at": at(0), "changed_at": at(0),
         "doubt_since": None, "sheet": SEALED, "row_mac": SEALED, "identity": SEALED}
    ]  # fmt: skip
    assert rows(path, "attempt", "request", "answer") == [
        {"msgid": MSGID, "settlement": "S1", "lane": "1", "purpose": "SETTLE", "infno": "2102", "key_id": "key 1",
         "request": SEALED, "request_sm3": sm3(REQUEST), "state": "ANSWERED", "verdict": "done", "answer": SEALED,
         "sent_at": at(1), "sent_monotonic": 1001.0, "boot_id": "boot", "ended_at": at(2)}
    ]  # fmt: skip
    assert rows(path, "receipt") == [
        {"id": 1, "settlement": "S1", "kind": "original", "copy_number": 0, "content_sm3": b"\5" * 32, "state": "printed",
         "created_at": at(2), "changed_at": at(4)},
        {"id": 2, "settlement": "S1", "kind": "copy", "copy_number": 1, "content_sm3": None, "state": "waiting",
         "created_at": at(5), "changed_at": at(5)},
    ]  # fmt: skip
    assert rows(path, "idempotency") == [
        {"client": "till", "key": "k1", "fingerprint": b"\1" * 32, "settlement": "S1", "created_at": at(0)}
    ]
    assert rows(path, "code_seen") == [{"mark": "m" * 64, "settlement": "S1", "seen_at": at(1)}]
    assert rows(path, "sequence") == [{"name": "settlement", "value": 1}]
    assert rows(path, "reversal_queue") == rows(path, "outbox") == rows(path, "anchor") == []
    slip = {"action": "receipt", "actor": "printer", "object": "S1", "receipt": 1}
    found, wanted = said(
        path, *SENT, (2, moved("SENDING", "CONFIRMED", amounts=PAID)), (3, {**slip, "new": "printing"}),
        (4, {**slip, "new": "printed"}), (5, {"action": "copy", "actor": "T02", "object": "S1", "copy": 1}),
        (6, {"action": "sign-in", "actor": "T03", "note": "9001"}),
    )  # fmt: skip
    assert found == wanted


def test_a_doubt(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    doubt(journal, send(journal, begin(journal)))
    journal.close()
    assert rows(path, "reversal_queue") == [
        {"settlement": "S1", "tries": 0, "due_at": at(0), "last_verdict": "timeout", "quiet_stage": 0}
    ]
    (attempt,) = rows(path, "attempt")
    assert (attempt["state"], attempt["verdict"], attempt["answer"], attempt["ended_at"]) == (
        "UNKNOWN", "timeout", None, at(2),
    )  # fmt: skip
    (stored,) = rows(path, "settlement")
    assert (stored["state"], stored["doubt_since"], stored["total_fen"]) == ("DOUBT", at(0), None)
    assert [(slip["kind"], slip["state"]) for slip in rows(path, "receipt")] == [("doubt", "waiting")]
    found, wanted = said(path, *SENT, (2, moved("SENDING", "DOUBT")))
    assert found == wanted


def test_a_sale_that_begins_as_the_rest_of_a_refund(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    settled = settle(journal, send(journal, begin(journal)))
    rest = row(id="S2", key=msgspec.structs.replace(KEY, sale_number="0002"))
    opened = journal.commit(
        Commit(settled, path_of(State.CONFIRMED, State.DELIVERED), "T01", stamp(3), opens=rest)
    )
    assert opened == msgspec.structs.replace(rest, terminal_sequence=2)
    assert journal.settlements.get("S2") == opened
    journal.close()
    found, wanted = said(
        path, *SENT, (2, moved("SENDING", "CONFIRMED", amounts=PAID)), (3, moved("CONFIRMED", "DELIVERED", amounts=PAID)),
        (3, {**OPENED, "actor": "T01", "object": "S2", "reason": "rest of the refund of S1"}),
    )  # fmt: skip
    assert found == wanted


def test_a_row_that_claims_another_opening_than_the_stored_one_is_not_believed(tmp_path: Path) -> None:
    """The opening is written once; what a later commit says of it gets into the row's code only, and does not fit."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    earlier = msgspec.structs.replace(begin(journal), opened_at=NINE - dt.timedelta(days=1))
    send(journal, earlier)
    with pytest.raises(JournalFailed, match="row changed outside the terminal"):
        journal.settlements.get("S1")
    journal.close()
    assert [stored["opened_at"] for stored in rows(path, "settlement")] == [at(0)]


def test_the_parts_of_a_submission_from_their_opening_to_the_hubs_answer(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    wanted = [
        NewSubmission("U1", "filing.chronic", "2503", CONTENT),
        NewSubmission("U2", "stock.sale", "3505", b'{"goods":1}'),
    ]
    first = SubmissionRow(
        id="U1", sequence=1, client="till", key="k1", part=1, fingerprint=b"\1" * 32, business_date=DAY, kind="filing.chronic",
        infno="2503", opened_at=NINE, progress=Progress(), reason="opened", due_at=NINE, changed_at=NINE, content=CONTENT,
    )  # fmt: skip
    second = msgspec.structs.replace(
        first, id="U2", sequence=2, part=2, kind="stock.sale", infno="3505", content=b'{"goods":1}'
    )
    assert journal.submissions.open(wanted, ASKED, DAY, stamp()) == [first, second]
    assert journal.submissions.unfinished() == [first, second]
    assert journal.submissions.recent(1) == [second]

    third = journal.submissions.open(
        [NewSubmission("U3", "stock.sale", "3505", b"{}")],
        Idempotency("till", "k2", b"\2" * 32),
        DAY,
        stamp(1),
    )
    assert [(one.sequence, one.part) for one in third] == [(3, 1)]

    accepted = _sent_and_accepted(journal, first)
    assert journal.submissions.get("U1") == accepted
    assert journal.submissions.attempts("U1") == [
        SubmissionAttempt(
            MSGID, "2503", "key 1", REQUEST, "ANSWERED", "accepted", b"the answer", at(2), at(3)
        )
    ]
    journal.close()

    assert rows(path, "submission", "content", "result", "row_mac")[0] == {
        "id": "U1", "sequence": 1, "client": "till", "key": "k1", "part": 1, "fingerprint": b"\1" * 32,
        "business_date": "2026-11-23", "kind": "filing.chronic", "infno": "2503", "opened_at": at(0), "state": "ACCEPTED",
        "tries": 1, "unanswered": 0, "reason": "accepted", "due_at": None, "changed_at": at(3), "content": SEALED,
        "result": SEALED, "row_mac": SEALED,
    }  # fmt: skip
    assert rows(path, "submission_attempt", "request", "answer") == [
        {"msgid": MSGID, "submission": "U1", "infno": "2503", "key_id": "key 1", "request": SEALED, "request_sm3": sm3(REQUEST),
         "state": "ANSWERED", "verdict": "accepted", "answer": SEALED, "sent_at": at(2), "sent_monotonic": 1002.0,
         "boot_id": "boot", "ended_at": at(3)}
    ]  # fmt: skip
    submit = {"action": "submit", "actor": "till", "old": "", "new": "WAITING", "reason": "opened"}
    step = {"action": "submission", "actor": "runner", "object": "U1", "infno": "2503"}
    found, expected = said(
        path, (0, {**submit, "object": "U1", "infno": "2503"}), (0, {**submit, "object": "U2", "infno": "3505"}),
        (1, {**submit, "object": "U3", "infno": "3505"}), (2, {**step, "old": "WAITING", "new": "SENT", "reason": "sent"}),
        (3, {**step, "old": "SENT", "new": "ACCEPTED", "reason": "accepted"}),
    )  # fmt: skip
    assert found == expected


def _sent_and_accepted(journal: Journal, first: SubmissionRow) -> SubmissionRow:
    sent = msgspec.structs.replace(
        first,
        progress=Progress(SubmissionState.SENT, 1, 1),
        reason="sent",
        due_at=None,
        changed_at=stamp(2).wall,
    )
    journal.submissions.change(
        SubmissionChange(
            row=sent, before=first.progress.state, actor="runner", stamp=stamp(2),
            sent=SubmissionMessage(MSGID, "2503", "key 1", REQUEST),
        )
    )  # fmt: skip
    assert journal.submissions.get("U1") == sent
    (attempt,) = journal.submissions.attempts("U1")
    assert attempt == SubmissionAttempt(MSGID, "2503", "key 1", REQUEST, "SENT", None, None, at(2), None)
    accepted = msgspec.structs.replace(
        sent, progress=Progress(SubmissionState.ACCEPTED, 1, 0), reason="accepted", changed_at=stamp(3).wall, result=b'{"serial":"1"}'
    )  # fmt: skip
    journal.submissions.change(
        SubmissionChange(
            row=accepted, before=SubmissionState.SENT, actor="runner", stamp=stamp(3),
            ended=AttemptEnded(MSGID, "ANSWERED", "accepted", b"the answer"),
        )
    )  # fmt: skip
    return accepted


def test_the_end_of_a_term(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    before = len(rows(path, "audit"))
    assert expire_due(journal, later(31)) == [(DAY.isoformat(), IDENTITY.value)]
    assert journal.store.connection.pragma("secure_delete") == 0, "only while something is deleted"
    journal.close()
    month = "2026-12-24 09:00:00.000000"
    assert rows(path, "day_key", "wrapped") == [
        {"day": "2026-11-23", "purpose": "evidence", "wrapped": SEALED, "made_at": at(0), "deleted_at": None},
        {"day": "2026-11-23", "purpose": "identity", "wrapped": None, "made_at": at(0), "deleted_at": month},
    ]
    assert rows(path, "meta") == [
        {"name": "message_numbers_until", "value": at(0)}, {"name": "readable_from", "value": "2"}
    ], "nothing is left to be cut"  # fmt: skip
    assert msgspec.json.decode(rows(path, "audit")[before]["record"]) == {
        "v": 1, "sequence": before + 1, "boot": "boot", "wall": month, "monotonic": 1000.0, "action": "expire",
        "actor": "schedule", "day": "2026-11-23", "purpose": "identity", "settlements": 1,
    }  # fmt: skip
    assert len(rows(path, "audit")) == before + 1


def test_anchors_that_people_have_accepted(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    journal.anchors.accept(frozenset({"9:b", "7:a"}), "T01", "7:a 9:b both of us", stamp(1))
    journal.anchors.accept(frozenset({"8:c"}), "T02", "8:c once more", stamp(2))
    assert journal.anchors.accepted() == {"7:a", "8:c", "9:b"}
    assert journal.anchors.newest_time() == stamp(2).wall
    journal.close()
    assert {"name": "accepted_anchors", "value": "7:a 8:c 9:b"} in rows(path, "meta")
    found, wanted = said(
        path, (1, {"action": "anchors_accepted", "actor": "T01", "note": "7:a 9:b both of us"}),
        (2, {"action": "anchors_accepted", "actor": "T02", "note": "8:c once more"}),
    )  # fmt: skip
    assert found == wanted
