"""The certified terminal is told how a settlement ended: once, after the outcome is on disk, and only the truth."""

import json
from pathlib import Path

from drivers.interfaces.hub_transport import NoAnswer
from protocols.ecertificate.notice import NoticeState, lines_of
from protocols.hub.profile_reading import parse_profile
from terminal.core.states import State
from tests.profiles.switches import switch
from tests.terminal.harness import INSTITUTION, Shop, virtual

SILENT = parse_profile("[ecert]\nsettle_notify = false\n", "national.toml")


def told(shop: Shop) -> list[NoticeState]:
    """What the terminal has shown, oldest first."""
    return [shown.state for shown in shop.world.centre.notices]


@virtual
@switch("ecert.settle_notify", True)
async def test_a_settlement_is_shown_with_its_true_amounts(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.quiet()
    (shown,) = shop.world.centre.notices
    assert settled.booking is not None
    assert shown.state is NoticeState.SUCCESS
    assert shown.settlement_no == settled.booking.info.settlement_id
    assert (shown.total, shown.account, shown.own, shown.balance) == ("37.50", "37.50", "0.00", "22.50")
    assert shown.document_no.reveal() == shop.world.person("jia").certno
    assert [(line.name, line.amount, line.insured) for line in lines_of(shown)] == [
        (line.name, f"{line.amount_fen // 100}.{line.amount_fen % 100:02d}", "Y") for line in settled.lines
    ]
    assert shown.business_number.startswith(INSTITUTION)
    assert shown.business_number.endswith(f"{int(settled.id[1:], 16) % 10**10:010d}")
    await till.stop()


@virtual
async def test_two_sales_have_two_business_numbers(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    await till.settle("0002")
    await till.quiet()
    assert len({shown.business_number for shown in shop.world.centre.notices}) == 2
    await till.stop()


@virtual
async def test_a_refused_settlement_is_shown_as_failed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.world.book._tokens.clear()  # the token has run out at the centre
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.REFUSED
    await till.quiet()
    (shown,) = shop.world.centre.notices
    assert (shown.state, shown.settlement_no, shown.total) == (NoticeState.FAIL, "", "37.50")
    await till.stop()


@virtual
async def test_nothing_is_shown_while_a_settlement_is_in_doubt_and_failed_once_it_is_reversed(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601")
    doubtful = await till.settle()
    assert doubtful.state not in (State.CONFIRMED, State.REVERSED)
    assert told(shop) == []
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert told(shop) == [NoticeState.FAIL]
    await till.stop()


@virtual
async def test_a_settlement_whose_answer_does_not_fit_is_shown_as_failed_once_it_is_reversed(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("amount-off", "2102")
    shop.arm("lose-request", "2601")
    held = await till.settle()
    assert (held.state, held.quarantine) == (State.CONFIRMED, True)
    assert told(shop) == []
    await till.quiet()
    assert (await till.get(held.id)).state is State.REVERSED
    assert told(shop) == [NoticeState.FAIL]
    await till.stop()


@virtual
async def test_a_doubt_that_waited_for_people_is_shown_as_failed_once_it_is_reversed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    doubtful = await till.settle()
    await till.wait(90_000)
    assert (await till.get(doubtful.id)).state is State.MANUAL
    assert told(shop) == []
    shop.world.hub.clear()
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert told(shop) == [NoticeState.FAIL]
    await till.stop()


@virtual
async def test_a_notice_that_is_lost_changes_nothing_and_is_not_repeated(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    quoted = await till.quote("0001")
    asked = shop.centre_link.asked
    shop.centre_link.trouble = NoAnswer("timeout")
    settled = await till.counter.sales.confirm(quoted.id, "T01")
    await till.quiet()
    assert settled.state is State.CONFIRMED
    assert shop.centre_link.asked == asked + 1
    assert told(shop) == []
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_after_a_kill_nothing_is_told_by_the_next_process(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601")
    await till.settle()
    await till.kill()
    again = await shop.start()
    await again.quiet()
    assert told(shop) == []
    await again.stop()


@virtual
@switch("ecert.settle_notify", False)
async def test_a_profile_may_switch_it_off(tmp_path: Path) -> None:
    shop = Shop(tmp_path, profile=SILENT)
    till = await shop.start()
    assert (await till.settle()).state is State.CONFIRMED
    await till.quiet()
    assert told(shop) == []
    assert shop.centre_link.asked == 1
    await till.stop()


@virtual
async def test_the_drug_list_is_a_text_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle()
    await till.quiet()
    names = {name for line in json.loads(shop.world.centre.notices[0].lines) for name in line}
    assert {"ITEM_NO", "ITEMNAME", "HI_ITEM", "PRIC", "ITEM_CNT", "ITEM_AMT"} <= names
    await till.stop()
