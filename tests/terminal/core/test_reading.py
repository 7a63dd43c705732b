"""What is kept of each answer, member by member, and what of it changes nothing."""

from typing import Any

import msgspec
import pytest

from protocols.hub.outpatient import FeeLinesOutput
from protocols.hub.person import BenefitCheckOutput, Entitlement, Insurance, PersonOutput, SpecialIdentity
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.profile_sections import Sign
from protocols.hub.queries import ChronicFiling, ChronicQueryOutput
from protocols.hub.settlement import FundPart, LineSplit, SettlementOutput
from protocols.money import Fen, Price, Quantity, Ratio, Split
from protocols.secret import Secret
from terminal.core.message_parts import NO_PRICE_LIMIT, Misfit
from terminal.core.messages import NO_LIMIT_FEN, READERS, misfits, shows_refund
from terminal.core.values import (
    Booking,
    Category,
    Enrolment,
    Filing,
    FundRow,
    LineShare,
    Person,
    Settlement,
)
from tests.terminal.core.samples import (
    CERTNO,
    LINE,
    MEDIUM,
    PERSON_NO,
    PROFILE,
    TO_CONFIRMED,
    TO_PRICED,
    after,
    cancelled_output,
    draft,
    info,
    person_output,
    query_output,
    sale_output,
)
from tests.terminal.core.test_visit import visit

_replace = msgspec.structs.replace
SPLIT = Split(total_fen=3750, fund_fen=1000, account_fen=2000, cash_fen=750)
SETTLED = after(*TO_CONFIRMED)
UNBOUND = _replace(PROFILE, sign=Sign(profile="input-only"))


# -- the person ----------------------------------------------------------------------------------


def test_all_that_1101_says_of_the_person_and_the_enrolment_in_use_is_kept() -> None:
    output = person_output()
    employee = _replace(output.insurances[0], insured_since="2020-01-01", civil_servant="1")
    resident = Insurance(
        insurance_type="390", person_type="15", status="2", insured_division="999800", balance_fen=None,
        insured_since="2010-01-01", paused_since="2019-12-31",
    )  # fmt: skip
    told = PersonOutput(
        base=_replace(output.base, document_type="90", sex="2", birth_date=Secret("1990-01-01")),
        insurances=(employee, resident),
        special_identities=(
            SpecialIdentity(category="2302", memo="低保", began_at="2026-01-01", ended_at="2026-12-31"),
        ),
    )
    before = draft(medium=MEDIUM)
    expected = Person(
        PERSON_NO, Secret("测试甲"), CERTNO, "90", "310", "11", "999900", 6000, "2", Secret("1990-01-01"),
        (Enrolment("310", "11", "1", "999900", "2020-01-01"), Enrolment("390", "15", "2", "999800", "2010-01-01", "2019-12-31")),
        (Category("2302", "低保", "2026-01-01", "2026-12-31"),), civil_servant=True,
    )  # fmt: skip
    known = READERS["1101"](before, told, PROFILE)
    assert known == _replace(before, person=expected)
    assert expected.insured_since == "2020-01-01"


def test_what_1101_leaves_out_is_an_identity_card_no_balance_and_no_civil_servant() -> None:
    output = person_output()
    bare = _replace(
        output,
        base=_replace(output.base, document_type=""),
        insurances=(_replace(output.insurances[0], balance_fen=None, civil_servant="0"),),
    )
    person = READERS["1101"](draft(medium=MEDIUM), bare, PROFILE).person
    assert person is not None
    assert (person.cert_type, person.balance_fen, person.civil_servant) == ("01", 0, False)


def test_the_day_insured_since_is_that_of_the_enrolment_in_use() -> None:
    person = after(*TO_PRICED).person
    assert person is not None
    used = Enrolment("310", "11", "1", "999900", "2020-01-01")
    others = (
        _replace(used, insutype="390", since="2011-01-01"),
        _replace(used, division="999800", since="2012-01-01"),
        _replace(used, status="2", since="2013-01-01"),
    )
    assert _replace(person, enrolments=(*others, used)).insured_since == "2020-01-01"
    assert _replace(person, enrolments=others).insured_since == ""
    assert [person.uses(row) for row in (*others, used)] == [False, False, False, True]


def test_the_enrolment_asked_for_is_used_and_one_that_is_not_in_force_is_not() -> None:
    output = person_output()
    both = (output.insurances[0], _replace(output.insurances[0], insurance_type="390", person_type="15"))
    told = _replace(output, insurances=both)
    person = READERS["1101"](draft(medium=MEDIUM, asked_insutype="390"), told, PROFILE).person
    assert person is not None
    assert (person.insutype, person.psn_type) == ("390", "15")
    with pytest.raises(Misfit) as misfit:
        READERS["1101"](draft(medium=MEDIUM, asked_insutype="340"), told, PROFILE)
    assert (misfit.value.code, misfit.value.params) == (
        "not_insured_so", {"asked": "340", "others": "310, 390"}
    ), "not: no insurance in force"  # fmt: skip
    none = _replace(output, insurances=(_replace(both[0], status="2"), _replace(both[1], status="4")))
    with pytest.raises(Misfit, match="not_insured_now"):
        READERS["1101"](draft(medium=MEDIUM, asked_insutype="310"), none, PROFILE)


def test_a_medium_without_identity_number_is_believed() -> None:
    token_only = _replace(MEDIUM, certno=Secret(""))
    assert READERS["1101"](draft(medium=token_only), person_output(), PROFILE).person is not None


# -- the amounts ---------------------------------------------------------------------------------


def split(number: str, **changes: Any) -> LineSplit:
    """How the hub splits one line of 37.50 yuan; every part is another amount."""
    whole = LineSplit(
        line_no=number, amount_fen=Fen(3750), quantity=LINE.quantity, price=LINE.price, catalogue_class="02",
        self_paid_fen=Fen(1), over_limit_fen=Fen(2), class_b_share_fen=Fen(3), policy_scope_fen=Fen(3744),
        self_paid_ratio=Ratio(1_000),
    )  # fmt: skip
    return _replace(whole, **changes)


SHARE = LineShare("02", 1, 2, 3, 3744, None, Ratio(1_000))
OF_LINE = {
    "self_paid_fen": Fen(1), "over_limit_fen": Fen(2), "class_b_share_fen": Fen(3), "policy_scope_fen": Fen(3744),
}  # fmt: skip
FUND = FundPart(fund_pay_type="310100", paid_fen=Fen(1000), fund_name="统筹基金", working="按比例")


def quoted(*splits: LineSplit, funds: tuple[FundPart, ...] = (FUND,)) -> PharmacyOutput:
    """The answer to 2101 or 2102: 10.00 by the fund, 20.00 from the account, 7.50 cash."""
    return PharmacyOutput(info=info(2000, 1000, **OF_LINE), funds=funds, line_splits=splits)


@pytest.mark.parametrize(("infno", "member"), [("2101", "quote"), ("2102", "booking")])
def test_all_that_an_answer_with_amounts_says_is_kept(infno: str, member: str) -> None:
    before = _replace(after(*TO_PRICED), quote=None)
    output = quoted(split("1"))
    booking = Booking(
        SPLIT, output.info, (FundRow("310100", 1000, "统筹基金", None, "按比例"),), ("02",), (SHARE,)
    )
    assert READERS[infno](before, output, PROFILE) == _replace(before, **{member: booking})


@pytest.mark.parametrize(("infno", "member"), [("2206A", "quote"), ("2207A", "booking")])
def test_the_amounts_of_a_visit_keep_the_lines_as_its_upload_was_split(infno: str, member: str) -> None:
    before = visit(line_classes=("02",), line_shares=(SHARE,))
    output = SettlementOutput(info=quoted().info, funds=(FUND,))
    booking = Booking(
        SPLIT, output.info, (FundRow("310100", 1000, "统筹基金", None, "按比例"),), ("02",), (SHARE,)
    )
    assert READERS[infno](before, output, PROFILE) == _replace(before, **{member: booking})
    unsplit = _replace(before, line_classes=(), line_shares=())
    none = _replace(booking, line_classes=(), line_shares=())
    assert READERS[infno](unsplit, output, PROFILE) == _replace(unsplit, **{member: none})


def booked(settlement: Settlement, output: object) -> Booking:
    """What is kept of a settlement's answer."""
    booking = READERS["2102"](settlement, output, PROFILE).booking
    assert booking is not None
    return booking


TWO = _replace(
    after(*TO_PRICED), lines=(_replace(LINE, amount_fen=2000), _replace(LINE, number=2, amount_fen=1750))
)


def test_lines_are_read_in_our_order_and_a_line_the_hub_left_out_has_no_class() -> None:
    whole = booked(TWO, quoted(split("2", catalogue_class="01"), split("1")))
    assert (whole.line_classes, whole.line_shares) == (
        ("02", "01"),
        (SHARE, _replace(SHARE, catalogue_class="01")),
    )
    one = booked(TWO, quoted(split("2"), split("9")))
    assert (one.line_classes, one.line_shares) == (("", "02"), ())
    none = booked(TWO, quoted())
    assert (none.line_classes, none.line_shares) == ((), ())


@pytest.mark.parametrize(
    "missing", ["self_paid_fen", "over_limit_fen", "class_b_share_fen", "policy_scope_fen"]
)
def test_a_line_of_which_a_part_is_missing_is_not_shown_as_split(missing: str) -> None:
    sale = after(*TO_PRICED)
    assert booked(sale, quoted(split("1", **{missing: None}))).line_shares == ()
    nothing = booked(sale, quoted(split("1", **{missing: Fen(0)}))).line_shares
    assert nothing == (_replace(SHARE, **{missing: 0}),), "0.00 is an amount"


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(None, None), (999_999_000_000, None), (1_000_000_000_000, None), (998_999_000_000, 998_999_000_000), (12_000_000, 12_000_000),
     (0, 0)],
)  # fmt: skip
def test_k47_the_price_999999_is_no_limit(limit: int | None, kept: int | None) -> None:
    assert Price.parse("999999") == NO_PRICE_LIMIT
    output = quoted(split("1", price_limit=None if limit is None else Price(limit), negotiated_drug="1"))
    (share,) = booked(after(*TO_PRICED), output).line_shares
    assert (share.price_limit, share.negotiated) == (kept, True)


@pytest.mark.parametrize(
    ("fund_type", "limit", "kept"),
    [
        ("310100", None, None),
        ("310100", 0, 0),
        ("310100", 99_999_899, 99_999_899),
        ("310100", 99_999_900, None),  # 999999.00 yuan is none
        ("310200", 5000, None),  # the person's own account has no limit of a fund
        ("999996", 5000, None),  # nor has the institution
    ],
)
def test_the_rest_of_a_limit_is_kept_of_funds_alone(
    fund_type: str, limit: int | None, kept: int | None
) -> None:
    assert Fen.parse("999999") == NO_LIMIT_FEN
    row = FundPart(
        fund_pay_type=fund_type, paid_fen=Fen(10), limit_left_fen=None if limit is None else Fen(limit)
    )
    assert booked(after(*TO_PRICED), quoted(funds=(row,))).funds == (FundRow(fund_type, 10, "", kept),)


@pytest.mark.parametrize(
    ("limit", "paid", "left"),
    [(None, 10, None), (100, 10, 90), (100, -10, 90), (10, 10, 0), (9, 10, 0), (0, 0, 0)],
)
def test_what_is_left_of_a_limit_is_never_less_than_nothing(
    limit: int | None, paid: int, left: int | None
) -> None:
    assert FundRow("310100", paid, limit_fen=limit).limit_left_fen == left


@pytest.mark.parametrize("infno", ["2101", "2206A"])
def test_a_quote_that_does_not_add_up_or_is_of_another_total_is_not_offered(infno: str) -> None:
    sale = after(*TO_PRICED)
    for wrong in (
        sale_output(account_fen=Fen(3749)),  # no split
        sale_output(policy_scope_fen=Fen(3749)),  # a split, and an identity broken
        _replace(sale_output(), info=info(3750, total_fen=Fen(3751), psn_part_fen=Fen(3751), psn_cash_fen=Fen(1),
                                          policy_scope_fen=Fen(3751))),
    ):  # fmt: skip
        with pytest.raises(Misfit) as misfit:
            READERS[infno](sale, wrong, PROFILE)
        assert (misfit.value.code, misfit.value.params) == ("hub_amounts_broken", {})


@pytest.mark.parametrize("infno", ["2103", "2208"])
def test_a_cancellation_is_kept_in_positive_amounts_and_its_rows_too(infno: str) -> None:
    sale = after(*TO_PRICED)
    settled = READERS["2102"](sale, quoted(), PROFILE)
    output = SettlementOutput(
        info=info(2000, 1000, sign=-1), funds=(FundPart(fund_pay_type="310100", paid_fen=Fen(-1000), fund_name="统筹基金"),)
    )  # fmt: skip
    undone = Booking(SPLIT, output.info, (FundRow("310100", 1000, "统筹基金"),))
    assert READERS[infno](settled, output, PROFILE) == _replace(settled, cancellation=undone)


def test_only_where_no_signature_binds_it_must_a_settlement_name_person_and_message() -> None:
    silent = sale_output(person_no=Secret(), echoed_message_id="")
    assert misfits(SETTLED, silent, PROFILE) == []
    assert misfits(SETTLED, silent, UNBOUND) == ["person", "message id"]
    assert misfits(SETTLED, sale_output(), UNBOUND) == []
    other = Secret("99990000000000000002")
    assert READERS["2103"](SETTLED, cancelled_output(person_no=other), PROFILE).cancellation is not None, (
        "the signature says that it answers our message"
    )
    assert shows_refund(SETTLED, query_output("1", person_no=other), PROFILE) is True


def test_a_settlement_that_breaks_an_identity_of_its_lines_is_named() -> None:
    fitting = quoted(split("1"))
    sale = READERS["2102"](SETTLED, fitting, PROFILE)
    assert misfits(sale, fitting, PROFILE) == []
    broken = misfits(sale, quoted(split("1", amount_fen=Fen(3751))), PROFILE)
    assert [problem[:2] for problem in broken] == ["M2", "M4"]


# -- the visit -----------------------------------------------------------------------------------


def test_a_filing_is_kept_with_its_days_and_whether_it_counts_here() -> None:
    row = ChronicFiling(
        disease_code="M01600", disease_name="糖尿病", began_on="2026-01-01", ended_on="2026-12-31"
    )
    lung = ChronicFiling(disease_code="M05300", disease_name="慢阻肺")
    near = visit(division="999900", filings=None)
    assert near.person is not None
    known = READERS["5301"](near, ChronicQueryOutput(filings=(row, lung)), PROFILE)
    diabetes = Filing("M01600", "糖尿病", "2026-01-01", "2026-12-31")
    assert known == _replace(near, filings=(diabetes, Filing("M05300", "慢阻肺")))
    far = _replace(near, person=_replace(near.person, insured_division="989900"))
    told = READERS["5301"](far, ChronicQueryOutput(filings=(row, lung)), PROFILE)
    assert told.filings == (diabetes, Filing("M05300", "慢阻肺", open_here=False))


@pytest.mark.parametrize(
    ("benefit", "asked", "filings"),
    [
        ("two_disease", "M01600", (Filing("M01600", "糖尿病"),)),
        ("two_disease", "M03900", (Filing("M03900", "高血压"),)),
        ("two_disease", "M05300", (Filing("M05300", ""),)),
        ("chronic", "M01600", None),
        ("ordinary", "", None),
    ],
)
def test_k28_that_2001_says_yes_is_the_registration_of_a_two_disease_and_of_no_other(
    benefit: str, asked: str, filings: tuple[Filing, ...] | None
) -> None:
    before = visit(entitled=False, filings=None, benefit=benefit, asked_disease=asked)
    output = BenefitCheckOutput(trtinfo=(Entitlement(entitled="1"),))
    assert READERS["2001"](before, output, PROFILE) == _replace(before, entitled=True, filings=filings)


def test_a_diagnosis_that_is_taken_and_lines_that_are_split_are_noted() -> None:
    before = visit(visit_id="M1", past_diagnoses=(visit().disease,))
    assert READERS["2203A"](before, None, PROFILE) == _replace(before, diagnosed=True, past_diagnoses=())
    output = FeeLinesOutput(line_splits=(split("V7001001", quantity=Quantity(30_000)),))
    assert READERS["2204"](before, output, PROFILE) == _replace(
        before, charged=True, line_classes=("02",), line_shares=(SHARE,)
    )
