"""TLV codings and the answer to reset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.iso7816.atr import MalformedAtr, contact_atr, contactless_atr, parse_atr, reset_information
from protocols.iso7816.status import describe
from protocols.iso7816.tlv import MalformedTlv, encode_ber, encode_simple, parse_ber, parse_simple
from tests.faults import fired
from tests.vectors.cards.load import vector


def test_the_fci_of_a_3x_card_names_its_algorithm() -> None:
    template = parse_ber(parse_ber(vector("fci_sm4"))[0x6F])
    proprietary = parse_ber(template[0xA5])
    assert template[0x84].decode("gb18030") == "sx1.sh.社会保障"
    assert proprietary[0x88] == b"\x1e"
    assert parse_ber(proprietary[0x9F0C]) == {0x86: b"\x03"}


def test_a_long_length_and_padding_are_read() -> None:
    assert parse_ber(bytes.fromhex("0084810100" + "00")) == {0x84: b"\x00"}
    assert encode_ber(0x9F0C, b"\x01").hex() == "9f0c0101"


@pytest.mark.parametrize("raw", ["6F", "6F05AA", "9F", "9F8F0100", "6F80", "6F83000001AA", "6F82AA"])
def test_broken_ber_is_refused(raw: str) -> None:
    with pytest.raises(MalformedTlv):
        parse_ber(bytes.fromhex(raw))
    fired("F10")


@pytest.mark.parametrize("raw", ["07", "0709AA", "07FF0001", "07FF"])
def test_a_broken_record_is_refused(raw: str) -> None:
    with pytest.raises(MalformedTlv):
        parse_simple(bytes.fromhex(raw))
    fired("F10")


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=254))))
def test_records_are_read_back_and_the_first_of_a_tag_counts(items: list[tuple[int, bytes]]) -> None:
    raw = b"".join(encode_simple(tag, value) for tag, value in items)
    assert parse_simple(raw) == dict(reversed(items))


@given(st.binary(max_size=64))
def test_any_bytes_are_data_objects_or_malformed(raw: bytes) -> None:
    for parse in (parse_ber, parse_simple):
        try:
            parse(raw)
        except MalformedTlv:
            fired("F10")
            continue


def test_values_too_long_for_a_short_length_are_refused() -> None:
    with pytest.raises(MalformedTlv):
        encode_ber(0x84, bytes(128))
    with pytest.raises(MalformedTlv):
        encode_simple(0x01, bytes(255))


def test_contact_and_contactless_atr_carry_the_same_historical_bytes() -> None:
    historical = vector("historical")
    assert contact_atr(historical) == vector("atr_contact")
    assert contactless_atr(historical) == vector("atr_contactless")
    assert parse_atr(vector("atr_contact")).protocols == (0,)
    assert parse_atr(vector("atr_contactless")).protocols == (0, 1)
    assert (
        parse_atr(vector("atr_contact")).historical
        == parse_atr(vector("atr_contactless")).historical
        == historical
    )
    assert reset_information(vector("atr_contact")) == "00815445538660999900000001"


@pytest.mark.parametrize(
    "raw", ["", "3B", "00", "3B6D0000", "3B8D80010081544553866099990000000129", "3B80", "3B02AA"]
)
def test_a_wrong_answer_to_reset_is_refused(raw: str) -> None:
    with pytest.raises(MalformedAtr):
        parse_atr(bytes.fromhex(raw))
    assert reset_information(bytes.fromhex(raw)) == ""
    fired("F10")


def test_another_card_has_no_reset_information() -> None:
    assert reset_information(contact_atr(b"12345")) == ""
    with pytest.raises(MalformedAtr):
        contact_atr(bytes(16))


@given(st.binary(max_size=40))
def test_any_bytes_are_an_atr_or_malformed(raw: bytes) -> None:
    reset_information(raw)


@pytest.mark.parametrize(
    ("sw", "text"),
    [
        (0x9000, "9000 (done)"),
        (0x611E, "611E (30 bytes waiting)"),
        (0x6C0B, "6C0B (wrong Le, 11 is right)"),
        (0x63C2, "63C2 (check failed, 2 tries left)"),
        (0x1234, "1234 (unknown status)"),
    ],
)
def test_every_status_word_has_a_text(sw: int, text: str) -> None:
    assert describe(sw) == text
