"""A counter that is listened to on every channel, for the leak canary.

The hub, its ledger, the certificate centre, the card, the links and the time are simulated in this process; counter,
journal file, local API, fleet link, log and slips are the product's own.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import structlog

from simulators.cards import CardMachine, image_for
from simulators.reader import InProcessReader
from terminal.api.views import event_view
from terminal.config import BrokerConfig, Config, PrinterConfig, ReaderConfig
from terminal.fleet.building import build_link
from terminal.fleet.health import Surroundings
from terminal.journal.thread import JournalPort
from terminal.logs import configure_logs
from terminal.shop_items import ShopItem
from tests.leaks.broker import MemoryBroker
from tests.leaks.canary import Emissions, Sieve, secrets_of
from tests.terminal.api.calling import Api
from tests.terminal.harness import PILLS, Shop, Till, Watch, WatchedJournal

LINE = {
    "national_code": PILLS.national_code, "own_code": PILLS.own_code, "name": PILLS.name, "spec": PILLS.spec,
    "price": PILLS.price, "quantity": PILLS.quantity,
}  # fmt: skip
PIN = "93817264"


@contextmanager
def log_into(emissions: Emissions) -> Iterator[None]:
    """Everything that is logged meanwhile, by us or by a library, as `yibao run` would write it."""
    root, ours = logging.getLogger(), logging.getLogger("terminal")
    before = (root.handlers[:], root.level, ours.level, logging.raiseExceptions)
    stream = StringIO()
    configure_logs(stream)
    try:
        yield
    finally:
        root.handlers[:], root_level, our_level, logging.raiseExceptions = before
        root.setLevel(root_level)
        ours.setLevel(our_level)
        structlog.reset_defaults()
        emissions.add("log", stream.getvalue())


class Counter:
    """One life of a counter with its API, its fleet link and its card reader."""

    def __init__(self, day: "Day", till: Till, reader: InProcessReader) -> None:
        self.day = day
        self.till = till
        self.reader = reader
        self.api = Api(till, day.config)
        evidence, commands = MemoryBroker(day.emissions), MemoryBroker(day.emissions)
        self.broker = evidence
        port: JournalPort = WatchedJournal(till.journal, till.connection, till.watch)
        self.api.service.fleet = build_link(
            self.api.service, till.counter, terminal=f"{day.config.institution.code}-01", boot_id=f"boot{day.starts}",
            evidence=evidence, commands=commands, journal=port, clock=till.shop.clock, sleep=asyncio.sleep,
            jitter=lambda: 0.0, surroundings=Surroundings({"python": "3"}, {}, _free), verifier=None,
        )  # fmt: skip
        self._helpers = [
            asyncio.ensure_future(self.api.service.fleet.run()),
            asyncio.ensure_future(self._follow()),
        ]

    async def _follow(self) -> None:
        """The feed of `GET /events`, as the route writes it."""
        async for entry in self.till.counter.feed.follow(0):
            self.day.emissions.add("events", msgspec.json.encode(event_view(entry)))

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST to the local API; the answer is kept unless full values were asked for."""
        answer = await self.api.call("POST", path, {} if body is None else body, **headers)
        if not (isinstance(body, dict) and body.get("full")):
            self._keep(answer)
        return answer.json()

    async def get(self, path: str) -> Any:
        """GET from the local API."""
        answer = await self.api.call("GET", path)
        self._keep(answer)
        return answer.json()

    def _keep(self, answer: Any) -> None:
        self.day.emissions.add("api", answer.content)
        self.day.emissions.add("api", str(answer.headers))

    async def open(self, number: str, **more: Any) -> str:
        """Open a sale over the API and return its id."""
        opened = await self.post(
            "/sales", {"sale_number": number, "lines": [LINE], **more}, Idempotency_Key=f"key-{self.day.starts}-{number}"
        )  # fmt: skip
        return str(opened["id"])

    async def quoted(self, number: str) -> str:
        """A sale of the customer up to its quote."""
        sale = await self.open(number)
        await self.post(f"/sales/{sale}/medium", {"code": self.day.code()})
        return sale

    async def rest(self) -> None:
        """Wait until nothing is in doubt, then until the fleet has been told."""
        await self.till.quiet()
        await self.till.wait(70.0)

    async def end(self, *, killed: bool = False) -> None:
        """End in order or by `kill -9`; the files are kept as they are then."""
        for helper in self._helpers:
            helper.cancel()
        await asyncio.gather(*self._helpers, return_exceptions=True)
        self.day.outcomes |= {state.value for state in self.till.states()}
        await (self.till.kill() if killed else self.till.stop())
        self.day.keep_files()
        for paper in self.till.shop.printer.papers:
            self.day.emissions.add("slip", paper)
        for text in self.till.shop.printer.texts():
            self.day.emissions.add("slip", text)


class Day:
    """One shop or clinic from morning to night, with everything it emits."""

    def __init__(self, folder: Path, shop: Shop, config: Config) -> None:
        self._folder = folder
        self.shop = shop
        self.config = msgspec.structs.replace(
            config, broker=BrokerConfig(url="mqtt://127.0.0.1:1"), printer=PrinterConfig(url="/dev/none"),
            reader=ReaderConfig("Simulated"),
        )  # fmt: skip
        self.emissions = Emissions()
        self.starts = 0
        self.outcomes: set[str] = set()
        """Every state in which a settlement was found at an end."""
        self._codes: list[str] = []
        self._more: dict[str, str] = {"PIN": PIN}

    async def start(self, who: str = "", items: dict[str, ShopItem] | None = None) -> Counter:
        """Start a counter on the disk as it is, with somebody's card in its reader."""
        self.starts += 1
        reader = InProcessReader("Simulated reader")
        if who:
            reader.insert(CardMachine(image_for(self.shop.world.person(who))))
        write_log = structlog.get_logger("terminal.settlement").info
        till = await self.shop.start(
            Watch(), config=self.config, reader=reader, write_log=write_log, items=items or {}
        )
        return Counter(self, till, reader)

    def code(self, who: str = "jia") -> str:
        """A fresh certificate code, remembered as a secret of the day."""
        self._codes.append(self.shop.code(who))
        return self._codes[-1]

    def keep_files(self) -> None:
        """Keep every byte of every file of the terminal."""
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                self.emissions.add("file", path.name)
                self.emissions.add("file", path.read_bytes())

    def sieve(self) -> Sieve:
        """Looks for the secrets of all people, and the codes and tokens of this day."""
        secrets = secrets_of(self.shop.world.people) | self._more
        secrets |= {f"code {number}": code for number, code in enumerate(self._codes)}
        secrets |= {f"token {number}": token for number, token in enumerate(self.shop.world.book._tokens)}
        return Sieve(secrets)


async def _free() -> int:
    return 1024**3
