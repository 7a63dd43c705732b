"""The processes behind the stories: `yibao sim up` and `yibao run` in a temporary folder, and the doors to them."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from terminal.config import read_config
from yibao.client import CounterClient
from yibao.demo.children import Child, ChildDied
from yibao.demo.narration import Narrator
from yibao.demo.report import LeftOut, StoryOutcome
from yibao.demo.scene import WHO, Scene
from yibao.simulated.control import SimClient
from yibao.simulated.folder import Endpoints, SimFolder, SimulationRefused

_Result = TypeVar("_Result")

NO_PTY: Final = LeftOut(
    "伪终端：扫描枪和打印机改走本机 TCP", "pseudo-terminals: scanner and printer were on local TCP instead"
)
NO_FONT: Final = LeftOut(
    "中文字体（fonts-wqy-microhei）：凭条只有文字，没有图片",
    "the Chinese font (fonts-wqy-microhei): slips as text only, no pictures",
)

_LOOK_AGAIN_S: Final = 0.02
_CLIENT_NAME: Final = "demo"
_DEATH_NOTICE_S: Final = 0.5
"""After something went wrong: how long to wait for the news that a process has died, which would be the reason."""


class Stage:
    """The running counter; use `open_stage`."""

    def __init__(self, sim_folder: SimFolder, closing: contextlib.AsyncExitStack) -> None:
        self._sim_folder = sim_folder
        self._folder = sim_folder.path
        self._closing = closing
        self._died: asyncio.Future[ChildDied] = asyncio.get_running_loop().create_future()
        self._watches: list[asyncio.Task[None]] = []
        self._children: list[Child] = []
        self._counter: Child | None = None
        self._client: CounterClient | None = None
        self._endpoints: Endpoints | None = None

    async def raise_curtain(self, narrator: Narrator) -> Scene:
        """Start everything and wait until sales are taken."""
        far_ends = await self._start("sim", "up", str(self._folder))
        self._endpoints = await self._endpoints_written()
        await narrator.say(
            f"模拟的远端已启动（进程 {far_ends.pid}）。", f"The far ends are up (process {far_ends.pid})."
        )
        enter = self._closing.enter_async_context
        sim = await enter(SimClient(self._endpoints))
        files = await asyncio.to_thread(read_config, self._sim_folder.counter_file)
        self._client = await enter(CounterClient(files.socket_path, name=_CLIENT_NAME))
        pid = await self._start_counter()
        await narrator.say(
            f"终端服务已就绪（进程 {pid}），可以收银。", f"The terminal is ready for sales (process {pid})."
        )
        return Scene(narrator, self._client, sim, self._kill_counter, self._start_counter, self._folder)

    async def _endpoints_written(self) -> Endpoints:
        """`sim up` writes the file when everything listens."""
        while True:
            with contextlib.suppress(SimulationRefused):
                return await asyncio.to_thread(self._sim_folder.endpoints)
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _start(self, *arguments: str) -> Child:
        log = self._folder / f"{arguments[0]}.log"
        child = await Child.start(f"yibao {arguments[0]}", arguments, log)
        self._children.append(child)
        self._watches.append(asyncio.create_task(self._watch(child)))
        return child

    async def _watch(self, child: Child) -> None:
        try:
            await child.watch()
        except ChildDied as died:
            if not self._died.done():
                self._died.set_result(died)

    async def _start_counter(self) -> int:
        self._counter = await self._start("run", "--counter", str(self._sim_folder.counter_file))
        if self._client is not None:
            await self._client.wait_ready()
        return self._counter.pid

    async def _kill_counter(self) -> int:
        if self._counter is None:
            raise RuntimeError("the counter was never started")
        await self._counter.kill()
        return self._counter.pid

    async def unless_a_child_dies(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Return what the work returns; raises `ChildDied` as soon as a process ends that should not."""
        task = asyncio.ensure_future(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self._died}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is not None:
                await asyncio.wait({self._died}, timeout=_DEATH_NOTICE_S)
            if self._died.done():
                raise self._died.result()
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def left_out(self, outcomes: tuple[StoryOutcome, ...]) -> tuple[LeftOut, ...]:
        """Which real parts this machine did not have."""
        missing = []
        if self._endpoints is not None and "://" in self._endpoints.scanner:
            missing.append(NO_PTY)
        slips = [slip for outcome in outcomes if outcome.evidence for slip in outcome.evidence.slips]
        if slips and not all(slip.png for slip in slips):
            missing.append(NO_FONT)
        return tuple(missing)

    def next_commands(self) -> tuple[str, ...]:
        """Three commands to try against this counter, after a line that says which counter is meant."""
        program = sys.argv[0] if Path(sys.argv[0]).name == "yibao" else "yibao"
        return (
            f"export YIBAO_COUNTER={self._sim_folder.counter_file} YIBAO_SIM_DIR={self._folder}",
            f"{program} sale --item 6901234567892*2 --code $({program} sim phone code {WHO})",
            f"{program} sim hub fault lose-answer --infno 2102",
            f"{program} journal list",
        )

    async def close(self) -> None:
        """End every process that was started, the newest first; Ctrl-C meanwhile interrupts nothing."""
        ending = asyncio.ensure_future(self._end_children())
        try:
            await asyncio.shield(ending)
        finally:
            await ending

    async def _end_children(self) -> None:
        for child in reversed(self._children):
            await child.end()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_stage(sim_folder: SimFolder) -> AsyncIterator[Stage]:
    """A stage in a folder; whatever happens, its processes have ended when the block does."""
    async with contextlib.AsyncExitStack() as closing:
        stage = Stage(sim_folder, closing)
        closing.push_async_callback(stage.close)
        yield stage
