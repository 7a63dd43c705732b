"""The review before the quote, where the profile asks for one: what is asked, what waits, what the hub is told."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from simulators.hub import review
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter.wishes import LineWish, RefundWish, ReturnWish, ReviewWish
from terminal.journal.sheet import settlement_of
from tests.profiles.rig import profile_of
from tests.profiles.switches import switch
from tests.profiles.test_rules import at
from tests.terminal.api.calling import Api
from tests.terminal.clinic.clinic import STORY, Clinic, ListeningLink
from tests.terminal.harness import INSTITUTION, PILLS, Shop, Till, counter_config, virtual

FOUR_BOXES = msgspec.structs.replace(PILLS, quantity="4")
"""40 days of one drug: rule R67-01."""
CARRY_ON = ReviewWish(carry_on=True, reason="患者长期出差")
GO_BACK = ReviewWish(carry_on=False)


def shop_of(folder: Path, text: str) -> Shop:
    """A shop whose link keeps what was sent."""
    shop = Shop(folder, profile=profile_of(text))
    shop.hub_link = ListeningLink(shop.world.hub, shop.clock.now, asyncio.sleep, shop.profile.hub.path)
    return shop


def sent(shop: Shop, infno: str) -> list[Any]:
    """The inputs of one transaction."""
    assert isinstance(shop.hub_link, ListeningLink)
    return shop.hub_link.inputs(infno)


def kept(shop: Shop, institution: str = INSTITUTION) -> list[tuple[str, str, str]]:
    """Rule, way and reason of every finding in the hub's books."""
    found = review.findings(shop.world.hub.core.desk, institution)
    return [(one.rule_id, one.dspo_way, one.reason) for one in found]


async def answered(till: Till, settlement: Settlement, wish: ReviewWish = CARRY_ON) -> Settlement:
    """The operator answers what was found."""
    return await till.counter.sales.answer_review(settlement.id, wish, "T01")


@pytest.mark.parametrize(
    ("service", "asked", "kind"), [("none", [], ""), ("3101", ["3101"], "1"), ("3102", ["3102"], "2")]
)
@switch("review.before_quote", "none", "3101", "3102")
def test_the_profile_says_which_review_is_asked_before_the_quote(
    tmp_path: Path, service: str, asked: list[str], kind: str
) -> None:
    @virtual
    async def run() -> None:
        shop = shop_of(tmp_path, f'[review]\nbefore_quote = "{service}"')
        till = await shop.start()
        opened = await till.quote(lines=(FOUR_BOXES,))
        assert opened.state is (State.DRAFT if asked else State.PRICED)
        assert [infno for infno in ("3101", "3102") if sent(shop, infno)] == asked
        if asked:
            priced = await answered(till, opened)
            assert [told["data"]["warn_type"] for told in sent(shop, "3103")] == [kind]
            assert priced.state is State.PRICED
        await till.counter.sales.confirm(opened.id, "T01")
        await till.quiet()
        assert kept(shop) == ([("R67-01", "1", "患者长期出差")] if asked else [])
        steps = [("STEP", "3103", "ANSWERED", "done")] if asked else []
        assert till.attempts(opened.id) == [*steps, ("SETTLE", "2102", "ANSWERED", "done")]
        shop.assert_books_agree(till)
        await till.stop()

    run()


@pytest.mark.parametrize(("service", "code"), [("3101", "FIELD"), ("3102", "INFNO_UNKNOWN")])
def test_a_hub_whose_review_is_3102_does_not_know_3101(service: str, code: str) -> None:
    counter = at(f'[review]\nbefore_quote = "{service}"')
    assert counter.ask(service, {"data": {}}, "999900").code == "FIELD"
    assert counter.ask("3101", {"data": {}}, "999900").code == code


@pytest.mark.parametrize(("text", "scene"), [("", None), ('[review.scene]\npharmacy = "10"', "10")])
@switch("review.scene")
def test_the_scene_goes_along_where_the_profile_has_one(tmp_path: Path, text: str, scene: str | None) -> None:
    @virtual
    async def run() -> None:
        shop = shop_of(tmp_path, f'[review]\nbefore_quote = "3101"\n{text}')
        till = await shop.start()
        await till.quote(lines=(FOUR_BOXES,))
        (asked,) = sent(shop, "3101")
        assert asked["data"].get("trig_scen") == scene
        await till.stop()

    run()


@pytest.mark.parametrize(("blocking", "refused"), [("[]", False), ('["2"]', True)])
@switch("review.blocking")
def test_a_severity_that_blocks_lets_nobody_carry_on(tmp_path: Path, blocking: str, refused: bool) -> None:
    @virtual
    async def run() -> None:
        shop = shop_of(tmp_path, f'[review]\nbefore_quote = "3101"\nblocking = {blocking}')
        till = await shop.start()
        warned = await till.quote(lines=(FOUR_BOXES,))
        assert warned.review is not None
        assert [finding.blocks for finding in warned.review.findings] == [refused]
        if not refused:
            assert (await answered(till, warned)).state is State.PRICED
        else:
            with pytest.raises(Misuse, match="review_blocks"):
                await answered(till, warned)
            assert sent(shop, "3103") == []
            await answered(till, warned, GO_BACK)
            await till.counter.sales.set_lines(warned.id, (PILLS,))
            assert (await till.counter.sales.quote(warned.id)).state is State.PRICED
            assert kept(shop) == [("R67-01", "2", "")]
        await till.stop()

    run()


@virtual
async def test_an_answer_that_the_hub_never_confirms_holds_no_sale_and_is_not_called_told(
    tmp_path: Path,
) -> None:
    """The hub has it all the same: three answers were lost. What the till is shown claims no more than is known."""
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    api = Api(till, counter_config())
    shop.arm("lose-answer", "3103", 3)
    waiting = await answered(till, await till.quote(lines=(FOUR_BOXES,)))
    assert waiting.state is State.DRAFT
    priced = await till.counter.sales.quote(waiting.id)
    assert priced.state is State.PRICED
    told = (await api.get(f"/sales/{waiting.id}"))["review"]
    assert (told["way"], told["reason"], told["told"]) == ("1", "患者长期出差", False)
    await till.counter.sales.confirm(waiting.id, "T01")
    await till.quiet()
    attempts = [(infno, state) for _, infno, state, _ in till.attempts(waiting.id)]
    assert attempts == [("3103", "UNKNOWN")] * 3 + [("2102", "ANSWERED")]
    assert kept(shop) == [("R67-01", "1", "患者长期出差")]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_hub_hears_of_a_patient_what_1101_told_and_how_the_drug_is_used(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    used = msgspec.structs.replace(PILLS, days=14, single_dose="3片", frequency="每日3次")
    warned = await till.quote(lines=(used,))
    (asked,) = sent(shop, "3101")
    (patient,) = asked["data"]["patient_dtos"]
    assert (patient["gend"], patient["brdy"], patient["poolarea"]) == ("1", "1990-01-01", "999900")
    (visit,) = patient["fsi_encounter_dtos"]
    assert (visit["med_mdtrt_type"], visit["medins_lv"], visit["fsi_diagnose_dtos"]) == ("3", "11", [])
    assert visit["fsi_order_dtos"][0]["extend_order_map"] == {
        "o_prdDays": "14", "o_sinDosDscr": "3片", "o_used_frqu_dscr": "每日3次"
    }  # fmt: skip
    assert warned.review is not None
    assert [finding.rule for finding in warned.review.findings] == ["R67-02"]
    await till.stop()


@virtual
async def test_a_silent_review_may_be_gone_without_and_the_reason_is_on_disk(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    shop.arm("lose-answer", "3101")
    waiting = await till.quote()
    assert waiting.review is not None
    assert (waiting.state, waiting.review.failed) == (State.DRAFT, True)
    assert (await answered(till, waiting)).state is State.PRICED
    await till.counter.sales.confirm(waiting.id, "T01")
    row = till.journal.settlements.get(waiting.id)
    assert row is not None
    on_disk = settlement_of(row).review
    assert on_disk is not None
    assert (on_disk.way, on_disk.reason) == ("1", "患者长期出差")
    assert sent(shop, "3103") == []
    noted = [record["note"] for record in till.audit() if record.get("action") == "review_answered"]
    assert noted == [f"{waiting.id} way 1 rules -"]
    assert "出差" not in str(till.audit())
    await till.stop()


@virtual
async def test_a_lost_feedback_is_repeated_under_a_new_number_and_the_money_agrees(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    shop.arm("lose-answer", "3103")
    priced = await answered(till, await till.quote(lines=(FOUR_BOXES,)))
    assert priced.state is State.PRICED
    assert [step[1:3] for step in till.attempts(priced.id)] == [("3103", "UNKNOWN"), ("3103", "ANSWERED")]
    await till.counter.sales.confirm(priced.id, "T01")
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_killed_while_the_feedback_is_on_its_way_nothing_is_owed(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    warned = await till.quote(lines=(FOUR_BOXES,))
    shop.hub_link.down = True
    waiting = await answered(till, warned)
    assert waiting.state is State.DRAFT
    await till.kill()
    shop.hub_link.down = False
    again = await shop.start()
    assert (await again.get(warned.id)).state is State.ABANDONED
    await again.quiet()
    shop.assert_books_agree(again)
    await again.stop()


@virtual
async def test_a_clinics_sheet_is_reviewed_before_its_lines_go_up(tmp_path: Path) -> None:
    """Scenes by kind of sale; the diagnosis goes along; the lines are uploaded once the answer has been told."""
    text = '[review]\nbefore_quote = "3101"\n[review.scene]\nclinic = "7"'
    clinic = Clinic(tmp_path, profile=profile_of(text))
    window = await clinic.window()
    warned = await window.priced(lines=(*STORY, fifth_box()))
    assert (warned.state, clinic.hub_link.inputs("2204")) == (State.DRAFT, [])
    (asked,) = clinic.hub_link.inputs("3101")
    assert asked["data"]["trig_scen"] == "7"
    (visit,) = asked["data"]["patient_dtos"][0]["fsi_encounter_dtos"]
    assert (visit["mdtrt_id"], visit["med_mdtrt_type"]) == (warned.visit_id, "1")
    assert [row["dise_codg"] for row in visit["fsi_diagnose_dtos"]] == ["E11.900"]
    priced = await window.counter.sales.answer_review(warned.id, CARRY_ON, "N01")
    assert priced.state is State.PRICED
    await window.confirm(priced)
    assert kept(clinic, clinic.institution.code) == [("R67-01", "1", "患者长期出差")]
    await window.finish()


def fifth_box() -> LineWish:
    """Somewhat more than the story's four boxes of tablets: 50 days."""
    return msgspec.structs.replace(PILLS, quantity="1", own_code="SKU0003")


@virtual
async def test_over_the_api_the_findings_are_shown_and_the_reason_is_asked_for(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    api = Api(till, counter_config())
    body = {"sale_number": "7", "lines": [{**msgspec.to_builtins(FOUR_BOXES), "days": 40}]}
    opened = await api.post("/sales", body, Idempotency_Key="k")
    shown = await api.post(f"/sales/{opened['id']}/medium", {"code": shop.code()})
    assert (shown["state"], shown["notice"]["code"]) == ("DRAFT", "review_found")
    (found,) = shown["review"]["findings"]
    assert (found["rule"], found["severity"], found["lines"], found["blocks"]) == ("R67-01", "2", [1], False)
    assert found["text"].startswith("测试降糖片：最近 10 天内累计 40 天用量，超过 30 天")
    path = f"/sales/{opened['id']}/review"
    for reason in ("", "1", "6901234567892"):
        refused = await api.call("POST", path, {"carry_on": True, "reason": reason})
        assert (refused.status_code, refused.json()["code"]) == (422, "review_needs_reason")
    unanswered = await api.call("POST", f"/sales/{opened['id']}/quote", {})
    assert (unanswered.status_code, unanswered.json()["code"]) == (422, "review_unanswered")
    priced = await api.post(path, {"carry_on": True, "reason": " 患者长期出差 "})
    assert (priced["state"], priced["review"]["way"], priced["review"]["reason"]) == (
        "PRICED",
        "1",
        "患者长期出差",
    )
    assert priced["review"]["told"]
    await till.stop()


@virtual
async def test_what_remains_after_a_refund_is_reviewed_before_it_is_settled(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, '[review]\nbefore_quote = "3101"')
    till = await shop.start()
    sold = await till.settle()
    undone = await till.counter.refunds.begin(sold.id, RefundWish((ReturnWish(1, "1"),)), "T01")
    assert undone.refund is not None
    priced = await till.counter.media.give_code(undone.refund.rest_id, shop.code("jia"))
    assert priced.state is State.PRICED
    assert [
        asked["data"]["patient_dtos"][0]["fsi_encounter_dtos"][0]["mdtrt_id"] for asked in sent(shop, "3101")
    ] == [
        sold.id,
        priced.id,
    ]
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()
