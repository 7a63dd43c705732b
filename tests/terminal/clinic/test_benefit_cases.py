"""The worked chronic-disease cases of the benefit policies, from the front desk to the hub's books."""

import datetime as dt
from pathlib import Path

import pytest

from protocols.money import Fen, Split
from simulators.people import Person, parse_person
from simulators.people.loader import identity_check_character
from simulators.people.model import Registration
from simulators.world import load_world
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.counter.wishes import LineWish
from tests.terminal.clinic.clinic import DIABETES, HYPERTENSION, Clinic, Window, state_of
from tests.terminal.harness import virtual

PLACES = load_world().institutions
THIRD_LEVEL, SECOND_LEVEL = PLACES["H97990000001"], PLACES["H97990000002"]


def somebody(
    number: int,
    name: str,
    insutype: str,
    psn_type: str,
    division: str,
    disease: tuple[str, str],
    balance: str = "0.00",
) -> Person:
    """One more invented person with one filed disease."""
    seventeen = f"99999919800101{number % 1000:03d}"
    return parse_person(
        f"""
slug = "extra{number}"
name = "{name}"
psn_no = "99990000000000000{number}"
certno = "{seventeen}{identity_check_character(seventeen)}"
sex = "{1 if number % 2 else 2}"
born = 1980-01-01
[[enrolment]]
insutype = "{insutype}"
psn_type = "{psn_type}"
division = "{division}"
since = 2010-01-01
balance = "{balance}"
[[registration]]
kind = "chronic"
code = "{disease[0]}"
name = "{disease[1]}"
begin = 2025-01-01
[certificate]
state = "ACTIVATED"
index = "{number:032d}"
example_token = "{division}ecsim{number:027d}"
""",
        "extra.toml",
    )


def split(total_fen: int, fund_fen: int, account_fen: int, cash_fen: int) -> Split:
    """A split without mutual aid and hospital part."""
    return Split(
        total_fen=Fen(total_fen), fund_fen=Fen(fund_fen), account_fen=Fen(account_fen), cash_fen=Fen(cash_fen),
        mutual_aid_fen=Fen(0), hospital_fen=Fen(0),
    )  # fmt: skip


def line(code: str, name: str, price: str, quantity: str) -> LineWish:
    """A charge line in full."""
    return LineWish(national_code=code, own_code=f"OWN-{name}", name=name, price=price, quantity=quantity)


@virtual
async def test_p20_hypertension_of_a_resident_at_a_second_level_hospital(tmp_path: Path) -> None:
    """Set JH, class A throughout.

    D01 60 x 3.00 = 180.00, ceiling 3.00: scope 180.00. D02 10 x 15.00 = 150.00, ceiling 3.00: over 120.00, scope 30.00.
    S02 1 x 50.00, ceiling 50.00: scope 50.00. Total 380.00, scope 260.00, no deductible, 60 %: pool 156.00; a resident has no account.
    """
    person = somebody(102, "测试地丑", "390", "15", "999900", ("M03900", "高血压病"))
    clinic = Clinic(tmp_path, institution="H99990000004", more_people=[person])
    window = await clinic.window()
    lines = (
        line("XTEST000000000000000D01", "降压片", "3.00", "60"),
        line("XTEST000000000000000D02", "降压片原研", "15.00", "10"),
        line("TTEST000000000000S02", "检验组套", "50.00", "1"),
    )
    known = await window.type_number(await window.open(lines=lines, use_account=False), person.slug)
    priced = await window.pick(known, HYPERTENSION)
    settled = await window.confirm(priced)
    assert state_of(settled) == (State.CONFIRMED, "settled")
    assert settled.booking is not None
    info = settled.booking.info
    assert settled.booking.split == split(38000, 15600, 0, 22400)
    assert (info.self_paid_fen, info.over_limit_fen, info.class_b_share_fen, info.policy_scope_fen) == (
        0,
        12000,
        0,
        26000,
    )
    assert [(fund.fund_type, fund.amount_fen) for fund in settled.booking.funds] == [("390100", 15600)]
    assert settled.line_classes == ("01", "01", "01")
    (told,) = clinic.hub_link.inputs("2207A")
    assert (told["data"]["overlmt_selfpay"], told["data"]["inscp_scp_amt"]) == (120.0, 260.0)
    used = clinic.world.ledger.accumulators(person.psn_no, "JH", 2026)
    assert (used.pool_chr_fen, used.pool_all_fen, used.si_base_fen) == ({"M03900": 15600}, 15600, 10400)
    await window.finish()


@virtual
async def test_p21_diabetes_of_an_employee_at_a_third_level_hospital_with_a_monthly_deductible(
    tmp_path: Path,
) -> None:
    """Set GX, account 120.00.

    D12 6 x 48.71 = 292.26, class B 5 %, ceiling 48.71: share 14.613 -> 14.61, scope 277.65. D03 6 x 12.00 = 72.00, class A,
    ceiling 12.00: scope 72.00. M01 2 x 58.00 = 116.00, class C: all self-paid. Total 480.26, scope 349.65.
    Deductible of the month 20.00; class II in service, third level 70 %: (349.65 - 20.00) x 0.70 = 230.755 -> 230.76.
    Person 249.50: account 120.00, cash 129.50.
    """
    person = somebody(103, "测试地寅", "310", "11", "979900", ("M01600", "糖尿病"), balance="120.00")
    clinic = Clinic(tmp_path, institution="H97990000001", more_people=[person], more_places=[THIRD_LEVEL])
    window = await clinic.window()
    lines = (
        line("XTEST000000000000000D12", "胰岛素笔", "48.71", "6"),
        line("XTEST000000000000000D03", "降糖片", "12.00", "6"),
        line("CTEST000000000000M01", "血糖试纸", "58.00", "2"),
    )
    settled = await window.settled(lines=lines, who=person.slug)
    assert state_of(settled) == (State.CONFIRMED, "settled")
    assert settled.booking is not None
    info = settled.booking.info
    assert settled.booking.split == split(48026, 23076, 12000, 12950)
    assert (info.self_paid_fen, info.over_limit_fen, info.class_b_share_fen, info.policy_scope_fen) == (
        11600,
        0,
        1461,
        34965,
    )
    assert info.deductible_fen == 2000
    assert {fund.fund_type: fund.amount_fen for fund in settled.booking.funds} == {
        "310100": 23076,
        "310200": 12000,
    }
    assert settled.line_classes == ("02", "01", "03")
    (told,) = clinic.hub_link.inputs("2207A")
    amounts = {
        "fulamt_ownpay_amt": 116.0,
        "overlmt_selfpay": 0.0,
        "preselfpay_amt": 14.61,
        "inscp_scp_amt": 349.65,
    }
    assert {name: told["data"][name] for name in amounts} == amounts
    used = clinic.world.ledger.accumulators(person.psn_no, "GX", 2026)
    assert (used.pool_chr_fen, used.pool_all_fen, used.si_base_fen) == ({"M01600": 23076}, 23076, 11889)
    assert used.deductible_chr_fen == {"2026-11": 2000}
    assert clinic.balance_fen(person.slug) == 0
    await window.finish()


@virtual
async def test_the_second_visit_of_the_month_has_no_deductible_any_more(tmp_path: Path) -> None:
    """P21 once more in the same month: 349.65 x 0.70 = 244.755 -> 244.76; the account is empty."""
    person = somebody(103, "测试地寅", "310", "11", "979900", ("M01600", "糖尿病"), balance="120.00")
    clinic = Clinic(tmp_path, institution="H97990000001", more_people=[person], more_places=[THIRD_LEVEL])
    window = await clinic.window()
    lines = (
        line("XTEST000000000000000D12", "胰岛素笔", "48.71", "6"),
        line("XTEST000000000000000D03", "降糖片", "12.00", "6"),
        line("CTEST000000000000M01", "血糖试纸", "58.00", "2"),
    )
    await window.settled("1", lines, person.slug)
    second = await window.settled("2", lines, person.slug)
    assert second.booking is not None
    assert second.booking.split == split(48026, 24476, 0, 23550)
    await window.finish()


def resident_of_gx() -> Person:
    """The person of case P32: hypertension filed, diabetes not."""
    return somebody(104, "测试地卯", "390", "15", "979900", ("M03900", "高血压病"))


INSULIN = (line("XTEST000000000000000D12", "胰岛素笔", "48.71", "2"),)


async def gx_window(folder: Path, person: Person) -> tuple[Clinic, Window]:
    """A window of a second-level hospital in the city of set GX."""
    clinic = Clinic(folder, institution="H97990000002", more_people=[person], more_places=[SECOND_LEVEL])
    return clinic, await clinic.window()


@virtual
async def test_p32_a_disease_that_is_not_filed_cannot_be_picked(tmp_path: Path) -> None:
    """The terminal knows the filings and sends nothing."""
    person = resident_of_gx()
    clinic, window = await gx_window(tmp_path, person)
    known = await window.arrive(lines=INSULIN, who=person.slug)
    assert [filing.code for filing in known.filings or ()] == ["M03900"]
    with pytest.raises(Misuse) as refused:
        await window.pick(known, DIABETES)
    assert refused.value.code == "disease_not_filed"
    assert clinic.hub_link.transactions() == ["1101", "2001", "5301"]
    assert (await window.get(known)).state is State.DRAFT
    await window.abandon(known)
    await window.finish()


@virtual
async def test_p32_a_filing_that_ended_meanwhile_is_refused_by_the_quote(tmp_path: Path) -> None:
    """The hub says why and books nothing; the visit that stands there is withdrawn when it is given up."""
    person = resident_of_gx()
    clinic, window = await gx_window(tmp_path, person)
    known = await window.arrive(lines=INSULIN, who=person.slug)
    ended = Registration("chronic", "M03900", "高血压病", dt.date(2025, 1, 1), dt.date(2026, 11, 22))
    clinic.world.ledger.register(person.psn_no, ended)
    refused = await window.pick(known, HYPERTENSION)
    assert state_of(refused) == (State.DRAFT, "hub_refused_question")
    assert refused.notice is not None
    assert refused.notice.params["text"].endswith("[DISEASE_NOT_REGISTERED]")
    assert len(clinic.visits(person.slug)) == 1
    await window.abandon(refused)
    await window.finish()
    assert clinic.visits(person.slug) == []
    assert clinic.hub_link.transactions()[-3:] == ["2206A", "2205", "2202"]
    assert clinic.world.ledger.settlements() == ()
