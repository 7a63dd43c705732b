"""The hub of an invented city as a process: `python -m bench.city_hub LEDGER [CORE]`.

Ten pharmacies of twenty tills, all known to it by their keys, books on disk. With CORE it stays on that one core.
Prints its addresses as one line of JSON and ends when its standard input is closed.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bench import tills
from simulators.hub.keys import Sm2Verifier
from simulators.serve import build_world, serve_world

SEED = 1
START_TIMEOUT_S = 20.0


class CityHub(msgspec.Struct, frozen=True):
    """Where it listens."""

    hub: str
    hub_path: str
    hub_public_point: str
    """04 || x || y in hex."""
    process: int

    @property
    def processor_s(self) -> float:
        """Processor time that all its threads have used so far."""
        threads = Path(f"/proc/{self.process}/task").glob("*/schedstat")
        return sum(int(thread.read_text("ascii").split()[0]) for thread in threads) / 1e9

    @property
    def url(self) -> str:
        """Where requests are posted to."""
        return self.hub + self.hub_path


@contextlib.asynccontextmanager
async def running(ledger: Path, core: int | None = None) -> AsyncIterator[CityHub]:
    """Start the hub as a process of its own and end it with the block."""
    wanted = [str(ledger)] if core is None else [str(ledger), str(core)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.city_hub", *wanted,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the hub did not start; its complaint is above")
        yield msgspec.json.decode(line, type=CityHub)
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(ledger: Path) -> None:
    places = tills.city()
    world = build_world(seed=SEED, world=places, ledger_path=ledger)
    for institution in tills.pharmacies(places):
        for place in institution.counter:
            point = tills.till_key(institution, place).public_key.point
            world.keys.register(institution.code, place.slot, Sm2Verifier(point))
    async with serve_world(world) as served:
        print(msgspec.json.encode({**served.endpoints, "process": os.getpid()}).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        os.sched_setaffinity(0, {int(sys.argv[2])})
    asyncio.run(_serve(Path(sys.argv[1])))
