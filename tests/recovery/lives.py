"""Stories whose disk fails or loses its power on the way; then a new counter, the same hub, and the books must agree.

The images (`tests/recovery/images.py`) ask what a start believes. Here the story goes on: the counter that comes after
works with the real hub simulator until nothing is in doubt and nothing is owed, and then the hub's ledger, the journal
and the paper hold the same settlements.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import msgspec

from terminal.core.events import Misuse
from terminal.core.states import BOOKED, State
from terminal.journal.records import JournalFailed
from tests.recovery.cut_stories import STORIES, Scene, stage_for
from tests.recovery.power_cut import Disk, Files, Replay, default_vfs
from tests.recovery.witness import Stage
from tests.terminal.clinic.clinic import Clinic, Window
from tests.terminal.harness import Till
from yibao.site.virtual_loop import run_virtual

_UNDER_CANCELLATION = frozenset({State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED})


class PowerCut(msgspec.Struct, frozen=True):
    """The power goes just before change `at` of the disk (counted from 1)."""

    at: int
    kind: str
    """`kept`, `strict`, `torn`: what is left."""


class CallFails(msgspec.Struct, frozen=True):
    """One call of the file system fails, once."""

    call: str
    """`read`, `write`, `truncate`, `sync`, `delete`, `open`."""
    number: int
    """Which of these calls, counted from 1."""
    error: str
    """`io`, `full`, `short`."""
    kind: str
    """What the next process finds: `kept`, or `strict` as after a sync that failed and dropped what it had."""


class Ending(msgspec.Struct, frozen=True):
    """What became of a story."""

    happened: bool
    """The cut or failure came; False: the story was over before."""
    finished: bool
    """The story went through all the same."""
    calls: dict[str, int]
    """How many calls of each kind the first life made."""
    changes: int
    """How many changes of the disk the first life made."""
    second_happened: bool = False
    """The second cut came."""


ERRORS: dict[str, Callable[[], Exception]] = {
    "io": lambda: apsw.IOError("an input or output error, on purpose"),
    "full": lambda: apsw.FullError("disk full, on purpose"),
}


class _Trouble:
    """Sits on a disk and makes the plan come true."""

    def __init__(self, disk: Disk, plan: PowerCut | CallFails | None) -> None:
        self.happened = False
        self.cut = asyncio.Event()
        self.calls = Counter[str]()
        self._disk = disk
        self._plan = plan
        disk.before_change = self._before_change
        disk.on_call = self._on_call

    @property
    def power_is_off(self) -> bool:
        return self.cut.is_set()

    @property
    def read_was_short(self) -> bool:
        """SQLite took missing bytes for zeros, as at the end of a file: a guard that misses its table says no to what
        is right, and the process goes on. It must be the safe kind of no."""
        return self.happened and isinstance(self._plan, CallFails) and self._plan.error == "short"

    def _before_change(self) -> None:
        if self.power_is_off:
            raise apsw.IOError("the power is off")
        if isinstance(self._plan, PowerCut) and len(self._disk.operations) + 1 == self._plan.at:
            self.happened = True
            self.cut.set()
            raise apsw.IOError("the power went off")

    def _on_call(self, call: str, end: str) -> bool:
        self.calls[call] += 1
        plan = self._plan
        if not isinstance(plan, CallFails) or plan.call != call or self.calls[call] != plan.number:
            return False
        self.happened = True
        if plan.error == "short":
            return True
        raise ERRORS[plan.error]()


def tell(
    story: str, folder: Path, plan: PowerCut | CallFails | None, second: PowerCut | None = None
) -> Ending:
    """Tell a story to a counter whose disk has this trouble, then let the next counter come to rest.

    `second`: the power goes once more in the second life. Raises AssertionError when an invariant is broken.
    """
    return run_virtual(lambda: _tell(story, folder, plan, second))


async def _tell(
    story: str, folder: Path, plan: PowerCut | CallFails | None, second: PowerCut | None
) -> Ending:
    stage = stage_for(story, folder)
    scene = Scene(stage)
    disk = stage.insert(None).disk
    trouble = _Trouble(disk, plan)
    finished = await _life(STORIES[story](scene), scene, trouble)
    ending = Ending(trouble.happened, finished, dict(trouble.calls), len(disk.operations))
    if plan is not None and trouble.happened:
        files = _survivors(disk, plan.kind)
        told = stage.witness.now
        if second is not None:
            again = stage.insert(files, told).disk
            darker = _Trouble(again, second)
            rested = await _life(_come_to_rest(scene), scene, darker)
            if rested:
                await scene.close()
            files, told = _survivors(again, "kept" if rested else second.kind), stage.witness.now
            again.close()
            ending = msgspec.structs.replace(ending, second_happened=darker.happened)
        last = stage.insert(files, told).disk
        await _come_to_rest(scene)
        _assert_books_agree(scene)
        await scene.close()
        last.close()
    disk.close()
    return ending


async def _life(story: Coroutine[Any, Any, None], scene: Scene, trouble: _Trouble) -> bool:
    """One life, to its end or to its trouble; True when the story went through."""
    loop = asyncio.get_running_loop()
    telling = loop.create_task(story)
    dark = loop.create_task(trouble.cut.wait())
    await asyncio.wait({telling, dark}, return_when=asyncio.FIRST_COMPLETED)
    if trouble.power_is_off:
        scene.power_off()
    telling.cancel()
    dark.cancel()
    outcome, _ = await asyncio.gather(telling, dark, return_exceptions=True)
    if outcome is None and not trouble.power_is_off:
        return True
    # A read cut short gives an empty page: a rule that is not found there refuses, and nothing is written.
    refused_safely = trouble.read_was_short and isinstance(outcome, Misuse | apsw.ConstraintError)
    if not trouble.power_is_off and not refused_safely:
        assert _says_journal_failed(outcome), f"the story ended with {outcome!r}"
        await scene.stopped_by_itself()
    scene.power_off()
    await scene.bury()
    return False


def _says_journal_failed(outcome: object) -> bool:
    if isinstance(outcome, Misuse):
        return outcome.code in ("journal_failed", "not_ready")
    return isinstance(outcome, JournalFailed)


def _survivors(disk: Disk, kind: str) -> Files:
    replay = Replay(disk.found)
    for operation in disk.operations:
        replay.apply(operation)
    match kind:
        case "kept":
            return {end: bytes(content) for end, content in disk.files.items()}
        case "strict":
            return replay.strict()
        case _:
            return replay.torn(random.Random(len(disk.operations)))


async def _come_to_rest(scene: Scene) -> None:
    """A new counter on the disk that is in; what was proved unsent is given up by a person."""
    till = await scene.open()
    await give_up_what_was_never_sent(till)
    if isinstance(scene.shop, Clinic):
        await Window(scene.shop, till).rest()
    else:
        await till.quiet()


async def give_up_what_was_never_sent(till: Till) -> None:
    """A settlement that proved unsent waits for a person's word; this person gives it up."""
    for row in till.rows():
        if row.state is State.ARMED:
            await till.counter.sales.abandon(row.id, "T01")


def _assert_books_agree(scene: Scene) -> None:
    stage, till = scene.stage, scene.till
    with default_vfs(stage.witness.disk.name):
        if isinstance(scene.shop, Clinic):
            scene.shop.assert_clean(Window(scene.shop, till))
        else:
            scene.shop.assert_books_agree(till)
    rows = {row.id: row for row in till.rows()}
    for name, told in stage.witness.now.told:
        row = rows[name]
        if told in BOOKED and not row.quarantine:
            assert row.state in BOOKED | _UNDER_CANCELLATION, f"was told {told}, is {row.state}"
        if told in (State.REFUSED, State.REVERSED, State.CANCELLED, State.ABANDONED):
            assert row.state is told, f"was told {told}, is {row.state}"
    _assert_paper(till, stage)


def _assert_paper(till: Till, stage: Stage) -> None:
    """I6: no more originals on paper than settlements that ever owed one."""
    titles = Counter(stage.printer.titles())
    owed = Counter(
        kind for (kind,) in till.connection.execute("SELECT kind FROM receipt WHERE kind <> 'copy'")
    )
    assert titles["医保结算单"] <= owed["original"]
    assert titles["已冲正"] <= owed["reversed"]
