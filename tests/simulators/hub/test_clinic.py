"""The out-patient chain: registration to settlement and every way back."""

import pytest

from simulators.people import Person, parse_person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.clinic_visit import STORY, ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, make_world
from tests.simulators.hub.identities import check_identities


@pytest.fixture
def visit(clinic: Counter, yi: Person) -> ClinicVisit:
    """测试乙 at the clinic, not registered yet."""
    return ClinicVisit(clinic, yi)


def settled_visit(visit: ClinicVisit) -> tuple[Reply, Reply]:
    """The whole chain; returns quote and settlement."""
    for reply in (visit.register(), visit.diagnose(), visit.upload()):
        assert reply.infcode == 0, reply.err_msg
    quoted = visit.quote()
    assert quoted.infcode == 0, quoted.err_msg
    settled = visit.settle(quoted)
    assert settled.infcode == 0, settled.err_msg
    return quoted, settled


def test_the_chronic_visit_of_the_story_is_paid_as_derived_by_hand(visit: ClinicVisit) -> None:
    """测试乙: employee, retired, M01600 filed (class II), primary clinic, 50.00 on the account, set JH.

    D12 8 x 48.71 = 389.68, class B 5 %, ceiling 48.71:   share 19.484 -> 19.48, scope 370.20
    D03 4 x 12.50 =  50.00, class A, ceiling 12.50:       scope  50.00
    S01 1 x 10.00 =  10.00, class A, primary ceiling 10:  scope  10.00
    total 449.68, scope 430.20, no monthly deductible
    pool: class II, retired, primary 85 %: 430.20 x 0.85 = 365.67, below the 6000.00 of M01600
    large amount: yearly burden far below 20000.00, nothing
    person 449.68 - 365.67 = 84.01: account 50.00, cash 34.01
    """
    quoted, settled = settled_visit(visit)
    info = settled.setlinfo
    expected = {
        "medfee_sumamt": "449.68",
        "fulamt_ownpay_amt": "0.00",
        "overlmt_selfpay": "0.00",
        "preselfpay_amt": "19.48",
        "inscp_scp_amt": "430.20",
        "act_pay_dedc": "0.00",
        "hifp_pay": "365.67",
        "pool_prop_selfpay": "0.85",
        "fund_pay_sumamt": "365.67",
        "psn_part_amt": "84.01",
        "acct_pay": "50.00",
        "psn_cash_pay": "34.01",
        "balc": "0.00",
        "clr_type": "14",
        "clr_optins": "999901",
    }
    assert {name: info[name] for name in expected} == expected
    rows = {row["fund_pay_type"]: row["fund_payamt"] for row in settled.output["setldetail"]}
    assert rows == {"310100": "365.67", "310200": "50.00"}
    for reply in (quoted, settled):
        check_identities(reply.output)
    quote_only = {"setl_id": None, "setl_time": None, "clr_way": None, "clr_optins": None}
    assert {name: quoted.setlinfo[name] for name in quote_only} == quote_only


def test_the_books_after_the_story(visit: ClinicVisit, yi: Person) -> None:
    settled_visit(visit)
    ledger = visit.counter.world.ledger
    assert ledger.balance(yi.psn_no) == 0
    used = ledger.accumulators(yi.psn_no, "JH", 2026)
    assert used.pool_chr_fen == {"M01600": 36567}
    assert used.pool_all_fen == 36567
    assert ledger.unsettled_lines(visit.mdtrt_id) == ()
    (record,) = ledger.live_settlements()
    assert (record.pay_loc, record.chrg_bchno, record.dise_codg) == ("6", "CB0001", "M01600")


def test_1101_by_card_needs_its_identification_code(visit: ClinicVisit, yi: Person) -> None:
    assert yi.card is not None
    data = {"mdtrt_cert_type": "03", "mdtrt_cert_no": yi.card.number, "psn_cert_type": "01"}
    ask = visit.counter.ask
    found = ask("1101", {"data": data | {"card_sn": yi.card.identification_code}})
    assert found.output["baseinfo"]["psn_no"] == yi.psn_no
    assert ask("1101", {"data": data | {"card_sn": yi.card.identification_code[:24]}}).infcode == 0
    assert "card_sn" in ask("1101", {"data": data}).err_msg
    assert ask("1101", {"data": data | {"card_sn": "0" * 32}}).code == "CARD_UNKNOWN"


def test_a_blocked_card_names_nobody(clinic: Counter, world: SimulatedWorld) -> None:
    card = world.person("gui").card
    assert card is not None
    data = {"mdtrt_cert_type": "03", "mdtrt_cert_no": card.number, "psn_cert_type": "01"}
    reply = clinic.ask("1101", {"data": data | {"card_sn": card.identification_code}})
    assert (reply.code, reply.output) == ("CARD_BLOCKED", None)


def test_5301_lists_filings_and_2001_says_entitled(visit: ClinicVisit, yi: Person) -> None:
    reply = visit.ask("5301", {"data": {"psn_no": yi.psn_no}})
    assert [(row["opsp_dise_code"], row["begndate"]) for row in reply.output["feedetail"]] == [
        ("M01600", "2025-01-01")
    ]
    row = visit.benefit().output["trtinfo"][0]
    assert (row["trt_enjymnt_flag"], row["fund_pay_type"], row["enddate"]) == ("1", "310100", "2026-12-31")


def test_2001_says_why_somebody_is_not_entitled_without_refusing(visit: ClinicVisit) -> None:
    reply = visit.benefit("M03900")
    assert reply.infcode == 0
    row = reply.output["trtinfo"][0]
    assert row["trt_enjymnt_flag"] == "0"
    assert row["trt_chk_rslt"].endswith("[DISEASE_NOT_REGISTERED]")


def test_two_disease_filings_are_asked_by_2001_and_are_not_in_5301(
    clinic: Counter, world: SimulatedWorld
) -> None:
    ding = world.person("ding")
    visit = ClinicVisit(clinic, ding, med_type="9901", disease="M03900")
    assert visit.ask("5301", {"data": {"psn_no": ding.psn_no}}).output["feedetail"] == []
    assert visit.benefit().output["trtinfo"][0]["trt_enjymnt_flag"] == "1"


def test_an_expired_filing_is_not_shown(visit: ClinicVisit, yi: Person) -> None:
    visit.counter.now = visit.counter.now.replace(year=2028)
    assert visit.ask("5301", {"data": {"psn_no": yi.psn_no}}).output["feedetail"] == []


def test_2204_says_how_each_line_is_split(visit: ClinicVisit) -> None:
    visit.register()
    visit.diagnose()
    rows = visit.upload().output["result"]
    assert [row["feedetl_sn"] for row in rows] == ["1", "2", "3"]
    assert [row["inscp_scp_amt"] for row in rows] == ["370.20", "50.00", "10.00"]
    assert [row["chrgitm_lv"] for row in rows] == ["02", "01", "01"]
    assert all(row["lmt_used_flag"] == "0" for row in rows)


def test_lines_need_a_category_first(visit: ClinicVisit) -> None:
    visit.register()
    assert "feedetail[0].mdtrt_id" in visit.upload().err_msg


def test_the_same_2203a_may_be_sent_again(visit: ClinicVisit) -> None:
    visit.register()
    assert visit.diagnose().infcode == 0
    assert visit.diagnose().infcode == 0
    record = visit.counter.world.ledger.visit(visit.mdtrt_id)
    assert record is not None
    assert [row.code for row in record.diagnoses] == ["E11.900"]


def test_one_institutions_visit_number_opens_one_visit(visit: ClinicVisit) -> None:
    visit.register()
    assert "data.ipt_otp_no" in visit.register().err_msg


def test_a_repeated_line_serial_is_refused_until_the_batch_is_withdrawn(visit: ClinicVisit) -> None:
    """The remedy for a lost answer of 2204: withdraw the batch, upload again under a new one (b.6)."""
    visit.register()
    visit.diagnose()
    visit.upload()
    visit.batch = "CB0002"
    assert visit.upload().code == "LINE_REPEATED"
    assert visit.withdraw_lines("CB0001").infcode == 0
    assert visit.upload().infcode == 0


def test_withdrawing_a_batch_that_never_came_says_so(visit: ClinicVisit) -> None:
    visit.register()
    visit.diagnose()
    assert visit.withdraw_lines("CB0001").code == "BATCH_UNKNOWN"
    assert visit.withdraw_lines("0000").infcode == 0


def test_an_abandoned_visit_is_taken_back_step_by_step(visit: ClinicVisit) -> None:
    visit.register()
    visit.diagnose()
    visit.upload()
    assert visit.withdraw().code == "VISIT_HAS_LINES"
    assert visit.withdraw_lines().infcode == 0
    assert visit.withdraw().infcode == 0
    assert visit.withdraw().code == "VISIT_NOT_FOUND"
    assert visit.visits().output["mdtrtinfo"] == []


def test_5201_finds_the_visit_of_a_lost_registration(visit: ClinicVisit) -> None:
    visit.register()
    rows = visit.visits().output["mdtrtinfo"]
    assert [(row["mdtrt_id"], row["ipt_otp_no"]) for row in rows] == [(visit.mdtrt_id, visit.own_no)]
    assert visit.visits("2026-11-22 00:00:00", "2026-11-22 23:59:59").output["mdtrtinfo"] == []


def test_5201_shows_only_the_own_institutions_visits(visit: ClinicVisit, yi: Person) -> None:
    visit.register()
    hospital = Counter(visit.counter.world, "H99990000004")
    hospital.sign_in()
    assert ClinicVisit(hospital, yi).visits().output["mdtrtinfo"] == []


def test_a_quote_of_a_changed_total_is_refused(visit: ClinicVisit) -> None:
    visit.register()
    visit.diagnose()
    visit.upload()
    visit.total_fen += 1
    assert visit.quote().code == "SUM_MISMATCH"


@pytest.mark.parametrize("name", ["fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"])
def test_settling_over_other_amounts_than_the_hubs_is_refused(visit: ClinicVisit, name: str) -> None:
    visit.register()
    visit.diagnose()
    visit.upload()
    refused = visit.settle(visit.quote(), **{name: "1.23"})
    assert (refused.infcode, refused.code) == (-1, "AMOUNTS_CHANGED")
    assert name in refused.err_msg
    assert visit.counter.world.ledger.settlements() == ()


def test_a_settled_batch_cannot_be_settled_or_withdrawn_again(visit: ClinicVisit) -> None:
    quoted, _ = settled_visit(visit)
    assert visit.settle(quoted).code == "BATCH_UNKNOWN"
    assert visit.withdraw_lines("CB0001").code == "BATCH_UNKNOWN"
    assert visit.withdraw().code == "VISIT_SETTLED"


def test_2208_negates_everything_and_frees_the_lines(visit: ClinicVisit, yi: Person) -> None:
    _, settled = settled_visit(visit)
    cancelled = visit.cancel(settled)
    info = cancelled.setlinfo
    assert (info["hifp_pay"], info["acct_pay"], info["psn_cash_pay"]) == ("-365.67", "-50.00", "-34.01")
    assert (info["pool_prop_selfpay"], info["balc"]) == ("0.85", "50.00")
    check_identities(cancelled.output)
    ledger = visit.counter.world.ledger
    assert ledger.balance(yi.psn_no) == 5000
    assert ledger.accumulators(yi.psn_no, "JH", 2026).pool_all_fen == 0
    assert len(ledger.unsettled_lines(visit.mdtrt_id)) == len(STORY)
    assert visit.settlement(settled).setlinfo["refd_setl_flag"] == "1"
    assert visit.cancel(settled).code == "ALREADY_REVERSED"
    assert visit.withdraw_lines().infcode == 0
    assert visit.withdraw().infcode == 0


def test_a_lost_answer_of_2208_is_read_from_5203(visit: ClinicVisit) -> None:
    _, settled = settled_visit(visit)
    assert visit.settlement(settled).setlinfo["refd_setl_flag"] == "0"
    visit.cancel(settled)
    assert visit.settlement(settled).setlinfo["refd_setl_flag"] == "1"


def test_2601_undoes_a_2207a(visit: ClinicVisit, yi: Person) -> None:
    settled_visit(visit)
    (record,) = visit.counter.world.ledger.live_settlements()
    data = {"psn_no": yi.psn_no, "omsgid": record.msgid, "oinfno": "2207A"}
    assert visit.ask("2601", {"data": data}).infcode == 0
    assert visit.counter.world.ledger.balance(yi.psn_no) == 5000


def test_partial_return_is_cancel_then_settle_the_rest(visit: ClinicVisit) -> None:
    _, settled = settled_visit(visit)
    visit.cancel(settled)
    visit.withdraw_lines()
    visit.batch = "CB0002"
    visit.upload(STORY[1:])
    again = visit.settle(visit.quote())
    assert again.setlinfo["medfee_sumamt"] == "60.00"
    assert len(visit.counter.world.ledger.live_settlements()) == 1


def test_a_2103_does_not_cancel_a_2207a(visit: ClinicVisit, yi: Person) -> None:
    _, settled = settled_visit(visit)
    ids = {"setl_id": settled.setlinfo["setl_id"], "mdtrt_id": visit.mdtrt_id, "psn_no": yi.psn_no}
    assert visit.ask("2103", {"data": ids}).code == "SETL_NOT_FOUND"


def test_a_person_without_the_filing_is_refused_by_quote(visit: ClinicVisit) -> None:
    """As benefit case P32, at the home city."""
    visit.disease = "M03900"
    visit.register()
    visit.diagnose()
    visit.upload()
    refused = visit.quote()
    assert (refused.infcode, refused.code) == (-1, "DISEASE_NOT_REGISTERED")


def test_a_registered_visit_of_somebody_else_is_not_found(visit: ClinicVisit, world: SimulatedWorld) -> None:
    visit.register()
    stranger = ClinicVisit(visit.counter, world.person("geng"))
    stranger.mdtrt_id = visit.mdtrt_id
    assert stranger.diagnose().code == "VISIT_NOT_FOUND"


def test_an_identity_number_is_a_medium_too(clinic: Counter, world: SimulatedWorld) -> None:
    gui = world.person("gui")
    visit = ClinicVisit(clinic, gui, med_type="11", disease="")
    assert visit.register().infcode == 0
    assert visit.diagnose().infcode == 0
    visit.upload((("S01", 1, 1000),))
    settled = visit.settle(visit.quote())
    assert settled.setlinfo["mdtrt_cert_type"] == "02"


def test_the_paused_enrolment_settles_nothing(clinic: Counter, world: SimulatedWorld) -> None:
    visit = ClinicVisit(clinic, world.person("gui"))
    assert visit.register(insutype="390").code == "NOT_ENROLLED"


RESIDENT = """
slug = "extra"
name = "测试地丑"
psn_no = "99990000000000000102"
certno = "99999919800101002X"
sex = "2"
born = 1980-01-01
[[enrolment]]
insutype = "390"
psn_type = "15"
division = "999900"
since = 2015-01-01
[[registration]]
kind = "chronic"
code = "M03900"
name = "高血压病"
begin = 2025-01-01
[certificate]
state = "ACTIVATED"
index = "00000000000000000000000000000102"
example_token = "999900ecsim000000000000000000000000102"
"""


def test_benefit_case_p20_comes_out_over_the_wire() -> None:
    """Hypertension, resident, second-level hospital: 380.00, of which 120.00 above the ceiling, pool 156.00."""
    person = parse_person(RESIDENT, "extra.toml")
    window = Counter(make_world(people=[person]), "H99990000004")
    window.sign_in()
    visit = ClinicVisit(window, person, disease="M03900")
    visit.register()
    visit.diagnose()
    visit.upload((("D01", 60, 300), ("D02", 10, 1500), ("S02", 1, 5000)))
    settled = visit.settle(visit.quote("0"), "0")
    info = settled.setlinfo
    assert (info["medfee_sumamt"], info["overlmt_selfpay"], info["inscp_scp_amt"]) == (
        "380.00",
        "120.00",
        "260.00",
    )
    assert (info["hifp_pay"], info["pool_prop_selfpay"]) == ("156.00", "0.60")
    assert (info["psn_part_amt"], info["psn_cash_pay"]) == ("224.00", "224.00")
    assert settled.output["setldetail"][0]["fund_pay_type"] == "390100"
    check_identities(settled.output)


def test_the_supplements_of_a_civil_servant_stand_in_the_answer(world: SimulatedWorld) -> None:
    """测试己 at a tertiary hospital: beyond the deductible of 600.00 the pool pays 50 %, then the subsidy 30 %."""
    ji = world.person("ji")
    window = Counter(world, "H99990000005")
    window.sign_in()
    visit = ClinicVisit(window, ji, med_type="11", disease="")
    visit.register()
    visit.diagnose()
    visit.upload((("S05", 2, 42000),))
    settled = visit.settle(visit.quote("0"), "0")
    info = settled.setlinfo
    assert (info["act_pay_dedc"], info["hifp_pay"]) == ("600.00", "120.00")
    assert info["cvlserv_pay"] == "36.00"
    assert info["cvlserv_flag"] == "1"
    check_identities(settled.output)


def test_aid_pays_for_somebody_extremely_poor(world: SimulatedWorld) -> None:
    """测试庚: dialysis at a second-level hospital, resident; what the pool leaves the assistance fund pays."""
    geng = world.person("geng")
    window = Counter(world, "H99990000004")
    window.sign_in()
    visit = ClinicVisit(window, geng, disease="M07801")
    visit.register()
    visit.diagnose()
    visit.upload((("S05", 1, 40000),))
    settled = visit.settle(visit.quote("0"), "0")
    info = settled.setlinfo
    # Class I, resident, second level: 75 % of 400.00.
    assert (info["hifp_pay"], info["maf_pay"], info["psn_cash_pay"]) == ("300.00", "100.00", "0.00")
    check_identities(settled.output)
