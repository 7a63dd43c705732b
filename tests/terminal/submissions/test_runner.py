"""Submissions over an in-process hub: what is sent, lost, refused, looked up and repeated, and what is on disk when."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.hub.envelope import decode_request
from terminal.core.events import Misuse
from terminal.core.submission import Word
from terminal.core.values import Notice
from terminal.counter.holds import ROLLED_BACK
from terminal.journal.records import JournalRefused
from terminal.submissions.runner import outcome_of
from tests.simulators.hub.submitted import (
    CHANGE,
    CHRONIC,
    DELETION,
    GOODS,
    INSTITUTION,
    MAPPING,
    MAPPING_WITHDRAWN,
    OTHER_PACK,
    PACK,
    PURCHASE,
    PURCHASE_A,
    PURCHASE_RETURN,
    SALE,
    SALE_A,
    SALE_RETURN,
    TAKE,
    TRANSFER,
)
from tests.terminal.harness import INSTITUTION as PHARMACY
from tests.terminal.harness import NATIONAL, Watch, virtual
from tests.terminal.submissions.desk import GENERATION_A, SubmissionDesk, SubmittingShop, names

QUIET_S = 125.0


@virtual
async def test_a_filing_takes_effect_and_its_bytes_were_on_disk_before_they_left(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known()
    row = await desk.one("filing.chronic", CHRONIC, sale=sale)
    assert desk.states(row) == ["WAITING", "SENT", "ACCEPTED"]
    assert [infno for infno, _ in shop.left] == ["2503"]
    assert outcome_of(desk.now(row)).serial.startswith("TRT999900")
    (filed,) = shop.world.ledger.registrations(shop.world.person("jia").psn_no)
    assert (filed.kind, filed.code) == ("chronic", "M03900")
    (attempt,) = desk.till.journal.submissions.attempts(row.id)
    assert decode_request(attempt.request).infno == "2503"
    assert attempt.answer is not None
    await desk.stop()


PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "filing.transfer": ("2501", TRANSFER),
    "filing.chronic": ("2503", CHRONIC),
    "filing.institution": ("2505", INSTITUTION),
    "mapping.upload": ("3301", MAPPING),
    "mapping.withdraw": ("3302", MAPPING_WITHDRAWN),
    "stock.take": ("3501", {**TAKE, "drug_trac_codg": PACK}),
    "stock.change": ("3502", CHANGE),
    "stock.purchase": ("3503", PURCHASE),
    "stock.purchase-return": ("3504", PURCHASE_RETURN),
    "stock.sale": ("3505", {**SALE, "drug_trac_codg": PACK}),
    "stock.sale-return": ("3506", SALE_RETURN),
    "stock.delete": ("3507", DELETION),
    "stock.substitute-code": ("3592B", GOODS),
}
MANY: dict[str, tuple[str, dict[str, Any]]] = {
    "stock.take": ("3501A", {**TAKE, "pric": "12.50"}),
    "stock.change": ("3502A", {**CHANGE, "drug_trac_codg": f"{PACK} {OTHER_PACK}"}),
    "stock.purchase": ("3503A", PURCHASE_A),
    "stock.purchase-return": ("3504A", PURCHASE_RETURN),
    "stock.sale": ("3505A", {**SALE_A, "drug_trac_codg": [PACK]}),
    "stock.sale-return": ("3506A", SALE_RETURN),
    "stock.delete": ("3507A", DELETION),
}
"""What each kind is sent as, and one row of it."""


@virtual
async def test_every_kind_is_taken_by_the_hub_and_leaves_as_it_stands_on_disk(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known()
    for kind, (infno, row) in PLAIN.items():
        named = sale if kind.startswith("filing") else None
        done = await desk.one(kind, row, sale=named, key=kind)
        assert (done.infno, desk.state(done)) == (infno, "ACCEPTED"), kind
    assert [infno for infno, _ in shop.left] == [infno for infno, _ in PLAIN.values()]
    assert list(shop.books.substitutes(PHARMACY)) == [outcome_of(desk.now(done)).code]
    await desk.stop()


@virtual
async def test_every_kind_is_taken_by_a_hub_of_the_later_generation(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path, profile=GENERATION_A)
    desk = await shop.desk()
    for kind, (infno, row) in MANY.items():
        done = await desk.one(kind, row, {**row, "fixmedins_bchno": "B2"}, key=kind)
        assert (done.infno, desk.state(done)) == (infno, "ACCEPTED"), kind
    assert len(shop.left) == len(MANY), "both rows in one message"
    await desk.stop()


@virtual
async def test_filings_are_withdrawn_by_the_serial_that_was_given(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known()
    who = shop.world.person("jia").psn_no
    unsure = {**CHRONIC, "diag_dr_codg": "D000000000000"}
    for kind, row in (("transfer", TRANSFER), ("chronic", unsure), ("institution", INSTITUTION)):
        filed = await desk.one(f"filing.{kind}", row, sale=sale, key=kind)
        serial = outcome_of(desk.now(filed)).serial
        taken_back = {"trt_dcla_detl_sn": serial, "memo": "withdrawn"}
        done = await desk.one(f"filing.{kind}.withdraw", taken_back, sale=sale, key=f"{kind} back")
        assert desk.state(done) == "ACCEPTED"
    assert all(shop.books.filings(who, kind) == () for kind in ("transfer", "chronic", "institution"))
    await desk.stop()


@virtual
async def test_a_row_that_the_hub_does_not_take_is_named_and_the_others_stand(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path, profile=GENERATION_A)
    desk = await shop.desk()
    good = {**SALE_A, "drug_trac_codg": PACK}
    row = await desk.one("stock.sale", good, {**good, "fixmedins_bchno": "B2", "MDTRT_SETL_TYPE": "1"})
    assert desk.state(row) == "PARTLY"
    first, second = outcome_of(desk.now(row)).rows
    assert (first.taken, first.serial) == (True, f"{1:020d}")
    assert (second.taken, second.batch) == (False, "B2")
    assert "setl_id" in second.message
    notices = [entry.notice.code for entry in desk.till.counter.feed.entries if entry.notice]
    assert "submission_partly_now" in notices
    none = await desk.one("stock.sale", {**good, "MDTRT_SETL_TYPE": "1"}, key="k2")
    assert desk.state(none) == "REFUSED"
    assert len(shop.books.goods(PHARMACY)) == 1
    await desk.stop()


@virtual
async def test_a_refusal_is_told_in_the_hubs_words_and_ends_it(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    sale = await desk.person_known()
    row = await desk.one("filing.chronic", {**CHRONIC, "ide_fixmedins_no": "P99990000001"}, sale=sale)
    assert desk.state(row) == "REFUSED"
    assert "data.ide_fixmedins_no" in outcome_of(desk.now(row)).text
    await desk.till.wait(3600)
    assert desk.attempts(row) == [("ANSWERED", "refused")]
    await desk.stop()


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
async def test_the_same_request_submits_once_and_another_body_is_refused(tmp_path: Path) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    rows = [{**PLAIN["stock.take"][1], "fixmedins_bchno": batch} for batch in ("B1", "B2", "B3")]
    first = await desk.submit("stock.take", *rows)
    again = await desk.submit("stock.take", *rows)
    assert ([row.id for row in again], names(again)) == ([row.id for row in first], ["ACCEPTED"] * 3)
    assert [row.part for row in first] == [1, 2, 3]
    assert len(shop.left) == 3
    with pytest.raises(JournalRefused, match="idempotency_conflict"):
        await desk.submit("stock.take", rows[0])
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
