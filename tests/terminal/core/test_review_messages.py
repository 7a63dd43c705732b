"""What the hub's review is told, member by member as its tables list them, and what is kept of its answer."""

from typing import Any

import msgspec
import pytest

from protocols.hub.review import FindingLine, Found, ReviewOutput
from protocols.money import Fen
from protocols.secret import Secret
from terminal.core.message_parts import Misfit
from terminal.core.messages import READERS
from terminal.core.values import Finding, Notice, PrescribedDrug, Prescription, Review, Settlement
from tests.profiles.switches import switch
from tests.terminal.core.samples import LINE, PROFILE, TO_PRICED, after
from tests.terminal.core.test_building import SITE, WHO, said
from tests.terminal.core.test_visit import visit

_replace = msgspec.structs.replace
PRICED = after(*TO_PRICED)
assert PRICED.person is not None
BUYER = _replace(PRICED.person, sex="2", birth_date=Secret("1990-01-01"))
DAY = "2026-11-23"
NAMED = _replace(LINE, name="测试降糖片", spec="0.5g*30片/盒")
PURCHASE = _replace(PRICED, person=BUYER, lines=(NAMED,))
VISIT = visit(visit_id="M7", lines=(NAMED,), review=Review())
SHOP = _replace(SITE, institution_name="测试大药房", institution_grade="11", desk=type(SITE.desk)())
CLINIC = _replace(SITE, institution_code="H99990000002", institution_name="测试诊所", institution_grade="09")
RX = Prescription("RX1", (PrescribedDrug(LINE.national_code, LINE.name, LINE.quantity),), "Y01")

# What the tables of 3101 want of every order; nothing is known of class, unit, title and behaviour before the quote (K83).
ORDER = {
    "rx_id": "1", "rxno": "无", "long_drord_flag": "0", "hilist_type": "101", "chrg_type": "09", "drord_bhvr": "无",
    "hilist_code": "XTEST000000000000000D03", "hilist_name": "测试降糖片", "hilist_lv": "无", "hilist_pric": 12_500_000,
    "hosplist_code": "SKU0003", "hosplist_name": "测试降糖片", "cnt": 30_000, "pric": 12_500_000, "sumamt": 3750, "ownpay_amt": 0,
    "selfpay_amt": 0, "spec": "0.5g*30片/盒", "spec_unt": "无", "drord_begn_date": DAY, "drord_dept_codg": "无",
    "drord_dept_name": "无", "drord_dr_codg": "无", "drord_dr_name": "无", "drord_dr_profttl": "无", "curr_drord_flag": "1",
}  # fmt: skip
PRESCRIBER = {
    "drord_dept_codg": "K1", "drord_dept_name": "内科", "drord_dr_codg": "D1", "drord_dr_name": "医师甲",
}  # fmt: skip
ENCOUNTER = {
    "mdtrt_id": "S1", "medins_id": "P99990000001", "medins_name": "测试大药房", "medins_admdvs": "999900", "medins_type": "2",
    "medins_lv": "11", "adm_date": DAY, "dscg_date": DAY, "dscg_main_dise_codg": "无", "dscg_main_dise_name": "无",
    "fsi_diagnose_dtos": [], "dr_codg": "无", "adm_dept_codg": "无", "adm_dept_name": "无", "dscg_dept_codg": "无",
    "dscg_dept_name": "无", "med_mdtrt_type": "3", "med_type": "41", "fsi_order_dtos": [ORDER], "matn_stas": "0",
    "medfee_sumamt": 3750, "ownpay_amt": 0, "selfpay_amt": 0, "setl_totlnum": 1, "insutype": "310", "reim_flag": "2",
    "out_setl_flag": "0",
}  # fmt: skip
PATIENT = {
    "patn_id": WHO, "patn_name": "测试甲", "gend": "2", "brdy": "1990-01-01", "poolarea": "999900", "curr_mdtrt_id": "S1",
    "fsi_encounter_dtos": [ENCOUNTER],
}  # fmt: skip


def encounter(settlement: Settlement, site: Any = SHOP) -> Any:
    """The one visit that the review is told of."""
    (patient,) = said("3101", settlement, site)["data"]["patient_dtos"]
    (told,) = patient["fsi_encounter_dtos"]
    return told


def order(settlement: Settlement, site: Any = SHOP) -> Any:
    """The one order of that visit."""
    (told,) = encounter(settlement, site)["fsi_order_dtos"]
    return told


def test_the_review_of_a_purchase_says_all_that_its_tables_want() -> None:
    assert said("3101", PURCHASE, SHOP) == {"data": {"patient_dtos": [PATIENT]}}


def test_the_review_of_a_visit_says_where_who_and_what_for() -> None:
    desk = {
        "dr_codg": "D1", "adm_dept_codg": "K1", "adm_dept_name": "内科", "dscg_dept_codg": "K1", "dscg_dept_name": "内科",
    }  # fmt: skip
    diagnosis = {
        "dise_id": "M7-1", "inout_dise_type": "1", "maindise_flag": "1", "dias_srt_no": "1", "dise_codg": "E11.900",
        "dise_name": "2型糖尿病", "dise_date": DAY,
    }  # fmt: skip
    where = {
        "mdtrt_id": "M7", "medins_id": "H99990000002", "medins_name": "测试诊所", "medins_type": "1", "medins_lv": "09",
        "med_mdtrt_type": "1", "med_type": "14", "dscg_main_dise_codg": "E11.900", "dscg_main_dise_name": "2型糖尿病",
        "fsi_diagnose_dtos": [diagnosis], "fsi_order_dtos": [ORDER | PRESCRIBER],
    }  # fmt: skip
    nobody_said = {name: what for name, what in PATIENT.items() if name != "brdy"} | {"gend": "0"}
    assert said("3101", VISIT, CLINIC) == {
        "data": {
            "patient_dtos": [
                nobody_said | {"curr_mdtrt_id": "M7", "fsi_encounter_dtos": [ENCOUNTER | where | desk]}
            ]
        }
    }


def test_what_a_desk_leaves_open_is_said_to_be_nothing_one_by_one() -> None:
    for member, names in (
        ("doctor_code", ("dr_codg", "drord_dr_codg")), ("doctor_name", ("drord_dr_name",)),
        ("department_code", ("adm_dept_codg", "dscg_dept_codg", "drord_dept_codg")),
        ("department_name", ("adm_dept_name", "dscg_dept_name", "drord_dept_name")),
    ):  # fmt: skip
        site = _replace(CLINIC, desk=_replace(CLINIC.desk, **{member: ""}))
        whole, told = encounter(VISIT, CLINIC), encounter(VISIT, site)
        (before,), (now,) = whole.pop("fsi_order_dtos"), told.pop("fsi_order_dtos")
        changed = {name for name in whole if told[name] != whole[name]}
        changed |= {name for name in before if now[name] != before[name]}
        assert changed == set(names)
        assert {(told | now)[name] for name in names} == {"无"}


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("XTEST000000000000000D03", ("101", "09")),  # western drug
        ("ZTEST000000000000000D03", ("101", "11")),  # patent drug
        ("TTEST0000000000", ("102", "10")),  # pieces
        ("CTEST00000000000000", ("301", "08")),  # consumable
        ("001102000010000", ("201", "14")),  # service
    ],
)
def test_the_first_letter_of_the_national_code_says_what_kind_of_item_it_is(
    code: str, kinds: tuple[str, str]
) -> None:
    told = order(_replace(PURCHASE, lines=(_replace(NAMED, national_code=code),)))
    assert (told["hilist_code"], told["hilist_type"], told["chrg_type"]) == (code, *kinds)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, {}),
        ({"days": 30}, {"o_prdDays": "30"}),
        ({"single_dose": "1 片"}, {"o_sinDosDscr": "1 片"}),
        ({"frequency": "一日三次"}, {"o_used_frqu_dscr": "一日三次"}),
        (
            {"days": 7, "single_dose": "2 片", "frequency": "一日一次"},
            {"o_prdDays": "7", "o_sinDosDscr": "2 片", "o_used_frqu_dscr": "一日一次"},
        ),
    ],
)
def test_how_a_drug_is_taken_is_said_where_somebody_said_it(
    known: dict[str, Any], told: dict[str, str]
) -> None:
    expected = ORDER | {"extend_order_map": told} if told else ORDER
    assert order(_replace(PURCHASE, lines=(_replace(NAMED, **known),))) == expected


def test_an_order_without_specification_and_one_with_a_prescription() -> None:
    assert order(_replace(PURCHASE, lines=(_replace(NAMED, spec=""),))) == ORDER | {"spec": "无"}
    assert order(_replace(PURCHASE, prescription=RX)) == ORDER | {"rxno": "RX1"}


def test_two_lines_are_two_orders_and_one_total() -> None:
    told = encounter(_replace(PURCHASE, lines=(NAMED, _replace(NAMED, number=2, amount_fen=1250))))
    assert [(row["rx_id"], row["sumamt"]) for row in told["fsi_order_dtos"]] == [("1", 3750), ("2", 1250)]
    assert told["medfee_sumamt"] == 5000


@pytest.mark.parametrize(
    ("locality", "division", "far"),
    [("two_digits", "999800", "0"), ("four_digits", "999800", "1"), ("two_digits", "989900", "1")],
)
def test_who_is_insured_elsewhere_is_settled_elsewhere(locality: Any, division: str, far: str) -> None:
    site = _replace(SHOP, profile=_replace(PROFILE, codes=_replace(PROFILE.codes, locality=locality)))
    assert encounter(PURCHASE, site)["out_setl_flag"] == "0"
    other = _replace(PURCHASE, person=_replace(BUYER, insured_division=division))
    assert encounter(other, site)["out_setl_flag"] == far
    assert said("3101", other, site)["data"]["patient_dtos"][0]["poolarea"] == division


def reviewing(**changes: Any) -> Any:
    """A profile with another section for the review."""
    return _replace(PROFILE, review=_replace(PROFILE.review, **changes))


def test_the_scene_is_that_of_the_kind_of_sale_and_left_out_where_the_profile_has_none() -> None:
    both = _replace(SHOP, profile=reviewing(scene={"clinic": "4", "pharmacy": "5"}))
    assert said("3101", PURCHASE, both)["data"]["trig_scen"] == "5"
    assert said("3101", VISIT, both)["data"]["trig_scen"] == "4"
    clinics = _replace(SHOP, profile=reviewing(scene={"clinic": "4"}))
    assert "trig_scen" not in said("3101", PURCHASE, clinics)["data"]


FINDINGS = tuple(Finding(number, "R67-01", "超量", "40 天", "2", 3750, (1,)) for number in ("JR1", "JR2"))


@pytest.mark.parametrize(("service", "kind"), [("3101", "1"), ("3102", "2")])
@switch("review.before_quote", "3101", "3102")
def test_the_feedback_names_the_review_it_answers_and_every_finding(service: Any, kind: str) -> None:
    answered = _replace(
        PURCHASE, review=Review(is_answered=True, findings=FINDINGS, way="1", reason="长期出差")
    )
    site = _replace(SHOP, profile=reviewing(before_quote=service))
    answers = [
        {"warn_rslt_id": number, "dspo_way": "1", "dspo_way_rea": "长期出差"} for number in ("JR1", "JR2")
    ]
    assert said("3103", answered, site) == {"data": {"warn_type": kind, "warns": answers}}


# -- reading -------------------------------------------------------------------------------------


def test_a_finding_is_kept_with_the_hubs_words_and_our_lines_once_each() -> None:
    rows = tuple(FindingLine(id=str(at), order_id=order) for at, order in enumerate(("2", "9", "1", "2", "")))
    found = Found(
        id="JR1", rule_id="R67-01", rule_name="超量", text="40 天", severity="1", amount_fen=Fen(1250), lines=rows
    )  # fmt: skip
    bare = Found(id="JR2", rule_id="R54-03", severity="3")
    sale = _replace(PURCHASE, lines=(NAMED, _replace(NAMED, number=2)), review=Review(failed=True))
    known = READERS["3101"](sale, ReviewOutput(result=(found, bare)), reviewing(blocking=("1",)))
    first = Finding("JR1", "R67-01", "超量", "40 天", "1", 1250, (2, 1), blocks=True)
    second = Finding("JR2", "R54-03", "", "", "3", 0, (), blocks=False)
    assert known == _replace(
        sale,
        review=Review(is_answered=True, findings=(first, second)),
        notice=Notice("review_found", {"count": "2"}),
    )


def test_a_review_that_finds_nothing_is_answered_and_tells_nothing() -> None:
    told = _replace(PURCHASE, review=Review(failed=True), notice=Notice("hub_silent"))
    assert READERS["3101"](told, ReviewOutput(), PROFILE) == _replace(
        told, review=Review(is_answered=True), notice=None
    )


@pytest.mark.parametrize(("service", "number"), [("3101", "3101"), ("3102", "3102")])
def test_an_answer_that_is_no_review_names_the_message_that_was_sent(service: Any, number: str) -> None:
    with pytest.raises(Misfit) as misfit:
        READERS["3101"](PURCHASE, "something else", reviewing(before_quote=service))
    assert (misfit.value.code, misfit.value.params) == ("hub_answer_unusable", {"infno": number})
