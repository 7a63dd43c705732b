"""Command and response APDUs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.iso7816.apdu import (
    Command,
    MalformedApdu,
    masked_command,
    masked_response,
    parse_command,
    parse_response,
)


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (Command(0x00, 0xA4, 0x00, 0x00), "00A40000"),
        (Command(0x00, 0xB2, 0x01, 0x05, le=0x40), "00B2010540"),
        (Command(0x00, 0xB2, 0x07, 0x00, le=256), "00B2070000"),
        (Command(0x00, 0xA4, 0x02, 0x00, b"\xef\x05"), "00A4020002EF05"),
        (Command(0x00, 0x88, 0x00, 0x00, b"\x01\x02", le=8), "0088000002010208"),
    ],
)
def test_each_case_is_written_and_read_back(command: Command, raw: str) -> None:
    assert command.encode().hex().upper() == raw
    assert parse_command(bytes.fromhex(raw)) == command


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_a_malformed_one(raw: bytes) -> None:
    try:
        command = parse_command(raw)
    except MalformedApdu:
        return
    assert command.encode() == raw


@pytest.mark.parametrize("raw", ["", "00A404", "00A4000003EF05", "00A4000001EF0500", "00A4000000EF05"])
def test_lengths_that_do_not_fit_are_refused(raw: str) -> None:
    with pytest.raises(MalformedApdu):
        parse_command(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "command", [Command(0, 0, 0, 0, bytes(256)), Command(0, 0, 0, 0, le=0), Command(0, 0, 0, 0, le=257)]
)
def test_what_no_short_apdu_can_say_is_not_written(command: Command) -> None:
    with pytest.raises(MalformedApdu):
        command.encode()


def test_a_response_is_data_and_status() -> None:
    response = parse_response(bytes.fromhex("0709546C0B"))
    assert (response.data.hex(), response.sw, response.sw1, response.sw2, response.ok) == (
        "070954",
        0x6C0B,
        0x6C,
        0x0B,
        False,
    )
    assert response.encode().hex() == "0709546c0b"


@pytest.mark.parametrize("raw", [b"", b"\x90"])
def test_fewer_than_two_bytes_are_no_response(raw: bytes) -> None:
    with pytest.raises(MalformedApdu):
        parse_response(raw)


def test_a_pin_is_not_seen_in_the_masked_form() -> None:
    assert masked_command(bytes.fromhex("0020000003135790")) == "00 20 00 00 Lc 03 <3 bytes>"
    assert masked_command(bytes.fromhex("00B2010540")) == "00 B2 01 05 Le 40"
    assert masked_command(bytes.fromhex("0020000003135790"[:-2])) == "<7 bytes, no APDU>"


def test_record_data_is_not_seen_in_the_masked_form() -> None:
    assert masked_response(bytes.fromhex("0709543030303030303158" + "9000")) == "<11 bytes> 9000"
    assert masked_response(bytes.fromhex("6A82")) == "6A82"
    assert masked_response(b"\x90") == "<1 bytes, no status word>"
