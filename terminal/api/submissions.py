"""Submissions over the local API: what is to change the hub outside a settlement, and how it stands.

Rows are written by wire name. A filing is about the person of a sale, so nobody types a number. The request waits for the
first try of its messages and never longer than `WAIT_S`; the terminal goes on by itself.
"""

from typing import Annotated, Final

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from protocols.hub.catalogue import MESSAGES
from protocols.hub.trace_codes import (
    HeldCodesOutput,
    SoldCodesQuery,
    SoldCodesQueryInput,
    StockedCodesQuery,
    StockedCodesQueryInput,
)
from protocols.wire_time import format_time
from terminal.api.checks import NUMBERS_ALLOWED
from terminal.api.client_name import ClientName
from terminal.api.questions import ask, day, rows_view
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.core.submission import SubmissionState, Word
from terminal.core.values import Person
from terminal.journal.records import SubmissionRow
from terminal.shapes.hub import RowsView
from terminal.shapes.submissions import MessageView, SubmissionView
from terminal.submissions.kinds import KINDS
from terminal.submissions.rows import Value, contents
from terminal.submissions.runner import Submissions, outcome_of
from terminal.texts import tell

WAIT_S: Final = 40.0
"""Longer than one exchange with a hub that stays silent (K67)."""
Limit = Annotated[int, QueryParameter(ge=1, le=500)]
IdempotencyKey = Annotated[
    str, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=200, required=True)
]
_TELL: Final = {
    SubmissionState.WAITING: lambda reason, text: tell("submission_waiting", {"reason": reason}),
    SubmissionState.SENT: lambda reason, text: tell("submission_sent"),
    SubmissionState.UNKNOWN: lambda reason, text: tell("submission_unknown", {"reason": reason}),
    SubmissionState.HELD: lambda reason, text: tell("submission_held", {"reason": reason}),
    SubmissionState.ACCEPTED: lambda reason, text: tell("submission_accepted"),
    SubmissionState.PARTLY: lambda reason, text: tell("submission_partly"),
    SubmissionState.REFUSED: lambda reason, text: tell("submission_refused", {"text": text}),
    SubmissionState.GIVEN_UP: lambda reason, text: tell("submission_given_up"),
}


class SubmissionWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to submit."""

    kind: str
    rows: tuple[dict[str, Value], ...]
    """By wire name; trace codes under `drug_trac_codg`, several as a list or separated by spaces."""
    sale: str = ""
    """Of a filing: the sale that names the person."""


class DecisionWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's decision about a submission that is held."""

    decision: Word
    """`again`, `accepted` or `given_up`."""
    operator: str = ""
    reason: str = ""


class TraceCodesWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which trace codes; at least one of batch, own code, national code (and visit, of those sold)."""

    batch: str = ""
    own_code: str = ""
    national_code: str = ""
    code: str = ""
    visit_id: str = ""
    since: str = ""
    until: str = ""
    """Days; "" = today."""


class SubmissionController(Controller):
    """What is to change the hub outside a settlement."""

    path = "/submissions"

    @post("/")
    async def submit(
        self,
        service: NamedDependency[Service],
        data: JSONBody[SubmissionWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> list[SubmissionView]:
        """Put it on disk, then send it; the same key and body again submits nothing new."""
        counter, kind = service.require_counter(), KINDS.get(data.kind)
        if kind is None:
            raise Misuse("bad_request", reason=f"kind: one of {', '.join(KINDS)}")
        person: Person | None = None
        if kind.of_person:
            person = (await counter.settlements.get(data.sale)).person if data.sale else None
            if person is None:
                raise Misuse("no_medium")
            if not person.psn_no:
                raise Misuse("evidence_past_term")
        elif data.sale:
            raise Misuse("bad_request", reason="sale: only for filings")
        code = service.config.institution.code
        infno, made = contents(kind, data.rows, service.profile, code, person)
        body = msgspec.json.encode(data)
        submissions = submissions_of(service)
        rows = await counter.workroom.do(
            lambda: submissions.submit(kind.name, infno, made, client, key, body, WAIT_S)
        )
        return [submission_view(row) for row in rows]

    @get("/")
    async def list_submissions(
        self, service: NamedDependency[Service], open: FromQuery[bool] = False, limit: Limit = 50
    ) -> list[SubmissionView]:
        """List the newest, or with `open` every one that still wants something, oldest first."""
        workroom = service.require_counter().workroom
        if open:
            rows = await workroom.read(lambda journal: journal.submissions.unfinished())
        else:
            rows = await workroom.read(lambda journal: journal.submissions.recent(limit))
        return [submission_view(row) for row in rows]

    @get("/{submission_id:str}")
    async def show(self, service: NamedDependency[Service], submission_id: FromPath[str]) -> SubmissionView:
        """One, with every message that was sent for it."""
        submissions = submissions_of(service)
        row = await submissions.get(submission_id)
        messages = tuple(
            MessageView(one.msgid, one.state, one.verdict or "", one.sent_at)
            for one in await submissions.attempts(submission_id)
        )
        return msgspec.structs.replace(submission_view(row), messages=messages)

    @post("/{submission_id:str}/decision", status_code=200, opt={NUMBERS_ALLOWED: {"reason"}})
    async def decide(
        self, service: NamedDependency[Service], submission_id: FromPath[str], data: JSONBody[DecisionWish]
    ) -> SubmissionView:
        """Say how a submission that waits for a person goes on; kept in the audit log."""
        actor = data.operator or service.config.terminal.operator
        submissions = submissions_of(service)
        return submission_view(await submissions.decide(submission_id, data.decision, actor, data.reason))


class TraceCodeController(Controller):
    """Trace codes at the hub."""

    path = "/hub/trace_codes"

    @post("/stocked", status_code=200)
    async def stocked(self, service: NamedDependency[Service], data: JSONBody[TraceCodesWish]) -> RowsView:
        """Trace codes that the hub has as taken into stock (3512)."""
        if data.visit_id:
            raise Misuse("bad_request", reason="visit_id: only of codes sold")
        query = StockedCodesQuery(
            institution_code=service.config.institution.code,
            own_code=data.own_code,
            batch=data.batch,
            began_on=day(service, data.since),
            ended_on=day(service, data.until),
            national_code=data.national_code,
            code=data.code,
        )
        answer = await ask(service, "3512", StockedCodesQueryInput(query=query), HeldCodesOutput)
        return rows_view("3512", answer.rows)

    @post("/sold", status_code=200)
    async def sold(self, service: NamedDependency[Service], data: JSONBody[TraceCodesWish]) -> RowsView:
        """Trace codes that the hub has as sold (3513)."""
        query = SoldCodesQuery(
            institution_code=service.config.institution.code,
            own_code=data.own_code,
            batch=data.batch,
            began_on=day(service, data.since),
            ended_on=day(service, data.until),
            national_code=data.national_code,
            visit_id=data.visit_id,
            code=data.code,
        )
        answer = await ask(service, "3513", SoldCodesQueryInput(query=query), HeldCodesOutput)
        return rows_view("3513", answer.rows)


def submissions_of(service: Service) -> Submissions:
    """The counter's submissions. Raises `Misuse` (`not_ready`)."""
    submissions = service.require_counter().submissions
    if submissions is None:
        raise Misuse("not_ready", state=service.phase.value)
    return submissions


def submission_view(row: SubmissionRow) -> SubmissionView:
    """A submission for the caller."""
    outcome, progress, message = outcome_of(row), row.progress, MESSAGES.get(row.infno)
    return SubmissionView(
        id=row.id,
        kind=row.kind,
        infno=row.infno,
        title_zh="" if message is None else message.title_zh,
        title_en="" if message is None else message.title_en,
        part=row.part,
        state=progress.state.value,
        told=_TELL[progress.state](row.reason, outcome.text),
        tries=progress.tries,
        unanswered=progress.unanswered,
        opened_at=format_time(row.opened_at),
        changed_at=format_time(row.changed_at),
        due_at=format_time(row.due_at) if row.due_at else "",
        serial=outcome.serial,
        trace_code=outcome.code,
        rows=outcome.rows,
    )
