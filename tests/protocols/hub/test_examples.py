"""Every worked message is read, typed and written again without losing a member or a fen."""

import json

import pytest

from protocols.hub import envelope, wire
from protocols.hub.check import check_settlement_identities
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.profile import Profile
from protocols.hub.settlement import SettlementOutput, cancellation_split, settlement_split
from tests.protocols.hub import examples

NATIONAL = Profile(name="national")
WITH_AMOUNTS = [name for name in examples.ANSWERS if b'"setlinfo"' in examples.body(name)]


def test_all_worked_messages_are_there() -> None:
    assert len(examples.REQUESTS) == 37
    assert len(examples.ANSWERS) == 27


@pytest.mark.parametrize("name", examples.REQUESTS)
def test_a_request_envelope_survives_reading_and_writing(name: str) -> None:
    request = envelope.decode_request(examples.body(name))
    written = envelope.encode_request(request)
    assert request.infno == examples.infno(name)
    assert list(json.loads(written)) == list(json.loads(examples.body(name)))
    assert examples.meaning(written) == examples.meaning(examples.body(name))
    assert envelope.decode_request(written) == request


@pytest.mark.parametrize("name", examples.ANSWERS)
def test_an_answer_envelope_survives_reading_and_writing(name: str) -> None:
    answer = envelope.decode_answer(examples.body(name))
    written = envelope.encode_answer(answer)
    assert json.loads(written) == json.loads(examples.body(name))
    assert envelope.decode_answer(written) == answer


@pytest.mark.parametrize("name", examples.NAMES)
def test_a_payload_survives_typing(name: str) -> None:
    raw = examples.payload(name)
    value = wire.decode(raw, examples.payload_type(name))
    written = wire.encode(value)
    assert examples.meaning(written) == (examples.meaning(raw) or {})
    assert wire.decode(written, type(value)) == value


@pytest.mark.parametrize("name", examples.NAMES)
def test_no_person_is_shown_by_the_repr_of_a_message(name: str) -> None:
    value = examples.typed(name)
    request_or_answer = (
        envelope.decode_request(examples.body(name))
        if name in examples.REQUESTS
        else envelope.decode_answer(examples.body(name))
    )
    for shown in (repr(value), str(value), repr(request_or_answer)):
        for secret in (
            "测试甲",
            "测试乙",
            "9999991900",
            "99990000000000000001",
            "99990000000000000002",
            "ECTOKENDEMO",
            "1900-0",
            "测试单位",
        ):
            assert secret not in shown


@pytest.mark.parametrize("name", WITH_AMOUNTS)
def test_the_money_identities_hold(name: str) -> None:
    value = _settlement(name)
    lines = value.line_splits if isinstance(value, PharmacyOutput) else ()
    assert check_settlement_identities(value.info, value.funds, lines, NATIONAL) == []


@pytest.mark.parametrize("name", WITH_AMOUNTS)
def test_the_split_adds_up_in_its_direction(name: str) -> None:
    info = _settlement(name).info
    cancelled = examples.infno(name) in ("2103", "2208")
    split = cancellation_split(info, NATIONAL) if cancelled else settlement_split(info, NATIONAL)
    expected = (8330, 0, 6000, 2330) if info.medical_category != "14" else (21080, 13376, 5000, 2704)
    assert (split.total_fen, split.fund_fen, split.account_fen, split.cash_fen) == expected


def _settlement(name: str) -> PharmacyOutput | SettlementOutput:
    value = examples.typed(name)
    assert isinstance(value, PharmacyOutput | SettlementOutput)
    return value
