"""The e-certificate centre on HTTP: JSON in, JSON out, on the plain paths and on the signed and encrypted one.

On the plain path a request that needs a code or a face which nobody shows waits for it (PD-4), for as long as its caller
stays: serve it with `handler_cancellation`. The other door does not wait. `Server-Timing: centre;dur=` carries the
milliseconds spent inside the centre, so that a benchmark can take them off.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from simulators.certificate_centre.core import CHECK_NAME, QUERY_PATH, CertificateCentre
from simulators.certificate_centre.open_desk import OPEN_PATH, OpenDesk

CENTRE: web.AppKey[CertificateCentre] = web.AppKey("centre", CertificateCentre)
MAX_BODY_BYTES: Final = 2 * 1024 * 1024


def build_app(
    centre: CertificateCentre,
    clock: Callable[[], dt.datetime],
    open_desk: OpenDesk | None = None,
    query_path: str = QUERY_PATH,
) -> web.Application:
    """The application; `clock` gives the present time with zone. The token check is served beside `query_path`."""
    arrived = asyncio.Event()
    centre.on_arrival = arrived.set

    async def query(request: web.Request) -> web.Response:
        body = await request.read()
        await _somebody(centre, body, arrived)
        began = time.perf_counter()
        answer = _json(centre.handle(body, clock()))
        answer.headers["Server-Timing"] = f"centre;dur={(time.perf_counter() - began) * 1000:.3f}"
        return answer

    async def check(request: web.Request) -> web.Response:
        return _json(centre.check_token(await request.read(), clock()))

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[CENTRE] = centre
    app.router.add_post(query_path, query)
    app.router.add_post(f"{query_path.rpartition('/')[0]}/{CHECK_NAME}", check)
    if open_desk is not None:

        async def ask_openly(request: web.Request) -> web.Response:
            return _json(open_desk.handle(await request.read(), clock()))

        app.router.add_post(OPEN_PATH, ask_openly)
    return app


async def _somebody(centre: CertificateCentre, body: bytes, arrived: asyncio.Event) -> None:
    """Wait until the request finds what it needs, or its time is over."""
    try:
        async with asyncio.timeout(centre.settings.scan_wait_s):
            while centre.waits_for_somebody(body):
                arrived.clear()
                centre.on_wait()
                await arrived.wait()
    except TimeoutError:
        return


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", charset="utf-8")
