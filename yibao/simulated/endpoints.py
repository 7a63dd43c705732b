"""Where a running simulated world is found: endpoints.json in its folder, all that a client of it has to know."""

from pathlib import Path
from typing import Final

import msgspec

from yibao.words import Words, say

MAIN: Final = "counter"
"""Name of the counter everybody means who names none."""
CLINIC: Final = "clinic"
ENDPOINTS_FILE: Final = "endpoints.json"
"""There only while the world is up."""


class SimulationRefused(Exception):
    """The simulated counter cannot be started or reached; `words` says why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class LeftOut(msgspec.Struct, frozen=True):
    """A real part that this machine does not have, or does not let us use."""

    zh: str
    en: str


class CounterEndpoints(msgspec.Struct, frozen=True):
    """One counter and what stands on it."""

    counter: str
    """Path of its configuration."""
    desk: str
    """Control API of what stands on it."""
    scanner: str
    printer: str
    reader: str = ""
    """PC/SC name of its card reader; empty = none."""
    pcsc_socket: str = ""
    """Socket of the card service behind the reader."""


class Endpoints(msgspec.Struct, frozen=True):
    """endpoints.json: where everything of a running simulated world is found."""

    hub: str
    hub_path: str
    certificate_centre: str
    certificate_path: str
    control: str
    """Control API of hub, certificate centre and phone."""
    desk: str
    """Control API of scanner and printer."""
    profile: str
    hub_public_point: str
    counter: str
    """Path of counter.toml."""
    scanner: str
    printer: str
    pid: int
    reader: str = ""
    """PC/SC name of this counter's card reader; empty = none."""
    pcsc_socket: str = ""
    clinic: CounterEndpoints | None = None
    """The second counter; none when the first is a clinic's."""
    broker: str = ""
    """The fleet's message broker; empty = none."""
    fleet_password: str = ""
    """Path of the file with the password of the fleet's server at the broker."""
    phone: str = ""
    """The page on which people look at a phone."""
    authority: str = ""
    """PEM file of the authority behind hub and centre; empty = they are plain http."""
    left_out: tuple[LeftOut, ...] = ()
    """Real parts that are missing here."""

    def counters(self) -> dict[str, CounterEndpoints]:
        """Every counter by its name."""
        main = CounterEndpoints(
            self.counter, self.desk, self.scanner, self.printer, self.reader, self.pcsc_socket
        )
        return {MAIN: main} if self.clinic is None else {MAIN: main, CLINIC: self.clinic}

    def at(self, name: str) -> "Endpoints":
        """The same world seen from the counter called `name`. Raises `SimulationRefused` when there is none."""
        counters = self.counters()
        if name not in counters:
            raise SimulationRefused(say("sim_no_clinic"))
        there = counters[name]
        return msgspec.structs.replace(
            self, counter=there.counter, desk=there.desk, scanner=there.scanner, printer=there.printer,
            reader=there.reader, pcsc_socket=there.pcsc_socket,
        )  # fmt: skip


def read_endpoints(folder: Path) -> Endpoints:
    """Where the world of a folder is found. Raises `SimulationRefused` when it is not up."""
    try:
        return msgspec.json.decode((folder / ENDPOINTS_FILE).read_bytes(), type=Endpoints)
    except (OSError, msgspec.MsgspecError):
        raise SimulationRefused(say("sim_not_up", path=str(folder.absolute()))) from None
