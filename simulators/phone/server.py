"""The phone as a page in a browser: choose a person, show the live code, activate, add a family member.

    GET  /                         the page (page.html, page.css, page.js; nothing from elsewhere)
    GET  /api/people               everybody: state of the certificate, next step, family
    GET  /api/phones/WHO/code      the code shown now and when it changes; ?of=SLUG that of a family member
    POST /api/phones/WHO/code      a fresh code at once; the same ?of=
    POST /api/phones/WHO/activation  {"step": "terms" | "real_name" | "face" | "password", ...}
    POST /api/phones/WHO/family    {"member", "relation", "papers": [...], "face"}
    GET  /qr/CODE.png              the picture of a code

Bind it to loopback only: it shows anybody's code to anybody. Requests for another host name, and changes asked for by
another site's page, are refused, so that a page of the internet cannot reach it through a browser.
"""

import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final

import msgspec
from aiohttp import web

from simulators.certificate_centre.activation import Activation, ActivationRefused, Papers, Step
from simulators.certificate_centre.codebook import CentreRefusal, CodeBook, ShownCode
from simulators.certificate_centre.core import FaceOutcome
from simulators.people import Person, find
from simulators.people.model import Relation
from simulators.phone.phone import draw_code

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CODE: Final = re.compile(r"424[0-9]{25}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_STATIC: Final = resources.files("simulators.phone") / "static"
_FILES: Final = {
    "": ((_STATIC / "page.html").read_bytes(), "text/html"),
    "page.css": ((_STATIC / "page.css").read_bytes(), "text/css"),
    "page.js": ((_STATIC / "page.js").read_bytes(), "text/javascript"),
}
"""Read when the module is, so that no request waits for a disk."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class PhoneDesk(msgspec.Struct, frozen=True):
    """What the page acts on."""

    people: tuple[Person, ...]
    book: CodeBook
    activation: Activation
    clock: Callable[[], dt.datetime]


class ActivationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of one activation step; which members count follows from `step`."""

    step: Step
    name: str = ""
    certno: str = ""
    face: FaceOutcome = "match"
    password: str = ""


class FamilyOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of adding a family member."""

    member: str
    relation: Relation
    papers: frozenset[Papers] = frozenset()
    face: FaceOutcome | None = None


def build_app(desk: PhoneDesk) -> web.Application:
    """The application."""
    app = web.Application(client_max_size=16 * 1024, middlewares=[_guard, _refusals])
    page = _Page(desk)
    for path, (content, content_type) in _FILES.items():
        app.router.add_get(f"/{path}", _file(content, content_type))
    app.router.add_get("/qr/{code}.png", page.picture)
    app.router.add_get("/api/people", page.people)
    app.router.add_get("/api/phones/{who}/code", page.code)
    app.router.add_post("/api/phones/{who}/code", page.fresh_code)
    app.router.add_post("/api/phones/{who}/activation", page.activate)
    app.router.add_post("/api/phones/{who}/family", page.add_member)
    return app


def _file(body: bytes, content_type: str) -> _Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return answer


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Only pages of our own, from this machine."""
    host = request.host.rpartition(":")[0] if re.search(r":\d+$", request.host) else request.host
    origin = request.headers.get("Origin", "")
    if host not in _LOOPBACK or (request.method != "GET" and origin not in ("", f"http://{request.host}")):
        return _json({"code": "forbidden", "zh": "只能在本机打开。", "en": "Only on this machine."}, 403)
    answer = await handler(request)
    answer.headers.update(_HEADERS)
    return answer


@web.middleware
async def _refusals(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """What the app refuses comes with words for the person in front of it."""
    try:
        return await handler(request)
    except ActivationRefused as refused:
        return _json({"code": refused.code, "zh": refused.zh, "en": refused.en}, 409)
    except CentreRefusal as refusal:
        chinese, _, english = refusal.message.partition(" (")
        return _json({"code": str(refusal.code), "zh": chinese, "en": english.rstrip(")")}, 409)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _json({"code": "malformed", "zh": "请求格式错误。", "en": "Malformed request."}, 400)
    except KeyError:
        return _json({"code": "nobody", "zh": "没有这个人。", "en": "There is nobody of that name."}, 404)


class _Page:
    """Handlers of the page."""

    def __init__(self, desk: PhoneDesk) -> None:
        self._desk = desk

    async def people(self, request: web.Request) -> web.Response:
        return _json([self._view(person) for person in self._desk.people])

    async def code(self, request: web.Request) -> web.Response:
        return _shown(self._desk.book.show(self._whose(request), self._desk.clock()))

    async def fresh_code(self, request: web.Request) -> web.Response:
        return _shown(self._desk.book.refresh(self._whose(request), self._desk.clock()))

    async def picture(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        if _CODE.fullmatch(code) is None:
            raise web.HTTPNotFound
        body = await asyncio.to_thread(
            draw_code, code
        )  # some ten milliseconds, on a loop that also serves the hub
        return web.Response(body=body, content_type="image/png")

    async def activate(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=ActivationOrder)
        person, activation = self._person(request), self._desk.activation
        match order.step:
            case Step.TERMS:
                activation.agree(person)
            case Step.REAL_NAME:
                activation.real_name(person, order.name, order.certno)
            case Step.FACE:
                activation.face(person, order.face)
            case Step.PASSWORD:
                activation.set_password(person, order.password)
            case Step.DONE:
                raise ActivationRefused("wrong_step", "请按顺序操作。", "Not the step that is asked for now.")
        return _json(self._view(person))

    async def add_member(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=FamilyOrder)
        holder, member = self._person(request), find(self._desk.people, order.member)
        day = self._desk.clock().date()
        self._desk.activation.add_member(holder, member, order.relation, order.papers, order.face, day)
        return _json(self._view(holder))

    def _person(self, request: web.Request) -> Person:
        return find(self._desk.people, request.match_info["who"])

    def _whose(self, request: web.Request) -> Person:
        """The holder of the phone, or a member of the holder's family account. Raises KeyError."""
        holder, wanted = self._person(request), request.query.get("of", "")
        if wanted in ("", holder.slug):
            return holder
        return {one.person.slug: one.person for one in self._desk.activation.members(holder)}[wanted]

    def _view(self, person: Person) -> dict[str, object]:
        try:
            step = self._desk.activation.step(person).value
        except ActivationRefused as refused:
            step = refused.code
        return {
            "slug": person.slug,
            "name": person.name,
            "certno": person.certno,
            "age": person.age(self._desk.clock().date()) // 10,
            "state": self._desk.book.state(person),
            "step": step,
            "family": [
                {"slug": one.person.slug, "name": one.person.name, "relation": one.relation}
                for one in self._desk.activation.members(person)
            ],
        }


def _shown(shown: ShownCode) -> web.Response:
    picture = f"/qr/{shown.code}.png"
    return _json({"code": shown.code, "refresh_in_s": round(shown.refresh_in_s, 3), "picture": picture})


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", charset="utf-8"
    )
