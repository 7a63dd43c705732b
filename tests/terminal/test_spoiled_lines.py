"""Whole sales over real sockets whose line to the hub is spoiled (F40-F52): money is booked once and known, or undone."""

from pathlib import Path

import pytest

from drivers.http.tls import client_context
from simulators.certificates import SimulatedAuthority, server_context
from terminal.core.states import State
from terminal.texts import tell_notice
from tests.faults import fired
from tests.terminal.over_sockets import Site, site

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the ledger is in this process")

SETTLE = ' if "infno":"2102"'
UNDONE = ["SENDING>DOUBT", "DOUBT>REVERSING", "REVERSING>REVERSED"]


async def spoiled(till: Site, number: str, order: str, who: str = "jia") -> None:
    """Settle a sale whose 2102 meets `order`: unknown at first, then reversed, and nothing stands at the hub."""
    priced = await till.priced(number, who)
    till.proxy.order(order + SETTLE)
    told = await till.confirm(priced)
    assert told.state in (State.DOUBT, State.REVERSING, State.REVERSED), (order, told.notice)
    over = await till.over(priced)
    assert over.state is State.REVERSED, (order, over.notice)
    assert till.moves(priced)[-3:] == UNDONE, order
    assert till.world.ledger.live_settlements() == (), order


async def test_an_untouched_line_settles(tmp_path: Path) -> None:
    async with site(tmp_path) as till:
        settled = await till.confirm(await till.priced("1"))
        assert settled.state is State.CONFIRMED
        till.assert_books_agree()


async def test_an_answer_cut_at_any_byte_is_a_doubt_that_ends_reversed(tmp_path: Path) -> None:
    """F43: n is stepped over the whole answer, head and body, ended in order and by a reset in turn."""
    async with site(tmp_path) as till:
        priced, before = await till.priced("0"), till.proxy.answer_bytes
        assert (await till.confirm(priced)).state is State.CONFIRMED
        length = till.proxy.answer_bytes - before
        await till.counter.sales.cancel(priced.id, "T01", "test")
        balance = till.world.ledger.balance(till.world.person("jia").psn_no)
        # The head tells the hub's own time, whose length varies by a digit or two: hence the 4.
        cuts = [*range(0, length - 4, max(1, length // 60)), length - 4]
        assert length > 500
        assert len(cuts) >= 60
        for number, at in enumerate(cuts, start=1):
            await spoiled(till, str(number), f"cut-answer {at}{' reset' if number % 2 else ''}")
            fired("F43")
        assert till.world.ledger.balance(till.world.person("jia").psn_no) == balance
        assert (await till.confirm(await till.priced("last"))).state is State.CONFIRMED
        till.assert_books_agree()


@pytest.mark.parametrize(
    "order",
    [
        "delay-answer 3", "stall 0", "stall 300", "trickle 1", "replace html", "replace huge", "replace endless",
        "replace gzip-bomb", "replace charset", "replace garbage", "replace continue", "replace empty",
    ],
)  # fmt: skip
async def test_an_answer_that_is_late_or_somebody_elses_is_a_doubt_that_ends_reversed(
    order: str, tmp_path: Path
) -> None:
    """F41, F48, F49: nothing but the hub's own signed answer confirms or refuses."""
    async with site(tmp_path, total_timeout_s=0.5) as till:
        await spoiled(till, "1", order)
        fired("F41" if order.startswith("delay") else "F48" if order.startswith("replace") else "F49")
        assert (await till.confirm(await till.priced("2"))).state is State.CONFIRMED
        till.assert_books_agree()


async def test_a_duplicated_answer_settles_once_and_disturbs_nobody(tmp_path: Path) -> None:
    """F40."""
    async with site(tmp_path) as till:
        first = await till.priced("1")
        till.proxy.order("duplicate-answer" + SETTLE)
        assert (await till.confirm(first)).state is State.CONFIRMED
        assert (await till.confirm(await till.priced("2", "yi"))).state is State.CONFIRMED
        fired("F40")
        till.assert_books_agree()


async def test_a_refused_connection_is_not_sent_and_the_same_bytes_settle_later(tmp_path: Path) -> None:
    """F51."""
    async with site(tmp_path) as till:
        priced = await till.priced("1")
        await till.nobody_there()
        told = await till.confirm(priced)
        assert told.state is State.ARMED
        assert told.notice is not None
        assert (told.notice.code, told.notice.params["reason"]) == ("not_sent", "refused")
        fired("F51")
        await till.proxy.listen()
        assert (await till.confirm(priced)).state is State.CONFIRMED
        (attempt,) = till.journal.attempts.of(priced.id)
        assert attempt.state == "ANSWERED"
        till.assert_books_agree()


# -- TLS -------------------------------------------------------------------------------------------


async def test_a_sale_over_tls_settles_and_survives_cut_records(tmp_path: Path) -> None:
    authority = SimulatedAuthority(tmp_path)
    server, trust = server_context(authority.issue()), client_context(authority.file)
    async with site(tmp_path, server=server, trust=trust) as till:
        assert (await till.confirm(await till.priced("1"))).state is State.CONFIRMED
        cut = 0
        for number, at in enumerate((0, 5, 400), start=2):
            priced = await till.priced(str(number), "yi")
            till.proxy.order(f"cut-answer {at}")  # the next exchange on the line: the words in it are sealed
            await till.confirm(priced)
            over = await till.over(priced)
            assert over.state is State.REVERSED
            fired("F43")
            cut += 1
        assert len(till.proxy.fired) == cut
        till.assert_books_agree()


async def test_a_hub_that_cannot_prove_itself_gets_nothing_and_the_operator_is_told(tmp_path: Path) -> None:
    """F52, F19: an expired certificate stands for every kind that the transport's own tests go through."""
    authority = SimulatedAuthority(tmp_path)
    trust = client_context(authority.file)
    good = server_context(authority.issue())
    expired = server_context(authority.issue("expired.pem", from_days=-9, until_days=-1))
    async with site(tmp_path, server=good, trust=trust) as till:
        priced = await till.priced("1")
        await till.nobody_there()
        till.proxy.near, till.proxy.far = expired, trust
        await till.proxy.listen()
        told = await till.confirm(priced)
        assert told.state is State.ARMED
        assert told.notice is not None
        assert told.notice.code == "hub_not_trusted"
        fired("F52")
        words = tell_notice(told.notice)
        assert words is not None
        assert "未入账" in words.zh
        assert "Call the service" in words.en
        assert till.world.ledger.live_settlements() == ()
        await till.nobody_there()
        till.proxy.near = till.proxy.far = None
        await till.proxy.listen()
        assert (await till.confirm(priced)).state is State.CONFIRMED
        till.assert_books_agree()
