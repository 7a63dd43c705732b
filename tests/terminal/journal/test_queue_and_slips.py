"""The queue of next tries, and the slips that are owed."""

import datetime as dt

import apsw
import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.records import Commit, NewReceipt, QueueEntry
from tests.terminal.journal.samples import NINE, begin, doubt, path_of, send, settle, stamp


def test_the_queue_keeps_the_next_try_until_it_is_left(journal: Journal) -> None:
    doubtful = doubt(journal, send(journal, begin(journal)))
    assert journal.queue.of("S1") == QueueEntry(0, NINE, "timeout")
    journal.commit(
        Commit(
            doubtful,
            (),
            "terminal",
            stamp(3),
            queue=QueueEntry(3, NINE + dt.timedelta(seconds=20), "unknown", 1),
        )
    )
    assert journal.queue.of("S1") == QueueEntry(3, NINE + dt.timedelta(seconds=20), "unknown", 1)
    over = msgspec.structs.replace(doubtful, state=State.REVERSED)
    journal.commit(
        Commit(
            over,
            path_of(State.DOUBT, State.REVERSING, State.REVERSED),
            "terminal",
            stamp(4),
            leave_queue=True,
        )
    )
    assert journal.queue.of("S1") is None


def test_a_slip_is_owed_in_the_transaction_of_its_outcome_and_moves_on(journal: Journal) -> None:
    settle(journal, send(journal, begin(journal)))
    (slip,) = journal.receipts.of("S1")
    assert (slip.kind, slip.copy_number, slip.state) == ("original", 0, "waiting")
    assert journal.receipts.unfinished() == [slip]
    journal.receipts.move(slip.id, "printing", "printer", stamp(3), sm3(b"paper"))
    assert [found.state for found in journal.receipts.unfinished()] == ["printing"]
    journal.receipts.move(slip.id, "printed", "printer", stamp(4))
    assert journal.receipts.unfinished() == []
    assert [found.state for found in journal.receipts.of("S1")] == ["printed"]


def test_there_is_one_original_and_copies_are_numbered(journal: Journal) -> None:
    settled = settle(journal, send(journal, begin(journal)))
    with pytest.raises(apsw.ConstraintError):
        journal.commit(Commit(settled, (), "T01", stamp(3), receipt=NewReceipt("original")))
    assert [
        journal.receipts.owe_copy("S1", "T01", stamp(4)),
        journal.receipts.owe_copy("S1", "T01", stamp(5)),
    ] == [1, 2]
    assert [(slip.kind, slip.copy_number) for slip in journal.receipts.of("S1")] == [
        ("original", 0),
        ("copy", 1),
        ("copy", 2),
    ]
