"""A terminal's disk with journal and witness file, and the keys and anchors that tests hold against it."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from drivers.interfaces.signer import Signer, SignerUnavailable
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.fleet.messages import Anchor
from protocols.gm.sm2 import PrivateKey, PublicKey
from terminal.core.values import Notice
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.counter.holds import Holds
from terminal.journal.anchors import WitnessFile
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.journal.thread import InlineJournal
from tests.terminal.journal.samples import NINE, open_at, raw
from tests.terminal.stood_clock import StoodClock

TERMINAL = "P99990000001-01"
SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(11).randbytes))
OTHER = SoftwareSigner(PrivateKey.generate(random.Random(12).randbytes))


class Place:
    """A terminal's disk: journal and witness file; `keeper` is a new start of the service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal_path = folder / "journal.db"
        self.witness = WitnessFile(folder / "anchor.json")
        self.clock = StoodClock(NINE)
        self.told: list[Notice] = []
        self.holds = Holds(self.told.append)
        self.journal: Journal | None = None

    def keeper(
        self,
        signer: Signer | None = SIGNER,
        *,
        to_fleet: bool = True,
        with_witness: bool = True,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> AnchorKeeper:
        """Open the journal anew."""
        if self.journal is not None:
            self.journal.close()
        self.journal = open_at(self.journal_path)
        self.told.clear()
        self.holds = Holds(self.told.append)
        return AnchorKeeper(
            terminal=TERMINAL, boot_id="boot1", journal=InlineJournal(self.journal), clock=self.clock, sleep=sleep or _no_sleep,
            holds=self.holds, signer=signer, verifier=Sm2Verifier(PublicKey(SIGNER.description.public_point)),
            witness=self.witness if with_witness else None, to_fleet=to_fleet,
        )  # fmt: skip

    def close(self) -> None:
        """The service ends."""
        assert self.journal is not None
        self.journal.close()
        self.journal = None

    def write(self, count: int, actor: str = "test") -> None:
        """Append audit records."""
        assert self.journal is not None
        for _ in range(count):
            self.journal.audit.note(actor, "noted", "", Stamp(self.clock.now(), self.clock.monotonic_s()))

    def anchors(self) -> list[int]:
        """Records of every anchor kept in the journal."""
        rows = raw(self.journal_path).execute("SELECT sequence FROM anchor ORDER BY sequence")
        return [sequence for (sequence,) in rows]


async def _no_sleep(seconds: float) -> None:
    raise AssertionError("nothing sleeps here")


def signed_anchor(records: int, signer: Signer = SIGNER) -> Anchor:
    """An anchor of so many records, of another history."""
    unsigned = Anchor(
        records, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "b0", signer.description.key_id, ""
    )
    return msgspec.structs.replace(unsigned, signature=signer.sign(unsigned.signed_bytes(TERMINAL)).hex())


class _Locked(SoftwareSigner):
    def sign(self, data: bytes) -> bytes:
        raise SignerUnavailable("locked")


def locked_signer() -> Signer:
    """A key that is there and cannot sign."""
    return _Locked(PrivateKey.generate(random.Random(1).randbytes))
