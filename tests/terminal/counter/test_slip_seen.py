"""A slip whose fate is unknown does not keep a sale open for ever: a marked copy or a person's word ends the question."""

from pathlib import Path

import pytest

from drivers.interfaces.printer import PrintOutcome
from terminal.core.events import Misuse
from terminal.core.states import State
from tests.faults import fired
from tests.terminal.harness import Shop, Till, virtual


async def unknown_slip(shop: Shop, till: Till) -> str:
    """A settled and acknowledged sale whose original slip may or may not be on paper (fault F16)."""
    shop.printer.outcome = PrintOutcome.UNKNOWN
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.wait(5)
    fired("F16")
    shop.printer.outcome = PrintOutcome.PRINTED
    assert (await till.get(settled.id)).state is State.DELIVERED
    return settled.id


@virtual
async def test_a_marked_copy_closes_the_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settlement_id = await unknown_slip(shop, till)
    await till.counter.slips.copy(settlement_id, "T01")
    await till.wait(5)
    assert (await till.get(settlement_id)).state is State.CLOSED
    await till.stop()


@virtual
async def test_a_person_who_has_seen_the_slip_closes_the_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settlement_id = await unknown_slip(shop, till)
    assert (await till.counter.slips.seen(settlement_id, "T02")).state is State.CLOSED
    assert (await till.counter.slips.seen(settlement_id, "T02")).state is State.CLOSED, "twice is once"
    notes = [record["actor"] for record in till.audit() if record.get("action") == "slip_seen"]
    assert notes == ["T02"]
    await till.stop()


@virtual
async def test_a_restart_after_the_copy_closes_the_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settlement_id = await unknown_slip(shop, till)
    await till.kill()
    till = await shop.start()
    assert (await till.get(settlement_id)).state is State.DELIVERED
    await till.counter.slips.copy(settlement_id, "T01")
    await till.wait(5)
    await till.kill()
    till = await shop.start()
    assert (await till.get(settlement_id)).state is State.CLOSED
    await till.stop()


@virtual
async def test_a_slip_that_waits_or_is_not_there_is_in_no_question(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.problem = "paper_out"
    waiting = await till.settle("0001")
    draft = await till.open("0002")
    for settlement_id in (waiting.id, draft.id):
        with pytest.raises(Misuse, match="slip_not_unknown"):
            await till.counter.slips.seen(settlement_id, "T01")
    await till.stop()


@virtual
async def test_a_copy_of_a_cancellation_says_nothing_about_the_settlements_slip(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.outcome = PrintOutcome.UNKNOWN
    settled = await till.settle()
    await till.wait(5)
    shop.printer.outcome = PrintOutcome.PRINTED
    await till.counter.sales.cancel(settled.id, "T01", "")
    await till.counter.slips.copy(settled.id, "T01")
    await till.wait(5)
    known = await till.get(settled.id)
    assert (known.state, known.paper_out) == (State.CANCELLED, False)
    await till.stop()
