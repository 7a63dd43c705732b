"""Further rows of the benefit policy at the counter: media, newborns, indications, quantities, agreements, reports."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from simulators.benefit.model import Accumulators
from simulators.hub.working import HIGH_BURDEN_FEN
from terminal.api.views import settlement_view
from terminal.core.states import State
from terminal.counter.wishes import DiseaseWish, LineWish
from terminal.slips.masking import MaskRule
from tests.capabilities import asserted
from tests.terminal.benefit.desk import COLD, line, priced, somebody
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, state_of
from tests.terminal.clinic.test_benefit_cases import THIRD_LEVEL
from tests.terminal.harness import INSTITUTION, PILLS, Shop, virtual


@virtual
async def test_r01_r05_without_an_activated_certificate_the_card_or_the_number_serves_as_well(
    tmp_path: Path,
) -> None:
    """The code is refused with how to activate; the identity number then settles like any other medium."""
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open()
    refused = await till.counter.media.give_code(opened.id, shop.code("ren"))
    assert state_of(refused) == (State.DRAFT, "certificate_not_activated")
    number = shop.world.person("jia").certno
    typed = await till.counter.media.give_identity_number(opened.id, number)
    by_number = await till.counter.sales.confirm(typed.id, "T01")
    by_code = await till.settle("0002")
    assert by_number.booking is not None
    assert by_code.booking is not None
    assert by_number.booking.split.total_fen == by_code.booking.split.total_fen == 3750
    assert len(shop.live()) == 2
    await till.stop()


@virtual
async def test_r41_a_newborn_is_served_by_number_from_the_day_of_birth_on(tmp_path: Path) -> None:
    """No certificate and no card yet; benefits without a waiting period."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    lines = (
        line("TTEST000000000000S01", "诊察费", "10.00", "1"),
        line("XTEST000000000000000D04", "胶囊", "28.60", "1"),
    )
    quoted = await priced(window, "ordinary", lines, "xin")
    assert quoted.quote is not None
    assert quoted.quote.info.pooled_ratio == 5500
    settled = await window.confirm(quoted)
    assert settled.booking is not None
    assert settled.booking.split.fund_fen == 2044, "P57"
    await window.rest()
    assert "新生儿" in flat(clinic.printer.texts()[0])
    await window.finish()


@virtual
async def test_r52_a_restricted_drug_is_paid_where_the_doctor_confirms_the_indication(tmp_path: Path) -> None:
    """D15: class C without it; with it the class of the list, and the line says so to the hub."""
    person = somebody(231)
    clinic = Clinic(tmp_path, more_people=[person])
    window = await clinic.window()
    drug = line("XTEST000000000000000D15", "限适应症药片", "86.00", "1")
    shown = []
    for confirmed in (False, True):
        wish = msgspec.structs.replace(drug, indication=confirmed)
        quoted = await priced(window, "ordinary", (wish,), person.slug, COLD)
        assert quoted.quote is not None
        shown.append((quoted.line_classes, int(quoted.quote.info.self_paid_fen)))
        await window.abandon(quoted)
    assert shown[0] == (("03",), 8600)
    assert shown[1][0] != ("03",)
    assert shown[1][1] == 0
    flags = [told["feedetail"][0]["hosp_appr_flag"] for told in clinic.hub_link.inputs("2204")]
    assert flags == ["0", "1"]
    await window.finish()


@virtual
async def test_r58_pieces_are_sold_in_fractions(tmp_path: Path) -> None:
    """P10: 2.5 doses of 18.00 are 45.00; the slip says 2.5."""
    shop = Shop(tmp_path)
    till = await shop.start()
    pieces = LineWish(
        national_code="TTEST000000000000D06",
        own_code="SKU0006",
        name="测试中药饮片",
        price="18.00",
        quantity="2.5",
    )
    settled = await till.settle(lines=(pieces,))
    assert settled.booking is not None
    assert settled.booking.split.total_fen == 4500
    await till.quiet()
    assert "2.5×18.0045.00" in flat(shop.printer.texts()[0])
    await till.stop()


@virtual
async def test_r36_a_year_that_became_expensive_is_told_exactly_once(tmp_path: Path) -> None:
    """A year's burden crosses 20,000 yuan: told with this settlement, and not with the next one."""
    filed = '[[registration]]\nkind = "chronic"\ncode = "M07801"\nname = "慢性肾功能不全(透析治疗)"\nbegin = 2025-01-01\n'
    person = somebody(232, "979900", filed=filed)
    clinic = Clinic(tmp_path, institution=THIRD_LEVEL.code, more_people=[person], more_places=[THIRD_LEVEL])
    ledger = clinic.world.ledger
    ledger.set_accumulators(
        person.psn_no, "GX", Accumulators(year=2026, si_base_fen=HIGH_BURDEN_FEN - 10_000, pool_all_fen=0)
    )
    window = await clinic.window()
    told = []
    for number in ("1", "2"):
        wish = DiseaseWish("M07801", "N18.501", "透析")
        quoted = await window.priced(
            number, (line("TTEST000000000000S05", "血液透析", "400.00", "2"),), person.slug, wish
        )
        settled = await window.confirm(quoted)
        assert settled.booking is not None
        told.append(
            ["已为您通报" in row.working for row in settled.booking.funds if row.fund_type == "390100"]
        )
    assert told == [[True], [False]]
    await window.finish()


@virtual
async def test_r65_a_suspended_pharmacy_settles_nothing_and_still_cancels_yesterdays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P01 refused by the hub with its reason; the cancellation of yesterday's P01 works."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001")
    await till.days_pass(1)
    place = shop.world.world.institutions[INSTITUTION]
    over = msgspec.structs.replace(place.agreement, end=dt.date(2026, 11, 23))
    ended = msgspec.structs.replace(place, agreement=over)
    monkeypatch.setitem(shop.world.world.institutions, INSTITUTION, ended)
    refused = await till.quote("0002", who="ding")
    assert state_of(refused) == (State.DRAFT, "hub_refused_question")
    view = settlement_view(refused, MaskRule())
    assert view.refusal is not None
    assert "医保目前不与本机构结算" in view.refusal.zh
    assert refused.notice is not None
    asserted(
        "R65", "AGREEMENT_INVALID]", refused.notice.params["text"].rpartition("[")[2], what="P01 refused"
    )
    cancelled = await till.counter.sales.cancel(sold.id, "T01", "退药")
    asserted("R65", "CANCELLED", cancelled.state.value, what="cancellation")
    await till.counter.sales.abandon(refused.id, "T01")
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_r81_r83_a_lost_answer_says_checking_and_leaves_at_most_one_settlement(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    asked = await till.settle("0001", (PILLS,))
    assert asked.notice is not None
    assert asked.notice.code in ("doubt", "reversal_waits", "reversed")
    await till.quiet()
    assert (await till.get(asked.id)).state is State.REVERSED
    assert shop.live() == []
    await till.stop()
