"""A hub that misbehaves on request, over real sockets (F37 to F56): what the counter ends in, and where the money is.

Every case: the settlement is sent once in its life, only the hub's own signed word about this very sale confirms or
refuses it, a doubt ends by itself, and account and books are then what they should be.
"""

import asyncio
import tracemalloc
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from drivers.http.transport import MAX_BODY_BYTES
from simulators.hub.faults import parse_fault
from simulators.hub.script import parse_script
from terminal.core.states import State
from terminal.core.values import Settlement
from tests.faults import fired
from tests.terminal.fast_loop import fast
from tests.terminal.over_sockets import LoopClock, Pinned, Site, site

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the ledger is in this process")

FULL = 6000
"""The account of 测试甲 in fen before anything was settled."""
PRICE = 3750
OVER_S = 1500.0
"""Until when a doubt is over, in seconds of the loop: fifteen real ones."""
LIMIT_S = 100.0
"""How long the till waits for a whole answer: one real second."""


def quick(folder: Path, pinned: Sequence[Pinned] = (Pinned(0),)) -> AbstractAsyncContextManager[Site]:
    """A till on a fast loop."""
    return site(folder, total_timeout_s=LIMIT_S, pinned=pinned, clock=LoopClock())


def balance(till: Site, who: str = "jia") -> int:
    """Somebody's account in the hub's books."""
    return till.world.ledger.balance(till.world.person(who).psn_no)


def booked_ever(till: Site, settlement: Settlement) -> int:
    """How often the hub has booked this settlement, undone or not."""
    return sum(record.direction == 1 for record in till.world.ledger.by_msgid(settlement.settle_msgid))


def verdicts(till: Site, settlement: Settlement, purpose: str) -> list[tuple[str, str | None]]:
    """State and verdict of every message of one purpose."""
    return [
        (row.state, row.verdict) for row in till.journal.attempts.of(settlement.id) if row.purpose == purpose
    ]


async def goes_on(till: Site) -> None:
    """The counter sells on, and all books agree."""
    till.world.hub.clear()
    assert (await till.confirm(await till.priced("last", "yi"))).state is State.CONFIRMED
    till.assert_books_agree()


class Case(NamedTuple):
    """A fault of the settlement message, and what follows from it."""

    fault: str
    row: str
    books: bool = True
    """Whether the hub books the settlement at all."""
    ends: State = State.REVERSED
    times: int = 1
    """How often the fault has fired when all is over."""


SETTLEMENT = (
    Case("lose-request", "F37", books=False),
    Case("lose-answer", "F38"),
    Case("late-request 60", "F39"),
    Case("delay 110", "F41"),
    Case("duplicate", "F40"),
    Case("cut 40", "F43"),
    Case("cut 40 close", "F43"),
    Case("bad-signature", "F44"),
    Case("other-key", "F44"),
    Case("changed-infcode", "F44"),
    Case("changed-text", "F44"),
    Case("other-message", "F42"),
    Case("other-person", "F45"),
    Case("other-amount", "F45"),
    Case("other-terminal", "F45"),
    Case("identity-broken", "F46"),
    Case("identity-broken -1", "F46"),
    Case("html", "F48"),
    Case("html before", "F48", books=False),
    Case("http-status 500", "F48"),
    Case("http-status 502", "F48"),
    Case("http-status 503 before", "F48", books=False),
    Case("http-status 429 before", "F48", books=False),
    Case("huge", "F48"),
    Case("gzip-bomb", "F48"),
    Case("trickle 1", "F49"),
)


@pytest.mark.parametrize("case", SETTLEMENT, ids=lambda case: case.fault)
@fast
async def test_a_settlement_whose_answer_proves_nothing_is_undone(case: Case, tmp_path: Path) -> None:
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault(case.fault), "2102")
        told = await till.confirm(priced)
        assert told.state is not State.CONFIRMED or told.quarantine, told.notice
        over = await till.over(priced, OVER_S)
        assert till.world.hub.counts == {case.fault.split()[0]: case.times}
        fired(case.row)
        assert over.state is case.ends, over.notice
        assert booked_ever(till, over) == int(case.books)
        assert len(verdicts(till, over, "SETTLE")) == 1
        assert (balance(till), till.world.ledger.live_settlements()) == (FULL, ())
        assert over.unseen is (not case.books)
        await goes_on(till)


@fast
async def test_an_old_answer_that_comes_again_confirms_nothing(tmp_path: Path) -> None:
    async with quick(tmp_path) as till:
        first = await till.confirm(await till.priced("1", "yi"))
        assert first.state is State.CONFIRMED
        priced = await till.priced("2")
        till.world.hub.arm(parse_fault("replay"), "2102")
        assert (await till.confirm(priced)).state is not State.CONFIRMED
        assert (await till.over(priced, OVER_S)).state is State.REVERSED
        fired("F44", till.world.hub.counts["replay"])
        assert balance(till) == FULL
        assert (await till.counter.settlements.get(first.id)).state in (State.CONFIRMED, State.DELIVERED)
        till.assert_books_agree()


@fast
async def test_a_settlement_that_arrives_after_two_reversals_have_missed_it_stays_for_the_reconciliation(
    tmp_path: Path,
) -> None:
    """F39 beyond the quiet time: the journal says *unseen*, and only the hub's own list can find it."""
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("late-request 3600"), "2102")
        await till.confirm(priced)
        over = await till.over(priced, OVER_S)
        assert (over.state, over.unseen) == (State.REVERSED, True)
        fired("F39")
        assert [verdict for _, verdict in verdicts(till, over, "REVERSE")] == ["not_found", "not_found"]
        assert till.world.hub.travelling == 1


@pytest.mark.parametrize("fault", ["swap 90", "reorder 90"])
@fast
async def test_answers_of_two_sales_that_meet_on_their_way_never_serve_the_other_one(
    fault: str, tmp_path: Path
) -> None:
    """F42: a settlement and another sale's question are answered at the same time."""
    async with quick(tmp_path) as till:
        settling, asking = await till.priced("1"), await till.priced("2", "yi")
        till.world.hub.arm(parse_fault(fault), "2102")
        till.world.hub.arm(parse_fault(fault), "2101")
        told, asked = await asyncio.gather(till.confirm(settling), till.counter.sales.quote(asking.id))
        over = await till.over(settling, OVER_S)
        fired("F42", till.world.hub.counts[fault.split()[0]])
        if fault.startswith("swap"):
            assert told.state is not State.CONFIRMED
            assert over.state is State.REVERSED
            assert asked.notice is not None
            assert balance(till) == FULL
        else:
            assert over.state is State.CONFIRMED
            assert asked.state is State.PRICED
            assert balance(till) == FULL - PRICE
        await till.counter.sales.abandon(asking.id, "T01")
        await goes_on(till)


# -- the reversal ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ("lose-request", "done"),
        ("lose-answer", "already"),
        ("late-request 3", "already"),
        ("delay 110", "already"),
        ("duplicate", "already"),
        ("cut 30", "already"),
        ("bad-signature", "already"),
        ("other-key", "already"),
        ("changed-infcode", "already"),
        ("changed-text", "already"),
        ("html before", "done"),
        ("http-status 503 before", "done"),
        ("huge", "already"),
        ("refuse", "done"),
        ("not-found", "done"),
    ],
)
@fast
async def test_a_reversal_that_is_spoiled_is_sent_until_the_hub_has_undone_the_sale(
    fault: str, last: str, tmp_path: Path
) -> None:
    """F47: also when the hub says "not found" of something it holds."""
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("lose-answer"), "2102")
        till.world.hub.arm(parse_fault(fault), "2601")
        await till.confirm(priced)
        over = await till.over(priced, OVER_S)
        fired("F47")
        assert over.state is State.REVERSED
        assert verdicts(till, over, "REVERSE")[-1][1] == last
        assert len(verdicts(till, over, "SETTLE")) == 1
        assert (balance(till), booked_ever(till, over)) == (FULL, 1)
        await goes_on(till)


# -- the hub itself --------------------------------------------------------------------------------


@fast
async def test_a_sign_in_that_ends_mid_sale_is_made_anew_and_nothing_is_settled_twice(tmp_path: Path) -> None:
    """F54: the hub refuses the settlement; the sale is over, and the next one signs in first."""
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("expire-sign-in"), "2102")
        refused = await till.confirm(priced)
        fired("F54", till.world.hub.counts["expire-sign-in"])
        assert refused.state is State.REFUSED
        assert len(verdicts(till, refused, "SETTLE")) == 1
        assert (balance(till), booked_ever(till, refused)) == (FULL, 0)
        signed_in = [row for row in till.world.ledger.messages() if row.infno == "9001"]
        again = await till.confirm(await till.priced("2"))
        assert again.state is State.CONFIRMED
        after = [row for row in till.world.ledger.messages() if row.infno == "9001"]
        assert len(after) == len(signed_in) + 1
        assert balance(till) == FULL - PRICE
        till.assert_books_agree()


@pytest.mark.parametrize("infno", ["1101", "2101"])
@fast
async def test_a_sign_in_that_ends_before_a_question_is_made_anew_and_the_question_asked_again(
    infno: str, tmp_path: Path
) -> None:
    async with quick(tmp_path) as till:
        till.world.hub.arm(parse_fault("expire-sign-in"), infno)
        settled = await till.confirm(await till.priced("1"))
        fired("F54", till.world.hub.counts["expire-sign-in"])
        assert settled.state is State.CONFIRMED
        till.assert_books_agree()


@fast
async def test_two_messages_refused_for_one_old_sign_in_end_no_newer_one(tmp_path: Path) -> None:
    """A hub that ends the old sign-in with each new one would refuse whatever is on its way under the new."""
    async with quick(tmp_path) as till:
        session = till.counter.session
        assert await session.ensure() is None
        old = till.counter.hub.sign_in_no
        for _ in range(2):
            session.expire(old)
            assert await session.ensure() is None
        signed_in = [row for row in till.world.ledger.messages() if row.infno == "9001"]
        assert len(signed_in) == 2, "at the start, and once for both"
        assert till.counter.hub.sign_in_no != old


@fast
async def test_a_sign_in_that_ends_before_the_reversal_delays_it_only(tmp_path: Path) -> None:
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("lose-answer"), "2102")
        till.world.hub.arm(parse_fault("expire-sign-in"), "2601")
        await till.confirm(priced)
        over = await till.over(priced, OVER_S)
        fired("F54", till.world.hub.counts["expire-sign-in"])
        assert over.state is State.REVERSED
        assert (balance(till), booked_ever(till, over)) == (FULL, 1)
        await goes_on(till)


@fast
async def test_a_hub_key_that_is_rotated_mid_sale_and_pinned_beforehand_costs_nothing(tmp_path: Path) -> None:
    """F53: answers of the old key and of the new one count side by side."""
    async with quick(tmp_path, pinned=(Pinned(0), Pinned(1))) as till:
        before = await till.confirm(await till.priced("1"))
        priced = await till.priced("2", "yi")
        till.world.hub.arm(parse_fault("rotate-key"), "2102")
        after = await till.confirm(priced)
        fired("F53", till.world.hub.counts["rotate-key"])
        assert (before.state, after.state) == (State.CONFIRMED, State.CONFIRMED)
        assert balance(till) == FULL - PRICE
        till.assert_books_agree()


@fast
async def test_a_hub_key_that_nobody_pinned_confirms_and_reverses_nothing_until_it_is_believed(
    tmp_path: Path,
) -> None:
    """F53: the new key is believed only from a later moment on; until then the doubt stays open."""
    async with quick(tmp_path, pinned=(Pinned(0), Pinned(1, from_s=200.0))) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("rotate-key"), "2102")
        doubtful = await till.confirm(priced)
        fired("F53", till.world.hub.counts["rotate-key"])
        assert doubtful.state in (State.DOUBT, State.REVERSING)
        over = await till.over(priced, OVER_S)
        assert over.state is State.REVERSED
        said = verdicts(till, over, "REVERSE")
        assert said[0] == ("UNKNOWN", "bad signature")
        assert said[-1] == ("ANSWERED", "already")
        assert (balance(till), booked_ever(till, over)) == (FULL, 1)
        await goes_on(till)


@fast
async def test_a_hub_key_that_has_been_withdrawn_is_believed_no_more(tmp_path: Path) -> None:
    """F53: after the overlap the old key proves nothing, whoever holds it now."""
    async with quick(tmp_path, pinned=(Pinned(0, to_s=150.0), Pinned(1))) as till:
        priced = await till.priced("1")
        await asyncio.sleep(150.0 - till.clock.monotonic_s())
        doubtful = await till.confirm(priced)
        assert doubtful.state is not State.CONFIRMED
        till.world.hub.rotate_key()
        fired("F53")
        assert (await till.over(priced, OVER_S)).state is State.REVERSED
        assert balance(till) == FULL
        await goes_on(till)


@fast
async def test_a_hub_that_is_down_over_a_real_line_leaves_a_doubt_that_ends_when_it_is_back(
    tmp_path: Path,
) -> None:
    """F56 in small: ten minutes, in which the reversal is tried again and again."""
    async with quick(tmp_path) as till:
        priced = await till.priced("1")
        till.world.hub.arm(parse_fault("lose-answer"), "2102")
        till.world.hub.arm(parse_fault("down 200"), "2601")
        await till.confirm(priced)
        over = await till.over(priced, limit_s=3000.0)
        fired("F56", till.world.hub.counts["down"])
        assert till.world.hub.counts["down"] >= 4
        assert over.state is State.REVERSED
        assert (balance(till), booked_ever(till, over)) == (FULL, 1)
        await goes_on(till)


# -- scripts ---------------------------------------------------------------------------------------

STORM = """
seed = 11
[[step]]
fault = "lose-answer"
infno = "2102"
nth = 2
[[step]]
fault = "not-found"
infno = "2601"
[[rate]]
fault = "bad-signature"
infno = "2102"
share = 0.3
"""


@fast
async def test_a_script_of_faults_leaves_what_it_says_and_books_that_agree(tmp_path: Path) -> None:
    states = []
    async with quick(tmp_path) as till:
        till.world.hub.load(parse_script(STORM))
        for number in range(8):
            priced = await till.priced(str(number), "ji")
            await till.confirm(priced)
            over = await till.over(priced, OVER_S)
            states.append(over.state is State.CONFIRMED)
            if over.state is State.CONFIRMED:
                await till.counter.sales.cancel(priced.id, "T01", "test")
        spoiled = till.world.hub.counts
        fired("F38", spoiled["lose-answer"])
        fired("F44", spoiled.get("bad-signature", 0))
        fired("F47", spoiled["not-found"])
        assert not states[1]
        assert states.count(False) == spoiled["lose-answer"] + spoiled.get("bad-signature", 0)
        assert till.world.ledger.live_settlements() == ()
        till.assert_books_agree()


@fast
async def test_a_body_without_measure_is_dropped_before_it_fills_the_counters_memory(tmp_path: Path) -> None:
    async with quick(tmp_path) as till:
        for number, fault in enumerate(("huge", "gzip-bomb")):
            priced = await till.priced(str(number))
            till.world.hub.arm(parse_fault(fault), "2102")
            tracemalloc.start()
            try:
                await till.confirm(priced)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert peak < 3 * MAX_BODY_BYTES, "both ends of the line are in this process"
            fired("F48")
            assert (await till.over(priced, OVER_S)).state is State.REVERSED
