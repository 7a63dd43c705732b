"""What arrives together is committed together, and nobody is answered before the commit."""

import asyncio
from pathlib import Path

import apsw
import pytest

from simulators.hub.group_commit import GroupCommit
from simulators.hub.ledger import Ledger, MessageSeen


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Books in a file."""
    return Ledger(tmp_path / "hub.db")


def on_disk(tmp_path: Path) -> list[str]:
    """The message ids that another reader finds."""
    return [seen.msgid for seen in Ledger(tmp_path / "hub.db").messages()]


async def book(group: GroupCommit, ledger: Ledger, name: str) -> None:
    """One request."""
    committed = group.join()
    with ledger.transaction():
        ledger.note_message(MessageSeen(name, "2102", 0))
    await committed


def test_books_in_a_file_are_synced_at_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    ledger = Ledger(path)
    assert ledger._database.pragma("synchronous") == 2  # FULL
    assert ledger._database.pragma("journal_mode") == "wal"


async def test_requests_of_one_turn_share_a_commit_and_are_answered_after_it(
    tmp_path: Path, ledger: Ledger
) -> None:
    group, ended = GroupCommit(ledger), []

    async def ask(name: str) -> None:
        await book(group, ledger, name)
        ended.append((name, len(on_disk(tmp_path))))

    await asyncio.gather(*map(ask, "abc"))
    assert ended == [("a", 3), ("b", 3), ("c", 3)]
    await ask("d")
    assert on_disk(tmp_path) == ["a", "b", "c", "d"]


async def test_one_who_hangs_up_takes_nobody_along(tmp_path: Path, ledger: Ledger) -> None:
    group = GroupCommit(ledger)
    gone, stays = (asyncio.ensure_future(book(group, ledger, name)) for name in "ab")
    asyncio.get_running_loop().call_soon(gone.cancel)
    await stays
    assert on_disk(tmp_path) == ["a", "b"]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_a_commit_that_fails_answers_nobody_and_books_nothing(tmp_path: Path, ledger: Ledger) -> None:
    group = GroupCommit(ledger)
    ledger._database.set_commit_hook(lambda: True)  # as a full disk does: the database refuses and rolls back
    failed = await asyncio.gather(*(book(group, ledger, name) for name in "ab"), return_exceptions=True)
    assert [type(one) for one in failed] == [apsw.ConstraintError] * 2
    ledger._database.set_commit_hook(None)
    assert on_disk(tmp_path) == []
    await book(group, ledger, "c")
    assert on_disk(tmp_path) == ["c"]
