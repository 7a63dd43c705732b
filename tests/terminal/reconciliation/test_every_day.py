"""The run of every day at its time, and a day of a thousand settlements."""

import datetime as dt
import itertools
import time
from pathlib import Path

import msgspec
import pytest

from protocols.hub.envelope import message_id
from terminal.config import ReconciliationConfig
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent, Move, Notice, Settlement
from terminal.journal.records import Commit, Stamp
from terminal.journal.sheet import encode_sheet
from terminal.reconciliation.report import Group, Outcome
from tests.terminal.counter.test_inner_errors import explode
from tests.terminal.harness import INSTITUTION, NINE, Shop, Till, counter_config, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    facts,
    reconcile,
    reconciliation,
    unseen_and_there,
)

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


@virtual
async def test_the_day_before_is_reconciled_by_itself_at_the_configured_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    config = counter_config()
    till = await shop.start(
        config=msgspec.structs.replace(config, reconciliation=ReconciliationConfig(daily_at="10:30"))
    )
    await till.settle()
    await till.wait(DAY_S + 3600)
    assert reconciliation(till).reports.last(MONDAY - dt.timedelta(days=1)).outcome is Outcome.LEVEL
    with pytest.raises(Misuse):
        reconciliation(till).reports.last(MONDAY)
    shop.arm("lose-answer", "3201", 2)
    await till.wait(3600)
    report = reconciliation(till).reports.last(MONDAY)
    assert report.outcome is Outcome.LEVEL, "tried again after ten minutes, until the hub answers"
    assert report.made_at.startswith("2026-11-24 10:5")
    told = [entry.notice for entry in till.counter.feed.entries if entry.notice is not None]
    assert Notice("reconciled_level", {"date": "2026-11-23"}) in told
    await till.stop()


@virtual
async def test_an_error_inside_the_run_of_the_day_stops_no_sales_and_is_tried_again(tmp_path: Path) -> None:
    """It would have stopped the counter at every start until midnight."""
    shop = Shop(tmp_path)
    config = msgspec.structs.replace(counter_config(), reconciliation=ReconciliationConfig(daily_at="10:30"))
    till = await shop.start(config=config)
    await till.settle()
    explode(till, "3201", after=True)
    await till.wait(DAY_S + 2 * 3600)
    assert reconciliation(till).reports.last(MONDAY).outcome is Outcome.LEVEL, "ten minutes later"
    told = [entry.notice for entry in till.counter.feed.entries if entry.notice is not None]
    assert told.count(Notice("internal_error")) == 1
    assert (await till.settle("0002")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_without_a_configured_time_nothing_is_asked_by_itself(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(2 * DAY_S)
    assert "3201" not in [message.infno for message in shop.world.ledger.messages()]
    await till.stop()


def settled_again(shop: Shop, till: Till, settled: Settlement, number: int) -> None:
    """The same sale once more under another number, in the journal and in the hub's books."""
    (record,) = shop.world.ledger.by_msgid(settled.settle_msgid)
    assert settled.booking is not None
    at = NINE + dt.timedelta(seconds=10 * number)
    msgid, setl_id = message_id(INSTITUTION, at, 1, 99), f"SETL{number:017d}"
    info = msgspec.structs.replace(settled.booking.info, settlement_id=setl_id)
    copied = msgspec.structs.replace(
        settled,
        id=f"S{number:024x}",
        key=msgspec.structs.replace(settled.key, sale_number=f"{number:04d}"),
        settle_msgid=msgid,
        booking=msgspec.structs.replace(settled.booking, info=info),
    )
    shop.world.ledger.add_settlement(msgspec.structs.replace(record, msgid=msgid, setl_id=setl_id))
    row, stamp = till.journal.settlements.get(settled.id), Stamp(at, float(number))
    assert row is not None
    row = msgspec.structs.replace(row, id=copied.id, key=copied.key, sheet=encode_sheet(copied), opened_at=at)
    path = (State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.CONFIRMED)
    opened = msgspec.structs.replace(row, state=State.DRAFT, amounts=None)
    stored = till.journal.open_sale(opened, None, "test", stamp)
    row = msgspec.structs.replace(row, terminal_sequence=stored.terminal_sequence)
    till.journal.commit(
        Commit(
            row=row,
            moves=tuple(Move(source, target, "copied") for source, target in itertools.pairwise(path)),
            actor="test",
            stamp=stamp,
            sent=AttemptSent(msgid, "SETTLE", "2102", "key", b"{}"),
            ended=AttemptEnded(msgid, "ANSWERED", "done", b"{}"),
        )
    )


@virtual
async def test_a_day_of_a_thousand_settlements_is_compared_line_by_line_in_no_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till, "9000")
    settled = await till.settle("0000")
    for number in range(1, 1000):
        settled_again(shop, till, settled, number)
    began_s = time.perf_counter()
    report = await reconcile(till)
    spent_s = time.perf_counter() - began_s
    assert report.groups[0].own.count == report.details[0].uploaded == 1000
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    assert report.groups[0].accounted is True
    assert spent_s < 5.0, "a second or so, on a slow machine too"
    await till.stop()
