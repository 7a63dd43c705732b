"""Accepting an old copy of the journal over the local API: compared, ruled or left to be undone, by two people."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile_sections import Recon
from terminal.core.states import State
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.journal.anchors import Noted
from tests.terminal.api.calling import Api
from tests.terminal.counter.test_old_copy import (
    TakingLink,
    copying_shop,
    put_back,
    settled_in_doubt,
)
from tests.terminal.harness import NATIONAL, PILLS, Shop, Till, counter_config, virtual
from tests.terminal.reconciliation.days import DAY_S, FileWith, arm

DAY = "/reconciliation/2026-11-23"
NEXT_DAY = "/reconciliation/2026-11-24"
TWO = ["A1", "B2"]
CHEAP = msgspec.structs.replace(PILLS, quantity="1")


async def contradicted(till: Till, at: str = "") -> Api:
    """The API of a counter whose journal a person's note contradicts; `at` is its time, if it is known."""
    api = Api(till, counter_config())
    keeper = AnchorKeeper(
        terminal="T01", boot_id="b", journal=till.counter.workroom._journal, clock=till.shop.clock, sleep=asyncio.sleep,
        holds=till.counter.holds, signer=None, verifier=None, witness=None, to_fleet=False,
    )  # fmt: skip
    await keeper.check_at_start(Noted(9999, "0" * 16, at))
    api.service.anchors = keeper
    return api


async def confirmed_since(shop: Shop) -> tuple[Till, str]:
    """A sale that the old copy holds to be on its way, and that was settled and handed over."""
    shop.hub_link = TakingLink(shop, "2102")
    till = await shop.start()
    sold = await till.settle()
    await till.counter.sales.acknowledge(sold.id, "T01")
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


async def refused_and_untouched(shop: Shop, till: Till, api: Api, sold: str) -> None:
    """The acceptance asks for a word about this sale, and nothing happens to it meanwhile."""
    refused = await api.call("POST", "/anchor/acceptance", {"operators": TWO})
    assert (refused.status_code, refused.json()["code"]) == (422, "doubts_not_ruled")
    assert sold in refused.json()["en"]
    await till.wait(60)
    assert len(shop.live()) == 1, (
        "confirmed, and the goods are gone: it is not reversed behind anybody's back"
    )


@pytest.mark.parametrize("why", ["a file without amounts", "a line that cannot be read"])
@virtual
async def test_what_stands_but_cannot_be_proved_is_not_undone_unasked(why: str, tmp_path: Path) -> None:
    """Nothing is offered there: neither the report nor the acceptance may take that for "nothing of it is left"."""
    no_amounts = msgspec.structs.replace(NATIONAL, recon=Recon(columns="seven_cells"))
    shop = Shop(tmp_path, profile=no_amounts if why == "a file without amounts" else None)
    till, sold = await confirmed_since(shop)
    api = await contradicted(till)
    if why == "a line that cannot be read":
        arm(shop, FileWith("\n", "\nspoiled\n"), "9102")
    views = (await api.post(DAY))["differences"]
    (mine,) = [one["difference"] for one in views if one["difference"]["settlement_id"] == sold]
    assert (mine["cause"], mine["action"]) == ("waits_for_people", "ask_hub")
    await refused_and_untouched(shop, till, api, sold)
    await till.stop()


@virtual
async def test_a_record_that_may_have_undone_it_is_no_leave_to_undo_it(tmp_path: Path) -> None:
    """The cancellation of another sale of the same customer over the same amount looks just like its own."""
    shop = Shop(tmp_path)
    till = await shop.start()
    first = await till.settle("0001", lines=(CHEAP,))
    await till.counter.sales.acknowledge(first.id, "T01")
    await till.quiet()
    await till.stop()
    shop.hub_link = TakingLink(shop, "2102")
    till = await shop.start()
    sold = await till.settle("0002", lines=(CHEAP,))
    await till.counter.sales.cancel(first.id, "T01", "")
    await till.quiet()
    till = await put_back(shop, till)
    api = await contradicted(till)
    views = (await api.post(DAY))["differences"]
    (mine,) = [one["difference"] for one in views if one["difference"]["settlement_id"] == sold.id]
    assert (mine["cause"], mine["action"]) == ("waits_for_people", "wait")
    await refused_and_untouched(shop, till, api, sold.id)
    await till.stop()


@virtual
async def test_what_no_report_names_is_not_undone_unasked(tmp_path: Path) -> None:
    """The day on which its message left is not among those that were compared."""
    shop, till = await copying_shop(tmp_path)
    sold = await till.settle()
    await till.wait(DAY_S)
    till = await put_back(shop, till)
    api = await contradicted(till)
    assert (await api.post(NEXT_DAY))["differences"] == []
    await refused_and_untouched(shop, till, api, sold.id)
    await till.stop()


@virtual
async def test_what_the_hub_is_proved_not_to_have_holds_nothing_up(tmp_path: Path) -> None:
    shop, till = await copying_shop(tmp_path)
    lost = await settled_in_doubt(till, "lose-request")
    till = await put_back(shop, till)
    api = await contradicted(till)
    await till.wait(DAY_S)
    (view,) = (await api.post(DAY))["differences"]
    assert view["difference"]["action"] == "close_reversed"
    await api.post(NEXT_DAY)
    assert (await api.post("/anchor/acceptance", {"operators": TWO}))["contradictions"] == []
    await till.quiet()
    assert ((await till.get(lost.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
async def test_what_left_on_a_later_day_is_looked_for_there_wherever_the_customer_is_insured(
    tmp_path: Path,
) -> None:
    """Nothing else of that day was sold to anybody from the customer's province, so nobody would ask about its people."""
    shop, till = await copying_shop(tmp_path)
    opened = await till.open()
    await till.counter.media.give_identity_number(opened.id, shop.world.person("wu").certno)
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.ARMED
    await till.wait(2 * DAY_S)
    shop.hub_link.down = False
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.CONFIRMED
    await till.counter.sales.acknowledge(opened.id, "T01")
    await till.quiet()
    till = await put_back(shop, till)
    api = await contradicted(till, "2026-11-23T10:00:00+08:00")
    assert [one["difference"]["action"] for one in (await api.post(DAY))["differences"]] == ["close_reversed"]
    assert (await api.post(NEXT_DAY))["differences"] == []
    (later,) = (await api.post("/reconciliation/2026-11-25"))["differences"]
    assert (later["difference"]["settlement_id"], later["difference"]["action"]) == (
        opened.id,
        "close_confirmed",
    )
    await refused_and_untouched(shop, till, api, opened.id)
    await till.stop()


@virtual
async def test_a_later_day_that_proves_nothing_is_no_leave_to_undo_what_its_first_day_lacks(
    tmp_path: Path,
) -> None:
    """It left on the next day and the goods with it; that day's line of it cannot be read, so the day names nobody."""
    shop, till = await copying_shop(tmp_path)
    opened = await till.open()
    await till.counter.media.give_identity_number(opened.id, shop.world.person("jia").certno)
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.ARMED
    await till.wait(DAY_S)
    shop.hub_link.down = False
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.CONFIRMED
    await till.counter.sales.acknowledge(opened.id, "T01")
    await till.quiet()
    till = await put_back(shop, till)
    api = await contradicted(till, "2026-11-23T10:00:00+08:00")
    assert [one["difference"]["action"] for one in (await api.post(DAY))["differences"]] == ["close_reversed"]
    arm(shop, FileWith("\n", "\tspoiled\n"), "9102")
    assert [one["difference"]["kind"] for one in (await api.post(NEXT_DAY))["differences"]] == ["unreadable"]
    await refused_and_untouched(shop, till, api, opened.id)
    await till.stop()
