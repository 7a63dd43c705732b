"""What is told to the technician: card, health."""

import msgspec

from protocols.fleet.messages import DoubtAges
from terminal.devices.reader_state import ReaderState
from terminal.shapes.hub import HubView
from terminal.shapes.service import StatusView


class CardView(msgspec.Struct, frozen=True):
    """What the free part of a social-security card says."""

    masked: bool
    card_number: str
    card_sn: str
    name: str
    """Empty when the card protects it."""
    certno: str
    """Empty when the card protects it."""
    version: str
    generation: int
    issuing_area: str
    category: str
    issued: str
    valid_until: str
    sex: str
    born: str
    algorithm: str
    holder_protected: bool
    unreadable: tuple[str, ...]
    read_ms: float


class ExchangedView(msgspec.Struct, frozen=True):
    """One command and its answer."""

    command: str
    response: str
    sw: str
    """Status word, four hex digits; empty when the card gave none."""
    meaning: str


class HealthView(msgspec.Struct, frozen=True):
    """The answer of `GET /health`: what the service knows of everything it owns, without asking any far end."""

    status: StatusView
    reader: ReaderState
    hub: HubView | None
    """None until the counter is there."""
    doubts: DoubtAges | None
    printer_problem: str | None
    """What the printer says when it is asked now: a word, "" when it is ready; None when it was not asked."""
    slips_waiting: int | None
    broker_detail: str
