"""The hub's back office on the control API: what no counter may ask for, and a person at the hub does.

The routes: POST /control/reports/NAME with a `ReportOrder`; GET /control/quotes, the kept quotes as a file for `yibao rehearse`;
POST /control/credits with a `CreditOrder`; POST /control/feeds with a feed of another department.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from simulators.benefit.datafile import YUAN, Node
from simulators.benefit.model import EMPLOYEE
from simulators.benefit.rehearsal import write_record
from simulators.control import CreditOrder, FeedOrder, ReportOrder
from simulators.hub.desk import Desk
from simulators.hub.joint_service import read_feed, take_feed
from simulators.hub.reports import registry
from simulators.hub.reports.books import Period, read_books
from simulators.hub.reports.contributions import credit_account
from simulators.hub.reports.parameters import load_shipped, parse_parameters
from simulators.people import find

_SHIPPED: Final = load_shipped()
"""Read here: the handlers sit in an event loop."""


class BackOffice:
    """Handlers over the hub's records; everything wrong is a ValueError or KeyError, told by the control API."""

    def __init__(self, desk: Desk, clock: Callable[[], dt.datetime]) -> None:
        self._desk = desk
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are found."""
        return [
            web.post("/control/reports/{name}", self.report),
            web.post("/control/credits", self.credit),
            web.get("/control/quotes", self.quotes),
            web.post("/control/feeds", self.feed),
        ]

    async def report(self, request: web.Request) -> web.Response:
        """Give one report."""
        order = msgspec.json.decode(await request.read() or b"{}", type=ReportOrder)
        parameters = parse_parameters(order.parameters, order.file) if order.parameters else _SHIPPED
        books = read_books(self._desk, Period(order.since, order.until))
        found = registry.make(
            request.match_info["name"], books, parameters, order.purpose, self._clock().date()
        )
        return _json(found)

    async def quotes(self, _request: web.Request) -> web.Response:
        """Give the kept quotes."""
        return web.Response(
            body=write_record(self._desk.ledger.back_office.quotes()),
            content_type="application/json",
            charset="utf-8",
        )

    async def feed(self, request: web.Request) -> web.Response:
        """Take a feed of another department."""
        order = msgspec.json.decode(await request.read(), type=FeedOrder)
        feed = read_feed(order.feed, order.file)
        take_feed(self._desk, feed)
        return _json({"changes": len(feed.change), "births": len(feed.birth)})

    async def credit(self, request: web.Request) -> web.Response:
        """Credit a person's account for a month."""
        order = msgspec.json.decode(await request.read(), type=CreditOrder)
        person = find(self._desk.people, order.person)
        if person.enrolled(EMPLOYEE) is None:
            raise ValueError(f"{person.slug} has no personal account: only employees in force have one")
        base_fen = Node("credit", order.base, YUAN, "base").money()
        day = order.day or self._clock().date()
        credited_fen = credit_account(self._desk.ledger, _SHIPPED.employees, person.psn_no, base_fen, day)
        return _json({"credited_fen": credited_fen, "balance_fen": self._desk.ledger.balance(person.psn_no)})


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", charset="utf-8")
