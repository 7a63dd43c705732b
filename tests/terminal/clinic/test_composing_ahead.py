"""The next message of a visit is composed while its predecessor's outcome is written; nothing leaves before that."""

from pathlib import Path

import apsw
import pytest

from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.records import Commit
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.harness import virtual


class RefusesOutcome:
    """Says no, once, to the commit that would record a step as done; notes what had been asked to leave by then."""

    def __init__(self, journal: Journal) -> None:
        self._commit = journal.commit
        self.refused = ""

    def __call__(self, commit: Commit) -> None:
        if not self.refused and commit.ended is not None and commit.ended.verdict == "done":
            self.refused = commit.ended.msgid
            raise apsw.ConstraintError("a guard said no, on purpose")
        self._commit(commit)


@virtual
async def test_a_message_composed_ahead_is_dropped_when_its_predecessor_is_not_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2201 is booked but cannot be written as booked: it is looked for with 5201, and 2203A waits for that."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    guard = RefusesOutcome(window.till.journal)
    monkeypatch.setattr(window.till.journal, "commit", guard)
    priced = await window.pick(known)
    assert guard.refused
    assert priced.state is State.PRICED
    booked = [(infno, state) for _, infno, state, _ in window.till.attempts(known.id)]
    assert booked == [("2201", "UNKNOWN"), ("2203A", "ANSWERED"), ("2204", "ANSWERED")]
    sent = clinic.hub_link.transactions()
    assert sent[sent.index("2201") :] == ["2201", "5201", "2203A", "2204", "2206A"]
    clinic.assert_books_agree(window.till)
    await window.till.stop()
