"""Every call of the file system fails once: the operation succeeds all the same, or the process stops and the next one
believes the disk (I10). `make soak` sets YIBAO_EVERY_CALL, and every single call fails in every story.
"""

import os
from pathlib import Path

import apsw
import pytest

from terminal.journal.records import JournalFailed
from tests.faults import fired
from tests.recovery.cut_stories import STORIES
from tests.recovery.lives import CallFails, tell
from tests.terminal.harness import in_line
from tests.terminal.journal.samples import begin, open_at

pytestmark = in_line

ROWS = {"sync": "F24", "write": "F25", "truncate": "F25", "read": "F26", "open": "F26", "delete": "F24"}
"""Which row of the fault catalogue a failing call belongs to; a write counts there when the disk is full."""
WHOLE = frozenset(STORIES) if os.environ.get("YIBAO_EVERY_CALL") else frozenset({"purchase"})
"""Stories in which every single call fails; in the others one in seven, each story beginning at another."""
ERRORS = {"read": ("io", "short"), "write": ("io", "full")}
"""Errors besides a plain one."""


def plans(story: str, calls: dict[str, int]) -> list[CallFails]:
    """Every failure this story is told with."""
    every = 1 if story in WHOLE else 7
    first = 1 + list(STORIES).index(story) % every
    found = []
    for call, last in sorted(calls.items()):
        errors = ERRORS.get(call, ("io",))
        for number in range(first, last + 1, every):
            error = errors[number % len(errors)]
            # A sync that fails may have dropped what it should have kept, as Linux does: then only synced bytes are left.
            found.append(CallFails(call, number, error, "strict" if call == "sync" else "kept"))
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("story", STORIES)
def test_a_call_of_the_file_system_fails_and_nothing_is_lost(story: str, tmp_path: Path) -> None:
    calls = tell(story, tmp_path, None).calls
    assert set(calls) == {"open", "read", "write", "sync", "truncate", "delete"}
    stopped = 0
    for plan in plans(story, calls):
        ending = tell(story, tmp_path, plan)
        assert ending.happened, plan
        stopped += not ending.finished
        if plan.call != "write" or plan.error == "full":
            fired(ROWS[plan.call])
    assert stopped >= 9, "failures stop the process"


def test_a_row_that_must_be_there_and_is_not_stops_the_journal(tmp_path: Path) -> None:
    """Found by a short read of the counter of settlements: it ended as an internal error instead of a failed journal."""
    connections: list[apsw.Connection] = []
    journal = open_at(tmp_path / "journal.db", check=connections.append)
    connections[0].execute("DELETE FROM sequence")
    with pytest.raises(JournalFailed, match="a row that must be there is missing"):
        begin(journal)
    assert journal.failed
    journal.close()
