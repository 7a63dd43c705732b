"""Result codes as faults, and the habits of the library that the call layer tames."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip(
    "smartcard.scard", reason="real part missing: the module smartcard (see what make setup says)"
)

import smartcard.scard as native

from drivers.pcsc import scard
from drivers.pcsc.faults import SERVICE_LOST, fault_for
from drivers.pcsc.monitor import match_reader
from drivers.pcsc.scard import Handle, PcscFailure


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x80100069, "card_removed"),
        (0x80100068, "card_reset"),
        (0x80100016, "reader_broken"),
        (0x8010000C, "no_card"),
        (0x80100066, "mute_card"),
        (0x80100067, "mute_card"),
        (0x8010000B, "reader_busy"),
        (0x8010000F, "protocol_mismatch"),
        (0x80100017, "no_reader"),
        (0x80100009, "no_reader"),
        (0x8010002E, "no_reader"),
        (0x8010001D, "no_service"),
        (0x8010001E, "no_service"),
        (0x80100013, "no_service"),
        (0x8010006A, "no_service"),
        (0x8010000A, "reader_timeout"),
        (0x80100002, "reader_timeout"),
        (0x8010FFFF, "reader"),
    ],
)
def test_each_code_is_a_typed_fault_with_something_to_do(code: int, kind: str) -> None:
    fault = fault_for(PcscFailure("SCardTransmit", code), "Reader 1")
    assert fault.kind == kind
    assert fault.what_to_do.endswith(".")
    assert f"{code:08X}" in str(fault)


def test_the_constants_are_those_of_the_library() -> None:
    assert scard.REMOVED_CARD == native.SCARD_W_REMOVED_CARD & 0xFFFFFFFF
    assert scard.NOT_TRANSACTED == native.SCARD_E_NOT_TRANSACTED & 0xFFFFFFFF
    assert {
        native.SCARD_E_NO_SERVICE & 0xFFFFFFFF,
        native.SCARD_E_SERVICE_STOPPED & 0xFFFFFFFF,
    } <= SERVICE_LOST


def answering(answer: object) -> Callable[..., Any]:
    """A library call that gives this answer, or raises it."""

    def SCardTransmit(*_: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SCardTransmit


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([0x80100016, [0x12, 0x34] * 30_000], 0x80100016),
        ([0x80100016 - (1 << 32), [0x12]], 0x80100016),
        (SystemError("error return without exception set"), 0x80100001),
        (TypeError("not a handle"), 0x80100001),
    ],
)
def test_a_failed_call_shows_its_code_and_nothing_of_the_stale_memory(
    monkeypatch: pytest.MonkeyPatch, answer: object, code: int
) -> None:
    monkeypatch.setattr(native, "SCardTransmit", answering(answer))
    with pytest.raises(PcscFailure) as caught:
        scard.transmit(Handle(1), 1, b"\x00\xb2\x01\x05\x40")
    assert caught.value.code == code
    assert str(caught.value) == f"SCardTransmit: {code:08X}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("B 00 00", "B 00 00"), ("B", "AB 00 00"), ("", "AB 00 00"), ("C", None), ("AB 00 00", "AB 00 00")],
)
def test_a_reader_is_found_by_its_name_or_by_part_of_it(wanted: str, found: str | None) -> None:
    assert match_reader(wanted, ("AB 00 00", "B 00 00")) == found
