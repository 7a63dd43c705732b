"""The centre's part of the control API: what happens at its certified terminal, and how it differs from another.

GET  /control/centre            its settings
POST /control/centre            change some: {"single_use_code": true, "reply_shape": "text", "scan_wait_s": 1}
POST /control/centre/scan       {"code"}: hold a code to the terminal's own scanner
POST /control/centre/face       {"person", "outcome"}: stand before its camera
GET  /control/centre/notices    settle notices shown, oldest first, without name and identity number
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from protocols.ecertificate.envelope import ReplyShape
from protocols.ecertificate.notice import SettleNotice, lines_of
from simulators.certificate_centre.core import CertificateCentre, FaceOutcome
from simulators.people import Person, find


class CentreOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/centre; what is missing stays."""

    single_use_code: bool | None = None
    reply_shape: ReplyShape | None = None
    scan_wait_s: float | None = None


class ScanOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/centre/scan."""

    code: str


class FaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/centre/face."""

    person: str
    outcome: FaceOutcome = "match"


def centre_routes(centre: CertificateCentre, people: Sequence[Person]) -> list[web.RouteDef]:
    """The routes for a control API, which turns wrong requests into answers."""

    async def settings(request: web.Request) -> web.Response:
        return _json(_settings(centre))

    async def change(request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=CentreOrder)
        kept = centre.settings
        if order.scan_wait_s is not None and not 0 <= order.scan_wait_s <= 600:
            raise ValueError("scan_wait_s: 0 to 600")
        centre.settings = msgspec.structs.replace(
            kept,
            reply_shape=order.reply_shape or kept.reply_shape,
            scan_wait_s=kept.scan_wait_s if order.scan_wait_s is None else order.scan_wait_s,
        )
        if order.single_use_code is not None:
            centre.book.single_use = order.single_use_code
        return _json(_settings(centre))

    async def scan(request: web.Request) -> web.Response:
        centre.push_scan(msgspec.json.decode(await request.read(), type=ScanOrder).code)
        return _json(_settings(centre))

    async def face(request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=FaceOrder)
        centre.push_face(find(people, order.person), order.outcome)
        return _json(_settings(centre))

    async def notices(request: web.Request) -> web.Response:
        return _json({"notices": [notice_view(notice) for notice in centre.notices]})

    return [
        web.get("/control/centre", settings),
        web.post("/control/centre", change),
        web.post("/control/centre/scan", scan),
        web.post("/control/centre/face", face),
        web.get("/control/centre/notices", notices),
    ]


def notice_view(notice: SettleNotice) -> dict[str, object]:
    """A notice as the control API shows it: no name, no identity number."""
    return {
        "institution": notice.institution_code,
        "business_number": notice.business_number,
        "state": notice.state.value,
        "kind": notice.kind.value,
        "settlement_no": notice.settlement_no,
        "settled_at": notice.settled_at,
        "total": notice.total,
        "fund": notice.fund,
        "account": notice.account,
        "own": notice.own,
        "balance": notice.balance,
        "lines": len(lines_of(notice)),
    }


def _settings(centre: CertificateCentre) -> dict[str, object]:
    return {
        "single_use_code": centre.book.single_use,
        "reply_shape": centre.settings.reply_shape,
        "operator_len": centre.settings.operator_len,
        "scan_wait_s": centre.settings.scan_wait_s,
    }


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", charset="utf-8")
