"""Visits of every kind of benefit, from the front desk to the hub's books; amounts of the worked cases."""

from pathlib import Path

import msgspec
import pytest

from protocols.money import Fen, Split
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.counter.wishes import DiseaseWish, RefundWish, ReturnWish, SaleWish
from tests.capabilities import asserted
from tests.terminal.benefit.desk import COLD, line, priced, somebody
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, state_of
from tests.terminal.clinic.test_benefit_cases import THIRD_LEVEL
from tests.terminal.harness import Shop, virtual

CONSULTATION = line("TTEST000000000000S01", "门诊诊察费", "10.00", "1")
CAPSULES = line("XTEST000000000000000D04", "测试抗菌胶囊", "28.60", "3")
PIECES = line("TTEST000000000000D07", "测试配方颗粒", "23.45", "5")
SELECTED = line("XTEST000000000000000D01", "测试降压片", "3.00", "30")
HYPERTENSION = DiseaseWish("M03900", "I10.x00", "原发性高血压")


def split(total_fen: int, fund_fen: int, account_fen: int, cash_fen: int) -> Split:
    """A split without mutual aid and hospital part."""
    return Split(
        total_fen=Fen(total_fen), fund_fen=Fen(fund_fen), account_fen=Fen(account_fen), cash_fen=Fen(cash_fen)
    )


@virtual
async def test_r25_r26_p16_a_signed_resident_at_a_primary_clinic(tmp_path: Path) -> None:
    """P16: 213.05 in all, the fund pays 60 % (55 and 5 for the family doctor) of 197.03 = 118.22."""
    person = somebody(201, more="signed_doctor = true")
    clinic = Clinic(tmp_path, more_people=[person])
    window = await clinic.window()
    quoted = await priced(window, "ordinary", (CONSULTATION, CAPSULES, PIECES), person.slug)
    assert quoted.state is State.PRICED
    settled = await window.confirm(quoted)
    assert settled.booking is not None
    assert settled.booking.split == split(21305, 11822, 0, 9483)
    asserted("R25", 6000, int(settled.booking.info.pooled_ratio or 0), what="P16")
    assert "5301" not in clinic.hub_link.transactions()
    assert [told["mdtrtinfo"]["med_type"] for told in clinic.hub_link.inputs("2203A")] == ["11"]
    assert [told["data"]["med_type"] for told in clinic.hub_link.inputs("2207A")] == ["11"]
    await window.rest()
    paper = flat(clinic.printer.texts()[0])
    for told in ("待遇：普通门诊", "统筹支付比例：60%", "家庭医生签约加5%", "限额余："):
        assert told in paper
    await window.finish()


@virtual
async def test_r25_p53_the_ratio_of_a_second_level_hospital_is_lower(tmp_path: Path) -> None:
    """The same set pays 40 % there."""
    person = somebody(202)
    clinic = Clinic(tmp_path, institution="H99990000004", more_people=[person])
    window = await clinic.window()
    lines = (line("TTEST000000000000S02", "检验组套", "50.00", "8"),)
    settled = await window.confirm(await priced(window, "ordinary", lines, person.slug))
    assert settled.booking is not None
    assert settled.booking.info.pooled_ratio == 4000
    await window.rest()
    assert "统筹支付比例：40%" in flat(clinic.printer.texts()[0])
    await window.finish()


@virtual
async def test_r28_p17_a_two_disease_drug(tmp_path: Path) -> None:
    """P17: 90.00 x 60 % = 54.00; the registration is what 2001 says of that disease (K28)."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    quoted = await priced(window, "two_disease", (SELECTED,), "ding", HYPERTENSION, disease_code="M03900")
    assert [filing.code for filing in quoted.filings or ()] == ["M03900"]
    settled = await window.confirm(quoted)
    assert settled.booking is not None
    assert settled.booking.split == split(9000, 5400, 0, 3600)
    (asked,) = clinic.hub_link.inputs("2001")
    assert (asked["data"]["med_type"], asked["data"]["dise_codg"]) == ("9901", "M03900")
    await window.rest()
    paper = flat(clinic.printer.texts()[0])
    assert "待遇：门诊两病" in paper
    assert "基本统筹限额余：" in paper
    await window.finish()


@virtual
async def test_r28_a_two_disease_that_is_not_registered_is_told_before_anything_is_booked(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await priced(window, "two_disease", (SELECTED,), "ding", disease_code="M01600")
    assert state_of(known) == (State.DRAFT, "not_entitled")
    assert known.notice is not None
    assert "[DISEASE_NOT_REGISTERED]" in known.notice.params["text"]
    assert clinic.hub_link.transactions() == ["1101", "2001"]
    await window.abandon(known)
    await window.finish()


@virtual
async def test_r40_p46_an_antenatal_check_of_a_resident(tmp_path: Path) -> None:
    """Set GX, mode op: 119.00 x 50 % = 59.50."""
    place = msgspec.structs.replace(THIRD_LEVEL, code="H97990000003", kind="primary", level="10")
    person = somebody(204, "979900")
    clinic = Clinic(tmp_path, institution=place.code, more_people=[person], more_places=[place])
    window = await clinic.window()
    lines = (
        line("TTEST000000000000S04", "产检", "70.00", "1"),
        line("TTEST000000000000S02", "检验组套", "40.00", "1"),
        line("TTEST000000000000S01", "诊察费", "9.00", "1"),
    )
    settled = await window.confirm(
        await priced(window, "maternity", lines, person.slug, DiseaseWish("", "Z34.900", "孕期检查"))
    )
    assert settled.booking is not None
    assert settled.booking.split == split(11900, 5950, 0, 5950)
    assert settled.booking.info.medical_category == "51"
    await window.finish()


@virtual
async def test_r74_r76_p73_an_epidemic_visit_has_nothing_to_collect(tmp_path: Path) -> None:
    """P73: 445.70, the pool pays 133.71, public money the rest; no medium but the typed number was needed."""
    person = somebody(205)
    clinic = Clinic(tmp_path, institution="H99990000005", more_people=[person])
    window = await clinic.window()
    lines = (
        line("XTEST000000000000000D11", "测试维生素片", "39.90", "1"),
        line("XTEST000000000000000D04", "测试抗菌胶囊", "28.60", "3"),
        line("TTEST000000000000S03", "CT", "260.00", "1"),
        line("TTEST000000000000S02", "检验组套", "60.00", "1"),
    )
    settled = await window.confirm(await priced(window, "emergency", lines, person.slug, COLD, epidemic=True))
    assert settled.booking is not None
    info = settled.booking.info
    assert settled.booking.split == split(44570, 44570, 0, 0)
    asserted("R76", 44570, int(settled.booking.split.fund_fen), what="P73")
    assert (info.pooled_fund_fen, info.other_fund_fen) == (13371, 31199)
    (told,) = clinic.hub_link.inputs("2207A")
    assert told["data"]["expContent"] == '{"MDTRT_GRP_TYPE":"1"}'
    await window.rest()
    paper = flat(clinic.printer.texts()[0])
    assert "待遇：急诊（疫情救治，无需收费）" in paper
    assert "现金支付0.00" in paper
    await window.finish()


@virtual
async def test_r08_p32_people_of_other_provinces_are_offered_the_open_diseases_only(tmp_path: Path) -> None:
    filed = "".join(
        f'[[registration]]\nkind = "chronic"\ncode = "{code}"\nname = "{name}"\nbegin = 2025-01-01\n'
        for code, name in (("M03900", "高血压病"), ("M04600", "冠心病"))
    )
    person = somebody(206, "989900", filed=filed)
    clinic = Clinic(tmp_path, more_people=[person])
    window = await clinic.window()
    known = await window.arrive(lines=(SELECTED,), who=person.slug)
    assert {filing.code: filing.open_here for filing in known.filings or ()} == {
        "M03900": True,
        "M04600": False,
    }
    with pytest.raises(Misuse) as refused:
        await window.pick(known, DiseaseWish("M04600", "I25.100", "冠心病"))
    assert refused.value.code == "disease_not_open"
    assert clinic.visits(person.slug) == []
    await window.abandon(known)
    await window.finish()


@virtual
async def test_r07_p31_an_institution_that_is_not_networked_refuses_before_it_asks_the_hub_for_money(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path, institution="H99990000006")
    window = await clinic.window()
    known = await window.arrive(lines=(SELECTED,), who="wu")
    assert state_of(known) == (State.DRAFT, "not_networked")
    assert known.refusal is not None
    asserted("R83", "not_networked", known.refusal.code, what="P31")
    assert clinic.hub_link.transactions() == ["1101"]
    await window.abandon(known)
    local = await window.arrive("2", who="yi")
    assert local.filings, "people of the city are served as before"
    await window.abandon(local)
    await window.finish()


@virtual
async def test_r13_with_two_enrolments_in_force_the_desk_may_choose(tmp_path: Path) -> None:
    more = """balance = "10.00"
[[enrolment]]
insutype = "390"
psn_type = "15"
division = "999900"
since = 2020-01-01
"""
    person = somebody(207, insutype="310", more=more)
    clinic = Clinic(tmp_path, more_people=[person])
    window = await clinic.window()
    first = await window.type_number(await window.open("1", (CONSULTATION,)), person.slug)
    assert first.person is not None
    assert (first.person.insutype, [row.status for row in first.person.enrolments]) == ("310", ["1", "1"])
    await window.abandon(first)
    wish = SaleWish("2", (CONSULTATION,), flow="clinic_visit", benefit="ordinary", insutype="390")
    chosen = await window.type_number(await window.counter.sales.open(wish, "front desk", ""), person.slug)
    assert chosen.person is not None
    assert chosen.person.insutype == "390"
    await window.abandon(chosen)
    await window.finish()


@virtual
async def test_r24_only_kinds_of_the_profiles_list_are_sent(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    for wish in (
        SaleWish("1", benefit="chronic"),
        SaleWish("1", flow="clinic_visit", benefit="pharmacy"),
        SaleWish("1", flow="clinic_visit", benefit="two_disease"),
        SaleWish("1", flow="clinic_visit", benefit="two_disease", disease_code="M00500"),
        SaleWish("1", epidemic=True),
    ):
        with pytest.raises(Misuse) as refused:
            await till.counter.sales.open(wish, "till", "")
        assert refused.value.code == "bad_request"
    await till.stop()


@virtual
async def test_what_remains_of_a_visit_after_a_refund_is_of_the_same_kind(tmp_path: Path) -> None:
    person = somebody(209)
    clinic = Clinic(tmp_path, more_people=[person])
    window = await clinic.window()
    settled = await window.confirm(await priced(window, "ordinary", (CONSULTATION, CAPSULES), person.slug))
    undone = await window.counter.refunds.begin(settled.id, RefundWish((ReturnWish(2, "1"),)), "N01")
    assert undone.refund is not None
    rest = await window.type_number(await window.counter.settlements.get(undone.refund.rest_id), person.slug)
    anew = await window.confirm(await window.pick(rest, COLD))
    assert anew.state is State.CONFIRMED
    assert [told["data"]["med_type"] for told in clinic.hub_link.inputs("2207A")] == ["11", "11"]
    await window.finish()
