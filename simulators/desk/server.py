"""The control API of the counter's simulated things. Bind it to loopback only: it trusts everybody.

GET    /desk                            scanner, printer and card reader with their true state
POST   /desk/scanner/scan               {"text": ..., "symbology": "qr", "split_at": [5], "pause_s": 0.1, ...}
POST   /desk/scanner/unplug | plug      the cable
POST   /desk/printer/VERB               paper-out, load, near-end, cover-open, cover-close, offline, online, jam, unjam,
                                        mute, unmute, lie, honest, hold, release, power-off, power-on, tear-off;
                                        paper-out and power-off take {"after_lines": 3}
POST   /desk/card/insert                {"person": "yi"} or {"image": TOML}; answers when the card service has seen it
POST   /desk/card/remove                the same for taking it out
GET    /desk/papers                     the pieces of paper that came out, oldest first
GET    /desk/papers/N                   piece N, waiting up to ?wait_s= for it; N = last: the newest
GET    /desk/papers/N.png               the same as a picture
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from simulators.control import CardOrder, CardReaderView, LinesOrder, ScanOrder
from simulators.desk.card_slot import NoCardReader
from simulators.desk.desk import Desk
from simulators.links import LinkClosed, NobodyListening
from simulators.people import Person
from simulators.printer import FontMissing
from simulators.reader import SlotUnavailable

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RunningDesk(msgspec.Struct, frozen=True):
    """A desk with its control API."""

    desk: Desk
    url: str
    """Base URL of the control API, ending in /desk."""
    scanner: str
    """Path for the terminal's configuration."""
    printer: str
    card: CardReaderView
    """The card reader, for the terminal's configuration."""


@contextlib.asynccontextmanager
async def serve_desk(
    folder: Path,
    *,
    columns: int = 48,
    port: int = 0,
    pcscd_folder: Path | None = None,
    people: Sequence[Person] | None = None,
) -> AsyncIterator[RunningDesk]:
    """Put the devices into `folder` and serve the control API on loopback until the block ends; port 0 = a free one.

    With `pcscd_folder` there is a card reader too, where the machine has what it takes; see `Desk.open`.
    """
    async with contextlib.AsyncExitStack() as stack:
        desk = await stack.enter_async_context(
            Desk.open(folder, columns, pcscd_folder=pcscd_folder, people=people)
        )
        runner = web.AppRunner(build_app(desk), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        view = desk.view()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/desk"
        yield RunningDesk(desk, url, view.scanner.path, view.printer.path, view.card)


def build_app(desk: Desk) -> web.Application:
    """The control API over one desk."""
    control = _Control(desk)
    app = web.Application(middlewares=[_errors])
    app.router.add_get("/desk", control.view)
    app.router.add_post("/desk/scanner/scan", control.scan)
    app.router.add_post("/desk/scanner/{verb:unplug|plug}", control.plug)
    app.router.add_post("/desk/printer/{verb}", control.printer)
    app.router.add_post("/desk/card/insert", control.insert_card)
    app.router.add_post("/desk/card/remove", control.remove_card)
    app.router.add_get("/desk/papers", control.papers)
    app.router.add_get(r"/desk/papers/{number:last|\d+}.png", control.picture)
    app.router.add_get(r"/desk/papers/{number:last|\d+}", control.paper)
    return app


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """400 for an order that cannot be read, 404 for what is not there, 409 for what cannot be done now."""
    try:
        return await handler(request)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        return _json({"error": str(error)}, status=400)
    except KeyError as error:
        return _json({"error": str(error.args[0])}, status=404)
    except (NobodyListening, LinkClosed, TimeoutError, FontMissing, NoCardReader, SlotUnavailable) as error:
        return _json({"error": str(error) or "took too long"}, status=409)


class _Control:
    """Handlers of the control API."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def view(self, _request: web.Request) -> web.Response:
        return _json(self._desk.view())

    async def scan(self, request: web.Request) -> web.Response:
        await self._desk.scan(msgspec.json.decode(await request.read(), type=ScanOrder))
        return _json(self._desk.view())

    async def plug(self, request: web.Request) -> web.Response:
        await self._desk.plug_scanner(request.match_info["verb"] == "plug")
        return _json(self._desk.view())

    async def printer(self, request: web.Request) -> web.Response:
        body = await request.read()
        order = msgspec.json.decode(body, type=LinesOrder) if body else LinesOrder()
        verbs, name = self._desk.printer_verbs, request.match_info["verb"]
        if name not in verbs:
            raise KeyError(f"the printer knows no {name}; there are: {', '.join(verbs)}")
        verbs[name](order)
        return _json(self._desk.view())

    async def insert_card(self, request: web.Request) -> web.Response:
        await self._desk.card.insert(msgspec.json.decode(await request.read(), type=CardOrder))
        return _json(self._desk.view())

    async def remove_card(self, _request: web.Request) -> web.Response:
        await self._desk.card.remove()
        return _json(self._desk.view())

    async def papers(self, _request: web.Request) -> web.Response:
        return _json(self._desk.papers())

    async def paper(self, request: web.Request) -> web.Response:
        number, limit_s = request.match_info["number"], float(request.query.get("wait_s", "0"))
        if number != "last" and limit_s:
            async with asyncio.timeout(limit_s):
                return _json(await self._desk.wait_paper(int(number)))
        return _json(self._desk.paper_view(0 if number == "last" else int(number)))

    async def picture(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        content = await self._desk.picture(0 if number == "last" else int(number))
        return web.Response(body=content, content_type="image/png")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", charset="utf-8"
    )
