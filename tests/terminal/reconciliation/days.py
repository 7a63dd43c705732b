"""Shared by the tests of reconciliation: faults that only they need, and short ways to look at a report."""

import datetime as dt
from pathlib import Path

from protocols.hub.accounts import pack, unpack
from simulators.hub.faults import Delivery, Exchange, _Fault
from simulators.hub.wire import yuan
from terminal.reconciliation.report import Difference, Report
from terminal.reconciliation.runner import Reconciliation
from tests.terminal.harness import NINE, Shop, Till

MONDAY = NINE.date()
TUESDAY = MONDAY + dt.timedelta(days=1)
DAY_S = 86_400.0


class Withhold(_Fault, frozen=True):
    """The request stays in the network; `held` has its bytes."""

    held: list[bytes]

    def deliver(self, exchange: Exchange) -> Delivery:
        """Keep it and close."""
        self.held.append(exchange.request)
        return Delivery(b"", closed=True)


class LessAccount(_Fault, frozen=True):
    """The signed answer says that one fen less came from the account and one more was paid in cash."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change both, so that every identity holds."""

        def change(setlinfo: dict[str, object]) -> None:
            setlinfo["acct_pay"] = yuan(3749)
            setlinfo["psn_cash_pay"] = yuan(1)

        return exchange.with_setlinfo(change)


class OtherFile(_Fault, frozen=True):
    """9102 brings something else."""

    body: bytes

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with it."""
        return Delivery(self.body, content_type="application/octet-stream")


class FileWith(_Fault, frozen=True):
    """9102 brings the hub's file with one word replaced (as whoever sits in the line could)."""

    old: str
    new: str

    def deliver(self, exchange: Exchange) -> Delivery:
        """Unpack, replace, pack."""
        text = unpack(exchange.ask(exchange.request)).decode()
        assert self.old in text
        return Delivery(pack("result.txt", text.replace(self.old, self.new).encode()))


def arm(shop: Shop, fault: _Fault, infno: str, count: int = 1) -> None:
    """Let a fault of this module hit the next messages."""
    shop.world.hub.arm(fault, infno, count)  # type: ignore[arg-type]  # a fault of our own, beside the shipped ones


def deliver(shop: Shop, request: bytes) -> bytes:
    """A request that had been withheld arrives now."""
    return shop.world.hub.core.handle(request, shop.clock.now())


def reconciliation(till: Till) -> Reconciliation:
    """The till's reconciliation."""
    found = till.counter.reconciliation
    assert found is not None
    return found


async def reconcile(till: Till, day: dt.date = MONDAY) -> Report:
    """Make the report of a day."""
    return await reconciliation(till).run(day, "tester")


def facts(report: Report) -> list[tuple[str, str, str]]:
    """Kind, cause and action of every difference, in the report's order."""
    return [(one.kind.value, one.cause.value, one.action.value) for one in report.differences]


def only(report: Report) -> Difference:
    """The one difference there is."""
    (found,) = report.differences
    return found


def neighbour(shop: Shop, folder: Path) -> Shop:
    """A second till's disk in the same shop, at the same hub."""
    other = Shop(folder, seed=shop.seed)
    other.world, other.hub_link, other.centre_link = shop.world, shop.hub_link, shop.centre_link
    return other


async def unseen_and_there(shop: Shop, till: Till, number: str = "0001") -> str:
    """A 2102 stays in the network until 2601 was twice told that there is no such record; then it is booked."""
    held: list[bytes] = []
    arm(shop, Withhold(held), "2102")
    lost = await till.settle(number)
    await till.quiet()
    assert (await till.get(lost.id)).unseen
    deliver(shop, held[0])
    assert lost.settle_msgid in [record.msgid for record in shop.live()]
    return lost.id
