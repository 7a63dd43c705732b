"""Institutions of each kind at the hub: agreement, network, dual channel, credit of their staff (R06, R07, R65, R66)."""

import datetime as dt

import pytest

from protocols.wire_time import WIRE_ZONE
from simulators.hub import HubSettings
from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import EXAMPLE_A, START, Counter, Lines, Reply, make_world, purchase

HOME = "999900"
TABLETS: Lines = (("D03", 4, 1250),)
DAY_BEFORE = dt.datetime(2026, 10, 31, 10, 0, tzinfo=WIRE_ZONE)
"""The last day on which the suspended pharmacy's agreement did not rest."""
WORDS = {
    "P99990000008": "暂停至 2030-12-31 (suspended until 2030-12-31)",
    "P99990000009": "已于 2026-06-30 终止 (ended on 2026-06-30)",
    "P99990000012": "2035-01-01 起生效 (begins on 2035-01-01)",
    "H99990000010": "暂停至 2030-12-31 (suspended until 2030-12-31)",
    "H99990000011": "已于 2026-06-30 终止 (ended on 2026-06-30)",
}


def counter(world: SimulatedWorld, institution: str, now: dt.datetime = START) -> Counter:
    """A place of an institution, signed in."""
    there = Counter(world, institution)
    there.now = now
    there.sign_in()
    return there


def quoted(place: Counter, who: str) -> Reply:
    """The quote of an ordinary visit, or the refusal of its registration."""
    visit = ClinicVisit(place, place.world.person(who), med_type="11", disease="")
    reply = visit.register()
    if reply.infcode:
        return reply
    visit.diagnose()
    visit.upload(TABLETS)
    return visit.quote("0")


@pytest.mark.parametrize("institution", [code for code in WORDS if code.startswith("P")])
def test_a_pharmacy_whose_agreement_is_not_in_force_settles_nothing_and_hears_why(
    world: SimulatedWorld, jia: Person, institution: str
) -> None:
    till = counter(world, institution)
    for infno in ("2101", "2102"):
        reply = till.ask(infno, purchase(till, jia, till.token(jia)), HOME)
        assert reply.code == "AGREEMENT_INVALID"
        assert WORDS[institution] in reply.err_msg
    assert world.ledger.balance(jia.psn_no) == 6000
    assert world.ledger.settlements() == ()


@pytest.mark.parametrize("institution", [code for code in WORDS if code.startswith("H")])
def test_a_clinic_whose_agreement_is_not_in_force_registers_nobody(
    world: SimulatedWorld, institution: str
) -> None:
    window = counter(world, institution)
    reply = quoted(window, "jumin")
    assert reply.code == "AGREEMENT_INVALID"
    assert WORDS[institution] in reply.err_msg
    visit = ClinicVisit(window, world.person("jumin"), med_type="11", disease="")
    (row,) = visit.benefit().output["trtinfo"]
    assert (row["trt_enjymnt_flag"], row["trt_chk_rslt"]) == ("0", reply.err_msg)


def test_what_was_settled_before_a_suspension_can_still_be_cancelled_and_reversed(
    world: SimulatedWorld, jia: Person
) -> None:
    till = counter(world, "P99990000008", DAY_BEFORE)
    first = till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    request = till.request("2102", purchase(till, jia, till.token(jia), (("D03", 1, 1250),)), HOME)
    assert first.infcode == till.send(request).infcode == 0
    till.now = START
    assert till.ask("2102", purchase(till, jia, till.token(jia)), HOME).code == "AGREEMENT_INVALID"
    ids = {name: first.setlinfo[name] for name in ("setl_id", "mdtrt_id")}
    undone = till.ask("2103", {"data": {**ids, "psn_no": jia.psn_no}}, HOME)
    assert (undone.infcode, undone.setlinfo["acct_pay"]) == (0, "-60.00")
    message = {"psn_no": jia.psn_no, "omsgid": request.message_id, "oinfno": "2102"}
    assert till.ask("2601", {"data": message}, HOME).infcode == 0
    assert world.ledger.balance(jia.psn_no) == 6000
    assert world.ledger.live_settlements() == ()


def test_each_kind_of_institution_has_its_ratio_and_a_village_clinic_is_primary(
    world: SimulatedWorld,
) -> None:
    """One resident, one set: 55 % in clinics of every level, 40 % and 30 % in hospitals (R06, R25)."""
    places = ("H99990000002", "H99990000006", "H99990000007", "H99990000004", "H99990000005")
    ratios = [quoted(counter(world, code), "jumin").setlinfo["pool_prop_selfpay"] for code in places]
    assert ratios == ["0.55", "0.55", "0.55", "0.40", "0.30"]


def test_an_institution_that_is_not_networked_serves_its_own_people_only(world: SimulatedWorld) -> None:
    window = counter(world, "H99990000006")
    assert quoted(window, "wu").code == "INST_NOT_NETWORKED"
    assert quoted(window, "ren").infcode == 0
    till = counter(world, "P99990000013")
    weibei = world.person("weibei")
    body = purchase(till, weibei, till.token(weibei), EXAMPLE_A)
    assert till.ask("2101", body, "989900").infcode == 0, "an account purchase passes no gate"


SPECIAL = [
    ("P99990000003", "teyao", "D09", 468000, ("702.00", "0.00", "3182.40", "200.00", "1297.60")),
    ("P99990000003", "teyao", "D10", 119900, ("0.00", "1199.00", "0.00", "200.00", "999.00")),
    ("P99990000001", "teyao", "D09", 468000, ("0.00", "4680.00", "0.00", "200.00", "4480.00")),
    ("P99990000003", "jia", "D09", 468000, ("0.00", "4680.00", "0.00", "60.00", "4620.00")),
]
"""Approved at a dual-channel pharmacy (P60), another drug (P62), another pharmacy, another person."""


@pytest.mark.parametrize(("institution", "who", "item", "price_fen", "amounts"), SPECIAL)
def test_a_negotiated_drug_is_pooled_with_approval_at_a_dual_channel_pharmacy_only(
    world: SimulatedWorld, institution: str, who: str, item: str, price_fen: int, amounts: tuple[str, ...]
) -> None:
    till, person = counter(world, institution), world.person(who)
    body = purchase(till, person, till.token(person), ((item, 1, price_fen),), med_type="9904")
    info = till.ask("2101", body, HOME).setlinfo
    fields = ("preselfpay_amt", "fulamt_ownpay_amt", "hifp_pay", "acct_pay", "psn_cash_pay")
    assert tuple(info[name] for name in fields) == amounts


@pytest.mark.parametrize("institution", ["P99990000014", "P99990000008", "P99990000001"])
def test_a_pooled_prescription_needs_a_pharmacist_above_level_d(institution: str) -> None:
    world = make_world(HubSettings(prescriptions=frozenset({"RX1"})))
    till, jia = counter(world, institution, DAY_BEFORE), world.person("jia")
    body = purchase(till, jia, till.token(jia))
    plain = till.ask("2101", body, HOME)
    for row in body["drugdetail"]:
        row |= {"rx_circ_flag": "1", "rxno": "RX1", "bilg_dr_codg": "D999900000001"}
    pooled = till.ask("2101", body, HOME)
    assert plain.infcode == 0
    if institution == "P99990000014":
        assert pooled.code == "CREDIT_LEVEL"
        assert "本店药师" in pooled.err_msg
    else:
        assert pooled.infcode == 0
        assert pooled.setlinfo["pool_prop_selfpay"] == "0.60"
        body["drugdetail"][0]["bilg_dr_codg"] = "D999900000005"
        refused = till.ask("2101", body, HOME)
        assert refused.code == "CREDIT_LEVEL"
        assert "drugdetail[0].bilg_dr_codg" in refused.err_msg


def test_1201_tells_how_an_institution_stands(till: Counter) -> None:
    told = {}
    for code in ("P99990000003", "P99990000008", "P99990000009"):
        node = {"medinsinfo": {"fixmedins_type": "2", "fixmedins_code": code}}
        (row,) = till.ask("1201", node).output["medinsinfo"]
        told[code] = row["exp_content"]
    assert told == {
        "P99990000003": '{"AGRM_STAS":"1","AGRM_BEGNDATE":"2020-01-01","AGRM_ENDDATE":"2035-12-31","PAUS_BEGNDATE":"",'
        '"PAUS_ENDDATE":"","CRED_LV":"A","SERV_LV":"city","NETW_FLAG":"1","DUAL_CHNL_FLAG":"1"}',
        "P99990000008": '{"AGRM_STAS":"2","AGRM_BEGNDATE":"2020-01-01","AGRM_ENDDATE":"2035-12-31",'
        '"PAUS_BEGNDATE":"2026-11-01","PAUS_ENDDATE":"2030-12-31","CRED_LV":"C","SERV_LV":"city","NETW_FLAG":"1",'
        '"DUAL_CHNL_FLAG":"0"}',
        "P99990000009": '{"AGRM_STAS":"4","AGRM_BEGNDATE":"2020-01-01","AGRM_ENDDATE":"2026-06-30","PAUS_BEGNDATE":"",'
        '"PAUS_ENDDATE":"","CRED_LV":"D","SERV_LV":"city","NETW_FLAG":"1","DUAL_CHNL_FLAG":"0"}',
    }
