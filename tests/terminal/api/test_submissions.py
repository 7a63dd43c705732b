"""Submissions over the local API: filed for the person of a sale, listed, shown, decided; trace codes looked up."""

from pathlib import Path
from typing import Any

from tests.simulators.hub.submitted import BATCH, CHRONIC, PACK, PURCHASE, SALE, TAKE, TRANSFER
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual

TRACED = {**SALE, "drug_trac_codg": [PACK]}


async def submit(api: Api, kind: str, *rows: Any, key: str = "k1", sale: str = "") -> Any:
    """POST /submissions."""
    return await api.post(
        "/submissions", {"kind": kind, "rows": list(rows), "sale": sale}, Idempotency_Key=key
    )


@virtual
async def test_a_filing_for_the_person_of_a_sale_names_nobody(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sale = await till.quote()
    (filed,) = await submit(api, "filing.transfer", TRANSFER, sale=sale.id)
    assert (filed["infno"], filed["state"], filed["told"]["code"]) == (
        "2501",
        "ACCEPTED",
        "submission_accepted",
    )
    assert filed["serial"].startswith("TRT")
    shown = await api.get(f"/submissions/{filed['id']}")
    assert [message["verdict"] for message in shown["messages"]] == ["accepted"]
    rows = (await api.post(f"/sales/{sale.id}/records/transfers"))["rows"]
    assert [row["reflin_medins_no"] for row in rows] == ["H98990000001"]
    jia = shop.world.person("jia")
    for answer in api.answers[-3:]:
        assert jia.psn_no not in answer.text
        assert jia.certno not in answer.text
    for wrong, code in (({"sale": ""}, "no_medium"), ({"sale": "S9"}, "unknown_settlement")):
        again = await submit(api, "filing.chronic", CHRONIC, key="k9", **wrong)
        assert again["code"] == code
    await till.stop()


@virtual
async def test_a_wrong_row_is_named_and_nothing_is_on_disk(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    answer = await submit(api, "stock.take", TAKE, {**TAKE, "invdate": "gestern"})
    assert answer["code"] == "submission_row"
    assert "Row 2, field invdate" in answer["en"]
    assert "第 2 行" in answer["zh"]
    assert "gestern" not in str(answer)
    assert (await submit(api, "stock.shrink", TAKE))["code"] == "bad_request"
    assert (await submit(api, "stock.take", TAKE, sale="S1"))["code"] == "bad_request"
    assert await api.get("/submissions") == []
    await till.stop()


@virtual
async def test_the_same_file_is_sent_once_and_codes_are_found(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    first = await submit(api, "stock.sale", TRACED)
    assert await submit(api, "stock.sale", TRACED) == first
    conflict = await submit(api, "stock.sale", {**TRACED, "memo": "x"})
    assert conflict["code"] == "idempotency_conflict"
    sold = await api.post("/hub/trace_codes/sold", {"batch": BATCH})
    assert [(row["drugTracCodg"], row["mdtrtId"]) for row in sold["rows"]] == [(PACK, "OWN0001")]
    assert (await api.post("/hub/trace_codes/stocked", {"batch": BATCH}))["rows"] == []
    assert (await api.post("/hub/trace_codes/stocked", {"visit_id": "x"}))["code"] == "bad_request"
    assert (await api.post("/hub/trace_codes/sold", {}))["code"] == "hub_refused_question"
    await till.stop()


@virtual
async def test_a_held_one_is_listed_until_a_person_decides(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    shop.arm("lose-answer", "3503")
    (held,) = await submit(api, "stock.purchase", PURCHASE)
    assert (held["state"], held["unanswered"], held["due_at"]) == ("HELD", 1, "")
    assert "yibao submissions decide" in held["told"]["en"]
    assert [row["id"] for row in await api.get("/submissions?open=true")] == [held["id"]]
    path = f"/submissions/{held['id']}/decision"
    early = await api.post(path, {"decision": "again"})
    assert (early["status"], early["code"]) == (422, "submission_too_early")
    decided = await api.post(path, {"decision": "accepted", "operator": "T02", "reason": "portal"})
    assert decided["state"] == "ACCEPTED"
    assert await api.get("/submissions?open=true") == []
    assert [row["state"] for row in await api.get("/submissions")] == ["ACCEPTED"]
    assert (await api.post(path, {"decision": "again"}))["code"] == "submission_not_open"
    assert (await api.get("/submissions/U9"))["code"] == "unknown_submission"
    (noted,) = [entry for entry in till.audit() if entry["action"] == "submission_decided"]
    assert (noted["actor"], noted["note"]) == ("T02", f"{held['id']} accepted portal")
    await till.stop()
