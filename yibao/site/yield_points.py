"""Yield points: the named places where a running counter waits or writes, told to whoever watches.

A cell is a yield point in a state of a settlement of a flow. A whole-site simulation that is watched fills the set of
cells that can be reached; the kill matrix (`tests/recovery/kill`) then kills the real process in each of them. Both
watch through the same objects, which stand where the application's own stood while `watched` lasts:

    start of a write / end of it     every transaction of the journal, by its name; a commit also by what it writes
    effect ...                       the engine hands an effect out
    send / wait / receive ...        a message: no byte has left; its bytes are out; the answer, or silence, is known
    print / printed                  a slip: no byte has left; all bytes are out
    tell                             what happened is on disk, and nobody has been told
"""

import contextlib
import contextvars
import dataclasses
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import terminal.app
import terminal.building
import terminal.counter.counter
import terminal.journal.journal
import terminal.journal.opening
import yibao.site.machine
from drivers.interfaces.hub_transport import HubTransport, NoAnswer, RawAnswer
from drivers.interfaces.printer import Printer, PrinterStatus, PrintResult
from protocols.hub.profile import Profile
from terminal.building import Parts
from terminal.config import Config
from terminal.core.events import Effect, Event
from terminal.core.values import Settlement
from terminal.counter.counter import Counter
from terminal.counter.effects import Effects
from terminal.counter.engine import Engine, Wish
from terminal.counter.paper import Paper
from terminal.journal.journal import Journal
from terminal.journal.receipt_table import ReceiptTable
from terminal.journal.records import Commit, Idempotency, ReceiptRow, SettlementRow, Stamp
from terminal.journal.store import Store
from terminal.journal.thread import JournalPort

Result = TypeVar("Result")
_INFNO = re.compile(rb'\{"infno":"(\w+)"')
_build_counter = terminal.building.build_counter


class Cell(NamedTuple):
    """One place of the matrix."""

    flow: str
    """The settlement's flow, with `, refund` where goods come back; `counter` where no settlement is concerned."""
    state: str
    """The settlement's state before what happens here; `-` where no settlement is concerned."""
    point: str
    """The yield point's name."""

    def __str__(self) -> str:
        """One line of the matrix."""
        return f"{self.flow} | {self.state} | {self.point}"

    @classmethod
    def parse(cls, line: str) -> "Cell":
        """Read a cell as it is printed. Raises ValueError."""
        flow, state, point = line.split(" | ")
        return cls(flow, state, point)


Visit = Callable[[Cell], None]
"""Called in each cell, in whatever thread it is; a victim never returns from it."""


class _Subject:
    """The settlement that the present task is about."""

    def __init__(self, flow: str = "counter", state: str = "-") -> None:
        self.flow = flow
        self.state = state

    def look(self) -> tuple[str, str]:
        """Its flow, and the state it is in now."""
        return self.flow, self.state


class _HeldSubject(_Subject):
    """A settlement that the engine holds."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self._held = held

    def look(self) -> tuple[str, str]:
        """See `_Subject`."""
        settlement: Settlement = self._held.settlement
        return _flow_of(settlement), settlement.state.value


def _flow_of(settlement: Settlement) -> str:
    """Its flow; a settlement that is undone because goods come back is in a flow of its own."""
    return settlement.flow if settlement.refund is None else f"{settlement.flow}, refund"


_NOBODY = _Subject()
_SUBJECT: contextvars.ContextVar[_Subject] = contextvars.ContextVar("subject", default=_NOBODY)


@contextlib.contextmanager
def _about(subject: _Subject) -> Iterator[None]:
    token = _SUBJECT.set(subject)
    try:
        yield
    finally:
        _SUBJECT.reset(token)


_NOTICE = b"cn.nhsa.settle.notify"
_OF_THE_COUNTER = frozenset({"9001", "reserve_message_numbers"})
"""Sign-in and message numbers belong to the counter, whatever settlement happens to need them first."""


def _about_counter_if(is_so: bool) -> contextlib.AbstractContextManager[None]:
    return _about(_NOBODY) if is_so else contextlib.nullcontext()


class Watcher:
    """Makes the watching objects; `visit` hears of every cell."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def at(self, point: str) -> None:
        """The present task is at a yield point."""
        self._visit(Cell(*_SUBJECT.get().look(), point))

    def build_counter(self, config: Config, profile: Profile, parts: Parts) -> Counter:
        """See `terminal.building.build_counter`; every part that waits or writes is watched."""
        return _build_counter(
            config,
            profile,
            dataclasses.replace(
                parts,
                journal=_Port(parts.journal),
                hub_transport=_Link(parts.hub_transport, self),
                centre_transport=_Link(parts.centre_transport, self),
                printer=None if parts.printer is None else _Cable(parts.printer, self),
            ),
        )

    def engine(self) -> type[Engine]:
        """The engine, telling what it is about, and that nobody has been told yet."""
        watcher = self

        class Watched(Engine):
            async def post(
                self, settlement_id: str, event: Event | Wish, actor: str, *, wait: bool = False
            ) -> Settlement:
                settlement = await super().post(settlement_id, event, actor, wait=wait)
                with _about(_Subject(_flow_of(settlement), settlement.state.value)):
                    watcher.at("tell")
                return settlement

            async def _work(self, held: Any, event: Event, actor: str) -> None:
                with _about(_HeldSubject(held)):
                    await super()._work(held, event, actor)

        return Watched

    def effects(self) -> type[Effects]:
        """What the engine hands out, telling of each."""
        watcher = self

        class Watched(Effects):
            async def run(self, effect: Effect, settlement: Settlement) -> Event | None:
                watcher.at(f"effect {type(effect).__name__} {getattr(effect, 'infno', '')}".rstrip())
                return await super().run(effect, settlement)

        return Watched

    def paper(self) -> type[Paper]:
        """The printer's task: it is about the settlement of the slip."""

        class Watched(Paper):
            async def _print(self, printer: Printer, receipt: ReceiptRow) -> bool:
                with _about(_Subject()):
                    return await super()._print(printer, receipt)

        return Watched

    def journal(self) -> type[Journal]:
        """The journal: what a sale or a commit writes has a better name than the method."""

        class Watched(Journal):
            def open_sale(
                self, row: SettlementRow, idempotency: Idempotency | None, actor: str, stamp: Stamp
            ) -> SettlementRow:
                with _about(_Subject(row.flow, row.state.value)):
                    return super().open_sale(row, idempotency, actor, stamp)

            def commit(self, commit: Commit) -> SettlementRow | None:
                with _named(_name_of(commit)):
                    return super().commit(commit)

        return Watched

    def receipts(self) -> type[ReceiptTable]:
        """The slips: a write of one is about its settlement."""

        class Watched(ReceiptTable):
            def move(
                self, receipt_id: int, state: str, actor: str, stamp: Stamp, content_sm3: bytes | None = None
            ) -> None:
                subject = _SUBJECT.get()
                if subject is _NOBODY:
                    subject = _Subject()
                query = (
                    "SELECT settlement.flow, settlement.state FROM receipt"
                    " JOIN settlement ON settlement.id = receipt.settlement WHERE receipt.id = ?"
                )
                for flow, state_now in self._store.rows(query, (receipt_id,)):
                    subject.flow, subject.state = flow, state_now
                with _about(subject), _named(f"slip {state}"):
                    super().move(receipt_id, state, actor, stamp, content_sm3)

            def owe_copy(self, settlement_id: str, actor: str, stamp: Stamp) -> int:
                subject = _NOBODY
                query = "SELECT flow, state FROM settlement WHERE id = ?"
                for flow, state_now in self._store.rows(query, (settlement_id,)):
                    subject = _Subject(flow, state_now)
                with _about(subject):
                    return super().owe_copy(settlement_id, actor, stamp)

        return Watched

    def store(self) -> type[Store]:
        """The connection: every transaction is told of, by the name of whoever enters it."""
        watcher = self

        class Watched(Store):
            def checkpoint(self) -> None:
                with _named("checkpoint"), _telling(watcher, "checkpoint"):
                    super().checkpoint()

            @contextlib.contextmanager
            def transaction(self) -> Iterator[None]:
                name = _NAME.get() or sys._getframe(2).f_code.co_name  # who entered us
                with (
                    _about_counter_if(name in _OF_THE_COUNTER),
                    _telling(watcher, name),
                    super().transaction(),
                ):
                    yield

        return Watched


_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


@contextlib.contextmanager
def _telling(watcher: Watcher, name: str) -> Iterator[None]:
    """Tell that a write begins, and that it is on disk; nothing of one that failed."""
    watcher.at(f"start of {name}")
    yield
    watcher.at(f"end of {name}")


def _name_of(commit: Commit) -> str:
    """What a commit writes: the message that will leave, and the state reached."""
    words = ["commit"]
    if commit.sent is not None:
        words.append(commit.sent.infno)
    if commit.moves:
        words.append(f"to {commit.moves[-1].target.value}")
    return " ".join(words)


class _Port:
    """The journal's port: the present subject goes along into the journal's thread."""

    def __init__(self, inner: JournalPort) -> None:
        self._inner = inner

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """See `JournalPort`."""
        context = contextvars.copy_context()
        return await self._inner.call(lambda journal: context.run(work, journal))


class _Link:
    """A link to the hub or the certificate centre."""

    def __init__(self, inner: HubTransport, watcher: Watcher) -> None:
        self._inner = inner
        self._watcher = watcher

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        if _NOTICE in body:
            # Told by a task of its own, beside the sale and after it: no step of any settlement.
            return await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        found = _INFNO.match(body)
        name = "ec.query" if found is None else found[1].decode()
        with _about_counter_if(name in _OF_THE_COUNTER):
            self._watcher.at(f"send {name}")
            self._watcher.at(f"wait {name}")
            try:
                answer = await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
            except NoAnswer:
                self._watcher.at(f"receive {name}")
                raise
            self._watcher.at(f"receive {name}")
            return answer

    async def close(self) -> None:
        """See `HubTransport`."""
        await self._inner.close()


class _Cable:
    """The printer."""

    def __init__(self, inner: Printer, watcher: Watcher) -> None:
        self._inner = inner
        self._watcher = watcher

    @property
    def columns(self) -> int:
        """See `Printer`."""
        return self._inner.columns

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        return await self._inner.status()

    async def print(self, document: bytes) -> PrintResult:
        """See `Printer`."""
        self._watcher.at("print")
        result = await self._inner.print(document)
        self._watcher.at("printed")
        return result


@contextlib.contextmanager
def watched(visit: Visit) -> Iterator[None]:
    """Every counter built in this process until the block ends tells `visit` of each cell it comes through."""
    watcher = Watcher(visit)
    with contextlib.ExitStack() as stack:
        for owner, name, thing in (
            (terminal.app, "build_counter", watcher.build_counter),
            (yibao.site.machine, "build_counter", watcher.build_counter),
            (terminal.counter.counter, "Engine", watcher.engine()),
            (terminal.counter.counter, "Effects", watcher.effects()),
            (terminal.counter.counter, "Paper", watcher.paper()),
            (terminal.journal.opening, "Journal", watcher.journal()),
            (terminal.journal.opening, "Store", watcher.store()),
            (terminal.journal.journal, "ReceiptTable", watcher.receipts()),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, thing)
        yield


def reached(seeds: Iterable[int]) -> set[Cell]:
    """Every cell that whole-site simulations of these seeds come through."""
    from yibao.site.simulation import simulate

    cells: set[Cell] = set()
    with watched(cells.add):
        for seed in seeds:
            simulate(seed)
    return cells
