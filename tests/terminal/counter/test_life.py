"""Start, recovery, sign-in, the feed, and how a counter stops."""

import asyncio
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from terminal.counter.feed import FeedEntry
from terminal.counter.session import SignInState
from terminal.counter.workroom import Phase
from terminal.journal.records import Commit, JournalFailed
from tests.terminal.counter.slow_disk import SlowDisk
from tests.terminal.harness import Shop, Till, virtual


async def feed_of(till: Till, count: int) -> list[FeedEntry]:
    """The first entries of the feed."""
    entries: list[FeedEntry] = []
    async for entry in till.counter.feed.follow(0):
        entries.append(entry)
        if len(entries) == count:
            break
    return entries


@virtual
async def test_a_counter_starts_ready_and_signed_in(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    assert till.counter.phase.value == "ready"
    assert till.counter.session.state is SignInState.SIGNED_IN
    assert [message.infno for message in shop.world.ledger.messages()] == ["9001"]
    assert [record["action"] for record in till.audit()] == ["boot"]
    await till.stop()
    assert till.counter.phase.value == "stopped"


@virtual
async def test_a_counter_starts_without_a_hub_and_signs_in_when_somebody_sells(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.hub_link.down = True
    till = await shop.start()
    assert till.counter.phase is Phase.READY
    assert till.counter.session.state.value == "failed"
    assert till.counter.session.reason == "refused"
    stuck = await till.quote()
    assert stuck.notice == Notice("hub_not_reached", {"reason": "refused"})
    shop.hub_link.down = False
    assert (await till.counter.sales.quote(stuck.id)).state is State.PRICED
    assert till.counter.session.state is SignInState.SIGNED_IN
    await till.stop()


@virtual
async def test_the_sign_in_is_once_a_day(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    await till.settle("0002")
    assert [message.infno for message in shop.world.ledger.messages()].count("9001") == 1
    await till.wait(86_400)
    await till.settle("0003")
    assert [message.infno for message in shop.world.ledger.messages()].count("9001") == 2
    await till.stop()


@virtual
async def test_a_hub_that_forgot_our_sign_in_gets_a_new_one_and_no_second_settlement(tmp_path: Path) -> None:
    """Fault F54."""
    shop = Shop(tmp_path)
    till = await shop.start()
    signed_in = till.counter.hub.sign_in_no
    shop.world.ledger.remove_sign_in(signed_in)
    priced = await till.quote()
    assert priced.state is State.PRICED, "a question is asked again with the new sign-in"
    assert till.counter.hub.sign_in_no not in ("", signed_in)

    shop.world.ledger.remove_sign_in(till.counter.hub.sign_in_no)
    refused = await till.counter.sales.confirm(priced.id, "T01")
    assert refused.state is State.REFUSED, "a settlement is never sent twice"
    assert shop.live() == []
    assert (await till.settle("0001")).state is State.CONFIRMED, "the next sale signs in first"
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_settlement_that_is_being_composed_keeps_its_sign_in_while_somebody_signs_in_anew(
    tmp_path: Path,
) -> None:
    """The number of the message waits for the disk; meanwhile the clock's watch makes the hub answer something."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    await till.wait(60)
    ids = till.counter.hub._ids
    disk = ids._journal = SlowDisk(ids._journal)
    disk.idle.clear()
    confirming = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await till.wait(1)
    signing_in = asyncio.ensure_future(till.counter.session.hear_hub())
    await till.wait(1)
    disk.idle.set()
    settled = await confirming
    await signing_in
    assert settled.state is State.CONFIRMED, settled.notice
    assert [message.infno for message in shop.world.ledger.messages()].count("9001") == 2
    await till.stop()


@virtual
async def test_a_reversal_survives_a_forgotten_sign_in(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    priced = await till.quote()
    doubtful = await till.counter.sales.confirm(priced.id, "T01")
    shop.world.ledger.remove_sign_in(till.counter.hub.sign_in_no)
    await till.quiet(60)
    assert (await till.get(doubtful.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_nothing_is_sold_before_recovery_is_over(tmp_path: Path) -> None:
    """The gate must know every doubt first."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 1000)
    await till.settle()
    await till.kill()
    till = await shop.start()
    till.counter.workroom.phase = Phase.RECOVERING
    with pytest.raises(Misuse) as misuse:
        await till.open("0002")
    assert (misuse.value.code, misuse.value.params) == ("not_ready", {"state": "recovering"})
    till.counter.workroom.phase = Phase.READY
    assert (await till.open("0002")).state is State.DRAFT
    await till.stop()


@virtual
async def test_a_stopped_counter_takes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open()
    await till.stop()
    for wish in (
        till.open("0002"),
        till.counter.media.give_code(opened.id, "1"),
        till.counter.sales.confirm(opened.id, "T01"),
    ):
        with pytest.raises(Misuse):
            await wish


@virtual
async def test_stopping_in_the_middle_of_a_settlement_leaves_a_doubt_that_the_next_start_ends(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.arm("delay 20", "2102")
    confirming = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await asyncio.sleep(1)
    await till.stop()
    with pytest.raises((asyncio.CancelledError, Misuse)):
        await confirming
    till = await shop.start()
    await till.quiet()
    assert (await till.get(priced.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_many_doubts_are_taken_up_in_order_and_all_end(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102", 5)
    shop.arm("lose-request", "2601", 10_000)
    doubtful = []
    for number in range(1, 6):
        doubtful.append(
            (await till.settle(f"{number:04d}", who=("jia", "ding", "bing", "wu", "ji")[number - 1])).id
        )
        await till.wait(125)
    assert [state for state in till.states() if state in (State.DOUBT, State.REVERSING)] != []
    await till.kill()
    shop.world.hub.clear()
    till = await shop.start()
    await till.quiet(30)
    ended = [record["object"] for record in till.audit() if record.get("new") == "REVERSED"]
    assert ended == doubtful, "first in, first out"
    assert till.states() == [State.REVERSED] * 5
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_recovery_closes_a_sale_whose_slip_was_out_when_the_power_went(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    (slip,) = till.journal.receipts.of(settled.id)
    till.journal.receipts.move(slip.id, "printed", "printer", till.counter.engine.stamp())
    await till.kill()
    till = await shop.start()
    assert (await till.get(settled.id)).state is State.CLOSED
    await till.stop()


# -- the journal fails -----------------------------------------------------------------------------


@virtual
async def test_a_full_disk_stops_the_counter_and_the_next_one_believes_the_disk(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle("0001")
    priced = await till.quote("0002")
    till.connection.pragma("max_page_count", till.connection.pragma("page_count"))
    refusal = None
    for number in range(3, 100):
        try:
            await till.open(f"{number:04d}")
        except Misuse as misuse:
            refusal = misuse
            break
    assert refusal is not None
    assert (refusal.code, refusal.params) == ("journal_failed", {"reason": "FullError"})
    for wish in (
        till.open("0999"),
        till.counter.sales.confirm(priced.id, "T01"),
        till.counter.sales.quote(priced.id),
    ):
        with pytest.raises(Misuse, match="journal_failed"):
            await wish
    ended = await till.ended()
    assert isinstance(ended, JournalFailed)
    assert till.counter.failure == "FullError"
    assert till.counter.phase is Phase.STOPPED
    sent = len(shop.world.ledger.messages())
    await till.kill()
    till = await shop.start()
    assert (await till.get(settled.id)).state is State.CONFIRMED
    assert (await till.get(priced.id)).state is State.ABANDONED
    assert len(shop.world.ledger.messages()) == sent + 1, "a sign-in, and nothing was resent"
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_disk_that_fails_between_sending_and_outcome_claims_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub has booked, the outcome cannot be written: nobody is told that it is settled."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    right = till.journal.commit
    calls = 0

    def full_at_the_outcome(commit: Commit) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            till.connection.pragma("max_page_count", 1)
            till.journal.store.fail("FullError")
        right(commit)

    monkeypatch.setattr(till.journal, "commit", full_at_the_outcome)
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.sales.confirm(priced.id, "T01")
    assert len(shop.live()) == 1
    assert State.CONFIRMED not in till.told().values()
    assert isinstance(await till.ended(), JournalFailed)
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert till.states() == [State.REVERSED]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_record_changed_from_outside_stops_the_counter(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.closed()
    till.connection.execute("UPDATE settlement SET account_fen = 3650, cash_fen = 100")
    with pytest.raises(Misuse) as misuse:
        await till.counter.settlements.recent(10, None)
    assert (misuse.value.code, misuse.value.params) == (
        "journal_failed",
        {"reason": "row changed outside the terminal"},
    )
    assert isinstance(await till.ended(), JournalFailed)
    till.connection.close()


# -- the feed --------------------------------------------------------------------------------------


@virtual
async def test_the_feed_tells_everything_in_order_to_whoever_follows(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    following = asyncio.ensure_future(feed_of(till, 9))
    settled = await till.settle()
    entries = await following
    assert [entry.number for entry in entries] == list(range(1, 10))
    assert {entry.settlement_id for entry in entries} == {settled.id}
    states = [entry.state for entry in entries]
    assert states == sorted(states, key=["DRAFT", "PRICED", "ARMED", "SENDING", "CONFIRMED"].index)
    assert len(await feed_of(till, 3)) == 3, "and from the beginning to whoever comes later"
    await till.stop()


@virtual
async def test_a_follower_hears_what_happens_while_it_is_busy(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    seen: list[int] = []

    async def slow() -> None:
        async for entry in till.counter.feed.follow(0):
            seen.append(entry.number)
            await asyncio.sleep(1)

    follower = asyncio.ensure_future(slow())
    await till.settle()
    await till.wait(30)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 9
    follower.cancel()
    await till.stop()


@virtual
async def test_settled_is_told_only_once_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    on_disk: list[tuple[str, str]] = []
    right = till.counter.changed

    def look(settlement: Settlement) -> None:
        right(settlement)
        (row,) = till.rows()
        on_disk.append((row.state.value, settlement.state.value))

    monkeypatch.setattr(till.counter, "changed", look)
    await till.settle()
    for stored, told in on_disk:
        if told in ("SENDING", "CONFIRMED"):
            assert stored == told
    assert ("CONFIRMED", "CONFIRMED") in on_disk
    await till.stop()


@virtual
async def test_find_recent_and_history_read_what_is_on_disk(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    first, second = await till.settle("0001"), await till.settle("0002")
    found = await till.counter.settlements.find("0001", till.counter.today())
    assert found is not None
    assert found.id == first.id
    assert await till.counter.settlements.find("0009", till.counter.today()) is None
    assert [row.id for row in await till.counter.settlements.recent(10, None)] == [second.id, first.id]
    attempts, receipts = await till.counter.settlements.history(first.id)
    assert [attempt.infno for attempt in attempts] == ["2102"]
    assert [receipt.kind for receipt in receipts] == ["original"]
    await till.stop()
