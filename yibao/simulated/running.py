"""Starts every far end of a simulated world with its counters, in one process."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Mapping

import msgspec

from protocols.fleet.topics import FLEET_SERVER, Session, broker_name, terminal_id
from simulators.desk import Desk, RunningDesk, serve_desk
from simulators.fleet.broker import BrokerUnavailable, MosquittoBroker
from simulators.hub.desk import HubSettings
from simulators.hub.keys import Sm2Verifier
from simulators.serve import SimulatedWorld, build_world, serve_world
from simulators.world import Institution
from yibao.simulated.endpoints import CLINIC, MAIN, CounterEndpoints, Endpoints, LeftOut, SimulationRefused
from yibao.simulated.folder import Kept, SimFolder, password_in
from yibao.simulated.province import Province
from yibao.words import say


class SimulatedCounter(msgspec.Struct, frozen=True):
    """Everything that is up, for whoever runs in the same process; others use endpoints.json and `SimClient`."""

    folder: SimFolder
    world: SimulatedWorld
    desks: dict[str, Desk]
    """What stands on each counter, by the counter's name."""
    endpoints: Endpoints


@contextlib.asynccontextmanager
async def simulated_counter(
    folder: SimFolder,
    *,
    institution: str = "",
    seed: int | None = None,
    single_use_code: bool = False,
    tls: bool = False,
    record_quotes: int = 0,
    profile: str = "",
) -> AsyncIterator[SimulatedCounter]:
    """Hold the folder, serve hub, certificate centre, desks, card service and broker, write the counters' files.

    endpoints.json appears last: whoever finds it finds everything ready. `seed`, `institution` and `profile` (a shipped
    province profile by name, or a file) belong to the first start of a folder.
    With `single_use_code` a certificate code is decoded once only, also at the same institution.
    The hub keeps the newest `record_quotes` quotes for a rehearsal.
    With `tls` hub and centre are https under an authority of the folder's own, which the counters' files name; a profile
    whose answers no signature binds to a request has it always.
    Raises `SimulationRefused` or a `KeyStoreError`.
    """
    async with contextlib.AsyncExitStack() as stack:
        lock = folder.only_one()
        await asyncio.to_thread(stack.enter_context, lock)
        province = await asyncio.to_thread(folder.province, profile)
        ports_held = stack.enter_context(contextlib.ExitStack())
        kept, world, places = await asyncio.to_thread(
            _prepare, folder, institution, seed, single_use_code, record_quotes, province, ports_held
        )
        is_secured = tls or province.needs_tls
        authority, context = await asyncio.to_thread(_tls, folder) if is_secured else ("", None)
        running = await stack.enter_async_context(
            serve_world(
                world,
                hub_port=kept.hub_port,
                centre_port=kept.centre_port,
                phone_port=kept.phone_port,
                tls=context,
            )
        )
        desks = await _desks(stack, folder, kept, world)
        broker, broker_missing = await _broker(stack, folder, kept, places)
        ports_held.close()
        counters = {name: _counter(folder, name, desk) for name, desk in desks.items()}
        found = {
            **running.endpoints,
            **msgspec.structs.asdict(counters[MAIN]),
            "clinic": counters.get(CLINIC),
            "broker": broker,
            "fleet_password": str(folder.fleet_password) if broker else "",
            "authority": authority,
            "left_out": _left_out(desks, broker_missing),
            "pid": os.getpid(),
        }
        endpoints = msgspec.convert(msgspec.to_builtins(found), Endpoints)
        stack.push_async_callback(asyncio.to_thread, folder.withdraw)
        await asyncio.to_thread(_put_in_place, folder, kept, endpoints, world, places, province)
        yield SimulatedCounter(folder, world, {name: desk.desk for name, desk in desks.items()}, endpoints)


def _tls(folder: SimFolder) -> tuple[str, ssl.SSLContext]:
    """The authority as the counters' files name it, and what the servers serve with."""
    from simulators.certificates import server_context

    authority, server = folder.certificates()
    return str(authority.relative_to(folder.path)), server_context(server)


def _prepare(
    folder: SimFolder,
    institution: str,
    seed: int | None,
    single_use_code: bool,
    record_quotes: int,
    province: Province,
    ports_held: contextlib.ExitStack,
) -> tuple[Kept, SimulatedWorld, dict[str, Institution]]:
    """Build the world behind the counters; nothing listens yet."""
    folder.withdraw()
    kept = folder.next_start(seed, institution, province, ports_held)
    world = build_world(
        seed=kept.run_seed,
        profile=province.profile,
        credentials=province.credentials,
        signer=kept.hub_signer(),
        ledger_path=folder.ledger_file,
        single_use_code=single_use_code,
        settings=HubSettings(record_quotes=record_quotes),
    )
    places: dict[str, Institution] = {}
    for name, code in kept.institutions.items():
        place = world.world.institutions.get(code)
        if place is None or not place.counter:
            world.ledger.close()
            known = ", ".join(world.world.institutions)
            raise SimulationRefused(say("sim_no_institution", institution=code, known=known))
        places[name] = place
    return kept, world, places


async def _desks(
    stack: contextlib.AsyncExitStack, folder: SimFolder, kept: Kept, world: SimulatedWorld
) -> dict[str, RunningDesk]:
    """What stands on each counter; the card reader is the clinic's."""
    ports = {MAIN: kept.desk_port, CLINIC: kept.clinic_desk_port}
    desks = {}
    for name, institution in kept.institutions.items():
        has_reader = institution.startswith("H")
        desks[name] = await stack.enter_async_context(
            serve_desk(
                folder.paths(name).devices,
                port=ports[name],
                pcscd_folder=folder.card_service if has_reader else None,
                people=world.people,
            )
        )
    return desks


async def _broker(
    stack: contextlib.AsyncExitStack, folder: SimFolder, kept: Kept, places: Mapping[str, Institution]
) -> tuple[str, str]:
    """The address of our own message broker, or why there is none."""
    broker = MosquittoBroker(folder.broker, await asyncio.to_thread(_broker_passwords, folder, places))
    broker.port = kept.broker_port
    stack.push_async_callback(broker.stop)
    try:
        await broker.start()
    except BrokerUnavailable as unavailable:
        return "", str(unavailable)
    return broker.url, ""


def _broker_passwords(folder: SimFolder, places: Mapping[str, Institution]) -> dict[str, str]:
    """Every name that the broker knows: two for each terminal, and the fleet's server."""
    passwords = {FLEET_SERVER: password_in(folder.fleet_password)}
    for name, place in places.items():
        terminal = terminal_id(place.code, int(place.counter[0].slot))
        password = password_in(folder.paths(name).broker_password)
        passwords |= dict.fromkeys((broker_name(terminal, session) for session in Session), password)
    return passwords


def _counter(folder: SimFolder, name: str, desk: RunningDesk) -> CounterEndpoints:
    return CounterEndpoints(
        str(folder.paths(name).file), desk.url, desk.scanner, desk.printer, desk.card.reader, desk.card.socket
    )


def _left_out(desks: Mapping[str, RunningDesk], broker_missing: str) -> tuple[LeftOut, ...]:
    """The real parts that this machine does not have."""
    missing = []
    if any("://" in desk.scanner for desk in desks.values()):
        missing.append(say("left_out_pty"))
    clinic = desks.get(CLINIC, desks[MAIN])
    if not clinic.card.reader:
        missing.append(say("left_out_reader", reason=clinic.card.missing))
    if broker_missing:
        missing.append(say("left_out_broker", reason=broker_missing))
    return tuple(LeftOut(words.zh, words.en) for words in missing)


def _put_in_place(
    folder: SimFolder,
    kept: Kept,
    endpoints: Endpoints,
    world: SimulatedWorld,
    places: Mapping[str, Institution],
    province: Province,
) -> None:
    """Write the counters' files, let the hub accept their keys, and say that everything is up."""
    folder.write_counters(kept, endpoints, places, world.world.shop, province)
    for name, place in places.items():
        folder.ensure_keys(name)
        for point in folder.paths(name).keys.public_points().values():
            world.keys.add(place.code, "", Sm2Verifier(point))
    folder.publish(endpoints)
