"""Requests to a centre, as an institution's counter writes them."""

import datetime as dt
from typing import Any

import msgspec

from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import CertificateCentre

NOW = dt.datetime(2026, 11, 21, 10, 0, 0, tzinfo=WIRE_ZONE)
PHARMACY, OTHER, CLINIC = "P99990000001", "P99990000003", "H99990000002"


def later(seconds: float) -> dt.datetime:
    """That many seconds after `NOW`."""
    return NOW + dt.timedelta(seconds=seconds)


def request(kind: str, institution: str = PHARMACY, **fields: Any) -> bytes:
    """One request in the plain envelope; `fields` add to, replace or (None) leave out the usual ones."""
    data: dict[str, Any] = {
        "orgId": institution,
        "businessType": "02121" if institution.startswith("P") else "01101",
        "operatorId": "T01",
        "operatorName": "收银终端一",
        "officeId": "0001",
        "officeName": "收银台",
        **fields,
    }
    data = {name: value for name, value in data.items() if value is not None}
    return msgspec.json.encode({"orgId": institution, "transType": kind, "data": data})


def ask(
    centre: CertificateCentre, kind: str, now: dt.datetime = NOW, institution: str = PHARMACY, **fields: Any
) -> dict[str, Any]:
    """Ask and read the reply."""
    reply: dict[str, Any] = msgspec.json.decode(centre.handle(request(kind, institution, **fields), now))
    return reply
