"""Everybody presses at once (F58, F59, F61), over the real socket of the API and a real line to the hub: one settlement.

A storm is 1,000 requests, the same to the byte, from 50 connections that each send twenty, one behind the other.
"""

import asyncio
import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.hub.faults import parse_fault
from terminal.api.joined import Joined
from terminal.api.routes import build_app
from terminal.api.server import bind, serve
from terminal.api.service import Service, ServicePhase
from terminal.core.states import State
from tests.faults import counted, fired
from tests.terminal.harness import NATIONAL, counter_config
from tests.terminal.over_sockets import Site, site

pytestmark = [
    pytest.mark.blocking_allowed("the journal is called in line, and the ledger is in this process"),
    pytest.mark.timeout(120),
]

CONNECTIONS = 50
EACH = 20
PILLS = {
    "national_code": "XTEST000000000000000D03", "own_code": "SKU0003", "name": "测试降糖片", "spec": "10mg*20片",
    "price": "12.50", "quantity": "3",
}  # fmt: skip
SALE = {"sale_number": "0001", "lines": [PILLS], "use_account": True}

Answer = tuple[int, bytes]


class Door:
    """The API of a counter behind its Unix socket."""

    def __init__(self, till: Site, path: Path) -> None:
        self.till = till
        self._path = path

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that has one connection and keeps it."""
        connector = aiohttp.UnixConnector(path=str(self._path), limit=1)
        async with aiohttp.ClientSession("http://counter", connector=connector) as session:
            yield session

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """One request on a connection of its own."""
        async with self.connection() as session:
            return await _post(session, path, body, headers)

    async def storm(self, path: str, body: Any, **headers: str) -> list[Answer]:
        """All thousand answers, in no order."""

        async def client() -> list[Answer]:
            async with self.connection() as session:
                return [await _post(session, path, body, headers) for _ in range(EACH)]

        answers = await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
        counted("storm_requests", sum(map(len, answers)))
        return [one for of_client in answers for one in of_client]

    async def priced(self) -> str:
        """A sale that only has to be confirmed; its id."""
        status, body = await self.post("/sales", SALE, **{"Idempotency-Key": "k"})
        assert status == 201, body
        sale: str = _json(body)["id"]
        code = self.till.world.phone.issue(self.till.world.person("jia"), self.till.clock.now())
        status, body = await self.post(f"/sales/{sale}/medium", {"code": code})
        assert (status, _json(body)["state"]) == (200, "PRICED"), body
        return sale


def _json(body: bytes) -> Any:
    return json.loads(body)


async def _post(session: aiohttp.ClientSession, path: str, body: Any, headers: dict[str, str]) -> Answer:
    async with session.post(path, json=body, headers=headers) as response:
        return response.status, await response.read()


@contextlib.asynccontextmanager
async def door(folder: Path) -> AsyncIterator[Door]:
    """A counter with its API on a socket and its hub behind another."""
    # Not pytest's own folder: the path of a Unix socket must be short.
    async with site(folder, total_timeout_s=30.0) as till:
        with tempfile.TemporaryDirectory(prefix="yb") as name:
            service = Service(counter_config(), NATIONAL, "0.0.0")
            service.phase, service.counter = ServicePhase.RECOVERING, till.counter
            path, started = Path(name) / "api.sock", asyncio.Event()
            serving = asyncio.ensure_future(serve(build_app(service), bind(path), started))
            await started.wait()
            try:
                yield Door(till, path)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


def settlements_sent(till: Site, sale: str) -> list[str]:
    """The settlement messages of a sale, as the journal has them."""
    return [row.msgid for row in till.journal.attempts.of(sale) if row.purpose == "SETTLE"]


def taken_by_hub(till: Site) -> int:
    """How many settlement messages the hub has taken at all."""
    return sum(row.infno == "2102" for row in till.world.ledger.messages())


async def test_a_thousand_openings_with_one_key_are_one_sale_and_one_answer(tmp_path: Path) -> None:
    async with door(tmp_path) as api:
        answers = await api.storm("/sales", SALE, **{"Idempotency-Key": "k"})
        fired("F59", len(answers))
        assert len(answers) == 1000
        assert [status for (status, _), _ in Counter(answers).items()] == [201]
        assert len(api.till.journal.settlements.recent(10)) == 1


async def test_a_thousand_confirmations_are_one_settlement_and_one_answer(tmp_path: Path) -> None:
    async with door(tmp_path) as api:
        sale = await api.priced()
        answers = await api.storm(f"/sales/{sale}/confirm", {})
        fired("F58", len(answers))
        assert len(answers) == 1000
        ((status, body),) = set(answers)
        assert (status, _json(body)["state"], _json(body)["busy"]) == (200, "CONFIRMED", False)
        assert len(settlements_sent(api.till, sale)) == 1
        assert (taken_by_hub(api.till), len(api.till.world.ledger.live_settlements())) == (1, 1)
        api.till.assert_books_agree()


async def test_a_thousand_confirmations_whose_answer_is_lost_are_one_doubt_and_one_reversal(
    tmp_path: Path,
) -> None:
    async with door(tmp_path) as api:
        sale = await api.priced()
        api.till.world.hub.arm(parse_fault("lose-answer"), "2102")
        answers = await api.storm(f"/sales/{sale}/confirm", {})
        fired("F58", len(answers))
        fired("F38", api.till.world.hub.counts["lose-answer"])
        assert {status for status, _ in answers} == {200}
        assert {_json(body)["state"] for _, body in set(answers)} <= {"DOUBT", "REVERSING", "REVERSED"}
        over = await api.till.over(await api.till.counter.settlements.get(sale))
        assert over.state is State.REVERSED
        assert len(settlements_sent(api.till, sale)) == 1
        assert (taken_by_hub(api.till), api.till.world.ledger.live_settlements()) == (1, ())
        api.till.assert_books_agree()


async def test_the_same_key_with_other_amounts_is_refused_a_thousand_times_and_changes_nothing(
    tmp_path: Path,
) -> None:
    """F61."""
    async with door(tmp_path) as api:
        _, original = await api.post("/sales", SALE, **{"Idempotency-Key": "k"})
        dearer = {**SALE, "lines": [{**PILLS, "price": "13.50"}]}
        answers = await api.storm("/sales", dearer, **{"Idempotency-Key": "k"})
        fired("F61", len(answers))
        ((status, body),) = set(answers)
        assert (status, _json(body)["code"]) == (409, "idempotency_conflict")
        assert await api.post("/sales", SALE, **{"Idempotency-Key": "k"}) == (201, original)
        assert len(api.till.journal.settlements.recent(10)) == 1


async def test_who_leaves_ends_nobodys_work_and_an_error_reaches_all() -> None:
    joined: Joined[str, int] = Joined()
    begun, go = 0, asyncio.Event()

    async def work() -> int:
        nonlocal begun
        begun += 1
        await go.wait()
        raise ValueError("no")

    callers = [asyncio.ensure_future(joined.join("k", work)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    go.set()
    ended = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError, ValueError, ValueError]
    assert begun == 1
