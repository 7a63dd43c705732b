"""Starts every far end of a simulated counter, in one process."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import msgspec

from simulators.desk import Desk, serve_desk
from simulators.hub.keys import Sm2Verifier
from simulators.serve import SimulatedWorld, build_world, serve_world
from simulators.world import Institution
from yibao.simulated.folder import Endpoints, Kept, SimFolder, SimulationRefused
from yibao.words import say


class SimulatedCounter(msgspec.Struct, frozen=True):
    """Everything that is up, for whoever runs in the same process; others use endpoints.json and `SimClient`."""

    folder: SimFolder
    world: SimulatedWorld
    desk: Desk
    endpoints: Endpoints


@contextlib.asynccontextmanager
async def simulated_counter(
    folder: SimFolder, *, institution: str = "", seed: int | None = None
) -> AsyncIterator[SimulatedCounter]:
    """Hold the folder, serve hub, certificate centre and desk on loopback, write the counter's files.

    endpoints.json appears last: whoever finds it finds everything ready. `seed` and `institution` belong to the first start of a folder.
    Raises `SimulationRefused` or a `KeyStoreError`.
    """
    async with contextlib.AsyncExitStack() as stack:
        lock = folder.only_one()
        await asyncio.to_thread(stack.enter_context, lock)
        kept, world, place = await asyncio.to_thread(_prepare, folder, institution, seed)
        running = await stack.enter_async_context(
            serve_world(world, hub_port=kept.hub_port, centre_port=kept.centre_port)
        )
        desk = await stack.enter_async_context(serve_desk(folder.devices, port=kept.desk_port))
        found = running.endpoints | {"desk": desk.url, "scanner": desk.scanner, "printer": desk.printer}
        endpoints = msgspec.convert(
            {**found, "counter": str(folder.counter_file), "pid": os.getpid()}, Endpoints
        )
        stack.push_async_callback(asyncio.to_thread, folder.withdraw)
        await asyncio.to_thread(_put_in_place, folder, kept, endpoints, world, place)
        yield SimulatedCounter(folder, world, desk.desk, endpoints)


def _prepare(
    folder: SimFolder, institution: str, seed: int | None
) -> tuple[Kept, SimulatedWorld, Institution]:
    """Build the world behind the counter; nothing listens yet."""
    folder.withdraw()
    kept = folder.next_start(seed, institution)
    world = build_world(seed=kept.run_seed, signer=kept.hub_signer(), ledger_path=folder.ledger_file)
    place = world.world.institutions.get(kept.institution)
    if place is None or not place.counter:
        world.ledger.close()
        known = ", ".join(world.world.institutions)
        raise SimulationRefused(say("sim_no_institution", institution=kept.institution, known=known))
    return kept, world, place


def _put_in_place(
    folder: SimFolder, kept: Kept, endpoints: Endpoints, world: SimulatedWorld, place: Institution
) -> None:
    """Write the counter's files, let the hub accept its key, and say that everything is up."""
    folder.write_counter(kept, endpoints, place, world.world.shop)
    world.keys.register(place.code, "", Sm2Verifier(folder.ensure_keys()))
    folder.publish(endpoints)
