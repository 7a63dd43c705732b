"""The table of transactions, and the small parts several messages share."""

from typing import Any, Literal

import msgspec
import pytest

from protocols.hub import wire
from protocols.hub.blocks import TraceCode, spelled
from protocols.hub.catalogue import MESSAGES, Remedy
from protocols.hub.outpatient import ClinicSettlementInput
from protocols.hub.person import PersonOutput
from protocols.hub.pharmacy import PharmacyInput, traced
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Form, Trace
from protocols.hub.settlement import Cancellation
from protocols.hub.sign_in import SignedOut, SignOutOutput
from protocols.secret import Secret
from tests.protocols.hub import examples

NATIONAL = Profile(name="national")


TRANSACTIONS = (
    *("9001", "9002", "1101", "2001", "2101", "2102", "2103"),
    *("2201", "2202", "2203A", "2204", "2205", "2206A", "2207A", "2208", "2601"),
    *("3201", "3202", "5201", "5203", "5301", "9101", "9102"),
    *("1201", "1304", "1312", "1316", "1317", "1318", "1319", "1901"),
    *("1301", "1302", "1303", "1305", "1306", "1306A", "1307", "1308"),
    *("1309", "1310", "1311", "1313", "1314", "1315", "1320", "1321"),
    *("5202", "5204", "5205", "5206", "5302", "100001"),
    *("2501", "2502", "2503", "2504", "2505", "2506", "5304", "3301", "3302"),
    *("3501", "3501A", "3502", "3502A", "3503", "3503A", "3504", "3504A"),
    *("3505", "3505A", "3506", "3506A", "3507", "3507A", "3512", "3513", "3592B"),
    *("3101", "3102", "3103"),
    *("3203", "3204", "3260", "3261", "3262"),
    *("990101", "990102", "990103"),
)
SUBMITTED = tuple(infno for infno in TRANSACTIONS[-37:-11] if infno not in ("5304", "3512", "3513"))


def test_the_transactions_of_this_version() -> None:
    assert tuple(MESSAGES) == TRANSACTIONS
    assert all(infno == message.infno for infno, message in MESSAGES.items())


def test_what_changes_the_hub_is_durable_before_it_is_sent() -> None:
    changing = [infno for infno, message in MESSAGES.items() if message.changes_hub]
    assert changing == [
        "2102",
        "2103",
        "2201",
        "2202",
        "2203A",
        "2204",
        "2205",
        "2207A",
        "2208",
        "2601",
        "9101",
        *SUBMITTED,
        "3103",
        "3203",
        "3204",
        "3261",
        "3262",
        "990102",
        "990103",
    ]


def test_what_is_submitted_outside_a_settlement_is_looked_up_or_repeated() -> None:
    remedies = {infno: MESSAGES[infno].remedy for infno in SUBMITTED}
    looked_up = {
        **dict.fromkeys(("2501", "2503", "2505"), Remedy.LOOK_UP_FILING),
        **{f"350{n}{form}": Remedy.LOOK_UP_GOODS for n in range(1, 7) for form in ("", "A")},
    }
    assert remedies == dict.fromkeys(SUBMITTED, Remedy.REPEAT) | looked_up


def test_money_moves_only_in_settlements_cancellations_and_reversals() -> None:
    moving = {infno: message.remedy for infno, message in MESSAGES.items() if message.moves_money}
    assert moving == {
        "2102": Remedy.REVERSE,
        "2103": Remedy.FINISH_CANCELLATION,
        "2207A": Remedy.REVERSE,
        "2208": Remedy.FINISH_CANCELLATION,
        "2601": Remedy.REVERSE_AGAIN,
    }


def test_every_remedy_by_reversal_is_one_the_profile_allows() -> None:
    for infno, message in MESSAGES.items():
        assert NATIONAL.is_reversible(infno) == (message.remedy is Remedy.REVERSE)


def test_the_extension_is_spelt_as_the_profile_says() -> None:
    block = Cancellation(settlement_id="S", visit_id="V", person_no=Secret("1"))
    snake = Profile(name="x", form=Form(ext_field="exp_content"))
    assert b"xp" not in wire.encode(block)
    assert b'"expContent":"{}"' in wire.encode(spelled(block, NATIONAL, "2103", "{}"))
    assert b'"exp_content":""' in wire.encode(spelled(block, snake, "2103"))
    assert b"expContent" not in wire.encode(
        spelled(spelled(block, NATIONAL, "2103", "x"), snake, "2103", "y")
    )


@pytest.mark.parametrize("member", ["exp_content", "expContent"])
def test_either_spelling_of_the_extension_is_read(member: str) -> None:
    data = f'{{"setl_id": "S", "mdtrt_id": "V", "psn_no": "1", "{member}": "x"}}'.encode()
    assert wire.decode(data, Cancellation).extension == "x"
    assert wire.decode(b'{"setl_id": "S", "mdtrt_id": "V", "psn_no": "1"}', Cancellation).extension == ""


@pytest.mark.parametrize("node", ["durg_trac_info", "drug_trac_info"])
def test_trace_codes_of_a_pharmacy_line_are_read_under_both_names_and_sent_under_the_profiles(
    node: Literal["durg_trac_info", "drug_trac_info"],
) -> None:
    raw = examples.payload("a-2102-request.json").replace(b"durg_trac_info", node.encode())
    sale = wire.decode(raw, PharmacyInput)
    assert [code.code for line in sale.lines for code in line.trace_codes] == [
        "80000000000000000001",
        "80000000000000000002",
    ]
    profile = Profile(name="x", trace=Trace(pharmacy_node=node))
    bare = wire.decode(examples.payload("a-2101-request.json"), PharmacyInput).lines[0]
    assert bare.trace_codes == ()
    written = wire.encode(traced(bare, profile, sale.lines[0].trace_codes))
    assert (
        f'"{node}":[{{"feedetl_sn":"1","drug_trac_codg":"80000000000000000001","trdn_flag":"0"}}]'.encode()
        in written
    )


def test_trace_codes_of_a_clinic_settlement_stand_beside_data() -> None:
    settlement = wire.decode(examples.payload("b-2207A-request.json"), ClinicSettlementInput)
    assert settlement.trace_codes == ()
    assert b"trac" not in wire.encode(settlement)
    code = TraceCode(line_no="1", code="89999990000000000001", split_pack="0", smallest_unit="1")
    written = wire.encode(msgspec.structs.replace(settlement, drug_trac_info=(code,)))
    assert written.endswith(
        b'"drug_trac_info":[{"feedetl_sn":"1","drug_trac_codg":"89999990000000000001","trdn_flag":"0",'
        b'"min_prcunt_type":"1"}]}'
    )
    assert wire.decode(written, ClinicSettlementInput).trace_codes == (code,)


def test_the_insurance_to_settle_under_is_the_active_one() -> None:
    person = wire.decode(examples.payload("a-1101-response.json"), PersonOutput)
    row = person.active_insurance("310")
    assert row is not None
    assert (row.balance_fen, row.insured_division) == (6000, "999900")
    assert person.active_insurance("390") is None
    paused = msgspec.structs.replace(person, insurances=(msgspec.structs.replace(row, status="2"),))
    assert paused.active_insurance() is None


def test_a_sign_out_answers_with_a_node_or_a_bare_time() -> None:
    assert wire.decode(b'{"sign_time": {"sign_time": "2026-11-21"}}', SignOutOutput).signed_out == SignedOut(
        signed_at="2026-11-21"
    )
    assert wire.decode(b'{"sign_time": "2026-11-21"}', SignOutOutput).signed_out == "2026-11-21"


def test_messages_are_frozen_values() -> None:
    block: Any = Cancellation(settlement_id="S", visit_id="V", person_no=Secret("1"))
    with pytest.raises(AttributeError):
        block.visit_id = "W"
    assert hash(block) == hash(wire.decode(wire.encode(block), Cancellation))
