"""Two hundred tills at one simulated hub for a minute: ten pharmacies of twenty, each with its own key and connection.

Every till signs in and then sells as fast as a queue of customers lets it: 1101, 2101, 2102 and a moment for the next
customer; every fifth sale is cancelled (2103). Each answer's signature is verified. What counts is that nothing goes
wrong: no request refused or unanswered, every quote's total that of its settlement, and in the hub's books exactly the
settlements that the tills were told of, to the fen.
"""

import asyncio
import datetime as dt
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from yarl import URL

from bench import city_hub, tills
from bench.excess import Excess
from bench.hub import Wire, connect, local_customers, sign_in
from bench.tills import Till
from protocols.hub.settlement import Cancellation, CancellationInput
from protocols.money import Fen
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE
from simulators.hub.keys import Sm2Verifier
from simulators.hub.ledger import Ledger
from simulators.people import Person

SECONDS = 60.0
NEXT_CUSTOMER_S = 4.0
CANCELLED_ONE_IN = 5


class Seen(msgspec.Struct):
    """What one till has seen."""

    settled: dict[str, int] = {}
    """Totals in fen by settlement id, of what still stands."""
    sales: int = 0
    cancelled: int = 0
    answers_ms: list[float] = []
    errors: list[str] = []


async def ask(wire: Wire, till: Till, seen: Seen, infno: str, content: msgspec.Struct, insured: str) -> Any:
    """Ask and return the output of an authentic answer without complaint; raises RuntimeError."""
    sent = till.ready(infno, content, dt.datetime.now(WIRE_ZONE), insured)
    start = time.perf_counter()
    body = await wire.post(wire.packed(sent.body))
    seen.answers_ms.append((time.perf_counter() - start) * 1000)
    return till.output(sent, body)


async def sell(wire: Wire, till: Till, seen: Seen, person: Person, cancelled: bool) -> None:
    """One customer. Raises RuntimeError."""
    insured = person.enrolment[0].division
    bought = tills.purchase(person, dt.datetime.now(WIRE_ZONE), 1 + seen.sales % 4, "1")
    await ask(wire, till, seen, "1101", tills.who(person), insured)
    quoted = (await ask(wire, till, seen, "2101", bought, insured))["setlinfo"]
    settled = (await ask(wire, till, seen, "2102", bought, insured))["setlinfo"]
    seen.sales += 1
    if quoted["medfee_sumamt"] != settled["medfee_sumamt"]:
        raise RuntimeError("quote and settlement differ in their total")
    seen.settled[settled["setl_id"]] = int(Fen.parse(settled["medfee_sumamt"]))
    if cancelled:
        undo = Cancellation(
            settlement_id=settled["setl_id"], visit_id=settled["mdtrt_id"], person_no=Secret(person.psn_no)
        )
        await ask(wire, till, seen, "2103", CancellationInput(cancellation=undo), insured)
        del seen.settled[settled["setl_id"]]
        seen.cancelled += 1


async def trade(url: URL, till: Till, customers: Iterator[Person], until_s: float, late_s: float) -> Seen:
    """Open a till, `late_s` after the first one, and sell until the day is over."""
    seen = Seen()
    await asyncio.sleep(late_s)
    try:
        wire = await connect(url)
        await sign_in(wire, till, dt.datetime.now(WIRE_ZONE))
        while time.monotonic() < until_s:
            began = time.monotonic()
            await sell(
                wire, till, seen, next(customers), seen.sales % CANCELLED_ONE_IN == CANCELLED_ONE_IN - 1
            )
            await asyncio.sleep(max(0.0, began + NEXT_CUSTOMER_S - time.monotonic()))
        await wire.close()
    except (RuntimeError, OSError, EOFError) as error:
        seen.errors.append(f"{till.institution.code} {till.place.operator}: {error}")
    return seen


def differences(ledger: Path, seen: list[Seen]) -> list[str]:
    """What stands in the hub's books and what the tills were told, where it is not the same."""
    books = Ledger(ledger)
    booked = {row.setl_id: row.result.total_fen for row in books.live_settlements()}
    books.close()
    told = {number: total for one in seen for number, total in one.settled.items()}
    return [f"{number}: hub {booked.get(number)}, till {told.get(number)}" for number in booked.keys() | told.keys()
            if booked.get(number) != told.get(number)]  # fmt: skip


async def measure(ledger: Path, seconds: float = SECONDS) -> Excess:
    """Let them trade with the hub's books at `ledger`."""
    async with city_hub.running(ledger) as hub:
        hub_key = Sm2Verifier(bytes.fromhex(hub.hub_public_point))
        places = [
            Till(pharmacy, place, hub_key)
            for pharmacy in tills.pharmacies(tills.city())
            for place in pharmacy.counter
        ]
        customers = itertools.cycle(local_customers())
        until_s, processor_s = time.monotonic() + seconds, hub.processor_s
        seen = await asyncio.gather(
            *(
                trade(URL(hub.url), till, customers, until_s, NEXT_CUSTOMER_S * number / len(places))
                for number, till in enumerate(places)
            )
        )
        busy = (hub.processor_s - processor_s) / seconds
    errors = [error for one in seen for error in one.errors] + differences(ledger, seen)
    answers = sorted(ms for one in seen for ms in one.answers_ms)
    note = (
        f"{len(places)} tills of {tills.INSTITUTIONS} pharmacies for {seconds:.0f} s: {sum(one.sales for one in seen)} sales,"
        f" {sum(one.cancelled for one in seen)} cancelled, {len(answers)} requests with the books to the fen as the tills"
        f" were told; answers in {answers[len(answers) // 2]:.0f} ms (median), {answers[len(answers) * 99 // 100]:.0f} ms"
        f" (99 of 100), {answers[-1]:.0f} ms (slowest); the hub busy for {busy:.0%} of one core"
        + (f"; first of the errors: {errors[0]}" if errors else "")
    )
    return Excess("200 terminals, one minute", float(len(errors)), 0.0, 0.0, "errors", note)


def run() -> list[Excess]:
    """Trade in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return [asyncio.run(measure(Path(folder, "ledger.db")))]
