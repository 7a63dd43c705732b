"""The service around the counter: answers `status` from the first moment, hands out the counter once it is there."""

import enum

from drivers.interfaces.device_state import HasStatus
from drivers.interfaces.reach import Reach
from protocols.hub.profile import Profile
from terminal.api.joined import Joined
from terminal.config import Config
from terminal.core.events import Misuse
from terminal.core.values import Settlement
from terminal.counter.agreement import agreement_notice
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.counter.counter import Counter
from terminal.counter.workroom import Phase
from terminal.devices.reader_state import Look, ReaderState, reader_state
from terminal.evidence.capsule import EvidenceKeys
from terminal.fleet.link import FleetLink
from terminal.shapes.service import DeviceView, StatusView
from terminal.slips.masking import MaskRule
from terminal.texts import Told, tell, tell_notice


class ServicePhase(enum.StrEnum):
    """How far the service is; a sale waits for `ready`."""

    UNLOCKING = "unlocking"
    RECOVERING = "recovering"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"


class Service:
    """Shared by the routes; filled in by the application as the start proceeds."""

    def __init__(self, config: Config, profile: Profile, version: str) -> None:
        self.config = config
        self.profile = profile
        self.version = version
        self.counter: Counter | None = None
        self.scanner: HasStatus | None = None
        self.reader_look: Look | None = None
        """Asks the card reader's driver what it saw last; None without one."""
        self.reach: Reach | None = None
        """Looks whether a server is there."""
        self.fleet: FleetLink | None = None
        self.anchors: AnchorKeeper | None = None
        self.evidence_keys: EvidenceKeys | None = None
        """The public keys that go into evidence capsules; None until the own key is unlocked."""
        self.confirmations: Joined[tuple[str, str], Settlement] = Joined()
        """Who confirms a sale that is being confirmed waits for that outcome instead of hearing that it is busy."""
        self.phase = ServicePhase.UNLOCKING
        self.reason: Told | None = None
        """Why the service cannot go on, when it cannot."""

    @property
    def mask(self) -> MaskRule:
        """How much of an identity number may be shown."""
        return MaskRule(self.profile.slip.mask_certno_first, self.profile.slip.mask_certno_last)

    def require_counter(self) -> Counter:
        """Return the counter once it is ready; raises `Misuse`."""
        if self.counter is None or self.counter.phase is not Phase.READY:
            raise Misuse("not_ready", state=self.phase.value)
        return self.counter

    def status(self) -> StatusView:
        """Everything a till or a person wants to know at a glance."""
        counter, place = self.counter, self.config.institution
        phase = self.phase
        if phase is ServicePhase.RECOVERING and counter is not None and counter.phase is Phase.READY:
            phase = ServicePhase.READY
        reason = self.reason
        if counter is not None and counter.failure:
            phase, reason = ServicePhase.FAILED, tell("journal_failed", {"reason": counter.failure})
        return StatusView(
            phase=phase.value,
            reason=reason,
            version=self.version,
            institution=place.code,
            institution_name=place.name,
            till=self.config.terminal.till,
            lane=self.config.terminal.lane,
            profile=self.profile.name,
            keys="locked" if counter is None else "unlocked",
            sign_in="not_yet" if counter is None else counter.session.state.value,
            sign_in_reason="" if counter is None else counter.session.reason,
            doubts=0 if counter is None else len(counter.engine.doubts()),
            devices=self.devices(),
            submissions_held=0
            if counter is None or counter.submissions is None
            else counter.submissions.held,
            holds=()
            if counter is None
            else tuple(tell(one.code, one.params) for one in counter.holds.standing),
            institution_level=place.level,
            agreement_until=place.agreement_until,
            credit_level=place.credit_level,
            agreement=None
            if counter is None
            else tell_notice(agreement_notice(place.agreement_ends, counter.today())),
        )

    def reader(self) -> ReaderState:
        """The card reader."""
        return reader_state(self.config.reader.name, self.reader_look)

    def devices(self) -> tuple[DeviceView, ...]:
        """Card reader, scanner, printer and message broker with their state."""
        reader = self.reader()
        found = [DeviceView("reader", reader.state, reader.problem)]
        if self.scanner is not None:
            status = self.scanner.status
            found.append(DeviceView("scanner", status.state.value, status.reason))
        else:
            found.append(DeviceView("scanner", "absent", "not configured"))
        problem = "" if self.counter is None else self.counter.paper.problem
        if not self.config.printer.url:
            found.append(DeviceView("printer", "absent", "not configured"))
        else:
            found.append(DeviceView("printer", "fault" if problem else "ready", problem))
        found.append(self._broker())
        return tuple(found)

    def _broker(self) -> DeviceView:
        if not self.config.broker.url:
            return DeviceView("broker", "absent", "not configured")
        problem = None if self.fleet is None else self.fleet.problem
        if problem is not None:
            return DeviceView("broker", "fault" if problem.permanent else "absent", problem.value)
        return DeviceView(
            "broker", "ready" if self.fleet is not None and self.fleet.connected else "opening", ""
        )
