"""Taking goods back over the local API: what a till is told, and what it is refused."""

from pathlib import Path

from terminal.core.states import State
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual


@virtual
async def test_a_till_takes_one_box_back_and_settles_the_rest(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sold = await till.settle()
    body = {"lines": [{"line": 1, "quantity": "1"}], "reason": "破损"}
    old = await api.post(f"/sales/{sold.id}/refund", body)
    assert (old["state"], old["notice"]["code"]) == ("CANCELLED", "refund_cancelled")
    assert old["refund"]["returned"] == [
        {"line": 1, "name": "测试降糖片", "quantity": "1.00", "trace_codes": 0}
    ]
    assert await api.post(f"/sales/{sold.id}/refund", body) == old, "sent twice is one refund"
    rest = await api.get(f"/sales/{old['refund']['rest_id']}")
    assert (rest["state"], rest["refund_of"], rest["total_fen"]) == ("DRAFT", sold.id, 2500)
    await api.post(f"/sales/{rest['id']}/medium", {"code": shop.code()})
    settled = await api.post(f"/sales/{rest['id']}/confirm")
    assert (settled["state"], settled["settled"]["total_fen"]) == ("CONFIRMED", 2500)
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_what_is_refused_has_its_status_and_words(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sold = await till.settle()
    path = f"/sales/{sold.id}/refund"
    for body, status, code in (
        ({"lines": [{"line": 9}]}, 422, "refund_line"),
        ({"lines": [{"line": 1, "quantity": "4"}]}, 422, "refund_too_much"),
        ({}, 422, "refund_line"),
        ({"lines": [{"line": "one"}]}, 400, "bad_request"),
        ({"goods": []}, 400, "bad_request"),
    ):
        answer = await api.call("POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["zh"]
    assert (await till.get(sold.id)).state is State.CONFIRMED
    assert (await api.call("POST", "/sales/S9/refund", {"everything": True})).status_code == 404
    await api.post(path, {"everything": True})
    other = await api.call("POST", path, {"lines": [{"line": 1, "quantity": "1"}]})
    assert (other.status_code, other.json()["code"]) == (409, "refund_differs")
    await till.stop()


@virtual
async def test_the_rest_is_given_up_by_withdrawing_the_refund(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sold = await till.settle()
    none = await api.call("POST", f"/sales/{sold.id}/refund/withdraw", {})
    assert (none.status_code, none.json()["code"]) == (422, "no_refund_under_way")
    old = await api.post(f"/sales/{sold.id}/refund", {"lines": [{"line": 1, "quantity": "1"}]})
    await api.post(f"/sales/{sold.id}/refund/withdraw", {"operator": "T02"})
    rest = await api.get(f"/sales/{old['refund']['rest_id']}")
    assert (rest["state"], rest["notice"]["code"]) == ("ABANDONED", "refund_rest_abandoned")
    assert (await till.get(sold.id)).state is State.CANCELLED
    await till.stop()


@virtual
async def test_a_slip_that_nobody_asks_about_cannot_be_seen(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    draft = await till.open()
    answer = await api.call("POST", f"/sales/{draft.id}/slip_seen", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "slip_not_unknown")
    sold = await till.settle("0002")
    await till.quiet()
    seen = await api.post(f"/sales/{sold.id}/slip_seen")
    assert seen["state"] == "CONFIRMED", "it was printed: nothing to say"
    await till.stop()
