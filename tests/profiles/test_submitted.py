"""Stock and sales under profiles that differ: which number goes up, with how many rows, and how a member is spelt."""

from typing import Any

import msgspec
import pytest

from terminal.core.events import Misuse
from terminal.submissions.kinds import KINDS
from terminal.submissions.rows import contents
from tests.profiles.rig import profile_of
from tests.profiles.switches import switch
from tests.simulators.hub.submitted import PACK, SALE, SALE_A

SHOP = "P99990000001"


def made(text: str, kind: str, *rows: Any) -> tuple[str, list[Any]]:
    """The transaction and the `input` of each message under a profile."""
    infno, stored = contents(KINDS[kind], rows, profile_of(f'name = "other"\n{text}'), SHOP, None)
    return infno, [msgspec.json.decode(one)["input"] for one in stored]


@switch("stock.generation", "plain", "A")
def test_goods_go_up_row_by_row_or_together() -> None:
    rows = [{**SALE_A, "drug_trac_codg": PACK, "fixmedins_bchno": batch} for batch in ("B1", "B2")]
    plain = [{name: row[name] for name in row if name not in ("prsc_dr_no", "phar_no")} for row in rows]
    infno, inputs = made("", "stock.sale", *plain)
    assert infno == "3505"
    assert [one["selinfo"]["fixmedins_bchno"] for one in inputs] == ["B1", "B2"]
    infno, inputs = made('[stock]\ngeneration = "A"', "stock.sale", *rows)
    assert infno == "3505A"
    assert [[row["fixmedins_bchno"] for row in one["selinfoDetail"]] for one in inputs] == [["B1", "B2"]]


@switch("form.setl_type_case", "upper", "lower")
def test_how_a_sale_was_settled_is_spelt_as_the_profile_says() -> None:
    row = {**SALE, "drug_trac_codg": PACK}
    for text, spelt in (("", "MDTRT_SETL_TYPE"), ('[form]\nsetl_type_case = "lower"', "mdtrt_setl_type")):
        _, (one,) = made(text, "stock.sale", row)
        found = {name: value for name, value in one["selinfo"].items() if name.lower() == "mdtrt_setl_type"}
        assert found == {spelt: "2"}


def test_a_sale_without_trace_codes_is_taken_only_where_none_are_required() -> None:
    with pytest.raises(Misuse, match="submission_row") as missing:
        made("", "stock.sale", SALE)
    assert missing.value.params == {"row": "1", "field": "drug_trac_codg", "reason": "row_missing"}
    _, (one,) = made('[trace]\nrequired = "none"', "stock.sale", SALE)
    assert "drugtracinfo" not in one["selinfo"]
