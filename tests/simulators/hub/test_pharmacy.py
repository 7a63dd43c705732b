"""Pharmacy purchases over the wire: quote, settlement, cancellation, and the books behind them."""

from decimal import Decimal
from typing import Any

import pytest

from simulators.benefit.model import Rules
from simulators.hub import HubSettings
from simulators.people import Person, parse_person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.counter import Counter, Lines, Reply, drug_line, make_world, purchase
from tests.simulators.hub.identities import check_identities

HOME = "999900"


def cancel(counter: Counter, settled: Reply, insured: str = HOME) -> Reply:
    """2103 of a settlement."""
    ids = {name: settled.setlinfo[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    return counter.ask("2103", {"data": ids}, insured)


def query(counter: Counter, settled: Reply, insured: str = HOME) -> Reply:
    """5203 of a settlement."""
    ids = {name: settled.setlinfo[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    return counter.ask("5203", {"data": ids}, insured)


def test_1101_tells_person_scheme_and_account(till: Counter, jia: Person) -> None:
    data = {"mdtrt_cert_type": "01", "mdtrt_cert_no": till.token(jia), "psn_cert_type": "01", "certno": ""}
    reply = till.ask("1101", {"data": data})
    assert reply.infcode == 0
    assert reply.output["baseinfo"]["psn_no"] == jia.psn_no
    assert reply.output["baseinfo"]["psn_name"] == "测试甲"
    row = reply.output["insuinfo"][0]
    assert (row["insutype"], row["psn_type"], row["balc"]) == ("310", "11", "60.00")
    assert (row["insuplc_admdvs"], row["psn_insu_stas"]) == ("999900", "1")
    assert reply.output["idetinfo"] == []


def test_1101_shows_the_assistance_category_of_a_person(till: Counter, world: SimulatedWorld) -> None:
    certno = world.person("geng").certno
    data = {"mdtrt_cert_type": "02", "mdtrt_cert_no": certno, "psn_cert_type": "01"}
    reply = till.ask("1101", {"data": data})
    assert [row["psn_idet_type"] for row in reply.output["idetinfo"]] == ["2304"]


def test_example_a_is_paid_sixty_from_the_account_and_the_rest_in_cash(till: Counter, jia: Person) -> None:
    """The interface's worked example A (83.30) agrees with policy set JH."""
    reply = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    assert reply.infcode == 0, reply.err_msg
    info = reply.setlinfo
    assert (info["medfee_sumamt"], info["acct_pay"], info["psn_cash_pay"]) == ("83.30", "60.00", "23.30")
    assert (info["preselfpay_amt"], info["inscp_scp_amt"]) == ("4.58", "78.72")
    assert (info["fund_pay_sumamt"], info["balc"]) == ("0.00", "0.00")
    assert (info["clr_type"], info["clr_optins"], info["clr_way"]) == ("41", "999900", "1")
    row = reply.output["setldetail"][0]
    assert (row["fund_pay_type"], row["fund_payamt"]) == ("310200", "60.00")
    assert [line["preselfpay_amt"] for line in reply.output["detlcutinfo"]] == ["0.00", "4.58"]
    assert [line["chrgitm_lv"] for line in reply.output["detlcutinfo"]] == ["01", "02"]
    check_identities(reply.output)


def test_a_settlement_echoes_the_message_id_and_the_person(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    info = till.send(request).setlinfo
    assert info["medins_setl_id"] == request.message_id
    assert info["psn_no"] == jia.psn_no
    assert len(info["setl_id"]) == 21
    assert info["setl_id"].startswith("SETL")
    assert len(info["mdtrt_id"]) == 21
    assert info["mdtrt_id"].startswith("MDT")


def test_quote_and_settlement_are_equal_and_the_quote_books_nothing(till: Counter, jia: Person) -> None:
    token = till.token(jia)
    quote = till.ask("2101", purchase(till, jia, token), HOME)
    assert till.world.ledger.balance(jia.psn_no) == 6000
    assert till.world.ledger.settlements() == ()
    assert "setl_id" not in quote.setlinfo
    check_identities(quote.output)
    settled = till.ask("2102", purchase(till, jia, token), HOME)
    ids = {"setl_id", "mdtrt_id", "medins_setl_id", "setl_time"}
    assert {k: v for k, v in quote.setlinfo.items() if k not in ids} == {
        k: v for k, v in settled.setlinfo.items() if k not in ids
    }
    assert quote.output["setldetail"] == settled.output["setldetail"]


def account_holder(balance: str) -> Person:
    """Somebody like the people of the benefit cases: employee in service, insured at home."""
    text = f"""
    slug = "extra"
    name = "测试天子"
    psn_no = "99990000000000000101"
    certno = "999999199001010032"
    sex = "1"
    born = 1990-01-01
    [[enrolment]]
    insutype = "310"
    psn_type = "11"
    division = "999900"
    since = 2015-01-01
    balance = "{balance}"
    [certificate]
    state = "ACTIVATED"
    index = "00000000000000000000000000000101"
    example_token = "999900ecsim000000000000000000000000101"
    """
    return parse_person(text, "extra.toml")


@pytest.mark.parametrize(
    ("balance", "lines", "expected"),
    [
        # Benefit case P01: account sufficient.
        (
            "300.00",
            (("D03", 2, 1250), ("D04", 1, 2860), ("D11", 1, 3990)),
            {"medfee_sumamt": "93.50", "fulamt_ownpay_amt": "39.90", "preselfpay_amt": "1.43"}
            | {"inscp_scp_amt": "52.17", "acct_pay": "93.50", "psn_cash_pay": "0.00", "balc": "206.50"},
        ),
        # Benefit case P02: account runs out, rest in cash.
        (
            "50.00",
            (("D04", 3, 2860), ("D05", 2, 4525)),
            {"medfee_sumamt": "176.30", "fulamt_ownpay_amt": "0.00", "preselfpay_amt": "13.34"}
            | {"inscp_scp_amt": "162.96", "acct_pay": "50.00", "psn_cash_pay": "126.30", "balc": "0.00"},
        ),
    ],
)
def test_benefit_cases_of_account_purchases_come_out_over_the_wire(
    balance: str, lines: Lines, expected: dict[str, str]
) -> None:
    person = account_holder(balance)
    till = Counter(make_world(people=[person]), "P99990000001")
    till.sign_in()
    reply = till.ask("2102", purchase(till, person, till.token(person), lines), HOME)
    assert {name: reply.setlinfo[name] for name in expected} == expected
    check_identities(reply.output)


def test_without_the_account_everything_is_cash(till: Counter, jia: Person) -> None:
    reply = till.ask("2102", purchase(till, jia, till.token(jia), acct_used_flag="0"), HOME)
    assert (reply.setlinfo["acct_pay"], reply.setlinfo["psn_cash_pay"]) == ("0.00", "83.30")
    assert reply.output["setldetail"] == []
    assert till.world.ledger.balance(jia.psn_no) == 6000


def test_a_parents_account_pays_for_the_child_and_gets_it_back(till: Counter, world: SimulatedWorld) -> None:
    bing, jia = world.person("bing"), world.person("jia")
    settled = till.ask("2102", purchase(till, bing, till.token(bing), acct_used_flag="2"), HOME)
    info = settled.setlinfo
    assert (info["acct_pay"], info["acct_mulaid_pay"], info["psn_cash_pay"]) == ("60.00", "60.00", "23.30")
    assert world.ledger.balances()[jia.psn_no] == 0
    check_identities(settled.output)
    cancelled = cancel(till, settled)
    assert cancelled.setlinfo["acct_mulaid_pay"] == "-60.00"
    assert world.ledger.balances()[jia.psn_no] == 6000


def test_the_books_hold_visit_lines_settlement_and_balance(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    info = till.send(request).setlinfo
    ledger = till.world.ledger
    (record,) = ledger.live_settlements()
    assert (record.setl_id, record.msgid, record.infno) == (info["setl_id"], request.message_id, "2102")
    assert (record.result.total_fen, record.result.account_fen, record.result.cash_fen) == (8330, 6000, 2330)
    assert ledger.by_msgid(request.message_id) == (record,)
    assert [line.item for line in ledger.lines(record.mdtrt_id)] == ["D03", "D05"]
    assert ledger.unsettled_lines(record.mdtrt_id) == ()
    assert ledger.balance(jia.psn_no) == 0


def test_cancellation_negates_the_stored_amounts_and_restores_the_account(till: Counter, jia: Person) -> None:
    settled = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    cancelled = cancel(till, settled)
    assert cancelled.infcode == 0, cancelled.err_msg
    info = cancelled.setlinfo
    assert (info["medfee_sumamt"], info["acct_pay"], info["psn_cash_pay"]) == ("-83.30", "-60.00", "-23.30")
    assert info["balc"] == "60.00"
    assert info["setl_id"] != settled.setlinfo["setl_id"]
    check_identities(cancelled.output)
    ledger = till.world.ledger
    assert ledger.balance(jia.psn_no) == 6000
    assert ledger.live_settlements() == ()
    original, undoing = ledger.settlements()
    assert (original.how_undone, undoing.direction, undoing.undoes) == ("cancelled", -1, original.setl_id)
    for name, value in settled.setlinfo.items():
        if name in info and name.endswith(("_amt", "_pay")):
            assert Decimal(value) == -Decimal(info[name])


def test_a_second_cancellation_is_refused(till: Counter, jia: Person) -> None:
    settled = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    cancel(till, settled)
    again = cancel(till, settled)
    assert (again.infcode, again.code) == (-1, "ALREADY_REVERSED")
    assert till.world.ledger.balance(jia.psn_no) == 6000


@pytest.mark.parametrize("name", ["setl_id", "mdtrt_id", "psn_no"])
def test_a_cancellation_whose_ids_do_not_fit_together_is_refused(
    till: Counter, jia: Person, yi: Person, name: str
) -> None:
    settled = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    ids = {key: settled.setlinfo[key] for key in ("setl_id", "mdtrt_id", "psn_no")}
    insured = HOME
    if name == "psn_no":
        ids[name], insured = yi.psn_no, "999901"
    else:
        ids[name] = ids[name][:-1] + ("0" if ids[name][-1] != "0" else "1")
    reply = till.ask("2103", {"data": ids}, insured)
    assert (reply.infcode, reply.code) == (-1, "SETL_NOT_FOUND")
    assert len(till.world.ledger.live_settlements()) == 1


def test_another_institution_cannot_cancel(till: Counter, jia: Person) -> None:
    settled = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    other = Counter(till.world, "P99990000003")
    other.sign_in()
    assert cancel(other, settled).code == "SETL_NOT_FOUND"


def test_5203_shows_the_settlement_and_whether_it_was_undone(till: Counter, jia: Person) -> None:
    settled = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    before = query(till, settled).setlinfo
    assert (before["psn_pay"], before["cash_payamt"], before["refd_setl_flag"]) == ("83.30", "23.30", "0")
    assert "psn_part_amt" not in before
    assert (before["pay_loc"], before["year"], before["fixmedins_code"]) == ("2", "2026", "P99990000001")
    cancel(till, settled)
    assert query(till, settled).setlinfo["refd_setl_flag"] == "1"


def test_an_account_purchase_may_be_cancelled_whatever_came_after(till: Counter, jia: Person) -> None:
    """Neither moved an accumulator, so the order of cancellations does not matter."""
    first = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    assert cancel(till, first).infcode == 0


def test_the_total_must_be_the_sum_of_the_lines(till: Counter, jia: Person) -> None:
    reply = till.ask("2102", purchase(till, jia, till.token(jia), medfee_sumamt="83.31"), HOME)
    assert (reply.infcode, reply.code) == (-1, "SUM_MISMATCH")
    assert "medfee_sumamt" in reply.err_msg


def test_a_line_must_be_price_times_quantity(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    body["drugdetail"][0]["det_item_fee_sumamt"] = "37.51"
    reply = till.ask("2102", body, HOME)
    assert reply.infcode == -1
    assert "drugdetail[0].det_item_fee_sumamt" in reply.err_msg


def test_an_item_that_is_in_no_catalogue_is_refused(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    body["drugdetail"][1]["med_list_codg"] = "XTEST000000000000000D99"
    reply = till.ask("2102", body, HOME)
    assert "drugdetail[1].med_list_codg" in reply.err_msg
    assert till.world.ledger.settlements() == ()


def test_one_serial_twice_is_refused(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    body["drugdetail"][1]["feedetl_sn"] = "1"
    assert till.ask("2102", body, HOME).code == "LINE_REPEATED"


@pytest.mark.parametrize(
    ("when", "code"),
    [("2027-01-01 00:00:00", "FEE_DATE"), ("2025-12-31 10:00:00", "FEE_DATE")],
)
def test_fee_dates_of_the_future_or_of_two_years_are_refused(
    till: Counter, jia: Person, when: str, code: str
) -> None:
    body = purchase(till, jia, till.token(jia))
    body["drugdetail"][0]["fee_ocur_time"] = when
    assert till.ask("2102", body, HOME).code == code


def test_a_closed_year_takes_no_more_fee_dates(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    for line in body["drugdetail"]:
        line["fee_ocur_time"] = "2025-12-31 10:00:00"
    assert till.ask("2102", body, HOME).code == "YEAR_CLOSED"


def test_an_institution_without_agreement_settles_nothing() -> None:
    world = make_world()
    till = Counter(world, "P99990000009")
    till.sign_in()
    jia = world.person("jia")
    assert till.ask("2101", purchase(till, jia, till.token(jia)), HOME).code == "AGREEMENT_INVALID"


def traced(till: Counter, jia: Person, **row: Any) -> dict[str, Any]:
    body = purchase(till, jia, till.token(jia))
    trace = {"feedetl_sn": "1", "drug_trac_codg": "89999990000000000001", "trdn_flag": "0"}
    body["drugdetail"][0]["durg_trac_info"] = [trace | row]
    return body


def test_trace_codes_are_kept_with_their_line(till: Counter, jia: Person) -> None:
    assert till.ask("2102", traced(till, jia), HOME).infcode == 0
    (record,) = till.world.ledger.live_settlements()
    assert till.world.ledger.lines(record.mdtrt_id)[0].trace_codes == ("89999990000000000001",)


@pytest.mark.parametrize("name", ["feedetl_sn", "drug_trac_codg", "trdn_flag"])
def test_a_trace_row_without_a_member_is_refused_by_name(till: Counter, jia: Person, name: str) -> None:
    reply = till.ask("2102", traced(till, jia, **{name: ""}), HOME)
    assert f"drugdetail[0].durg_trac_info[0].{name}" in reply.err_msg


def test_a_hub_that_demands_trace_codes_refuses_a_pack_without_one() -> None:
    world = make_world(HubSettings(trace_codes="required"))
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    assert till.ask("2102", purchase(till, jia, till.token(jia)), HOME).code == "TRACE_CODE"
    assert till.ask("2101", purchase(till, jia, till.token(jia)), HOME).infcode == 0


def prescribed(till: Counter, person: Person, rxno: str) -> dict[str, Any]:
    body = purchase(till, person, till.token(person), (("D03", 10, 1250),))
    body["drugdetail"][0] |= {"rx_circ_flag": "1", "rxno": rxno}
    return body


def test_a_prescription_nobody_knows_is_refused(till: Counter, jia: Person) -> None:
    assert till.ask("2102", prescribed(till, jia, "RX0001"), HOME).code == "RX_NOT_FOUND"


def test_cancelling_an_older_pooled_purchase_is_refused_while_a_later_one_stands() -> None:
    """Both use up the yearly deductible; the later one must be cancelled first (order rule, K46)."""
    world = make_world(HubSettings(prescriptions=frozenset({"RX0001"})))
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    first = till.ask("2102", prescribed(till, jia, "RX0001"), HOME)
    assert first.setlinfo["act_pay_dedc"] == "125.00"
    second = till.ask("2102", prescribed(till, jia, "RX0001"), HOME)
    refused = cancel(till, first)
    assert (refused.infcode, refused.code) == (-1, "LATER_SETTLEMENT_EXISTS")
    assert cancel(till, second).infcode == 0
    assert cancel(till, first).infcode == 0
    assert world.ledger.accumulators(jia.psn_no, "JH", 2026).deductible_op_fen == 0


def test_the_order_rule_can_be_switched_off() -> None:
    settings = HubSettings(prescriptions=frozenset({"RX0001"}), rules=Rules(cancellation_order=False))
    world = make_world(settings)
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    first = till.ask("2102", prescribed(till, jia, "RX0001"), HOME)
    till.ask("2102", prescribed(till, jia, "RX0001"), HOME)
    assert cancel(till, first).infcode == 0


def test_somebody_from_another_province_is_settled_with_their_own_policy(
    till: Counter, world: SimulatedWorld
) -> None:
    wu = world.person("wu")
    reply = till.ask("2102", purchase(till, wu, till.token(wu)), "989900")
    assert reply.infcode == 0, reply.err_msg
    assert reply.setlinfo["clr_optins"] == "989900"
    assert query(till, reply, "989900").setlinfo["pay_loc"] == "4"


def test_a_line_carries_its_own_price_and_quantity_back(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia), medfee_sumamt="31.25")
    line = drug_line(till.world, "D03", 1, 1250, 1, till.wire_now())
    body["drugdetail"] = [line | {"cnt": "2.5", "det_item_fee_sumamt": 31.25, "pric": "12.500000"}]
    reply = till.ask("2102", body, HOME)
    assert reply.infcode == 0, reply.err_msg
    split = reply.output["detlcutinfo"][0]
    assert (split["cnt"], split["pric"], split["pric_uplmt_amt"]) == ("2.50", "12.50", "12.50")
