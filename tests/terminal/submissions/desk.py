"""A counter of the harness that submits, and a link that looks into the journal before every message leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from drivers.interfaces.hub_transport import RawAnswer
from protocols.hub.envelope import decode_request
from protocols.hub.profile import Profile
from simulators.hub.submitted_books import SubmittedBooks
from terminal.core.values import Person, Settlement
from terminal.journal.records import SubmissionRow
from terminal.journal.verify import verify_journal
from terminal.submissions.kinds import KINDS
from terminal.submissions.rows import contents
from terminal.submissions.runner import Submissions
from tests.terminal.harness import INSTITUTION, NATIONAL, Shop, Till, Watch

GENERATION_A = msgspec.structs.replace(
    NATIONAL, stock=msgspec.structs.replace(NATIONAL.stock, generation="A")
)


class SubmittingShop(Shop):
    """A shop whose link asks the journal whether the bytes that leave are on its disk."""

    def __init__(self, folder: Path, profile: Profile | None = None) -> None:
        super().__init__(folder, profile=profile)
        self.left: list[tuple[str, str]] = []
        """Transaction and message id of everything that left and changes the hub outside a settlement."""
        self._post = self.hub_link.post
        self.hub_link.post = self._seen  # type: ignore[method-assign]  # the link stays the simulator's own

    async def _seen(self, path: str, body: bytes, *rest: Any, **named: Any) -> RawAnswer:
        request = decode_request(body)
        till = self.newest
        if till is not None:
            kept = till.connection.execute(
                "SELECT submission FROM submission_attempt WHERE msgid = ?", (request.message_id,)
            ).fetchall()
            for (submission,) in kept:
                (newest,) = [
                    one
                    for one in till.journal.submissions.attempts(str(submission))
                    if one.msgid == request.message_id
                ]
                assert (newest.request, newest.state) == (body, "SENT"), "not on disk before it left"
                self.left.append((request.infno, request.message_id))
        return await self._post(path, body, *rest, **named)

    @property
    def books(self) -> SubmittedBooks:
        """What the hub holds of it."""
        return self.world.ledger.submitted

    async def desk(self, watch: Watch | None = None) -> "SubmissionDesk":
        """Start a counter on the disk as it is."""
        return SubmissionDesk(self, await self.start(watch))


class SubmissionDesk:
    """What a person does at it."""

    def __init__(self, shop: SubmittingShop, till: Till) -> None:
        self.shop = shop
        self.till = till
        submissions = till.counter.submissions
        assert submissions is not None
        self.submissions: Submissions = submissions

    async def submit(
        self,
        kind: str,
        *rows: Mapping[str, Any],
        sale: Settlement | None = None,
        key: str = "k1",
        wait_s: float = 1.0,
    ) -> list[SubmissionRow]:
        """Submit rows and return them after the first try."""
        person: Person | None = None if sale is None else sale.person
        infno, made = contents(KINDS[kind], rows, self.shop.profile, INSTITUTION, person)
        body = msgspec.json.encode([kind, rows])
        return await self.submissions.submit(kind, infno, made, "till", key, body, wait_s)

    async def one(self, kind: str, *rows: Mapping[str, Any], **more: Any) -> SubmissionRow:
        """The same for what is one message."""
        (row,) = await self.submit(kind, *rows, **more)
        return row

    async def person_known(self, who: str = "jia") -> Settlement:
        """A sale that names a person."""
        return await self.till.quote(who=who)

    def now(self, row: SubmissionRow) -> SubmissionRow:
        """As it stands on disk."""
        found = self.till.journal.submissions.get(row.id)
        assert found is not None
        return found

    def state(self, row: SubmissionRow) -> str:
        """Where it stands on disk."""
        return self.now(row).progress.state.value

    def attempts(self, row: SubmissionRow) -> list[tuple[str, str | None]]:
        """State and verdict of every message sent for it."""
        return [(one.state, one.verdict) for one in self.till.journal.submissions.attempts(row.id)]

    def states(self, row: SubmissionRow) -> list[str]:
        """The audited states, in order."""
        return [
            str(entry["new"])
            for entry in self.till.audit()
            if entry["action"] in ("submit", "submission") and entry["object"] == row.id
        ]

    async def stop(self) -> None:
        """End in order; the journal verifies."""
        await self.till.stop()
        report = verify_journal(str(self.shop.journal_path), self.shop.vault)
        assert report.ok, report.findings


def names(rows: Sequence[SubmissionRow]) -> list[str]:
    """Their states."""
    return [row.progress.state.value for row in rows]
