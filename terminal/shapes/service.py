"""What is told of the service: how far it is, and its devices."""

import msgspec

from terminal.texts import Told


class DeviceView(msgspec.Struct, frozen=True):
    """One device of the counter."""

    name: str
    state: str
    reason: str


class StatusView(msgspec.Struct, frozen=True):
    """The answer of `GET /status`."""

    phase: str
    reason: Told | None
    version: str
    institution: str
    institution_name: str
    till: str
    lane: str
    profile: str
    keys: str
    """`locked` or `unlocked`."""
    sign_in: str
    sign_in_reason: str
    doubts: int
    """Outcomes that are open; visits not taken back yet are not counted (`GET /doubts` lists both)."""
    devices: tuple[DeviceView, ...]
    submissions_held: int = 0
    """Submissions that wait for a person's word (`GET /submissions?open=true`)."""
    holds: tuple[Told, ...] = ()
    """Why no new sale starts now, while open doubts are worked off; empty when sales are taken."""
    institution_level: str = ""
    """`hosp_lv` of the configuration (R06)."""
    agreement_until: str = ""
    credit_level: str = ""
    agreement: Told | None = None
    """That the service agreement ends soon, or has ended."""
