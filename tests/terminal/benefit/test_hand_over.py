"""A prescription settled at order: pick-up code on the slip, goods waiting, sent, handed over (R64)."""

from pathlib import Path

import msgspec
import pytest

from terminal.config import Config, PrescriptionsConfig
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter import hand_over
from tests.terminal.api.calling import Api
from tests.terminal.benefit.paper import flat
from tests.terminal.benefit.test_prescriptions import RX, STAFF, Counters, shown
from tests.terminal.clinic.clinic import Window, window_config
from tests.terminal.harness import virtual
from tests.yibao.cli.direct_client import DirectClient

AT_ORDER = PrescriptionsConfig("order")


class Desk:
    """One pharmacy, its sale for a prescription, and its API."""

    def __init__(self, counters: Counters, prescriptions: PrescriptionsConfig = AT_ORDER) -> None:
        place = counters.first
        self.place = place
        self.config: Config = msgspec.structs.replace(
            window_config(place.institution, place.slot), staff=STAFF, prescriptions=prescriptions
        )

    async def start(self) -> Window:
        """Open the pharmacy on the disk as it is."""
        window = Window(self.place, await self.place.start(config=self.config))
        self.api = Api(window.till, self.config)
        return window

    async def sell(self, window: Window) -> Settlement:
        """Settle the prescription and print the slip."""
        priced = await window.counter.prescriptions.take((await shown(window)).id, RX, "Y01")
        settled = await window.confirm(priced)
        await window.rest()
        return settled

    def slips(self) -> list[str]:
        """What was printed, without white space."""
        return [flat(text) for text in self.place.printer.texts()]

    async def refused(self, sale: Settlement, body: dict[str, object]) -> str:
        """The code of the error that handing over ends in."""
        answer = await self.api.call("POST", f"/sales/{sale.id}/hand_over", body)
        assert answer.status_code == 422
        assert answer.json()["zh"] != answer.json()["en"]
        return str(answer.json()["code"])


def noted(window: Window) -> list[tuple[str, str, str]]:
    """Who noted what of which goods."""
    return [
        (record["actor"], record["action"], record["note"])
        for record in window.till.audit()
        if record["action"].startswith("goods_")
    ]


@virtual
async def test_r64_goods_settled_at_order_are_sent_and_handed_over_against_the_code_of_their_slip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "AUDIT_STRETCH", 1)  # the notes lie several stretches back
    desk = Desk(Counters(tmp_path))
    window = await desk.start()
    sale = await desk.sell(window)
    path = f"/sales/{sale.id}/hand_over"
    waiting = await desk.api.get(path)
    code = waiting["pick_up_code"]
    assert (waiting["state"], waiting["told"]["code"]) == ("waiting", "goods_waiting")
    assert (len(code), code.isdigit(), code.isascii()) == (6, True, True)
    await window.counter.slips.copy(sale.id, "N01")
    await window.rest()
    original, copy = desk.slips()
    assert [text.count(f"取药码：{code}") for text in (original, copy)] == [1, 1]
    assert "补打" in copy

    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for other in (wrong, "", "取药码"):
        assert await desk.refused(sale, {"code": other}) == "wrong_pick_up_code"
    assert noted(window) == []
    for _ in range(2):
        sent = await desk.api.post(path, {"code": code, "operator": "Y01", "sent": True})
        assert (sent["state"], sent["pick_up_code"]) == ("sent", code)
    await window.till.kill()

    window = await desk.start()
    assert await desk.api.get(path) == sent, "what was said stands in the journal"
    asked = await DirectClient(window.till).handed_over(sale.id)
    assert (asked.state, asked.pick_up_code) == ("sent", code)
    await DirectClient(window.till).hand_over(sale.id, code, sent=True)
    handed = await desk.api.post(path, {"code": f" {code} "})
    assert (handed["state"], handed["told"]["code"]) == ("handed_over", "goods_handed_over")
    assert await desk.api.post(path, {"code": code}) == handed
    assert await desk.api.post(path, {"code": code, "sent": True}) == handed, "nothing goes back"
    assert await desk.api.get(path) == handed
    assert noted(window) == [
        ("Y01", "goods_sent", sale.id),
        ("N01", "goods_handed_over", sale.id),
    ]

    assert (await window.cancel(await window.get(sale))).state is State.CANCELLED
    assert await desk.refused(sale, {"code": code}) == "hand_over_not_settled"
    assert (await desk.api.get(path))["code"] == "hand_over_not_settled"
    await window.rest()
    assert "取药码" not in desk.slips()[-1], "of a cancellation nothing is picked up"
    assert len(noted(window)) == 2
    await window.till.stop()


@virtual
async def test_r64_goods_of_a_sale_that_is_being_cancelled_stay_here(tmp_path: Path) -> None:
    desk = Desk(Counters(tmp_path))
    window = await desk.start()
    sale = await desk.sell(window)
    code = (await desk.api.get(f"/sales/{sale.id}/hand_over"))["pick_up_code"]
    desk.place.arm("lose-answer", "2103")
    assert (await window.cancel(sale)).state is State.CANCEL_DOUBT
    assert await desk.refused(sale, {"code": code}) == "hand_over_not_settled"
    assert noted(window) == []
    await window.till.stop()


@pytest.mark.parametrize("at_order", [False, True])
@virtual
async def test_r64_what_is_handed_over_as_it_is_settled_has_no_code(tmp_path: Path, at_order: bool) -> None:
    """A prescription where nothing is configured, and a purchase without one where it is."""
    counters = Counters(tmp_path)
    desk = Desk(counters, AT_ORDER if at_order else PrescriptionsConfig())
    window = await desk.start()
    if at_order:
        sale = await window.confirm(await shown(window))
        await window.rest()
    else:
        sale = await desk.sell(window)
    assert sale.state is State.CONFIRMED
    assert "取药码" not in desk.slips()[0]
    assert await desk.refused(sale, {"code": ""}) == "no_hand_over"
    assert (await desk.api.get(f"/sales/{sale.id}/hand_over"))["code"] == "no_hand_over"
    unknown = await desk.api.call("GET", "/sales/S0000/hand_over")
    assert unknown.json()["code"] == "unknown_settlement"
    await window.till.stop()
