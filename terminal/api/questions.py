"""Questions to the hub beside any sale: its registers. They change nothing, and may be asked again at will."""

import datetime as dt
from collections.abc import Sequence

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from protocols.hub.registers import (
    DictionaryQuery,
    DictionaryQueryInput,
    DictionaryQueryOutput,
    InstitutionQuery,
    InstitutionQueryInput,
    InstitutionQueryOutput,
)
from protocols.hub.sign_in import SignOutOutput
from terminal.api.client_name import ClientName
from terminal.api.rows import row_of
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.core.standing import read_standing
from terminal.hub.questions import Output, put_question
from terminal.shapes.hub import DictionaryWish, InstitutionWish, RowsView, SignOutView, StandingView


class SignOutWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say beyond it."""


class StandingWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say: it is the own institution."""


_AGREEMENT = {"0": "not_begun", "1": "in_force", "2": "suspended", "4": "ended"}
_FLAG = {"0": False, "1": True}


class RegisterController(Controller):
    """The hub's registers."""

    path = "/hub"

    @post("/institutions", status_code=200)
    async def institutions(
        self, service: NamedDependency[Service], data: JSONBody[InstitutionWish]
    ) -> RowsView:
        """Look institutions up by code or by part of the name."""
        own = service.config.institution
        query = InstitutionQuery(
            kind=data.kind or ("2" if own.code.startswith("P") else "1"),
            name=data.name,
            code=data.code or ("" if data.name else own.code),
        )
        output = await ask(service, "1201", InstitutionQueryInput(query=query), InstitutionQueryOutput)
        return rows_view("1201", output.institutions)

    @post("/sign_out", status_code=200)
    async def sign_out(
        self, service: NamedDependency[Service], data: JSONBody[SignOutWish], client: ClientName = "till"
    ) -> SignOutView:
        """Sign the operator out (9002); the next message that needs the hub signs in again."""
        counter = service.require_counter()
        content = counter.session.signing_out()
        if content is None:
            return SignOutView(False)
        await ask(service, "9002", content, SignOutOutput)
        counter.session.expire(content.sign_out.sign_in_no)
        await counter.note(client, "signed_out")
        return SignOutView(True)

    @post("/standing", status_code=200)
    async def standing(self, service: NamedDependency[Service], data: JSONBody[StandingWish]) -> StandingView:
        """Ask the register how the own institution stands: agreement, credit, network, as far as it says so."""
        own = service.config.institution
        query = InstitutionQuery(kind="2" if own.code.startswith("P") else "1", name="", code=own.code)
        output = await ask(service, "1201", InstitutionQueryInput(query=query), InstitutionQueryOutput)
        row = next((row for row in output.institutions if row.code == own.code), None)
        if row is None:
            raise Misuse("hub_answer_unusable", infno="1201")
        told = read_standing(row.extension)
        return StandingView(
            row.code,
            row.name,
            row.grade,
            _AGREEMENT.get(told.agreement_state, ""),
            told.agreement_until,
            told.suspended_until,
            told.credit_level,
            _FLAG.get(told.networked),
            _FLAG.get(told.dual_channel),
            told.service_level,
        )

    @post("/dictionary", status_code=200)
    async def dictionary(self, service: NamedDependency[Service], data: JSONBody[DictionaryWish]) -> RowsView:
        """List the values of one of the hub's dictionaries."""
        query = DictionaryQuery.asking(
            service.profile,
            data.type,
            data.parent,
            service.config.institution.division,
            day(service, data.date),
            "1" if data.valid else "0",
        )
        output = await ask(service, "1901", DictionaryQueryInput(query=query), DictionaryQueryOutput)
        return rows_view("1901", output.entries)


async def ask(
    service: Service, infno: str, content: msgspec.Struct, output_type: type[Output], insured: str = ""
) -> Output:
    """Ask the hub and return the answer of that type. Raises `Misuse`; a journal that fails stops the counter."""
    counter = service.require_counter()
    return await counter.workroom.do(
        lambda: put_question(
            counter.hub, counter.session, service.profile, infno, content, output_type, insured
        )
    )


def day(service: Service, text: str) -> str:
    """Return the date as the wire writes it, today when none is given. Raises `Misuse`."""
    try:
        given = dt.date.fromisoformat(text) if text else service.require_counter().today()
    except ValueError:
        raise Misuse("bad_request", reason="date is not a date") from None
    return given.isoformat()


def rows_view(infno: str, nodes: Sequence[msgspec.Struct]) -> RowsView:
    """Return the nodes of an answer as rows."""
    return RowsView(infno, tuple(map(row_of, nodes)))
