"""The hub on HTTP: the paths of its profile for institutions, and a control API under /control for people, demo and tests.

Bind it to loopback only: the control API trusts everybody. `Server-Timing: hub;dur=` carries the milliseconds spent
inside the hub, so that a benchmark can take them off.

    GET    /control/faults                  armed and fired faults, how often each kind has fired, the script
    POST   /control/faults                  {"fault": "cut 40" or {"kind": ...}, "infno": "2102", "count": 1}
    DELETE /control/faults                  disarm all, drop the script
    POST   /control/script                  a fault script (see `simulators.hub.script`) instead of the one before
    GET    /control/ledger                  settlement records; ?msgid= ?psn_no= ?setl_id= ?live=1
    GET    /control/messages                every message id taken and the infcode it got; ?msgid=
    GET    /control/people                  slug, name, psn_no, certificate state, balance in fen
    GET    /control/people/WHO              one of them (name, slug or psn_no)
    POST   /control/phone/codes             {"person": WHO} -> {"code": 28 digits}
    POST   /control/certificates            {"person": WHO, "state": "ACTIVATED"}
    POST   /control/terminals               {"institution", "slot", "public_point": hex of 04 || x || y, "keep": true}
    GET    /control/key                     the hub's public point, hex; those before it and the one to come
    POST   /control/key/rotate              take the key to come into use
    /control/reports, /control/credits      the back office (`simulators.hub.back_office`)
"""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
from aiohttp import web

from drivers.interfaces.signer import Verifier
from protocols.gm.errors import InvalidKey
from simulators.certificate_centre import CodeBook
from simulators.chaos.answers import gzip_bomb, zeros
from simulators.hub.back_office import BackOffice
from simulators.hub.crossing import Crossing
from simulators.hub.door import HubDoor, TurnedAway
from simulators.hub.exchange import Delivery
from simulators.hub.faults import Fault, check_fault, parse_fault
from simulators.hub.faulty import FaultyHub
from simulators.hub.group_commit import GroupCommit
from simulators.hub.keys import TerminalKeys
from simulators.hub.ledger import Ledger, SettlementRecord
from simulators.hub.prescription_control import PrescriptionOrder, carry_out
from simulators.hub.script import read_script
from simulators.hub.steps import Steps
from simulators.people import Person, find
from simulators.people.model import CertificateState
from simulators.phone import Phone

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
HUGE_BYTES: Final = 100 * 1024 * 1024


class ControlDesk(msgspec.Struct, frozen=True):
    """What the control API acts on."""

    hub: FaultyHub
    people: tuple[Person, ...]
    book: CodeBook
    keys: TerminalKeys
    verifier_of: Callable[[bytes], Verifier]
    """Makes a verifier of a public point. Raises `protocols.gm.errors.InvalidKey`."""
    clock: Callable[[], dt.datetime]

    @property
    def ledger(self) -> Ledger:
        """The hub's books."""
        return self.hub.core.ledger


class FaultOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/faults."""

    fault: str | Fault
    infno: str = ""
    count: int = 1


class PersonOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/phone/codes."""

    person: str


class CertificateOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/certificates."""

    person: str
    state: CertificateState


class TerminalOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/terminals; an empty slot stands for every slot without a key of its own."""

    institution: str
    public_point: str
    slot: str = ""
    keep: bool = False
    """Accept the keys there are besides the new one, as while a key is being rotated."""


def settlement_view(record: SettlementRecord) -> dict[str, object]:
    """A settlement record as the control API shows it: facts and amounts in fen, no name and no identity number."""
    result = record.result
    return {
        "setl_id": record.setl_id,
        "mdtrt_id": record.mdtrt_id,
        "psn_no": record.psn_no,
        "fixmedins_code": record.fixmedins_code,
        "msgid": record.msgid,
        "infno": record.infno,
        "setl_time": record.setl_time,
        "med_type": record.med_type,
        "clr_type": record.clr_type,
        "direction": record.direction,
        "undoes": record.undoes,
        "how_undone": record.how_undone,
        "live": record.live,
        "total_fen": result.total_fen,
        "fund_fen": result.fund_fen,
        "account_fen": result.account_fen,
        "mutual_aid_fen": result.mutual_aid_fen,
        "cash_fen": result.cash_fen,
        "hospital_fen": result.hospital_fen,
        "balance_fen": result.balance_fen,
    }


def add_hub_routes(app: web.Application, desk: ControlDesk, door: HubDoor) -> None:
    """Put the hub behind its door on every path that nothing else of this application listens on: add it last."""
    hub = _hub(desk, door)
    if door.only_path:
        app.router.add_post(
            door.only_path, hub
        )  # found at once; what comes to another path is turned away below
    app.router.add_post("/{path:.*}", hub)


def build_control_app(desk: ControlDesk, more: Iterable[web.RouteDef] = ()) -> web.Application:
    """The control API with `more` routes of it: for a port of its own beside a hub on TLS, else to put the hub on too.

    Nothing here is a middleware: the hub's own requests would go through it as well.
    """
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    found = [*_Control(desk).routes(), *BackOffice(desk.hub.core.desk, desk.clock).routes(), *more]
    app.add_routes(
        web.RouteDef(route.method, route.path, _controlled(desk, route.handler), route.kwargs)
        for route in found
    )
    return app


def _behind(desk: ControlDesk, door: HubDoor, request: web.Request, body: bytes) -> Steps[Delivery]:
    """What comes of one request: turned away at the door, or answered by the hub."""
    if door.is_token_path(request.path):
        return door.token(request.headers, body, desk.clock())
    try:
        envelope = door.enter(request.path, request.headers, body, desk.clock())
    except TurnedAway as away:
        return away.delivery
    return door.leave((yield from desk.hub.steps(envelope, desk.clock())))


def _hub(desk: ControlDesk, door: HubDoor) -> _Handler:
    crossing, group = Crossing(), GroupCommit(desk.ledger)

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        began = time.perf_counter()
        delivery = await group.join(_behind(desk, door, request, body))
        if delivery.delay_s:
            await asyncio.sleep(delivery.delay_s)
        if delivery.closed:
            return await _close(request, delivery.body)
        if delivery.filler:
            return await _fill(request, delivery)
        if delivery.every_s:
            return await _trickle(request, delivery)
        response = web.Response(
            body=await crossing.pass_through(delivery),
            status=delivery.status,
            headers={"Content-Type": delivery.content_type},
        )
        response.headers["Server-Timing"] = f"hub;dur={(time.perf_counter() - began) * 1000:.3f}"
        return response

    return answer


async def _close(request: web.Request, sent: bytes) -> web.StreamResponse:
    """Close the connection: without a byte of answer, or after the first bytes of a longer one."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    if sent:
        response.content_length = len(sent) + 1
        await response.prepare(request)
        await response.write(sent)
    if request.transport is not None:
        request.transport.close()
    return response


async def _fill(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    """Send more than anybody should read, until nobody does."""
    headers = {"Content-Type": delivery.content_type}
    if delivery.filler == "gzip-bomb":
        headers["Content-Encoding"] = "gzip"
    response = web.StreamResponse(headers=headers)
    if delivery.filler == "huge":
        response.content_length = HUGE_BYTES
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # whoever asked has had enough, as it should
        for piece in zeros(HUGE_BYTES) if delivery.filler == "huge" else gzip_bomb(HUGE_BYTES):
            await response.write(piece)
            await asyncio.sleep(0)  # pieces of the bomb take a while to make, and most are empty
    return response


async def _trickle(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    """Send the answer byte by byte, until nobody reads any more."""
    response = web.StreamResponse(status=delivery.status, headers={"Content-Type": delivery.content_type})
    response.content_length = len(delivery.body)
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # whoever asked has hung up, as it should
        for byte in delivery.body:
            await response.write(bytes([byte]))
            await asyncio.sleep(delivery.every_s)
    return response


def _controlled(desk: ControlDesk, handler: _Handler) -> _Handler:
    """A handler of the control API: it finds what has reached the hub by now; wrong requests get 400 with the reason."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            desk.hub.arrive(desk.clock())
            return await handler(request)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError, InvalidKey) as error:
            return _json({"error": str(error)}, status=400)
        except LookupError as error:
            return _json({"error": str(error.args[0])}, status=404)

    return answer


class _Control:
    """Handlers of the control API."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Where they are found."""
        return [
            web.get("/control/faults", self.faults),
            web.post("/control/faults", self.arm),
            web.delete("/control/faults", self.clear),
            web.get("/control/ledger", self.ledger),
            web.get("/control/messages", self.messages),
            web.get("/control/people", self.people),
            web.get("/control/people/{who}", self.person),
            web.post("/control/phone/codes", self.issue_code),
            web.post("/control/prescriptions", self.prescription),
            web.post("/control/certificates", self.set_certificate),
            web.post("/control/terminals", self.register_terminal),
            web.get("/control/key", self.key),
            web.post("/control/key/rotate", self.rotate_key),
            web.post("/control/script", self.load_script),
        ]

    async def faults(self, request: web.Request) -> web.Response:
        hub = self._desk.hub
        return _json(
            {"armed": hub.armed, "fired": hub.fired, "counts": hub.counts, "script": hub.script,
             "travelling": hub.travelling}
        )  # fmt: skip

    async def load_script(self, request: web.Request) -> web.Response:
        self._desk.hub.load(read_script(msgspec.json.decode(await request.read())))
        return await self.faults(request)

    async def arm(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=FaultOrder)
        fault = parse_fault(order.fault) if isinstance(order.fault, str) else order.fault
        check_fault(fault)
        self._desk.hub.arm(fault, order.infno, order.count)
        return _json({"armed": self._desk.hub.armed})

    async def clear(self, request: web.Request) -> web.Response:
        self._desk.hub.clear()
        return _json({"armed": []})

    async def ledger(self, request: web.Request) -> web.Response:
        ledger, query = self._desk.ledger, request.query
        records = ledger.settlements()
        if "msgid" in query:
            records = ledger.by_msgid(query["msgid"])
        elif "psn_no" in query:
            records = ledger.of_person(query["psn_no"])
        elif "setl_id" in query:
            records = tuple(row for row in records if row.setl_id == query["setl_id"])
        if query.get("live") == "1":
            records = tuple(row for row in records if row.live)
        return _json({"settlements": [settlement_view(row) for row in records]})

    async def messages(self, request: web.Request) -> web.Response:
        wanted = request.query.get("msgid")
        rows = self._desk.ledger.messages()
        return _json({"messages": [row for row in rows if wanted in (None, row.msgid)]})

    async def people(self, request: web.Request) -> web.Response:
        return _json({"people": [self._view(person) for person in self._desk.people]})

    async def person(self, request: web.Request) -> web.Response:
        return _json(self._view(find(self._desk.people, request.match_info["who"])))

    def _view(self, person: Person) -> dict[str, object]:
        return {
            "slug": person.slug,
            "name": person.name,
            "psn_no": person.psn_no,
            "certificate": self._desk.book.state(person),
            "balance_fen": self._desk.ledger.balance(person.psn_no),
        }

    async def issue_code(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=PersonOrder)
        person = find(self._desk.people, order.person)
        return _json({"code": Phone(self._desk.book).issue(person, self._desk.clock())})

    async def prescription(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=PrescriptionOrder)
        person = find(self._desk.people, order.psn_no) if order.psn_no else None
        return _json(carry_out(self._desk.hub.core.ledger, order, person, self._desk.clock()))

    async def set_certificate(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=CertificateOrder)
        person = find(self._desk.people, order.person)
        self._desk.book.set_state(person, order.state)
        return _json(self._view(person))

    async def register_terminal(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=TerminalOrder)
        verifier = self._desk.verifier_of(bytes.fromhex(order.public_point))
        enrol = self._desk.keys.add if order.keep else self._desk.keys.register
        enrol(order.institution, order.slot, verifier)
        return _json({"registered": self._desk.keys.registered()})

    async def key(self, request: web.Request) -> web.Response:
        hub = self._desk.hub
        return _json(
            {
                "public_point": hub.signer.description.public_point.hex(),
                "former": [one.description.public_point.hex() for one in hub.former_keys],
                "next": hub.next_signer.description.public_point.hex(),
            }
        )

    async def rotate_key(self, request: web.Request) -> web.Response:
        self._desk.hub.rotate_key()
        return await self.key(request)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", charset="utf-8"
    )
