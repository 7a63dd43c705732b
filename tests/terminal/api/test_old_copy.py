"""Accepting an old copy of the journal over the local API: compared, ruled or left to be undone, by two people."""

import asyncio
from pathlib import Path

from terminal.core.states import State
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.journal.anchors import Noted
from tests.terminal.api.calling import Api
from tests.terminal.counter.test_old_copy import TakingLink, put_back
from tests.terminal.harness import Shop, Till, counter_config, virtual

DAY = "/reconciliation/2026-11-23"
TWO = ["A1", "B2"]


async def contradicted(till: Till) -> Api:
    """The API of a counter whose journal a person's note contradicts."""
    api = Api(till, counter_config())
    keeper = AnchorKeeper(
        terminal="T01", boot_id="b", journal=till.counter._journal, clock=till.shop.clock, sleep=asyncio.sleep,
        holds=till.counter.holds, signer=None, verifier=None, witness=None, to_fleet=False,
    )  # fmt: skip
    await keeper.check_at_start(Noted(9999, "0" * 16))
    api.service.anchors = keeper
    return api


async def confirmed_since(shop: Shop) -> tuple[Till, str]:
    """A sale that the old copy holds to be on its way, and that was settled and handed over."""
    shop.hub_link = TakingLink(shop, "2102")
    till = await shop.start()
    sold = await till.settle()
    await till.counter.acknowledge(sold.id, "T01")
    await till.quiet()
    return await put_back(shop, till), sold.id


@virtual
async def test_the_journal_is_accepted_when_what_stands_at_the_hub_is_confirmed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till, sold = await confirmed_since(shop)
    api = await contradicted(till)
    refused = await api.call("POST", "/anchor/acceptance", {"operators": TWO})
    assert (refused.status_code, refused.json()["code"]) == (422, "days_not_reconciled")
    (view,) = (await api.post(DAY))["differences"]
    assert view["difference"]["action"] == "close_confirmed"
    refused = await api.call("POST", "/anchor/acceptance", {"operators": TWO})
    assert (refused.status_code, refused.json()["code"]) == (422, "doubts_not_ruled")
    assert sold in refused.json()["en"]
    for verb in ("cancel", "refund"):
        held = await api.call(
            "POST", f"/sales/{sold}/{verb}", {"everything": True} if verb == "refund" else {}
        )
        assert (held.status_code, held.json()["code"]) in (
            (503, "journal_rolled_back"),
            (422, "nothing_to_refund"),
        )
    fixed = await api.post(f"{DAY}/fixes", {"difference": view["difference"]["id"], "operators": TWO})
    assert fixed["settlement"]["state"] == "CONFIRMED"
    assert (await api.post("/anchor/acceptance", {"operators": TWO}))["contradictions"] == []
    await till.quiet()
    assert ((await till.get(sold)).state, len(shop.live())) == (State.CONFIRMED, 1)
    assert till.counter.holds.standing == ()
    await till.stop()


@virtual
async def test_what_is_left_open_in_so_many_words_is_undone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till, sold = await confirmed_since(shop)
    api = await contradicted(till)
    await api.post(DAY)
    accepted = await api.post("/anchor/acceptance", {"operators": TWO, "undo_open": True})
    assert accepted["contradictions"] == []
    await till.quiet()
    assert ((await till.get(sold)).state, shop.live()) == (State.REVERSED, [])
    (record,) = [one for one in till.audit() if one["action"] == "anchors_accepted"]
    assert f"left open: {sold}" in str(record)
    await till.stop()
