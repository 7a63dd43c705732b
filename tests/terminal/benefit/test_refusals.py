"""Every refusal brings its reason in plain words, on the screen and, where it is wished, on paper."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from terminal.advice import ADVICE_CODES, advice_for
from terminal.api.views import settlement_view
from terminal.config import InstitutionConfig, SlipConfig
from terminal.core.events import Misuse
from terminal.core.standing import read_standing
from terminal.core.states import State
from terminal.counter.agreement import agreement_notice
from terminal.counter.wishes import SaleWish
from terminal.slips.masking import MaskRule
from terminal.texts import TEXTS, tell
from tests.capabilities import asserted
from tests.terminal.api.calling import Api
from tests.terminal.benefit.desk import COLD, line, priced, somebody
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, Window, state_of, window_config
from tests.terminal.harness import INSTITUTION, Shop, counter_config, virtual

TABLETS = (line("XTEST000000000000000D03", "测试降糖片", "12.00", "4"),)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("待遇等待期未满 (waiting period) [WAITING_PERIOD]", "advice_waiting_period"),
        ("该参保人处于等待期", "advice_waiting_period"),
        ("本机构未开通 (not networked) [INST_NOT_NETWORKED]", "advice_not_networked"),
        ("该病种未备案", "advice_disease_not_registered"),
        ("(later) [LATER_SETTLEMENT_EXISTS]", "advice_later_settlement"),
        ("协议已终止", "advice_agreement"),
        (
            "重复参保，请按正在享受待遇的险种结算：insutype 310 (insured twice: settle under the scheme that pays)"
            " [DUPLICATE_ENROLMENT]",
            "advice_duplicate_enrolment",
        ),
        ("系统繁忙", ""),
    ],
)
def test_r83_the_hubs_words_are_explained_where_they_are_recognised(words: str, code: str) -> None:
    assert advice_for(words) == code
    told = tell("hub_refused_question", {"text": words})
    assert words in told.zh
    assert ("通俗说明" in told.zh) == bool(code)
    assert ("In plain words" in told.en) == bool(code)


def test_r83_every_advice_has_its_words() -> None:
    assert set(TEXTS) >= ADVICE_CODES


@virtual
async def test_r83_p54_a_refusal_can_be_taken_home_on_paper(tmp_path: Path) -> None:
    """Also after the visit was given up: plain words, and whom to ask."""
    person = somebody(211)
    clinic = Clinic(tmp_path, institution="H99990000005", more_people=[person])
    config = msgspec.structs.replace(
        window_config(clinic.institution), slip=SlipConfig(hotline="000-12345", agency="测试市医保中心")
    )
    window = Window(clinic, await clinic.start(config=config))
    refused = await priced(window, "two_disease", TABLETS, person.slug, disease_code="M01600")
    assert state_of(refused) == (State.DRAFT, "not_entitled")
    view = settlement_view(refused, MaskRule())
    assert view.refusal is not None
    assert "该病种没有备案" in view.refusal.zh
    await window.abandon(refused)
    await window.counter.slips.explain(refused.id)
    (paper,) = map(flat, clinic.printer.texts())
    for told in ("医保结算说明", "该病种没有备案", "经办机构：测试市医保中心", "咨询电话：000-12345", "测*"):
        assert told in paper
    assert person.certno not in paper
    await window.finish()


@virtual
async def test_r83_nothing_is_explained_that_was_not_refused_and_a_printer_without_paper_says_so(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open()
    with pytest.raises(Misuse) as nothing:
        await till.counter.slips.explain(opened.id)
    assert nothing.value.code == "nothing_to_explain"
    await till.stop()


@virtual
async def test_r83_p70_an_older_settlement_is_not_cancelled_before_the_later_one_and_says_why(
    tmp_path: Path,
) -> None:
    person = somebody(212)
    clinic = Clinic(tmp_path, institution="H99990000004", more_people=[person])
    window = await clinic.window()
    lines = (line("TTEST000000000000S03", "CT", "200.00", "2"),)
    first = await window.confirm(await priced(window, "ordinary", lines, person.slug))
    await window.pass_time(60)
    wish = SaleWish("2", lines, flow="clinic_visit", benefit="ordinary")
    opened = await window.counter.sales.open(wish, "front desk", "")
    second = await window.confirm(await window.pick(await window.type_number(opened, person.slug), COLD))
    refused = await window.cancel(first)
    assert state_of(refused) == (State.CONFIRMED, "cancel_refused")
    assert refused.refusal is not None
    assert refused.refusal.params["text"].endswith("[LATER_SETTLEMENT_EXISTS]")
    await window.counter.slips.explain(first.id)
    paper = flat(clinic.printer.texts()[-1])
    assert "须先撤销较新的一笔" in paper
    asserted("R83", "医保结算说明", paper[:6], what="P70")
    assert (await window.cancel(second)).state is State.CANCELLED
    assert (await window.cancel(first)).state is State.CANCELLED
    await window.finish()


def test_r65_the_end_of_the_agreement_is_told_a_month_ahead() -> None:
    ends = dt.date(2026, 12, 31)
    for today, code in (
        (dt.date(2026, 11, 30), None),
        (dt.date(2026, 12, 1), "agreement_ends"),
        (dt.date(2026, 12, 31), "agreement_ends"),
        (dt.date(2027, 1, 1), "agreement_ended"),
    ):
        notice = agreement_notice(ends, today)
        assert (None if notice is None else notice.code) == code, today
    assert agreement_notice(None, ends) is None


@virtual
async def test_r65_after_the_last_day_no_sale_starts_and_yesterdays_can_still_be_cancelled(
    tmp_path: Path,
) -> None:
    """The agreement ends today; at midnight nothing new is settled, a quote already shown neither."""
    shop = Shop(tmp_path)
    place = InstitutionConfig(INSTITUTION, "测试大药房一号店", "999900", agreement_until="2026-11-23")
    till = await shop.start(config=msgspec.structs.replace(counter_config(), institution=place))
    settled = await till.settle("0001")
    await till.days_pass(1)
    with pytest.raises(Misuse) as refused:
        await till.open("0002")
    assert (refused.value.code, refused.value.params) == ("agreement_ended", {"until": "2026-11-23"})
    cancelled = await till.counter.sales.cancel(settled.id, "T01", "退药")
    assert cancelled.state is State.CANCELLED
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@pytest.mark.parametrize(
    ("extension", "told"),
    [
        (
            '{"AGRM_STAS":"2","AGRM_ENDDATE":"2026-12-31","PAUS_ENDDATE":"2026-11-30","CRED_LV":"B"}',
            ("2", "2026-12-31", "B"),
        ),
        ("", ("", "", "")),
        ("not json", ("", "", "")),
        ('{"AGRM_STAS":2}', ("", "", "")),
    ],
)
def test_r65_r66_what_the_register_says_of_the_own_institution_is_read_and_nothing_else(
    extension: str, told: tuple[str, str, str]
) -> None:
    standing = read_standing(extension)
    assert (standing.agreement_state, standing.agreement_until, standing.credit_level) == told


@virtual
async def test_r65_r66_the_own_standing_can_be_asked_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    told = await Api(till, counter_config()).post("/hub/standing")
    assert (told["code"], told["level"]) == (INSTITUTION, "11")
    status = await Api(till, counter_config()).get("/status")
    assert status["institution_level"] == "11", "R06"
    place = shop.world.world.institutions[INSTITUTION]
    assert (told["agreement"], told["agreement_until"]) == ("in_force", place.agreement.end.isoformat())
    assert (told["credit_level"], told["networked"]) == (place.credit, place.networked)
    assert told["service_level"] == place.service_level == "city", "R06"
    await till.stop()
