"""3101, 3102 and 3103: the bytes that go out, and the shapes an answer comes in."""

import msgspec
import pytest

from protocols.hub import wire
from protocols.hub.review import (
    Answer,
    Feedback,
    FeedbackInput,
    Order,
    OrderUse,
    Patient,
    ReviewedVisit,
    ReviewInput,
    ReviewOutput,
    ReviewRequest,
)
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret

ORDER = Order(
    id="1",
    list_type="101",
    charge_type="09",
    catalogue_code="XTEST000000000000000D03",
    catalogue_name="测试降糖片",
    catalogue_price=Price(12_500_000),
    own_code="SKU0003",
    own_name="测试降糖片",
    quantity=Quantity(40_000),
    price=Price(12_500_000),
    amount_fen=Fen(5000),
    began_on="2026-11-21",
)
VISIT = ReviewedVisit(
    id="S1",
    institution_code="P99990000001",
    institution_name="测试大药房一号店",
    institution_division="999900",
    institution_kind="2",
    institution_grade="11",
    began_on="2026-11-21",
    ended_on="2026-11-21",
    kind="3",
    medical_category="41",
    orders=(ORDER,),
    total_fen=Fen(5000),
    insurance_type="310",
    is_far="0",
)
PATIENT = Patient(
    id=Secret("99990000000000000001"),
    name=Secret("测试甲"),
    sex="1",
    birth_date=Secret("1990-01-01"),
    insured_division="999900",
    visit_id="S1",
    visits=(VISIT,),
)
FOUND = (
    b'{"jr_id":"JR1","rule_id":"R67-01","rule_name":"x","vola_cont":"y","patn_id":"1","vola_amt":"50.00",'
    b'"vola_amt_stas":"1","sev_deg":"2","vola_bhvr_type":"2","task_id":null,"judge_result_detail_dtos":'
    b'[{"jrd_id":"JR1-1","patn_id":"1","rx_id":"1","vola_item_type":"1","vola_amt":50.00}]}'
)


def test_members_stand_in_the_order_of_the_table_and_amounts_have_two_decimals() -> None:
    sent = wire.encode(ReviewInput(request=ReviewRequest(patients=(PATIENT,))))
    assert sent.startswith(b'{"data":{"patient_dtos":[{"patn_id":"99990000000000000001","patn_name":"')
    assert b'"adm_date":"2026-11-21","dscg_date":"2026-11-21","dscg_main_dise_codg":"\xe6\x97\xa0"' in sent
    assert b'"cnt":4.00,"pric":12.50,"sumamt":50.00,"ownpay_amt":0.00,"selfpay_amt":0.00' in sent
    assert b"trig_scen" not in sent
    assert b"extend_order_map" not in sent


def test_the_scene_and_the_use_of_a_drug_are_sent_where_there_are_any() -> None:
    use = OrderUse(days="14", single_dose="2片")
    order = msgspec.structs.replace(ORDER, use=use)
    patient = msgspec.structs.replace(PATIENT, visits=(msgspec.structs.replace(VISIT, orders=(order,)),))
    sent = wire.encode(ReviewInput(request=ReviewRequest(patients=(patient,), scene="10")))
    assert sent.endswith('"extend_order_map":{"o_prdDays":"14","o_sinDosDscr":"2片"}}],'
                         '"matn_stas":"0","medfee_sumamt":50.00,"ownpay_amt":0.00,"selfpay_amt":0.00,'
                         '"setl_totlnum":1,"insutype":"310","reim_flag":"2","out_setl_flag":"0"}]}],'
                         '"trig_scen":"10"}}'.encode())  # fmt: skip
    assert wire.decode(sent, ReviewInput).request.patients[0].visits[0].orders[0].use == use


@pytest.mark.parametrize("output", [b"null", b"{}", b'{"result":[]}', b'{"result":null}', b""])
def test_an_empty_answer_in_any_shape_means_that_nothing_was_found(output: bytes) -> None:
    assert wire.decode(output, ReviewOutput).findings == ()


@pytest.mark.parametrize("output", [b'{"result":[' + FOUND + b"]}", b'{"result":' + FOUND + b"}"])
def test_one_finding_is_read_as_a_list_or_by_itself(output: bytes) -> None:
    (found,) = wire.decode(output, ReviewOutput).findings
    assert (found.id, found.rule_id, found.severity, found.amount_fen) == ("JR1", "R67-01", "2", 5000)
    assert [line.order_id for line in found.lines] == ["1"]


def test_the_feedback_names_finding_way_and_reason() -> None:
    answers = (Answer(finding_id="JR1", way="1", reason="长期出差"), Answer(finding_id="JR2", way="2"))
    sent = wire.encode(FeedbackInput(feedback=Feedback(kind="1", answers=answers)))
    assert sent == (
        '{"data":{"warn_type":"1","warns":[{"warn_rslt_id":"JR1","dspo_way":"1","dspo_way_rea":"长期出差"},'
        '{"warn_rslt_id":"JR2","dspo_way":"2","dspo_way_rea":""}]}}'.encode()
    )
