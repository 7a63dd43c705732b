"""Every scan is told for what it is, and only the step that asked may use it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from protocols.codes.assembler import LineAssembler, ScannedLine
from protocols.codes.classifier import MAX_CODE_CHARACTERS, WrongCode, classify, message_key, select
from protocols.codes.code_types import (
    BadCheckDigit,
    CheckedForm,
    CodeMatch,
    DrugBaseCode,
    Ean,
    ECertificateCode,
    Gs1Code,
    IdentityNumber,
    OpenPlatformCode,
    PaymentCode,
    PaymentProvider,
    TraceCode,
    Unknown,
    UnknownLook,
)
from tests.vectors.codes import ScanVector, scan_vectors

CERTIFICATE = "4240000000000000001707990000"
GS1_TEXT = "01069012345678921728123110LOT17\x1d21S000017"
WECHAT_LIKE_IDENTITY = next(
    vector.text for vector in scan_vectors() if vector.kinds == ("payment.wechat", "identity_number")
)


@pytest.mark.parametrize("vector", scan_vectors(), ids=lambda vector: vector.name)
def test_every_vector_is_classified(vector: ScanVector) -> None:
    (line,) = LineAssembler().feed(vector.wire, 0.0)
    assert isinstance(line, ScannedLine)
    assert tuple(message_key(match) for match in classify(line.text, line.symbology)) == vector.kinds


def test_a_certificate_is_split_into_its_fields() -> None:
    (code,) = classify("424" + "00000000000000017" + "05" + "99" + "0000")
    assert isinstance(code, ECertificateCode)
    assert code.random_digits == "0000000000000001705"
    assert code.province_digits == "99"
    assert code.extension == "0000"


def test_a_trace_code_is_split_into_resource_code_and_serial_part() -> None:
    (code,) = classify("89999990000000000017")
    assert isinstance(code, TraceCode)
    assert (code.resource_code, code.serial_part) == ("8999999", "0000000000017")


def test_a_gs1_code_keeps_the_scanned_text_with_its_separator() -> None:
    (code,) = classify(GS1_TEXT, "]d2")
    assert isinstance(code, Gs1Code)
    assert code.text == GS1_TEXT
    assert code.gtin == "06901234567892"
    assert code.is_trace_code
    assert code.value_of("10") == "LOT17"
    assert code.value_of("37") is None


def test_a_gs1_code_without_serial_names_no_single_pack() -> None:
    (code,) = classify("0106901234567892", "]d2")
    assert isinstance(code, Gs1Code)
    assert not code.is_trace_code


def test_a_retail_barcode_is_never_a_trace_code() -> None:
    (code,) = classify("6901234567892", "]E0")
    assert isinstance(code, Ean)
    assert code.gtin14 == "06901234567892"
    assert select((code,), {TraceCode}) == WrongCode(found=("ean",), wanted=("trace",))


def test_an_identity_number_shaped_like_a_wechat_code_is_both_and_the_step_decides() -> None:
    matches = classify(WECHAT_LIKE_IDENTITY)
    assert isinstance(select(matches, {IdentityNumber}), IdentityNumber)
    payment = select(matches, {PaymentCode})
    assert isinstance(payment, PaymentCode)
    assert payment.provider is PaymentProvider.WECHAT
    wrong = select(matches, {ECertificateCode})
    assert wrong == WrongCode(found=("payment.wechat", "identity_number"), wanted=("e_certificate",))


def test_an_identity_number_knows_its_birth_date() -> None:
    (number,) = classify("99999920180601222X")
    assert isinstance(number, IdentityNumber)
    assert number.birth_date.isoformat() == "2018-06-01"


def test_a_payment_code_in_place_of_the_certificate_is_named() -> None:
    wrong = select(classify("281234567890123456", "]Q1"), {ECertificateCode})
    assert isinstance(wrong, WrongCode)
    assert wrong.kind == "payment.alipay"
    assert wrong.wanted == ("e_certificate",)


def test_several_classes_may_be_wanted() -> None:
    wanted: set[type[TraceCode | Gs1Code | Ean]] = {TraceCode, Gs1Code, Ean}
    assert isinstance(select(classify("6901234567892"), wanted), Ean)
    assert isinstance(select(classify("89999990000000000017"), wanted), TraceCode)
    wrong = select(classify(CERTIFICATE), wanted)
    assert wrong == WrongCode(found=("e_certificate",), wanted=("ean", "gs1", "trace"))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("6901234567891", CheckedForm.EAN13),
        ("69012342", CheckedForm.EAN8),
        ("86999999900006", CheckedForm.DRUG_BASE),
        ("999999199001010017", CheckedForm.IDENTITY_NUMBER),
    ],
)
def test_a_wrong_check_digit_is_a_class_of_its_own(text: str, form: CheckedForm) -> None:
    assert classify(text) == (BadCheckDigit(text=text, form=form),)


def test_a_wrong_check_digit_is_not_mentioned_when_another_class_fits() -> None:
    """18 digits from 10 to 15 with a date inside: a WeChat code like any other."""
    assert WECHAT_LIKE_IDENTITY is not None
    other_digit = str((int(WECHAT_LIKE_IDENTITY[-1]) + 1) % 10)
    assert [message_key(match) for match in classify(WECHAT_LIKE_IDENTITY[:-1] + other_digit)] == [
        "payment.wechat"
    ]


@pytest.mark.parametrize(
    "text",
    [
        CERTIFICATE[:-1],
        CERTIFICATE + "0",
        "425" + CERTIFICATE[3:],
        " " + CERTIFICATE,
        CERTIFICATE + "\n",
        "４２４" + CERTIFICATE[3:],  # full-width digits
        "٤٢٤" + CERTIFICATE[3:],  # Arabic digits
        "7" + "0" * 19,
        "8" + "0" * 18,
        "69012345678",
        "623456789012345678901",
        "99999919901301001X",
        "999999199001010016".replace("1", "１"),
        "1" * (MAX_CODE_CHARACTERS + 1),
        "'; DROP TABLE person; --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "\x1d",
        "]Q1",
    ],
)
def test_what_is_nearly_a_code_or_hostile_is_unknown_text(text: str) -> None:
    assert classify(text) == (Unknown(text=text, look=UnknownLook.TEXT),)


@pytest.mark.parametrize(
    "text", ["http://example.invalid", "HTTPS://EXAMPLE.INVALID/x", "weixin://x/y", "www.example.invalid"]
)
def test_a_web_address_is_unknown_and_said_to_be_one(text: str) -> None:
    assert classify(text) == (Unknown(text=text, look=UnknownLook.WEB_ADDRESS),)


def test_bytes_that_are_no_text_are_unknown() -> None:
    assert classify(None) == (Unknown(text=None, look=UnknownLook.BINARY),)


@pytest.mark.parametrize(
    "text",
    [
        "010690123456789210",  # field 10 empty
        "01069012345678929910X",  # unknown identifier behind the item number
        "0106901234567892",  # nothing behind, and no AIM id
        "010690123456789110LOT",  # wrong check digit and no AIM id: not taken for GS1 at all
    ],
)
def test_without_an_aim_id_only_a_whole_element_string_is_gs1(text: str) -> None:
    assert classify(text) == (Unknown(text=text, look=UnknownLook.TEXT),)


@pytest.mark.parametrize(
    "match",
    [
        *classify(CERTIFICATE),
        *classify("opc" + CERTIFICATE[3:]),
        *classify("134567890123456789"),
        *classify("999999199001010016"),
        *classify("999999199001010017"),
        *classify("something 424"),
    ],
    ids=lambda match: match.kind,
)
def test_codes_of_persons_and_unknown_texts_never_show_in_a_text_form(match: CodeMatch) -> None:
    shown = f"{match!r} {match!s} {pretty_repr(match)} {(match,)}"
    assert isinstance(match.text, str)
    assert match.text not in shown
    assert match.text[-6:] not in shown
    wrong = select((match,), {DrugBaseCode})
    assert match.text[-6:] not in repr(wrong)


def test_the_open_platform_sibling_is_not_a_certificate() -> None:
    matches = classify("opc" + CERTIFICATE[3:])
    assert isinstance(matches[0], OpenPlatformCode)
    assert select(matches, {ECertificateCode}) == WrongCode(
        found=("open_platform",), wanted=("e_certificate",)
    )


@given(
    text=st.text(max_size=600) | st.from_regex(r"[0-9X\x1d\]]{0,40}", fullmatch=True),
    symbology=st.sampled_from(["", "]d2", "]E0"]),
)
def test_any_text_has_a_class_and_good_digits_are_ascii(text: str, symbology: str) -> None:
    matches = classify(text, symbology)
    assert matches
    for match in matches:
        assert match.text == text
        if not isinstance(match, Unknown):
            assert text.isascii()
    assert (len(matches) == 1) or not any(isinstance(match, Unknown | BadCheckDigit) for match in matches)
