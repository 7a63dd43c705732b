"""What a person is told of a settlement beside who pays: on the screen, and on the slip that goes home."""

from pathlib import Path

import msgspec

from terminal.api.views import settlement_view
from terminal.config import SlipConfig
from terminal.core.disclosure import disclose, shares_agree
from terminal.core.values import LineShare, Settlement
from terminal.counter.wishes import DiseaseWish
from terminal.slips.masking import MaskRule
from tests.capabilities import asserted
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.clinic.test_benefit_cases import line
from tests.terminal.core.samples import TO_CONFIRMED, after
from tests.terminal.harness import PILLS, Shop, counter_config, virtual

DIALYSIS = DiseaseWish("M07801", "N18.501", "慢性肾脏病5期透析")
HAEMODIALYSIS = (line("TTEST000000000000S05", "血液透析", "380.00", "2"),)


async def dialysis(clinic: Clinic, number: str = "1") -> tuple[Window, Settlement]:
    """Somebody extremely poor settles two dialyses: 760.00 yuan, all in scope."""
    slip = SlipConfig(hotline="000-12345", agency="测试市医保中心", high_burden="9000.00")
    config = msgspec.structs.replace(window_config(clinic.institution), slip=slip)
    window = Window(clinic, await clinic.start(config=config))
    priced = await window.priced(number, HAEMODIALYSIS, "geng", DIALYSIS)
    return window, await window.confirm(priced)


@virtual
async def test_r03_r14_three_systems_stand_separately_on_screen_and_slip(tmp_path: Path) -> None:
    """Set JH, resident, class I, primary clinic: the fund's ratio is on the slip, assistance takes the whole rest."""
    clinic = Clinic(tmp_path)
    window, settled = await dialysis(clinic)
    assert settled.booking is not None
    funds = {row.fund_type: row.amount_fen for row in settled.booking.funds}
    assert funds.keys() == {"390100", "610100"}
    assert sum(funds.values()) == 76000
    await window.rest()
    (paper,) = clinic.printer.texts()
    told = flat(paper)
    yuan = {code: f"{fen // 100}.{fen % 100:02d}" for code, fen in funds.items()}
    for name, amount in (("基本统筹", yuan["390100"]), ("居民大病", "0.00"), ("医疗救助", yuan["610100"])):
        assert f"其中{name}{amount}" in told
    assert "现金支付0.00" in told
    await window.finish()


@virtual
async def test_r04_slip_and_error_slip_name_hotline_and_agency(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    config = msgspec.structs.replace(
        counter_config(), slip=SlipConfig(hotline="000-12345", agency="测试市医保中心")
    )
    till = await shop.start(config=config)
    await till.settle("0001")
    shop.arm("lose-answer", "2102")
    await till.settle("0002")
    await till.quiet()
    papers = [flat(text) for text in shop.printer.texts()]
    assert len(papers) == 3
    assert ["未结算，冲正处理中" in paper for paper in papers] == [False, True, False]
    for paper in papers:
        assert "经办机构：测试市医保中心" in paper
        assert "咨询电话：000-12345" in paper
    await till.stop()


@virtual
async def test_r12_r34_r25_r27_r19_the_visit_tells_place_category_ratio_version_and_limit(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path)
    window, settled = await dialysis(clinic)
    view = settlement_view(settled, MaskRule())
    assert view.person is not None
    assert (view.person.insured_division, view.person.insured_since) == ("999901", "2010-01-01")
    (category,) = view.person.categories
    assert (category.code, category.name, category.until) == ("2304", "特困人员", "2026-12-31 23:59:59")
    assert view.settled is not None
    told = view.settled.disclosure
    assert told is not None
    assert told.policy_scope_fen == 76000
    assert told.ratio != ""
    assert settled.booking is not None
    (fund,) = [row for row in settled.booking.funds if row.fund_type == "610100"]
    assert fund.limit_fen is not None
    assert {limit.fund_pay_type: limit.left_fen for limit in told.limits}["610100"] == (
        fund.limit_fen - fund.amount_fen
    )
    await window.rest()
    paper = flat(clinic.printer.texts()[0])
    assert f"统筹支付比例：{told.ratio}" in paper
    assert "医疗救助限额余：" in paper
    assert "平台说明：政策JH（" in paper
    assert "平台说明：按特困人员救助" in paper
    assert "待遇：门诊慢特病" in paper
    assert "参保地：999901（2010-01-01起）" in paper
    await window.finish()


@virtual
async def test_r15_r16_a_childs_purchase_is_an_account_purchase_paid_by_the_parent(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle(who="bing")
    assert settled.booking is not None
    assert settled.booking.split.mutual_aid_fen == 3750
    await till.quiet()
    paper = flat(shop.printer.texts()[0])
    assert "待遇：账户购药" in paper
    assert "其中家庭共济37.50" in paper
    assert "平台说明：账户支付：父母37.50" in paper
    await till.stop()


@virtual
async def test_r70_every_line_shows_its_class_ceiling_and_shares_and_they_add_up(tmp_path: Path) -> None:
    """D02 at 15.00 against a payment standard of 3.00 (R55): each box 12.00 above it."""
    shop = Shop(tmp_path)
    till = await shop.start()
    brand = msgspec.structs.replace(
        PILLS, national_code="XTEST000000000000000D02", name="测试降压片", price="15.00", quantity="2"
    )
    settled = await till.settle(lines=(PILLS, brand))
    assert settled.booking is not None
    booking = settled.booking
    assert shares_agree(booking)
    scope = [
        sum(part)
        for part in zip(
            *(
                (row.self_paid_fen, row.over_limit_fen, row.class_b_share_fen, row.policy_scope_fen)
                for row in booking.line_shares
            ),
            strict=True,
        )
    ]
    info = booking.info
    fields = [info.self_paid_fen, info.over_limit_fen, info.class_b_share_fen, info.policy_scope_fen]
    asserted("R70", [int(fen) for fen in fields], scope, what="shares")
    asserted("R70", 6750, sum(line.amount_fen for line in settled.lines), what="lines")
    for bought, share in zip(settled.lines, booking.line_shares, strict=True):
        parts = (share.self_paid_fen, share.over_limit_fen, share.class_b_share_fen, share.policy_scope_fen)
        assert sum(parts) == bought.amount_fen
    await till.quiet()
    paper = flat(shop.printer.texts()[0])
    assert "超限价24.00范围内6.00" in paper
    assert "限价3.00，每单位超出12.00" in paper
    assert "超限价自费24.00" in paper
    assert "政策范围内43.50" in paper
    await till.stop()


@virtual
async def test_r55_r59_the_ceiling_stands_beside_the_price_at_a_clinic(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    lines = (line("XTEST000000000000000D02", "测试降压片", "15.00", "2"), *HAEMODIALYSIS)
    await window.confirm(await window.priced("1", lines, "geng", DIALYSIS))
    await window.rest()
    paper = flat(clinic.printer.texts()[0])
    assert "限价3.00，每单位超出12.00" in paper
    assert "超限价24.00范围内6.00" in paper
    assert "超限价自费24.00" in paper
    await window.finish()


def test_r70_lines_split_for_another_record_are_not_shown() -> None:
    booking = after(*TO_CONFIRMED).booking
    assert booking is not None
    wrong = msgspec.structs.replace(booking, line_shares=(LineShare("01", 0, 0, 0, 1),))
    assert disclose(wrong).shares == ()


@virtual
async def test_r23_a_high_burden_brings_a_hint_where_aid_is_asked_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start(
        config=msgspec.structs.replace(counter_config(), slip=SlipConfig(high_burden="30.00"))
    )
    settled = await till.settle("0001")
    few = msgspec.structs.replace(PILLS, quantity="2")
    await till.settle("0002", (few,))
    await till.quiet()
    papers = [flat(text) for text in shop.printer.texts()]
    asserted("R23", [True, False], ["个人负担较高" in paper for paper in papers], what="hint")
    await till.counter.sales.cancel(settled.id, "T01", "")
    await till.quiet()
    assert "个人负担较高" not in flat(shop.printer.texts()[-1]), "nobody bears it any more"
    await till.stop()
