"""Submissions over an in-process hub: what each kind is sent as, what is refused, and that one request submits once."""

from pathlib import Path

import pytest

from protocols.hub.envelope import decode_request
from terminal.journal.records import JournalRefused
from terminal.submissions.runner import outcome_of
from tests.simulators.hub.submitted import (
    CHRONIC,
    INSTITUTION,
    PACK,
    SALE_A,
    TRANSFER,
)
from tests.terminal.harness import INSTITUTION as PHARMACY
from tests.terminal.harness import virtual
from tests.terminal.submissions.desk import GENERATION_A, MANY, PLAIN, SubmittingShop, names


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
