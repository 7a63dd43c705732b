"""A terminal's fleet link over real connections, with a real journal and facts that a test may change."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from drivers.clock import SystemClock
from drivers.interfaces.signer import Verifier
from drivers.mqtt.address import BrokerAddress, Identity
from drivers.mqtt.transport import MqttTransport
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.fleet.topics import Session, broker_name, subscriptions
from protocols.gm.sm2 import PrivateKey, PublicKey
from simulators.fleet.server import FleetServer
from terminal.core.values import Notice
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.counter.feed import FeedEntry
from terminal.counter.holds import Holds
from terminal.fleet.health import Facts, Surroundings
from terminal.fleet.link import LOOK_EVERY_S, FleetLink, FleetParts
from terminal.fleet.outbox import AGAIN_EVERY_S
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import JournalFailed, Stamp
from terminal.journal.thread import JournalPort, JournalThread
from terminal.journal.vault import Vault
from tests.fleet_broker import PASSWORD, A

LIMIT_S = 10.0
AUDIT_SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(8).randbytes))
FLEET_SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(7).randbytes))
FLEET_VERIFIER = Sm2Verifier(PublicKey(FLEET_SIGNER.description.public_point))


class FleetTill:
    """Everything the link is given, and what it did with it."""

    def __init__(
        self,
        folder: Path,
        port: int,
        password_file: Path,
        boot_id: str = "boot1",
        authority: Path | None = None,
    ) -> None:
        """With an authority the connections use TLS."""
        self._authority = authority
        self._folder = folder
        self._port = port
        self._password_file = password_file
        self.boot_id = boot_id
        self.clock = SystemClock()
        self.facts = Facts("ready", "signed_in", (), ())
        self.announced: list[Notice] = []
        self._announcement = asyncio.Event()
        self.feed: asyncio.Queue[FeedEntry] = asyncio.Queue()
        self.pauses: list[float] = []
        """Back-off pauses asked for; none is waited for longer than 20 ms, unless the test holds `may_try`."""
        self.may_try = asyncio.Event()
        self.may_try.set()
        self.verifier: Verifier | None = None
        self.refresh: Callable[[], Awaitable[bool]] | None = None
        self.follow: Callable[[int], AsyncIterator[FeedEntry]] = self._follow
        self.journal = JournalThread(self._open)
        self.holds = Holds(self._announce)
        self.anchors: AnchorKeeper | None = None
        """Of the link that runs."""

    def _open(self) -> Journal:
        vault = Vault(bytes(16), lambda size: bytes(size))
        journal = open_journal(str(self._folder / "journal.db"), vault, self.boot_id, self.clock.now())
        journal.audit.note("start", "boot", "", Stamp(self.clock.now(), self.clock.monotonic_s()))
        return journal

    def _transport(self, session: Session) -> MqttTransport:
        return MqttTransport(
            BrokerAddress("127.0.0.1", self._port, tls=self._authority is not None),
            Identity(broker_name(A, session), self._password_file),
            subscriptions(A, session),
            persistent=session is Session.EVIDENCE,
            authority=self._authority,
        )

    def _announce(self, notice: Notice) -> None:
        self.announced.append(notice)
        self._announcement.set()

    async def _follow(self, _: int) -> AsyncIterator[FeedEntry]:
        while True:
            yield await self.feed.get()

    async def _sleep(self, seconds: float) -> None:
        # With this jitter no pause is as long as one of the two intervals.
        if seconds not in (LOOK_EVERY_S, AGAIN_EVERY_S):
            self.pauses.append(seconds)
            await self.may_try.wait()
        await asyncio.sleep(min(seconds, 0.02))

    async def announcement(self, code: str) -> Notice:
        """The first announcement with this code, past or coming."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                self._announcement.clear()
                for notice in self.announced:
                    if notice.code == code:
                        return notice
                await self._announcement.wait()

    async def kept(self) -> list[str]:
        """Ids in the outbox."""

        def read(journal: Journal) -> list[str]:
            found, after = [], 0
            while (row := journal.outbox.next(after)) is not None:
                found.append(row.message_id)
                after = row.number
            return found

        return await self.journal.call(read)

    async def kept_evidence(self) -> list[str]:
        """Ids of evidence in the outbox."""
        return [one for one in await self.kept() if not one.startswith("health-")]

    def link(self, journal: JournalPort) -> FleetLink:
        """A link that does not run yet."""
        self.anchors = AnchorKeeper(
            terminal=A, boot_id=self.boot_id, journal=journal, clock=self.clock, sleep=self._sleep, holds=self.holds,
            signer=AUDIT_SIGNER, verifier=Sm2Verifier(PublicKey(AUDIT_SIGNER.description.public_point)), witness=None,
            to_fleet=True,
        )  # fmt: skip
        return FleetLink(
            FleetParts(
                terminal=A, boot_id=self.boot_id, version="0.1.0", evidence=self._transport(Session.EVIDENCE),
                commands=self._transport(Session.COMMANDS), journal=journal, clock=self.clock, sleep=self._sleep,
                jitter=lambda: 0.9, facts=lambda: self.facts, surroundings=Surroundings({"python": "3"}, {}, _free),
                announce=self._announce, follow=self.follow, verifier=self.verifier, refresh_catalogue=self.refresh,
                anchors=self.anchors,
            )
        )  # fmt: skip

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FleetLink]:
        """The link runs while entered; leaving stops it in order."""
        self.journal = JournalThread(self._open)
        await self.journal.open()
        link = self.link(self.journal)
        assert self.anchors is not None
        with suppress(JournalFailed):
            await self.anchors.make()
        running = asyncio.create_task(link.run())
        try:
            yield link
        finally:
            running.cancel()
            await asyncio.wait({running})
            await self.journal.close()
        if not running.cancelled():
            running.result()


async def _free() -> int:
    return 1024 * 1024 * 1024


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so; raises TimeoutError."""
    async with asyncio.timeout(LIMIT_S):
        while not await holds():  # noqa: ASYNC110 - a look at the disk has no event behind it
            await asyncio.sleep(0.005)


def server(port: int, till: FleetTill) -> FleetServer:
    """The far server."""
    return FleetServer(port, PASSWORD, till.clock.now, FLEET_SIGNER)
