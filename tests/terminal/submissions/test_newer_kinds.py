"""A journal that a newer version has used: what it began and this one does not know stops nothing."""

import datetime as dt
from pathlib import Path

from protocols.gm.sm3 import sm3
from terminal.core.states import State
from terminal.journal.records import Idempotency, NewSubmission, Stamp
from tests.terminal.api.calling import Api
from tests.terminal.harness import counter_config, virtual
from tests.terminal.submissions.desk import SubmittingShop


@virtual
async def test_a_submission_of_an_unknown_transaction_waits_for_a_person_and_the_counter_sells(
    tmp_path: Path,
) -> None:
    shop = SubmittingShop(tmp_path)
    desk = await shop.desk()
    wanted = NewSubmission("U1", "kind.of.tomorrow", "9999", b'{"insured":"","input":{}}')
    now = Stamp(shop.clock.now(), shop.clock.monotonic_s())
    desk.till.journal.submissions.open(
        [wanted], Idempotency("till", "k", sm3(b"")), dt.date(2026, 11, 23), now
    )
    await desk.stop()
    desk = await shop.desk()
    await desk.till.wait(60)
    assert [row.progress.state.value for row in desk.till.journal.submissions.recent(5)] == ["HELD"]
    assert (await desk.till.settle()).state is State.CONFIRMED
    (shown,) = await Api(desk.till, counter_config()).get("/submissions?open=true")
    assert (shown["kind"], shown["infno"], shown["state"]) == ("kind.of.tomorrow", "9999", "HELD")
    assert shop.left == []
    await desk.stop()
