"""Lines come out whole, however the bytes are cut, and half a code never does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codes.assembler import (
    IDLE_GAP_S,
    MAX_LINE_BYTES,
    MAX_LINE_S,
    FaultKind,
    LineAssembler,
    LineFault,
    ScannedLine,
    SuffixMode,
    decode_payload,
)
from tests.vectors.codes import ScanVector, scan_vectors

CERTIFICATE = b"4240000000000000001707990000"
TRACE = b"89999990000000000017"
EAN = b"6901234567892"
OVERRUN = LineFault(FaultKind.OVERRUN)
LOST = LineFault(FaultKind.LOST)


def payloads(found: tuple[ScannedLine | LineFault, ...]) -> list[bytes | LineFault]:
    """Payloads of lines, faults as they are."""
    return [item.payload if isinstance(item, ScannedLine) else item for item in found]


@pytest.mark.parametrize("vector", scan_vectors(), ids=lambda vector: vector.name)
def test_every_vector_becomes_its_line(vector: ScanVector) -> None:
    (line,) = LineAssembler().feed(vector.wire, 0.0)
    assert isinstance(line, ScannedLine)
    assert (line.symbology, line.text) == (vector.symbology, vector.text)
    assert line.dropped_control_bytes == vector.dropped


@pytest.mark.parametrize("terminator", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r"])
def test_each_terminator_ends_a_line_once(terminator: bytes) -> None:
    found = LineAssembler().feed(EAN + terminator + TRACE + terminator, 0.0)
    assert payloads(found) == [EAN, TRACE]


def test_the_second_terminator_of_a_pair_is_swallowed_when_it_comes_later() -> None:
    lines = LineAssembler()
    assert payloads(lines.feed(EAN + b"\r", 0.0)) == [EAN]
    assert lines.feed(b"\n", 0.5) == ()
    assert payloads(lines.feed(TRACE + b"\r", 1.0)) == [TRACE]


def test_a_code_split_by_a_pause_of_one_second_is_one_line() -> None:
    lines = LineAssembler()
    assert lines.feed(CERTIFICATE[:10], 5.0) == ()
    assert lines.tick(6.0) == ()
    assert payloads(lines.feed(CERTIFICATE[10:] + b"\r", 6.0)) == [CERTIFICATE]


def test_two_codes_glued_without_terminator_are_one_line_of_both() -> None:
    """Nothing can tell where one ends; the classifier knows no such code, so neither half is used."""
    assert payloads(LineAssembler().feed(EAN + TRACE + b"\r", 0.0)) == [EAN + TRACE]


def test_a_line_that_takes_two_seconds_is_an_overrun_and_its_rest_is_thrown_away() -> None:
    lines = LineAssembler()
    lines.feed(CERTIFICATE[:20], 10.0)
    assert lines.next_deadline_s == 10.0 + MAX_LINE_S
    assert lines.tick(11.999) == ()
    assert lines.tick(12.0) == (OVERRUN,)
    assert lines.next_deadline_s is None
    assert lines.feed(CERTIFICATE[20:] + b"\r", 12.5) == ()
    assert payloads(lines.feed(EAN + b"\r", 13.0)) == [EAN]


def test_a_late_rest_is_told_again_because_a_whole_code_may_have_been_thrown_away() -> None:
    """One byte of noise, a minute later a scan: the scan is lost, but the person hears of it."""
    lines = LineAssembler()
    lines.feed(b"x", 0.0)
    assert lines.tick(2.0) == (OVERRUN,)
    assert lines.feed(CERTIFICATE + b"\r", 60.0) == (OVERRUN,)
    assert payloads(lines.feed(CERTIFICATE + b"\r", 62.0)) == [CERTIFICATE]


def test_512_bytes_fit_and_one_more_is_an_overrun() -> None:
    lines = LineAssembler()
    assert payloads(lines.feed(b"1" * MAX_LINE_BYTES + b"\r", 0.0)) == [b"1" * MAX_LINE_BYTES]
    assert lines.feed(b"1" * (MAX_LINE_BYTES + 1), 1.0) == (OVERRUN,)
    assert lines.feed(b"1" * 10_000, 1.1) == ()
    assert payloads(lines.feed(b"1\r" + EAN + b"\r", 1.2)) == [EAN]


def test_a_flood_of_control_bytes_is_an_overrun_too() -> None:
    assert LineAssembler().feed(b"\x00" * (MAX_LINE_BYTES + 1), 0.0) == (OVERRUN,)


def test_control_bytes_are_dropped_and_counted_but_gs_stays() -> None:
    (line,) = LineAssembler().feed(b"\x02\x1b[2J\x0721A\x1d10B\x7f\x03\r", 0.0)
    assert isinstance(line, ScannedLine)
    assert line.payload == b"[2J21A\x1d10B"
    assert line.dropped_control_bytes == 5


def test_a_line_of_control_bytes_alone_or_of_an_aim_id_alone_is_no_code() -> None:
    assert LineAssembler().feed(b"\x02\x03\r]E0\r\r\n", 0.0) == ()


@pytest.mark.parametrize("not_an_id", [b"]E", b"]11", b"]Ex1", b"E0123"])
def test_what_is_no_aim_id_stays_in_the_payload(not_an_id: bytes) -> None:
    (line,) = LineAssembler().feed(not_an_id + b"\r", 0.0)
    assert isinstance(line, ScannedLine)
    assert (line.symbology, line.payload) == ("", not_an_id)


class TestWithoutSuffix:
    """A device that ends a code by being quiet."""

    def test_the_gap_ends_the_line(self) -> None:
        lines = LineAssembler(SuffixMode.NONE)
        assert lines.feed(CERTIFICATE[:5], 1.0) == ()
        assert lines.feed(CERTIFICATE[5:], 1.05) == ()
        assert lines.next_deadline_s == 1.05 + IDLE_GAP_S
        assert lines.tick(1.12) == ()
        assert payloads(lines.tick(1.05 + IDLE_GAP_S)) == [CERTIFICATE]
        assert lines.next_deadline_s is None

    def test_a_byte_after_the_gap_begins_a_new_line_even_when_nobody_ticked(self) -> None:
        lines = LineAssembler(SuffixMode.NONE)
        lines.feed(EAN, 1.0)
        assert payloads(lines.feed(TRACE, 1.2)) == [EAN]
        assert payloads(lines.tick(1.3)) == [TRACE]

    def test_a_tab_behind_the_code_is_dropped(self) -> None:
        lines = LineAssembler(SuffixMode.NONE)
        lines.feed(EAN + b"\t", 1.0)
        assert payloads(lines.tick(2.0)) == [EAN]

    def test_a_terminator_is_understood_all_the_same(self) -> None:
        assert payloads(LineAssembler(SuffixMode.NONE).feed(EAN + b"\r\n", 1.0)) == [EAN]

    def test_a_trickle_over_two_seconds_is_an_overrun_until_it_pauses(self) -> None:
        lines = LineAssembler(SuffixMode.NONE)
        found: list[bytes | LineFault] = []
        now = 0.0
        for _ in range(60):
            found += payloads(lines.feed(b"7", now))
            now += 0.05
        assert found == [OVERRUN]
        assert lines.tick(now + IDLE_GAP_S) == ()
        lines.feed(EAN, now + 1.0)
        assert payloads(lines.tick(now + 2.0)) == [EAN]


class TestOpeningAndBreaking:
    """A code that was on its way when the line opened or broke is never used."""

    @pytest.mark.parametrize("cut", range(1, len(CERTIFICATE) + 1))
    def test_the_tail_of_a_code_after_opening_is_thrown_away(self, cut: int) -> None:
        lines = LineAssembler()
        lines.opened(100.0)
        assert lines.feed(CERTIFICATE[cut:] + b"\r" + EAN + b"\r", 100.01) in (
            (LOST, *LineAssembler().feed(EAN + b"\r", 0.0)),
            LineAssembler().feed(EAN + b"\r", 0.0),  # cut just before the terminator: nothing was lost
        )

    def test_after_a_quiet_moment_the_line_is_trusted(self) -> None:
        lines = LineAssembler()
        lines.opened(100.0)
        assert lines.is_settling
        assert lines.next_deadline_s == 100.0 + IDLE_GAP_S
        assert lines.tick(100.0 + IDLE_GAP_S) == ()
        assert not lines.is_settling
        assert lines.next_deadline_s is None
        assert payloads(lines.feed(EAN + b"\r", 100.1)) == [EAN]

    @pytest.mark.parametrize("cut", range(1, len(CERTIFICATE) + 1))
    def test_a_line_that_breaks_inside_a_code_loses_it_and_says_so(self, cut: int) -> None:
        lines = LineAssembler()
        lines.feed(CERTIFICATE[:cut], 1.0)
        assert lines.broken() == (LOST,)
        lines.opened(2.0)
        lines.tick(2.1)
        assert payloads(lines.feed(EAN + b"\r", 3.0)) == [EAN]

    def test_a_line_that_breaks_between_codes_lost_nothing(self) -> None:
        lines = LineAssembler()
        lines.feed(EAN + b"\r", 1.0)
        assert lines.broken() == ()


def test_payload_text_is_ascii_then_utf8_then_gb18030_then_none() -> None:
    assert decode_payload(b"abc") == "abc"
    assert decode_payload("医保".encode()) == "医保"
    assert decode_payload("医保".encode("gb18030")) == "医保"
    assert decode_payload(b"\xff\xff") is None


def test_some_gb18030_text_is_good_utf8_too_and_read_as_that() -> None:
    """The order of PD-20 has this price. No code we know holds Chinese, so only an unknown text looks odd."""
    assert decode_payload("药品".encode("gb18030")) == "\u04a9\u01b7"


def test_the_text_form_of_a_line_shows_nothing_of_it() -> None:
    (line,) = LineAssembler().feed(CERTIFICATE + b"\r", 0.0)
    assert "424" not in repr(line) + str(line)


@st.composite
def cut_bytes(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream of likely bytes, whole and cut anywhere."""
    piece = st.one_of(
        st.sampled_from(
            [CERTIFICATE, TRACE, EAN, b"\r", b"\n", b"\r\n", b"]Q1", b"\x1d", b"\x02", b"1" * 300]
        ),
        st.binary(max_size=8),
    )
    data = b"".join(draw(st.lists(piece, max_size=20)))
    edges = sorted(draw(st.lists(st.integers(0, len(data)), max_size=10)))
    bounds = [0, *edges, len(data)]
    return data, [data[a:b] for a, b in itertools.pairwise(bounds)]


@given(cut=cut_bytes(), mode=st.sampled_from(SuffixMode), settle=st.booleans())
def test_any_cutting_gives_the_same_lines(
    cut: tuple[bytes, list[bytes]], mode: SuffixMode, settle: bool
) -> None:
    data, chunks = cut
    whole, parts = LineAssembler(mode), LineAssembler(mode)
    if settle:
        whole.opened(0.0)
        parts.opened(0.0)
    expected = (*whole.feed(data, 0.01), *whole.tick(5.0))
    found = [item for chunk in chunks for item in parts.feed(chunk, 0.01)]
    assert (*found, *parts.tick(5.0)) == expected


@given(
    steps=st.lists(st.tuples(st.binary(max_size=600), st.floats(0, 3, allow_nan=False)), max_size=20),
    mode=st.sampled_from(SuffixMode),
)
def test_random_bytes_never_raise_and_every_line_keeps_the_limits(
    steps: list[tuple[bytes, float]], mode: SuffixMode
) -> None:
    lines, now = LineAssembler(mode), 0.0
    for data, pause in steps:
        now += pause
        for item in lines.feed(data, now):
            if isinstance(item, ScannedLine):
                assert 1 <= len(item.payload) <= MAX_LINE_BYTES
                assert not any((byte < 0x20 and byte != 0x1D) or byte == 0x7F for byte in item.payload)
        deadline = lines.next_deadline_s
        assert deadline is None or deadline >= now - MAX_LINE_S
