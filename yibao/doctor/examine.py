"""The examination: finds the service, looks at every part side by side, and puts the report together."""

import asyncio
import datetime as dt
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.http.reach import reach as patient_reach
from drivers.interfaces.reach import Reached
from terminal.config import ConfigError, CounterFiles, read_config
from terminal.devices.reader_state import ReaderState
from terminal.fleet.health import doubt_ages
from terminal.journal.glance import Glance
from terminal.shapes.hub import HubView, Ping
from yibao.client import CounterClient, ServiceNotRunning
from yibao.doctor import books, devices, far_ends, machine
from yibao.doctor.report import NAMES, Both, Part, Report, State, in_order, part
from yibao.doctor.service import Found, find_service, judge_service

if TYPE_CHECKING:
    import ssl

Parts = dict[str, Part]
REACH_LIMIT_S = 5.0


async def reach(url: str, path: str = "/", tls: "ssl.SSLContext | None" = None) -> Reached:
    """Look whether a server is there, with the doctor's patience."""
    return await patient_reach(
        url, path, tls=tls, connect_limit_s=REACH_LIMIT_S, answer_limit_s=REACH_LIMIT_S
    )


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the doctor looks at what lies outside the counter's files; tests put in their own."""

    reach: Callable[..., Awaitable[Reached]] = reach
    probe_readers: devices.ProbeReaders = devices.probe_readers
    look_at_reader: devices.LookAtReader = devices.look_at_reader
    now: Callable[[], dt.datetime] = machine.wire_now


async def examine(path: Path, eyes: Eyes | None = None) -> Report:
    """Look at every part of the counter configured in `path`. Raises nothing for what it finds."""
    eyes = eyes or Eyes()
    try:
        files = await asyncio.to_thread(read_config, path)
    except ConfigError as wrong:
        return _report(path, eyes, "not_running", await _without_config(path, wrong))
    found = await find_service(files)
    glance = await asyncio.to_thread(books.glance, files.journal_path)
    looks = await asyncio.gather(
        _looked(
            ("config", "program", "keys", "disk", "fonts", "certificates"), _file_parts(files, found, eyes)
        ),
        _looked(("journal", "doubts"), _books(files, found, glance, eyes)),
        _looked(("printer",), _printer(files, found, glance)),
        _looked(("pcscd", "reader", "card"), _cards(files, found, eyes)),
        _looked(("scanner",), _scanner(files, found)),
        _looked(("broker",), _broker(files, found, eyes)),
        _looked(("centre",), _centre(files, eyes)),
        _looked(("hub", "clock"), _hub(files, found, glance, eyes)),
    )
    parts: Parts = {"service": judge_service(found)}
    for look in looks:
        parts |= look
    return _report(path, eyes, found.kind, parts)


def _report(path: Path, eyes: Eyes, service: str, parts: Mapping[str, Part]) -> Report:
    told = in_order(parts)
    ok = not any(one.state is State.FAULT for one in told)
    return Report(eyes.now().isoformat(timespec="seconds"), str(path), service, ok, told)


async def _looked(names: Sequence[str], look: Awaitable[Parts]) -> Parts:
    """What a look at these parts found; one that breaks down says so and does not take the others with it."""
    try:
        return await look
    except Exception as error:  # noqa: BLE001 - the doctor must tell what it did find
        kind = type(error).__name__
        return {name: part(name, "look_broke_down", {"error": kind}, error=kind) for name in names}


async def _without_config(path: Path, wrong: ConfigError) -> Parts:
    """Only the configuration's own trouble, and what needs none; everything else waits for it."""
    parts = {name: part(name, "not_looked_at") for name in NAMES if name != "service"}
    parts["config"] = part("config", "config_wrong", reason=str(wrong), path=str(path))
    parts["program"] = await asyncio.to_thread(machine.look_at_program)
    parts["fonts"] = await asyncio.to_thread(machine.look_at_fonts)
    return parts


async def _file_parts(files: CounterFiles, found: Found, eyes: Eyes) -> Parts:
    """What stands in files: looked at by the doctor itself in every case."""
    unlocked = found.health is not None and found.health.status.keys == "unlocked"

    def look() -> Parts:
        return {
            "config": machine.look_at_config(files),
            "program": machine.look_at_program(),
            "keys": part("keys", "keys_unlocked") if unlocked else machine.look_at_keys(files),
            "disk": machine.look_at_disk(files.state_dir, machine.reserve_of(files)),
            "fonts": machine.look_at_fonts(),
            "certificates": machine.look_at_certificates(files, eyes.now()),
        }

    return await asyncio.to_thread(look)


async def _books(files: CounterFiles, found: Found, glance: Glance | None, eyes: Eyes) -> Parts:
    """The journal and its open doubts."""
    journal = await asyncio.to_thread(books.look_at_journal, files.journal_path)
    health = found.health
    told = None if health is None else health.status.reason
    if told is not None and told.code == "journal_failed":
        journal = part("journal", "journal_failed", journal.facts, reason=Both(told.zh, told.en))
    ages = None if glance is None else doubt_ages(glance.doubts_since, eyes.now())
    if health is not None and health.doubts is not None:
        ages = health.doubts
    return {"journal": journal, "doubts": books.judge_doubts(ages, worked_off=found.kind == "ready")}


async def _printer(files: CounterFiles, found: Found, glance: Glance | None) -> Parts:
    url, health = files.config.printer.url, found.health
    if health is not None:
        # The printer's contract knows no "unplugged": where its line is a device file, the file tells.
        there = not url.startswith("/") or await asyncio.to_thread(os.path.exists, url)
        problem, open_slips = health.printer_problem, health.slips_waiting
        return {"printer": devices.judge_printer(url, problem, open_slips, device_is_there=there)}
    if found.owns_the_devices and url:
        return {"printer": part("printer", "owned_by_service")}
    waiting = None if glance is None else glance.slips_waiting
    return {"printer": await devices.look_at_printer(files, waiting)}


async def _cards(files: CounterFiles, found: Found, eyes: Eyes) -> Parts:
    name = files.config.reader.name
    if found.health is not None and name:
        state = found.health.reader
        # Of the card service the running service knows more than a second look from here.
        seen = devices.Seen(
            state.readers, state.problem if state.problem in ("no_service", "no_binding") else ""
        )
        return {
            "pcscd": devices.judge_card_service(name, seen),
            **devices.judge_reader(name, state, state.readers),
        }
    socket = files.config.reader.socket
    seen = await eyes.probe_readers(files.path(socket) if socket else None)
    service = {"pcscd": devices.judge_card_service(name, seen)}
    if found.owns_the_devices and name:
        return service | {one: part(one, "owned_by_service") for one in ("reader", "card")}
    state = ReaderState("absent", seen.problem)
    if name and not seen.problem:
        state = await eyes.look_at_reader(name)
    return service | devices.judge_reader(name, state, seen.readers)


async def _scanner(files: CounterFiles, found: Found) -> Parts:
    if found.health is not None:
        (view,) = (one for one in found.health.status.devices if one.name == "scanner")
        return {"scanner": devices.judge_scanner(view.state, view.reason, files.config.scanner.url)}
    if found.owns_the_devices and files.config.scanner.url:
        return {"scanner": part("scanner", "owned_by_service")}
    return {"scanner": await devices.look_at_scanner(files)}


async def _broker(files: CounterFiles, found: Found, eyes: Eyes) -> Parts:
    url = files.config.broker.url
    if found.health is not None or not url:
        views = (
            []
            if found.health is None
            else [one for one in found.health.status.devices if one.name == "broker"]
        )
        state, reason = (views[0].state, views[0].reason) if views else ("absent", "not configured")
        detail = "" if found.health is None else found.health.broker_detail
        return {"broker": far_ends.judge_broker(state, reason, detail)}
    context = await asyncio.to_thread(far_ends.broker_context, files)
    if isinstance(context, Part):
        return {"broker": context}
    return {"broker": far_ends.judge_broker_line(await eyes.reach(url, "/", context))}


async def _centre(files: CounterFiles, eyes: Eyes) -> Parts:
    centre = files.config.centre
    return {"centre": far_ends.judge_centre(await line_to(files, centre.url, centre.ca, eyes))}


async def line_to(files: CounterFiles, url: str, authority: str, eyes: Eyes) -> Reached:
    """Look at a line to hub or centre, trusting whom the counter trusts."""
    try:
        trust = await asyncio.to_thread(_trust, files, url, authority)
    except ConfigError as unusable:
        return Reached(url, reason="tls", detail=str(unusable))
    return await eyes.reach(url, "/", trust)


async def look_at_hub(files: CounterFiles) -> tuple[Ping, bool]:
    """Ping the hub through the running service; without one look at the line from here, which proves less (False).

    Raises `CounterError` when a service is there and does not let us ask it.
    """
    try:
        async with CounterClient(files.socket_path, name="technician") as client:
            return await client.ping_hub(), True
    except ServiceNotRunning as none:
        if none.code == "socket_forbidden":
            raise
    hub = files.config.hub
    line = await line_to(files, hub.url, hub.ca, Eyes())
    nobody_asked = HubView("", "", "", None, None, None, None)
    return Ping(hub.url, line, nobody_asked, asked_now=False), False


def _trust(files: CounterFiles, url: str, authority: str) -> "ssl.SSLContext | None":
    from terminal.app import load_trust

    return load_trust(files, url, authority, "ca")


async def _hub(files: CounterFiles, found: Found, glance: Glance | None, eyes: Eyes) -> Parts:
    """The hub, and the clock that is compared with the hub's."""
    config = files.config.hub
    line = await line_to(files, config.url, config.ca, eyes) if found.ping is None else found.ping.line
    hub = found.ping.hub if found.ping is not None else None
    offset_s, source = _offset(line, hub.clock_offset_ms if hub is not None else None, eyes.now())
    newest = None if glance is None else glance.newest
    return {
        "hub": far_ends.judge_hub(line, hub, found.ping, running=found.owns_the_devices),
        "clock": machine.judge_clock(eyes.now(), offset_s, source, newest),
    }


def _offset(line: Reached, by_hub_ms: int | None, now: dt.datetime) -> tuple[float | None, str]:
    """The hub's clock minus ours, and whether the hub's envelope or only its server's `Date` says so."""
    if by_hub_ms is not None:
        return by_hub_ms / 1000, "refmsg_time"
    if line.server_time is not None:
        # `Date` has whole seconds, cut off: on average half a second is missing.
        return (line.server_time - now).total_seconds() + 0.5, "date"
    return None, ""
