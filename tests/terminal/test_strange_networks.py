"""Names that nobody knows, and networks that answer in the hub's place: nothing is guessed from either."""

import asyncio
import socket
from pathlib import Path

import pytest

from terminal.core.states import State
from tests.faults import fired
from tests.terminal.fast_loop import fast
from tests.terminal.over_sockets import LoopClock, site

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the ledger is in this process")


async def test_a_hub_whose_name_is_not_found_got_nothing_and_the_sale_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F50: not sent is proved, so the sale stays ARMED and the same bytes settle it once the name is back."""
    async with site(tmp_path, host="localhost") as till:
        priced = await till.priced("1")
        await till.hang_up()
        loop = asyncio.get_running_loop()
        known = loop.getaddrinfo
        asked: list[str] = []

        async def nobody(host: str, *_: object, **__: object) -> list[object]:
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(loop, "getaddrinfo", nobody)
        told = await till.confirm(priced)
        assert "localhost" in asked
        fired("F50")
        assert told.state is State.ARMED
        assert told.notice is not None
        assert (told.notice.code, told.notice.params["reason"]) == ("not_sent", "name")
        assert till.world.ledger.live_settlements() == ()
        (attempt,) = till.journal.attempts.of(priced.id)
        monkeypatch.setattr(loop, "getaddrinfo", known)
        assert (await till.confirm(priced)).state is State.CONFIRMED
        (again,) = till.journal.attempts.of(priced.id)
        assert again.msgid == attempt.msgid
        till.assert_books_agree()


@fast
async def test_a_captive_portal_is_no_hub(tmp_path: Path) -> None:
    """Fault F55: its page comes with status 200 and the hub never saw the message; the doubt ends as "not found" twice."""
    async with site(tmp_path, clock=LoopClock()) as till:
        priced = await till.priced("1")
        till.proxy.order('replace html before if "infno":"2102"')
        told = await till.confirm(priced)
        assert [one.fault.kind for one in till.proxy.fired] == ["replace"]
        fired("F55")
        assert told.state in (State.DOUBT, State.REVERSING, State.REVERSED_ONCE)
        over = await till.over(priced, 600.0)
        assert over.state is State.REVERSED
        assert till.world.ledger.live_settlements() == ()
        assert (await till.confirm(await till.priced("2"))).state is State.CONFIRMED
        till.assert_books_agree()
