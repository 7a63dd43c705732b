"""How a device on a wire is doing, for the devices page and the technician: a lasting condition, not an exception."""

import enum
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class DeviceState(enum.Enum):
    """Where a device stands (profile decision PD-50)."""

    ABSENT = "absent"
    """Not there: unplugged, switched off, or another address. Tried again with growing pauses, at most 10 s."""
    OPENING = "opening"
    """Being opened now."""
    READY = "ready"
    """Open and usable."""
    FAULT = "fault"
    """There, but it cannot be used: no permission, held by another program, not a serial port. Tried again as well."""


class DeviceStatus(msgspec.Struct, frozen=True):
    """One state with its reason."""

    state: DeviceState
    reason: str = ""
    """What a technician can act on; empty while opening or ready. Holds addresses, never data of a person."""
    since_s: float = 0.0
    """Monotonic time of the change."""


class HasStatus(Protocol):
    """A driver that tells its state."""

    @property
    def status(self) -> DeviceStatus:
        """The present state."""
        ...

    def statuses(self) -> AsyncIterator[DeviceStatus]:
        """Yield the present state at once, then every later one, for ever; a slow consumer may miss some between."""
        ...
