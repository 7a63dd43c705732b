"""The demo from the first process to the last: `run_demo` is what the command calls.

Exit code 0 only if every story ended as told, 1 otherwise (also when a process of the demo died), 130 after Ctrl-C.
Whatever happens, the processes that were started are ended and the temporary folder is removed.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final, TextIO

import msgspec

from protocols.hub.profile import Profile
from yibao.client import CounterError
from yibao.demo.checks import disagreements
from yibao.demo.children import ChildDied
from yibao.demo.facts import Evidence
from yibao.demo.narration import READING_PAUSE_S, Narrator, PlainNarrator, Sentence, narrator_for
from yibao.demo.report import FORMAT, DemoReport, StoryOutcome, pictures, story_report
from yibao.demo.scene import Scene, StoryBroke
from yibao.demo.stage import Stage, open_stage
from yibao.demo.tales import TALES, Tale
from yibao.simulated.endpoints import LeftOut, SimulationRefused
from yibao.simulated.folder import SimFolder

STORIES_LIMIT_S: Final = 40.0
"""From the first process to the last verdict; about 8 s on an idle machine, 20 s with the pauses for reading."""

GOOD: Final = 0
BAD: Final = 1
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_LONGEST_PARENT_BYTES: Final = 60

Look = Callable[[Scene, str], Awaitable[Evidence]]
"""How the books about a settlement are read; a test hands in one that lies."""


class Plan(msgspec.Struct, frozen=True):
    """What to perform, and how."""

    json_file: Path | None = None
    stay: bool = False
    profile: str = ""
    """Province profile, by a shipped name or a file's absolute path; empty = the default one."""
    tales: tuple[Tale, ...] = TALES
    look: Look = Scene.evidence
    limit_s: float = STORIES_LIMIT_S
    pause_s: float = READING_PAUSE_S
    """Between two lines on a terminal."""


class Told(msgspec.Struct, frozen=True):
    """What became of the stories."""

    outcomes: tuple[StoryOutcome, ...]
    left_out: tuple[LeftOut, ...]
    took_s: float
    complete: bool
    """Every story of the plan was begun."""

    @property
    def good(self) -> bool:
        """Every story ended as told."""
        return self.complete and not any(outcome.problems for outcome in self.outcomes)


def run_demo(json_file: Path | None, stay: bool, profile: str = "") -> int:
    """Perform all stories; return the exit code.

    `json_file` gets what happened (see `report`), with the pictures of the slips beside it. With `stay` the counter is
    left up afterwards until Ctrl-C, if standard input is a terminal.
    """
    return perform(Plan(json_file=json_file, stay=stay, profile=profile), sys.stdout)


def perform(plan: Plan, stream: TextIO) -> int:
    """Perform a plan, telling it on `stream`; return the exit code."""
    if plan.json_file is not None and not os.access(plan.json_file.absolute().parent, os.W_OK):
        print(f"{plan.json_file}: 不能写入 cannot be written", file=sys.stderr)
        return BAD
    try:
        with _folder() as folder:
            return asyncio.run(_until_signal(_perform(plan, SimFolder(Path(folder)), stream)))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder whose path leaves room for a Unix socket's name, which may have about 100 bytes."""
    usual = tempfile.gettempdir()
    parent = usual if len(os.fsencode(usual)) <= _LONGEST_PARENT_BYTES else "/tmp"
    return tempfile.TemporaryDirectory(prefix="yibao-demo-", dir=parent, ignore_cleanup_errors=True)


async def _until_signal(work: Awaitable[int]) -> int:
    """Run the work; Ctrl-C and its kin cancel it, are waited out, and become the exit code."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    caught: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not caught:
            task.cancel()
        caught.append(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not caught:
            raise
        return 128 + caught[0]
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _perform(plan: Plan, folder: SimFolder, stream: TextIO) -> int:
    plain = PlainNarrator(stream)
    try:
        async with open_stage(folder, plan.profile) as stage:
            code = await stage.unless_a_child_dies(_tell_and_write(plan, stage, stream))
            if plan.stay and sys.stdin.isatty():
                await _invite(plain, stage)
                with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how staying is meant to end
                    await stage.unless_a_child_dies(asyncio.Event().wait())
            return code
    except ChildDied as died:
        await plain.verdict(
            False,
            f"{died.name} 意外退出（{died.code}），最后的日志：",
            f"{died} unexpectedly; the end of its log:",
        )
        await plain.raw(died.last_lines)
        return BAD
    except CounterError as error:
        await plain.verdict(False, error.zh, error.en)
        return BAD


async def _tell_and_write(plan: Plan, stage: Stage, stream: TextIO) -> int:
    with narrator_for(stream, plan.pause_s) as narrator:
        told = await _tell(plan, stage, narrator)
        await _conclude(told, narrator)
    if plan.json_file is not None:
        try:
            await asyncio.to_thread(_write, told, plan.json_file)
        except OSError as failure:
            print(f"{plan.json_file}: 不能写入 cannot be written ({failure.strerror})", file=sys.stderr)
            return BAD
    return GOOD if told.good else BAD


async def _tell(plan: Plan, stage: Stage, narrator: Narrator) -> Told:
    """Tell the stories one after the other; one that fails does not keep the next from being told."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    outcomes: list[StoryOutcome] = []
    left_out: tuple[LeftOut, ...] = ()
    try:
        async with asyncio.timeout(plan.limit_s):
            await narrator.say(*_OPENING)
            scenes = await stage.raise_curtain(narrator)
            profile = await asyncio.to_thread(stage.profile)
            for place, tale in enumerate(plan.tales, start=1):
                await narrator.chapter(tale.number, place, len(plan.tales), tale.title)
                outcomes.append(await _tell_one(tale, scenes[tale.place], plan.look, profile))
                await _judge(outcomes[-1], narrator)
            left_out = stage.left_out(tuple(outcomes))
    except TimeoutError:
        await narrator.verdict(
            False, f"{plan.limit_s:.0f} 秒内没有讲完", f"not over within {plan.limit_s:.0f} s"
        )
    return Told(tuple(outcomes), left_out, loop.time() - began_s, len(outcomes) == len(plan.tales))


async def _tell_one(tale: Tale, scene: Scene, look: Look, profile: Profile) -> StoryOutcome:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    evidence: Evidence | None = None
    problems: tuple[Sentence, ...]
    try:
        evidence = await look(scene, await tale.tell(scene))
        found = map(str, disagreements(tale.told, evidence, profile.wire_number))
        problems = tuple(Sentence(line, line) for line in found)
    except StoryBroke as broke:
        problems = (Sentence(broke.zh, broke.en),)
    except CounterError as error:
        problems = (Sentence(error.zh, error.en),)
    except SimulationRefused as refused:
        problems = (Sentence(refused.words.zh, refused.words.en),)
    return StoryOutcome(tale.number, tale.name, tale.title, loop.time() - began_s, problems, evidence)


async def _judge(outcome: StoryOutcome, narrator: Narrator) -> None:
    for problem in outcome.problems:
        await narrator.say(problem.zh, problem.en)
    number, took = outcome.number, f"{outcome.took_s:.1f} s"
    if outcome.problems:
        await narrator.verdict(
            False,
            f"故事 {number} 没有如所讲结束（{took}）",
            f"Story {number} did not end as told ({took})",
        )
        return
    await narrator.verdict(
        True,
        f"故事 {number} 如所讲结束：终端日志、平台账本、凭条三方一致（{took}）",
        f"Story {number} ended as told: journal, hub ledger and slips agree ({took})",
    )


async def _conclude(told: Told, narrator: Narrator) -> None:
    for part in told.left_out:
        await narrator.say(f"本次没有用到的真实部件：{part.zh}", f"Real part left out: {part.en}")
    good = sum(not outcome.problems for outcome in told.outcomes)
    of, took = len(told.outcomes), f"{told.took_s:.1f} s"
    await narrator.verdict(
        told.good,
        f"{of} 个故事中 {good} 个如所讲结束（{took}）",
        f"{good} of {of} stories ended as told ({took})",
    )


def _write(told: Told, file: Path) -> None:
    report = DemoReport(
        format=FORMAT,
        version=version("yibao-terminal"),
        as_told=told.good,
        took_s=round(told.took_s, 3),
        left_out=told.left_out,
        stories=tuple(story_report(outcome, file) for outcome in told.outcomes),
    )
    for name, png in pictures(told.outcomes, file).items():
        (file.parent / name).write_bytes(png)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


async def _invite(narrator: Narrator, stage: Stage) -> None:
    await narrator.say("柜台还开着，在另一个终端窗口试试：", "The counter stays up; try in another terminal:")
    await narrator.raw(stage.next_commands())
    await narrator.say("按 Ctrl-C 结束。", "Ctrl-C ends it.")


_OPENING: Final = (
    "启动模拟世界：平台、电子凭证中台、读卡器、扫描枪、打印机、消息代理，以及药店和诊所的终端，都是独立进程。",
    "Starting a simulated world: hub, certificate centre, card reader, scanners, printers, message broker, and the"
    " terminals of a pharmacy and a clinic, as separate processes.",
)
