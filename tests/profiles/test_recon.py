"""The day's reconciliation under a profile's conventions: what counts as a record, and where the account stands."""

from pathlib import Path

import pytest

from terminal.core.states import State
from terminal.reconciliation.report import Outcome, Sums
from tests.profiles.rig import profile_of
from tests.profiles.switches import switch
from tests.profiles.test_rules import at, bought
from tests.simulators.hub.test_pharmacy import cancel, query
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.reconciliation.days import DAY_S, MONDAY, reconcile


async def a_day(folder: Path, text: str) -> tuple[Till, Outcome, Sums]:
    """Two sales, one of them cancelled; the next day they are compared."""
    shop = Shop(folder, profile=profile_of(text))
    till = await shop.start()
    await till.settle("0001")
    cancelled = await till.settle("0002", who="ji")
    assert (await till.counter.sales.cancel(cancelled.id, "T01", "换货")).state is State.CANCELLED
    await till.wait(DAY_S)
    report = await reconcile(till, MONDAY)
    assert report.differences == ()
    return till, report.outcome, report.groups[0].own


@pytest.mark.parametrize(
    ("is_record", "own"), [("true", Sums(3, 3750, 0, 3750, 0)), ("false", Sums(1, 3750, 0, 3750, 0))]
)
@switch("recon.cancel_is_record", True, False)
def test_an_undone_settlement_is_two_records_or_none(tmp_path: Path, is_record: str, own: Sums) -> None:
    @virtual
    async def run() -> None:
        till, outcome, found = await a_day(tmp_path, f"[recon]\ncancel_is_record = {is_record}")
        assert (outcome, found) == (Outcome.LEVEL, own)
        await till.stop()

    run()


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ('[money]\nfund_sum = "without_account"', Sums(3, 3750, 0, 3750, 0)),
        ('[money]\nfund_sum = "with_account"', Sums(3, 3750, 3750, 3750, 0)),
    ],
)
@switch("money.fund_sum", "without_account", "with_account")
def test_both_sides_sum_up_by_the_profiles_convention(tmp_path: Path, text: str, own: Sums) -> None:
    @virtual
    async def run() -> None:
        till, outcome, found = await a_day(tmp_path, text)
        assert (outcome, found) == (Outcome.LEVEL, own)
        await till.stop()

    run()


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_relatives_money_is_account_money_in_a_days_sums_wherever_the_hub_counts_it(
    tmp_path: Path, where: str
) -> None:
    """测试丙 has no account of his own: a relative's pays the 37.50."""

    @virtual
    async def run() -> None:
        shop = Shop(tmp_path, profile=profile_of(f'[money]\nmutual_aid = "{where}"'))
        till = await shop.start()
        settled = await till.settle("0001", who="bing")
        assert settled.booking is not None
        assert settled.booking.split.mutual_aid_fen == 37_50
        await till.wait(DAY_S)
        report = await reconcile(till, MONDAY)
        assert report.outcome is Outcome.LEVEL
        assert [one.own for one in report.groups if one.own.count] == [Sums(1, 3750, 0, 3750, 0)]
        await till.stop()

    run()


@pytest.mark.parametrize(("turns", "flag"), [("true", "1"), ("false", "0")])
@switch("recon.refd_flag_on_original", True, False)
def test_the_flag_of_what_was_undone_turns_or_stays(turns: str, flag: str) -> None:
    counter = at(f"[recon]\nrefd_flag_on_original = {turns}")
    settled = bought(counter)
    assert query(counter, settled).setlinfo["refd_setl_flag"] == "0"
    assert cancel(counter, settled).infcode == 0
    assert query(counter, settled).setlinfo["refd_setl_flag"] == flag


@virtual
async def test_a_cancellation_whose_answer_was_lost_is_finished_where_no_flag_tells(tmp_path: Path) -> None:
    """5203 goes on showing the original as standing; the repeated 2103 is refused as already done, and that is read."""
    shop = Shop(tmp_path, profile=profile_of("[recon]\nrefd_flag_on_original = false"))
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "换货")
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    assert shop.balance_fen() == 60_00
    assert shop.live() == []
    await till.stop()
