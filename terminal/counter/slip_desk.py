"""What people ask about slips: one more copy, a refusal in plain words, and that a slip did come out after all."""

from terminal.core.events import Misuse, SlipPrinted
from terminal.core.values import Settlement
from terminal.counter.engine import Engine, require_in_term
from terminal.counter.paper import Paper
from terminal.counter.prescriptions import Notes
from terminal.counter.settlements import Settlements
from terminal.counter.workroom import Workroom


class SlipDesk:
    """The slips of one counter, for people; `Paper` prints them."""

    def __init__(
        self, engine: Engine, settlements: Settlements, workroom: Workroom, paper: Paper, note: Notes
    ) -> None:
        """`note` writes into the audit log."""
        self._engine = engine
        self._settlements = settlements
        self._workroom = workroom
        self._paper = paper
        self._note = note

    async def copy(self, settlement_id: str, operator: str) -> int:
        """Owe one more slip, marked as a copy; returns its number."""
        settlement = await self._settlements.get(settlement_id)
        require_in_term(settlement)
        if not settlement.receipts:
            raise Misuse("nothing_to_copy", state=settlement.state.value)
        stamp = self._engine.stamp()
        number = await self._workroom.write(
            lambda journal: journal.receipts.owe_copy(settlement_id, operator, stamp)
        )
        self._paper.owe()
        return number

    async def explain(self, settlement_id: str) -> Settlement:
        """Print why the hub, or the terminal before it, refused: plain words and whom to ask. Raises `Misuse`."""
        settlement = await self._settlements.get(settlement_id)
        require_in_term(settlement)
        await self._workroom.do(lambda: self._paper.explain(settlement))
        return settlement

    async def seen(self, settlement_id: str, operator: str) -> Settlement:
        """Somebody has looked: the slip whose fate was unknown did come out. Raises `Misuse` (`slip_not_unknown`)."""
        settlement = await self._settlements.get(settlement_id)
        if settlement.paper_out:
            return settlement
        receipts = await self._workroom.read(lambda journal: journal.receipts.of(settlement_id))
        if ("original", "unknown") not in {(receipt.kind, receipt.state) for receipt in receipts}:
            raise Misuse("slip_not_unknown")
        seen = await self._settlements.post(settlement_id, SlipPrinted("original"), operator, wait=True)
        await self._note(operator, "slip_seen", settlement_id)
        return seen

    async def waiting(self) -> int:
        """How many slips are not printed yet."""
        return len(await self._workroom.read(lambda journal: journal.receipts.unfinished()))
