"""A journal of an older version under a counter of this one: what was open is finished, what was closed is shown."""

from pathlib import Path

from terminal.core.states import State
from terminal.journal.sheet import settlement_of
from terminal.journal.verify import verify_journal
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.harness import Shop, virtual
from tests.terminal.journal.old_journals import unpack


def copies_in(folder: Path) -> list[str]:
    """The copies of older journals that lie in a folder."""
    return [file.name for file in folder.glob("*.schema-*")]


@virtual
async def test_doubts_of_an_old_journal_go_on_being_reversed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.journal_path = unpack("schema-1-pharmacy", tmp_path)
    till = await shop.start()
    await till.wait(3600)
    states = {row.key.sale_number: row.state for row in till.rows()}
    assert states == {
        "0001": State.CLOSED, "0002": State.CANCELLED, "0003": State.REVERSED, "0004": State.REVERSED, "0005": State.ABANDONED
    }  # fmt: skip
    for row in till.rows():
        if row.state is State.REVERSED:
            reversals = [
                attempt for attempt in till.journal.attempts.of(row.id) if attempt.purpose == "REVERSE"
            ]
            assert reversals[-1].state == "ANSWERED"
            assert f'"omsgid":"{settlement_of(row).settle_msgid}"'.encode() in reversals[-1].request
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()


@virtual
async def test_closed_sales_of_an_old_journal_are_shown_copied_and_new_ones_made(tmp_path: Path) -> None:
    shop = Shop(tmp_path, seed=2)  # other settlement ids than those of the old journal
    shop.journal_path = unpack("schema-1-pharmacy", tmp_path)
    till = await shop.start()
    await till.wait(3600)
    (closed,) = [row for row in till.rows() if row.key.sale_number == "0001"]
    shown = await till.get(closed.id)
    assert shown.person is not None
    assert (shown.person.name.reveal(), shown.state) == ("测试甲", State.CLOSED)
    assert await till.counter.slips.copy(closed.id, "T01") == 2
    await till.quiet()
    assert "测*" in shop.printer.texts()[-1]
    settled = await till.settle("0006", who="bing")
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CLOSED
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()

    till = await shop.start()
    assert copies_in(tmp_path) == [], "this start was good: the copy is not needed any more"
    assert len(till.rows()) == 6
    await till.stop()


@virtual
async def test_the_withdrawal_an_old_visit_owes_is_sent_until_it_is_answered(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.journal_path = unpack("schema-1-clinic", tmp_path)
    clinic.hub_link.down = True
    window = await clinic.window()
    (gone,) = [row for row in window.till.rows() if row.state is State.ABANDONED]
    await window.pass_time(1200)
    assert ((await window.till.get(gone.id)).owed, window.queued()) == (("2205", "2202"), 1)
    clinic.hub_link.down = False
    await window.rest()
    assert (await window.till.get(gone.id)).owed == ()
    assert [sent for sent in clinic.hub_link.transactions() if sent in ("2205", "2202")] == ["2205", "2202"]
    assert verify_journal(str(clinic.journal_path), clinic.vault).ok
    await window.till.stop()
