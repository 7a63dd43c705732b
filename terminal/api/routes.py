"""The verbs of the local API. Every change is a POST or PUT with a JSON body; nothing changes by GET.

A client that got no answer asks (`GET /sales/{id}`, or by sale number); it never repeats a sale under a new key.
Opening a sale needs an `Idempotency-Key`: the same key with the same body returns the same sale for ever.

Errors are `application/problem+json` with `code` and the text in both languages.
"""

import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import msgspec
from litestar import Controller, Litestar, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.response import Stream

from terminal.api.anchors import AnchorController
from terminal.api.catalogues import CatalogueController, CatalogueFileController
from terminal.api.checks import check_request
from terminal.api.clearing import ClearingController
from terminal.api.client_name import ClientName
from terminal.api.evidence import EvidenceController
from terminal.api.fleet import FleetController
from terminal.api.goods import GoodsController
from terminal.api.prescriptions import PrescriptionController
from terminal.api.questions import RegisterController
from terminal.api.reconciliation import ReconciliationController
from terminal.api.records import RecordController
from terminal.api.retention import RetentionController
from terminal.api.service import Service
from terminal.api.submissions import SubmissionController, TraceCodeController
from terminal.api.technician import CardController, HealthController, HubController
from terminal.api.views import event_view, history_view, settlement_view, summary_view
from terminal.core.events import Misuse
from terminal.core.values import Settlement
from terminal.counter.engine import Busy, UnknownSettlement
from terminal.counter.holds import HOLD_CODES
from terminal.counter.wishes import DiseaseWish, LineWish, RefundWish, ReviewWish, SaleWish
from terminal.journal.records import JournalRefused
from terminal.shapes.service import DeviceView, StatusView
from terminal.shapes.settlements import HistoryView, SettlementView, SummaryView
from terminal.texts import Told, tell

MAX_BODY_BYTES = 1024 * 1024
PROBLEM = "application/problem+json"
_MEMBER_NAMED = re.compile(r"Object (missing required|contains unknown) field `[a-z_]{1,32}`( - at .*)?")
_CONFLICTS = frozenset({"busy", "idempotency_conflict", "refund_differs", "sale_number_open"})
_UNAVAILABLE = HOLD_CODES | {"not_ready", "journal_failed"}

IdempotencyKey = Annotated[
    str, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=200, required=True)
]
Limit = Annotated[int, QueryParameter(ge=1, le=500)]


class Problem(msgspec.Struct, frozen=True):
    """An error, for programs and for people."""

    type: str
    title: str
    status: int
    code: str
    zh: str
    en: str
    settlement_id: str = ""


class MediumWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person showed; exactly one of the members."""

    code: str = ""
    """Certificate code as scanned by the till or typed."""
    identity_number: str = ""
    """Number of the identity card, typed in."""
    card: bool = False
    """True: read the social-security card in the reader."""


class OperatorWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who presses the key; empty = the operator of the till."""

    operator: str = ""


class CancelWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who cancels a known settlement, and why."""

    operator: str = ""
    reason: str = ""


class LinesWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole charge sheet."""

    lines: tuple[LineWish, ...]


class CopyView(msgspec.Struct, frozen=True):
    """The number of the copy now owed."""

    copy_number: int


class CounterController(Controller):
    """The state of the counter."""

    path = "/"

    @get("/status", sync_to_thread=False)
    def status(self, service: NamedDependency[Service]) -> StatusView:
        """Say how far the service is and what it is waiting for; answers from the first moment."""
        return service.status()

    @get("/devices", sync_to_thread=False)
    def devices(self, service: NamedDependency[Service]) -> list[DeviceView]:
        """List the devices of the counter."""
        return list(service.devices())

    @get("/doubts", sync_to_thread=False)
    def doubts(self, service: NamedDependency[Service]) -> list[SettlementView]:
        """List the settlements whose outcome is open, oldest first."""
        return [
            settlement_view(settlement, service.mask)
            for settlement, _ in service.require_counter().settlements.doubts()
        ]

    @get("/events")
    async def events(self, service: NamedDependency[Service], after: FromQuery[int] = 0) -> Stream:
        """Stream what happens as JSON lines, beginning behind entry `after`; never ends by itself."""
        counter = service.require_counter()

        async def lines() -> AsyncIterator[bytes]:
            async for entry in counter.feed.follow(after):
                yield msgspec.json.encode(event_view(entry)) + b"\n"

        return Stream(lines(), media_type="application/x-ndjson")


class SalesController(Controller):
    """Sales, from opening to cancellation."""

    path = "/sales"

    @post("/")
    async def open_sale(
        self,
        service: NamedDependency[Service],
        data: JSONBody[SaleWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> SettlementView:
        """Open a sale and reserve its number on disk."""
        return self._view(service, await service.require_counter().sales.open(data, client, key))

    @get("/")
    async def list_sales(
        self,
        service: NamedDependency[Service],
        sale_number: FromQuery[str | None] = None,
        business_date: FromQuery[str] = "",
        limit: Limit = 50,
        before: FromQuery[int | None] = None,
    ) -> list[SummaryView]:
        """List the newest sales, or find one by its number (`business_date` defaults to today)."""
        counter = service.require_counter()
        if sale_number == "":
            raise Misuse("bad_request", reason="sale_number is empty")
        if sale_number is None:
            return [summary_view(row) for row in await counter.settlements.recent(limit, before)]
        row = await counter.settlements.find(sale_number, _date(business_date) or counter.today())
        return [] if row is None else [summary_view(row)]

    @get("/{settlement_id:str}")
    async def show(self, service: NamedDependency[Service], settlement_id: FromPath[str]) -> SettlementView:
        """The status question: what is known of this sale now."""
        return self._view(service, await service.require_counter().settlements.get(settlement_id))

    @get("/{settlement_id:str}/history")
    async def history(self, service: NamedDependency[Service], settlement_id: FromPath[str]) -> HistoryView:
        """A sale with every message that could change the hub and every slip."""
        counter = service.require_counter()
        settlement = await counter.settlements.get(settlement_id)
        attempts, receipts = await counter.settlements.history(settlement_id)
        return history_view(settlement, attempts, receipts, service.mask)

    @post("/{settlement_id:str}/lines")
    async def add_line(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[LineWish]
    ) -> SettlementView:
        """Add one charge line."""
        return self._view(service, await service.require_counter().sales.add_line(settlement_id, data))

    @put("/{settlement_id:str}/lines")
    async def set_lines(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[LinesWish]
    ) -> SettlementView:
        """Replace the charge sheet."""
        return self._view(service, await service.require_counter().sales.set_lines(settlement_id, data.lines))

    @post("/{settlement_id:str}/medium", status_code=200)
    async def give_medium(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[MediumWish]
    ) -> SettlementView:
        """Give what the person showed; a purchase with lines on the sheet is quoted by itself."""
        counter = service.require_counter()
        if sum(map(bool, (data.code, data.identity_number, data.card))) != 1:
            raise Misuse("bad_request", reason="one of code, identity_number, card")
        if data.card:
            return self._view(service, await counter.media.read_card(settlement_id))
        if data.identity_number:
            return self._view(
                service, await counter.media.give_identity_number(settlement_id, data.identity_number)
            )
        return self._view(service, await counter.media.give_code(settlement_id, data.code))

    @post("/{settlement_id:str}/disease", status_code=200)
    async def pick_disease(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[DiseaseWish]
    ) -> SettlementView:
        """Pick one of the person's filed diseases for a clinic visit."""
        return self._view(service, await service.require_counter().sales.pick_disease(settlement_id, data))

    @post("/{settlement_id:str}/review", status_code=200)
    async def answer_review(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[ReviewWish]
    ) -> SettlementView:
        """Answer what the hub's review found: carry on for a reason, or go back and change."""
        counter = service.require_counter()
        operator = self._operator(service, data.operator)
        return self._view(service, await counter.sales.answer_review(settlement_id, data, operator))

    @post("/{settlement_id:str}/quote", status_code=200)
    async def quote(self, service: NamedDependency[Service], settlement_id: FromPath[str]) -> SettlementView:
        """Ask the hub who would pay what."""
        return self._view(service, await service.require_counter().sales.quote(settlement_id))

    @post("/{settlement_id:str}/confirm", status_code=200)
    async def confirm(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Settle; returns when the outcome is on disk. Safe to repeat: never settles twice, and all hear the same."""
        counter, operator = service.require_counter(), self._operator(service, data.operator)
        settled = await service.confirmations.join(
            (settlement_id, operator), lambda: counter.sales.confirm(settlement_id, operator)
        )
        return self._view(service, settled)

    @post("/{settlement_id:str}/cancel", status_code=200)
    async def cancel(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[CancelWish]
    ) -> SettlementView:
        """Undo a known settlement; safe to repeat."""
        counter = service.require_counter()
        operator = self._operator(service, data.operator)
        return self._view(service, await counter.sales.cancel(settlement_id, operator, data.reason))

    @post("/{settlement_id:str}/refund", status_code=200)
    async def refund(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[RefundWish]
    ) -> SettlementView:
        """Goods come back: cancel the whole, then open a sale of what remains. Safe to repeat with the same goods."""
        counter = service.require_counter()
        operator = self._operator(service, data.operator)
        return self._view(service, await counter.refunds.begin(settlement_id, data, operator))

    @post("/{settlement_id:str}/refund/withdraw", status_code=200)
    async def withdraw_refund(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Settle nothing anew after a refund; the cancellation stands."""
        counter = service.require_counter()
        operator = self._operator(service, data.operator)
        return self._view(service, await counter.refunds.withdraw(settlement_id, operator))

    @post("/{settlement_id:str}/abandon", status_code=200)
    async def abandon(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Give up a sale of which nothing was sent."""
        counter = service.require_counter()
        return self._view(
            service, await counter.sales.abandon(settlement_id, self._operator(service, data.operator))
        )

    @post("/{settlement_id:str}/acknowledge", status_code=200)
    async def acknowledge(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Tell the counter that the till has taken note of the result."""
        counter = service.require_counter()
        return self._view(
            service, await counter.sales.acknowledge(settlement_id, self._operator(service, data.operator))
        )

    @post("/{settlement_id:str}/copies")
    async def copy(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> CopyView:
        """Print the slip once more, marked as a copy."""
        counter = service.require_counter()
        return CopyView(await counter.slips.copy(settlement_id, self._operator(service, data.operator)))

    @post("/{settlement_id:str}/explanation", status_code=200)
    async def explain(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Print why the newest refusal was one, in plain words."""
        return self._view(service, await service.require_counter().slips.explain(settlement_id))

    @post("/{settlement_id:str}/slip_seen", status_code=200)
    async def slip_seen(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[OperatorWish]
    ) -> SettlementView:
        """Say that the slip whose fate was unknown did come out."""
        counter = service.require_counter()
        return self._view(
            service, await counter.slips.seen(settlement_id, self._operator(service, data.operator))
        )

    @staticmethod
    def _operator(service: Service, operator: str) -> str:
        return operator or service.config.terminal.operator

    @staticmethod
    def _view(service: Service, settlement: Settlement) -> SettlementView:
        return settlement_view(settlement, service.mask)


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as wrong:
        raise Misuse("bad_request", reason="business_date is not a date") from wrong


# -- errors --------------------------------------------------------------------------------------------


def _problem(status: int, told: Told, settlement_id: str = "") -> Response[Problem]:
    problem = Problem(f"urn:yibao:{told.code}", told.en, status, told.code, told.zh, told.en, settlement_id)
    return Response(problem, status_code=status, media_type=PROBLEM)


def _misuse(_: Request[object, object, State], error: Exception) -> Response[Problem]:
    if not isinstance(error, Misuse):
        raise error
    status = 503 if error.code in _UNAVAILABLE else 409 if error.code in _CONFLICTS else 422
    return _problem(status, tell(error.code, error.params))


def _refused(_: Request[object, object, State], error: Exception) -> Response[Problem]:
    if not isinstance(error, JournalRefused):
        raise error
    return _problem(409, tell(error.code, error.params), error.settlement_id)


def _unknown(_: Request[object, object, State], _error: Exception) -> Response[Problem]:
    return _problem(404, tell("unknown_settlement"))


def _busy(_: Request[object, object, State], _error: Exception) -> Response[Problem]:
    return _problem(409, tell("busy"))


def _place(entry: Mapping[str, object]) -> str:
    """What is wrong where; the decoder's words only where they name a member, because others may repeat a value.

    Of a member nobody knows the name is repeated only when it looks like one: it is the caller's text.
    """
    message = str(entry.get("message", ""))
    if _MEMBER_NAMED.fullmatch(message):
        return message
    return "an unknown member" if message.startswith("Object ") else str(entry.get("key", ""))


def _http(_: Request[object, object, State], error: Exception) -> Response[Problem]:
    if not isinstance(error, HTTPException):
        raise error
    extra = error.extra if isinstance(error.extra, list) else []
    places = ", ".join(_place(entry) for entry in extra if isinstance(entry, dict))
    reason = error.detail.split(" for ")[0] + (f" ({places})" if places else "")
    return _problem(error.status_code, tell("bad_request", {"reason": reason}))


def build_app(service: Service) -> Litestar:
    """Return the application over one service."""
    return Litestar(
        route_handlers=[
            CardController,
            CatalogueController,
            CatalogueFileController,
            CounterController,
            EvidenceController,
            FleetController,
            GoodsController,
            HealthController,
            HubController,
            PrescriptionController,
            ReconciliationController,
            ClearingController,
            RecordController,
            RegisterController,
            AnchorController,
            RetentionController,
            SalesController,
            SubmissionController,
            TraceCodeController,
        ],
        dependencies={"service": Provide(lambda: service, sync_to_thread=False, use_cache=True)},
        before_request=check_request,
        exception_handlers={
            Misuse: _misuse,
            JournalRefused: _refused,
            UnknownSettlement: _unknown,
            Busy: _busy,
            HTTPException: _http,
        },
        # The document alone: the viewers that come with it load their scripts from the Internet.
        openapi_config=OpenAPIConfig(
            title="yibao-terminal local API", version=service.version, render_plugins=[JsonRenderPlugin()]
        ),
        logging_config=None,
        request_max_body_size=MAX_BODY_BYTES,
    )
