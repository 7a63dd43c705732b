"""The e-certificate centre on HTTP: two paths, JSON in, JSON out."""

import datetime as dt
from collections.abc import Callable

from aiohttp import web

from simulators.certificate_centre.core import CHECK_PATH, QUERY_PATH, CertificateCentre

CENTRE: web.AppKey[CertificateCentre] = web.AppKey("centre", CertificateCentre)


def build_app(centre: CertificateCentre, clock: Callable[[], dt.datetime]) -> web.Application:
    """The application; `clock` gives the present time with zone."""

    async def query(request: web.Request) -> web.Response:
        return _json(centre.handle(await request.read(), clock()))

    async def check(request: web.Request) -> web.Response:
        return _json(centre.check_token(await request.read(), clock()))

    app = web.Application()
    app[CENTRE] = centre
    app.router.add_post(QUERY_PATH, query)
    app.router.add_post(CHECK_PATH, check)
    return app


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", charset="utf-8")
