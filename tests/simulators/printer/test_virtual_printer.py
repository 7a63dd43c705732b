"""The simulated printer answers and prints as its condition allows."""

from collections.abc import Callable

import pytest

from protocols.escpos.builder import build
from protocols.escpos.document import Cut, Document, Qr, Raster, Text
from protocols.escpos.events import Picture
from protocols.escpos.status import Condition, question
from simulators.printer import SimulatedPrinter
from simulators.printer.virtual_printer import RECEIVE_BUFFER_BYTES

ALL = b"".join(map(question, (1, 2, 3, 4)))


def job(*lines: str) -> bytes:
    """A job of these lines and a cut."""
    return build(Document((*map(Text, lines), Cut())), 48).data


def numbered(count: int) -> list[str]:
    """That many different lines."""
    return [f"第{number}行" for number in range(1, count + 1)]


def test_a_job_becomes_a_piece_of_paper() -> None:
    printer = SimulatedPrinter()
    assert printer.receive(job("医保结算单", "")) == b""
    (paper,) = printer.papers
    assert (paper.lines, paper.cut, printer.printed) == (("医保结算单", ""), True, 1)
    assert printer.current.lines == ()


def test_all_well_is_0x12() -> None:
    assert SimulatedPrinter().receive(ALL) == b"\x12\x12\x12\x12"


@pytest.mark.parametrize(
    ("act", "answers"),
    [
        (SimulatedPrinter.paper_out, "1a32127e"),
        (SimulatedPrinter.cover_open, "1a161212"),
        (SimulatedPrinter.offline, "1a121212"),
        (SimulatedPrinter.near_end, "1212121e"),
        (SimulatedPrinter.jam_cutter, "1a521a12"),
        (SimulatedPrinter.mute, ""),
        (SimulatedPrinter.cut_power, ""),
        (SimulatedPrinter.hold, "12121212"),
    ],
)
def test_conditions_are_answered(act: Callable[[SimulatedPrinter], None], answers: str) -> None:
    printer = SimulatedPrinter()
    act(printer)
    assert printer.receive(ALL).hex() == answers


@pytest.mark.parametrize(
    ("stop", "go"),
    [
        (SimulatedPrinter.paper_out, SimulatedPrinter.load_paper),
        (SimulatedPrinter.cover_open, SimulatedPrinter.cover_close),
        (SimulatedPrinter.offline, lambda printer: printer.offline(False)),
        (SimulatedPrinter.jam_cutter, lambda printer: printer.jam_cutter(False)),
        (SimulatedPrinter.hold, lambda printer: printer.hold(False)),
    ],
)
def test_a_stopped_printer_keeps_the_job_and_answers(
    stop: Callable[[SimulatedPrinter], None], go: Callable[[SimulatedPrinter], None]
) -> None:
    printer = SimulatedPrinter()
    stop(printer)
    assert len(printer.receive(job("一") + ALL)) == 4
    assert printer.printed == 0
    go(printer)
    assert printer.papers[0].lines == ("一",)


def test_a_printer_stopped_with_a_full_buffer_takes_no_more() -> None:
    printer = SimulatedPrinter()
    printer.cover_open()
    printer.receive(bytes(RECEIVE_BUFFER_BYTES - 1))
    assert printer.has_room
    printer.receive(b"\n")
    assert not printer.has_room
    printer.cover_close()
    assert printer.has_room


def test_questions_inside_a_picture_are_answered_and_stay_dots() -> None:
    rows = question(4) * 2
    picture = build(Document((Raster(3, rows), Cut())), 48).data
    printer = SimulatedPrinter()
    assert b"".join(printer.receive(bytes((byte,))) for byte in picture) == b"\x12\x12"
    printed = printer.papers[0].prints[0]
    assert isinstance(printed, Picture)
    assert printed.rows == rows


def test_paper_ends_after_some_lines_and_a_new_roll_takes_the_rest() -> None:
    printer = SimulatedPrinter()
    printer.paper_out(after_lines=2)
    assert printer.receive(job(*numbered(5)) + question(4)) == b"\x7e"
    assert printer.current.lines == ("第1行", "第2行")
    printer.load_paper()
    assert printer.papers[0].lines == tuple(numbered(5))
    assert printer.receive(question(4)) == b"\x12"


def test_a_liar_answers_well_and_loses_what_has_no_paper() -> None:
    printer = SimulatedPrinter()
    printer.lie()
    printer.paper_out(after_lines=2)
    assert printer.receive(job(*numbered(5)) + ALL) == b"\x12\x12\x12\x12"
    assert printer.papers[0].lines == ("第1行", "第2行")
    assert printer.condition == Condition(paper_out=True)


def test_a_power_cut_loses_the_buffer_and_the_settings_not_the_paper() -> None:
    printer = SimulatedPrinter()
    printer.cut_power(after_lines=2)
    assert printer.receive(b"\x1ba\x01" + job(*numbered(5)) + ALL) == b""
    assert not printer.powered
    printer.receive(job("nobody hears this"))
    printer.power_on()
    printer.receive(job("后来"))
    assert printer.papers[0].lines == ("第1行", "第2行", "后来")


def test_sensor_query_is_answered_in_its_turn() -> None:
    printer = SimulatedPrinter()
    assert printer.receive(b"\x1dr\x01\x1dr\x02") == b"\x00\x00"
    printer.near_end()
    assert printer.receive(b"\x1dr\x01") == b"\x03"
    printer.paper_out()
    assert printer.receive(b"\x1dr\x01") == b""
    printer.mute()
    printer.load_paper()
    assert printer.receive(b"\x1dr\x01") == b""


def test_drawer_and_ignored_commands_are_kept() -> None:
    printer = SimulatedPrinter()
    printer.receive(b"\x1bp\x00\x19\xfa\x10\x14\x01\x00\x01\x1b3\x18")
    assert (printer.drawer_kicks, printer.ignored_commands) == (2, ("1b33",))


def test_memory_is_bounded() -> None:
    printer = SimulatedPrinter(keep=3)
    printer.receive(job("x") * 10)
    assert (len(printer.papers), printer.printed) == (3, 10)
    printer.receive(b"\n" * 30_000)
    assert printer.printed == 11
    assert not printer.papers[-1].cut
    assert len(printer.papers[-1].lines) + len(printer.current.lines) == 30_000


def test_torn_off_paper_is_a_piece() -> None:
    printer = SimulatedPrinter()
    printer.receive(b"abc\n")
    assert (printer.tear_off().lines, printer.papers[0].cut) == (("abc",), False)


async def test_waiting_for_paper() -> None:
    printer = SimulatedPrinter()
    printer.receive(job("一") + job("二"))
    assert (await printer.wait_printed(2)).lines == ("二",)


def test_qr_codes_and_pictures_show_in_the_text() -> None:
    printer = SimulatedPrinter(32)
    printer.receive(build(Document((Qr("R1"), Raster(2, bytes(8)), Text("x"), Cut())), 32).data)
    (paper,) = printer.papers
    assert paper.lines == (" " * 12 + "[QR:R1]", "[picture 16 x 4 dots]", "x")
    assert paper.text == "\n".join(paper.lines)
    assert paper.qr_codes == ("R1",)
