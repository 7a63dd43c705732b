"""The e-certificate centre on HTTP: two paths, JSON in, JSON out.

`Server-Timing: centre;dur=` carries the milliseconds spent inside the centre, so that a benchmark can take them off.
"""

import datetime as dt
import time
from collections.abc import Callable

from aiohttp import web

from simulators.certificate_centre.core import CHECK_PATH, QUERY_PATH, CertificateCentre

CENTRE: web.AppKey[CertificateCentre] = web.AppKey("centre", CertificateCentre)


def build_app(centre: CertificateCentre, clock: Callable[[], dt.datetime]) -> web.Application:
    """The application; `clock` gives the present time with zone."""

    async def query(request: web.Request) -> web.Response:
        began = time.perf_counter()
        answer = _json(centre.handle(await request.read(), clock()))
        answer.headers["Server-Timing"] = f"centre;dur={(time.perf_counter() - began) * 1000:.3f}"
        return answer

    async def check(request: web.Request) -> web.Response:
        return _json(centre.check_token(await request.read(), clock()))

    app = web.Application()
    app[CENTRE] = centre
    app.router.add_post(QUERY_PATH, query)
    app.router.add_post(CHECK_PATH, check)
    return app


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", charset="utf-8")
