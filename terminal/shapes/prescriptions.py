"""What is told of circulating prescriptions, and of goods that are handed over later."""

from typing import Literal

import msgspec

from terminal.texts import Told

Delivery = Literal["waiting", "sent", "handed_over"]


class HandOverView(msgspec.Struct, frozen=True):
    """How far the goods of a sale have come that was settled at order."""

    state: Delivery
    told: Told
    """The same in words."""
    pick_up_code: str


class PrescribedView(msgspec.Struct, frozen=True):
    """One drug of a prescription."""

    national_code: str
    name: str
    quantity: str


class CirculatingView(msgspec.Struct, frozen=True):
    """One prescription of the person."""

    number: str
    state: str
    """`issued`, `locked`, `dispensed`, `void` or `expired`."""
    issuer: str
    doctor: str
    diagnosis: str
    issued_on: str
    valid_until: str
    items: tuple[PrescribedView, ...]
