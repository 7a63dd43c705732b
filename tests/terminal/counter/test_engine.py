"""What the engine tells, writes and remembers, whole: every entry of the feed, every step, every time."""

import asyncio
import datetime as dt
import functools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from terminal.core.events import Due, Misuse
from terminal.core.states import State
from terminal.core.values import Notice, Retry
from terminal.counter.engine import Busy, UnknownSettlement, in_doubt
from terminal.counter.wishes import RefundWish, ReturnWish
from terminal.journal.day_keys import Purpose
from terminal.journal.records import Amounts, QueueEntry
from terminal.journal.retention import Due as Expiring
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.counter.slow_disk import SlowDisk
from tests.terminal.harness import NINE, Shop, Till, virtual

LOST = "doubt disconnected"
WAITS = "reversal_waits 1"
TO_SENDING = ["DRAFT"] * 4 + ["PRICED", "ARMED", "SENDING"]
"""Opened, decoded, asked for the person, for the price; priced, confirmed, sent."""


def told(till: Till, settlement_id: str) -> list[str]:
    """Everything that was told of a settlement: its state, and its notice with what stands in it."""
    return [
        " ".join([entry.state, *([entry.notice.code, *entry.notice.params.values()] if entry.notice else [])])
        for entry in till.counter.feed.entries
        if entry.settlement_id == settlement_id
    ]


class Steps:
    """The steps of each outcome that the log gets."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, float]]] = []

    def __call__(self, event: str, **facts: Any) -> None:
        """See `WriteLog`."""
        self.told.append((facts["state"], facts["steps_ms"]))


@virtual
async def test_a_sale_is_told_written_and_timed_step_by_step(tmp_path: Path) -> None:
    shop, steps = Shop(tmp_path), Steps()
    till = await shop.start(write_log=steps)
    engine = till.counter.engine
    priced = await till.quote()
    assert till.connection.execute("SELECT * FROM code_seen").fetchall() == [], "a question uses no code up"
    shop.arm("delay 2.5", "2102")
    sold = await till.counter.sales.confirm(priced.id, "T01")
    await till.quiet()
    assert told(till, sold.id) == [*TO_SENDING, "CONFIRMED settled", "CONFIRMED settled"]
    took = {
        "decode": 0.0,
        "ask 1101": 0.0,
        "ask 2101": 0.0,
        "compose 2102": 0.0,
        "commit": 0.0,
        "send 2102": 2500.0,
    }
    assert steps.told == [("CONFIRMED", took)]
    assert [message.msgid[-4:] for message in shop.world.ledger.messages()] == [
        "0100",
        "0101",
        "0102",
        "0103",
    ], "each message is composed once: no number is used up for nothing"
    assert till.connection.execute("SELECT mark, settlement, seen_at FROM code_seen").fetchall() == [
        (sold.code_mark, sold.id, "2026-11-23 09:00:00.000000")
    ]
    assert (engine.doubts(), engine.waiting(), engine.doubts_since(), engine.doubt_age_s(sold.id)) == (
        [],
        [],
        (),
        0.0,
    )
    stored = engine.row(sold.id)
    assert stored is not None
    assert stored == till.rows()[0]
    assert sold.person is not None
    assert stored.person == shop.vault.pseudonym(sold.person.psn_no.reveal())
    assert stored.amounts == Amounts(3750, 0, 3750, 0, 0, 0)
    assert (stored.quarantine, stored.opened_at, stored.key.generation) == (False, NINE, 1)
    assert (stored.changed_at, stored.doubt_since) == (NINE + dt.timedelta(seconds=2.5), None)
    await till.stop()


@virtual
async def test_a_doubt_is_told_timed_and_queued_until_its_end(tmp_path: Path) -> None:
    shop, steps = Shop(tmp_path), Steps()
    till = await shop.start(write_log=steps)
    engine = till.counter.engine
    priced = await till.quote()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601")
    await till.wait(1)
    doubtful = await till.counter.sales.confirm(priced.id, "T01")
    began = NINE + dt.timedelta(seconds=1)
    assert (doubtful.state, engine.doubts_since(), engine.doubt_age_s(doubtful.id)) == (
        State.DOUBT,
        (began,),
        0.0,
    )
    queue = "SELECT tries, due_at, last_verdict, quiet_stage FROM reversal_queue"
    assert till.connection.execute(queue).fetchall() == [(0, "2026-11-23 09:00:01.000000", "disconnected", 0)]
    await till.wait(2)
    assert engine.doubts_since() == (began,), "the tries do not make it younger"
    assert engine.doubt_age_s(doubtful.id) == 2.0
    ((tries, due_at, verdict, stage),) = till.connection.execute(queue).fetchall()
    assert (tries, verdict, stage) == (1, "unknown", 0)
    assert engine.doubts() == engine.waiting() == [(await till.get(doubtful.id), till.rows()[0])]
    due = dt.datetime.fromisoformat(f"{due_at}+08:00")
    await asyncio.sleep((due - shop.clock.now()).total_seconds() - 0.01)
    assert till.states() == [State.REVERSING]
    await asyncio.sleep(0.02)
    assert till.states() == [State.REVERSED], "at the time that stood in the queue"
    assert till.connection.execute(queue).fetchall() == []
    assert (engine.doubts(), engine.doubts_since(), engine.doubt_age_s(doubtful.id)) == ([], (), 0.0)
    assert told(till, doubtful.id) == [
        *TO_SENDING, f"DOUBT {LOST}", f"DOUBT {LOST}", f"REVERSING {LOST}", *[f"REVERSING {WAITS}"] * 3, "REVERSED reversed",
    ]  # fmt: skip
    assert [(state, sorted(took)) for state, took in steps.told] == [
        ("DOUBT", ["ask 1101", "ask 2101", "commit", "compose 2102", "decode", "send 2102"]),
        ("REVERSED", ["commit", "compose 2601", "send 2601", "wake"]),
    ]
    await till.stop()


@virtual
async def test_the_age_of_a_doubt_goes_on_over_a_restart_and_is_never_below_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 1000)
    doubtful = await till.settle()
    await till.wait(100)
    await till.stop()
    till = await shop.start()
    assert till.counter.engine.doubt_age_s(doubtful.id) == pytest.approx(100, abs=0.001)
    assert till.counter.engine.doubts_since() == (NINE,)
    await till.stop()
    shop.clock.jump(-1000)
    till = await shop.start()
    assert till.counter.engine.doubt_age_s(doubtful.id) == 0.0
    await till.wait(7)
    assert till.counter.engine.doubt_age_s(doubtful.id) == pytest.approx(7, abs=0.001)
    await till.stop()


@virtual
async def test_of_one_lane_the_second_message_is_composed_when_the_first_has_its_outcome(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    first, second = await till.quote("0001"), await till.quote("0002", who="ding")
    shop.arm("delay 5", "2102")
    slow = asyncio.ensure_future(till.counter.sales.confirm(first.id, "T01"))
    await asyncio.sleep(1)
    quick = asyncio.ensure_future(till.counter.sales.confirm(second.id, "T02"))
    await asyncio.sleep(3)
    assert till.states() == [State.SENDING, State.DRAFT]
    assert told(till, second.id)[-1] == "PRICED", "not even armed"
    assert [one.state for one in await asyncio.gather(slow, quick)] == [State.CONFIRMED] * 2
    assert [row.changed_at for row in till.rows()] == [NINE + dt.timedelta(seconds=5)] * 2
    assert [one.notice for one in till.counter.feed.entries if not one.settlement_id] == []
    await till.stop()


@virtual
async def test_who_asks_for_what_nobody_opened_or_for_what_is_being_worked_on_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    engine = till.counter.engine
    with pytest.raises(UnknownSettlement, match=r"^S9$"):
        await engine.get("S9")
    with pytest.raises(UnknownSettlement, match=r"^S9$"):
        await engine.post("S9", Due(0.0), "T01")
    assert (engine.row("S9"), engine.doubt_age_s("S9")) == (None, 0.0)
    priced = await till.quote()
    shop.arm("delay 5", "2102")
    slow = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await asyncio.sleep(1)
    with pytest.raises(Busy, match=priced.id):
        await engine.post(priced.id, Due(0.0), "T01")
    waits = asyncio.ensure_future(engine.post(priced.id, Due(0.0), "terminal", wait=True))
    await asyncio.sleep(1)
    assert not waits.done(), "a try waits for its turn"
    assert (await slow).state is State.CONFIRMED
    assert (await waits).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_request_that_comes_again_gets_the_sale_it_opened_held_or_not(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open(key="k1")
    fresh = till.counter.engine.row(opened.id)
    assert fresh is not None
    assert fresh == till.rows()[0]
    assert (fresh.person, fresh.amounts, fresh.quarantine, fresh.doubt_since) == (None, None, False, None)
    assert (fresh.opened_at, fresh.changed_at, fresh.terminal_sequence) == (NINE, NINE, 1)
    priced = await till.counter.media.give_code(opened.id, shop.code())
    assert await till.open(key="k1") == priced
    assert (await till.counter.sales.abandon(opened.id, "T01")).state is State.ABANDONED
    assert till.counter.engine.row(opened.id) is None, "let go"
    again = await till.open(key="k1")
    assert (again.id, again.state) == (opened.id, State.ABANDONED)
    assert [entry.settlement_id for entry in till.counter.feed.entries] == [opened.id] * len(
        till.counter.feed.entries
    )
    assert len(till.rows()) == 1
    await till.stop()


@virtual
async def test_a_visit_that_owes_withdrawals_waits_without_being_a_doubt(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.hub_link.down = True
    owing = await window.abandon(priced)
    engine = window.counter.engine
    assert (owing.state, owing.owed) == (State.ABANDONED, ("2205", "2202"))
    assert (engine.doubts(), engine.doubts_since()) == ([], ())
    assert [(one.id, row.id) for one, row in engine.waiting()] == [(priced.id, priced.id)]
    clinic.hub_link.down = False
    await window.finish()
    assert engine.waiting() == []


@virtual
async def test_without_a_sign_in_a_settlement_is_not_composed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    till.counter.session.expire(till.counter.hub.sign_in_no)
    shop.arm("lose-request", "9001")
    stopped = await till.counter.sales.confirm(priced.id, "T01")
    assert (stopped.state, stopped.notice) == (State.ARMED, Notice("not_signed_in"))
    assert (till.attempts(priced.id), shop.live()) == ([], [])
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_the_rest_of_a_refund_is_told_and_held_like_a_sale_somebody_opened(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle()
    await till.wait(60)
    old = await till.counter.refunds.begin(
        sold.id, RefundWish((ReturnWish(1, "1"),), reason="包装破损"), "T01"
    )
    assert old.refund is not None
    rest = await till.get(old.refund.rest_id)
    assert (rest.state, rest.key, rest.began_at) == (State.DRAFT, till.rows()[0].key, "2026-11-23 09:01:00")
    assert till.counter.engine.row(rest.id) == till.rows()[0]
    assert told(till, rest.id) == ["DRAFT refund_rest_open 0001"]
    assert till.rows()[0].opened_at == NINE + dt.timedelta(seconds=60)
    await till.stop()


@virtual
async def test_of_a_sale_past_its_term_nothing_is_worked_off(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.closed()
    assert till.counter.engine.row(sold.id) is None, "over and let go"
    expired = till.journal.retention.expire(
        Expiring(NINE.date(), Purpose.EVIDENCE), "schedule", till.counter.engine.stamp()
    )
    assert expired is not None
    audit = len(till.audit())
    with pytest.raises(Misuse, match=r"^evidence_past_term$"):
        await till.counter.engine.post(sold.id, Due(0.0), "T01")
    assert len(till.audit()) == audit
    await till.stop()


@virtual
async def test_what_went_wrong_beside_a_sale_is_announced(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    till.counter.engine.went_wrong("S1", RuntimeError("secret"))
    assert [(entry.settlement_id, entry.notice) for entry in till.counter.feed.entries] == [
        ("", Notice("internal_error"))
    ]
    await till.stop()


@virtual
async def test_a_stamp_is_the_time_of_both_clocks(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(7)
    stamp = till.counter.engine.stamp()
    assert (stamp.wall, stamp.monotonic_s) == (shop.clock.now(), shop.clock.monotonic_s())
    await till.stop()


@virtual
async def test_the_next_message_of_a_visit_is_composed_while_the_answer_before_it_goes_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is asked first: signing keeps the processor busy meanwhile, and nothing leaves before both are done."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    done: list[str] = []
    monkeypatch.setattr(window.counter, "step_done", lambda _id, name, _elapsed_s: done.append(name))
    began_s = clinic.clock.monotonic_s()
    await window.priced()
    assert clinic.clock.monotonic_s() == began_s, "nobody is kept waiting"
    questions, steps = ["ask 1101", "ask 2001", "ask 5301"], ["2201", "2203A", "2204"]
    first, *others = [["commit", f"send {infno}", "commit"] for infno in steps]
    behind = [
        name for infno, taken in zip(steps[1:], others, strict=True) for name in (f"compose {infno}", *taken)
    ]
    assert done == [*questions, "compose 2201", *first, *behind, "ask 2206A"]
    await window.till.stop()


@virtual
async def test_the_next_message_is_composed_before_a_slow_disk_has_taken_the_answer_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    engine, done = window.counter.engine, list[str]()
    monkeypatch.setattr(engine, "_journal", SlowDisk(engine._journal, takes_s=0.01))
    monkeypatch.setattr(window.counter, "step_done", lambda _id, name, _elapsed_s: done.append(name))
    await window.pick(known)
    taken = [["commit", f"send {infno}"] for infno in ("2201", "2203A", "2204")]
    first, second, third = taken
    assert done == [
        "compose 2201", *first, "compose 2203A", "commit", *second, "compose 2204", "commit", *third, "commit",
        "ask 2206A",
    ]  # fmt: skip
    await window.till.stop()


@virtual
async def test_the_next_try_is_due_after_its_delay_give_or_take_its_jitter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    engine = till.counter.engine
    for drawn, after_s in ((-1.0, 8.0), (0.0, 10.0), (0.5, 11.0)):
        monkeypatch.setattr(engine, "_jitter", functools.partial(float, drawn))
        entry = engine._queue_entry(
            Retry(tries=3, delay_s=10.0, verdict="timeout", jitter=0.2, quiet_stage=1), engine.stamp()
        )
        assert entry == QueueEntry(3, NINE + dt.timedelta(seconds=after_s), "timeout", 1)
    await till.stop()


@virtual
async def test_a_cancellation_on_its_way_for_the_first_time_is_no_doubt_yet(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.counter.sales.confirm((await till.quote()).id, "T01")
    await till.quiet()
    shop.arm("delay 3", "2103")
    cancelling = asyncio.ensure_future(till.counter.sales.cancel(sold.id, "T01", ""))
    await till.wait(2)
    assert (await till.get(sold.id)).state is State.CANCELLING
    assert till.counter.engine.doubts() == []
    cancelled = await cancelling
    assert cancelled.state is State.CANCELLED
    again = [msgspec.structs.replace(cancelled, state=State.CANCELLING, tries=tries) for tries in (0, 1, 2)]
    assert [in_doubt(one) for one in again] == [False, True, True], (
        "a second try means that the first was not answered"
    )
    await till.stop()
