"""What is pointed out before the person agrees, rule by rule and at the edges of each."""

from typing import Any

import msgspec
import pytest

from protocols.money import Price
from terminal.core.hints import hints
from terminal.core.values import Enrolment, LineShare, Prescription, Settlement
from tests.terminal.core.samples import IDENTIFIED, LINE, TO_PRICED, after, draft

_replace = msgspec.structs.replace


def known(care: str = "999900", insured: str = "999900", **changes: Any) -> Settlement:
    """A priced sale of somebody insured there, at a place of care here."""
    priced = after(*TO_PRICED)
    assert priced.person is not None
    return _replace(
        priced, division=care, person=_replace(priced.person, insured_division=insured), **changes
    )


@pytest.mark.parametrize(
    ("sale", "told"),
    [
        (known(insured="989900"), []),  # from the account alone: a filing would change nothing
        (known(insured="989900", benefit="dual_channel"), [{"place": "989900"}]),
        (known(insured="989900", prescription=Prescription("RX1", (), "Y01")), [{"place": "989900"}]),
        (known(insured="999800", benefit="dual_channel"), []),  # the same province
        (known(insured="", benefit="dual_channel"), []),
        (known(care="", insured="989900", benefit="dual_channel"), []),
    ],
)
def test_r02_who_is_insured_in_another_province_and_asks_the_pool_is_pointed_out(
    sale: Settlement, told: list[dict[str, str]]
) -> None:
    assert [(hint.code, hint.params) for hint in hints(sale)] == [
        ("hint_elsewhere", params) for params in told
    ]


@pytest.mark.parametrize(
    ("negotiated", "self_paid_fen", "told"),
    [(True, 3750, [{"line": "1"}]), (True, 3749, []), (False, 3750, [])],
)
def test_r54_a_negotiated_drug_that_is_wholly_self_paid_is_pointed_out(
    negotiated: bool, self_paid_fen: int, told: list[dict[str, str]]
) -> None:
    share = LineShare("03", self_paid_fen, 0, 0, 0, negotiated=negotiated)
    sale = known()
    assert sale.quote is not None
    found = hints(_replace(sale, quote=_replace(sale.quote, line_shares=(share,))))
    assert [(hint.code, hint.params) for hint in found] == [("hint_no_approval", params) for params in told]


@pytest.mark.parametrize(
    ("until", "told"), [("", 0), ("2026-11-23", 1), ("2027-01-22", 1), ("2027-01-23", 0)]
)
def test_r53_a_line_that_leaves_the_list_within_sixty_days_is_pointed_out(until: str, told: int) -> None:
    found = hints(known(lines=(_replace(LINE, listed_until=until),)))
    assert [(hint.code, hint.params) for hint in found] == [
        ("hint_leaves_list", {"line": "1", "until": until})
    ] * told


def test_r13_two_enrolments_in_force_are_pointed_out() -> None:
    assert hints(draft()) == (), "nobody is known yet"
    identified = after(*TO_PRICED[:2], IDENTIFIED)
    assert identified.person is not None
    assert hints(identified) == ()
    two = (Enrolment("310", "11", "1", "999900"), Enrolment("390", "15", "1", "999900"))
    (hint,) = hints(_replace(identified, person=_replace(identified.person, enrolments=two)))
    assert (hint.code, hint.params) == ("hint_two_enrolments", {"used": "310", "all": "310, 390"})
    paused = (two[0], Enrolment("390", "15", "2", "999900"))
    assert hints(_replace(identified, person=_replace(identified.person, enrolments=paused))) == ()


def test_r53_r55_lines_are_pointed_out_by_number() -> None:
    priced_sale = after(*TO_PRICED)
    assert priced_sale.quote is not None
    share = LineShare("01", 0, LINE.amount_fen - 100, 0, 100, LINE.price)
    dear = _replace(
        priced_sale,
        lines=(_replace(LINE, listed_until="2026-12-31"),),
        quote=_replace(priced_sale.quote, line_shares=(share,)),
    )
    assert [(hint.code, hint.params["line"]) for hint in hints(dear)] == [
        ("hint_leaves_list", "1"),
        ("hint_above_standard", "1"),
    ]
    later = _replace(LINE, listed_until="2027-12-31")
    assert hints(_replace(priced_sale, lines=(later,))) == ()


def test_r55_the_standard_is_told_with_the_line_it_belongs_to_and_only_when_it_was_exceeded() -> None:
    lines = (LINE, _replace(LINE, number=2), _replace(LINE, number=3))
    dear = LineShare("01", 0, 100, 0, 3650, Price(12_000_000))
    fair, free = _replace(dear, over_limit_fen=0), _replace(dear, price_limit=None)
    sale = known(lines=lines)
    quote = sale.quote
    assert quote is not None

    def told(*shares: LineShare) -> list[tuple[str, dict[str, str]]]:
        quoted = _replace(sale, quote=_replace(quote, line_shares=shares))
        return [(hint.code, hint.params) for hint in hints(quoted)]

    assert told(fair, dear, free) == [("hint_above_standard", {"line": "2", "standard": "12.00"})]
    assert told(dear) == [("hint_above_standard", {"line": "1", "standard": "12.00"})], (
        "the hub split one only"
    )
    wholly = _replace(dear, self_paid_fen=LINE.amount_fen, negotiated=True)
    assert [code for code, _ in told(wholly)] == ["hint_no_approval", "hint_above_standard"]


def test_what_is_booked_is_pointed_at_before_what_was_quoted() -> None:
    sale = known()
    assert sale.quote is not None
    wholly = LineShare("03", LINE.amount_fen, 0, 0, 0, negotiated=True)
    booked = _replace(sale.quote, line_shares=(wholly,))
    assert [hint.code for hint in hints(_replace(sale, booking=booked))] == ["hint_no_approval"]
    assert hints(_replace(sale, quote=booked, booking=sale.quote)) == ()
    ending = _replace(LINE, listed_until="2026-11-30")
    everything = _replace(
        known(insured="989900", benefit="dual_channel"),
        lines=(ending, _replace(ending, number=2)),
        booking=booked,
    )
    assert [(hint.code, hint.params.get("line")) for hint in hints(everything)] == [
        ("hint_elsewhere", None), ("hint_leaves_list", "1"), ("hint_leaves_list", "2"), ("hint_no_approval", "1"),
    ]  # fmt: skip
