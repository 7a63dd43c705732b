"""Slips: each printed once by itself, never twice, and money never waits for paper (invariant I6)."""

import asyncio
from pathlib import Path

import pytest

from drivers.interfaces.printer import PrintOutcome
from protocols.gm.sm3 import sm3
from terminal.core.events import Event, Misuse, SlipPrinted
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from tests.faults import fired
from tests.terminal.counter.slow_disk import SlowDisk
from tests.terminal.harness import Shop, Till, virtual


def notices(till: Till) -> list[Notice]:
    """What the counter announced that belongs to no sale."""
    return [
        entry.notice
        for entry in till.counter.feed.entries
        if entry.notice is not None and not entry.settlement_id
    ]


def states(till: Till, settlement_id: str) -> list[tuple[str, str]]:
    """Kind and state of each slip."""
    return [(slip.kind, slip.state) for slip in till.journal.receipts.of(settlement_id)]


@virtual
async def test_a_slip_is_printed_once_and_says_what_was_settled(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.quiet()
    (text,) = shop.printer.texts()
    assert settled.booking is not None
    for part in (
        "医保结算单",
        settled.booking.info.settlement_id,
        "T01-20261123-0001",
        "37.50",
        "测试降糖片",
    ):
        assert part in text
    assert "测试甲" not in text, "the name is masked"
    assert states(till, settled.id) == [("original", "printed")]
    await till.wait(60)
    assert len(shop.printer.papers) == 1
    await till.stop()


@pytest.mark.parametrize("problem", ["paper_out", "cover_open"])
@virtual
async def test_a_printer_that_cannot_print_makes_the_slip_wait_and_nothing_else(
    problem: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.problem = problem
    settled = await till.settle("0001")
    assert settled.state is State.CONFIRMED, "the settlement stands"
    await till.wait(30)
    assert states(till, settled.id) == [("original", "waiting")]
    fired("F15")
    assert notices(till) == [Notice("printer_waits", {"reason": problem})], "said once"
    assert (await till.settle("0002")).state is State.CONFIRMED, "the next sale goes on"
    shop.printer.problem = None
    await till.wait(3)
    assert shop.printer.titles() == ["医保结算单", "医保结算单"]
    assert "T01-20261123-0001" in shop.printer.texts()[0], "oldest first"
    await till.stop()


@virtual
async def test_a_job_that_was_not_begun_is_printed_later(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.outcome = PrintOutcome.NOT_PRINTED
    settled = await till.settle()
    await till.wait(10)
    assert states(till, settled.id) == [("original", "waiting")]
    shop.printer.outcome = PrintOutcome.PRINTED
    await till.wait(5)
    assert states(till, settled.id) == [("original", "printed")]
    assert len(shop.printer.papers) == 1
    await till.stop()


@virtual
async def test_a_job_whose_fate_is_unknown_is_never_repeated_by_itself(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.outcome = PrintOutcome.UNKNOWN
    settled = await till.settle()
    await till.wait(60)
    assert states(till, settled.id) == [("original", "unknown")]
    fired("F16")
    assert notices(till) == [Notice("printer_unknown", {"reason": "device_lost"})]
    assert len(shop.printer.papers) == 1
    shop.printer.outcome = PrintOutcome.PRINTED
    await till.wait(60)
    assert len(shop.printer.papers) == 1, "somebody has to look at the paper and ask"
    assert await till.counter.slips.copy(settled.id, "T01") == 1
    await till.wait(5)
    assert "补打" in shop.printer.texts()[1]
    assert states(till, settled.id) == [("original", "unknown"), ("copy", "printed")]
    await till.stop()


@virtual
async def test_a_printer_without_a_status_is_good_enough(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.outcome = PrintOutcome.PRINTED_UNVERIFIED
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.quiet()
    assert states(till, settled.id) == [("original", "printed_unverified")]
    fired("F17")
    assert (await till.get(settled.id)).state is State.CLOSED
    await till.stop()


@virtual
async def test_copies_are_numbered_and_marked(tmp_path: Path) -> None:
    """Abuse case T47."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.quiet()
    assert [await till.counter.slips.copy(settled.id, "T01") for _ in range(2)] == [1, 2]
    await till.wait(5)
    texts = shop.printer.texts()
    assert "补打" not in texts[0]
    assert all("补打" in text for text in texts[1:])
    assert len({text.count("37.50") for text in texts}) == 1
    assert [record["action"] for record in till.audit()].count("copy") == 2
    await till.stop()


@virtual
async def test_without_a_printer_slips_wait_for_ever(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start(with_printer=False)
    settled = await till.settle()
    await till.wait(3600)
    assert states(till, settled.id) == [("original", "waiting")]
    assert till.counter.paper.problem == "no_device"
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert states(till, settled.id) == [("original", "printed")]
    await till.stop()


@virtual
async def test_a_slip_that_was_being_printed_when_the_power_went_is_unknown(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.printer.problem = "paper_out"
    settled = await till.settle()
    (slip,) = till.journal.receipts.of(settled.id)
    till.journal.receipts.move(slip.id, "printing", "printer", till.counter.engine.stamp())
    await till.kill()
    shop.printer.problem = None
    till = await shop.start()
    await till.wait(60)
    assert states(till, settled.id) == [("original", "unknown")]
    assert shop.printer.papers == []
    fired("F16")
    assert Notice("printer_unknown", {"reason": "restart"}) in notices(till)
    await till.stop()


@virtual
async def test_the_bytes_on_paper_are_those_whose_hash_was_written_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S5: `printing` with the hash is durable before the first byte leaves."""
    shop = Shop(tmp_path)
    till = await shop.start()
    seen: list[str] = []
    right = shop.printer.print

    async def look(document: bytes) -> object:
        seen.extend(slip.state for slip in till.journal.receipts.unfinished())
        return await right(document)

    monkeypatch.setattr(shop.printer, "print", look)
    await till.settle()
    await till.quiet()
    assert seen == ["printing"]
    (stored,) = till.connection.execute("SELECT content_sm3 FROM receipt")
    assert stored == (sm3(shop.printer.papers[0]),)
    await till.stop()


@virtual
async def test_a_sheet_past_its_term_while_its_slip_comes_out_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    post = till.counter.engine.post
    refused: list[str] = []

    async def past_term(settlement_id: str, event: Event, actor: str, *, wait: bool = False) -> Settlement:
        if isinstance(event, SlipPrinted) and not refused:
            refused.append(settlement_id)
            raise Misuse("evidence_past_term")
        return await post(settlement_id, event, actor, wait=wait)

    monkeypatch.setattr(till.counter.engine, "post", past_term)
    first = await till.settle("0001")
    await till.quiet()
    assert refused == [first.id]
    assert Notice("internal_error") in notices(till), "it is told, and logged"
    await till.wait(200)
    second = await till.settle("0002", who="ding")
    await till.quiet()
    assert states(till, second.id) == [("original", "printed")], "the printer goes on"
    await till.stop()


@pytest.mark.parametrize("wish", ["acknowledge", "cancel"])
@virtual
async def test_a_sale_whose_slip_is_just_being_noted_is_not_busy(
    wish: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a till was told is settled, and not busy, takes the next wish: a note about paper is over in a moment."""
    shop = Shop(tmp_path)
    till = await shop.start()
    engine = till.counter.engine
    post, heard = engine.post, list[State]()

    async def beside_the_note(
        settlement_id: str, event: Event, actor: str, *, wait: bool = False
    ) -> Settlement:
        if not isinstance(event, SlipPrinted):
            return await post(settlement_id, event, actor, wait=wait)
        noting = asyncio.create_task(post(settlement_id, event, actor, wait=wait))
        await asyncio.sleep(0.005)
        assert not noting.done()
        if wish == "acknowledge":
            heard.append((await till.counter.sales.acknowledge(settlement_id, "T01")).state)
        else:
            heard.append((await till.counter.sales.cancel(settlement_id, "T01", "")).state)
        return await noting

    monkeypatch.setattr(engine, "_journal", SlowDisk(engine._journal, takes_s=0.01))
    monkeypatch.setattr(engine, "post", beside_the_note)
    await till.settle()
    await till.quiet()
    assert heard == [State.CLOSED if wish == "acknowledge" else State.CANCELLED]
    shop.assert_books_agree(till)
    await till.stop()
