"""What the fleet's server sees of the terminals over MQTT, for the stories to tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from protocols.fleet.messages import DeviceHealth, Health, Presence, PresenceState
from simulators.fleet.server import FleetServer, Heard
from simulators.serve import now
from yibao.demo.narration import Sentence
from yibao.demo.scene import STEP_LIMIT_S, StoryBroke
from yibao.simulated.folder import password_in

_Wanted = TypeVar("_Wanted", Presence, Health)
READY: Final = "ready"
_CHINESE: Final = {"reader": "读卡器", "scanner": "扫描枪", "printer": "打印机", "broker": "消息代理"}


class FleetWatch:
    """One terminal as the fleet sees it; every wait raises `StoryBroke` when it takes too long."""

    def __init__(self, server: FleetServer, terminal: str) -> None:
        self._server = server
        self.terminal = terminal
        """Its name in the fleet."""

    async def online(self, not_boot: str = "") -> Presence:
        """Its presence while it is connected; `not_boot` is the id of a process that has ended."""
        return await self._heard(
            Presence,
            lambda seen: seen.state is PresenceState.ONLINE and seen.boot_id != not_boot,
            StoryBroke("机构运维端没有看到终端上线", "the fleet did not see the terminal come online"),
        )

    async def offline(self, boot_id: str) -> Presence:
        """The last will of one of its processes, published by the broker."""
        return await self._heard(
            Presence,
            lambda seen: seen.state is PresenceState.OFFLINE and seen.boot_id == boot_id,
            StoryBroke("机构运维端没有看到终端离线", "the fleet did not see the terminal go offline"),
        )

    async def health(self, *devices: str) -> Health:
        """A health snapshot in which sales are taken and these devices are ready."""

        def wanted(seen: Health) -> bool:
            ready = {device.name for device in seen.devices if device.state == READY}
            return seen.phase == READY and ready.issuperset(devices)

        return await self._heard(
            Health, wanted, StoryBroke("机构运维端没有收到健康报告", "the fleet got no health report")
        )

    async def _heard(
        self, kind: type[_Wanted], wanted: Callable[[_Wanted], bool], missing: StoryBroke
    ) -> _Wanted:
        def fits(terminal: str, message: Heard) -> bool:
            return terminal == self.terminal and isinstance(message, kind) and wanted(message)

        try:
            found = await self._server.wait_for(fits, STEP_LIMIT_S)
        except TimeoutError:
            raise missing from None
        if not isinstance(found, kind):
            raise missing
        return found


def ready_devices(devices: tuple[DeviceHealth, ...]) -> Sentence:
    """The devices that are ready, for one line."""
    ready = [device.name for device in devices if device.state == READY]
    return Sentence("、".join(_CHINESE.get(name, name) for name in ready), ", ".join(ready))


@contextlib.asynccontextmanager
async def fleet_server(broker_url: str, password_file: Path) -> AsyncIterator[FleetServer]:
    """A fleet server connected to the broker while the block lasts; it acknowledges what terminals send."""
    port = urlsplit(broker_url).port
    if port is None:
        raise ValueError("the broker's address has no port")
    password = await asyncio.to_thread(password_in, password_file)
    async with FleetServer(port, password, now) as server:
        yield server
