"""The gate for commands: only what the fleet's key signed, for this terminal, this start and this minute, and once.

Checked in an order that gives nothing away: as long as the signature is not proved good, nothing of the content is
believed or answered. What has passed is remembered before it is executed, so that a crash in the middle executes it
no second time (fault F67).
"""

from typing import Final

from drivers.interfaces.clock import Clock
from drivers.interfaces.fleet_transport import FleetMessage
from drivers.interfaces.signer import Verifier
from protocols.errors import MalformedMessage
from protocols.fleet.commands import MAX_AHEAD_S, MAX_LIFE_S, Command, SignedCommand
from protocols.fleet.messages import decode

_REMEMBERED_S: Final = MAX_LIFE_S + MAX_AHEAD_S + 60.0
"""By the monotonic clock: after this a repeated command has expired by any honest wall clock."""


class CommandRefused(Exception):
    """Nothing was executed. `command_id` is empty unless the signature was good; only then it may be answered."""

    def __init__(self, reason: str, command_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.command_id = command_id


class CommandGate:
    """Judges the commands of one process; forgets at its end, because the next one has another boot id."""

    def __init__(self, terminal: str, boot_id: str, verifier: Verifier | None, clock: Clock) -> None:
        """`verifier` knows the fleet's key; None = no key configured, and every command is refused."""
        self._terminal = terminal
        self._boot_id = boot_id
        self._verifier = verifier
        self._clock = clock
        self._seen: dict[str, tuple[float, float]] = {}
        """Id to (monotonic time of arrival, time of issue)."""
        self._floor = 0.0
        """Newest time of issue that was forgotten: a wall clock that is set back revives nothing older."""
        self.refused = 0
        """How many commands were refused so far."""

    def admit(self, message: FleetMessage) -> Command:
        """Return the command to execute now, once; raises `CommandRefused`."""
        try:
            return self._admit(message)
        except CommandRefused:
            self.refused += 1
            raise

    def _admit(self, message: FleetMessage) -> Command:
        command = self._authentic(message.payload)
        objection = self._objection(command, message.retained)
        if objection:
            raise CommandRefused(objection, command.id)
        self._seen[command.id] = (self._clock.monotonic_s(), command.issued_at.timestamp())
        return command

    def _authentic(self, payload: bytes) -> Command:
        try:
            envelope = decode(SignedCommand, payload)
        except MalformedMessage as wrong:
            raise CommandRefused("malformed") from wrong
        if self._verifier is None:
            raise CommandRefused("no_fleet_key")
        if not envelope.signature:
            raise CommandRefused("unsigned")
        if not self._verifier.verify(envelope.signed_bytes(), envelope.signature_bytes()):
            raise CommandRefused("bad_signature")
        try:
            return envelope.command()
        except MalformedMessage as wrong:
            raise CommandRefused("malformed") from wrong

    def _objection(self, command: Command, retained: bool) -> str:
        """Why a signed command is not executed; empty when it is."""
        self._forget_old()
        now = self._clock.now()
        issued, expires = command.issued_at, command.expires_at
        if command.terminal != self._terminal:
            return "other_terminal"
        if command.boot_id != self._boot_id:
            return "other_boot"
        if command.id in self._seen or issued.timestamp() <= self._floor:
            return "repeated"
        if retained:
            return "retained"
        if (expires - issued).total_seconds() > MAX_LIFE_S:
            return "too_long_lived"
        if (issued - now).total_seconds() > MAX_AHEAD_S:
            return "too_early"
        return "expired" if expires <= now else ""

    def _forget_old(self) -> None:
        before_s = self._clock.monotonic_s() - _REMEMBERED_S
        for command_id, (arrived_s, issued_s) in list(self._seen.items()):
            if arrived_s < before_s:
                del self._seen[command_id]
                self._floor = max(self._floor, issued_s)
