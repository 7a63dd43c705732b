"""The lives of a journal that are cut: the core scenarios of the money path, each recorded from its own beginning.

A story says with `cut_from_here` where it leaves the path of an earlier one: what came before is replayed and not cut
again, so that no content is counted under two names.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from terminal.core.events import Misuse
from terminal.core.states import UNSENT, State
from terminal.core.values import Settlement
from terminal.counter.wishes import RefundWish, ReturnWish
from terminal.journal.records import JournalFailed
from tests.recovery.power_cut import Files, Operation
from tests.recovery.witness import Facts, Stage
from tests.terminal.clinic.clinic import Clinic, Window
from tests.terminal.harness import Shop, Till
from tests.terminal.journal.old_journals import unpack
from tests.terminal.journal.samples import raw


class Recording(NamedTuple):
    """One life, told to its end: what the disk held before, what was done to it, and what the world knew when."""

    found: Files
    operations: tuple[Operation, ...]
    history: tuple[tuple[int, Facts], ...]
    since: int
    """The first moment that is cut."""


class Scene:
    """What a story acts on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.shop = stage.shop
        self.since = 0
        self.doubtful = False
        """True: answers get lost on the way to where the story is its own."""
        self.till: Till

    async def open(self) -> Till:
        """Open the shop: a counter on the disk that is in."""
        self.till = await self.stage.start()
        return self.till

    async def close(self) -> None:
        """End in order."""
        till = self.shop.newest
        assert till is not None
        await till._end()
        # SQLite ignores an error of the last checkpoint, which the next start repeats; apsw passes on that of a Python VFS.
        with contextlib.suppress(apsw.Error):
            till.journal.close()

    def vanish(self) -> None:
        """As after `kill -9`: the files are as they were, and nobody holds them open."""
        disk = self.stage.witness.disk
        disk.dead = True
        with contextlib.suppress(apsw.Error):
            self.till.connection.close()
        disk.dead = False

    def checkpoint(self) -> None:
        """What the application does when idle; when it fails the process stops, as there."""
        try:
            self.till.journal.checkpoint()
        except JournalFailed:
            self.power_off()
            raise

    def power_off(self) -> None:
        """From now on nothing of the last counter reaches hub, paper or disk."""
        for watch in self.stage.watches:
            if not watch.dead:
                watch.kill()

    async def stopped_by_itself(self) -> None:
        """Wait until the last counter has stopped, as it must when its journal has failed (I10)."""
        till = self.shop.newest
        if till is not None and not till.watch.dead:
            # The call may have failed under the story's own look into the journal; the next who asks the counter finds out.
            with contextlib.suppress(Misuse):
                await till.counter.workroom.read(lambda journal: journal.settlements.recent(1))
            async with asyncio.timeout(600):
                ending = await till.ended()
            assert ending is None or isinstance(ending, JournalFailed | asyncio.CancelledError), repr(ending)

    async def bury(self) -> None:
        """Take away what is left of the last counter."""
        till = self.shop.newest
        if till is not None:
            await till._end()
            with contextlib.suppress(apsw.Error):
                till.connection.close()

    async def window(self) -> Window:
        """Open the clinic."""
        assert isinstance(self.shop, Clinic)
        return Window(self.shop, await self.open())

    def cut_from_here(self) -> None:
        """What comes now is this story's own."""
        self.since = len(self.stage.witness.disk.operations)

    async def priced(self) -> Settlement:
        """A sale up to its quote, whose power is cut in another story."""
        till = await self.open()
        priced = await till.quote()
        self.cut_from_here()
        return priced

    async def settled(self) -> Settlement:
        """A sale that is settled and on paper, whose power is cut in another story."""
        till = await self.open()
        settled = await till.settle()
        await till.quiet()
        self.cut_from_here()
        return settled


Story = Callable[[Scene], Coroutine[Any, Any, None]]


async def creation(scene: Scene) -> None:
    """A new journal, up to the sign-in, and closed again."""
    await scene.open()
    await scene.close()


async def purchase(scene: Scene) -> None:
    """A sale, acknowledged, on paper."""
    till = await scene.open()
    scene.cut_from_here()
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.quiet()
    assert till.states() == [State.CLOSED]
    await scene.close()


async def refused(scene: Scene) -> None:
    """The hub refuses; then the same sale number is settled after all."""
    priced = await scene.priced()
    scene.shop.world.book._tokens.clear()
    assert (await scene.till.counter.sales.confirm(priced.id, "T01")).state is State.REFUSED
    assert (await scene.till.settle("0001")).state is State.CONFIRMED
    await scene.till.quiet()
    await scene.close()


async def reversed_(scene: Scene) -> None:
    """The answer is lost; the reversal undoes what the hub had booked."""
    priced = await scene.priced()
    scene.shop.arm("lose-answer", "2102")
    scene.shop.arm("lose-answer", "2601")
    assert (await scene.till.counter.sales.confirm(priced.id, "T01")).state is State.DOUBT
    await scene.till.quiet()
    assert scene.till.states() == [State.REVERSED]
    await scene.close()


async def not_found_twice(scene: Scene) -> None:
    """The request is lost; two reversals find nothing."""
    priced = await scene.priced()
    scene.shop.arm("lose-request", "2102")
    await scene.till.counter.sales.confirm(priced.id, "T01")
    await scene.till.quiet()
    assert scene.till.states() == [State.REVERSED]
    assert "REVERSED_ONCE>REVERSING" in scene.till.moves(priced.id)
    await scene.close()


async def quarantined(scene: Scene) -> None:
    """The answer does not add up; the hub's booking is undone."""
    priced = await scene.priced()
    scene.shop.arm("amount-off", "2102")
    await scene.till.counter.sales.confirm(priced.id, "T01")
    await scene.till.quiet()
    assert scene.till.states() == [State.REVERSED]
    await scene.close()


async def cancelled(scene: Scene) -> None:
    """A settled sale is cancelled."""
    settled = await scene.settled()
    assert (await scene.till.counter.sales.cancel(settled.id, "T01", "顾客改变主意")).state is State.CANCELLED
    await scene.till.quiet()
    await scene.close()


async def cancel_doubt(scene: Scene) -> None:
    """The cancellation's answer is lost, and the question about it too."""
    settled = await scene.settled()
    scene.shop.arm("lose-answer", "2103")
    scene.shop.arm("lose-answer", "5203")
    assert (
        await scene.till.counter.sales.cancel(settled.id, "T01", "顾客改变主意")
    ).state is State.CANCEL_DOUBT
    await scene.till.quiet()
    assert scene.till.states() == [State.CANCELLED]
    await scene.close()


async def _refunded(scene: Scene) -> str:
    """One of three boxes comes back; returns the sale of what remains, not settled yet."""
    settled = await scene.settled()
    if scene.doubtful:
        scene.shop.arm("lose-answer", "2103")
    await scene.till.counter.refunds.begin(
        settled.id, RefundWish((ReturnWish(1, "1"),), reason="包装破损"), "T01"
    )
    await scene.till.quiet()
    known = await scene.till.get(settled.id)
    assert known.state is State.CANCELLED
    assert known.refund is not None
    return known.refund.rest_id


async def refunded(scene: Scene) -> None:
    """Goods come back: the whole is cancelled, what remains is settled anew."""
    rest = await _refunded(scene)
    await scene.till.counter.media.give_code(rest, scene.shop.code())
    assert (await scene.till.counter.sales.confirm(rest, "T01")).state is State.CONFIRMED
    await scene.till.quiet()
    await scene.close()


async def refund_in_doubt(scene: Scene) -> None:
    """The same with both halves in doubt: the cancellation's answer is lost, and then that of the new settlement."""
    scene.doubtful = True
    rest = await _refunded(scene)
    await scene.till.counter.media.give_code(rest, scene.shop.code())
    scene.shop.arm("lose-answer", "2102")
    assert (await scene.till.counter.sales.confirm(rest, "T01")).state is State.DOUBT
    await scene.till.quiet()
    assert sorted(scene.till.states()) == [State.CANCELLED, State.REVERSED]
    await scene.close()


async def reopened(scene: Scene) -> None:
    """A checkpoint between two sales, an orderly end, and a third sale in the next life."""
    await scene.settled()
    scene.checkpoint()
    await scene.till.settle("0002")
    await scene.till.quiet()
    scene.checkpoint()
    await scene.close()
    till = await scene.open()
    await till.settle("0003")
    await till.quiet()
    assert till.states() == [State.CONFIRMED] * 3
    await scene.close()


async def killed(scene: Scene) -> None:
    """The process dies with a message under way; the next one finishes the doubt beside a new sale."""
    priced = await scene.priced()
    scene.shop.arm("delay 1000", "2102")
    asked = asyncio.get_running_loop().create_task(scene.till.counter.sales.confirm(priced.id, "T01"))
    try:
        await scene.till.wait(1.0)
        if asked.done():
            await asked
        scene.till.watch.kill()
        await scene.till._end()
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    scene.vanish()
    till = await scene.open()
    await till.quiet()
    assert till.states() == [State.REVERSED]
    await till.settle("0002")
    await till.quiet()
    await scene.close()


async def visit(scene: Scene) -> None:
    """A clinic visit, settled."""
    window = await scene.window()
    scene.cut_from_here()
    settled = await window.settled()
    await scene.till.counter.sales.acknowledge(settled.id, "N01")
    await window.rest()
    assert scene.till.states() == [State.CLOSED]
    await scene.close()


async def abandoned(scene: Scene) -> None:
    """The person leaves after the quote; lines and registration are withdrawn, one of them only after a lost answer."""
    window = await scene.window()
    priced = await window.priced()
    scene.cut_from_here()
    scene.shop.arm("lose-answer", "2205")
    await window.abandon(priced)
    await window.rest()
    assert scene.till.states() == [State.ABANDONED]
    await scene.close()


STORIES: dict[str, Story] = {
    "creation": creation,
    "purchase": purchase,
    "refused": refused,
    "reversed": reversed_,
    "not found twice": not_found_twice,
    "quarantined": quarantined,
    "cancelled": cancelled,
    "cancel doubt": cancel_doubt,
    "refunded": refunded,
    "refund in doubt": refund_in_doubt,
    "reopened": reopened,
    "killed": killed,
    "visit": visit,
    "abandoned": abandoned,
}
CLINIC = frozenset({"visit", "abandoned", "migration of a clinic"})
"""Stories told in a clinic."""
OLD: dict[str, str] = {
    "migration of a pharmacy": "schema-1-pharmacy",
    "migration of a clinic": "schema-1-clinic",
}
"""Stories that begin with an old journal, and with no way to the hub, which does not know these sales."""


def old_journal(name: str) -> tuple[Files, Facts]:
    """The files of an old journal, and what the world knew when it was last used."""
    with tempfile.TemporaryDirectory() as folder:
        path = unpack(name, Path(folder))
        files = {
            end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal") if Path(f"{path}{end}").exists()
        }
        connection = raw(path)
        rows: Any = connection.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        number, digest = rows.fetchall()[0]
        sent = [str(msgid) for (msgid,) in connection.execute("SELECT msgid FROM attempt")]
        told = [
            (str(name), State(str(state)))
            for name, state in connection.execute("SELECT id, state FROM settlement")
        ]
        connection.close()
    outcomes = frozenset((name, state) for name, state in told if state not in UNSENT)
    return files, Facts((number, digest), frozenset(sent), outcomes)


async def migration(scene: Scene) -> None:
    """A journal of schema 1 is migrated by the first start; the second one finds it migrated."""
    scene.stage.link.down = True
    await scene.open()
    await scene.close()
    await scene.open()
    await scene.close()


def stage_for(story: str, folder: Path, seed: int = 1) -> Stage:
    """A world with nobody in it yet, for a story. Call it inside a running virtual loop."""
    return Stage(Clinic(folder) if story in CLINIC else Shop(folder, seed=seed), folder)


async def record(story: str, stage: Stage) -> Recording:
    """Tell a story on a fresh disk, from the first byte; or on an old journal."""
    scene = Scene(stage)
    if story in OLD:
        witness = stage.insert(*old_journal(OLD[story]))
        await migration(scene)
    else:
        witness = stage.insert(None)
        await STORIES[story](scene)
    disk = witness.disk
    recording = Recording(disk.found, tuple(disk.operations), tuple(witness.history), scene.since)
    disk.close()
    return recording
