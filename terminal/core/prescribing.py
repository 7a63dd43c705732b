"""A circulating prescription on a sale: which lines it covers, and what taking one means (R15, R61, R64)."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from protocols.secret import Secret
from terminal.core.advancing import advance
from terminal.core.collecting import reprice
from terminal.core.events import Decision, Misuse
from terminal.core.flows import PHARMACY_PURCHASE
from terminal.core.reviewing import outdated
from terminal.core.values import ChargeLine, Prescription, Settlement

_replace = msgspec.structs.replace


def covers(prescription: Prescription, lines: Sequence[ChargeLine]) -> bool:
    """Whether every line is on the prescription, with no more of it than it says; a sheet without lines is covered by none."""
    left: Counter[str] = Counter()
    for drug in prescription.drugs:
        left[drug.national_code] += int(drug.quantity)
    for line in lines:
        if line.national_code not in left:
            return False
        left[line.national_code] -= int(line.quantity)
    return bool(lines) and min(left.values()) >= 0


def take_prescription(settlement: Settlement, prescription: Prescription, person_no: Secret) -> Decision:
    """The purchase is now for this prescription, which is locked at the centre; the quote follows.

    What was reviewed without a prescription is reviewed anew: its number is a part of what the review is asked about.
    """
    if settlement.flow != PHARMACY_PURCHASE.name:
        raise Misuse("no_prescription_here")
    if settlement.person is None:
        raise Misuse("no_medium")
    if settlement.person.psn_no != person_no:
        raise Misuse("prescription_person")
    if not covers(prescription, settlement.lines):
        raise Misuse("prescription_lines", number=prescription.number)
    fresh = _replace(outdated(settlement), prescription=prescription)
    return advance(reprice(settlement, fresh, "prescription taken"))
