"""The process at the other end of every measured line: `python -m bench.far_end`.

It holds a whole simulated world (hub and certificate centre) and beside it a server of ready-made answers: PUT a body
to a path, and every POST to that path gets it back, after as much computing as the PUT asked for. Both are served the
same way, so that the only difference between a request to one and to the other is what the far end thinks about it.
Prints its addresses as one line of JSON and ends when its standard input is closed, which also happens when the parent dies.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from protocols.gm.sm3 import sm3
from simulators.benefit.catalogue import Entry, Item
from simulators.benefit.policies import PolicyBook, load_shipped
from simulators.serve import build_world, serve_world

SEED = 1
START_TIMEOUT_S = 20.0


class Addresses(msgspec.Struct, frozen=True):
    """Where the far end listens."""

    hub: str
    hub_path: str
    certificate_centre: str
    certificate_path: str
    control: str
    hub_public_point: str
    """04 || x || y in hex."""
    ready: str
    """Base address of the ready-made answers."""


def book_with(items: int) -> PolicyBook:
    """Return the shipped policies with so many more items in the catalogue of every place."""
    shipped = load_shipped()
    more = {
        f"B{number}": Entry(
            Item(f"B{number}", f"测试目录药品{number}号", "western", f"XBENCH{number:017d}"), "A", 0, None
        )
        for number in range(items)
    }
    listing = msgspec.structs.replace(
        shipped.catalogue,
        items={**shipped.catalogue.items, **{key: entry.item for key, entry in more.items()}},
        places={place: {**entries, **more} for place, entries in shipped.catalogue.places.items()},
        item_of_code={
            **shipped.catalogue.item_of_code,
            **{entry.item.code: key for key, entry in more.items()},
        },
    )
    return msgspec.structs.replace(shipped, catalogue=listing)


def ready_app() -> web.Application:
    """Return the server of ready-made answers."""
    answers: dict[str, tuple[bytes, float]] = {}

    async def keep(request: web.Request) -> web.Response:
        answers[request.path] = await request.read(), float(request.query["thinks_ms"])
        return web.Response()

    async def give(request: web.Request) -> web.Response:
        began = time.perf_counter()
        await request.read()
        body, thinks_ms = answers[request.path]
        while (time.perf_counter() - began) * 1000 < thinks_ms:
            sm3(body)  # what a hub does all day
        response = web.Response(body=body, content_type="application/json")
        response.headers["Server-Timing"] = f"ready;dur={(time.perf_counter() - began) * 1000:.3f}"
        return response

    app = web.Application()
    app.router.add_put("/{number}", keep)
    app.router.add_post("/{number}", give)
    return app


@contextlib.asynccontextmanager
async def running(items: int = 0) -> AsyncIterator[Addresses]:
    """Start the far end as a process of its own and end it with the block; `items` more stand in its catalogue."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.far_end", str(items),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the far end did not start; its complaint is above")
        yield msgspec.json.decode(line, type=Addresses)
    finally:
        process.stdin.close()
        await process.wait()


async def put_ready(session: aiohttp.ClientSession, url: URL, body: bytes, thinks_ms: float) -> None:
    """Make `body` the answer to every POST to `url`, after `thinks_ms` of computing."""
    async with session.put(url.with_query(thinks_ms=thinks_ms), data=body) as answer:
        answer.raise_for_status()


async def _serve(items: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        world = await stack.enter_async_context(serve_world(build_world(seed=SEED, book=book_with(items))))
        runner = web.AppRunner(ready_app(), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoints = world.endpoints
        print(
            json.dumps(
                {**endpoints, "ready": f"http://127.0.0.1:{runner.addresses[0][1]}"}, ensure_ascii=False
            ),
            flush=True,
        )
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
