"""JSON to values: absent is absent, numbers are exact, two readers never see two messages."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.hub.blocks import NoOutput
from protocols.hub.listings import ItemQueryOutput
from protocols.hub.person import BenefitCheckOutput, PersonInput, PersonOutput
from protocols.hub.queries import ChronicQueryOutput, VisitQueryOutput
from protocols.hub.records import PolicyItemsQueryOutput
from protocols.hub.settlement import FundPart
from protocols.money import Fen
from protocols.secret import Secret


def _fund(amount: str, limit: str = "0") -> FundPart:
    text = f'{{"fund_pay_type": "310100", "fund_payamt": {amount}, "crt_payb_lmt_amt": {limit}}}'
    return wire.decode(text.encode("utf-8"), FundPart)


@pytest.mark.parametrize("amount", ["83.3", "83.30", '"83.3"', '"83.30"'])
def test_an_amount_comes_as_number_or_text(amount: str) -> None:
    assert _fund(amount).paid_fen == 8330


@pytest.mark.parametrize("number", ["3", '"3"'])
def test_a_count_comes_as_number_or_text(number: str) -> None:
    page = wire.decode(b'{"data": [], "pages": %s, "pageNum": ""}' % number.encode(), ItemQueryOutput)
    assert (page.pages, page.page) == (3, None)


@pytest.mark.parametrize(
    "wrong",
    ["3.0", "true", "-1", "1" + 18 * "0", '"three"', '"3.0"', '"\u0663"', '"%s"' % ("9" * 5000), "[]"],
)
def test_what_is_no_whole_number_is_no_count(wrong: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        wire.decode(b'{"pages": %s}' % wrong.encode(), ItemQueryOutput)
    assert refused.value.where == "$.pages"


@pytest.mark.parametrize("absent", ["null", '""', '"null"'])
def test_null_empty_and_the_text_null_are_absent_alike(absent: str) -> None:
    assert _fund("1", absent).limit_left_fen is None
    with pytest.raises(MalformedMessage) as refused:
        _fund(absent)
    assert refused.value.reason == "Object missing required field `fund_payamt`"


def test_an_amount_in_the_thousands_of_digits_is_refused_quickly() -> None:
    for amount in ("9" * 5000, '"' + "9" * 5000 + '"', "1." + "9" * 5000):
        with pytest.raises(MalformedMessage):
            _fund(amount)


@pytest.mark.parametrize(
    "amount", ["1e2", "83.301", "NaN", "Infinity", "-Infinity", "true", "[]", "{}", '"1 "', "01"]
)
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(MalformedMessage):
        _fund(amount)


def test_a_fraction_is_no_text() -> None:
    with pytest.raises(MalformedMessage):
        wire.decode(b'{"fund_pay_type": 310100.5, "fund_payamt": 1}', FundPart)


def test_an_error_names_the_place_and_never_the_content() -> None:
    data = {"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": ["999999199001010016"]}}
    with pytest.raises(MalformedMessage) as refused:
        wire.decode(json.dumps(data).encode(), PersonInput)
    assert refused.value.where == "$.data.mdtrt_cert_no"
    assert "9999" not in str(refused.value)
    with pytest.raises(MalformedMessage) as refused:
        _fund('"999999199001010016"')
    assert "9999" not in str(refused.value)
    assert refused.value.where == "$.fund_payamt"


def test_nothing_and_null_are_an_empty_output() -> None:
    for raw in (b"", b"null", b"{}", b" { } "):
        assert wire.decode(raw, NoOutput) == NoOutput()
    with pytest.raises(MalformedMessage, match="baseinfo"):
        wire.decode(b"null", PersonOutput)


def test_unknown_members_are_ignored() -> None:
    assert wire.decode(b'{"surprise": [1, {"x": null}]}', NoOutput) == NoOutput()


@pytest.mark.parametrize("type_", [VisitQueryOutput, ChronicQueryOutput, NoOutput])
@pytest.mark.parametrize("rows", [b"[]", b'[{"mdtrt_id": "M1", "psn_no": "1"}]'])
def test_a_bare_list_is_no_answer_whose_rows_have_a_node_of_their_own(
    type_: type[msgspec.Struct], rows: bytes
) -> None:
    """Read as `data` it would say "no visit" of a visit that is there."""
    with pytest.raises(MalformedMessage):
        wire.decode(rows, type_)


def test_a_bare_list_is_the_rows_of_data() -> None:
    assert wire.decode(b"[]", PolicyItemsQueryOutput) == PolicyItemsQueryOutput()


def test_a_single_row_may_come_without_its_list() -> None:
    row = b'{"trt_enjymnt_flag": "1", "fund_pay_type": "310100"}'
    alone = wire.decode(b'{"trtinfo": ' + row + b"}", BenefitCheckOutput)
    listed = wire.decode(b'{"trtinfo": [' + row + b"]}", BenefitCheckOutput)
    assert alone.entitlements == listed.entitlements
    assert wire.decode(b'{"trtinfo": null}', BenefitCheckOutput).entitlements == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b"{}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a": 1, "a": 1}',
        b'{"b": {"a": 1, "a": null}}',
        b'{"b": [{"a": 1, "a": 2}]}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00\\ud800"}',
        b'{"\\uD83D": 1}',
        b'{"a": NaN}',
        b'{"a": 01}',
        b'{"a": "\n"}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        '{"a": １}'.encode(),
    ],
)
def test_what_is_not_exactly_one_clear_json_value_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        wire.check_json(data)
    with pytest.raises(MalformedMessage):
        wire.read_json(data)


def test_escaped_text_is_read() -> None:
    assert wire.read_json(b'{"a": "\\u6d4b\\uD83D\\ude00 \\"\\\\"}') == {"a": '测😀 "\\'}


@given(st.binary(max_size=200))
def test_random_bytes_are_a_value_or_a_malformed_message(data: bytes) -> None:
    for read in (wire.check_json, wire.read_json):
        try:
            read(data)
        except MalformedMessage:
            continue
        json.loads(data)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_every_json_document_passes_the_check(value: object) -> None:
    wire.check_json(json.dumps(value).encode())
    wire.check_json(json.dumps(value, ensure_ascii=False).encode())


@given(st.dictionaries(st.sampled_from(["fund_pay_type", "fund_payamt", "inscp_scp_amt", "x"]), _JSON))
def test_random_members_are_a_fund_row_or_a_malformed_message(value: object) -> None:
    try:
        row = wire.decode(json.dumps(value).encode(), FundPart)
    except MalformedMessage:
        return
    assert isinstance(row.paid_fen, Fen)


def test_a_value_without_a_wire_form_is_a_bug() -> None:
    part = msgspec.structs.replace(FundPart(fund_pay_type="310100", paid_fen=Fen(1)), paid_fen=object())
    with pytest.raises(TypeError, match="object has no wire form"):
        wire.encode(part)


def test_secrets_and_amounts_are_written_as_they_are() -> None:
    query = wire.decode(b'{"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": "1"}}', PersonInput).query
    assert query.medium_no == Secret("1")
    assert b'"mdtrt_cert_no":"1"' in wire.encode(query)
    assert (
        wire.encode(_fund("-83.3"))
        == b'{"fund_pay_type":"310100","crt_payb_lmt_amt":0.00,"fund_payamt":-83.30}'
    )
