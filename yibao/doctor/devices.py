"""Card reader, card, scanner and printer: looked at directly when no service owns them, else judged by what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from drivers.interfaces.byte_stream import StreamClosed
from terminal.config import CounterFiles
from terminal.devices.reader_state import ReaderState
from terminal.texts import reason_in_words
from yibao.doctor.books import names
from yibao.doctor.report import Both, Facts, Part, part

READER_LOOK_S: Final = 2.0
_NEEDS_HANDS: Final = frozenset({"paper_out", "cover_open"})


class Seen(msgspec.Struct, frozen=True):
    """The card service as it looks from here."""

    readers: tuple[str, ...] = ()
    problem: str = ""
    """`no_binding`, or the kind of the reader fault; empty when it answers."""


ProbeReaders = Callable[[Path | None], Awaitable[Seen]]
LookAtReader = Callable[[str], Awaitable[ReaderState]]


async def probe_readers(service_socket: Path | None) -> Seen:
    """Look once at the card service (None = the machine's own); opens no reader."""
    try:
        from drivers.pcsc.reader import probe_service
        from drivers.pcsc.service import use_service
    except ImportError:
        return Seen(problem="no_binding")
    if service_socket is not None:
        use_service(service_socket)
    report = await probe_service()
    return Seen(report.readers, report.fault)


async def look_at_reader(name: str) -> ReaderState:
    """Watch the configured reader until something is known of it, at most two seconds; sends the card nothing."""
    from drivers.pcsc.reader import PcscReader
    from terminal.devices.reader_state import reader_state

    async with PcscReader(name) as reader:
        try:
            async with asyncio.timeout(READER_LOOK_S), aclosing(reader.presence()) as changes:
                await anext(changes)
        except TimeoutError:
            return ReaderState("opening")
        return reader_state(name, lambda: reader.sight)


# -- cards ---------------------------------------------------------------------------------------------


def judge_card_service(name: str, seen: Seen) -> Part:
    """Say how the card service is; without a configured reader nothing about it is a fault."""
    facts: Facts = {"readers": seen.readers, "problem": seen.problem}
    if not seen.problem:
        return part("pcscd", "pcscd_good", facts, readers=names(seen.readers))
    if not name:
        return part("pcscd", "pcscd_unneeded", facts)
    codes = {"no_binding": "pcscd_no_binding", "no_service": "pcscd_none", "reader_timeout": "pcscd_hangs"}
    return part("pcscd", codes.get(seen.problem, "pcscd_fault"), facts, reason=seen.problem)


def judge_reader(name: str, state: ReaderState, readers: tuple[str, ...]) -> dict[str, Part]:
    """Say how the reader is and whether a card is in it; `readers` are those of the machine."""
    facts: Facts = {
        "name": name, "reader": state.reader, "readers": readers, "problem": state.problem, "card": state.card,
    }  # fmt: skip
    if not name:
        return {
            "reader": part("reader", "reader_not_configured", facts, readers=names(readers)),
            "card": part("card", "card_unneeded"),
        }
    if state.state == "ready":
        card = "card_none" if not state.card else "card_there" if state.card_answers else "card_mute"
        return {
            "reader": part("reader", "reader_good", facts, reader=state.reader),
            "card": part("card", card, {"present": state.card, "answers": state.card_answers}),
        }
    codes = {"no_reader": "reader_gone", "": "reader_opening"}
    code = codes.get(state.problem, "reader_unseen")
    return {
        "reader": part("reader", code, facts, name=name, readers=names(readers)),
        "card": part("card", "card_unseen"),
    }


# -- scanner -------------------------------------------------------------------------------------------


async def look_at_scanner(files: CounterFiles) -> Part:
    """Open the scanner's line and close it again."""
    from drivers.serial.errors import PortUnusable
    from drivers.serial.stream import SerialOpener

    config = files.config.scanner
    if not config.url:
        return judge_scanner("absent", "not configured", "")
    try:
        line = await SerialOpener(config.url, config.baudrate).open()
    except ValueError as wrong:
        return judge_scanner("fault", str(wrong), config.url)
    except StreamClosed as gone:
        return judge_scanner("fault" if isinstance(gone, PortUnusable) else "absent", str(gone), config.url)
    await line.close()
    return judge_scanner("ready", "", config.url)


def judge_scanner(state: str, reason: str, url: str) -> Part:
    """Say how the scanner is, from its driver's state and reason."""
    if reason == "not configured":
        return part("scanner", "scanner_not_configured")
    codes = {"ready": "scanner_good", "opening": "scanner_opening", "absent": "scanner_gone"}
    return part("scanner", codes.get(state, "scanner_fault"), {"url": url, "detail": reason}, reason=reason)


# -- printer -------------------------------------------------------------------------------------------


async def look_at_printer(files: CounterFiles, waiting: int | None) -> Part:
    """Ask the printer for its status; prints nothing."""
    from drivers.printers.escpos import EscPosPrinter
    from drivers.serial.stream import SerialOpener

    config = files.config.printer
    if not config.url:
        return part("printer", "printer_not_configured")
    try:
        opener = SerialOpener(config.url, config.baudrate)
        await (await opener.open()).close()
    except (ValueError, StreamClosed) as gone:
        return _printer_fault(config.url, Both(str(gone), str(gone)), "no_device", waiting)
    printer = EscPosPrinter(opener, columns=config.columns)
    try:
        status = await printer.status()
    finally:
        await printer.close()
    answered = any(value is not None for value in msgspec.structs.astuple(status))
    return judge_printer(config.url, (status.problem or "") if answered else "no_status", waiting)


def judge_printer(
    url: str, problem: str | None, waiting: int | None, *, device_is_there: bool = True
) -> Part:
    """Say how the printer is, from the word it was asked for; None = it was not asked."""
    facts = {"url": url, "problem": problem, "slips_waiting": waiting}
    if not url:
        return part("printer", "printer_not_configured")
    if problem is None:
        return part("printer", "printer_unasked", facts)
    if problem == "":
        return part("printer", "printer_good", facts)
    if not device_is_there:
        problem = "no_device"
    if problem == "no_status":
        return part("printer", "printer_mute", facts)
    if problem in _NEEDS_HANDS:
        reason = Both(*reason_in_words(problem))
        return part("printer", "printer_waits", facts, reason=reason, waiting=_count(waiting))
    return _printer_fault(url, Both(*reason_in_words(problem)), problem, waiting)


def _printer_fault(url: str, reason: Both, problem: str, waiting: int | None) -> Part:
    facts = {"url": url, "problem": problem, "slips_waiting": waiting}
    return part("printer", "printer_fault", facts, reason=reason, waiting=_count(waiting))


def _count(waiting: int | None) -> str:
    return "?" if waiting is None else str(waiting)
