"""Power-cut images: made at every operation of the stories, started like a counter after the cut, held to the facts.

An image is the set of files that a power cut leaves (`tests/recovery/power_cut.py` says how it is made). Images are
told apart by their content: one that was seen before, whatever moment, seed or story it came from, is not counted
again. For each new one

* the real `open_journal` opens it (creates, migrates and rolls back as it must), and a real counter starts on it, with
  no way to the hub, until it is ready: every unfinished settlement hears `Restarted`;
* then it is held to what the world knew at the moment of the cut (`tests/recovery/witness.py`), and, where the same
  content comes again at a later moment, to what the world knew by then: the newest acknowledged
  audit record is there with its hash; every message handed to the link has its row (I2); every outcome told stands in
  the audit log and has not been unsaid (I4); what stands in the hub's books is booked here or in doubt, and what is
  booked here stands there (I1, I5); what went to the printer is not printed as an original again (I6); nothing is left
  under way;
* one in `VERIFY_EVERY` is besides read by `verify_journal` with the field key, after the start.

The start writes, too. For a part of the images its writes are cut in the same way: a cut inside the recovery from a
cut ("two deep"). A part of all the stories is also told to a counter that is cut and then works with the real hub
until it is at rest (`tests/recovery/test_cuts_lives.py`).

    python -m tests.recovery.images --hours 1     (or --images 100000)

prints one JSON object, and leaves with status 1 when `breaks` is not 0.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from terminal.core.states import BOOKED, OPEN_DOUBT, State
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.faults import counted, fired
from tests.memory_disk import MEMORY
from tests.recovery.cut_stories import OLD, STORIES, Recording, record, stage_for
from tests.recovery.power_cut import Files, Replay, default_vfs, digest
from tests.recovery.witness import Facts, Stage
from tests.terminal.harness import Till
from yibao.site.virtual_loop import run_virtual

VERIFY_EVERY = 6
_UNDER_CANCELLATION = frozenset({State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED})
_OVER = frozenset({State.REFUSED, State.REVERSED, State.CANCELLED, State.ABANDONED})


class Image(NamedTuple):
    """What one cut leaves."""

    files: Files
    moment: int
    """How many operations had been done."""
    kind: str
    """`kept`, `strict` or `torn`."""
    facts: Facts


class Plan(NamedTuple):
    """How much is made of a story."""

    torn: int = 4
    """Torn images at each moment at which something is under way."""
    deep_every: int = 75
    """One image in so many, by luck, is cut again inside its start; 0: none."""
    deep_step: int = 1
    """Inside a start every so-manieth operation is a moment to cut."""


def images_of(recording: Recording, torn: int, luck: random.Random, step: int = 1) -> Iterator[Image]:
    """Every cut of a recording: at each moment (or every `step`-th) kept, strict, and `torn` times torn."""
    replay = Replay(recording.found)
    history = iter(recording.history)
    _, facts = next(history)
    following = next(history, None)
    for moment in range(len(recording.operations) + 1):
        if moment:
            replay.apply(recording.operations[moment - 1])
        while following is not None and following[0] <= moment:
            facts = following[1]
            following = next(history, None)
        if moment < recording.since or moment % step:
            continue
        yield Image(replay.kept(), moment, "kept", facts)
        yield Image(replay.strict(), moment, "strict", facts)
        for _ in range(torn if replay.under_way else 0):
            yield Image(replay.torn(luck), moment, "torn", facts)


PLANS = dict.fromkeys(STORIES, Plan()) | dict.fromkeys(OLD, Plan(1, 100, 9))
"""For one pass over everything, again and again with other seeds. A start that migrates takes ten times as long, so fewer
of them are made."""
_FEWER_TORN = dict.fromkeys(PLANS, 3) | dict.fromkeys(("reopened", "killed", "reversed"), 2)
IN_THE_SUITE = {
    story: plan._replace(torn=min(plan.torn, _FEWER_TORN[story])) for story, plan in PLANS.items()
}
"""For the one pass that every run of the tests makes: enough for the figure that is promised of a whole run. The
longest stories make so many moments that fewer torn images are made at each."""


class Tally(msgspec.Struct):
    """What was made and what came of it."""

    images: int = 0
    """Images made, equal ones included."""
    distinct: int = 0
    """Images started and examined: one per content."""
    two_deep: int = 0
    """Of these, cuts inside the start after a cut."""
    torn: int = 0
    """Of these, such as hold a part of what was under way."""
    verified: int = 0
    """Of these, also read by `verify_journal`."""
    breaks: list[str] = []
    """What was wrong: story, moment, kind, and what."""

    def add(self, other: "Tally") -> None:
        """Add the counts of another tally."""
        for name in ("images", "distinct", "two_deep", "torn", "verified"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.breaks = self.breaks + other.breaks


class Observed(NamedTuple):
    """What a counter that has started on an image believes."""

    heads: dict[int, bytes]
    """Hash of each audit record."""
    attempts: dict[str, tuple[str, str]]
    """Settlement and purpose of each message."""
    rows: dict[str, tuple[State, bool]]
    """State of each settlement, and whether it is quarantined."""
    moved: frozenset[tuple[str, str]]
    """Settlement and state of every audited move."""
    slips: dict[bytes, str]
    """State of each slip by the hash of its bytes."""


class Cutter:
    """Cuts the stories of one stage. `seen` is shared by all cutters whose images must not be counted twice."""

    def __init__(
        self, story: str, stage: Stage, seen: set[bytes], luck: random.Random, limit: int | None = None
    ) -> None:
        """`limit`: enough after so many distinct images."""
        self.story = story
        self._limit = limit
        self.tally = Tally()
        self._stage = stage
        self._seen = seen
        self._luck = luck
        self._observed: dict[bytes, Observed | None] = {}

    async def cut(self, recording: Recording, plan: Plan, *, deep: bool = False) -> None:
        """Examine every image; of some also the images of their start."""
        self._stage.link.down = True
        images = images_of(recording, plan.torn, self._luck, plan.deep_step if deep else 1)
        for image in images:
            if self._limit is not None and self.tally.distinct >= self._limit:
                return
            self.tally.images += 1
            content = digest(image.files)
            where = f"{self.story}{' two deep' if deep else ''}, {image.kind} at {image.moment}"
            if content in self._observed:
                # Started before, but the world may know more by now than it did then.
                self._compare(self._observed[content], image.facts, where)
                continue
            new = content not in self._seen
            self._seen.add(content)
            self.tally.distinct += new
            self.tally.two_deep += new and deep
            self.tally.torn += new and image.kind == "torn"
            verify = new and self.tally.distinct % VERIFY_EVERY == 0
            self.tally.verified += verify
            recovery, observed = await self._start(image, where, verify=verify)
            self._observed[content] = observed
            self._compare(observed, image.facts, where)
            if plan.deep_every and self._luck.randrange(plan.deep_every) == 0:
                await self.cut(recovery, Plan(1, 0, plan.deep_step), deep=True)

    def _compare(self, observed: Observed | None, facts: Facts, where: str) -> None:
        if observed is not None:
            self.tally.breaks.extend(f"{where}: {what}" for what in _differences(observed, facts))

    async def _start(self, image: Image, where: str, *, verify: bool) -> tuple[Recording, Observed | None]:
        """Start a counter on an image; return what its start did to the disk, and what it then believes."""
        witness = self._stage.insert(image.files, image.facts)
        disk = witness.disk
        try:
            till = await self._stage.start()
        except JournalFailed as failed:
            self.tally.breaks.append(f"{where}: does not open: {failed}")
            disk.close()
            return Recording(image.files, (), ((0, image.facts),), 0), None
        recovery = Recording(image.files, tuple(disk.operations), tuple(witness.history), 1)
        observed = _observe(till)
        if verify:
            with default_vfs(disk.name):
                report = verify_journal(disk.path, self._stage.shop.vault)
            self.tally.breaks.extend(
                f"{where}: {found.code} {found.where}: {found.text}" for found in report.findings
            )
        till.watch.kill()
        await till._end()
        # It is dead and changes nothing any more: its connection need not read the whole log to be told so.
        till.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        till.connection.close()
        disk.close()
        # The watch holds the counter and its disk: kept for thousands of images they fill the memory.
        self._stage.watches.clear()
        return recovery, observed


def _observe(till: Till) -> Observed:
    query = till.connection.execute
    moved = query(
        "SELECT json_extract(CAST(record AS TEXT), '$.object'), json_extract(CAST(record AS TEXT), '$.new') FROM audit"
        " WHERE json_extract(CAST(record AS TEXT), '$.action') = 'move'"
    ).fetchall()
    return Observed(
        {int(number): bytes(head) for number, head in query("SELECT sequence, hash FROM audit")},
        {msgid: (settlement, purpose) for msgid, settlement, purpose in query("SELECT msgid, settlement, purpose FROM attempt")},
        {name: (State(state), bool(odd)) for name, state, odd in query("SELECT id, state, quarantine FROM settlement")},
        frozenset((str(name), str(state)) for name, state in moved),
        {bytes(content): state for content, state in query("SELECT content_sm3, state FROM receipt WHERE content_sm3 IS NOT NULL")},
    )  # fmt: skip


def _differences(observed: Observed, facts: Facts) -> Iterator[str]:
    """Where what a started counter believes contradicts what the world knows."""
    number, head = facts.head
    if number and observed.heads.get(number) != head:
        yield f"audit record {number} was acknowledged and is not there"
    for msgid in facts.sent - observed.attempts.keys():
        yield f"message {msgid} had left and is unknown"
    yield from _unsaid(observed, facts)
    yield from _books(observed, facts)
    for name, (state, _) in observed.rows.items():
        if state in (State.SENDING, State.CANCELLING):
            yield f"{name} is still {state} after the start"
    for paper in facts.papers:
        if observed.slips.get(paper, "waiting") == "waiting":
            yield "a slip was handed to the printer, and is unknown or waits to be printed (I6)"


def _unsaid(observed: Observed, facts: Facts) -> Iterator[str]:
    """I4: what was told stands in the audit log, and the settlement has not gone back behind it."""
    for name, told in facts.told:
        if (name, told.value) not in observed.moved:
            yield f"{name} was told {told}, and there is no record of it"
            continue
        state, quarantine = observed.rows[name]
        cancelling = (name, State.CANCELLING.value) in observed.moved and state in _UNDER_CANCELLATION
        unbooked = told in BOOKED and not quarantine and state not in BOOKED and not cancelling
        if unbooked or (told in _OVER and state is not told):
            yield f"{name} was told {told} and is {state}"
        elif told is State.DOUBT and state not in OPEN_DOUBT | BOOKED | _OVER - {State.ABANDONED}:
            yield f"{name} was in doubt and is {state}"


def _books(observed: Observed, facts: Facts) -> Iterator[str]:
    """I1, I5: the hub's books and ours do not contradict each other."""
    if facts.live is None:
        return
    settles = {name: msgid for msgid, (name, purpose) in observed.attempts.items() if purpose == "SETTLE"}
    for msgid in facts.live:
        name = observed.attempts.get(msgid, ("", ""))[0]
        if name not in observed.rows:
            yield f"settlement {msgid} stands at the hub and is unknown here"
        elif observed.rows[name][0] not in BOOKED | OPEN_DOUBT:
            yield f"{name} stands at the hub and is {observed.rows[name][0]} here"
    for name, (state, quarantine) in observed.rows.items():
        if state in BOOKED and not quarantine and settles.get(name) not in facts.live:
            yield f"{name} is {state} here and does not stand at the hub"


def cut_story(
    story: str,
    folder: Path,
    plan: Plan,
    *,
    seed: int = 1,
    seen: set[bytes] | None = None,
    limit: int | None = None,
) -> Tally:
    """Record a story and cut it everywhere; fault rows are recorded as they fire."""

    async def life() -> Tally:
        stage = stage_for(story, folder, seed)
        recording = await record(story, stage)
        luck = random.Random(f"{story} {seed}")
        cutter = Cutter(story, stage, set() if seen is None else seen, luck, limit)
        await cutter.cut(recording, plan)
        return cutter.tally

    tally = run_virtual(life)
    fired("F22" if story in OLD else "F20", tally.distinct - tally.two_deep)
    fired("F21", tally.two_deep)
    fired("F27", tally.torn)
    counted("power_cut_images", tally.distinct)
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Cut all stories again and again, each time with another seed; print one JSON object."""
    parser = argparse.ArgumentParser(prog="tests.recovery.images", description=main.__doc__)
    parser.add_argument("--hours", type=float, help="stop after this time")
    parser.add_argument("--images", type=int, help="stop after so many distinct images")
    parser.add_argument("--seed", type=int, help="the first seed; fresh without it")
    wanted = parser.parse_args(arguments)
    seed = first_seed = random.SystemRandom().randrange(1 << 32) if wanted.seed is None else wanted.seed
    began_s = time.monotonic()
    whole = Tally()
    seen: set[bytes] = set()

    with tempfile.TemporaryDirectory(prefix="yibao-images-", dir=MEMORY) as folder:
        for story in itertools.cycle(PLANS):
            limit = None if wanted.images is None else wanted.images - whole.distinct
            whole.add(cut_story(story, Path(folder), PLANS[story], seed=seed, seen=seen, limit=limit))
            hours = (time.monotonic() - began_s) / 3600
            last = story == next(reversed(PLANS))
            if (
                whole.distinct >= wanted.images
                if wanted.images
                else hours >= wanted.hours
                if wanted.hours
                else last
            ):
                break
            seed += last
    told = {"seed": first_seed, "last_seed": seed, **msgspec.structs.asdict(whole)}
    told |= {"breaks": len(whole.breaks), "first_breaks": whole.breaks[:20]}
    told["seconds"] = round(time.monotonic() - began_s, 1)
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    return 1 if whole.breaks else 0


if __name__ == "__main__":
    sys.exit(main())
