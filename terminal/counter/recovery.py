"""What a start does before anybody may sell: believe the disk (recovery steps 6 to 10).

Every unfinished settlement hears `Restarted`; the rules go on from there, so recovery is ordinary transitions. Killed in the
middle it is done again from the beginning: nothing here is remembered but what the journal has.
"""

from terminal.core.events import Restarted, SlipPrinted
from terminal.core.states import State
from terminal.counter.chronicle import Chronicle
from terminal.counter.engine import Engine
from terminal.counter.holds import Holds
from terminal.counter.paper import Paper
from terminal.journal.records import ReceiptRow, SettlementRow
from terminal.journal.thread import JournalPort


class Recovery:
    """Takes up what the process before left unfinished. Raises `JournalFailed` when the disk cannot be believed."""

    def __init__(
        self, journal: JournalPort, engine: Engine, paper: Paper, holds: Holds, chronicle: Chronicle
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._paper = paper
        self._holds = holds
        self._chronicle = chronicle

    async def run(self) -> None:
        """Every unfinished settlement hears `Restarted`; then a slip that was being printed is unknown.

        Witnesses outside were heard before (step 4): an old copy is believed only as far as nothing follows from it.
        """
        rows = await self._journal.call(lambda journal: journal.settlements.unfinished())
        # What is armed comes last: in an old copy it is taken to be on its way, and its lane must be free for that.
        for row in sorted(rows, key=lambda row: row.state is State.ARMED):
            await self._take_up(row)
        await self._paper.give_up_interrupted(old_copy=self._holds.is_old_copy)
        await self._journal.call(
            lambda journal: journal.audit.note("start", "boot", "", self._engine.stamp())
        )

    async def _take_up(self, row: SettlementRow) -> None:
        """Everything that waits for a try hears of it through `retry_due`; deadlines of the wall clock are not used."""
        attempts, receipts = await self._journal.call(
            lambda journal: (journal.attempts.of(row.id), journal.receipts.of(row.id))
        )
        self._engine.adopt(row, attempts)
        self._chronicle.taken_up(row.id, row.state)
        found = Restarted(self._holds.is_old_copy)
        settlement = await self._engine.post(row.id, found, "start", wait=True)
        if settlement.state is State.SENDING:  # of an old copy: it was armed
            settlement = await self._engine.post(row.id, found, "start", wait=True)
        out = [receipt for receipt in receipts if _is_out(receipt)]
        if out and not settlement.paper_out:
            await self._engine.post(row.id, SlipPrinted(out[0].kind), "start", wait=True)


def _is_out(receipt: ReceiptRow) -> bool:
    """True for a slip of the settlement, original or copy, that is on paper."""
    return receipt.kind in ("original", "copy") and receipt.state in ("printed", "printed_unverified")
