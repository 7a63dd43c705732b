"""A month's clearing out of our books: the application is what the hub's own books say, and far records are compared."""

from pathlib import Path

import msgspec
import pytest

from protocols.hub.clearing import ApplicationOutput, FarRecord
from protocols.money import Fen
from simulators.hub import clearing as hub_clearing
from terminal.core.events import Answered, Misuse
from terminal.core.states import State
from terminal.reconciliation.clearing import (
    MOST_CONFIRMED,
    FarMatch,
    application,
    compare_far,
    confirmations,
    month_of,
)
from terminal.shapes.clearing import ClearingGroup, ClearingView
from tests.profiles.rig import profile_of
from tests.terminal.api.calling import Api
from tests.terminal.counter.test_old_copy import TWO, a_day_later, accepted, copy_now, put_back
from tests.terminal.harness import INSTITUTION, Shop, Till, counter_config, virtual
from tests.terminal.reconciliation.days import DAY_S, MONDAY, only, reconcile, reconciliation

FAR_AWAY = "989900"


async def a_month(shop: Shop, till: Till) -> None:
    """Two sales of 甲 (one cancelled), one of somebody from another province; then the month is over."""
    await till.settle("0001")
    gone = await till.settle("0002", who="ji")
    await till.counter.sales.cancel(gone.id, "T01", "换货")
    await till.settle("0003", who="wu")
    await till.quiet()
    await till.wait(8 * DAY_S)


@virtual
async def test_the_hub_takes_the_application_that_our_books_make(tmp_path: Path) -> None:
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    api = Api(till, counter_config())
    await a_month(shop, till)
    found = msgspec.convert(await api.post("/clearing/2026-11"), ClearingView)
    assert (found.by, found.is_over, found.open) == ("3203", True, 0)
    assert [(one.group, one.count, one.total_fen, one.account_fen) for one in found.applications] == [
        (ClearingGroup("41", "1", FAR_AWAY), 1, 3750, found.applications[0].account_fen),
        (ClearingGroup("41", "1", "999900"), 1, 3750, 3750),
    ]
    for sums in found.applications:
        content = application(sums, month_of("2026-11"))
        made = await till.counter.hub.compose("3203", content, sums.group.agency)
        heard = await till.counter.hub.exchange("3203", made.msgid, made.body)
        assert isinstance(heard, Answered)
        assert (heard.infcode, heard.err_msg) == (0, "")
        assert isinstance(heard.output, ApplicationOutput)
        assert heard.output.result.event_id.startswith("CLR")
    await till.stop()


@virtual
async def test_before_its_end_and_with_an_open_outcome_a_month_says_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 50)
    await till.settle()
    found = await api.post("/clearing/2026-11")
    assert (found["by"], found["is_over"], found["open"], found["applications"]) == ("portal", False, 1, [])
    early = await api.call("POST", "/clearing/2026-11/far/confirmation", {}, Idempotency_Key="k")
    assert early.json()["code"] == "clearing_open", (
        "the hub would be told that a record is not ours, which may be"
    )
    for month, status in (("2026-12", 422), ("2026-13", 422), ("November", 422)):
        answer = await api.call("POST", f"/clearing/{month}", {})
        assert (answer.status_code, answer.json()["code"]) == (status, "bad_request")
    await till.stop()


@virtual
async def test_a_month_whose_amounts_only_the_hub_knows_is_not_applied_for(tmp_path: Path) -> None:
    """Two people confirmed a sale out of an old copy: an application that leaves it out would ask for too little."""
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    await till.settle("0001")
    opened = await till.open("0002")
    priced = await till.counter.media.give_identity_number(opened.id, shop.world.person("jia").certno)
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    shop.hub_link.down = False
    copy_now(shop)
    assert (await till.counter.sales.confirm(armed.id, "T01")).state is State.CONFIRMED
    await till.quiet()
    till = await put_back(shop, till)
    await a_day_later(till)
    report = await reconcile(till, MONDAY)
    await reconcile(till, till.counter.today())
    await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    await accepted(till)
    await till.wait(8 * DAY_S)
    api = Api(till, counter_config())
    found = msgspec.convert(await api.post("/clearing/2026-11"), ClearingView)
    assert (found.is_over, found.open, found.without_amounts) == (True, 0, 1)
    assert [one.count for one in found.applications] == [1]
    for path in ("applications", "far/confirmation"):
        refused = await api.call("POST", f"/clearing/2026-11/{path}", {}, Idempotency_Key=path)
        assert (refused.status_code, refused.json()["code"]) == (422, "clearing_without_amounts")
    await till.stop()


@virtual
async def test_far_records_are_fetched_page_by_page_and_held_against_our_books(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    await a_month(shop, till)
    far = await api.post("/clearing/2026-11/far")
    ((settled),) = [row for row in till.rows() if row.key.sale_number == "0003"]
    known = await till.get(settled.id)
    assert known.booking is not None
    assert [(row["row"]["setl_sn"], row["agreed"], row["reason"]) for row in far["rows"]] == [
        (known.booking.info.settlement_id, True, "")
    ]
    assert "certno" not in far["rows"][0]["row"]
    await till.stop()


def test_what_our_books_do_not_have_or_have_otherwise_is_not_agreed() -> None:
    record = FarRecord(settlement_id="S1", total_fen=Fen(3750), agency_fen=Fen(0))
    assert [match.reason for match in compare_far([record], [])] == ["not_ours"]


def test_confirmations_go_in_hundreds_and_say_agreed_or_not() -> None:
    record = FarRecord(settlement_id="S1", visit_id="V1", total_fen=Fen(3750), agency_fen=Fen(0))
    matches = [FarMatch(record, place % 2 == 0, "") for place in range(MOST_CONFIRMED + 1)]
    first, second = confirmations(month_of("2026-11"), matches)
    assert (first.month.rows, second.month.rows) == (100, 1)
    assert [row.agreed for row in first.rows[:2]] == ["1", "0"]
    assert (second.month.year, second.month.month) == ("2026", "11")


def test_a_month_has_its_own_number_of_days() -> None:
    assert [len(month_of(text).days) for text in ("2026-02", "2024-02", "2026-11", "2026-12")] == [
        28,
        29,
        30,
        31,
    ]
    with pytest.raises(Misuse):
        month_of("2026-00")


@virtual
async def test_an_application_is_on_disk_before_it_leaves_sent_once_and_withdrawn_by_its_number(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    api = Api(till, counter_config())
    early = await api.post("/clearing/2026-11/applications", Idempotency_Key="k0")
    assert early["code"] == "clearing_not_over"
    await a_month(shop, till)
    applied = await api.post("/clearing/2026-11/applications", Idempotency_Key="k1")
    assert [(one["infno"], one["state"]) for one in applied] == [("3203", "ACCEPTED")] * 2
    assert await api.post("/clearing/2026-11/applications", Idempotency_Key="k1") == applied, "sent once"
    stands = shop.world.ledger.documents.all(
        hub_clearing.APPLICATION, INSTITUTION, hub_clearing.ApplicationRecord
    )
    assert [one.event_id for one in stands] == [one["serial"] for one in applied]
    second = await api.post("/clearing/2026-11/applications", Idempotency_Key="k2")
    assert {one["state"] for one in second} == {"REFUSED"}
    (gone,) = await api.post("/clearing/withdrawals", {"serial": applied[0]["serial"]}, Idempotency_Key="k3")
    assert (gone["infno"], gone["state"]) == ("3204", "ACCEPTED")
    rows = till.connection.execute("SELECT infno, state FROM submission_attempt ORDER BY msgid").fetchall()
    assert rows == [("3203", "ANSWERED")] * 4 + [("3204", "ANSWERED")]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_lost_application_waits_for_a_persons_word(tmp_path: Path) -> None:
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    api = Api(till, counter_config())
    await till.settle()
    await till.wait(8 * DAY_S)
    shop.arm("lose-answer", "3203")
    (lost,) = await api.post("/clearing/2026-11/applications", Idempotency_Key="k1")
    assert (lost["state"], lost["unanswered"]) == ("HELD", 1)
    (stands,) = shop.world.ledger.documents.all(
        hub_clearing.APPLICATION, INSTITUTION, hub_clearing.ApplicationRecord
    )
    decided = await api.post(
        f"/submissions/{lost['id']}/decision", {"decision": "accepted", "reason": stands.event_id}
    )
    assert decided["state"] == "ACCEPTED"
    await till.stop()


@virtual
async def test_other_places_records_are_confirmed_and_taken_back_and_the_portal_takes_no_application(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    for path in ("2026-11/far/confirmation", "2026-11/applications", "withdrawals"):
        body = {"serial": "CLR0"} if path == "withdrawals" else {}
        refused = await api.call("POST", f"/clearing/{path}", body, Idempotency_Key=path)
        code = "clearing_nothing" if "far" in path else "clearing_by_portal"
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    await a_month(shop, till)
    (told,) = await api.post("/clearing/2026-11/far/confirmation", Idempotency_Key="k1")
    assert (told["infno"], told["state"]) == ("3261", "ACCEPTED")

    def said() -> list[list[bool]]:
        kept = shop.world.ledger.documents.all(
            hub_clearing.CONFIRMATION, INSTITUTION, hub_clearing.FarConfirmation
        )
        return [list(one.agreed.values()) for one in kept]

    assert said() == [[True]]
    (back,) = await api.post("/clearing/2026-11/far/taking_back", Idempotency_Key="k2")
    assert (back["infno"], back["state"], said()) == ("3262", "ACCEPTED", [])
    await till.stop()
