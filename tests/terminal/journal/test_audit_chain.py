"""The audit log: a record for each step, word for word, each hashed into the next, and how it is asked."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.records import JournalRefused
from tests.terminal.journal.samples import TO_SENDING_STATES, begin, open_at, raw, send, settle, stamp


def _chain(path: Path) -> list[tuple[int, bytes, bytes, bytes]]:
    stranger = raw(path)
    rows: list[Any] = stranger.execute(
        "SELECT sequence, previous, hash, record FROM audit ORDER BY sequence"
    ).fetchall()
    stranger.close()
    return rows


def test_each_transition_has_one_audit_record_in_its_transaction(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    records = [msgspec.json.decode(record) for *_, record in _chain(path)]
    assert [(record["action"], record.get("old"), record.get("new")) for record in records] == [
        ("open", "", "DRAFT"),
        ("move", "DRAFT", "PRICED"),
        ("move", "PRICED", "ARMED"),
        ("move", "ARMED", "SENDING"),
        ("move", "SENDING", "CONFIRMED"),
    ]
    assert records[-1]["amounts"]["account_fen"] == 3750
    assert records[-1]["actor"] == "T01"


def test_every_record_is_hashed_into_the_next(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    journal.audit.note("start", "boot", "", stamp(9))
    previous = bytes(32)
    for number, (sequence, claimed, digest, record) in enumerate(_chain(path), start=1):
        assert sequence == number
        assert claimed == previous
        assert digest == sm3(previous + record)
        previous = digest
    assert journal.audit.head == (6, previous)


def test_the_chain_goes_on_after_a_restart_and_after_a_refusal(journal: Journal, path: Path) -> None:
    begin(journal)
    with pytest.raises(JournalRefused):
        begin(journal, "S2")
    journal.close()
    again = open_at(path)
    begin(again, "S2", "0002")
    assert again.audit.head[0] == 2
    again.close()
    digests = [(claimed, digest) for _, claimed, digest, _ in _chain(path)]
    assert digests[1][0] == digests[0][1]


def test_the_audit_log_says_word_for_word_who_did_what(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    (original,) = journal.receipts.of("S1")
    for state in ("printing", "printed"):
        journal.receipts.move(original.id, state, "printer", stamp(3))
    assert journal.receipts.owe_copy("S1", "T02", stamp(4)) == 1
    journal.audit.note("T03", "sign-in", "9001", stamp(5))
    said = [msgspec.json.decode(record) for *_, record in _chain(path)]
    amounts = {
        "total_fen": 3750,
        "fund_fen": 0,
        "account_fen": 3750,
        "mutual_aid_fen": 0,
        "cash_fen": 0,
        "hospital_fen": 0,
    }
    common = {"sequence", "boot", "wall", "monotonic"}
    found = [
        {name: what for name, what in record.items() if name in record.keys() - common} for record in said
    ]
    moves = [move for move in found if move["action"] == "move"]
    assert [(move["object"], move["old"], move["new"], move["actor"], move["reason"]) for move in moves] == [
        ("S1", old.value, new.value, "T01", "test")
        for old, new in pairwise((*TO_SENDING_STATES, State.CONFIRMED))
    ]
    assert [move["person"] for move in moves] == ["pseudonym"] * 4
    assert {name: what for name, what in moves[-1]["amounts"].items() if name in amounts} == amounts
    assert found[0]["action"] == "open"
    assert (found[0]["actor"], found[0]["object"], found[0]["old"], found[0]["new"]) == (
        "till",
        "S1",
        "",
        "DRAFT",
    )
    slips = [
        (slip["actor"], slip["object"], slip["new"], slip["receipt"])
        for slip in found
        if slip["action"] == "receipt"
    ]
    assert slips == [("printer", "S1", state, original.id) for state in ("printing", "printed")]
    assert {"action": "copy", "actor": "T02", "object": "S1", "copy": 1}.items() <= found[-2].items()
    assert {"action": "sign-in", "actor": "T03", "note": "9001"}.items() <= found[-1].items()


def test_the_audit_log_is_asked_by_stretch(journal: Journal) -> None:
    for number in (1, 2):
        begin(journal, f"S{number}", f"000{number}")
    for action, text in (("look", "S1"), ("look", "S2"), ("hear", "S1")):
        journal.audit.note("T01", action, text, stamp())
    assert [one.sequence for one in journal.audit.of("S1", 0, 5)] == [1]
    assert journal.audit.of("S1", 1, 5) == journal.audit.of("S2", 0, 1) == []
    newest = journal.audit.newest_note
    assert newest("S1", ("look", "hear"), 0, 5) == "hear"
    assert newest("S1", ("look", "hear"), 0, 4) == "look"
    assert newest("S1", ("look",), 2, 5) == "look"
    assert newest("S1", ("look",), 3, 5) == ""
    assert newest("S1", ("none",), 0, 5) == "open"
    assert newest("S1", ("none",), 1, 5) == ""
