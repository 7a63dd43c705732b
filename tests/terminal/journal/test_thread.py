"""The journal's own thread: one owner, one order, errors reach the caller, and the loop is never held."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed, JournalRefused
from terminal.journal.thread import InlineJournal, JournalThread
from tests.terminal.journal.samples import begin, open_at


async def test_all_calls_run_in_one_thread_that_is_not_the_loops(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    threads = {await port.call(lambda _: threading.get_ident()) for _ in range(5)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    await port.close()


async def test_the_order_of_the_calls_is_the_order_of_the_work(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    order: list[int] = []

    def work(number: int) -> Callable[[Journal], None]:
        return lambda _: order.append(number)

    await asyncio.gather(*(port.call(work(number)) for number in range(50)))
    assert order == list(range(50))
    await port.close()


async def test_results_and_refusals_reach_the_caller(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    assert (await port.call(begin)).terminal_sequence == 1
    with pytest.raises(JournalRefused, match="sale_number_open"):
        await port.call(lambda journal: begin(journal, "S2"))
    assert len(await port.call(lambda journal: journal.settlements.recent(5))) == 1
    await port.close()


async def test_a_caller_who_goes_away_does_not_stop_what_was_handed_over(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    go_on = threading.Event()

    def slow(journal: Journal) -> None:
        go_on.wait(5)
        begin(journal)

    caller = asyncio.ensure_future(port.call(slow))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    assert len(await port.call(lambda journal: journal.settlements.recent(5))) == 1
    await port.close()


async def test_a_journal_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    port = JournalThread(lambda: open_at(tmp_path / "nowhere" / "journal.db"))
    with pytest.raises(JournalFailed):
        await port.open()
    await port.close()


async def test_before_it_is_open_and_after_it_is_closed_nobody_is_served(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    with pytest.raises(RuntimeError, match="the journal is not open"):
        await port.call(begin)
    await port.open()
    await port.close()
    with pytest.raises(RuntimeError, match="the journal is not open"):
        await port.call(begin)


async def test_an_error_after_the_caller_went_away_is_nobodys_and_the_thread_goes_on(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    go_on = threading.Event()

    def fails(journal: Journal) -> None:
        go_on.wait(5)
        raise JournalRefused("sale_number_open", "S1")

    caller = asyncio.ensure_future(port.call(fails))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    assert (await port.call(begin)).terminal_sequence == 1
    await port.close()


async def test_closing_finishes_what_was_handed_over_and_leaves_one_file(path: Path) -> None:
    port = JournalThread(lambda: open_at(path))
    await port.open()
    await port.call(begin)
    await port.close()
    assert [found.name for found in path.parent.iterdir()] == ["journal.db"]


async def test_the_inline_journal_calls_at_once(path: Path) -> None:
    journal = open_at(path)
    port = InlineJournal(journal)
    assert await port.call(lambda _: threading.get_ident()) == threading.get_ident()
    journal.close()
