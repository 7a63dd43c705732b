"""Every message to the hub and to the certificate centre fails once, in each way a line can fail.

Whatever the failure was, the counter ends with nothing in doubt, and hub and journal hold the same settlements.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from drivers.interfaces.hub_transport import HubTransport, NoAnswer, NotSent, RawAnswer
from terminal.core.events import Misuse
from terminal.core.states import State
from tests.faults import fired
from tests.recovery import test_clinic_crash, test_crash_anywhere
from tests.recovery.lives import give_up_what_was_never_sent
from tests.terminal.clinic.clinic import Clinic, ListeningLink, Window
from tests.terminal.harness import CentreLink, Shop, Till, in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

FAILURES = {
    "not sent": "F51",
    "lost": "F37",
    "no answer": "F38",
    "short": "F43",
    "late": "F41",
    "broken driver": "",
}
"""What happens to one message, and the row of the fault catalogue it is; "" for what is in none (a bug of our own)."""

STEP_BYTES = 101
"""Each next message is cut so much further on, from the beginning again behind its end."""


class Failing:
    """A link whose `number`-th message fails in one way."""

    def __init__(self, inner: HubTransport, failure: str, number: int) -> None:
        self.sent = 0
        self.happened = False
        self._inner = inner
        self._failure = failure
        self._number = number

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        # A driver that raises what it must not while signing in ends the process at its start, before any sale.
        signs_in = b'"infno":"9001"' in body and self._failure == "broken driver"
        self.sent += not signs_in
        if signs_in or self.sent != self._number:
            return await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        self.happened = True
        if self._failure == "not sent":
            raise NotSent("refused")
        if self._failure == "broken driver":
            raise RuntimeError("the driver has a bug, on purpose")
        if self._failure == "lost":
            raise NoAnswer("timeout")
        answer = await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        if self._failure == "no answer":
            raise NoAnswer("disconnected")
        if self._failure == "late":
            await asyncio.sleep(total_timeout_s)
            raise NoAnswer("timeout")
        at = self._number * STEP_BYTES % len(answer.body)
        return RawAnswer(answer.status, answer.body[:at], answer.content_type)

    def mend(self) -> None:
        """From now on every message passes."""
        self._number = 0

    async def close(self) -> None:
        """Nothing is held open."""


class _InFront:
    """A link with a failing one in front."""

    failing: Failing

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        return await self.failing.post(path, body, headers, connect_timeout_s, total_timeout_s)


class _Hub(_InFront, ListeningLink):
    """The way to the hub."""


class _Centre(_InFront, CentreLink):
    """The way to the certificate centre."""


def _put_in_front(shop: Shop, far_end: str, failure: str, number: int) -> Failing:
    if far_end == "centre":
        centre = _Centre(shop.world, shop.clock.now)
        centre.failing = Failing(shop.centre_link, failure, number)
        shop.centre_link = centre
        return centre.failing
    to_hub = (shop.world.hub, shop.clock.now, asyncio.sleep, shop.profile.hub.path)
    hub = _Hub(*to_hub)
    hub.failing = Failing(ListeningLink(*to_hub), failure, number)
    shop.hub_link = hub
    return hub.failing


async def _sale(tale: Callable[[Till], Awaitable[None]], folder: Path, failing: tuple[str, str, int]) -> bool:
    shop = Shop(folder)
    front = _put_in_front(shop, *failing)
    till = await shop.start()
    with contextlib.suppress(Misuse):  # what a person may not do at that point, the counter says
        await tale(till)
    front.mend()
    await give_up_what_was_never_sent(till)
    await till.quiet()
    shop.assert_books_agree(till)
    assert State.ARMED not in till.states()
    assert (await till.settle("0002")).state is State.CONFIRMED, "the next sale works (I11)"
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()
    return front.happened


async def _visit(
    tale: Callable[[Window], Awaitable[None]], folder: Path, failing: tuple[str, str, int]
) -> bool:
    clinic = Clinic(folder)
    front = _put_in_front(clinic, *failing)
    window = await clinic.window()
    with contextlib.suppress(Misuse):
        await tale(window)
    front.mend()
    await give_up_what_was_never_sent(window.till)
    for row in window.till.rows():
        if row.state in (State.DRAFT, State.PRICED):
            await window.counter.sales.abandon(row.id, "N01")
    await window.rest()
    clinic.assert_clean(window)
    await window.till.stop()
    return front.happened


TALES: dict[str, Callable[[Path, tuple[str, str, int]], Awaitable[bool]]] = {
    "purchase": lambda folder, failing: _sale(test_crash_anywhere.purchase, folder, failing),
    "cancellation": lambda folder, failing: _sale(test_crash_anywhere.cancellation, folder, failing),
    "visit": lambda folder, failing: _visit(test_clinic_crash.visit, folder, failing),
    "abandoned": lambda folder, failing: _visit(test_clinic_crash.abandoned, folder, failing),
    "cancelled visit": lambda folder, failing: _visit(test_clinic_crash.cancelled, folder, failing),
}
CASES = [(tale, "hub") for tale in TALES] + [("purchase", "centre")]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("tale", "far_end"), CASES)
def test_each_message_fails_in_turn_and_the_books_agree(
    tale: str, far_end: str, failure: str, tmp_path: Path
) -> None:
    number = 0
    happened = True
    while happened:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()

        async def life(folder: Path = folder, number: int = number) -> bool:
            return await TALES[tale](folder, (far_end, failure, number))

        happened = run_virtual(life)
        if happened and far_end == "hub" and FAILURES[failure]:
            fired(FAILURES[failure])
        assert number < 60, "the tale never ends"
    assert number >= (4 if far_end == "hub" else 2), "nothing was sent"
