"""Makes anchors as the audit chain grows, and holds the journal against every witness that speaks.

What an anchor is, what it proves and who keeps it outside: `terminal/journal/anchors.py`. A journal that a witness
contradicts holds new sales back, and everything else that would leave, until two people accept it (decision 0010).
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from drivers.interfaces.clock import Clock
from drivers.interfaces.signer import Signer, SignerUnavailable, Verifier
from protocols.fleet.messages import Anchor
from terminal.core.contradiction import Contradiction
from terminal.core.values import Notice
from terminal.counter.holds import ROLLED_BACK, Holds
from terminal.journal.anchors import Noted, WitnessDamaged, WitnessFile, hold_against, sign_anchor
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed, Stamp
from terminal.journal.thread import JournalPort
from terminal.journal.times import rfc3339_of
from terminal.shapes.anchors import AnchorView

ANCHOR_RECORDS: Final = 256
ANCHOR_EVERY_S: Final = 900.0
"""An anchor is due after so many audit records, or after this time if there is any new record, and when a day is over."""
LOOK_EVERY_S: Final = 2.0
TAIL_RECORDS: Final = 1000
"""At a start no more than so many records are hashed anew; `yibao journal verify` does all."""
DAYS_ASKED: Final = 31
"""No more days than this are asked to be reconciled before selling goes on."""

log = structlog.get_logger("terminal.anchors")


class AnchorKeeper:
    """Makes anchors, keeps the witness file, and holds the journal against whatever witness speaks."""

    def __init__(
        self,
        *,
        terminal: str,
        boot_id: str,
        journal: JournalPort,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        holds: Holds,
        signer: Signer | None,
        verifier: Verifier | None,
        witness: WitnessFile | None,
        to_fleet: bool,
    ) -> None:
        """`terminal` is its id in the fleet; without `signer` nothing is made, but witnesses are still heard."""
        self._terminal = terminal
        self._boot_id = boot_id
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._holds = holds
        self._signer = signer
        self._verifier = verifier
        self._witness = witness
        self._to_fleet = to_fleet
        self._newest: Anchor | None = None
        self._made_s: float | None = None
        self._heard: list[str] = []
        self._contradictions: dict[tuple[str, str], Contradiction] = {}
        self.known_until: dt.datetime | None = None
        """Wall time of the newest audit record that the start found; None in a new journal."""
        self.made: Callable[[], None] = lambda: None
        """Called after each new anchor."""

    # -- witnesses --------------------------------------------------------------------------------

    async def check_at_start(self, given: Noted | None = None) -> None:
        """Hold the journal against its own anchor, the witness file and what a person gave; before anything else is written.

        What an earlier start has found stands until it is accepted, whether its witness is there today or not. Raises
        `JournalFailed` when the newest part of the audit log was changed.
        """
        self.known_until = await self._journal.call(lambda journal: journal.anchors.newest_time())
        self._newest = await self._journal.call(_tail_checked)
        for known in await self._journal.call(lambda journal: journal.anchors.contradictions()):
            self._contradictions[known.witness, known.name] = known
        self._hold_or_lift()
        if self._newest is not None and self._is_ours(self._newest):
            await self._compare(_noted(self._newest), "journal")
        if given is not None:
            await self._compare(given, "person")
        if self._witness is None:
            return
        try:
            anchor = await asyncio.to_thread(self._witness.read)
        except WitnessDamaged as damaged:
            log.warning("witness_damaged", path=str(self._witness.path), reason=str(damaged))
            return
        if anchor is None:
            log.info("no_witness_file", path=str(self._witness.path))
        elif not self._is_ours(anchor):
            log.warning("witness_not_ours", path=str(self._witness.path))
        else:
            await self._compare(_noted(anchor), "file")

    async def echoed(self, anchor: Anchor) -> None:
        """The fleet gives back the newest anchor it has; one that our audit key did not sign is not believed."""
        if not self._is_ours(anchor):
            log.warning("echo_not_ours", records=anchor.records)
            return
        await self._compare(_noted(anchor), "fleet")

    def _is_ours(self, anchor: Anchor) -> bool:
        return self._verifier is not None and self._verifier.verify(
            anchor.signed_bytes(self._terminal), bytes.fromhex(anchor.signature)
        )

    async def _compare(self, noted: Noted, witness: str) -> None:
        if witness not in self._heard:
            self._heard.append(witness)
        today = self._clock.now().date()
        found = await self._journal.call(lambda journal: hold_against(journal, noted, witness, today))
        if found is None or (witness, found.name) in self._contradictions:
            return
        log.error(
            "journal_contradicted", witness=witness, verdict=found.verdict, records=found.journal_records, noted=found.records
        )  # fmt: skip
        # Held back first, then written: while the disk is waited for nothing may leave either.
        self._contradictions[witness, found.name] = found
        self._hold_or_lift()
        await self._journal.call(lambda journal: journal.anchors.contradicted(found))

    def _hold_or_lift(self) -> None:
        for found in self._contradictions.values():
            count, noted = str(found.journal_records), str(found.records)
            self._holds.set(Notice(ROLLED_BACK, {"count": count, "noted": noted}))
            return
        self._holds.lift(ROLLED_BACK)

    # -- accepting --------------------------------------------------------------------------------

    def missing_days(self) -> tuple[dt.date, ...]:
        """The days whose records may be missing, up to today; at most 31."""
        if not self._contradictions:
            return ()
        today = self._clock.now().date()
        first = min(dt.date.fromisoformat(one.missing_from) for one in self._contradictions.values())
        days = max((today - first).days + 1, 1)
        return tuple(today - dt.timedelta(days=back) for back in reversed(range(min(days, DAYS_ASKED))))

    async def accept(self, actor: str, text: str) -> None:
        """Two people answer for it (the caller has seen to that, and to the days): selling goes on with this journal.

        What a witness says meanwhile is not accepted by this, and goes on holding.
        """
        names = frozenset(one.name for one in self._contradictions.values())
        note = f"{' '.join(sorted(names))} {text}"
        stamp = self._stamp()
        await self._journal.call(lambda journal: journal.anchors.accept(names, actor, note, stamp))
        self._contradictions = {
            key: one for key, one in self._contradictions.items() if one.name not in names
        }
        self._hold_or_lift()
        await self.make()

    def view(self) -> AnchorView:
        """How the anchors stand."""
        newest = self._newest
        return AnchorView(
            newest="" if newest is None else f"{newest.records}:{newest.head[:16]}",
            made_at="" if newest is None else newest.at,
            key_id="" if self._signer is None else self._signer.description.key_id,
            witnesses=tuple(self._heard),
            contradictions=tuple(self._contradictions.values()),
            days=tuple(day.isoformat() for day in self.missing_days()),
        )

    # -- making -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Make anchors as they fall due, for ever; one more when the service is stopped in order."""
        try:
            while True:
                await self.anchor_if_due()
                await self._sleep(LOOK_EVERY_S)
        except JournalFailed:
            return  # the counter stops the process

    async def anchor_if_due(self) -> bool:
        """Make an anchor when it is time to; the first call of a start always does. Returns whether it did."""
        now_s, newest = self._clock.monotonic_s(), self._newest
        records, _ = await self._journal.call(lambda journal: journal.audit.head)
        new = records - (0 if newest is None else newest.records)
        is_due = (
            self._made_s is None
            or now_s - self._made_s >= ANCHOR_EVERY_S
            or new >= ANCHOR_RECORDS
            or (newest is not None and newest.at[:10] != rfc3339_of(self._clock.now())[:10])
        )
        return new > 0 and is_due and await self.make()

    async def make(self) -> bool:
        """Anchor the chain as it is now, in the journal, in the outbox and in the witness file.

        While a contradiction stands nothing is made: the witness that found it must not be overwritten.
        """
        signer = self._signer
        if signer is None or self._contradictions:
            return False
        stamp = self._stamp()

        def work(journal: Journal) -> Anchor | None:
            records, head = journal.audit.head
            if records == 0 or (self._newest is not None and records == self._newest.records):
                return None
            anchor = sign_anchor(records, head, stamp.wall, self._boot_id, self._terminal, signer)
            journal.anchors.put(anchor, stamp, to_fleet=self._to_fleet)
            return anchor

        try:
            anchor = await self._journal.call(work)
        except SignerUnavailable as unavailable:
            log.error("anchor_not_signed", reason=str(unavailable))
            return False
        if anchor is None:
            return False
        self._newest, self._made_s = anchor, stamp.monotonic_s
        await self._write_witness(anchor)
        self.made()
        return True

    async def _write_witness(self, anchor: Anchor) -> None:
        if self._witness is None:
            return
        try:
            await asyncio.to_thread(self._witness.write, anchor)
        except OSError as failure:
            log.warning("witness_not_written", path=str(self._witness.path), reason=failure.strerror or "")

    def _stamp(self) -> Stamp:
        return Stamp(self._clock.now(), self._clock.monotonic_s())


def _tail_checked(journal: Journal) -> Anchor | None:
    """Return the newest anchor; raises `JournalFailed` when the records behind it (at most 1,000) do not hang together."""
    newest = journal.anchors.newest()
    records, _ = journal.audit.head
    anchored = 0 if newest is None or newest.records > records else newest.records
    if not journal.anchors.is_whole_behind(max(anchored, records - TAIL_RECORDS, 0)):
        raise JournalFailed("the audit log was changed")
    return newest


def _noted(anchor: Anchor) -> Noted:
    return Noted(anchor.records, anchor.head, anchor.at)
