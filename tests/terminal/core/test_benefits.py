"""Kinds of benefit: which a flow can ask for, how the wire names them, and what each needs."""

import msgspec
import pytest

from terminal.core.benefits import (
    BENEFITS,
    benefit_of,
    is_disease_open,
    is_pooled,
    med_type_of,
    needs_disease,
)
from terminal.core.flows import CLINIC_VISIT, PHARMACY_PURCHASE
from terminal.core.values import Prescription, Settlement
from tests.terminal.core.samples import PROFILE, TO_PRICED, after, draft
from tests.terminal.core.test_visit import visit

_replace = msgspec.structs.replace
PURCHASE, VISIT = PHARMACY_PURCHASE.name, CLINIC_VISIT.name


@pytest.mark.parametrize(
    ("flow", "asked", "kind", "med_type", "with_disease", "pooled"),
    [
        (PURCHASE, "", "pharmacy", "41", False, False),
        (PURCHASE, "pharmacy", "pharmacy", "41", False, False),
        (PURCHASE, "dual_channel", "dual_channel", "9904", False, True),
        (PURCHASE, "chronic", "pharmacy", "41", False, False),  # not of this flow
        (VISIT, "", "chronic", "14", True, True),
        (VISIT, "chronic", "chronic", "14", True, True),
        (VISIT, "ordinary", "ordinary", "11", False, True),
        (VISIT, "emergency", "emergency", "13", False, True),
        (VISIT, "two_disease", "two_disease", "9901", True, True),
        (VISIT, "maternity", "maternity", "51", False, True),
        (VISIT, "pharmacy", "chronic", "14", True, True),
    ],
)
def test_each_kind_of_benefit_has_its_number_and_its_needs(
    flow: str, asked: str, kind: str, med_type: str, with_disease: bool, pooled: bool
) -> None:
    sale = draft(flow=flow, benefit=asked)
    assert (benefit_of(sale), med_type_of(sale, PROFILE)) == (kind, med_type)
    assert (needs_disease(sale), is_pooled(sale)) == (with_disease, pooled)


def test_a_purchase_on_a_prescription_asks_the_pool() -> None:
    assert is_pooled(draft(prescription=Prescription("RX1", (), "Y01")))


def test_each_flow_offers_its_own_kinds_and_the_usual_one_first() -> None:
    assert BENEFITS == {
        "pharmacy_purchase": ("pharmacy", "dual_channel"),
        "clinic_visit": ("chronic", "ordinary", "emergency", "two_disease", "maternity"),
    }


@pytest.mark.parametrize(
    ("insured", "code", "is_open"),
    [
        ("989900", "M01600", True), ("989900", "M05300", False),  # another province: only what is opened for it
        ("999800", "M05300", True), ("999900", "M05300", True), ("999900", "M01600", True),
    ],
)  # fmt: skip
def test_r08_a_filed_disease_is_open_to_another_province_only_where_it_is_listed(
    insured: str, code: str, is_open: bool
) -> None:
    def opened_for(sale: Settlement) -> bool:
        assert sale.person is not None
        person = _replace(sale.person, insured_division=insured)
        return is_disease_open(_replace(sale, division="999900", person=person), code, PROFILE)

    assert opened_for(visit()) is is_open
    assert opened_for(after(*TO_PRICED)) is is_open
