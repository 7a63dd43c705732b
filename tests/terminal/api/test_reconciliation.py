"""Reconciliation over the local API: the report with its words, and the two people of a correction."""

from pathlib import Path

from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual
from tests.terminal.reconciliation.days import unseen_and_there

DAY = "/reconciliation/2026-11-23"


@virtual
async def test_a_report_is_made_read_again_and_acted_upon_by_two(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    lost = await unseen_and_there(shop, till)
    report = await api.post(DAY)
    assert (report["outcome"], report["provisional"]) == ("differs", True)
    assert report["told"]["en"].startswith("Reconciliation of 2026-11-23: 1 differences")
    assert await api.get(DAY) == report
    (view,) = report["differences"]
    assert (view["open"], view["operators_needed"], view["difference"]["settlement_id"]) == (True, 2, lost)
    assert (view["kind"]["zh"], view["action"]["zh"]) == ("平台多", "冲正（2601），须两名经办人")
    assert "charged for a sale that is over" in view["cause"]["en"]

    wish = {"difference": view["difference"]["id"], "operators": ["A1", "A1"]}
    refused = await api.call("POST", f"{DAY}/fixes", wish)
    assert (refused.status_code, refused.json()["code"]) == (422, "two_operators")
    for operators in (["A1"], ["A1", "B2", "C3"], "A1", None):
        malformed = await api.call("POST", f"{DAY}/fixes", {**wish, "operators": operators})
        assert (malformed.status_code, malformed.json()["code"]) == (400, "bad_request")
    assert len(shop.live()) == 1

    fixed = await api.post(f"{DAY}/fixes", {**wish, "operators": ["A1", "B2"]})
    assert (fixed["difference"], fixed["settlement"]["state"]) == (wish["difference"], "REVERSED")
    assert shop.live() == []
    again = await api.call("POST", f"{DAY}/fixes", {**wish, "operators": ["A1", "B2"]})
    assert (again.status_code, again.json()["code"]) == (422, "nothing_to_correct")
    assert (await api.post(DAY))["outcome"] == "explained"
    await till.stop()


@virtual
async def test_no_person_stands_in_a_report(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    await unseen_and_there(shop, till)
    answer = (await api.call("POST", DAY, {})).text
    person = shop.world.person("jia")
    assert [one for one in (person.psn_no, person.certno, person.name) if one in answer] == []
    await till.stop()


@virtual
async def test_what_is_no_day_or_not_there_is_said(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    for method, path, code in (
        ("POST", "/reconciliation/monday", "bad_request"),
        ("POST", "/reconciliation/2026-11-24", "bad_request"),
        ("POST", "/reconciliation/0001-01-01", "bad_request"),
        ("POST", "/reconciliation/2019-12-31", "bad_request"),
        ("GET", "/reconciliation/2026-13-45", "bad_request"),
        ("GET", DAY, "not_reconciled"),
    ):
        answer = await api.call(method, path, {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    await till.stop()


@virtual
async def test_every_word_of_a_report_is_said_in_both_languages(tmp_path: Path) -> None:
    from terminal.reconciliation.report import Action, Cause, Kind
    from terminal.texts import TEXTS, tell

    codes = [
        f"recon_{name}_{one}"
        for name, words in (("kind", Kind), ("cause", Cause), ("action", Action))
        for one in words
    ]
    assert [code for code in codes if code not in TEXTS or tell(code).zh == tell(code).en] == []
