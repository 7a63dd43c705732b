"""Card files and codings: every class is checked against the test data it carries."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cards.codings import (
    BadCoding,
    card_number_check,
    decode_digits,
    decode_name,
    decode_text,
    encode_digits,
    parse_date,
    split_name,
)
from protocols.cards.errors import (
    BadCardContent,
    MalformedRecord,
    RecordTooLong,
    TagMissing,
    UndecodableText,
    UnknownGeneration,
)
from protocols.cards.files import CARD_FILES, HolderData, IssuerData
from tests.faults import fired
from tests.vectors.cards.load import card_vectors

EXAMPLES = [(file, raw, value) for file in CARD_FILES for raw, value in file.examples()]
ISSUER = IssuerData.examples()[0][0].replace(" ", "")
HOLDER = HolderData.examples()[0][0].replace(" ", "")


@pytest.mark.parametrize(("file", "raw", "value"), EXAMPLES)
def test_every_file_class_reads_and_writes_its_own_examples(
    file: type[IssuerData] | type[HolderData], raw: str, value: IssuerData | HolderData
) -> None:
    assert file.decode(bytes.fromhex(raw)) == value
    assert b"".join(value.encode()) == bytes.fromhex(raw)


def test_the_files_of_the_complete_invented_card_are_read() -> None:
    vectors = card_vectors()
    issuer = IssuerData.decode(bytes.fromhex("".join(vectors["ef05"])))
    holder = HolderData.decode(bytes.fromhex("".join(vectors["ef06"])))
    assert issuer.card_number.reveal() == "T0000001X"
    assert issuer.identification_code.reveal() == "999999D15600000500000001FFFFFFFF"
    assert (issuer.version, issuer.generation, issuer.issued, issuer.valid_until) == (
        "3.00",
        3,
        "20240102",
        "20340102",
    )
    assert (holder.name.reveal(), holder.certno.reveal()) == ("测试甲", "999999199001010016")


def test_a_name_cut_inside_a_character_is_joined_before_it_is_decoded() -> None:
    raw, value = HolderData.examples()[2]
    first = bytes.fromhex(raw)[22:52]
    with pytest.raises(BadCoding):
        decode_text(first)
    assert HolderData.decode(bytes.fromhex(raw)).name == value.name


def test_nothing_of_the_holder_is_seen_in_the_repr() -> None:
    text = repr(HolderData.examples()[0][1]) + repr(IssuerData.examples()[0][1])
    assert "测试" not in text
    assert "999999199001010016" not in text
    assert "T0000001X" not in text
    assert "D156" not in text
    assert "19900101" not in text


@pytest.mark.parametrize(
    ("file", "raw", "error", "tag"),
    [
        (IssuerData, ISSUER.replace("0709543030303030303158", ""), TagMissing, 0x07),
        (IssuerData, ISSUER.replace("0709543030303030303158", "0700"), TagMissing, 0x07),
        (IssuerData, ISSUER.replace("0304332E3030", ""), TagMissing, 0x03),
        (IssuerData, ISSUER.replace("0304332E3030", "0304342E3030"), UnknownGeneration, 0x03),
        (IssuerData, ISSUER.replace("0304332E3030", "0304FF41FF41"), UndecodableText, 0x03),
        (IssuerData, ISSUER.replace("0304332E3030", "0305332E303030"), RecordTooLong, 0x03),
        (IssuerData, "0102AABB" + ISSUER, MalformedRecord, 0x01),
        (IssuerData, ISSUER + "0709AA", MalformedRecord, 0x00),
        (IssuerData, "", TagMissing, 0x01),
        (HolderData, HOLDER.replace("0812", "8812"), TagMissing, 0x08),
        (HolderData, HOLDER.replace("091E", "191E"), TagMissing, 0x09),
        (HolderData, "091F" + "41" * 31 + HOLDER, RecordTooLong, 0x09),
        (HolderData, "4E15" + "41" * 21 + HOLDER, RecordTooLong, 0x4E),
        (HolderData, "0902FF41" + HOLDER, UndecodableText, 0x09),
        (HolderData, "0904411B4041" + HOLDER, UndecodableText, 0x09),
        (HolderData, "0901B2" + HOLDER.replace("4E14" + "00" * 20, ""), UndecodableText, 0x09),
    ],
)
def test_a_damaged_file_is_a_typed_error_that_names_file_and_tag(
    file: type[IssuerData] | type[HolderData], raw: str, error: type[BadCardContent], tag: int
) -> None:
    with pytest.raises(error) as caught:
        file.decode(bytes.fromhex(raw))
    assert (caught.value.file, caught.value.tag) == (file.FILE, tag)
    assert caught.value.what_to_do
    # The original decoding error carries the bytes, so it must not hang on.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_optional_item_that_cannot_be_read_does_not_stop_the_reading() -> None:
    issuer = IssuerData.decode(bytes.fromhex("0504AAAAAAAA" + "0605 2034010299" + ISSUER))
    assert (issuer.issued, issuer.valid_until, issuer.unreadable) == ("", "", (0x05, 0x06))
    holder = HolderData.decode(bytes.fromhex("0B01AB" + HOLDER))
    assert (holder.ethnic_group, holder.unreadable) == ("", (0x0B,))


@given(st.binary(max_size=120))
def test_any_bytes_are_a_file_or_bad_content(raw: bytes) -> None:
    for file in CARD_FILES:
        try:
            file.decode(raw)
        except BadCardContent:
            fired("F10")
            continue


@pytest.mark.parametrize(("raw", "text"), [("2034010F", "2034010"), ("FFFFFFFF", ""), ("01", "01")])
def test_packed_digits_lose_their_padding(raw: str, text: str) -> None:
    assert decode_digits(bytes.fromhex(raw)) == text
    assert encode_digits(text, len(raw) // 2).hex().upper() == raw


@pytest.mark.parametrize("digits", ["123", "1A"])
def test_digits_that_do_not_fit_are_not_written(digits: str) -> None:
    with pytest.raises(BadCoding):
        encode_digits(digits, 1)


@given(st.text(st.characters(codec="gb18030", exclude_categories=["C", "Z"]), min_size=1, max_size=12))
def test_a_name_is_split_and_joined_wherever_the_cut_falls(name: str) -> None:
    try:
        parts = split_name(name, 30, 20)
    except BadCoding:
        assert len(name.encode("gb18030")) > 50
        return
    assert decode_name(*parts) == name


@pytest.mark.parametrize("padding", [b"\x00", b"\xff", b"\x20"])
def test_every_seen_padding_is_taken_off(padding: bytes) -> None:
    assert decode_name("测试甲".encode("gb18030").ljust(30, b"\x00"), padding * 20) == "测试甲"


def test_a_space_at_the_cut_of_a_latin_name_stays() -> None:
    assert decode_name(b"TEST AVERYLONGGIVENNAMEINDEED ", b"SECOND".ljust(20, b"\x00")).endswith(
        "INDEED SECOND"
    )


def test_a_name_no_card_can_hold_is_not_written() -> None:
    with pytest.raises(BadCoding):
        split_name("\ud800", 30, 20)


@pytest.mark.parametrize(("number", "check"), [("T0000001", "X"), ("T0000002", "8"), ("T0000009", "5")])
def test_the_check_character_of_a_card_number(number: str, check: str) -> None:
    assert card_number_check(number) == check


@pytest.mark.parametrize(
    ("digits", "day"),
    [("20240102", date(2024, 1, 2)), ("20240231", None), ("", None), ("2024010", None), ("2024AA02", None)],
)
def test_only_days_of_the_calendar_are_dates(digits: str, day: date | None) -> None:
    assert parse_date(digits) == day
