"""Submissions over an in-process hub: what is sent, lost, refused, looked up and repeated, and what is on disk when."""

from pathlib import Path

from protocols.hub.envelope import decode_request
from terminal.submissions.runner import outcome_of
from tests.simulators.hub.submitted import (
    CHRONIC,
)
from tests.terminal.harness import virtual
from tests.terminal.submissions.desk import SubmittingShop

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
