"""What each message says, member by member: everything that is filled, and nothing else."""

from typing import Any

import msgspec
import pytest

from protocols.hub import wire
from protocols.hub.profile import Profile
from protocols.money import Fen, Quantity, Scaled
from protocols.secret import Secret
from terminal.core.message_parts import Desk, Site
from terminal.core.messages import build, misfits
from terminal.core.values import Disease, Medium, Prescription, Settlement
from tests.profiles.switches import switch
from tests.terminal.core.samples import (
    CERTNO,
    LINE,
    PROFILE,
    SETTLE_ID,
    TO_CONFIRMED,
    TO_PRICED,
    after,
    draft,
    good,
    sale_output,
)
from tests.terminal.core.test_visit import DISEASE, visit

_replace = msgspec.structs.replace
SITE = Site(PROFILE, "P99990000001", "999900", Desk("D1", "医师甲", "K1", "内科", "A03"))
WHO = "99990000000000000001"
TOKEN = "999900ecsim000000000000000000000000001"
BEGAN = "2026-11-23 09:00:00"
SHOWN = {"certno": "999999199001010016", "psn_name": "测试甲"}
CARD = Medium("03", Secret("A12345678"), card_sn=Secret("00112233"), certno=CERTNO, name=Secret("测试甲"))
TRACED = _replace(
    LINE,
    number=2,
    trace_codes=("89999990000000000003", "89999990000000000004"),
    amount_fen=1250,
    quantity=Quantity(10_000),
)
PRICED = after(*TO_PRICED)
SETTLED = after(*TO_CONFIRMED)
CLINIC = visit(visit_id="M1", batch=2, quote=PRICED.quote)


def plain(value: Any) -> Any:
    """A secret as its text, an amount as the integer of its unit."""
    if isinstance(value, Secret):
        return value.reveal()
    assert isinstance(value, Scaled)
    return int(value)


def filled(node: Any) -> Any:
    """A node without its empty members."""
    if isinstance(node, dict):
        return {
            name: filled(what)
            for name, what in node.items()
            if what not in ("", None) and not isinstance(what, Scaled)
        }
    return [filled(row) for row in node] if isinstance(node, list | tuple) else node


def said(infno: str, settlement: Settlement, site: Site = SITE) -> Any:
    """The filled members of a message's input."""
    content, division = build(infno, settlement, site)
    assert settlement.person is not None
    assert division == settlement.person.insured_division
    return filled(msgspec.to_builtins(content, enc_hook=plain))


def without_identity() -> Site:
    """A province whose hub wants no name beside a token."""
    profile: Profile = _replace(PROFILE, form=_replace(PROFILE.form, identity_with_token="omit"))
    return _replace(SITE, profile=profile)


@switch("form.identity_with_token", "send", "empty")
def test_who_is_it() -> None:
    asked = {"mdtrt_cert_type": "01", "mdtrt_cert_no": TOKEN, "begntime": BEGAN, "psn_cert_type": "01"}
    assert said("1101", PRICED) == {"data": asked | SHOWN}
    assert said("1101", PRICED, without_identity()) == {"data": asked}
    card = {
        "mdtrt_cert_type": "03",
        "mdtrt_cert_no": "A12345678",
        "card_sn": "00112233",
        "begntime": BEGAN,
        "psn_cert_type": "01",
    }
    for site in (SITE, without_identity()):
        assert said("1101", _replace(PRICED, medium=CARD), site) == {"data": card | SHOWN}, (
            "a card always comes with its holder"
        )


PURCHASE = {
    "psn_no": WHO, "mdtrt_cert_type": "01", "mdtrt_cert_no": TOKEN, "psn_cert_type": "01", "psn_type": "11", "begntime": BEGAN,
    "medfee_sumamt": 5000, "insutype": "310", "acct_used_flag": "1", "med_type": "41",
}  # fmt: skip
FIRST = {
    "feedetl_sn": "1", "rx_circ_flag": "0", "fee_ocur_time": BEGAN, "med_list_codg": "XTEST000000000000000D03",
    "medins_list_codg": "SKU0003", "det_item_fee_sumamt": 3750, "cnt": 30000, "pric": 12500000, "prd_days": 0,
}  # fmt: skip
SECOND = FIRST | {"feedetl_sn": "2", "det_item_fee_sumamt": 1250, "cnt": 10000}
TWO_LINES = _replace(PRICED, lines=(LINE, TRACED))


def test_a_purchase_is_quoted_without_trace_codes_and_settled_with_them() -> None:
    assert said("2101", TWO_LINES) == {"druginfo": PURCHASE | SHOWN, "drugdetail": [FIRST, SECOND]}
    settled = said("2102", TWO_LINES)
    assert settled["druginfo"] == PURCHASE | SHOWN
    codes = [
        {"feedetl_sn": "2", "drug_trac_codg": code, "trdn_flag": "0"}
        for code in ("89999990000000000003", "89999990000000000004")
    ]
    assert settled["drugdetail"] == [FIRST, SECOND | {"durg_trac_info": codes}]


def test_the_lines_of_a_prescription_name_it_and_say_that_it_came_from_outside() -> None:
    sale = _replace(TWO_LINES, prescription=Prescription("RX1", (), "Y01"))
    of_it = {"rxno": "RX1", "rx_circ_flag": "1"}
    assert said("2101", sale)["drugdetail"] == [FIRST | of_it, SECOND | of_it]


@pytest.mark.parametrize(
    ("benefit", "med_type"), [("pharmacy", "41"), ("dual_channel", "9904"), ("other", "41")]
)
def test_a_purchase_says_for_which_kind_of_benefit_it_is(benefit: str, med_type: str) -> None:
    assert said("2101", _replace(PRICED, benefit=benefit))["druginfo"]["med_type"] == med_type


@pytest.mark.parametrize(("mode", "used"), [("explicit", "2"), ("auto", "1")])
def test_the_account_flag_is_that_of_the_hub_in_every_message_that_carries_it(mode: Any, used: str) -> None:
    money = _replace(PROFILE.money, acct_used_flag_mode=mode)
    site = _replace(SITE, profile=_replace(PROFILE, money=money))
    for wish, flag in ((True, used), (False, "0")):
        for infno, sale, node in (
            ("2101", PRICED, "druginfo"), ("2102", PRICED, "druginfo"), ("2206A", CLINIC, "data"), ("2207A", CLINIC, "data"),
        ):  # fmt: skip
            assert said(infno, _replace(sale, use_account=wish), site)[node]["acct_used_flag"] == flag


def test_a_purchase_says_what_the_person_wants_and_no_more_than_the_province_does() -> None:
    cash = said("2102", _replace(TWO_LINES, use_account=False))["druginfo"]
    assert cash == PURCHASE | SHOWN | {"acct_used_flag": "0"}
    assert said("2102", TWO_LINES, without_identity())["druginfo"] == PURCHASE
    card = said("2102", _replace(TWO_LINES, medium=CARD), without_identity())["druginfo"]
    of_card = {"mdtrt_cert_type": "03", "mdtrt_cert_no": "A12345678", "card_sn": "00112233"}
    assert card == PURCHASE | SHOWN | of_card


@pytest.mark.parametrize(
    ("infno", "content"),
    [
        ("2103", {"setl_id": "H1", "mdtrt_id": "M1", "psn_no": WHO}),
        ("2601", {"psn_no": WHO, "omsgid": SETTLE_ID, "oinfno": "2102"}),
        ("5203", {"psn_no": WHO, "setl_id": "H1", "mdtrt_id": "M1"}),
    ],
)
def test_what_is_undone_or_asked_is_named_by_the_hubs_numbers_and_a_reversal_by_ours(
    infno: str, content: dict[str, str]
) -> None:
    assert said(infno, SETTLED) == {"data": content}


def test_a_visits_settlement_is_cancelled_whole_and_reversed_by_its_own_number() -> None:
    settled = _replace(CLINIC, booking=SETTLED.booking, settle_msgid="M-9")
    assert said("2208", settled) == {"data": {"setl_id": "H1", "mdtrt_id": "M1", "psn_no": WHO}}
    assert said("2601", settled) == {"data": {"psn_no": WHO, "omsgid": "M-9", "oinfno": "2207A"}}
    older = _replace(settled, settle_infno="2207")
    assert said("2601", older) == {"data": {"psn_no": WHO, "omsgid": "M-9", "oinfno": "2207"}}


def test_a_visits_questions() -> None:
    assert said("2001", CLINIC) == {
        "data": {
            "psn_no": WHO,
            "insutype": "310",
            "fixmedins_code": "P99990000001",
            "med_type": "14",
            "begntime": BEGAN,
        }
    }
    assert said("5301", CLINIC) == {"data": {"psn_no": WHO}}
    day = {"begntime": "2026-11-23 00:00:00", "endtime": "2026-11-23 23:59:59"}
    assert said("5201", CLINIC) == {"data": {"psn_no": WHO, "med_type": "14", **day}}


def test_a_visits_registration_and_its_withdrawal() -> None:
    assert said("2201", CLINIC)["data"] == {
        "psn_no": WHO, "insutype": "310", "begntime": BEGAN, "mdtrt_cert_type": "01", "mdtrt_cert_no": TOKEN, "psn_cert_type": "01",
        "psn_type": "11", "ipt_otp_no": "V7", "atddr_no": "D1", "dr_name": "医师甲", "dept_code": "K1", "dept_name": "内科",
        "caty": "A03", **SHOWN,
    }  # fmt: skip
    assert said("2202", CLINIC) == {"data": {"psn_no": WHO, "mdtrt_id": "M1", "ipt_otp_no": "V7"}}


def test_a_diagnosis_takes_back_those_told_before() -> None:
    other = Disease("M03900", "高血压", "I10.x00", "原发性高血压")
    told = said("2203A", _replace(CLINIC, past_diagnoses=(other, DISEASE)))
    assert told["mdtrtinfo"] == {
        "mdtrt_id": "M1", "psn_no": WHO, "med_type": "14", "begntime": BEGAN, "main_cond_dscr": "2型糖尿病", "dise_codg": "M01600",
        "dise_name": "糖尿病", "geso_val": 0,
    }  # fmt: skip
    now = {
        "diag_type": "1", "diag_srt_no": 1, "diag_code": "E11.900", "diag_name": "2型糖尿病", "diag_dept": "内科", "dise_dor_no": "D1",
        "dise_dor_name": "医师甲", "diag_time": BEGAN, "vali_flag": "1",
    }  # fmt: skip
    before = now | {"diag_srt_no": 2, "diag_code": "I10.x00", "diag_name": "原发性高血压", "vali_flag": "0"}
    assert told["diseinfo"] == [now, before]


def test_a_visits_lines_carry_the_batch_in_their_numbers() -> None:
    first, second = said("2204", _replace(CLINIC, lines=(LINE, TRACED)))["feedetail"]
    common = {
        "mdtrt_id": "M1", "psn_no": WHO, "chrg_bchno": "V7002", "dise_codg": "M01600", "bilg_dept_codg": "K1", "bilg_dept_name": "内科",
        "bilg_dr_codg": "D1", "bilg_dr_name": "医师甲", "hosp_appr_flag": "0", "etip_flag": "0", "dscg_tkdrug_flag": "0",
        "matn_fee_flag": "0",
    }  # fmt: skip
    assert first == FIRST | common | {"feedetl_sn": "V7002001"}
    assert second == SECOND | common | {"feedetl_sn": "V7002002"}
    (confirmed,) = said("2204", _replace(CLINIC, lines=(_replace(LINE, indication=True),)))["feedetail"]
    assert confirmed == first | {"hosp_appr_flag": "1"}


def test_lines_are_withdrawn_by_batch_while_the_visit_goes_on_and_all_when_it_is_over() -> None:
    assert said("2205", CLINIC) == {"data": {"mdtrt_id": "M1", "chrg_bchno": "V7002", "psn_no": WHO}}
    assert said("2205", _replace(CLINIC, owed=("2205", "2202")))["data"]["chrg_bchno"] == "0000"


def test_a_visit_is_settled_with_the_amounts_of_its_quote() -> None:
    two = _replace(CLINIC, lines=(LINE, TRACED))
    quote = {
        "psn_no": WHO, "mdtrt_cert_type": "01", "mdtrt_cert_no": TOKEN, "med_type": "14", "medfee_sumamt": 5000, "psn_setlway": "01",
        "mdtrt_id": "M1", "chrg_bchno": "V7002", "insutype": "310", "acct_used_flag": "1",
    }  # fmt: skip
    assert said("2206A", two) == {"data": quote}
    assert said("2206A", _replace(two, use_account=False)) == {"data": quote | {"acct_used_flag": "0"}}
    assert two.quote is not None
    info = _replace(
        two.quote.info,
        self_paid_fen=Fen(1),
        over_limit_fen=Fen(2),
        class_b_share_fen=Fen(3),
        policy_scope_fen=Fen(4),
    )
    parts = {"fulamt_ownpay_amt": 1, "overlmt_selfpay": 2, "preselfpay_amt": 3, "inscp_scp_amt": 4}
    message = said("2207A", _replace(two, quote=_replace(two.quote, info=info)))
    assert message.pop("data") == quote | parts
    codes = [
        {"feedetl_sn": "V7002002", "drug_trac_codg": code, "trdn_flag": "0", "min_prcunt_type": "0"}
        for code in TRACED.trace_codes
    ]
    assert message == {"drug_trac_info": codes}
    assert said("2207A", _replace(CLINIC, use_account=False))["data"]["acct_used_flag"] == "0"
    assert list(said("2207A", CLINIC)) == ["data"], "without trace codes there is no node for them"


@switch("form.identity_fields", "optional", "required")
def test_a_province_may_ask_who_it_is_in_quote_and_settlement_of_a_visit_too() -> None:
    site = _replace(SITE, profile=_replace(PROFILE, form=_replace(PROFILE.form, identity_fields="required")))
    by_card = _replace(CLINIC, medium=CARD)
    card = {"card_sn": "00112233", "psn_cert_type": "01", "certno": "999999199001010016"}
    quote, settled = said("2206A", by_card, site)["data"], said("2207A", by_card, site)["data"]
    assert quote == said("2206A", by_card)["data"] | card | {"psn_type": "11", "psn_name": "测试甲"}
    assert settled == said("2207A", by_card)["data"] | card


@pytest.mark.parametrize(
    ("changes", "diagnosis", "money"),
    [
        ({"benefit": "ordinary"}, {"TRUM_FLAG": "0"}, {"TRUM_FLAG": "0"}),
        ({"benefit": "emergency"}, *[{"TRUM_FLAG": "0", "OTP_ER_REFL_FLAG": "1"}] * 2),
        ({"epidemic": True}, {"TRUM_FLAG": "0"}, {"TRUM_FLAG": "0", "MDTRT_GRP_TYPE": "1"}),
    ],
)
def test_a_visit_of_somebody_from_another_province_says_what_kind_of_visit_it_is(
    changes: dict[str, Any], diagnosis: dict[str, str], money: dict[str, str]
) -> None:
    assert CLINIC.person is not None
    far = _replace(CLINIC, person=_replace(CLINIC.person, insured_division="989900"), **changes)
    for infno, node, members in (
        ("2203A", "mdtrtinfo", diagnosis),
        ("2206A", "data", money),
        ("2207A", "data", money),
    ):
        content, _ = build(infno, far, SITE)
        text = msgspec.json.decode(wire.encode(content))[node]["expContent"]
        assert msgspec.json.decode(text) == members
    near = _replace(CLINIC, benefit="emergency")
    assert msgspec.json.decode(wire.encode(build("2206A", near, SITE)[0]))["data"]["expContent"] == ""


def test_before_anybody_is_known_a_message_carries_no_insured_division() -> None:
    _, division = build("1101", draft(medium=CARD), SITE)
    assert division == ""


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, []),
        ({"person_no": Secret("")}, []),
        ({"echoed_message_id": ""}, []),
        ({"person_no": Secret("9")}, ["person"]),
        ({"echoed_message_id": "9"}, ["message id"]),
        ({"settlement_id": ""}, ["no settlement id"]),
    ],
)
def test_each_thing_that_does_not_fit_is_named(changes: dict[str, Any], problems: list[str]) -> None:
    assert misfits(SETTLED, good(sale_output(**changes)).output, PROFILE) == problems


def test_another_total_is_named_as_such() -> None:
    found = misfits(SETTLED, sale_output(total_fen=Fen(3751)), PROFILE)
    assert found[0] == "total"


def test_amounts_that_make_no_split_are_named_beside_the_identity_they_break() -> None:
    found = misfits(SETTLED, sale_output(account_fen=Fen(3749)), PROFILE)
    assert "split" in found
    assert len(found) > 1


@pytest.mark.parametrize(("codes", "code"), [("M", "M03900"), ("HBLB", "HBLB101")])
@switch("codes.two_disease", "M", "HBLB")
def test_a_two_disease_visit_names_its_disease_as_the_profile_does(codes: Any, code: str) -> None:
    profile = _replace(PROFILE, codes=_replace(PROFILE.codes, two_disease=codes))
    site = _replace(SITE, profile=profile)
    hypertension = _replace(DISEASE, code="M03900")
    asked = _replace(CLINIC, benefit="two_disease", asked_disease="M03900", disease=hypertension)
    assert said("2001", asked, site)["data"]["dise_codg"] == code
    assert said("2203A", asked, site)["mdtrtinfo"]["dise_codg"] == code
    assert {row["dise_codg"] for row in said("2204", asked, site)["feedetail"]} == {code}
    filed = _replace(asked, benefit="chronic")
    assert said("2203A", filed, site)["mdtrtinfo"]["dise_codg"] == "M03900"


@pytest.mark.parametrize(
    ("infno", "settlement"),
    [
        *((infno, TWO_LINES) for infno in ("2101", "2102")),
        *((infno, CLINIC) for infno in ("2001", "2201", "2202", "2203A", "2204", "2205", "2206A", "2207A")),
        ("2103", SETTLED),
        ("2208", _replace(CLINIC, booking=SETTLED.booking)),
    ],
)
@switch("form.ext_fields")
def test_k19_each_message_spells_its_extension_as_the_profile_does_for_it(
    infno: str, settlement: Settlement
) -> None:
    def spelt(**changes: Any) -> set[str]:
        site = _replace(SITE, profile=_replace(PROFILE, form=_replace(PROFILE.form, **changes)))
        text = wire.encode(build(infno, settlement, site)[0]).decode()
        return {spelling for spelling in ("exp_content", "expContent") if f'"{spelling}":""' in text}

    assert spelt(ext_field="expContent", ext_fields={infno: "exp_content"}) == {"exp_content"}
    assert spelt(ext_field="exp_content", ext_fields={infno: "expContent"}) == {"expContent"}
