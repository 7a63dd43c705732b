"""Forms, codes and money: one sale and one visit under two profiles that differ in every form, compared on the wire."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.hub import wire
from terminal.core.message_parts import Desk, Site
from terminal.core.messages import build
from terminal.core.states import State
from tests.profiles.rig import CLINIC, Line, hub_of, profile_of
from tests.profiles.stories import TRACED
from tests.profiles.switches import switch
from tests.terminal.clinic.clinic import DIABETES
from tests.terminal.core import samples
from tests.terminal.core.test_visit import visit
from tests.terminal.fast_loop import FastLoop

pytestmark = pytest.mark.blocking_allowed("the journal is called in line")

OTHER = profile_of("""
name = "other"
[env]
recer_sys_code = "99"
[form]
ext_field = "exp_content"
outpatient = "plain"
identity_fields = "required"
card_sn = 24
naty_width = 3
[form.ext_fields]
2206 = "expContent"
[trace]
pharmacy_node = "drug_trac_info"
[money]
mutual_aid = "beside"
fund_sum = "with_account"
acct_used_flag_mode = "explicit"
[codes.med_type]
pharmacy = "41"
ordinary = "11"
registration = "12"
emergency = "13"
chronic = "140104"
two_disease = "9901"
maternity = "51"
dual_channel = "9904"
[codes.clr_type]
pharmacy = "4101"
ordinary = "11"
registration = "12"
emergency = "13"
chronic = "9987"
two_disease = "15"
maternity = "53"
dual_channel = "18"
""")


class Recorded:
    """What crossed the lines of a shop and a clinic."""

    def __init__(self, shop: Line, clinic: Line, jia_fen: int, bing: Any) -> None:
        self.shop = shop
        self.clinic = clinic
        self.jia_fen = jia_fen
        self.bing = bing


def _record(folder: Path, profile: Any) -> Recorded:
    async def run() -> Recorded:
        async with (
            hub_of(profile) as hub,
            hub.counter(folder, profile) as shop,
            hub.counter(folder, profile, institution=CLINIC) as clinic,
        ):
            sale = await shop.confirm(await shop.priced("1", "jia", TRACED))
            assert sale.state is State.CONFIRMED, sale.notice
            child = await shop.confirm(await shop.priced("2", "bing"))
            assert child.state is State.CONFIRMED, child.notice
            visit = await clinic.confirm(await clinic.visit("1", "yi", DIABETES))
            assert visit.state is State.CONFIRMED, visit.notice
            return Recorded(shop.line, clinic.line, hub.balance_fen("jia"), child)

    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(run())


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Under the default profile."""
    return _record(tmp_path_factory.mktemp("usual"), profile_of(""))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Under the profile that differs in every form."""
    return _record(tmp_path_factory.mktemp("other"), OTHER)


@switch("form.outpatient", "A", "plain")
def test_the_numbers_of_a_visit(usual: Recorded, other: Recorded) -> None:
    def numbers(recorded: Recorded) -> list[str]:
        return [one.envelope["infno"] for one in recorded.clinic.crossed]

    assert numbers(usual) == ["9001", "1101", "2001", "5301", "2201", "2203A", "2204", "2206A", "2207A"]
    assert numbers(other) == ["9001", "1101", "2001", "5301", "2201", "2203", "2204", "2206", "2207"]


@switch("form.ext_field", "expContent", "exp_content")
@switch("form.ext_fields")
def test_the_extension_is_spelt_for_each_transaction(usual: Recorded, other: Recorded) -> None:
    def spelling(node: Any) -> set[str]:
        return set(node) & {"expContent", "exp_content"}

    assert spelling(usual.shop.inputs("2102")[0]["druginfo"]) == {"expContent"}
    assert spelling(other.shop.inputs("2102")[0]["druginfo"]) == {"exp_content"}
    assert spelling(other.clinic.inputs("2206")[0]["data"]) == {"expContent"}
    assert spelling(other.clinic.inputs("2207")[0]["data"]) == {"exp_content"}


@switch("form.identity_fields", "optional", "required")
def test_who_it_is_stands_in_quote_and_settlement_where_it_must(usual: Recorded, other: Recorded) -> None:
    names = {"card_sn", "psn_cert_type", "certno", "psn_type", "psn_name"}
    assert set(usual.clinic.inputs("2206A")[0]["data"]) & names == set()
    assert set(usual.clinic.inputs("2207A")[0]["data"]) & names == set()
    assert set(other.clinic.inputs("2206")[0]["data"]) & names == names
    assert set(other.clinic.inputs("2207")[0]["data"]) & names == {"card_sn", "psn_cert_type", "certno"}


@switch("form.diseinfo", "diag_")
def test_the_diagnosis_members_begin_with_diag(usual: Recorded) -> None:
    (row,) = usual.clinic.inputs("2203A")[0]["diseinfo"]
    assert {name for name in row if not name.startswith("diag_")} == {
        "dise_dor_no",
        "dise_dor_name",
        "vali_flag",
    }


@switch("form.naty_width", 2, 3)
def test_the_ethnic_group_has_the_hubs_width(usual: Recorded, other: Recorded) -> None:
    assert usual.shop.outputs("1101")[0]["baseinfo"]["naty"] == "01"
    assert other.shop.outputs("1101")[0]["baseinfo"]["naty"] == "001"
    assert other.shop.outputs("2102")[0]["setlinfo"]["naty"] == "001"


@switch("trace.pharmacy_node", "durg_trac_info", "drug_trac_info")
def test_the_trace_node_of_a_purchase_is_spelt_as_the_profile_says(usual: Recorded, other: Recorded) -> None:
    for recorded, spelling in ((usual, "durg_trac_info"), (other, "drug_trac_info")):
        (line,) = recorded.shop.inputs("2102")[0]["drugdetail"]
        assert {name for name in line if name.endswith("trac_info")} == {spelling}


@switch("trace.outpatient_node", "drug_trac_info")
def test_the_trace_node_of_a_visit_stands_beside_data(usual: Recorded) -> None:
    assert set(usual.clinic.inputs("2207A")[0]) == {"data", "drug_trac_info"}


@switch("codes.med_type")
def test_the_kind_of_visit_has_the_profiles_code(usual: Recorded, other: Recorded) -> None:
    assert usual.clinic.inputs("2206A")[0]["data"]["med_type"] == "14"
    assert other.clinic.inputs("2206")[0]["data"]["med_type"] == "140104"


@switch("codes.clr_type")
def test_the_clearing_category_is_the_profiles(usual: Recorded, other: Recorded) -> None:
    assert usual.shop.outputs("2102")[0]["setlinfo"]["clr_type"] == "41"
    assert other.shop.outputs("2102")[0]["setlinfo"]["clr_type"] == "4101"
    assert other.clinic.outputs("2207")[0]["setlinfo"]["clr_type"] == "9987"


@switch("money.acct_used_flag_mode", "auto", "explicit")
def test_own_account_and_relatives_are_one_or_two(usual: Recorded, other: Recorded) -> None:
    assert usual.shop.inputs("2102")[0]["druginfo"]["acct_used_flag"] == "1"
    assert other.shop.inputs("2102")[0]["druginfo"]["acct_used_flag"] == "2"


@switch("money.mutual_aid", "inside", "beside")
def test_relatives_money_is_inside_the_account_or_beside_it(usual: Recorded, other: Recorded) -> None:
    """测试丙 has no account of his own; 22.50 of a relative's 60.00 are left and pay."""
    told = [recorded.shop.outputs("2102")[1]["setlinfo"] for recorded in (usual, other)]
    assert [(one["acct_pay"], one["acct_mulaid_pay"]) for one in told] == [(22.5, 22.5), (0, 22.5)]
    splits = [recorded.bing.booking.split for recorded in (usual, other)]
    assert splits[0] == splits[1]
    assert (splits[0].account_fen, splits[0].mutual_aid_fen, splits[0].cash_fen) == (22_50, 22_50, 15_00)
    assert usual.jia_fen == other.jia_fen == 0


@switch("money.fund_sum", "without_account", "with_account")
def test_the_funds_sum_leaves_the_account_out_or_takes_it_in(usual: Recorded, other: Recorded) -> None:
    assert usual.clinic.outputs("2207A")[0]["setlinfo"]["fund_pay_sumamt"] == 365.67
    assert other.clinic.outputs("2207")[0]["setlinfo"]["fund_pay_sumamt"] == 415.67


# -- what only some people need -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "insured", "text"),
    [("true", "989900", '{"TRUM_FLAG":"0"}'), ("false", "989900", ""), ("true", "999901", "")],
)
@switch("form.area_keys", True, False)
def test_another_province_asks_whether_it_is_an_injury(asked: str, insured: str, text: str) -> None:
    known = visit(visit_id="M1", quote=samples.after(*samples.TO_PRICED).quote)
    assert known.person is not None
    far = msgspec.structs.replace(
        known, person=msgspec.structs.replace(known.person, insured_division=insured)
    )
    site = Site(profile_of(f"[form]\narea_keys = {asked}"), "H99990000002", "999900", Desk())
    for infno, node in (("2203A", "mdtrtinfo"), ("2206A", "data"), ("2207A", "data")):
        sent = msgspec.json.decode(wire.encode(build(infno, far, site)[0]))
        assert sent[node]["expContent"] == text
    assert msgspec.json.decode(wire.encode(build("2201", far, site)[0]))["data"]["expContent"] == ""
