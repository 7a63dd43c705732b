"""What arrives together is committed together, and nobody is answered before the commit."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from simulators.hub.group_commit import GroupCommit
from simulators.hub.ledger import Ledger, MessageSeen
from simulators.hub.steps import Steps, at_once


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Books in a file."""
    return Ledger(tmp_path / "hub.db")


class Disk:
    """What `os.fdatasync` of one file does."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.asked = threading.Event()
        self.works = threading.Event()
        self.broken = False

    def sync(self, file: int, real: Callable[[int], None]) -> None:
        """Wait until the disk works; then fail if it is broken."""
        if Path(f"/proc/self/fd/{file}").readlink().name == self._name:
            self.asked.set()
            assert self.works.wait(10)
            if self.broken:
                raise OSError(5, "the disk fails")
        real(file)


def on_disk(tmp_path: Path) -> list[str]:
    """The message ids that another reader finds."""
    return [seen.msgid for seen in Ledger(tmp_path / "hub.db").messages()]


def handling(ledger: Ledger, name: str, told: list[str] | None = None) -> Steps[str]:
    """One request, which tells its steps."""
    told = [] if told is None else told
    told.append(f"{name} read")
    yield
    told.append(f"{name} admitted")
    yield
    with ledger.transaction():
        ledger.note_message(MessageSeen(name, "2102", 0))
    told.append(f"{name} booked")
    yield
    told.append(f"{name} signed")
    return f"answer to {name}"


async def book(group: GroupCommit, ledger: Ledger, name: str) -> str:
    """The same, waited for."""
    return await group.join(handling(ledger, name))


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


async def test_a_group_takes_each_step_together_and_signs_what_is_committed(ledger: Ledger) -> None:
    group, told = GroupCommit(ledger), list[str]()

    def committed(*_: object) -> int:
        told.append("committed")
        return 0

    ledger._database.set_wal_hook(committed)
    answers = await asyncio.gather(*(group.join(handling(ledger, name, told)) for name in "ab"))
    assert answers == ["answer to a", "answer to b"]
    assert told == [
        "a read", "b read", "a admitted", "b admitted", "a booked", "b booked", "committed", "a signed", "b signed",
    ]  # fmt: skip


async def test_one_who_comes_a_pass_later_is_of_the_same_group(ledger: Ledger) -> None:
    group, told = GroupCommit(ledger), list[str]()
    first = group.join(handling(ledger, "a", told))
    await asyncio.sleep(0)
    await asyncio.gather(first, group.join(handling(ledger, "b", told)))
    assert told[:2] == ["a read", "b read"]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Disk]:
    """The disk under the ledger's log, which lets nothing through before it is told to."""
    disk = Disk((tmp_path / "hub.db-wal").name)
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: disk.sync(file, real))
    yield disk
    disk.works.set()


async def test_no_answer_leaves_before_the_log_is_on_disk(ledger: Ledger, disk: Disk) -> None:
    group, told = GroupCommit(ledger), list[str]()
    answered = [group.join(handling(ledger, name, told)) for name in "ab"]
    assert await asyncio.to_thread(disk.asked.wait, 10)
    assert (told[-1], [one.done() for one in answered]) == ("b signed", [False, False])
    disk.works.set()
    assert await asyncio.gather(*answered) == ["answer to a", "answer to b"]


async def test_a_disk_that_fails_after_the_commit_leaves_everybody_without_an_answer(
    ledger: Ledger, disk: Disk
) -> None:
    group = GroupCommit(ledger)
    disk.broken = True
    disk.works.set()
    answered = (group.join(handling(ledger, name)) for name in "ab")
    failed = await asyncio.gather(*answered, return_exceptions=True)
    assert [(type(one), str(one)) for one in failed] == [(OSError, "[Errno 5] the disk fails")] * 2
    disk.broken, told = False, list[str]()
    with pytest.raises(
        OSError, match="the disk fails"
    ):  # what it wrote before may be lost, and this would stand behind
        await group.join(handling(ledger, "c", told))
    assert told == []


async def test_other_writers_wait_for_the_disk_themselves(ledger: Ledger) -> None:
    settings = []

    def tell() -> Steps[None]:
        settings.append(ledger._database.pragma("synchronous"))
        yield
        settings.append(ledger._database.pragma("synchronous"))

    await GroupCommit(ledger).join(tell())
    settings.append(ledger._database.pragma("synchronous"))
    assert settings == [1, 1, 2]  # NORMAL inside a group, FULL again after it


def test_a_request_that_goes_alone_takes_the_same_steps(ledger: Ledger) -> None:
    told: list[str] = []
    assert at_once(handling(ledger, "a", told)) == "answer to a"
    assert told == ["a read", "a admitted", "a booked", "a signed"]


async def test_what_goes_wrong_with_one_request_is_heard_by_nobody_else(
    tmp_path: Path, ledger: Ledger
) -> None:
    def breaks(after: int) -> Steps[str]:
        for _ in range(after):
            yield
        raise LookupError(after)

    def turned_away() -> Steps[str]:
        return "turned away"
        yield

    group = GroupCommit(ledger)
    steps = [breaks(0), handling(ledger, "a"), breaks(2), turned_away(), breaks(3)]
    outcomes = await asyncio.gather(*map(group.join, steps), return_exceptions=True)
    assert [str(one) for one in outcomes] == ["0", "answer to a", "2", "turned away", "3"]
    assert on_disk(tmp_path) == ["a"]


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

    def booked_and_done() -> Steps[str]:
        ledger.note_message(MessageSeen("done", "2102", 0))
        return "an answer that must not leave"
        yield

    steps = [handling(ledger, "a"), booked_and_done(), handling(ledger, "b")]
    failed = await asyncio.gather(*map(group.join, steps), return_exceptions=True)
    assert [type(one) for one in failed] == [apsw.ConstraintError] * 3
    ledger._database.set_commit_hook(None)
    assert on_disk(tmp_path) == []
    await book(group, ledger, "c")
    assert on_disk(tmp_path) == ["c"]
