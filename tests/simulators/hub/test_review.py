"""The review desk over the wire: rules R61 and R67, wrong fields by their names, feedback (3101, 3102, 3103)."""

import datetime as dt
from typing import Any

import pytest

from simulators.hub import HubSettings, review, review_tables
from simulators.hub.review_rules import SHIPPED, Stay
from simulators.people import Person
from tests.capabilities import asserted
from tests.simulators.hub.counter import Counter, Lines, Reply, drug_line, make_world, purchase, yuan
from tests.simulators.hub.spoiled import spoiled

HOME = "999900"
PHARMACY = "P99990000001"
FOUR_BOXES: Lines = (("D03", 4, 1250),)
"""40 days of one drug."""


def asked(counter: Counter, person: Person, lines: Lines, **use: Any) -> dict[str, Any]:
    """Input of 3101."""
    today = f"{counter.now:%Y-%m-%d}"
    orders = []
    for number, (item, count, price) in enumerate(lines, start=1):
        bought = drug_line(counter.world, item, count, price, number, counter.wire_now())
        orders.append(
            {
                "rx_id": str(number), "rxno": "无", "long_drord_flag": "0", "hilist_type": "101", "chrg_type": "09",
                "drord_bhvr": "无", "hilist_code": bought["med_list_codg"], "hilist_name": f"药{item}", "hilist_lv": "无",
                "hilist_pric": yuan(price), "hosplist_code": bought["medins_list_codg"], "hosplist_name": f"药{item}",
                "cnt": count, "pric": yuan(price), "sumamt": yuan(count * price), "ownpay_amt": 0, "selfpay_amt": 0,
                "spec": "无", "spec_unt": "无", "drord_begn_date": today, "drord_dept_codg": "无", "drord_dept_name": "无",
                "drord_dr_codg": "无", "drord_dr_name": "无", "drord_dr_profttl": "无", "curr_drord_flag": "1",
                "extend_order_map": use or None,
            }
        )  # fmt: skip
    visit = {
        "mdtrt_id": "OWN1", "medins_id": PHARMACY, "medins_name": "测试大药房一号店", "medins_admdvs": HOME, "medins_type": "2",
        "medins_lv": "11", "adm_date": today, "dscg_date": today, "dscg_main_dise_codg": "无", "dscg_main_dise_name": "无",
        "fsi_diagnose_dtos": [], "dr_codg": "无", "adm_dept_codg": "无", "adm_dept_name": "无", "dscg_dept_codg": "无",
        "dscg_dept_name": "无", "med_mdtrt_type": "3", "med_type": "41", "fsi_order_dtos": orders, "matn_stas": "0",
        "medfee_sumamt": yuan(sum(count * price for _, count, price in lines)), "ownpay_amt": 0, "selfpay_amt": 0,
        "setl_totlnum": 1, "insutype": "310", "reim_flag": "2", "out_setl_flag": "0",
    }  # fmt: skip
    patient = {
        "patn_id": person.psn_no, "patn_name": person.name, "gend": person.sex, "brdy": person.born.isoformat(),
        "poolarea": HOME, "curr_mdtrt_id": "OWN1", "fsi_encounter_dtos": [visit],
    }  # fmt: skip
    return {"data": {"patient_dtos": [patient]}}


def rules(reply: Reply) -> list[str]:
    """The numbers of the broken rules."""
    assert reply.infcode == 0, reply.err_msg
    return [row["rule_id"] for row in reply.output["result"]]


@pytest.mark.parametrize("infno", ["3101", "3102"])
def test_forty_days_of_one_drug_break_a_rule_that_is_told_with_number_words_and_amount(
    till: Counter, jia: Person, infno: str
) -> None:
    (row,) = till.ask(infno, asked(till, jia, FOUR_BOXES), HOME).output["result"]
    asserted(
        "R67", ("R67-01", "同一药品短期内重复超量购药"), (row["rule_id"], row["rule_name"]), what="warning"
    )
    assert row["sev_deg"] == "2"
    assert row["vola_cont"].startswith("药D03：最近 10 天内累计 40 天用量，超过 30 天")
    assert (row["vola_amt"], row["patn_id"], row["mdtrt_id"]) == ("50.00", jia.psn_no, "OWN1")
    assert [line["rx_id"] for line in row["judge_result_detail_dtos"]] == ["1"]
    assert till.world.ledger.settlements() == ()


@pytest.mark.parametrize("days_before", [9, 11])
def test_what_was_bought_within_ten_days_counts_and_older_does_not(
    till: Counter, jia: Person, days_before: int
) -> None:
    assert till.ask("2102", purchase(till, jia, till.token(jia), (("D03", 3, 1250),)), HOME).infcode == 0
    till.now += dt.timedelta(days=days_before)
    till.sign_in()
    reply = till.ask("3101", asked(till, jia, (("D03", 1, 1250),)), HOME)
    assert rules(reply) == (["R67-01"] if days_before < 10 else [])


@pytest.mark.parametrize(
    ("who", "lines", "use", "found"),
    [
        ("jia", (("D03", 3, 1250),), {}, []),
        ("jia", (("D03", 1, 1250),), {"o_prdDays": "31"}, ["R67-01"]),
        ("jia", (("D03", 1, 1250),), {"o_sinDosDscr": "3片"}, ["R67-02"]),
        ("jia", (("D03", 1, 1250),), {"o_sinDosDscr": "2片", "o_used_frqu_dscr": "每日4次"}, ["R67-03"]),
        ("jia", (("D01", 1, 300), ("D02", 1, 1500)), {}, ["R67-04"]),
        ("jia", (("S04", 1, 12500),), {}, ["R67-05"]),
        ("yi", (("S04", 1, 12500),), {}, []),
        ("bing", (("D04", 1, 2860),), {}, ["R67-06"]),
        ("jia", (("D13", 1, 32500),), {}, ["R61-01"]),
    ],
)
def test_each_rule_speaks_when_it_is_broken_and_only_then(
    till: Counter, who: str, lines: Lines, use: dict[str, str], found: list[str]
) -> None:
    person = till.world.person(who)
    assert rules(till.ask("3101", asked(till, person, lines, **use), person.enrolment[0].division)) == found


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01"])
def test_a_visit_before_birth_is_refused_by_its_date(till: Counter, jia: Person, day: str) -> None:
    told = asked(till, jia, (("D03", 1, 1250),))
    told["data"]["patient_dtos"][0]["fsi_encounter_dtos"][0]["dscg_date"] = day
    reply = till.ask("3101", told, HOME)
    assert (reply.code, "dscg_date" in reply.err_msg) == ("FIELD", True)


def test_a_purchase_during_an_in_patient_stay_is_a_clear_violation_of_the_visit(jia: Person) -> None:
    stay = Stay(jia.psn_no, dt.date(2026, 11, 20))
    till = Counter(make_world(HubSettings(stays=(stay,))), PHARMACY)
    till.sign_in()
    (row,) = till.ask("3101", asked(till, jia, (("D03", 1, 1250),)), HOME).output["result"]
    assert (row["rule_id"], row["sev_deg"], row["vola_bhvr_type"]) == ("R67-07", "1", "1")


def test_every_rule_has_its_number_from_a_policy_row_and_words_in_both_languages() -> None:
    numbers = [rule.id for rule in SHIPPED.rule]
    assert len(set(numbers)) == len(numbers) == 8
    assert {number.split("-")[0] for number in numbers} == {"R61", "R67"}
    assert all(rule.english.isascii() and not rule.name.isascii() for rule in SHIPPED.rule)


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("patient", review_tables.PATIENT),
        ("visit", review_tables.VISIT),
        ("order", review_tables.ORDER),
    ],
)
def test_every_wrong_field_is_refused_by_its_name(till: Counter, jia: Person, path: str, table: Any) -> None:
    good = asked(till, jia, (("D03", 1, 1250),))
    for name, node in spoiled(table, node_of(good, path)):
        wrong = asked(till, jia, (("D03", 1, 1250),))
        node_of(wrong, path).update(node)
        reply = till.ask("3101", wrong, HOME)
        assert (reply.infcode, reply.code) == (-1, "FIELD"), (name, node[name])
        assert f".{name} " in reply.err_msg


def node_of(asked: dict[str, Any], name: str) -> Any:
    """One node of an input of 3101."""
    patient = asked["data"]["patient_dtos"][0]
    visit = patient["fsi_encounter_dtos"][0]
    return {"patient": patient, "visit": visit, "order": visit["fsi_order_dtos"][0]}[name]


def test_somebody_elses_name_and_a_wrong_total_are_refused(till: Counter, jia: Person) -> None:
    wrong = asked(till, jia, FOUR_BOXES)
    node_of(wrong, "patient")["patn_name"] = "测试乙"
    assert till.ask("3101", wrong, HOME).code == "PERSON_MISMATCH"
    wrong = asked(till, jia, FOUR_BOXES)
    node_of(wrong, "visit")["medfee_sumamt"] = "49.99"
    assert till.ask("3101", wrong, HOME).code == "SUM_MISMATCH"


def test_feedback_is_kept_with_its_reason_and_the_newest_counts(till: Counter, jia: Person) -> None:
    number = till.ask("3101", asked(till, jia, FOUR_BOXES), HOME).output["result"][0]["jr_id"]
    assert len(number) <= 40
    for way, reason in (("1", "长期出差"), ("2", "")):
        warns = [{"warn_rslt_id": number, "dspo_way": way, "dspo_way_rea": reason}]
        assert till.ask("3103", {"data": {"warn_type": "1", "warns": warns}}, HOME).infcode == 0
        (kept,) = review.findings(till.world.hub.core.desk, PHARMACY)
        assert (kept.rule_id, kept.dspo_way) == ("R67-01", way)
        if reason:
            asserted("R67", "长期出差", kept.reason, what="reason")
        assert kept.reason == reason


def test_feedback_without_reason_of_no_finding_or_with_wrong_fields_is_refused(
    till: Counter, jia: Person
) -> None:
    number = till.ask("3101", asked(till, jia, FOUR_BOXES), HOME).output["result"][0]["jr_id"]
    good = {"warn_rslt_id": number, "dspo_way": "1", "dspo_way_rea": "长期出差"}

    def told(warn: dict[str, Any], kind: str = "1") -> Reply:
        return till.ask("3103", {"data": {"warn_type": kind, "warns": [warn]}}, HOME)

    assert told({**good, "dspo_way_rea": ""}).code == "FIELD"
    assert told({**good, "warn_rslt_id": "JR0"}).code == "REVIEW_UNKNOWN"
    assert told(good, "3").code == "FIELD"
    for name, warn in spoiled(review_tables.ANSWER, good):
        assert told(warn).code == "FIELD", (name, warn)
    assert review.findings(till.world.hub.core.desk, PHARMACY)[0].dspo_way == ""
