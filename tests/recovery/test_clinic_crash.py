"""A clinic's counter is killed after every journal write and around every message of a visit, in turn.

After each crash a new counter starts on what the disk held, with the same hub, and works until nothing is in doubt and
nothing is owed. Then hub ledger and journal hold the same settlements, and no visit stands at the hub but the settled
ones. A settlement that was proved unsent before the crash waits for a word: the front desk gives it up.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from terminal.core.states import BOOKED, State
from tests.terminal.clinic.clinic import TABLETS, Clinic, Window
from tests.terminal.harness import Till, Watch, in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

LEAVES = "before a message to the hub"
Tale = Callable[[Window], Awaitable[None]]


async def visit(window: Window) -> None:
    """A visit that is settled, if the hub lets it."""
    known = await window.arrive()
    if known.filings is None:
        known = await window.counter.sales.quote(known.id)
    priced = await window.pick(known)
    if priced.state is not State.PRICED:
        priced = await window.counter.sales.quote(priced.id)
    settled = await window.confirm(priced)
    if settled.state is State.CONFIRMED and not settled.quarantine:
        await window.counter.sales.acknowledge(settled.id, "N01")
    await window.rest()


async def changed(window: Window) -> None:
    """The sheet changes after the quote; the visit is settled over the new one."""
    priced = await window.priced()
    await window.counter.sales.set_lines(priced.id, (TABLETS,))
    quoted = await window.counter.sales.quote(priced.id)
    if quoted.state is not State.PRICED:
        quoted = await window.counter.sales.quote(priced.id)
    await window.confirm(quoted)
    await window.rest()


async def abandoned(window: Window) -> None:
    """The person leaves after the quote."""
    await window.abandon(await window.priced())
    await window.rest()


async def cancelled(window: Window) -> None:
    """A settled visit is cancelled and its visit withdrawn."""
    settled = await window.settled()
    if settled.state is State.CONFIRMED:
        await window.cancel(settled)
    await window.rest()


CASES: tuple[tuple[Tale, str, str], ...] = (
    (visit, "", ""),
    (visit, "lose-answer 2201", "2201"),
    (visit, "lose-request 2201", "2201"),
    (visit, "lose-answer 2203A", "2203A"),
    (visit, "lose-answer 2204", "2204"),
    (visit, "lose-request 2204", "2204"),
    (visit, "lose-answer 2207A", "2207A"),
    (visit, "lose-request 2207A", "2207A"),
    (visit, "amount-off 2207A", "2207A"),
    (changed, "", "2205"),
    (changed, "lose-answer 2205", "2205"),
    (abandoned, "", "2205"),
    (abandoned, "lose-answer 2205+2202", "2205"),
    (abandoned, "lose-request 2205+2202", "2205"),
    (cancelled, "", "2208"),
    (cancelled, "lose-answer 2208", "2208"),
    (cancelled, "lose-request 2208+5203", "2208"),
    (cancelled, "lose-answer 2202", "2202"),
)
"""Tale, faults, and the transaction from which on this case differs from those above it: the crashes begin there."""


def arm(clinic: Clinic, faults: str) -> None:
    """Arm a fault for each transaction named: "lose-answer 2205+2202"."""
    if faults:
        name, _, transactions = faults.partition(" ")
        for infno in transactions.split("+"):
            clinic.arm(name, infno)


async def survives(window: Window, tale: Tale) -> bool:
    """Tell the tale to a counter that may be killed on the way; False when it was."""

    async def told_to(_: Till) -> None:
        await tale(window)

    return not window.till.watch.dead and await window.till.run_story(told_to)


async def come_to_rest(window: Window) -> None:
    """Let the counter recover; a settlement that was proved unsent is given up at the desk."""
    for row in window.till.rows():
        if row.state is State.ARMED:
            await window.counter.sales.abandon(row.id, "N01")
    await window.rest()


async def one_life(folder: Path, tale: Tale, faults: str, stops: tuple[int, ...]) -> bool:
    """Tell the tale to counters that die at their points, one after the other; then let the last one come to rest."""
    clinic = Clinic(folder)
    arm(clinic, faults)
    window = await clinic.window(Watch(stops[0]))
    survived = await survives(window, tale)
    told = window.till.told()
    if not survived:
        for stop in (*stops[1:], None):
            await window.till.kill()
            window = await clinic.window(Watch(stop))
            if await survives(window, come_to_rest):
                break
    now = {row.id: row.state for row in window.till.rows()}
    for settlement_id, state in told.items():
        if state is State.CONFIRMED and now[settlement_id] not in BOOKED:
            quarantined_or_cancelled = (State.REVERSED, State.CANCELLED)
            assert now[settlement_id] in quarantined_or_cancelled
    clinic.assert_clean(window)
    assert len(clinic.live()) == sum(state in BOOKED for state in now.values())
    await window.till.stop()
    return survived


def first_point(folder: Path, tale: Tale, faults: str, since: str) -> int:
    """The point just before the first message of a transaction, in a life without a crash (1 for "")."""
    folder.mkdir()

    async def untouched() -> int:
        clinic, watch = Clinic(folder), Watch()
        arm(clinic, faults)
        window = await clinic.window(watch)
        assert await survives(window, tale)
        await window.till.stop()
        place = [exchange.infno for exchange in clinic.hub_link.sent].index(since)
        leaving = [number for number, name in enumerate(watch.points, start=1) if name == LEAVES]
        return leaving[place]

    return run_virtual(untouched) if since else 1


@pytest.mark.parametrize(
    ("tale", "faults", "since"), CASES, ids=[f"{tale.__name__} {faults}".strip() for tale, faults, _ in CASES]
)
def test_a_crash_at_any_point_of_a_visit_leaves_a_clean_hub(
    tale: Tale, faults: str, since: str, tmp_path: Path
) -> None:
    first = point = first_point(tmp_path / "untouched", tale, faults, since)
    while not run_life(tmp_path, tale, faults, (point,)):
        point += 1
        assert point < 150, "the tale never ends"
    assert point - first >= 6, "the tale has hardly any points: is anything watched?"


@pytest.mark.parametrize(
    ("tale", "faults", "since"),
    [
        (visit, "lose-answer 2207A", "2207A"),
        (abandoned, "lose-answer 2201", "2201"),
        (cancelled, "lose-answer 2208", "2208"),
    ],
)
def test_a_crash_inside_the_recovery_leaves_a_clean_hub(
    tale: Tale, faults: str, since: str, tmp_path: Path
) -> None:
    """Two crashes: at every fourth point of the visit, then at every third of what the next counter does about it."""
    first = first_point(tmp_path / "untouched", tale, faults, since)
    for point in range(first, first + 12, 4):
        for second in range(1, 24, 3):
            run_life(tmp_path, tale, faults, (point, second))


def run_life(tmp_path: Path, tale: Tale, faults: str, stops: tuple[int, ...]) -> bool:
    """One life with crashes, in a folder and a time of its own; True when none of them happened."""
    folder = tmp_path / "-".join(str(stop) for stop in stops)
    folder.mkdir()
    return run_virtual(lambda: one_life(folder, tale, faults, stops))
