"""The end of terms over the local API."""

from pathlib import Path

from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual


@virtual
async def test_what_is_past_its_term_is_deleted_and_the_sale_is_still_shown(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    settled = await till.settle()
    assert await api.post("/retention/expire") == {"deleted": [], "held": [], "purged": True}
    await till.days_pass(31)
    held = {"day": "2026-11-23", "purpose": "identity", "settlements": [settled.id]}
    assert await api.post("/retention/expire") == {"deleted": [], "held": [held], "purged": True}, (
        "not acknowledged yet"
    )

    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.quiet()
    await till.days_pass(31)
    deleted = {"day": "2026-11-23", "purpose": "identity", "settlements": 1}
    assert await api.post("/retention/expire") == {"deleted": [deleted], "held": [], "purged": True}
    shown = await api.get(f"/sales/{settled.id}")
    assert (shown["person"]["past_term"], shown["person"]["name"], shown["person"]["certno"]) == (
        True,
        "*",
        "",
    )
    assert (shown["total_fen"], shown["settled"]["account_fen"], len(shown["lines"])) == (3750, 3750, 1)

    await till.days_pass(800)
    await api.post("/retention/expire")
    shown = await api.get(f"/sales/{settled.id}")
    assert (shown["state"], shown["person"], shown["settled"]["account_fen"]) == ("CLOSED", None, 3750)
    assert shown["notice"]["code"] == "evidence_past_term"
    history = await api.get(f"/sales/{settled.id}/history")
    assert [one["state"] for one in history["attempts"]] == ["ANSWERED"]
    for verb in ("cancel", "copies"):
        refused = await api.call("POST", f"/sales/{settled.id}/{verb}", {"operator": "T01"})
        assert (refused.status_code, refused.json()["code"]) == (422, "evidence_past_term")
    await till.stop()
