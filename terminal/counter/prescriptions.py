"""Circulating prescriptions at the counter: list, review and lock, free (R15, R61, R64, R66).

A lock holds a prescription for one sale and ends by itself at the centre; asking for it again is the same lock, so a lost
answer needs nothing but another try. Lock and release are submissions sent once (`terminal/submissions/`): id and bytes are
on disk before they leave. The audit log says for which sale, and which pharmacist has reviewed. What dispenses the
prescription is the settlement itself, and what undoes the settlement frees it again: no step of its own can come apart from
the money.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from protocols.hub.prescriptions import (
    CirculatingPrescription,
    PrescriptionLock,
    PrescriptionLockInput,
    PrescriptionLockOutput,
    PrescriptionRelease,
    PrescriptionReleaseInput,
    PrescriptionsQuery,
    PrescriptionsQueryInput,
    PrescriptionsQueryOutput,
)
from protocols.hub.profile import Profile
from terminal.core.advancing import question_failed
from terminal.core.disclosure import area_of
from terminal.core.events import Answered, Heard, Misuse
from terminal.core.outcome import judge
from terminal.core.prescribing import covers
from terminal.core.values import Person, PrescribedDrug, Prescription, Settlement
from terminal.counter.session import HubSession
from terminal.counter.staff import Member, Staff
from terminal.hub.client import HubClient
from terminal.hub.questions import put_question
from terminal.submissions.kinds import FREE, LOCK, Kind

if TYPE_CHECKING:
    from terminal.submissions.runner import Submissions

OPEN_STATES = frozenset({"1", "2"})
"""`rx_stas` of what may still be dispensed: issued, or locked (perhaps by us)."""


class Notes(Protocol):
    """Writes into the audit log."""

    def __call__(self, actor: str, action: str, text: str) -> Awaitable[None]:
        """Append a record."""
        ...


class Prescriptions:
    """Asks the prescription centre for the person of a sale."""

    def __init__(
        self,
        hub: HubClient,
        session: HubSession,
        profile: Profile,
        staff: Staff,
        note: Notes,
        submissions: Callable[[], "Submissions | None"],
    ) -> None:
        self._hub = hub
        self._session = session
        self._profile = profile
        self._staff = staff
        self._note = note
        self._submissions = submissions

    async def of(self, settlement: Settlement, number: str = "") -> Sequence[CirculatingPrescription]:
        """The prescriptions of the sale's person, or the one with this number. Raises `Misuse`."""
        person = _person(settlement)
        content = PrescriptionsQueryInput(
            query=PrescriptionsQuery(person_no=person.psn_no, prescription_no=number)
        )
        answer = await put_question(
            self._hub,
            self._session,
            self._profile,
            "990101",
            content,
            PrescriptionsQueryOutput,
            person.insured_division,
        )
        return answer.prescriptions

    async def take(self, settlement: Settlement, number: str, reviewer: str) -> Prescription:
        """Lock a prescription that a pharmacist has reviewed, for exactly the lines of the sale. Raises `Misuse`.

        Nothing is asked before the pharmacist may review, and nothing is locked that does not cover the lines.
        """
        pharmacist = self._staff.pharmacist(reviewer)
        if settlement.local_only and area_of(settlement, self._profile) == "far":
            raise Misuse("not_networked")  # with it the pooled fund would be asked (R07)
        found = next((row for row in await self.of(settlement, number) if row.number == number), None)
        if found is None or found.status not in OPEN_STATES:
            raise Misuse("prescription_not_open", number=number)
        taken = Prescription(
            number,
            tuple(PrescribedDrug(row.code, row.name, row.quantity) for row in found.items),
            pharmacist.number,
            found.valid_until,
        )
        if not covers(taken, settlement.lines):
            raise Misuse("prescription_lines", number=number)
        await self._lock(settlement, number, pharmacist)
        return taken

    async def release(self, settlement: Settlement) -> None:
        """Free what the sale holds. Raises `Misuse` when the hub was not heard: the lock then ends by itself."""
        held = settlement.prescription
        if held is None:
            return
        person = _person(settlement)
        content = PrescriptionReleaseInput(
            release=PrescriptionRelease(
                person_no=person.psn_no, prescription_no=held.number, lock_no=settlement.id
            )
        )
        await self._note("terminal", "prescription_freed", settlement.id)
        await self._change(settlement, FREE, content)

    async def _lock(self, settlement: Settlement, number: str, pharmacist: Member) -> None:
        content = PrescriptionLockInput(
            lock=PrescriptionLock(
                person_no=_person(settlement).psn_no,
                prescription_no=number,
                lock_no=settlement.id,
                pharmacist_code=pharmacist.code,
                pharmacist_name=pharmacist.name,
            )
        )
        await self._note(pharmacist.number, "prescription_reviewed", settlement.id)
        output = await self._change(settlement, LOCK, content)
        if not isinstance(output, PrescriptionLockOutput):
            raise Misuse("hub_answer_unusable", infno="990102")

    async def _change(
        self, settlement: Settlement, kind: Kind, content: PrescriptionLockInput | PrescriptionReleaseInput
    ) -> object:
        """Send a message that changes the centre; return the output of its answer. Raises `Misuse`."""
        submissions = self._submissions()
        if submissions is None:
            raise Misuse("not_ready", state="recovering")
        insured = _person(settlement).insured_division
        heard = await submissions.deliver_once(kind, content, insured, "prescription", settlement.id)
        if isinstance(heard, Answered) and heard.infcode == 0:
            return heard.output
        raise _failed(heard, self._profile)


def _person(settlement: Settlement) -> Person:
    if settlement.person is None:
        raise Misuse("no_medium")
    return settlement.person


def _failed(heard: Heard, profile: Profile) -> Misuse:
    notice = question_failed(judge(heard, profile), heard, profile)
    return Misuse(notice.code, **notice.params)
