"""What a shop writes: wrong rows are named by number and field before anything is on disk, and nothing is repeated of them."""

from typing import Any

import msgspec
import pytest

from protocols.hub import goods
from protocols.hub.catalogue import MESSAGES, Remedy
from protocols.hub.profile import Profile
from protocols.money import Price, Quantity
from protocols.secret import Secret
from terminal.core.events import Misuse
from terminal.core.submission import Silence
from terminal.core.values import Person
from terminal.submissions.kinds import CLEARING, FILE, KINDS, MANY, silence_of
from terminal.submissions.rows import MOST_ROWS, contents, decode_content
from tests.simulators.hub.submitted import (
    CHRONIC,
    DELETION,
    MAPPING,
    MAPPING_WITHDRAWN,
    OTHER_PACK,
    PACK,
    PURCHASE_A,
    SALE,
    TAKE,
)
from tests.terminal.core.samples import PERSON_NO

SHOP = "P99990000001"
NATIONAL = Profile(name="national")
LATER = msgspec.structs.replace(NATIONAL, stock=msgspec.structs.replace(NATIONAL.stock, generation="A"))
PERSON = Person(PERSON_NO, Secret("测试甲"), Secret(), "01", "310", "11", "999900", 6000)
TRACED = {**SALE, "drug_trac_codg": PACK}


def made(kind: str, *rows: Any, profile: Profile = NATIONAL, person: Any = None) -> tuple[str, list[bytes]]:
    """The transaction and the stored content of each message."""
    return contents(KINDS[kind], rows, profile, SHOP, person)


@pytest.mark.parametrize(
    ("kind", "row", "field", "reason"),
    [
        ("stock.take", {**TAKE, "inv_cnt": ""}, "inv_cnt", "row_missing"),
        ("stock.take", {**TAKE, "inv_cnt": "viele"}, "inv_cnt", "row_unreadable"),
        ("stock.take", {**TAKE, "invdate": "20.11.2026"}, "invdate", "row_not_a_date"),
        ("stock.take", {**TAKE, "rx_flag": "ja"}, "rx_flag", "row_unreadable"),
        ("stock.take", {**TAKE, "menge": "1"}, "menge", "row_unknown_field"),
        ("stock.sale", SALE, "drug_trac_codg", "row_missing"),
        ("stock.delete", {"fixmedins_bchno": "B1"}, "inv_data_type", "row_missing"),
        (
            "mapping.withdraw",
            {**MAPPING_WITHDRAWN, "fixmedins_code": SHOP},
            "fixmedins_code",
            "row_unknown_field",
        ),
    ],
)
def test_the_second_row_is_wrong_and_says_where(
    kind: str, row: dict[str, str], field: str, reason: str
) -> None:
    good = {
        "stock.take": TAKE,
        "stock.sale": TRACED,
        "stock.delete": DELETION,
        "mapping.withdraw": MAPPING_WITHDRAWN,
    }
    with pytest.raises(Misuse) as wrong:
        made(kind, good[kind], row)
    assert (wrong.value.code, wrong.value.params) == (
        "submission_row", {"row": "2", "field": field, "reason": reason}
    )  # fmt: skip


def test_a_field_name_that_looks_like_none_is_not_repeated() -> None:
    with pytest.raises(Misuse) as wrong:
        made("stock.take", {**TAKE, "测试甲 999999": "1"})
    assert wrong.value.params["field"] == "?"


def test_amounts_are_read_exactly_and_trace_codes_in_every_way_they_are_written() -> None:
    for codes in (f"{PACK} {OTHER_PACK}", f"{PACK};{OTHER_PACK}", [PACK, OTHER_PACK]):
        infno, (stored,) = made("stock.take", {**TAKE, "inv_cnt": "12.5", "drug_trac_codg": codes})
        content, insured = decode_content(infno, stored)
        assert isinstance(content, goods.StockTakeInput)
        assert insured == ""
        assert content.row.stock_e4 == Quantity(125_000)
        assert [code.code for code in content.row.trace_codes or ()] == [PACK, OTHER_PACK]


def test_the_person_and_their_place_come_from_the_sale() -> None:
    infno, (stored,) = made("filing.chronic", CHRONIC, person=PERSON)
    kept = msgspec.json.decode(stored)
    assert (infno, kept["insured"]) == ("2503", PERSON.insured_division)
    filing = kept["input"]["data"]
    assert (filing["psn_no"], filing["insutype"]) == (PERSON.psn_no.reveal(), PERSON.insutype)
    assert filing["insu_optins"] == PERSON.insured_division
    with pytest.raises(Misuse, match="submission_row"):
        made("filing.chronic", {**CHRONIC, "psn_no": "1"}, person=PERSON)
    with pytest.raises(Misuse, match="submission_row"):
        made("filing.chronic", {**CHRONIC, "exp_content": "{}"}, person=PERSON)


def test_many_rows_are_cut_into_messages_and_too_many_are_refused() -> None:
    rows = [{**MAPPING, "fixmedins_hilist_id": f"SKU{number}"} for number in range(MANY + 1)]
    infno, parts = made("mapping.upload", *rows)
    assert infno == "3301"
    assert [len(msgspec.json.decode(part)["input"]["data"]) for part in parts] == [MANY, 1]
    for wrong in ([], [MAPPING] * (MOST_ROWS + 1)):
        with pytest.raises(Misuse, match="bad_request"):
            made("mapping.upload", *wrong)


def test_the_documents_of_a_purchase_go_with_it() -> None:
    infno, (stored,) = made("stock.purchase", PURCHASE_A, profile=LATER)
    content, _ = decode_content(infno, stored)
    assert isinstance(content, goods.PurchaseAInput)
    (row,) = content.rows
    assert (row.price_micro, row.documents[0].name) == (Price(8_000_000), "invoice.pdf")


def test_what_silence_leads_to_is_what_the_catalogue_says() -> None:
    for kind in (*KINDS.values(), *CLEARING.values()):
        for form in (kind.plain, kind.form_a):
            if form is not None:
                repeats = MESSAGES[form.infno].remedy is Remedy.REPEAT
                assert repeats == (form.silence is Silence.REPEAT), form.infno
    submitted = {
        form.infno
        for kind in (*KINDS.values(), *CLEARING.values())
        for form in (kind.plain, kind.form_a)
        if form is not None
    }
    beside_sales = {
        infno
        for infno, one in MESSAGES.items()
        if (one.changes_hub and infno[0] in "3" and infno != "3103") or infno[:2] == "25"
    }
    assert submitted == beside_sales


def test_every_transaction_that_can_be_submitted_says_what_silence_leads_to() -> None:
    for kind in (*KINDS.values(), FILE):
        for form in (kind.plain, kind.form_a):
            assert form is None or silence_of(form.infno) is form.silence
