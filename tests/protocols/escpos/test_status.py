"""Realtime status bytes, both directions, and questions found wherever they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.escpos.status import (
    Condition,
    RealtimeScanner,
    StatusReply,
    is_status_byte,
    parse_status,
    question,
    status_byte,
)
from tests.protocols.escpos.vectors import VECTORS, StatusExample


@pytest.mark.parametrize("example", VECTORS.status, ids=lambda example: f"{example.n}-{example.byte}")
def test_answers_are_read(example: StatusExample) -> None:
    reply = parse_status(example.n, int(example.byte, 16))
    assert {name for name in StatusReply.__struct_fields__ if getattr(reply, name)} == set(example.true)


def test_questions_have_the_published_bytes() -> None:
    assert question(1) == VECTORS.command("realtime_status_1")
    assert question(4) == VECTORS.command("realtime_status_4")
    with pytest.raises(ValueError, match="1 to 4"):
        question(5)


@pytest.mark.parametrize("byte", [0x00, 0x11, 0x13, 0x41, 0x93, 0xFF])
def test_other_bytes_are_no_answers(byte: int) -> None:
    assert not is_status_byte(byte)
    with pytest.raises(ValueError, match="no realtime status"):
        parse_status(1, byte)


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        (Condition(), "12121212"),
        (Condition(offline=True), "1a121212"),
        (Condition(cover_open=True), "1a161212"),
        (Condition(paper_out=True), "1a32127e"),
        (Condition(paper_near_end=True), "1212121e"),
        (Condition(cutter_fault=True), "1a521a12"),
        (Condition(unrecoverable=True), "1a523212"),
    ],
)
def test_what_a_printer_answers(condition: Condition, answers: str) -> None:
    assert bytes(status_byte(n, condition) for n in (1, 2, 3, 4)).hex() == answers


@given(st.lists(st.sampled_from([b"\x10", b"\x04", b"\x01", b"\x04\x02", b"a", question(3)])), st.data())
def test_questions_are_found_however_the_bytes_are_cut(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cut = data.draw(st.integers(0, len(stream)))
    whole, halves = RealtimeScanner(), RealtimeScanner()
    parts = whole.split(stream)
    again = halves.split(stream[:cut]) + halves.split(stream[cut:])
    assert b"".join(part for part, _ in parts) == b"".join(part for part, _ in again) == stream
    assert [n for _, n in parts if n] == [n for _, n in again if n]


def test_a_doubled_dle_does_not_hide_a_question() -> None:
    assert RealtimeScanner().split(b"x\x10\x10\x04\x02y") == [(b"x\x10\x10\x04\x02", 2), (b"y", None)]
