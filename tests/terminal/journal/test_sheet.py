"""The sheet in two parts: what people are shown, and the rest."""

import random
from typing import Any, cast

import msgspec
import pytest

from protocols.hub.settlement import SettlementInfo
from protocols.money import Fen, Split
from protocols.secret import Secret
from terminal.core.states import State
from terminal.core.values import Booking, ChargeLine, Notice, Settlement
from terminal.journal.records import Amounts
from terminal.journal.sheet import (
    SheetGone,
    _finder,
    decode_sheet,
    encode_sheet,
    identity_is_gone,
    join_sheet,
    settlement_of,
    split_sheet,
)
from tests.terminal.core.samples import TO_CONFIRMED, after, draft
from tests.terminal.journal.samples import KEY, row

FULL = after(*TO_CONFIRMED, start=draft(id="S1"))
SHEET = encode_sheet(FULL)


def test_the_rest_holds_no_name_and_no_identity_number_but_the_person_number() -> None:
    assert FULL.person is not None
    shown, rest = split_sheet(SHEET)
    for secret in (FULL.person.name, FULL.person.certno):
        assert secret.reveal().encode() in shown
        assert secret.reveal().encode() not in rest
    assert FULL.person.psn_no.reveal().encode() in rest
    assert FULL.person.psn_no.reveal().encode() not in shown


def test_each_value_stands_once_however_often_it_occurs() -> None:
    shown, _ = split_sheet(SHEET)
    values = msgspec.msgpack.decode(shown)
    assert len(values) == len(set(values))


def test_without_the_first_part_everything_else_comes_back() -> None:
    _, rest = split_sheet(SHEET)
    bare = decode_sheet(join_sheet(b"", rest))
    assert FULL.person is not None
    assert bare.person == msgspec.structs.replace(FULL.person, name=Secret(""), certno=Secret(""))
    assert (bare.lines, bare.key, bare.settle_msgid) == (FULL.lines, FULL.key, FULL.settle_msgid)


def test_a_sheet_of_schema_1_decodes_and_is_all_rest() -> None:
    def reveal(value: Any) -> Any:
        return value.reveal() if isinstance(value, Secret) else int(value)

    stored = msgspec.structs.replace(FULL, code=None, medium=None, running="", attempt=None)
    old = msgspec.msgpack.Encoder(enc_hook=reveal).encode(stored)
    assert split_sheet(old) == (b"", old)
    assert decode_sheet(old) == stored


def test_a_draft_has_nothing_to_hide() -> None:
    shown, rest = split_sheet(encode_sheet(draft()))
    assert shown == b""
    assert decode_sheet(join_sheet(shown, rest)) == draft()


def test_an_empty_sheet_is_gone() -> None:
    with pytest.raises(SheetGone):
        decode_sheet(b"")


def test_what_is_no_value_of_ours_is_a_bug_and_said() -> None:
    strange = cast("ChargeLine", object())
    with pytest.raises(TypeError, match="object"):
        encode_sheet(msgspec.structs.replace(FULL, lines=(strange,)))
    with pytest.raises(TypeError, match="complex"):
        _finder([])(complex, 1)


def test_sheets_of_many_shapes_come_back_whole_and_without_names() -> None:
    """The split of the sheet loses nothing while both parts are there."""
    rng = random.Random(5)
    assert FULL.person is not None
    for _ in range(50):
        name = rng.choice(["", "\x00", "\x000", "\x0012", "测试", FULL.person.psn_no.reveal()])
        person = msgspec.structs.replace(FULL.person, name=type(FULL.person.name)(name))
        changed = msgspec.structs.replace(
            FULL, person=person, medium=None, code=None, running="", attempt=None
        )
        assert decode_sheet(encode_sheet(changed)) == changed


def test_a_sale_without_amounts_past_its_term_is_only_its_row() -> None:
    bare = settlement_of(row(sheet=b"", state=State.ABANDONED))
    assert (bare.state, bare.booking, bare.lines) == (State.ABANDONED, None, ())


def test_of_a_settlement_past_its_term_the_whole_row_is_left_and_nothing_else() -> None:
    amounts = Amounts(1000, 500, 300, 100, 150, 50)
    past = row(sheet=b"", state=State.CLOSED, amounts=amounts, quarantine=True, lane="3", terminal_sequence=9)
    info = SettlementInfo(
        visit_id="", total_fen=Fen(1000), fund_total_fen=Fen(500), account_fen=Fen(300), mutual_aid_fen=Fen(100),
        psn_cash_fen=Fen(150), hospital_fen=Fen(50), self_paid_fen=Fen(0), over_limit_fen=Fen(0), class_b_share_fen=Fen(0),
        policy_scope_fen=Fen(0),
    )  # fmt: skip
    split = Split(
        total_fen=1000, fund_fen=500, account_fen=300, cash_fen=150, mutual_aid_fen=100, hospital_fen=50
    )
    assert settlement_of(past) == Settlement(
        id="S1", key=KEY, lane="3", flow="pharmacy_purchase", state=State.CLOSED, operator="", quarantine=True,
        notice=Notice("evidence_past_term"), booking=Booking(split, info),
    )  # fmt: skip


def test_the_length_of_the_first_part_takes_four_bytes() -> None:
    assert join_sheet(b"ab", b"cd") == b"\x02\x00\x00\x00\x02abcd"
    assert split_sheet(b"\x02\x00\x00\x00\x02abcd") == (b"ab", b"cd")
    assert split_sheet(b"\x02\x01\x00\x00\x00abcd") == (b"abcd", b""), "16 MB that are not there"


def test_names_are_gone_only_when_name_and_number_are() -> None:
    full = after(*TO_CONFIRMED, start=draft(id="S1"))
    assert full.person is not None
    empty = type(full.person.name)("")
    assert not identity_is_gone(draft()), "there never were any"
    for changes, gone in (({}, False), ({"name": empty}, False), ({"certno": empty}, False),
                          ({"name": empty, "certno": empty}, True)):  # fmt: skip
        person = msgspec.structs.replace(full.person, **changes)
        assert identity_is_gone(msgspec.structs.replace(full, person=person)) is gone
