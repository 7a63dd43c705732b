"""Clearing at the hub over the wire: 3203 and 3204, 3260 to 3262, what fits its books and what does not."""

from typing import Any

import pytest

from simulators.hub import clearing
from simulators.people import Person
from tests.profiles.switches import switch
from tests.profiles.test_rules import at, bought
from tests.simulators.hub.counter import Counter, Reply, purchase
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.test_pharmacy import cancel

HOME = "999900"
FAR = "989900"
OPEN = '[recon]\nclearing = "3203"'
EXAMPLE = {
    "clr_type": "41", "clr_way": "1", "setlym": "202611", "psntime": 1, "medfee_sumamt": "83.30", "med_sumfee": "83.30",
    "fund_appy_sum": "0.00", "cash_payamt": "23.30", "acct_pay": "60.00", "begndate": "2026-11-01", "enddate": "2026-11-30",
}  # fmt: skip
"""The one purchase of worked example A as a month's application."""
EMPTY = {
    **EXAMPLE,
    "psntime": 0,
    **dict.fromkeys(("medfee_sumamt", "med_sumfee", "cash_payamt", "acct_pay"), 0),
}


def applied(counter: Counter, **changes: Any) -> Reply:
    """3203."""
    return counter.ask("3203", {"data": {**EXAMPLE, **changes}}, HOME)


@pytest.mark.parametrize(("how", "code"), [("portal", "NOT_OPEN"), ("3203", "")])
@switch("recon.clearing", "portal", "3203")
def test_an_application_is_taken_where_the_profile_says_so_and_closed_where_the_portal_does_it(
    how: str, code: str
) -> None:
    counter = at(f'[recon]\nclearing = "{how}"')
    bought(counter)
    assert applied(counter).code == code
    stands = counter.world.ledger.documents.all(
        clearing.APPLICATION, counter.institution.code, clearing.ApplicationRecord
    )
    assert [one.fund_fen for one in stands] == ([] if code else [0])
    assert counter.ask("3204", {"data": {"clr_appy_evt_id": "CLR0"}}).code == (code or "CLEARING_UNKNOWN")


def test_an_application_stands_once_until_it_is_withdrawn() -> None:
    counter = at(OPEN)
    bought(counter)
    event = applied(counter).output["result"]["clr_appy_evt_id"]
    assert len(event) <= 30
    assert applied(counter).code == "CLEARING_EXISTS"
    assert counter.ask("3204", {"data": {"clr_appy_evt_id": event}}).infcode == 0
    assert counter.ask("3204", {"data": {"clr_appy_evt_id": event}}).code == "CLEARING_UNKNOWN"
    assert applied(counter).infcode == 0


def test_figures_that_are_not_the_hubs_are_refused_by_name_and_a_cancelled_sale_leaves_none() -> None:
    counter = at(OPEN)
    settled = bought(counter)
    for name in ("psntime", "medfee_sumamt", "med_sumfee", "fund_appy_sum", "cash_payamt", "acct_pay"):
        reply = applied(counter, **{name: "99"})
        assert (reply.code, name in reply.err_msg) == ("CLEARING_MISMATCH", True)
    assert applied(counter, clr_type="11").code == "CLEARING_MISMATCH"
    assert cancel(counter, settled).infcode == 0
    assert applied(counter).code == "CLEARING_MISMATCH"
    assert counter.ask("3203", {"data": EMPTY}, HOME).infcode == 0


def test_wrong_fields_of_an_application_are_refused_by_their_names() -> None:
    counter = at(OPEN)
    for name, node in spoiled(clearing.APPLY_TABLE, EXAMPLE):
        assert counter.ask("3203", {"data": node}, HOME).code == "FIELD", (name, node[name])
    for wrong in (
        {"clr_type": "none"},
        {"setlym": "202613"}, {"enddate": "2026-11-29"}, {"begndate": "2026-10-01"}, {"enddate": "9999-12-31"},
    ):  # fmt: skip
        assert applied(counter, **wrong).code == "FIELD"


@pytest.fixture
def wu(till: Counter) -> Person:
    """Somebody insured in another province, who has bought for 83.30."""
    person = till.world.person("wu")
    assert till.ask("2102", purchase(till, person, till.token(person)), FAR).infcode == 0
    return person


def test_other_places_records_are_listed_confirmed_and_taken_back(
    till: Counter, jia: Person, wu: Person
) -> None:
    till.ask("2102", purchase(till, jia, till.token(jia)), HOME)
    month = {"trt_year": "2026", "trt_month": "11"}
    (row,) = till.ask("3260", {"data": {**month, "startrow": 1}}).output["data"]
    assert (row["seqno"], row["medfee_sumamt"], row["optins_pay_sumamt"]) == ("1", "83.30", "0.00")
    assert row["certno"] == wu.certno
    assert till.ask("3260", {"data": {**month, "startrow": 2}}).output["data"] == []
    assert till.ask("3260", {"data": {**month, "trt_month": "10", "startrow": 1}}).output["data"] == []
    names = ("certno", "mdtrt_id", "mdtrt_setl_time", "setl_sn", "medfee_sumamt", "optins_pay_sumamt")
    detail = [{**{name: row[name] for name in names}, "cnfm_flag": "1"}]
    told = {"data": {**month, "totalrow": 1}, "detail": detail}
    assert till.ask("3261", told).infcode == 0
    kept = till.world.ledger.documents.all(
        clearing.CONFIRMATION, till.institution.code, clearing.FarConfirmation
    )
    assert [one.agreed for one in kept] == [{row["setl_sn"]: True}]
    assert till.ask("3262", {"data": {**month, "otransid": "0"}}).infcode == 0
    assert till.ask("3262", {"data": {**month, "otransid": "0"}}).code == "CLEARING_UNKNOWN"
    assert till.ask("3261", {**told, "data": {**month, "totalrow": 2}}).code == "FIELD"
    assert till.ask("3261", {**told, "detail": [{**detail[0], "setl_sn": "S0"}]}).code == "SETL_NOT_FOUND"


@pytest.mark.parametrize(
    ("infno", "table", "good"),
    [
        ("3260", clearing.FAR_TABLE, {"trt_year": "2026", "trt_month": "11", "startrow": 1}),
        ("3262", clearing.TAKE_BACK_TABLE, {"trt_year": "2026", "trt_month": "11", "otransid": "0"}),
        ("3204", clearing.WITHDRAW_TABLE, {"clr_appy_evt_id": "CLR0"}),
    ],
)
def test_wrong_fields_of_the_others_are_refused_by_their_names(
    infno: str, table: Any, good: dict[str, Any]
) -> None:
    counter = at(OPEN)
    for name, node in spoiled(table, good):
        assert counter.ask(infno, {"data": node}).code == "FIELD", (name, node[name])
