"""Story 2: a retired employee comes to a primary clinic for a filed chronic disease, whole, at the terminal and at the hub."""

from pathlib import Path
from typing import Any

from protocols.money import Fen, Split
from terminal.core.states import State
from tests.terminal.clinic.clinic import CLINIC, STORY, Clinic, Window, state_of
from tests.terminal.harness import virtual

VISIT = ["1101", "2001", "5301", "2201", "2203A", "2204", "2206A", "2207A"]
BOOKED = [(infno, "ANSWERED", "done") for infno in ("2201", "2203A", "2204", "2207A")]

# 测试乙: employee, retired, M01600 filed (class II), primary clinic, 50.00 on the account, set JH of the home city.
#   D12 8 x 48.71 = 389.68, class B with 5 %, ceiling 48.71: share 19.484 -> 19.48, policy scope 370.20
#   D03 4 x 12.50 =  50.00, class A, ceiling 12.50:                                policy scope  50.00
#   S01 1 x 10.00 =  10.00, class A, primary ceiling 10.00:                        policy scope  10.00
#   total 449.68, policy scope 430.20; no monthly deductible in this set
#   pooled fund: class II, retired, primary 85 %: 430.20 x 0.85 = 365.67, below the yearly 6000.00 of M01600
#   large amount: the yearly burden 430.20 - 365.67 = 64.53 is far below 20000.00, nothing
#   person 449.68 - 365.67 = 84.01: own account 50.00, cash 34.01
STORY_SPLIT = Split(
    total_fen=Fen(44968), fund_fen=Fen(36567), account_fen=Fen(5000), cash_fen=Fen(3401), mutual_aid_fen=Fen(0), hospital_fen=Fen(0)
)  # fmt: skip


@virtual
async def test_the_visit_with_a_typed_identity_number_is_paid_as_derived_by_hand(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()

    opened = await window.open()
    assert opened.state is State.DRAFT
    known = await window.type_number(opened)
    assert (known.state, known.entitled) == (State.DRAFT, True)
    assert [(filing.code, filing.name) for filing in known.filings or ()] == [("M01600", "糖尿病")]
    assert clinic.visits() == [], "nothing stands at the hub before a disease is picked"

    priced = await window.pick(known)
    assert state_of(priced) == (State.PRICED, "")
    assert priced.quote is not None
    assert priced.quote.split == STORY_SPLIT
    assert priced.line_classes == ("02", "01", "01")
    assert clinic.live() == [], "a quote settles nothing"

    settled = await window.confirm(priced)
    assert state_of(settled) == (State.CONFIRMED, "settled")
    assert settled.booking is not None
    assert settled.booking.split == STORY_SPLIT
    assert {fund.fund_type: fund.amount_fen for fund in settled.booking.funds} == {
        "310100": 36567,
        "310200": 5000,
    }
    assert settled.booking.line_classes == ("02", "01", "01")
    assert clinic.hub_link.transactions() == VISIT
    assert window.steps(settled) == BOOKED

    (record,) = clinic.live()
    assert (record.result.total_fen, record.result.fund_fen) == (44968, 36567)
    assert (record.result.account_fen, record.result.cash_fen) == (5000, 3401)
    assert (record.med_type, record.dise_codg, record.mdtrt_cert_type) == ("14", "M01600", "02")
    assert (record.msgid, record.mdtrt_id) == (settled.settle_msgid, settled.visit_id)
    assert clinic.balance_fen("yi") == 0

    await window.counter.sales.acknowledge(settled.id, "N01")
    await window.rest()
    assert (await window.get(settled)).state is State.CLOSED
    assert clinic.printer.titles() == ["医保结算单"]
    await window.finish()


@virtual
async def test_the_visit_with_a_card_sends_its_identification_code(tmp_path: Path) -> None:
    """1101 and 2201 carry `card_sn`; 2206A and 2207A know only type and number of the medium, as their tables say."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.insert_card(await window.open())
    settled = await window.confirm(await window.pick(known))
    assert state_of(settled) == (State.CONFIRMED, "settled")
    assert settled.booking is not None
    assert settled.booking.split == STORY_SPLIT
    assert clinic.hub_link.transactions() == VISIT

    link = clinic.hub_link
    for infno in ("1101", "2201"):
        (told,) = link.inputs(infno)
        assert told["data"]["mdtrt_cert_type"] == "03"
        assert told["data"]["mdtrt_cert_no"] == "T00000028"
        assert told["data"]["card_sn"] == "999999D156000005000000025A000002"
    for infno in ("2206A", "2207A"):
        (told,) = link.inputs(infno)
        assert (told["data"]["mdtrt_cert_type"], told["data"]["mdtrt_cert_no"]) == ("03", "T00000028")
        assert "card_sn" not in told["data"]
    (record,) = clinic.live()
    assert record.mdtrt_cert_type == "03"
    await window.finish()


@virtual
async def test_the_visit_with_a_certificate_code_goes_the_same_way(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.counter.media.give_code((await window.open()).id, clinic.code("yi"))
    settled = await window.confirm(await window.pick(known))
    assert settled.booking is not None
    assert settled.booking.split == STORY_SPLIT
    tokens = {
        told["data"]["mdtrt_cert_no"]
        for infno in ("1101", "2201", "2206A", "2207A")
        for told in clinic.hub_link.inputs(infno)
    }
    assert len(tokens) == 1, "one token serves the whole visit"
    await window.finish()


@virtual
async def test_without_the_account_the_person_pays_in_cash(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.confirm(await window.pick(await window.arrive(use_account=False)))
    assert settled.booking is not None
    assert (settled.booking.split.fund_fen, settled.booking.split.account_fen) == (36567, 0)
    assert settled.booking.split.cash_fen == 8401
    assert clinic.balance_fen("yi") == 5000
    (told,) = clinic.hub_link.inputs("2207A")
    assert told["data"]["acct_used_flag"] == "0"
    await window.finish()


def only(inputs: list[Any]) -> Any:
    """The only input of its kind."""
    (told,) = inputs
    return told


@virtual
async def test_what_each_message_of_the_visit_says(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    link, psn_no = clinic.hub_link, clinic.world.person("yi").psn_no
    batch = f"{settled.own_visit_no}001"

    asked = only(link.inputs("2001"))["data"]
    assert (asked["psn_no"], asked["insutype"], asked["med_type"]) == (psn_no, "310", "14")
    assert asked["fixmedins_code"] == CLINIC

    registered = only(link.inputs("2201"))["data"]
    assert registered["ipt_otp_no"] == settled.own_visit_no
    assert (registered["atddr_no"], registered["dept_code"], registered["caty"]) == (
        "D999900000001",
        "A02",
        "A02",
    )
    assert (registered["psn_no"], registered["begntime"]) == (psn_no, settled.began_at)

    told = only(link.inputs("2203A"))
    assert (told["mdtrtinfo"]["mdtrt_id"], told["mdtrtinfo"]["med_type"]) == (settled.visit_id, "14")
    assert (told["mdtrtinfo"]["dise_codg"], told["mdtrtinfo"]["dise_name"]) == ("M01600", "糖尿病")
    (diagnosis,) = told["diseinfo"]
    assert (diagnosis["diag_code"], diagnosis["diag_name"], diagnosis["diag_srt_no"]) == (
        "E11.900",
        "2型糖尿病",
        1,
    )
    assert (diagnosis["vali_flag"], diagnosis["dise_dor_no"]) == ("1", "D999900000001")

    lines = only(link.inputs("2204"))["feedetail"]
    assert [line["feedetl_sn"] for line in lines] == [f"{batch}001", f"{batch}002", f"{batch}003"]
    assert {line["chrg_bchno"] for line in lines} == {batch}
    assert {line["mdtrt_id"] for line in lines} == {settled.visit_id}
    assert [line["det_item_fee_sumamt"] for line in lines] == [389.68, 50.0, 10.0]
    assert [(line["cnt"], line["pric"]) for line in lines] == [(8, 48.71), (4, 12.5), (1, 10)]

    quoted = only(link.inputs("2206A"))["data"]
    assert (quoted["medfee_sumamt"], quoted["psn_setlway"], quoted["acct_used_flag"]) == (449.68, "01", "1")
    assert (quoted["mdtrt_id"], quoted["chrg_bchno"]) == (settled.visit_id, batch)

    final = only(link.inputs("2207A"))["data"]
    assert {name: final[name] for name in quoted} == quoted
    quote_amounts = {
        "fulamt_ownpay_amt": 0.0,
        "overlmt_selfpay": 0.0,
        "preselfpay_amt": 19.48,
        "inscp_scp_amt": 430.2,
    }
    assert {name: final[name] for name in quote_amounts} == quote_amounts
    await window.finish()


@virtual
async def test_trace_codes_stand_beside_data_each_with_its_line(tmp_path: Path) -> None:
    """One row per pack; a line without codes has no row; a sheet without codes has no node (K13)."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    (told,) = clinic.hub_link.inputs("2207A")
    line = f"{settled.own_visit_no}001"
    assert [(row["feedetl_sn"], row["drug_trac_codg"], row["trdn_flag"], row["min_prcunt_type"]) for row in told["drug_trac_info"]] == [
        (f"{line}001", "89999990000000000012", "0", "0"),
        (f"{line}001", "89999990000000000013", "0", "0"),
        (f"{line}002", "89999990000000000003", "0", "0"),
    ]  # fmt: skip
    assert set(told) == {"data", "drug_trac_info"}
    assert not any("drug_trac_info" in line for line in clinic.hub_link.inputs("2204")[0]["feedetail"])

    await window.finish()


@virtual
async def test_what_left_the_terminal_is_what_was_written_before(tmp_path: Path) -> None:
    """Every message that can change the hub stands in the journal, byte for byte and in the order it left (S3)."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    await window.cancel(settled)
    await window.rest()
    booking = {"2201", "2203A", "2204", "2207A", "2208", "2205", "2202"}
    left = [(exchange.msgid, exchange.body) for exchange in clinic.hub_link.sent if exchange.infno in booking]
    written = [(attempt.msgid, attempt.request) for attempt in window.till.journal.attempts.of(settled.id)]
    assert written == left
    assert len(left) == len(booking)
    await window.finish()


@virtual
async def test_a_sheet_without_packs_has_no_trace_node(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    assert (await window.settled(lines=(STORY[2],))).state is State.CONFIRMED
    (told,) = clinic.hub_link.inputs("2207A")
    assert set(told) == {"data"}
    await window.finish()


async def own_numbers(window: Window) -> tuple[set[str], set[str], set[str]]:
    """Visit numbers, charge batches and line numbers of everything sent so far."""
    link = window.clinic.hub_link
    visits = {told["data"]["ipt_otp_no"] for told in link.inputs("2201")}
    lines = [line for told in link.inputs("2204") for line in told["feedetail"]]
    return visits, {line["chrg_bchno"] for line in lines}, {line["feedetl_sn"] for line in lines}


@virtual
async def test_visit_numbers_batches_and_line_numbers_never_repeat(tmp_path: Path) -> None:
    """Three quotes of one visit with other lines each time, then the same sale number again after a cancellation."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    first = await window.priced(lines=STORY[:1])
    for count in (2, 3):
        await window.counter.sales.set_lines(first.id, STORY[:count])
        assert (await window.counter.sales.quote(first.id)).state is State.PRICED
    await window.confirm(first)
    await window.cancel(first)
    await window.rest()
    second = await window.settled()
    assert (second.key.sale_number, second.key.generation) == ("1", 2)

    visits, batches, lines = await own_numbers(window)
    assert visits == {first.own_visit_no, second.own_visit_no}
    assert batches == {f"{first.own_visit_no}{count:03d}" for count in (1, 2, 3)} | {
        f"{second.own_visit_no}001"
    }
    assert len(lines) == 1 + 2 + 3 + 3
    for number in (*visits, *batches, *lines):
        assert len(number) <= 30, "the tables give ipt_otp_no, chrg_bchno and feedetl_sn 30 characters"
        assert number.isdigit()
    await window.finish()


@virtual
async def test_a_cancelled_visit_leaves_nothing_at_the_hub(tmp_path: Path) -> None:
    """2208 with the ids of the settlement, then the lines and the registration are withdrawn by themselves."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    assert settled.booking is not None
    cancelled = await window.cancel(settled)
    assert state_of(cancelled) == (State.CANCELLED, "cancelled")
    assert cancelled.cancellation is not None
    assert cancelled.cancellation.split == STORY_SPLIT
    assert {fund.fund_type: fund.amount_fen for fund in cancelled.cancellation.funds} == {
        "310100": 36567,
        "310200": 5000,
    }
    await window.rest()

    assert clinic.hub_link.transactions() == [*VISIT, "2208", "2205", "2202"]
    (told,) = clinic.hub_link.inputs("2208")
    assert told["data"]["setl_id"] == settled.booking.info.settlement_id
    assert told["data"]["mdtrt_id"] == settled.visit_id
    (lines,) = clinic.hub_link.inputs("2205")
    assert lines["data"]["chrg_bchno"] == "0000"
    (withdrawn,) = clinic.hub_link.inputs("2202")
    assert (withdrawn["data"]["mdtrt_id"], withdrawn["data"]["ipt_otp_no"]) == (
        settled.visit_id,
        settled.own_visit_no,
    )
    assert clinic.visits() == []
    assert clinic.balance_fen("yi") == 5000
    assert clinic.world.ledger.accumulators(clinic.world.person("yi").psn_no, "JH", 2026).pool_all_fen == 0
    assert sorted(clinic.printer.titles()) == sorted(["医保结算单", "医保结算撤销单"])
    await window.finish()


@virtual
async def test_a_settled_visit_is_cancelled_days_and_a_restart_later(tmp_path: Path) -> None:
    """The medium is long forgotten; 2208, 2205 and 2202 do not need it."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    await window.counter.sales.acknowledge(settled.id, "N01")
    await window.rest()
    window = await window.restart()
    await window.pass_time(3 * 24 * 3600)
    cancelled = await window.cancel(settled)
    assert state_of(cancelled) == (State.CANCELLED, "cancelled")
    await window.finish()
    assert clinic.visits() == []
