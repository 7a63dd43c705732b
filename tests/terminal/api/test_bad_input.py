"""What a till sends that makes no sense: a clear answer in both languages, and nothing done."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults import fired
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual

LINE = {
    "national_code": "XTEST000000000000000D03",
    "own_code": "SKU0003",
    "name": "测试降糖片",
    "price": "12.50",
    "quantity": "3",
}


def sale(**changes: Any) -> dict[str, Any]:
    """The body that opens a sale."""
    return {"sale_number": "0001", "lines": [LINE], **changes}


@virtual
async def test_the_same_key_with_other_amounts_is_409_and_the_first_sale_is_as_it_was(tmp_path: Path) -> None:
    """Fault F61: also when the first one has been settled meanwhile."""
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    opened = await api.post("/sales", sale(), Idempotency_Key="k1")
    for settled in (False, True):
        if settled:
            await api.post(f"/sales/{opened['id']}/medium", {"code": shop.code()})
            assert (await api.post(f"/sales/{opened['id']}/confirm", {"operator": "T01"}))[
                "state"
            ] == "CONFIRMED"
        before = await api.get(f"/sales/{opened['id']}")
        dearer = sale(lines=[{**LINE, "price": "99.50"}])
        refused = await api.call("POST", "/sales", dearer, Idempotency_Key="k1")
        told = refused.json()
        assert (refused.status_code, told["code"]) == (409, "idempotency_conflict")
        fired("F61")
        assert told["settlement_id"] == opened["id"]
        assert ("幂等键" in told["zh"], "stands untouched" in told["en"]) == (True, True)
        assert await api.get(f"/sales/{opened['id']}") == before
    assert (before["total_fen"], len(shop.live())) == (3750, 1)
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_sale_number_that_is_taken_is_refused_with_what_is_true_of_its_sale(tmp_path: Path) -> None:
    """Nobody is told that a sale is not over which is: the cashier would look for a doubt that is none."""
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    opened = await till.open()
    for state, zh, en in (
        ("DRAFT", "开单中", "state open"),
        ("CLOSED", "已结算并完结", "state settled and closed"),
    ):
        if state == "CLOSED":
            await till.counter.media.give_code(opened.id, shop.code())
            await till.counter.sales.confirm(opened.id, "T01")
            await till.counter.sales.acknowledge(opened.id, "T01")
            await till.quiet()
        assert (await till.get(opened.id)).state.value == state
        refused = await api.call("POST", "/sales", sale(), Idempotency_Key="k2")
        told = refused.json()
        assert (refused.status_code, told["code"], told["settlement_id"]) == (
            409,
            "sale_number_open",
            opened.id,
        )
        assert (zh in told["zh"], en in told["en"]) == (True, True), told
        assert ("未结束" in told["zh"], "not over" in told["en"]) == (False, False)
    await till.stop()


COMMANDS = {
    "confirm": ({"operator": "T01"}, "nothing_to_confirm"),
    "cancel": ({"operator": "T01", "reason": ""}, "nothing_to_cancel"),
    "acknowledge": ({"operator": "T01"}, "nothing_to_acknowledge"),
    "copies": ({"operator": "T01"}, "nothing_to_copy"),
    "quote": ({}, "no_medium"),
    "disease": (
        {"disease_code": "M03900", "diagnosis_code": "I10", "diagnosis_name": "x"},
        "filings_unknown",
    ),
}


@virtual
async def test_a_command_that_does_not_fit_the_state_says_so_and_changes_nothing(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    opened = await api.post("/sales", sale(), Idempotency_Key="k1")
    for command, (body, code) in COMMANDS.items():
        refused = await api.call("POST", f"/sales/{opened['id']}/{command}", body)
        told = refused.json()
        assert (refused.status_code, told["code"]) == (422, code), command
        assert told["zh"]
        assert told["en"]
        assert "{" not in told["zh"] + told["en"], "a parameter was not filled in"
    assert await api.get(f"/sales/{opened['id']}") == opened
    await till.stop()


@virtual
async def test_an_unknown_sale_is_404_whatever_is_asked_of_it(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    for command, (body, _) in COMMANDS.items():
        refused = await api.call("POST", f"/sales/S0000/{command}", body)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_settlement"), command
    assert (await api.call("GET", "/sales/S0000")).status_code == 404
    await till.stop()


@pytest.mark.parametrize("number", ["", " ", "1 ", "12\n3", "\x00", "9" * 65, "\u202e17"])
@virtual
async def test_a_sale_number_that_nobody_could_read_is_refused(number: str, tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    refused = await api.call("POST", "/sales", sale(sale_number=number), Idempotency_Key="k1")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    assert "sale_number" in refused.json()["en"]
    assert till.rows() == []
    await till.stop()


@virtual
async def test_a_wrong_member_is_named_and_its_value_is_not_repeated(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    opened = await api.post("/sales", sale(), Idempotency_Key="k1")
    for body, word in (
        ({"operatr": "T01"}, "operatr"),
        ({"operator": 999999199001010016}, "operator"),
    ):
        refused = await api.call("POST", f"/sales/{opened['id']}/confirm", body)
        told = refused.json()
        assert (refused.status_code, told["code"]) == (400, "bad_request")
        assert word in told["en"], told["en"]
        assert "999999199001010016" not in refused.text
    assert await api.get(f"/sales/{opened['id']}") == opened
    await till.stop()


@virtual
async def test_an_empty_sale_number_is_no_question_for_the_newest_sales(tmp_path: Path) -> None:
    """A till whose variable was empty would take the first row of the list for its own sale."""
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    opened = await till.open()
    assert [row["id"] for row in await api.get("/sales")] == [opened.id]
    refused = await api.call("GET", "/sales?sale_number=")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    assert "sale_number" in refused.json()["en"]
    await till.stop()


@virtual
@pytest.mark.parametrize("insutype", ["３１０", "employee", " 310"])
async def test_an_enrolment_that_no_hub_has_is_refused_before_anybody_is_asked(
    insutype: str, tmp_path: Path
) -> None:
    """The hub's answer to it would read as if the person were not insured."""
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    refused = await api.call("POST", "/sales", sale(insutype=insutype), Idempotency_Key="k1")
    told = refused.json()
    assert (refused.status_code, told["code"], "insutype" in told["en"]) == (422, "bad_request", True)
    await till.stop()


@virtual
@pytest.mark.parametrize(
    "path", ["/sales?bogus=1", "/sales?sale_numer=0001&limit=1", "/submissions?opne=true", "/status?x="]
)
async def test_a_question_with_a_name_that_nobody_knows_is_not_answered_as_if_it_were_not_there(
    path: str, tmp_path: Path
) -> None:
    """Who misspells `sale_number` would take the newest sale of all for its own."""
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    refused = await api.call("GET", path)
    told = refused.json()
    assert (refused.status_code, told["code"]) == (422, "bad_request")
    assert path.partition("?")[2].partition("=")[0] in told["en"]
    await till.stop()


@virtual
async def test_an_unknown_name_in_a_question_is_repeated_only_when_it_looks_like_one(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    refused = await api.call("GET", "/sales?999999199001010016=1")
    assert (refused.status_code, "999999199001010016" in refused.text) == (422, False)
    known = (
        "/sales?limit=1",
        "/sales?sale_number=1&business_date=2026-11-23",
        "/submissions?open=true&limit=2",
    )
    assert [(await api.call("GET", path)).status_code for path in known] == [200, 200, 200]
    await till.stop()


@virtual
@pytest.mark.parametrize("body", [{}, {"code": ""}, {"card": False}, {"code": "1", "card": True}])
async def test_a_medium_is_exactly_one(body: dict[str, Any], tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    opened = await till.open()
    refused = await api.call("POST", f"/sales/{opened.id}/medium", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    assert "one of code, identity_number, card" in refused.json()["en"]
    await till.stop()
