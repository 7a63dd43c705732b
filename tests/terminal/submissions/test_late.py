"""A message of a submission that arrives at the hub after a person has looked there."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.wire_time import format_time
from simulators.hub import clearing as hub_clearing
from terminal.core.events import Misuse
from terminal.core.submission import Word
from terminal.core.values import Notice
from tests.profiles.rig import profile_of
from tests.simulators.hub.submitted import MAPPING_WITHDRAWN, PURCHASE
from tests.terminal.api.calling import Api
from tests.terminal.counter.endings import told
from tests.terminal.harness import INSTITUTION, NATIONAL, Shop, counter_config, virtual
from tests.terminal.reconciliation.days import DAY_S
from tests.terminal.submissions.desk import SubmittingShop


@virtual
async def test_an_application_that_arrives_after_a_person_has_looked_is_not_told_as_refused(
    tmp_path: Path,
) -> None:
    """Between the look and the word the first 3203 arrives; the hub refuses the repeat, because it has the first."""
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    api = Api(till, counter_config())
    await till.settle()
    await till.wait(8 * DAY_S)
    shop.arm("late-request 110", "3203")
    (lost,) = await api.post("/clearing/2026-11/applications", Idempotency_Key="k1")
    assert (lost["state"], lost["unanswered"]) == ("HELD", 1)

    def standing() -> int:
        return len(
            shop.world.ledger.documents.all(
                hub_clearing.APPLICATION, INSTITUTION, hub_clearing.ApplicationRecord
            )
        )

    await till.wait(100)
    assert standing() == 0, "a person looks, and it is not there"
    await till.wait(30)
    await api.post(
        f"/submissions/{lost['id']}/decision", {"decision": "again", "reason": "portal shows none"}
    )
    await till.wait(30)
    now = await api.get(f"/submissions/{lost['id']}")
    assert standing() == 1
    assert (now["state"], now["unanswered"]) == ("HELD", 1), "the hub has it"
    assert "refused to take it again" in now["told"]["en"]
    decided = await api.post(f"/submissions/{lost['id']}/decision", {"decision": "accepted"})
    assert decided["state"] == "ACCEPTED"
    await till.stop()


@virtual
async def test_goods_that_a_person_has_submitted_again_are_not_booked_twice(tmp_path: Path) -> None:
    """The person looks at once, and the message arrives a minute later."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm("late-request 60", "3503")
    row = await desk.one("stock.purchase", PURCHASE, wait_s=60.0)
    assert desk.state(row) == "HELD"
    until = shop.clock.now() + dt.timedelta(seconds=desk.till.shop.profile.quiet_s)
    with pytest.raises(Misuse, match="submission_too_early") as early:
        await desk.submissions.decide(row.id, Word.AGAIN, "P1", "looked: nothing there")
    at = format_time(until + dt.timedelta(seconds=1))
    assert early.value.params == {"at": at}
    assert f"before {at}" in told(Notice(early.value.code, early.value.params))[1]
    await desk.till.wait(200)
    shop.world.hub.arrive(shop.clock.now())
    assert len(shop.books.goods(INSTITUTION)) == 1
    assert [one for one in desk.till.audit() if one["action"] == "submission_decided"] == []
    await desk.submissions.decide(row.id, Word.ACCEPTED, "P1", "looked: there it is")
    await desk.stop()


@virtual
async def test_what_never_left_is_sent_again_at_once(tmp_path: Path) -> None:
    hub = msgspec.structs.replace(NATIONAL.hub, url_shape="U3", path="/fsi/api/")
    env = msgspec.structs.replace(NATIONAL.env, sign_in="none")
    shop = SubmittingShop(tmp_path, profile=msgspec.structs.replace(NATIONAL, hub=hub, env=env))
    desk = await shop.desk()
    row = await desk.one("mapping.withdraw", MAPPING_WITHDRAWN)
    assert (desk.state(row), desk.now(row).reason) == ("HELD", "no_path")
    await desk.submissions.decide(row.id, Word.AGAIN, "P1", "")
    await desk.till.wait(1)
    assert len(desk.attempts(row)) == 2
    await desk.stop()


@virtual
async def test_after_a_start_the_quiet_time_of_what_is_held_is_counted_anew(tmp_path: Path) -> None:
    """Nobody measured the time in between; the wall clock may have jumped."""
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    shop.arm("lose-request", "3503")
    row = await desk.one("stock.purchase", PURCHASE, wait_s=60.0)
    await desk.till.wait(110)
    await desk.stop()
    desk = await shop.desk()
    for _ in range(2):
        with pytest.raises(Misuse, match="submission_too_early"):
            await desk.submissions.decide(row.id, Word.AGAIN, "P1", "")
        await desk.till.wait(60)
    await desk.submissions.decide(row.id, Word.AGAIN, "P1", "looked: nothing there")
    await desk.till.wait(5)
    assert desk.state(row) == "ACCEPTED"
    assert len(shop.books.goods(INSTITUTION)) == 1
    await desk.stop()
