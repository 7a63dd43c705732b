"""Questions about registers: what is asked wrong is refused by the field's name, what is asked right is answered."""

from typing import Any

import msgspec
import pytest

from protocols.hub import listings, registers
from simulators.hub import tables
from simulators.hub.fields import Field
from tests.simulators.hub.counter import Counter
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.test_client_reads import typed


class Question(msgspec.Struct, frozen=True):
    """One question as the published table has it, written down apart from the hub's own tables."""

    infno: str
    node: str
    good: dict[str, Any]
    required: tuple[str, ...]
    table: tuple[Field, ...]
    message: type[msgspec.Struct]


PAGE: dict[str, Any] = {"updt_time": "2000-01-01", "page_num": 1, "page_size": 9999}
PAGED = ("updt_time", "page_num", "page_size")

QUESTIONS = (
    Question(
        "1201",
        "medinsinfo",
        {"fixmedins_type": "2", "fixmedins_code": "P99990000001"},
        ("fixmedins_type",),
        tables.INSTITUTION_QUERY,
        registers.InstitutionQuery,
    ),
    Question(
        "1901",
        "data",
        {"type": "insutype", "parent_value": "0", "admdvs": "999900", "date": "2026-11-21", "Vali_Flag": "1"},
        ("type", "parent_value", "admdvs", "date", "Vali_Flag"),
        tables.DICTIONARY_QUERY,
        registers.DictionaryQuery,
    ),
    Question("1304", "data", PAGE, PAGED, tables.ETHNIC_QUERY, listings.EthnicQuery),
    Question("1312", "data", PAGE, PAGED, tables.ITEM_QUERY, listings.ItemQuery),
    Question("1316", "data", PAGE, PAGED, tables.NATIONAL_MAPPING_QUERY, listings.NationalMappingQuery),
    Question("1317", "data", PAGE, PAGED, tables.OWN_MAPPING_QUERY, listings.OwnMappingQuery),
    Question("1318", "data", PAGE, PAGED, tables.CEILING_QUERY, listings.CeilingQuery),
    Question("1319", "data", PAGE, PAGED, tables.SHARE_QUERY, listings.ShareQuery),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.infno)
def test_every_wrong_field_of_a_question_is_refused_by_its_name(till: Counter, question: Question) -> None:
    assert till.ask(question.infno, {question.node: question.good}).infcode == 0
    for name, node in spoiled(question.table, question.good):
        reply = till.ask(question.infno, {question.node: node})
        assert (reply.infcode, reply.code) == (-1, "FIELD"), (name, node)
        assert f"{question.node}.{name} " in reply.err_msg
    missing = till.ask(question.infno, {})
    assert f"{question.node} " in missing.err_msg


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.infno)
def test_the_clients_question_is_the_published_table(question: Question) -> None:
    assert tuple(field.name for field in question.table if field.required) == question.required
    known = {name for field in question.table for name in (field.name, *field.also)}
    assert {field.encode_name for field in msgspec.structs.fields(question.message)} == known


# -- 1201 institutions ---------------------------------------------------------------------------------


def institutions(till: Counter, **query: str) -> list[str]:
    """Codes of the institutions the hub finds."""
    output = typed("1201", till.ask("1201", {"medinsinfo": query}))
    return [row.code for row in output.institutions]


def test_an_institution_is_found_by_its_code_and_several_by_part_of_a_name(till: Counter) -> None:
    reply = till.ask("1201", {"medinsinfo": {"fixmedins_type": "1", "fixmedins_code": "H99990000002"}})
    (found,) = typed("1201", reply).institutions
    assert (found.name, found.kind, found.grade) == ("测试社区诊所", "1", "10")
    assert len(found.social_credit_code) == 18
    assert institutions(till, fixmedins_type="2", fixmedins_name="大药房") == ["P99990000001", "P99990000003"]
    assert institutions(till, fixmedins_type="1", fixmedins_name="大药房") == []
    assert institutions(till, fixmedins_type="2", fixmedins_name="诊所", fixmedins_code="P99990000001") == []


def test_an_institution_is_not_looked_up_by_nothing(till: Counter) -> None:
    reply = till.ask("1201", {"medinsinfo": {"fixmedins_type": "2"}})
    assert "medinsinfo.fixmedins_code " in reply.err_msg


# -- 1901 dictionaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", [("parent_value", "Vali_Flag"), ("parentValue", "valiFlag")])
def test_a_dictionary_is_told_to_either_spelling(till: Counter, spelling: tuple[str, str]) -> None:
    parent, valid = spelling
    data = {"type": "chrgitm_lv", parent: "0", "admdvs": "999900", "date": "2026-11-21", valid: "1"}
    entries = typed("1901", till.ask("1901", {"data": data})).entries
    assert [(row.value, row.label, row.place) for row in entries] == [("01", "甲类", 1), ("02", "乙类", 2), ("03", "丙类", 3)]  # fmt: skip
    for other in ({"type": "nothing"}, {parent: "1"}, {valid: "0"}, {"date": "2019-12-31"}):
        assert typed("1901", till.ask("1901", {"data": data | other})).entries == ()


# -- catalogues by page --------------------------------------------------------------------------------


def rows(till: Counter, infno: str, **query: object) -> Any:
    """Rows of a catalogue."""
    return typed(infno, till.ask(infno, {"data": PAGE | query})).rows


def test_the_insurance_catalogue_of_the_place_says_class_and_date(till: Counter) -> None:
    (pills,) = rows(till, "1312", hilist_name="口服降糖")
    assert (pills.code, pills.item_class, pills.list_kind, pills.division) == (
        "XTEST000000000000000D03",
        "01",
        "101",
        "999900",
    )
    assert {row.item_class for row in rows(till, "1312")} == {"01", "02", "03"}
    assert {row.item_class for row in rows(till, "1312", chrgitm_lv="02")} == {"02"}
    assert rows(till, "1312", insu_admdvs="888800") == ()
    assert rows(till, "1312", query_date="2019-12-31") == ()
    assert rows(till, "1312", updt_time="2099-01-01") == ()


def test_pages_hold_every_row_once(till: Counter) -> None:
    every = [row.code for row in rows(till, "1312")]
    paged: list[str] = []
    for number in range(1, 100):
        answer = typed("1312", till.ask("1312", {"data": PAGE | {"page_num": number, "page_size": 7}}))
        assert (answer.page, answer.records, answer.pages) == (number, len(every), -(-len(every) // 7))
        paged += [row.code for row in answer.rows]
        if not answer.rows:
            break
    assert paged == every
    for name in ("page_num", "page_size"):
        assert f"data.{name} " in till.ask("1312", {"data": PAGE | {name: 0}}).err_msg


def test_mappings_lead_from_the_own_item_to_the_insurance_catalogue(till: Counter) -> None:
    (own,) = rows(till, "1317", medins_list_codg="SKU0003")
    assert (own.own_name, own.national_code, own.institution_code) == (
        "测试降糖片",
        "XTEST000000000000000D03",
        "P99990000001",
    )
    assert rows(till, "1317", fixmedins_code="P99990000003") == ()
    for spelling in ("medins_list_codg", "med_list_codg"):
        (national,) = rows(till, "1316", **{spelling: "SKU0003"})
        assert (national.national_code, national.code) == (own.national_code, own.national_code)


def test_ceilings_hold_for_the_kind_of_the_institution(till: Counter, clinic: Counter) -> None:
    (pills,) = rows(till, "1318", hilist_code="XTEST000000000000000D03")
    assert pills.ceiling_micro == 12_500_000
    assert rows(till, "1318", hilist_code="TTEST000000000000S01") == ()
    (visit,) = rows(clinic, "1318", hilist_code="TTEST000000000000S01")
    assert visit.ceiling_micro == 10_000_000


def test_first_borne_ratios_follow_the_class(till: Counter) -> None:
    found = {row.code[-3:]: row.share_bp for row in rows(till, "1319")}
    assert (found["D03"], found["D05"], found["D11"]) == (0, 1000, 10_000)
