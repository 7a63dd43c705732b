"""What a hub may do while a day is compared: other codes, silence, forgeries, lost files."""

from pathlib import Path

import pytest

from protocols.hub.envelope import decode_request
from simulators.hub.desk import HubSettings
from terminal.core.events import Misuse
from terminal.reconciliation.report import Group, Outcome
from tests.terminal.harness import Shop, virtual
from tests.terminal.reconciliation.days import (
    MONDAY,
    TUESDAY,
    facts,
    reconcile,
    reconciliation,
    unseen_and_there,
)

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


@virtual
async def test_the_six_digit_codes_of_newer_hubs_are_read_as_well(tmp_path: Path) -> None:
    shop = Shop(tmp_path, settings=HubSettings(stmt_rslt="six_digits"))
    till = await shop.start()
    await unseen_and_there(shop, till)
    report = await reconcile(till)
    assert [one.hub_code for one in report.groups] == ["000101", "000000"]
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    await till.stop()


@virtual
async def test_a_hub_that_is_not_there_leaves_the_day_uncompared(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle()
    shop.arm("lose-answer", "3201")
    report = await reconcile(till)
    assert (report.outcome, report.differences) == (Outcome.NOT_COMPARED, ())
    assert [(one.outcome, one.reason) for one in report.groups] == [
        (Outcome.NOT_COMPARED, "disconnected")
    ] * 2
    asked = [message.infno for message in shop.world.ledger.messages()]
    assert asked.count("3201") == 1, "silence is not asked for twice"
    assert (await reconcile(till)).outcome is Outcome.LEVEL
    await till.stop()


@virtual
async def test_a_forged_level_is_no_level(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("bad-signature", "3201", 2)
    report = await reconcile(till)
    assert [one.reason for one in report.groups] == ["bad signature"] * 2
    assert report.outcome is Outcome.NOT_COMPARED
    await till.stop()


@virtual
@pytest.mark.parametrize("infno", ["9101", "3202", "9102"])
async def test_an_answer_lost_on_the_way_to_the_file_is_said_and_the_next_run_is_whole(
    tmp_path: Path, infno: str
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    shop.arm("lose-answer", infno)
    report = await reconcile(till)
    assert (report.outcome, report.details[0].reason) == (Outcome.NOT_COMPARED, "disconnected")
    assert facts(await reconcile(till)) == [("hub_only", "committed_after_not_found", "reverse")]
    await till.stop()


@virtual
async def test_a_forgotten_sign_in_is_made_again_on_the_way(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle()
    shop.world.ledger.remove_sign_in(till.counter.hub.sign_in_no)
    assert (await reconcile(till)).outcome is Outcome.LEVEL
    await till.stop()


@virtual
async def test_what_goes_up_is_in_the_journal_before_it_leaves_and_is_sent_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    shop.arm("lose-request", "9101")
    await reconcile(till)
    (row,) = till.journal.submissions.recent(10)
    assert (row.kind, row.infno, row.progress.state) == ("file", "9101", "GIVEN_UP")
    (attempt,) = till.journal.submissions.attempts(row.id)
    assert (attempt.state, decode_request(attempt.request).infno) == ("UNKNOWN", "9101")
    noted = [record["new"] for record in till.audit() if record["action"] in ("submit", "submission")]
    assert noted == ["WAITING", "SENT", "GIVEN_UP"]
    assert [record["actor"] for record in till.audit() if record["action"] == "reconciled"] == ["tester"]
    await till.stop()


@virtual
async def test_a_day_to_come_is_refused_and_a_day_not_asked_about_is_not_there(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    with pytest.raises(Misuse, match="bad_request"):
        await reconcile(till, TUESDAY)
    with pytest.raises(Misuse, match="not_reconciled"):
        reconciliation(till).reports.last(MONDAY)
    report = await reconcile(till)
    assert reconciliation(till).reports.last(MONDAY) == report
    await till.stop()
