"""The processes behind the stories: `yibao sim up` and a `yibao run` for each counter in a temporary folder, and the
doors to them."""

import asyncio
import contextlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from protocols.fleet.topics import terminal_id
from protocols.hub.profile import Profile
from simulators.fleet.server import FleetServer
from terminal.config import read_config
from yibao.client import CounterClient
from yibao.demo.children import Child, ChildDied
from yibao.demo.fleet import FleetWatch, fleet_server
from yibao.demo.narration import Narrator
from yibao.demo.report import StoryOutcome
from yibao.demo.scene import PATIENT, WHO, Scene
from yibao.simulated.control import SimClient
from yibao.simulated.endpoints import CLINIC, MAIN, Endpoints, LeftOut, SimulationRefused, read_endpoints
from yibao.simulated.folder import SimFolder

_Result = TypeVar("_Result")

NO_BINDING: Final = LeftOut(
    "Python 的 PC/SC 库（pyscard）：没有读卡", "the PC/SC binding (pyscard): no card was read"
)
NO_FONT: Final = LeftOut(
    "中文字体（fonts-wqy-microhei）：凭条只有文字，没有图片",
    "the Chinese font (fonts-wqy-microhei): slips as text only, no pictures",
)

_WHO_COMES: Final = {MAIN: WHO, CLINIC: PATIENT}
_LOOK_AGAIN_S: Final = 0.02
_CLIENT_NAME: Final = "demo"
_START_S: Final = 30.0
"""How long a counter that was started may take to be there."""
_DEATH_NOTICE_S: Final = 0.5
"""After something went wrong: how long to wait for the news that a process has died, which would be the reason."""


class Stage:
    """The running counter; use `open_stage`."""

    def __init__(self, sim_folder: SimFolder, closing: contextlib.AsyncExitStack, profile: str = "") -> None:
        self._sim_folder = sim_folder
        self._ways = ("--profile", profile) if profile else ()
        self._folder = sim_folder.path
        self._closing = closing
        self._died: asyncio.Future[ChildDied] = asyncio.get_running_loop().create_future()
        self._watches: list[asyncio.Task[None]] = []
        self._children: list[Child] = []
        self._counters: dict[str, Child] = {}
        self._clients: dict[str, CounterClient] = {}
        self._endpoints: Endpoints | None = None

    async def raise_curtain(self, narrator: Narrator) -> dict[str, Scene]:
        """Start everything and wait until sales are taken; a scene for each counter by its name."""
        far_ends = await self._start("sim", "up", str(self._folder), *self._ways)
        self._endpoints = await self._endpoints_written()
        await narrator.say(
            f"模拟的远端已启动（进程 {far_ends.pid}）。", f"The far ends are up (process {far_ends.pid})."
        )
        names = tuple(self._endpoints.counters())
        fleet = await self._fleet(self._endpoints)
        scenes = {name: await self._scene(narrator, name, self._endpoints, fleet) for name in names}
        pids = await asyncio.gather(*(self._start_counter(name) for name in names))
        told = ", ".join(map(str, pids))
        await narrator.say(
            f"药店和诊所的终端服务已就绪（进程 {told}），可以收银。",
            f"The terminals of pharmacy and clinic are ready for sales ({_processes(pids)}).",
        )
        return scenes

    def profile(self) -> Profile:
        """The province profile of the world that is up; reads the folder."""
        return self._sim_folder.province("").profile

    async def _fleet(self, endpoints: Endpoints) -> FleetServer | None:
        """The fleet's server, which listens before the terminals come."""
        if not endpoints.broker:
            return None
        opening = fleet_server(endpoints.broker, Path(endpoints.fleet_password))
        return await self._closing.enter_async_context(opening)

    async def _scene(
        self, narrator: Narrator, name: str, endpoints: Endpoints, fleet: FleetServer | None
    ) -> Scene:
        sim = await self._closing.enter_async_context(SimClient(endpoints.at(name)))
        files = await asyncio.to_thread(read_config, self._sim_folder.paths(name).file)
        client = CounterClient(files.socket_path, name=_CLIENT_NAME)
        self._clients[name] = await self._closing.enter_async_context(client)
        terminal = terminal_id(files.config.institution.code, files.config.terminal.slot)
        return Scene(
            narrator,
            self._clients[name],
            sim,
            lambda: self._kill_counter(name),
            lambda: self._start_counter(name),
            self._folder,
            _WHO_COMES[name],
            None if fleet is None else FleetWatch(fleet, terminal),
        )

    async def _endpoints_written(self) -> Endpoints:
        """`sim up` writes the file when everything listens."""
        while True:
            with contextlib.suppress(SimulationRefused):
                return await asyncio.to_thread(read_endpoints, self._folder)
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _start(self, *arguments: str, log: str = "") -> Child:
        file = self._folder / f"{log or arguments[0]}.log"
        child = await Child.start(f"yibao {arguments[0]}", arguments, file)
        self._children.append(child)
        self._watches.append(asyncio.create_task(self._watch(child)))
        return child

    async def _watch(self, child: Child) -> None:
        try:
            await child.watch()
        except ChildDied as died:
            if not self._died.done():
                self._died.set_result(died)

    async def _start_counter(self, name: str) -> int:
        file = self._sim_folder.paths(name).file
        counter = await self._start("run", "--counter", str(file), log=f"run-{name}")
        self._counters[name] = counter
        await self._clients[name].wait_ready(absent_s=_START_S)
        return counter.pid

    async def _kill_counter(self, name: str) -> int:
        await self._counters[name].kill()
        return self._counters[name].pid

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
        missing = [] if self._endpoints is None else list(self._endpoints.left_out)
        clinic = None if self._endpoints is None else self._endpoints.clinic
        if clinic is not None and clinic.reader and importlib.util.find_spec("smartcard") is None:
            missing.append(NO_BINDING)
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


def _processes(pids: Sequence[int]) -> str:
    return ", ".join(f"process {pid}" for pid in pids)


@contextlib.asynccontextmanager
async def open_stage(sim_folder: SimFolder, profile: str = "") -> AsyncIterator[Stage]:
    """A stage in a folder over a province profile ("" = the default one).

    Whatever happens, its processes have ended when the block does.
    """
    async with contextlib.AsyncExitStack() as closing:
        stage = Stage(sim_folder, closing, profile)
        closing.push_async_callback(stage.close)
        yield stage
