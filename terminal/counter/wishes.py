"""What a till, or a person, wishes of the counter. A client of the local API writes these: values alone, no counter.

Numbers arrive as text, as people write them; `reading` makes a charge sheet of it.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from terminal.core.flows import PHARMACY_PURCHASE


class LineWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A charge line as a till gives it: an article by barcode, or everything in full."""

    barcode: str = ""
    national_code: str = ""
    own_code: str = ""
    name: str = ""
    spec: str = ""
    price: str = ""
    quantity: str = "1"
    trace_codes: tuple[str, ...] = ()
    days: int | UnsetType = UNSET
    """How many days the quantity lasts as prescribed; told to the hub's review, as the next two are."""
    single_dose: str | UnsetType = UNSET
    frequency: str | UnsetType = UNSET
    indication: bool = False
    """The doctor has confirmed the indication that the list asks for; of a visit."""
    self_pay: bool = False
    """Sold beside the insurance: needs no national code, is never sent, and is paid by the customer alone."""


class SaleWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a till opens a sale with."""

    sale_number: str
    lines: tuple[LineWish, ...] = ()
    use_account: bool = True
    flow: str = PHARMACY_PURCHASE.name
    """`pharmacy_purchase` or `clinic_visit`."""
    benefit: str = ""
    """Kind of benefit: of a purchase `pharmacy` or `dual_channel`; of a visit `chronic`, `ordinary`, `emergency`,
    `two_disease` or `maternity`. Empty = the first."""
    disease_code: str = ""
    """Of a two-disease visit: M03900 or M01600."""
    insutype: str = ""
    """Which enrolment, where several are active: 310, 390, ..."""
    epidemic: bool = False
    """The visit is for an epidemic."""


_LATER: Final = {
    "sale": ("benefit", "disease_code", "insutype", "epidemic"),
    "line": ("indication", "self_pay"),
}
"""Members that a till of before did not know."""


def canonical(wish: SaleWish) -> bytes:
    """What a sale was opened with, for comparing a repeat with it (canonical JSON).

    A later member that says nothing is left out: a till that repeats over an upgrade of the terminal opens the same sale.
    """
    told = msgspec.to_builtins(wish)
    for found, names in ((told, _LATER["sale"]), *((line, _LATER["line"]) for line in told["lines"])):
        for name in names:
            if not found[name]:
                del found[name]
    return msgspec.json.encode(told, order="sorted")


class ReturnWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the sale that comes back, whole or in part."""

    line: int
    """Number of the line on the charge sheet."""
    quantity: str = ""
    """How much of it; empty = all."""
    trace_codes: tuple[str, ...] = ()
    """Trace codes of the packs that come back; needed when only a part of a line with codes does."""


class RefundWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer brings back: some lines, or everything."""

    lines: tuple[ReturnWish, ...] = ()
    everything: bool = False
    operator: str = ""
    reason: str = ""


class ReviewWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator does about the findings of the hub's review."""

    carry_on: bool
    """True: settle all the same, for a reason; false: go back and change the sheet."""
    reason: str = ""
    operator: str = ""


class DiseaseWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which filed disease the visit is for, and the doctor's diagnosis."""

    disease_code: str
    """M0xxxx, one of the person's filings; empty where the kind of benefit needs none."""
    diagnosis_code: str
    """ICD-10, insurance version."""
    diagnosis_name: str
