"""What the world knew at each moment of a journal's life: acknowledged, sent, told, on paper, in the hub's books.

A `Witness` stands beside a counter that lives on a recording disk. Everything that left the counter is noted with the
number of disk operations made until then, so that for a power cut at any moment it is known what must be on the disk.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from drivers.interfaces.hub_transport import RawAnswer
from drivers.interfaces.printer import PrintResult
from protocols.gm.sm3 import sm3
from protocols.hub.catalogue import MESSAGES
from protocols.hub.envelope import decode_request
from terminal.core.states import State
from terminal.journal.journal import Journal
from tests.recovery.power_cut import Disk, Files
from tests.terminal.clinic.clinic import Clinic, ListeningLink, window_config
from tests.terminal.harness import MemoryPrinter, Shop, Till, Watch


class Facts(NamedTuple):
    """What the world knew at one moment."""

    head: tuple[int, bytes] = (0, bytes(32))
    """The newest audit record whose writing the journal had acknowledged: number and hash."""
    sent: frozenset[str] = frozenset()
    """Message ids of everything handed to the link that changes the hub."""
    told: frozenset[tuple[str, State]] = frozenset()
    """Outcomes told: settlement and state."""
    papers: frozenset[bytes] = frozenset()
    """SM3 of every document handed to the printer."""
    live: frozenset[str] | None = None
    """Message ids of the settlements that stand in the hub's books; None: the hub has not been asked."""


class Witness:
    """Notes what leaves one counter, life after life, on one recorded disk."""

    def __init__(self, disk: Disk, known: Facts | None = None) -> None:
        """`known` is what the world knew before."""
        self.disk = disk
        self._facts = known or Facts()
        self.history: list[tuple[int, Facts]] = [(0, self._facts)]
        """(moment, facts from then on), by growing moment."""

    @property
    def now(self) -> Facts:
        """What the world knows now."""
        return self._facts

    def note(self, facts: Facts) -> None:
        """From this moment on the world knows this."""
        self._facts = facts
        self.history.append((len(self.disk.operations), facts))

    def acknowledged(self, journal: Journal) -> None:
        """The journal has written something and said so."""
        self.note(self._facts._replace(head=journal.audit.head))

    def told(self, event: str, **facts: object) -> None:
        """See `WriteLog`: an outcome has been told."""
        outcome = str(facts["settlement"]), State(str(facts["state"]))
        self.note(self._facts._replace(told=self._facts.told | {outcome}))


class WitnessedWatch(Watch):
    """Tells the witness of every acknowledged write."""

    def __init__(self, witness: Witness, stop_at: int | None = None) -> None:
        super().__init__(stop_at)
        self._witness = witness

    def wrote(self, journal: Journal) -> None:
        """See `Watch`."""
        self._witness.acknowledged(journal)
        super().wrote(journal)


class WitnessedLink(ListeningLink):
    """Tells the witness of every message, and of the hub's books after it."""

    witness: Witness | None = None
    shop: Shop

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        witness = self.witness
        if witness is None or self.down:
            return await super().post(path, body, headers, connect_timeout_s, total_timeout_s)
        request = decode_request(body)
        known = MESSAGES.get(request.infno)
        if known is not None and known.changes_hub and request.infno != "9101":
            witness.note(witness.now._replace(sent=witness.now.sent | {request.message_id}))
        try:
            return await super().post(path, body, headers, connect_timeout_s, total_timeout_s)
        finally:
            live = frozenset(record.msgid for record in self.shop.live())
            if live != witness.now.live:
                witness.note(witness.now._replace(live=live))


class WitnessedPrinter(MemoryPrinter):
    """Tells the witness of every document."""

    witness: Witness | None = None

    async def print(self, document: bytes) -> PrintResult:
        """See `Printer`."""
        if self.witness is not None:
            facts = self.witness.now
            self.witness.note(facts._replace(papers=facts.papers | {sm3(document)}))
        return await super().print(document)


class Stage:
    """A shop or clinic whose counters live on recorded disks."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        """`folder` (in memory) holds the empty files that lend locks."""
        self.shop = shop
        self.folder = folder
        self.link = WitnessedLink(shop.world.hub, shop.clock.now, asyncio.sleep, shop.profile.hub.path)
        self.link.shop = shop
        self.printer = WitnessedPrinter()
        shop.hub_link = self.link
        shop.printer = self.printer
        self.witness: Witness
        self.watches: list[Watch] = []
        """Of every counter so far."""
        self._disks = 0

    def insert(self, files: Files | None, known: Facts | None = None) -> Witness:
        """Put in a disk that holds `files`; the next counter starts on it."""
        self._disks += 1
        disk = Disk(self.folder, f"cut-{id(self):x}-{self._disks}.db", files)
        self.shop.vfs, self.shop.journal_path = disk.name, Path(disk.path)
        self.witness = Witness(disk, known)
        self.link.witness = self.printer.witness = self.witness
        return self.witness

    def watch(self, stop_at: int | None = None) -> Watch:
        """A watch for the next counter on the disk that is in."""
        self.watches.append(WitnessedWatch(self.witness, stop_at))
        return self.watches[-1]

    async def start(self, stop_at: int | None = None) -> Till:
        """Start a counter on the disk that is in."""
        config = (
            window_config(self.shop.institution, self.shop.slot) if isinstance(self.shop, Clinic) else None
        )
        return await self.shop.start(self.watch(stop_at), config=config, write_log=self.witness.told)
