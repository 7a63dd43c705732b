"""Submissions over an in-process hub: what silence, a bad line, a kill, a locked key and an old copy lead to."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.interfaces.hub_transport import RawAnswer
from drivers.interfaces.signer import SignerUnavailable
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.submission import Word
from terminal.core.values import Notice
from terminal.counter.holds import ROLLED_BACK
from terminal.submissions.runner import outcome_of
from tests.simulators.hub.submitted import (
    CHRONIC,
    INSTITUTION,
    MAPPING_WITHDRAWN,
    OTHER_PACK,
    PACK,
    PURCHASE,
    PURCHASE_RETURN,
    SALE_A,
    TRANSFER,
)
from tests.terminal.harness import INSTITUTION as PHARMACY
from tests.terminal.harness import NATIONAL, Watch, virtual
from tests.terminal.submissions.desk import GENERATION_A, PLAIN, SubmissionDesk, SubmittingShop

QUIET_S = 125.0


LOOKED_UP = {
    "filing.transfer": TRANSFER,
    "filing.chronic": CHRONIC,
    "filing.institution": INSTITUTION,
    "stock.take": PLAIN["stock.take"][1],
    "stock.sale": PLAIN["stock.sale"][1],
}


@pytest.mark.parametrize("fault", ["lose-request", "lose-answer"])
@pytest.mark.parametrize("kind", LOOKED_UP)
@virtual
async def test_after_silence_the_hub_is_asked_and_gets_it_once(tmp_path: Path, kind: str, fault: str) -> None:
    """A lost answer: it is there. A lost request: it is not, so another message goes, with another id."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known() if kind.startswith("filing") else None
    infno = PLAIN[kind][0]
    shop.arm(fault, infno)
    row = await desk.one(kind, LOOKED_UP[kind], sale=sale, wait_s=60.0)
    assert desk.state(row) == "UNKNOWN"
    await desk.till.wait(QUIET_S)
    assert desk.state(row) == "ACCEPTED"
    sent = [infno for infno, _ in shop.left]
    if fault == "lose-answer":
        assert (sent, desk.now(row).reason) == ([infno], "found")
    else:
        assert sent == [infno, infno]
        assert len({msgid for _, msgid in shop.left}) == 2
        assert desk.states(row) == ["WAITING", "SENT", "UNKNOWN", "WAITING", "SENT", "ACCEPTED"]
    if kind.startswith("stock"):
        assert len(shop.books.goods(PHARMACY)) == 1
    await desk.stop()


@pytest.mark.parametrize("fault", ["lose-request", "lose-answer"])
@virtual
async def test_many_rows_are_looked_up_by_their_trace_codes(tmp_path: Path, fault: str) -> None:
    shop = SubmittingShop(tmp_path, profile=GENERATION_A)
    desk = await shop.desk()
    rows = [
        {**SALE_A, "drug_trac_codg": code, "fixmedins_bchno": batch}
        for code, batch in ((PACK, "B1"), (OTHER_PACK, "B2"))
    ]
    shop.arm(fault, "3505A")
    row = await desk.one("stock.sale", *rows)
    await desk.till.wait(200)
    assert desk.state(row) == "ACCEPTED"
    assert [one.batch for one in shop.books.goods(PHARMACY)] == ["B1", "B2"]
    assert len(shop.left) == (1 if fault == "lose-answer" else 2)
    await desk.stop()


@virtual
async def test_what_twice_is_the_same_as_once_is_sent_again_by_itself(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    for kind in ("mapping.upload", "mapping.withdraw", "stock.delete", "stock.substitute-code"):
        infno, content = PLAIN[kind]
        shop.arm("lose-answer", infno)
        row = await desk.one(kind, content, key=kind, wait_s=60.0)
        await desk.till.wait(30)
        assert desk.state(row) == "ACCEPTED"
        assert [state for state, _ in desk.attempts(row)] == ["UNKNOWN", "ANSWERED"], kind
    await desk.stop()


@virtual
async def test_what_no_question_tells_waits_for_a_person_who_has_looked(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm("lose-answer", "3503", 2)
    shop.arm("lose-request", "3504")
    bought = await desk.one("stock.purchase", PURCHASE, key="k1", wait_s=60.0)
    returned = await desk.one("stock.purchase-return", PURCHASE_RETURN, key="k2", wait_s=60.0)
    await desk.till.wait(90_000)
    assert [desk.state(bought), desk.state(returned)] == ["HELD", "HELD"]
    assert len(shop.left) == 2, "nothing is sent again before somebody has looked"
    told = [entry.notice.code for entry in desk.till.counter.feed.entries if entry.notice]
    assert (told.count("submission_held_now"), desk.submissions.held) == (2, 2)
    await desk.stop()
    desk = await shop.desk()
    await desk.till.wait(600)
    assert ([desk.state(bought), desk.state(returned)], desk.submissions.held) == (["HELD", "HELD"], 2)
    await desk.submissions.decide(bought.id, Word.ACCEPTED, "T01", "seen in the portal")
    await desk.submissions.decide(returned.id, Word.AGAIN, "T01", "not in the portal")
    await desk.till.wait(5)
    assert ([desk.state(bought), desk.state(returned)], desk.submissions.held) == (
        ["ACCEPTED", "ACCEPTED"],
        0,
    )
    assert [row.infno for row in shop.books.goods(PHARMACY)] == ["3503", "3504"]
    with pytest.raises(Misuse, match="submission_not_open"):
        await desk.submissions.decide(bought.id, Word.AGAIN, "T01", "")
    noted = [entry["note"] for entry in desk.till.audit() if entry["action"] == "submission_decided"]
    assert [note.split()[1:3] for note in noted] == [["accepted", "seen"], ["again", "not"]]
    await desk.stop()


@virtual
async def test_a_refused_repeat_waits_for_a_person(tmp_path: Path) -> None:
    """An agency still examines the first 2503, which 5301 does not show: the repeat is refused, and proves nothing."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known()
    shop.arm("lose-answer", "2503")
    row = await desk.one("filing.chronic", {**CHRONIC, "diag_dr_codg": "D000000000000"}, sale=sale)
    await desk.till.wait(200)
    assert (desk.state(row), desk.now(row).reason) == ("HELD", "repeat_refused")
    assert "FILING_EXISTS" in outcome_of(desk.now(row)).text
    await desk.stop()


@virtual
async def test_a_line_that_is_down_is_waited_for_without_an_end_in_an_hour(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.hub_link.down = True
    row = await desk.one("stock.take", PLAIN["stock.take"][1])
    assert desk.state(row) == "WAITING"
    await desk.till.wait(3600)
    assert {state for state, _ in desk.attempts(row)} == {"UNSENT"}
    assert len({one.msgid for one in desk.till.journal.submissions.attempts(row.id)}) == len(
        desk.attempts(row)
    )
    shop.hub_link.down = False
    await desk.till.wait(301)
    assert desk.state(row) == "ACCEPTED"
    await desk.stop()


@virtual
async def test_a_hub_that_lost_the_sign_in_costs_one_message(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm("expire-sign-in", "3501")
    row = await desk.one("stock.take", PLAIN["stock.take"][1])
    await desk.till.wait(10)
    assert desk.state(row) == "ACCEPTED"
    assert desk.attempts(row) == [("ANSWERED", "sign_in_lost"), ("ANSWERED", "accepted")]
    assert len(shop.books.goods(PHARMACY)) == 1
    await desk.stop()


@virtual
async def test_a_sale_is_settled_while_the_hub_lets_a_submission_wait(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm("delay 20", "3501")
    row = await desk.one("stock.take", PLAIN["stock.take"][1], wait_s=0.0)
    began_s = shop.clock.monotonic_s()
    settled = await desk.till.settle()
    assert (settled.state.value, desk.state(row)) == ("CONFIRMED", "SENT")
    assert shop.clock.monotonic_s() - began_s < 1.0
    await desk.till.wait(200)
    assert desk.state(row) == "ACCEPTED"
    await desk.stop()


@virtual
async def test_killed_at_any_point_it_is_taken_up_and_reaches_the_hub_once(tmp_path: Path) -> None:
    """A sale of goods with its trace code, cut at every write and every message in turn."""
    points = 0
    for stop_at in range(1, 60):
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        shop = SubmittingShop(folder)
        watch = Watch(stop_at)
        till = await shop.start(watch)
        if not watch.dead:
            desk = SubmissionDesk(shop, till)

            async def story(_: object, desk: SubmissionDesk = desk) -> None:
                await desk.one("stock.sale", PLAIN["stock.sale"][1], wait_s=60.0)

            await till.run_story(story)
        if not watch.dead:
            await desk.stop()
            break
        points += 1
        await till.kill()
        desk = await shop.desk()
        again = await desk.submit("stock.sale", PLAIN["stock.sale"][1], wait_s=300.0)
        await desk.till.wait(300)
        assert [desk.state(row) for row in again] == ["ACCEPTED"], stop_at
        assert len(shop.books.goods(PHARMACY)) == 1, stop_at
        sent = [state for state, _ in desk.attempts(again[0])]
        assert sent in (["ANSWERED"], ["UNKNOWN"], ["UNKNOWN", "ANSWERED"]), stop_at
        await desk.stop()
    assert points > 5


@virtual
async def test_an_old_copy_of_the_journal_sends_nothing_and_then_looks_first(tmp_path: Path) -> None:
    """What the old copy calls waiting was sent since: after two people accepted it, the hub is asked, not told again."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.hub_link.down = True
    row = await desk.one("stock.sale", PLAIN["stock.sale"][1])
    shop.keep_what_is_on_disk()
    old = shop.journal_path
    shop.hub_link.down = False
    await desk.till.wait(10)
    assert desk.state(row) == "ACCEPTED"
    await desk.till.stop()
    shop.journal_path = old
    hold = Notice(ROLLED_BACK, {"count": "1", "noted": "2"})
    till = await shop.start(hold=hold)
    desk = SubmissionDesk(shop, till)
    with pytest.raises(Misuse, match=ROLLED_BACK):
        await desk.one("stock.take", PLAIN["stock.take"][1], key="k2")
    await till.wait(600)
    assert desk.state(row) == "UNKNOWN"
    assert len(shop.books.goods(PHARMACY)) == 1
    till.counter.holds.lift(ROLLED_BACK)
    await till.wait(200)
    assert (desk.state(row), desk.now(row).reason) == ("ACCEPTED", "found")
    assert len(shop.books.goods(PHARMACY)) == 1
    await desk.stop()


@virtual
async def test_what_this_hub_has_no_path_for_waits_for_a_person_at_once(tmp_path: Path) -> None:
    """URL shape U3: the path of 3302 is not published, that of 3301 is."""
    hub = msgspec.structs.replace(NATIONAL.hub, url_shape="U3", path="/fsi/api/")
    env = msgspec.structs.replace(NATIONAL.env, sign_in="none")
    shop = SubmittingShop(tmp_path, profile=msgspec.structs.replace(NATIONAL, hub=hub, env=env))
    desk = await shop.desk()
    row = await desk.one("mapping.withdraw", MAPPING_WITHDRAWN)
    assert (desk.state(row), desk.now(row).reason) == ("HELD", "no_path")
    assert desk.attempts(row) == [("UNSENT", "no_path")]
    await desk.stop()


@pytest.mark.parametrize(
    "fault", ["late-request 60", "duplicate", "bad-signature", "html", "http-status 401", "delay 40"]
)
@virtual
async def test_whatever_the_line_does_the_hub_has_the_sale_of_goods_once(tmp_path: Path, fault: str) -> None:
    """A request that arrives a minute late is there when the quiet time is over: it is not sent a second time."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm(fault, "3505")
    row = await desk.one("stock.sale", PLAIN["stock.sale"][1], wait_s=60.0)
    assert desk.state(row) == "UNKNOWN"
    await desk.till.wait(300)
    assert desk.state(row) == "ACCEPTED"
    assert len(shop.books.goods(PHARMACY)) == 1
    assert [one.repeated for one in shop.books.traces(PHARMACY, frozenset({"4"}))] == [False]
    await desk.stop()


@virtual
async def test_an_error_nobody_foresaw_is_an_unknown_outcome_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    post, trouble = shop.hub_link.post, [RuntimeError("a bug below the client")]

    async def broken(path: str, body: bytes, *rest: Any, **named: Any) -> RawAnswer:
        answer = await post(path, body, *rest, **named)
        if trouble and b'"3505"' in body:
            raise trouble.pop()
        return answer

    monkeypatch.setattr(shop.hub_link, "post", broken)
    row = await desk.one("stock.sale", PLAIN["stock.sale"][1])
    assert (desk.state(row), desk.now(row).reason) == ("UNKNOWN", "internal")
    other = await desk.one("stock.take", PLAIN["stock.take"][1], key="k2")
    assert desk.state(other) == "ACCEPTED"
    await desk.till.wait(200)
    assert (desk.state(row), desk.now(row).reason) == ("ACCEPTED", "found")
    assert len(shop.books.goods(PHARMACY)) == 2
    await desk.stop()


@virtual
async def test_without_its_key_nothing_leaves_and_it_is_sent_once_the_key_is_there(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    signer, locked = shop.signer, [True]

    class Locked:
        description = signer.description

        def sign(self, data: bytes) -> bytes:
            if locked:
                raise SignerUnavailable
            return signer.sign(data)

    await desk.stop()
    shop.signer = Locked()
    desk = await shop.desk()
    row = await desk.one("stock.take", PLAIN["stock.take"][1])
    assert (desk.state(row), desk.now(row).reason, desk.attempts(row)) == ("WAITING", "not_signed_in", [])
    locked.clear()
    await desk.till.wait(60)
    assert desk.state(row) == "ACCEPTED"
    await desk.stop()


@virtual
async def test_one_that_cannot_even_be_written_stops_neither_the_others_nor_the_sales(tmp_path: Path) -> None:
    """A guard of the journal says no to every change of it: our own bug, and nobody else's trouble."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    _, content = PLAIN["mapping.upload"]
    refusing = (
        "CREATE TEMP TRIGGER no_change BEFORE UPDATE ON main.submission WHEN NEW.infno = '3301'"
        " BEGIN SELECT RAISE(ABORT, 'a guard'); END"
    )
    desk.till.connection.execute(refusing)
    stuck = await desk.one("mapping.upload", content, key="k1")
    assert (desk.state(stuck), [left for left, _ in shop.left]) == ("WAITING", [])
    assert desk.state(await desk.one("stock.purchase", PURCHASE, key="k2")) == "ACCEPTED"
    assert (await desk.till.settle()).state is State.CONFIRMED
    await desk.till.wait(3600)
    notices = [entry.notice.code for entry in desk.till.counter.feed.entries if entry.notice]
    assert notices.count("internal_error") == 2, "the try and its end; it is not tried for ever"
    await desk.stop()
    desk = await shop.desk()
    await desk.till.wait(5)
    assert desk.state(stuck) == "ACCEPTED", "the next start takes it up"
    await desk.stop()
