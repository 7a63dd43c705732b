"""A circulating prescription on a sale: what it covers, and for which sales it can be taken."""

from collections.abc import Sequence

import msgspec
import pytest

from protocols.money import Quantity
from terminal.core.events import LinesSet, Misuse, PrescriptionTaken
from terminal.core.prescribing import covers
from terminal.core.states import State
from terminal.core.values import ChargeLine, PrescribedDrug, Prescription, Settlement
from tests.terminal.core.samples import LINE, PERSON_NO, TO_PRICED, after, begun, decide, draft
from tests.terminal.core.test_visit import visit

_replace = msgspec.structs.replace
OTHER = _replace(LINE, number=2, national_code="XTEST000000000000000D09")


def drug(quantity: str, line: ChargeLine = LINE) -> PrescribedDrug:
    """So much of a line's article."""
    return PrescribedDrug(line.national_code, line.name, Quantity.parse(quantity))


def sheet(*drugs: PrescribedDrug) -> Prescription:
    """A reviewed prescription."""
    return Prescription("RX1", drugs, "Y01")


@pytest.mark.parametrize(
    ("drugs", "lines", "covered"),
    [
        ((drug("3"),), (LINE,), True),
        ((drug("4"),), (LINE,), True),
        ((drug("2.9999"),), (LINE,), False),
        ((drug("3"),), (LINE, _replace(LINE, number=2)), False),  # twice three of it
        ((drug("3"), drug("3")), (LINE, _replace(LINE, number=2)), True),
        ((drug("3"),), (LINE, OTHER), False),
        ((drug("3"), drug("3", OTHER)), (LINE,), True),
        ((drug("3"),), (), False),
        ((), (LINE,), False),
        ((), (), False),
    ],
)
def test_lines_are_covered_by_what_the_sheet_says_and_no_more(
    drugs: Sequence[PrescribedDrug], lines: Sequence[ChargeLine], covered: bool
) -> None:
    assert covers(sheet(*drugs), lines) is covered


def test_of_one_article_too_much_is_not_made_up_for_by_another() -> None:
    both = (drug("4"), drug("4", OTHER))
    more = _replace(OTHER, quantity=Quantity.parse("4.0001"))
    assert not covers(sheet(*both), (LINE, more))
    assert covers(sheet(*both), (LINE, _replace(OTHER, quantity=Quantity.parse("4"))))
    assert not covers(sheet(drug("0")), (LINE,))


def test_taken_it_is_on_the_sale_and_the_quote_is_asked_anew() -> None:
    taken = decide(after(*TO_PRICED), PrescriptionTaken(sheet(drug("3")), PERSON_NO))
    assert taken.settlement.prescription == sheet(drug("3"))
    assert (taken.settlement.quote, begun(taken)) == (None, ["ask 2101"])
    assert [(move.source, move.target, move.reason) for move in taken.moves] == [
        (State.PRICED, State.DRAFT, "prescription taken")
    ]


@pytest.mark.parametrize(
    ("settlement", "code", "params"),
    [
        (visit(), "no_prescription_here", {}),
        (visit(person=None), "no_prescription_here", {}),
        (draft(), "no_medium", {}),
        (after(*TO_PRICED, LinesSet((LINE, OTHER))), "prescription_lines", {"number": "RX1"}),
    ],
)
def test_a_sale_it_is_not_for_is_told_why(settlement: Settlement, code: str, params: dict[str, str]) -> None:
    with pytest.raises(Misuse) as refused:
        decide(settlement, PrescriptionTaken(sheet(drug("3")), PERSON_NO))
    assert (refused.value.code, refused.value.params) == (code, params)
