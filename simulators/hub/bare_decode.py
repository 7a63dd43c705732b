"""1162 at the hub: a certificate's code, sent bare, answered with the output of 1101 and the token (K32).

Served only where the profile says so (`ecert.path = "hub_1162"`). No envelope, no message id, no signature: nothing is
booked. The code itself is judged by the certificate centre behind the hub.
"""

import datetime as dt
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from protocols.ecertificate import hub_1162
from protocols.ecertificate.envelope import TransType
from protocols.errors import MalformedMessage
from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import CentreRefusal, CertificateCentre
from simulators.certificate_centre.core import malformed
from simulators.hub.desk import Desk
from simulators.hub.door import HubDoor, TurnedAway
from simulators.hub.person_desk import person_output


class _Identity(msgspec.Struct, frozen=True):
    idNo: str
    ecToken: str


def decode(desk: Desk, centre: CertificateCentre, body: bytes, now: dt.datetime) -> bytes:
    """Answer one 1162."""
    try:
        identity = _identity(centre, body, now)
    except CentreRefusal as refusal:
        return msgspec.json.encode({"infcode": refusal.code, "err_msg": refusal.message, "output": None})
    person = next(row for row in desk.people if row.certno == identity.idNo)
    card = person.card
    output = person_output(desk, person, now.astimezone(WIRE_ZONE)) | {
        "cardno": card.number if card else None,
        "card_sn": card.identification_code if card else None,
        "ecToken": identity.ecToken,
    }
    return msgspec.json.encode({"infcode": 0, "err_msg": None, "output": output})


def _identity(centre: CertificateCentre, body: bytes, now: dt.datetime) -> _Identity:
    try:
        request = hub_1162.parse(body)
    except MalformedMessage as error:
        raise malformed(error.where.removeprefix("$.") or "body") from None
    data = msgspec.json.decode(body)
    inner = {"orgId": request.institution_code, "transType": TransType.QUERY.value, "data": data}
    return msgspec.json.decode(centre.ask(msgspec.json.encode(inner), now), type=_Identity)


def handler(
    desk: Desk, centre: CertificateCentre, door: HubDoor, clock: Callable[[], dt.datetime]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The same as a handler of HTTP requests, behind the hub's gateway."""

    async def answer(request: web.Request) -> web.Response:
        whole = await request.read()
        try:
            door.check_headers("1162", request.headers, whole, clock())
        except TurnedAway as away:
            refusal = away.delivery
            return web.Response(
                body=refusal.body, status=refusal.status, headers={"Content-Type": refusal.content_type}
            )
        body = decode(desk, centre, whole, clock())
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    return answer
