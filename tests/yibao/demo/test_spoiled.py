"""Each of the three books is spoiled in turn, for real and from outside, after a sale that went well."""

import asyncio

import apsw
import pytest

from tests.yibao.demo.running import run_here
from yibao.demo.facts import Evidence
from yibao.demo.main import Look, Plan
from yibao.demo.scene import Scene
from yibao.demo.tales import SALE

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.blocking_allowed("starting a process holds the loop until it has been loaded"),
]


async def _journal(scene: Scene, settlement_id: str) -> Evidence:
    """Somebody changes the state of the sale in the journal's file; the counter no longer vouches for it."""

    def change() -> None:
        with apsw.Connection(str(scene.folder / "state" / "journal.db")) as journal:
            journal.execute("UPDATE settlement SET state = 'CANCELLING' WHERE id = ?", (settlement_id,))

    await asyncio.to_thread(change)
    return await scene.evidence(settlement_id)


async def _hub(scene: Scene, settlement_id: str) -> Evidence:
    """The hub's books lose the settlement's money: the account is full again."""

    def change() -> None:
        with apsw.Connection(str(scene.folder / "ledger.db")) as ledger:
            ledger.set_busy_timeout(2000)
            ledger.execute("UPDATE account SET balance_fen = 6000 WHERE balance_fen = 0")

    await asyncio.to_thread(change)
    return await scene.evidence(settlement_id)


async def _paper(scene: Scene, settlement_id: str) -> Evidence:
    """One slip too many comes out of the printer."""
    await scene.counter.copy(settlement_id)
    await scene.until_printed(settlement_id, "copy")
    return await scene.evidence(settlement_id)


@pytest.mark.parametrize(
    ("look", "found"),
    [
        (_journal, "a record was changed outside the terminal"),
        (_hub, "hub: account balance in fen: 6000 (told: 0)"),
        (_paper, "paper: slips: ('医保结算单', '医保结算单') (told: ('医保结算单',))"),
    ],
    ids=["journal", "hub", "paper"],
)
def test_a_spoiled_book_ends_the_demo_with_1_and_is_named(look: Look, found: str) -> None:
    code, text = run_here(Plan(tales=(SALE,), look=look))
    assert code == 1
    assert found in text
    assert "FAILED: 故事 1 没有如所讲结束" in text
    assert "0 of 1 stories ended as told" in text
