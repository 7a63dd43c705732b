"""A counter whose sales come to the end of their terms: it deletes by itself, and only by a clock that is right."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from simulators.hub.link import HubLink
from terminal.api.views import settlement_view, summary_view
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.wishes import RefundWish, ReturnWish
from terminal.journal.day_keys import Purpose
from terminal.journal.sheet import identity_is_gone
from terminal.journal.verify import verify_journal
from terminal.slips.masking import MaskRule
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.journal.samples import NINE

IDENTITY, EVIDENCE = Purpose.IDENTITY, Purpose.EVIDENCE
DAY = NINE.date()


@virtual
async def test_the_running_counter_deletes_by_itself_once_a_day(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    closed = await till.closed()
    await till.days_pass(31)
    await till.wait(3 * 3600)
    assert [record["purpose"] for record in till.audit() if record["action"] == "expire"] == ["identity"]
    shown = await till.get(closed.id)
    assert identity_is_gone(shown)
    cancelled = await till.counter.sales.cancel(closed.id, "T01", "退货")
    assert cancelled.state is State.CANCELLED, (
        "the person number is not a name: the hub is asked all the same"
    )
    await till.quiet()
    assert shop.live() == []
    assert "测" not in "".join(line for line in shop.printer.texts()[-1].splitlines() if "姓名" in line)
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()


@virtual
async def test_nothing_is_deleted_while_something_is_wrong_with_clock_or_disk(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.closed()
    till.counter.holds.set(Notice("clock_behind"))
    await till.days_pass(31)
    assert till.counter.expiry is not None
    with pytest.raises(Misuse, match="clock_behind"):
        await till.counter.expiry.run("T01")
    await till.wait(3 * 3600)
    assert [record for record in till.audit() if record["action"] == "expire"] == []
    till.counter.holds.lift("clock_behind")
    await till.wait(3600)
    assert [record["purpose"] for record in till.audit() if record["action"] == "expire"] == ["identity"]
    await till.stop()


def announced(till: Till) -> list[str]:
    """What was told that belongs to no sale."""
    return [
        one.notice.code
        for one in till.counter.feed.entries
        if not one.settlement_id and one.notice is not None
    ]


@virtual
async def test_nothing_is_deleted_by_a_clock_that_the_hub_contradicts(tmp_path: Path) -> None:
    """A machine that starts with its clock years ahead raises no suspicion of its own; what it deleted would be gone."""
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.closed()
    await till.stop()
    ahead = dt.timedelta(days=1095)
    shop.hub_link = HubLink(
        shop.world.hub, lambda: shop.clock.now() - ahead, asyncio.sleep, shop.profile.hub.path
    )
    shop.clock.jump(ahead.total_seconds())
    till = await shop.start()
    assert till.counter.expiry is not None
    with pytest.raises(Misuse) as refused:
        await till.counter.expiry.run("T01")
    assert (refused.value.code, refused.value.params["hub"][:10]) == ("clock_not_the_hubs", "2026-11-23")
    await till.wait(3 * 3600)
    assert [record for record in till.audit() if record["action"] == "expire"] == []
    assert announced(till) == ["clock_not_the_hubs"], "people are told, once a day"
    await till.wait(24 * 3600)
    assert announced(till) == ["clock_not_the_hubs"] * 2
    await till.stop()


@virtual
async def test_nothing_is_deleted_by_a_clock_that_was_set_since_the_hub_was_heard(tmp_path: Path) -> None:
    """Set right as everybody believes, and a year off: what the hub said before counts on, in seconds since."""
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.closed()
    shop.hub_link.down = True
    shop.clock.jump(365 * 86_400)
    assert till.counter.expiry is not None
    with pytest.raises(Misuse, match="clock_not_the_hubs"):
        await till.counter.expiry.run("T01")
    await till.stop()


@virtual
async def test_nothing_is_deleted_before_the_hub_was_heard(tmp_path: Path) -> None:
    """The line is down, the clock was years ahead when the machine was switched on: nobody can say that it is wrong."""
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.closed()
    await till.stop()
    shop.hub_link.down = True
    shop.clock.jump(1095 * 86_400)
    till = await shop.start()
    assert till.counter.expiry is not None
    with pytest.raises(Misuse, match="hub_not_heard"):
        await till.counter.expiry.run("T01")
    await till.wait(26 * 3600)
    assert [record for record in till.audit() if record["action"] == "expire"] == []
    assert announced(till) == ["hub_not_heard"] * 2, "people are told, once a day"
    shop.hub_link.down = False
    await till.settle("0002")
    await till.wait(3600)
    assert [record["action"] for record in till.audit() if record["action"] == "expire"], "the hub agrees"
    await till.stop()


@virtual
async def test_the_rest_of_an_old_sale_knows_its_person_after_a_restart(tmp_path: Path) -> None:
    """The names of its day are gone; the person number stands with the evidence, also before the person is asked for."""
    shop = Shop(tmp_path)
    till = await shop.start()
    closed = await till.closed()
    await till.days_pass(31)
    assert till.counter.expiry is not None
    assert [one.purpose for one in (await till.counter.expiry.run("T01")).deleted] == [IDENTITY]
    cancelled = await till.counter.refunds.begin(closed.id, RefundWish((ReturnWish(1, "1"),)), "T01")
    assert cancelled.refund is not None
    await till.kill()
    till = await shop.start()
    priced = await till.counter.media.give_code(cancelled.refund.rest_id, shop.code("jia"))
    assert priced.state is State.PRICED, priced.notice
    await till.stop()


@virtual
async def test_a_sale_past_both_terms_is_shown_with_its_amounts_and_nothing_else_is_done_with_it(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    closed = await till.closed()
    await till.days_pass(800)
    assert till.counter.expiry is not None
    report = await till.counter.expiry.run("T01")
    assert ([one.purpose for one in report.deleted], report.held, report.purged) == (
        [IDENTITY, EVIDENCE],
        (),
        True,
    )
    shown = settlement_view(await till.get(closed.id), MaskRule())
    assert (shown.state, shown.total_fen, shown.person, shown.lines) == ("CLOSED", 3750, None, ())
    assert shown.settled is not None
    assert (shown.settled.account_fen, shown.settled.setlinfo) == (3750, {})
    assert shown.notice is not None
    assert "已过保存期" in shown.notice.zh
    assert summary_view(till.rows()[0]).total_fen == 3750
    for act in (
        till.counter.sales.cancel(closed.id, "T01", "退货"),
        till.counter.slips.copy(closed.id, "T01"),
        till.counter.refunds.begin(closed.id, RefundWish(everything=True), "T01"),
        till.counter.settlements.evidence(closed.id, "T01"),
    ):
        with pytest.raises(Misuse) as misuse:
            await act
        assert misuse.value.code == "evidence_past_term"
    assert till.counter.reconciliation is not None
    with pytest.raises(Misuse) as misuse:
        await till.counter.reconciliation.run(DAY, "T01")
    assert (misuse.value.code, misuse.value.params) == ("day_past_term", {"date": "2026-11-23"})
    assert len(shop.live()) == 1
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()
