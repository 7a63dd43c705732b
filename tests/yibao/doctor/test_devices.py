"""Reader, card, scanner and printer, judged by what their drivers or the service say of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from terminal.config import CounterFiles, PrinterConfig, ScannerConfig
from terminal.devices.reader_state import ReaderState
from tests.terminal.harness import counter_config
from yibao.doctor import devices
from yibao.doctor.devices import Seen
from yibao.doctor.report import Part


def said(found: Part) -> tuple[str, str]:
    """State and code."""
    return found.state.value, found.code


@asynccontextmanager
async def line(answer: bytes = b"") -> AsyncIterator[str]:
    """A serial line over a socket; the far side answers every status question with the same byte."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(64):
            if answer:
                writer.write(answer * (len(asked) // 3))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def files_with(scanner: str = "", printer: str = "") -> CounterFiles:
    """A counter's files with these devices."""
    config = msgspec.structs.replace(
        counter_config(), scanner=ScannerConfig(scanner), printer=PrinterConfig(printer)
    )
    return CounterFiles(config, Path("/nonexistent"))


@pytest.mark.parametrize(
    ("seen", "configured", "without"),
    [
        (Seen(("R 00",)), ("ok", "pcscd_good"), ("ok", "pcscd_good")),
        (Seen(problem="no_service"), ("fault", "pcscd_none"), ("absent", "pcscd_unneeded")),
        (Seen(problem="reader_timeout"), ("fault", "pcscd_hangs"), ("absent", "pcscd_unneeded")),
        (Seen(problem="no_binding"), ("fault", "pcscd_no_binding"), ("absent", "pcscd_unneeded")),
        (Seen(problem="reader_broken"), ("fault", "pcscd_fault"), ("absent", "pcscd_unneeded")),
    ],
)
def test_the_card_service_is_needed_only_where_a_reader_is_configured(
    seen: Seen, configured: tuple[str, str], without: tuple[str, str]
) -> None:
    assert said(devices.judge_card_service("R", seen)) == configured
    assert said(devices.judge_card_service("", seen)) == without


@pytest.mark.parametrize(
    ("state", "reader", "card"),
    [
        (ReaderState("ready", reader="R 00"), ("ok", "reader_good"), ("absent", "card_none")),
        (ReaderState("ready", reader="R 00", card=True, card_answers=True), ("ok", "reader_good"), ("ok", "card_there")),
        (ReaderState("ready", reader="R 00", card=True), ("ok", "reader_good"), ("warning", "card_mute")),
        (ReaderState("absent", "no_reader"), ("fault", "reader_gone"), ("unknown", "card_unseen")),
        (ReaderState("absent", "no_service"), ("unknown", "reader_unseen"), ("unknown", "card_unseen")),
        (ReaderState("opening"), ("unknown", "reader_opening"), ("unknown", "card_unseen")),
    ],
)  # fmt: skip
def test_reader_and_card_are_told_apart(
    state: ReaderState, reader: tuple[str, str], card: tuple[str, str]
) -> None:
    found = devices.judge_reader("R", state, ("R 00", "X 00"))
    assert (said(found["reader"]), said(found["card"])) == (reader, card)


def test_without_a_configured_reader_the_readers_of_the_machine_are_named() -> None:
    found = devices.judge_reader("", ReaderState("absent"), ("Some Reader 00 00",))
    assert said(found["reader"]) == ("absent", "reader_not_configured")
    assert "Some Reader 00 00" in found["reader"].reason.en
    assert said(found["card"]) == ("absent", "card_unneeded")


async def test_a_scanner_is_looked_at_by_opening_its_line() -> None:
    assert said(await devices.look_at_scanner(files_with())) == ("absent", "scanner_not_configured")
    async with line() as url:
        assert said(await devices.look_at_scanner(files_with(scanner=url))) == ("ok", "scanner_good")
    gone = await devices.look_at_scanner(files_with(scanner=url))
    assert said(gone) == ("fault", "scanner_gone")
    assert "nobody listens" in gone.reason.en
    wrong = await devices.look_at_scanner(files_with(scanner="usb:1"))
    assert said(wrong) == ("fault", "scanner_fault")


def test_a_scanner_is_judged_by_what_the_service_says() -> None:
    assert said(devices.judge_scanner("opening", "", "/dev/x")) == ("unknown", "scanner_opening")
    found = devices.judge_scanner("fault", "/dev/x: permission denied", "/dev/x")
    assert (said(found), found.facts["detail"]) == (("fault", "scanner_fault"), "/dev/x: permission denied")


async def test_a_printer_is_asked_and_prints_nothing() -> None:
    assert said(await devices.look_at_printer(files_with(), 0)) == ("absent", "printer_not_configured")
    async with line(b"\x12") as url:
        assert said(await devices.look_at_printer(files_with(printer=url), 0)) == ("ok", "printer_good")
    gone = await devices.look_at_printer(files_with(printer=url), 3)
    assert (said(gone), gone.facts["slips_waiting"]) == (("fault", "printer_fault"), 3)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("", ("ok", "printer_good")),
        (None, ("unknown", "printer_unasked")),
        ("no_status", ("warning", "printer_mute")),
        ("paper_out", ("warning", "printer_waits")),
        ("cover_open", ("warning", "printer_waits")),
        ("cutter_fault", ("fault", "printer_fault")),
        ("offline", ("fault", "printer_fault")),
    ],
)
def test_a_printer_is_judged_by_its_own_word(problem: str | None, expected: tuple[str, str]) -> None:
    assert said(devices.judge_printer("socket://127.0.0.1:1", problem, 1)) == expected


def test_a_printer_whose_device_is_not_there_is_not_mute_but_gone() -> None:
    found = devices.judge_printer("/dev/printer", "no_status", None, device_is_there=False)
    assert (said(found), found.facts["problem"]) == (("fault", "printer_fault"), "no_device")
    assert "未连接" in found.reason.zh or "没有连接" in found.reason.zh
