"""Message ids never repeat: not across tills, restarts, kills, clock jumps or floods."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.hub.message_ids import BLOCK_S, COUNTERS, MessageIds
from terminal.journal.journal import Journal
from terminal.journal.thread import InlineJournal
from tests.faults import fired
from tests.terminal.harness import INSTITUTION, NINE, in_line, virtual
from tests.terminal.journal.samples import open_at
from yibao.site.virtual_loop import VirtualClock, run_virtual


class Terminal:
    """One terminal slot with its journal; may be killed and started again."""

    def __init__(self, folder: Path, slot: int, clock: VirtualClock) -> None:
        self._folder = folder
        self._path = folder / f"slot-{slot}.db"
        self._slot = slot
        self._clock = clock
        self._lives = 0
        self.waited_s = 0.0
        self._start()

    def _start(self) -> None:
        self.journal: Journal = open_at(self._path)
        self.ids = MessageIds(INSTITUTION, self._slot, self._clock, InlineJournal(self.journal), self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waited_s += seconds
        await asyncio.sleep(seconds)

    def restart(self) -> None:
        """End in order and start again."""
        self.journal.close()
        self._start()

    def kill(self) -> None:
        """Go on with what the disk held."""
        self._lives += 1
        copy = self._folder / f"slot-{self._slot}-{self._lives}.db"
        for suffix in ("", "-wal"):
            old = Path(f"{self._path}{suffix}")
            if old.exists():
                shutil.copyfile(old, f"{copy}{suffix}")
        self.journal.close()
        self._path = copy
        self._start()


def _clock() -> VirtualClock:
    return VirtualClock(asyncio.get_running_loop(), NINE)


@virtual
async def test_an_id_is_institution_second_slot_and_counter(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 7, _clock())
    await asyncio.sleep(3)
    first, second = await terminal.ids.next(), await terminal.ids.next()
    assert first == f"{INSTITUTION}202611230900030700"
    assert second == f"{INSTITUTION}202611230900030701"
    assert len(first) == 30
    terminal.journal.close()


@virtual
async def test_the_first_id_of_a_new_journal_lies_behind_its_floor(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    assert (await terminal.ids.next())[12:26] == "20261123090001"
    terminal.journal.close()


@virtual
async def test_the_hundred_and_first_id_of_a_second_waits_for_the_next(tmp_path: Path) -> None:
    clock = _clock()
    terminal = Terminal(tmp_path, 1, clock)
    await asyncio.sleep(10.25)
    ids = [await terminal.ids.next() for _ in range(COUNTERS)]
    assert terminal.waited_s == 0
    assert {identity[12:26] for identity in ids} == {"20261123090010"}
    assert (await terminal.ids.next())[12:26] == "20261123090011"
    assert clock.monotonic_s() == 11, "and no longer than needed"
    terminal.journal.close()


@virtual
async def test_a_flood_of_tasks_gets_ids_that_all_differ(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    ids = await asyncio.gather(*(terminal.ids.next() for _ in range(350)))
    assert len(set(ids)) == 350
    assert list(ids) == sorted(ids)
    assert terminal.waited_s >= 3, "350 ids need four seconds"
    terminal.journal.close()


@virtual
async def test_two_tills_of_one_pharmacy_never_meet(tmp_path: Path) -> None:
    """Fault F73: the same second, the same counter, another slot."""
    clock = _clock()
    tills = [Terminal(tmp_path, slot, clock) for slot in (1, 2)]
    ids = [await till.ids.next() for _ in range(50) for till in tills]
    assert len(set(ids)) == 100
    assert {identity[26:28] for identity in ids} == {"01", "02"}
    fired("F73", 50)
    for till in tills:
        till.journal.close()


@virtual
async def test_after_a_restart_in_the_same_second_no_id_comes_again(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    await asyncio.sleep(5)
    before = [await terminal.ids.next() for _ in range(3)]
    for again in (terminal.restart, terminal.kill):
        again()
        after = [await terminal.ids.next() for _ in range(3)]
        assert not set(before) & set(after)
        assert min(after) > max(before)
        before += after
    terminal.journal.close()


@virtual
async def test_each_restart_costs_at_most_one_block_of_drift(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    await asyncio.sleep(60)
    for _ in range(4):
        await terminal.ids.next()
        terminal.kill()
    second = int((await terminal.ids.next())[24:26])
    assert second <= 4 * BLOCK_S
    terminal.journal.close()


@virtual
async def test_the_clock_may_jump_back_an_hour_or_to_1970(tmp_path: Path) -> None:
    clock = _clock()
    terminal = Terminal(tmp_path, 1, clock)
    await asyncio.sleep(5)
    ids = [await terminal.ids.next() for _ in range(3)]
    for jump in (-3600.0, -50 * 365 * 86_400.0):
        clock.jump(jump)
        ids += [await terminal.ids.next() for _ in range(150)]
        terminal.kill()
        ids += [await terminal.ids.next() for _ in range(3)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids), "time in ids never goes back"
    fired("F33", 2)
    terminal.journal.close()


@virtual
async def test_the_second_of_an_id_is_on_disk_before_it_is_handed_out(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    for _ in range(12):
        await asyncio.sleep(1)
        identity = await terminal.ids.next()
        reserved = terminal.journal.reserve_message_numbers(NINE)
        assert f"{reserved:%Y%m%d%H%M%S}" >= identity[12:26]
    terminal.journal.close()


@virtual
async def test_a_trade_of_minutes_reserves_blocks_and_not_every_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(tmp_path, 1, _clock())
    connection_writes = 0
    reserve: Callable[..., object] = terminal.journal.reserve_message_numbers

    def counting(*args: object) -> object:
        nonlocal connection_writes
        connection_writes += 1
        return reserve(*args)

    monkeypatch.setattr(terminal.journal, "reserve_message_numbers", counting)
    for _ in range(60):
        await asyncio.sleep(1)
        for _ in range(5):
            await terminal.ids.next()
    assert connection_writes <= 60 / BLOCK_S + 2
    terminal.journal.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ids"), st.integers(1, 130)),
        st.tuples(st.just("wait"), st.floats(0, 20)),
        st.tuples(st.just("jump"), st.floats(-86_400, 86_400)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("kill"), st.just(0)),
    ),
    max_size=12,
)


@in_line
@settings(max_examples=40)
@given(STEPS)
def test_whatever_happens_no_id_comes_twice(steps: list[tuple[str, float]]) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            clock = _clock()
            tills = [Terminal(Path(folder), slot, clock) for slot in (1, 2)]
            seen: list[list[str]] = [[], []]
            for what, amount in steps:
                for till, ids in zip(tills, seen, strict=True):
                    if what == "ids":
                        ids += [await till.ids.next() for _ in range(int(amount))]
                    elif what == "restart":
                        till.restart()
                    elif what == "kill":
                        till.kill()
                if what == "wait":
                    await asyncio.sleep(amount)
                if what == "jump":
                    clock.jump(amount)
            for till, ids in zip(tills, seen, strict=True):
                assert ids == sorted(set(ids)), "each id once, and time in ids never goes back"
                till.journal.close()
            assert not set(seen[0]) & set(seen[1])

    run_virtual(main)
