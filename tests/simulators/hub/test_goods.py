"""3301, 3302, 3501 to 3507 in both generations, 3592B, 3512, 3513: what is uploaded is checked by field, booked and listed."""

from typing import Any

import msgspec
import pytest

from protocols.secret import Secret
from simulators.hub import submitted_tables as tables
from simulators.hub.fields import Field
from simulators.people import Person
from tests.simulators.hub.counter import Counter, Reply, make_world
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.submitted import (
    BATCH,
    CHANGE,
    DELETION,
    GOODS,
    MAPPING,
    MAPPING_WITHDRAWN,
    OTHER_PACK,
    PACK,
    PURCHASE,
    PURCHASE_A,
    PURCHASE_RETURN,
    SALE,
    SALE_A,
    SALE_RETURN,
    TAKE,
    traced,
)
from tests.simulators.hub.test_client_reads import typed

SHOP = "P99990000001"
UPLOADS: dict[str, tuple[str, tuple[Field, ...], dict[str, Any], str]] = {
    "3501": ("invinfo", tables.STOCK_TAKE, TAKE, "1"),
    "3502": ("invinfo", tables.STOCK_CHANGE, CHANGE, "2"),
    "3503": ("purcinfo", tables.PURCHASE, PURCHASE, "3"),
    "3504": ("purcinfo", tables.PURCHASE_RETURN, PURCHASE_RETURN, "3"),
    "3505": ("selinfo", tables.SALE, traced(SALE, PACK), "4"),
    "3506": ("selinfo", tables.SALE_RETURN, SALE_RETURN, "4"),
}
MANY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "3501A": ("invinfoDetail", "", {**TAKE, "pric": "12.50"}),
    "3502A": ("invinfoDetail", "invinfoErrDetail", traced(CHANGE, PACK)),
    "3503A": ("purcinfoDetail", "purcinfoDetail", PURCHASE_A),
    "3504A": ("purcinfoDetail", "purcinfoErrDetail", PURCHASE_RETURN),
    "3505A": ("selinfoDetail", "selinfoDetail", traced(SALE_A, PACK)),
    "3506A": ("selinfoDetail", "selinfoErrDetail", SALE_RETURN),
}


def upload(till: Counter, infno: str, *rows: dict[str, Any]) -> Reply:
    """Upload rows."""
    if infno in UPLOADS:
        (row,) = rows
        return till.ask(infno, {UPLOADS[infno][0]: row})
    return till.ask(infno, {MANY[infno][0]: list(rows)})


def codes(till: Counter, infno: str, **asked: str) -> Any:
    """3512 or 3513 as the client reads it."""
    days = {"begndate": "2026-11-21", "enddate": "2026-11-21"}
    return typed(infno, till.ask(infno, {"data": {"fixmedins_code": SHOP, **days, **asked}})).rows


@pytest.mark.parametrize("infno", UPLOADS)
def test_a_plain_upload_books_one_row_or_names_the_wrong_field(till: Counter, infno: str) -> None:
    node, table, good, kind = UPLOADS[infno]
    for field, wrong in spoiled(table, good):
        reply = upload(till, infno, wrong)
        assert reply.infcode == -1
        assert f"{node}.{field} " in reply.err_msg, (field, reply.err_msg)
    books = till.world.ledger.submitted
    assert books.goods(SHOP) == ()
    reply = upload(till, infno, good)
    assert (reply.infcode, reply.output) == (0, None)
    assert [(row.infno, row.kind, row.batch) for row in books.goods(SHOP)] == [(infno, kind, BATCH)]


@pytest.mark.parametrize("infno", MANY)
def test_form_a_says_of_each_row_whether_it_was_taken(till: Counter, infno: str) -> None:
    """`infcode` 0 with a row `retRslt` 0 is a partial failure; the row that was taken stands in the books."""
    _, answered, good = MANY[infno]
    reply = upload(till, infno, good, {**good, "fixmedins_bchno": "B2", "rx_flag": "9"})
    assert reply.infcode == 0
    assert [row.batch for row in till.world.ledger.submitted.goods(SHOP)] == [BATCH]
    if not answered:
        assert reply.output is None
        return
    rows = typed(infno, reply).rows
    (failed,) = [row for row in rows if row.failed]
    assert failed.batch == "B2"
    assert "rx_flag 代码值不在字典中" in failed.message
    if infno in ("3503A", "3505A"):
        assert [(row.batch, str(row.result)) for row in rows] == [(BATCH, "1"), ("B2", "0")]
        assert (rows[0].purchase_serial or rows[0].sale_serial) == f"{1:020d}"


@pytest.mark.parametrize(
    ("infno", "keys"),
    [("3502A", {"inv_chg_type": "101"}), ("3504A", {"medins_prod_purc_no": "1"}),
     ("3506A", {"medins_prod_sel_no": "1"})],
)  # fmt: skip
def test_a_row_that_failed_comes_back_under_the_printed_keys(
    till: Counter, infno: str, keys: dict[str, str]
) -> None:
    _, answered, good = MANY[infno]
    reply = upload(till, infno, {**good, **keys, "memo": "m", "rx_flag": "9"})
    (failed,) = reply.output[answered]
    result = {"retRslt": failed.pop("retRslt"), "msgRslt": failed.pop("msgRslt") is not None}
    assert failed == {**GOODS, **keys, "memo": "m"}
    assert result == {"retRslt": "0", "msgRslt": True}


@pytest.mark.parametrize("infno", ["3503A", "3505A"])
def test_a_row_comes_back_as_it_was_sent_wherever_a_number_stands_in_it(till: Counter, infno: str) -> None:
    node, answered, good = MANY[infno]
    row = {**good, "memo": 1.5, "drugtracinfo": [{"drug_trac_codg": 2.5}]}
    (told,) = till.ask(infno, {node: [row]}).output[answered]
    assert told["retRslt"] == "0"
    assert (told["memo"], told["drugtracinfo"]) == ("1.5", [{"drug_trac_codg": "2.5"}])


@pytest.mark.parametrize(
    "wrong", [{"hi_feesetl_type": "3"}, *({f"{who}_cert_type": "18"} for who in ("psn", "phar", "prsc_dr"))]
)
def test_a_value_of_no_dictionary_is_refused(till: Counter, wrong: dict[str, str]) -> None:
    (field,) = wrong
    assert f"selinfo.{field} 代码值不在字典中" in upload(till, "3505", {**SALE, **wrong}).err_msg


def test_an_insured_sale_is_checked_for_code_settlement_doctor_and_pharmacist(till: Counter) -> None:
    insured = {**traced(SALE_A, PACK), "MDTRT_SETL_TYPE": "1", "setl_id": "SETL1"}
    wrong = {
        "setl_id": {**insured, "setl_id": ""},
        "med_list_codg": {**insured, "med_list_codg": "NMLC999"},
        "prsc_dr_no": {**insured, "prsc_dr_no": "D000000000000"},
        "phar_no": {**insured, "phar_no": "D999900000001"},
        "drugtracinfo": {**insured, "drugtracinfo": []},
    }
    rows = typed("3505A", upload(till, "3505A", insured, *wrong.values())).rows
    assert [str(row.result) for row in rows] == ["1", "0", "0", "0", "0", "0"]
    for field, row in zip(wrong, rows[1:], strict=True):
        assert f".{field} " in row.message, row.message
    lower = {**insured, "mdtrt_setl_type": "1"}
    del lower["MDTRT_SETL_TYPE"]
    (again,) = typed("3505A", upload(till, "3505A", {**lower, "setl_id": ""})).rows
    assert again.failed


def test_a_code_told_twice_is_recorded_and_stops_nothing(till: Counter) -> None:
    for _ in range(2):
        assert upload(till, "3505", traced(SALE, PACK)).infcode == 0
    told = till.world.ledger.submitted.traces(SHOP, frozenset({"4"}))
    assert [(row.code, row.repeated) for row in told] == [(PACK, False), (PACK, True)]


def test_codes_are_listed_by_batch_and_day_and_a_return_takes_them_out(till: Counter) -> None:
    upload(till, "3501", traced(TAKE, PACK, OTHER_PACK))
    assert [row.code for row in codes(till, "3512", fixmedins_bchno=BATCH)] == [PACK, OTHER_PACK]
    assert codes(till, "3512", fixmedins_bchno="B2") == ()
    assert codes(till, "3512", fixmedins_bchno=BATCH, begndate="2026-11-22") == ()
    assert [row.code for row in codes(till, "3512", fixmedins_bchno=BATCH, drug_trac_codg=PACK)] == [PACK]
    upload(till, "3505", traced(SALE, PACK))
    (sold,) = codes(till, "3513", mdtrt_id="OWN0001")
    assert (sold.code, sold.settled, sold.visit_id) == (PACK, "2", "OWN0001")
    upload(till, "3506", traced(SALE_RETURN, PACK))
    assert codes(till, "3513", fixmedins_bchno=BATCH) == ()
    asked = till.ask("3513", {"data": {"fixmedins_code": SHOP}})
    assert "至少一项" in asked.err_msg
    other = till.ask("3512", {"data": {"fixmedins_code": "P99990000003", "fixmedins_bchno": BATCH,
                                       "begndate": "2026-11-21", "enddate": "2026-11-21"}})  # fmt: skip
    assert "data.fixmedins_code" in other.err_msg


def test_codes_that_were_sold_to_somebody_are_listed_for_nobody_else(
    till: Counter, jia: Person, yi: Person
) -> None:
    """3513 may be asked by a document number alone: it must not answer with what others bought."""
    for person, pack in ((jia, PACK), (yi, OTHER_PACK)):
        who = {
            "psn_no": person.psn_no,
            "psn_cert_type": "01",
            "certno": person.certno,
            "psn_name": person.name,
        }
        assert upload(till, "3505", traced({**SALE, **who}, pack)).infcode == 0
    (sold,) = codes(till, "3513", certno=jia.certno)
    assert (sold.code, sold.person_no, sold.document_no) == (PACK, Secret(jia.psn_no), Secret(jia.certno))
    assert [row.code for row in codes(till, "3513", fixmedins_bchno=BATCH, psn_no=yi.psn_no)] == [OTHER_PACK]
    assert [row.code for row in codes(till, "3513", fixmedins_bchno=BATCH, psn_name=yi.name)] == [OTHER_PACK]
    assert codes(till, "3513", certno="999999190001010000") == ()


@pytest.mark.parametrize("infno", ["3507", "3507A"])
def test_deleting_takes_a_batch_of_one_kind_away_and_what_is_not_there_is_no_error(
    till: Counter, infno: str
) -> None:
    upload(till, "3501", TAKE)
    upload(till, "3505", traced(SALE, PACK))
    nodes = {"data": DELETION} if infno == "3507" else {"goodDetail": [DELETION]}
    for _ in range(2):
        assert till.ask(infno, nodes).infcode == 0
    books = till.world.ledger.submitted
    assert [row.kind for row in books.goods(SHOP)] == ["1"]
    assert books.traces(SHOP, frozenset({"4"})) == ()
    for value in ("9", 4.5):
        wrong = {**DELETION, "inv_data_type": value}
        reply = till.ask(infno, {"data": wrong} if infno == "3507" else {"goodDetail": [wrong]})
        text = reply.err_msg or typed(infno, reply).rows[0].message
        assert "inv_data_type" in text


def test_a_drug_without_a_code_gets_another_one_each_time(till: Counter) -> None:
    given = [typed("3592B", till.ask("3592B", {"data": GOODS})).given for _ in range(2)]
    assert [one.code for one in given] == ["89999980000000000001", "89999980000000000002"]
    assert given[0].own_code == "SKU0003"
    elsewhere = Counter(till.world, "P99990000003")
    elsewhere.sign_in()
    other = typed("3592B", elsewhere.ask("3592B", {"data": GOODS})).given
    assert other.code == "89999980000000000003", "no other institution has it either"
    for field, wrong in spoiled(tables.SUBSTITUTE_CODE, GOODS):
        assert f"data.{field} " in till.ask("3592B", {"data": wrong}).err_msg


def test_mappings_are_tied_all_or_none_and_untied_again(till: Counter) -> None:
    other = {**MAPPING, "fixmedins_hilist_id": "SKU0012", "med_list_codg": "XTEST000000000000000D12"}
    refused = till.ask("3301", {"data": [MAPPING, {**other, "med_list_codg": "X"}]})
    assert "data[1].med_list_codg" in refused.err_msg
    books = till.world.ledger.submitted
    assert books.mappings(SHOP) == ()
    for _ in range(2):
        assert till.ask("3301", {"data": [MAPPING, other]}).infcode == 0
    assert [row["fixmedins_hilist_id"] for row in books.mappings(SHOP)] == ["SKU0003", "SKU0012"]
    for field, wrong in spoiled(tables.MAPPING, MAPPING):
        assert f"data[0].{field} " in till.ask("3301", {"data": [wrong]}).err_msg
    for _ in range(2):
        assert till.ask("3302", {"fixmedins_code": SHOP, **MAPPING_WITHDRAWN}).infcode == 0
    assert [row["fixmedins_hilist_id"] for row in books.mappings(SHOP)] == ["SKU0012"]
    assert (
        "fixmedins_code" in till.ask("3302", {"fixmedins_code": "P99990000003", **MAPPING_WITHDRAWN}).err_msg
    )


def test_what_was_mapped_is_asked_for_by_page_until_it_is_withdrawn(till: Counter, clinic: Counter) -> None:
    """1317 tells what 3301 has uploaded, also of items that no shelf holds, to the institution that uploaded it."""
    page = {"updt_time": "2020-01-01", "page_num": 1, "page_size": 100}

    def mapped(counter: Counter, own: str, **asked: str) -> Any:
        reply = counter.ask("1317", {"data": page | {"medins_list_codg": own} | asked})
        return [(row.national_code, row.own_name, row.ended_on) for row in typed("1317", reply).rows]

    visit = {**MAPPING, "fixmedins_hilist_id": "FEE01", "fixmedins_hilist_name": "诊察", "list_type": "201",
             "med_list_codg": "TTEST000000000000S01"}  # fmt: skip
    other = {**MAPPING, "fixmedins_hilist_name": "换药", "med_list_codg": "XTEST000000000000000D01"}
    assert (mapped(clinic, "FEE01"), mapped(clinic, "SKU0003")[0][0][-3:]) == ([], "D03")
    assert clinic.ask("3301", {"data": [visit, other]}).infcode == 0
    assert mapped(clinic, "FEE01") == [("TTEST000000000000S01", "诊察", "2099-12-31")]
    assert mapped(clinic, "FEE01", updt_time="2026-11-21") == mapped(clinic, "FEE01")
    assert mapped(clinic, "FEE01", query_date="2026-10-31") == []
    assert mapped(clinic, "SKU0003") == [("XTEST000000000000000D01", "换药", "2099-12-31")]
    assert (mapped(till, "FEE01"), mapped(till, "SKU0003")[0][0][-3:]) == ([], "D03")
    gone = {name: visit[name] for name in MAPPING_WITHDRAWN}
    assert clinic.ask("3302", {"fixmedins_code": clinic.institution.code, **gone}).infcode == 0
    assert mapped(clinic, "FEE01") == []


def test_a_mapping_that_ends_before_it_begins_is_refused(till: Counter) -> None:
    reply = till.ask("3301", {"data": [{**MAPPING, "enddate": "2026-10-31"}]})
    assert "data[0].enddate" in reply.err_msg
    assert till.world.ledger.submitted.mappings(SHOP) == ()


def test_a_code_of_the_largest_printed_length_is_sold_and_found_again(till: Counter) -> None:
    """3592B may answer 500 characters (K16)."""
    long = "8" * 500
    assert upload(till, "3505", traced(SALE, long)).infcode == 0
    assert [row.code for row in codes(till, "3513", fixmedins_bchno=BATCH, drug_trac_codg=long)] == [long]
    refused = upload(till, "3505", traced(SALE, long + "8"))
    assert "drug_trac_codg 长度超过 500" in refused.err_msg


def test_where_no_trace_codes_are_required_a_sale_goes_without(till: Counter) -> None:
    assert upload(till, "3505", SALE).code == "TRACE_CODE"
    national = till.world.profile
    trace = msgspec.structs.replace(national.trace, required="none")
    other = Counter(make_world(profile=msgspec.structs.replace(national, trace=trace)), SHOP)
    other.sign_in()
    assert upload(other, "3505", SALE).infcode == 0
