"""Bad twins: counters with a money bug built in on purpose. A run that does not catch them proves nothing.

Each is an object that stands where a right one stood while the run lasts; the product knows nothing of them, and the
auditor knows nothing of which one is in. What catches a twin is the invariant that its bug breaks.
"""

import asyncio
import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import apsw
import msgspec

import terminal.building
import terminal.core.messages
import terminal.counter.counter
import terminal.counter.engine
import terminal.journal.journal
import terminal.journal.opening
import yibao.site.disk
import yibao.site.machine
from protocols.hub.envelope import decode_request, encode_request
from protocols.hub.profile import Profile
from protocols.hub.settlement import settlement_split
from protocols.hub.signing import encode_signature, request_signing_bytes
from protocols.money import Split
from terminal.core.events import Answered, Decision, Event, Heard, HubSaid, NoAnswer, NotAuthentic, Restarted
from terminal.core.machine import step
from terminal.core.messages import READERS, misfits
from terminal.core.outcome import Verdict, judge_reversal
from terminal.core.states import OPEN_DOUBT, State
from terminal.core.values import AttemptEnded, Move, Settlement
from terminal.counter.counter import Counter
from terminal.counter.gate import Gate
from terminal.counter.paper import Paper
from terminal.hub.client import HubClient
from terminal.journal.audit_chain import AuditLog
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import Commit, JournalRefused, ReceiptRow, SettlementRow, Stamp
from terminal.journal.store import Store
from terminal.journal.vault import Vault
from yibao.site.disk import Disk, StoredFile
from yibao.site.machine import Life, MachineClock, Port

_replace = msgspec.structs.replace
_SETTLES = frozenset({"2102", "2207", "2207A"})


class Place(msgspec.Struct, frozen=True):
    """Where an object stands: a name in a module or a class."""

    owner: Any
    name: str


ENGINE_STEP = Place(terminal.counter.engine, "step")
HUB_CLIENT = Place(terminal.building, "HubClient")
COUNTER = Place(terminal.building, "Counter")
GATE = Place(terminal.counter.counter, "Gate")
PAPER = Place(terminal.counter.counter, "Paper")
JOURNAL = Place(terminal.journal.opening, "Journal")
STORE = Place(terminal.journal.opening, "Store")
AUDIT_LOG = Place(terminal.journal.journal, "AuditLog")
PORT = Place(yibao.site.machine, "Port")
OPENER = Place(yibao.site.machine, "open_journal")
DISK_SYNC = Place(yibao.site.disk.Disk, "sync")
MONOTONIC = Place(yibao.site.machine.MachineClock, "monotonic_s")
SPLIT = Place(terminal.core.messages, "settlement_split")


class Twin(msgspec.Struct, frozen=True):
    """What stands where, made anew for every run; with `slots` a shop whose tills were given these terminal slots."""

    parts: tuple[tuple[Place, Callable[[], Any]], ...] = ()
    slots: tuple[int, ...] = ()


def install(twin: Twin, stack: contextlib.ExitStack) -> None:
    """Put a twin's objects in place until the stack is left."""
    for place, make in twin.parts:
        stack.callback(setattr, place.owner, place.name, getattr(place.owner, place.name))
        setattr(place.owner, place.name, make())


# -- commit and send -------------------------------------------------------------------------------


class KeepsIntentsBack(Port):
    """Sends, and writes the intent when the next thing is written."""

    def __init__(self, journal: Journal, life: Life) -> None:
        self.inner, self.kept = journal, list[Commit]()
        super().__init__(self, life)  # type: ignore[arg-type]  # this object stands where the journal stood

    def __getattr__(self, name: str) -> Any:
        while self.kept:
            self.inner.commit(self.kept.pop())
        return getattr(self.inner, name)

    def commit(self, commit: Commit) -> None:
        """See `Journal.commit`."""
        if commit.sent is not None and commit.sent.purpose == "SETTLE":
            self.kept.append(commit)
        else:
            self.__getattr__("commit")(commit)


class Resends(HubClient):
    """Takes silence for a failure and sends the settlement again, under a new id."""

    async def exchange(self, infno: str, msgid: str, body: bytes) -> Heard:
        """See `HubClient.exchange`."""
        heard = await super().exchange(infno, msgid, body)
        if infno not in _SETTLES or not isinstance(heard, NoAnswer):
            return heard
        again = _replace(decode_request(body), message_id=await self._ids.next(), signature="")
        signature = encode_signature(self._signer.sign(request_signing_bytes(self._profile, again)))
        signed = encode_request(_replace(again, signature=signature))
        return await super().exchange(infno, again.message_id, signed)


class HandlesAnswersTwice(HubClient):
    """Accepts whatever the hub once signed for any message, as often as it comes."""

    def _authenticate(self, infno: str, msgid: str, *rest: Any) -> Heard:
        self.__dict__.setdefault("seen", []).append(msgid)
        for known in reversed(self.__dict__["seen"]):
            heard = super()._authenticate(infno, known, *rest)
            if isinstance(heard, Answered):
                return heard
        return heard


# -- outcomes --------------------------------------------------------------------------------------


def forged_is_refused(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    """Takes what cannot be authenticated for a no."""
    if isinstance(event, HubSaid) and isinstance(event.heard, NotAuthentic):
        event = HubSaid(event.infno, Answered(-1, "refused", None, event.heard.raw))
    return step(settlement, event, profile)


class ListensOn(HubClient):
    """Goes on listening after its time limit; see `believer`."""

    late: ClassVar[dict[str, Heard]]

    async def exchange(self, infno: str, msgid: str, body: bytes) -> Heard:
        """See `HubClient.exchange`."""
        if infno not in _SETTLES:
            return await super().exchange(infno, msgid, body)
        headers = await self._gate.headers(infno, body)
        asking = asyncio.ensure_future(
            self._transport.post(self._gate.path(infno), body, headers, 5.0, 120.0)
        )
        now = self._clock.now()

        def heard(done: "asyncio.Future[Any]") -> Heard:
            if done.cancelled() or done.exception() is not None:  # silence, or the process died
                return NoAnswer("timeout")
            return self._authenticate(infno, msgid, done.result(), now, 0.0)

        await asyncio.wait((asking,), timeout=30.0)
        asking.add_done_callback(lambda done: self.late.update({msgid: heard(done)}))
        return heard(asking) if asking.done() else NoAnswer("timeout")


def believer(late: dict[str, Heard]) -> Callable[[Settlement, Event, Profile], Decision]:
    """A core that confirms, while it reverses, what it hears too late."""

    def believes(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        heard = late.get(settlement.settle_msgid)
        waits = isinstance(event, HubSaid) and settlement.state is State.REVERSING
        if not waits or not isinstance(heard, Answered) or heard.infcode:
            return step(settlement, event, profile)
        if settlement.attempt is None or misfits(settlement, heard.output, profile):
            return step(settlement, event, profile)
        idle = _replace(settlement, state=State.CONFIRMED, running="", in_flight=False)
        settled = READERS["2102"](idle, heard.output, profile)
        moves = (Move(State.REVERSING, State.MANUAL, "late"), Move(State.MANUAL, State.CONFIRMED, "approval"))
        told = AttemptEnded(settlement.attempt.msgid, "UNKNOWN", "late")
        return Decision(settled, moves, durable=True, ended=told, leave_queue=True, receipt="original")

    return believes


def not_found_is_the_end(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    """Gives a reversal up at the first "not found"."""
    if (
        isinstance(event, HubSaid)
        and event.infno == "2601"
        and judge_reversal(event.heard, profile) is Verdict.NOT_FOUND
    ):
        settlement = _replace(settlement, quiet_stage=2)
    return step(settlement, event, profile)


def forgets_its_doubts(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    """Clears the reversal queue at start."""
    if isinstance(event, Restarted) and settlement.state in OPEN_DOUBT:
        return Decision(settlement)
    return step(settlement, event, profile)


# -- money, time, sale keys ------------------------------------------------------------------------


def split_in_floats(info: Any, profile: Profile) -> Split:
    """Counts in yuan, as floats, and cuts off what is behind the fen."""
    right = settlement_split(info, profile)
    account_fen, cash_fen = int(right.account_fen / 100 * 100), int(right.cash_fen / 100 * 100)
    lost_fen = right.account_fen - account_fen + right.cash_fen - cash_fen
    return _replace(right, account_fen=account_fen, cash_fen=cash_fen, fund_fen=right.fund_fen + lost_fen)


def wall_time(clock: MachineClock) -> float:
    """Keeps deadlines by the wall clock."""
    return clock.now().timestamp()


def undated() -> type[Counter]:
    """A counter whose sale keys carry no business date."""

    class Undated(Counter):
        def today(self) -> dt.date:
            return dt.date(2026, 11, 1)

    return Undated


class LetsGo(Gate):
    """Keeps no lane and no person waiting for a doubt; see `FreesTheNumber`."""

    def require(self, settlement: Settlement) -> None:
        """See `Gate.require`."""


class FreesTheNumber(Journal):
    """Gives a sale number free again when its settlement has timed out."""

    def open_sale(self, row: SettlementRow, idempotency: Any, actor: str, stamp: Stamp) -> SettlementRow:
        """See `Journal.open_sale`."""
        try:
            return super().open_sale(row, idempotency, actor, stamp)
        except JournalRefused as refused:
            held = self.settlements.get(refused.settlement_id)
            if held is None or held.state not in OPEN_DOUBT:
                raise
            key = _replace(row.key, sale_number=f"{row.key.sale_number}-{self.audit.head[0]}")
            return super().open_sale(_replace(row, key=key), None, actor, stamp)


# -- paper and disk --------------------------------------------------------------------------------


class PrintsFirst(Paper):
    """Writes that a slip is being printed when it has been printed."""

    async def _moves(self, receipt: ReceiptRow, state: str, content_sm3: bytes | None = None) -> None:
        if state == "printing":
            self.__dict__["kept"] = content_sm3
            return
        kept = self.__dict__.pop("kept", None)
        if kept is not None:
            await super()._moves(receipt, "printing", kept)
        await super()._moves(receipt, state, content_sm3)


class WritesMoreLater(Store):
    """Has more to write when a transaction is over, in one of its own."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.later: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`."""
        self.later.clear()
        with super().transaction():
            yield
        for write in self.later:
            with super().transaction():
                write()


class AuditsLater(AuditLog):
    """Writes the audit record in a transaction of its own, after the one it tells of."""

    def append(self, content: dict[str, Any], stamp: Stamp) -> None:
        """See `AuditLog.append`."""
        store = self._store
        assert isinstance(store, WritesMoreLater)
        store.later.append(functools.partial(super().append, content, stamp))


def opens_with(*pragmas: tuple[str, object]) -> Callable[..., Journal]:
    """A journal with other settings than the proved ones."""

    def opener(path: str, vault: Vault, boot_id: str, floor: dt.datetime, vfs: str) -> Journal:
        def loosen(connection: apsw.Connection) -> None:
            for name, value in pragmas:
                connection.pragma(name, value)

        return open_journal(path, vault, boot_id, floor, vfs, loosen)

    return opener


_right_sync = Disk.sync


def tries_again(disk: Disk, end: str, file: StoredFile) -> None:
    """Syncs a second time when the first failed, and takes the second one's word."""
    try:
        _right_sync(disk, end, file)
    except apsw.IOError:
        if disk.stopped:
            raise
        _right_sync(disk, end, file)


def _one(place: Place, thing: Any) -> Twin:
    return Twin(((place, lambda: thing),))


def _late() -> Twin:
    late: dict[str, Heard] = {}

    def client() -> type[HubClient]:
        late.clear()
        return type("Listens", (ListensOn,), {"late": late})

    return Twin(((HUB_CLIENT, client), (ENGINE_STEP, lambda: believer(late))))


TWINS: dict[str, Twin] = {
    "send-before-commit": _one(PORT, KeepsIntentsBack),
    "synchronous-normal": _one(OPENER, opens_with(("synchronous", 1))),
    "delete-journal-full": _one(OPENER, opens_with(("journal_mode", "delete"), ("synchronous", 2))),
    "resend-with-new-id": _one(HUB_CLIENT, Resends),
    "bad-signature-is-refusal": _one(ENGINE_STEP, forged_is_refused),
    "late-approval-accepted": _late(),
    "not-found-ends-reversal": _one(ENGINE_STEP, not_found_is_the_end),
    "float-money": _one(SPLIT, split_in_floats),
    "queue-cleared-at-start": _one(ENGINE_STEP, forgets_its_doubts),
    "wall-clock-deadlines": _one(MONOTONIC, wall_time),
    "sale-key-without-date": _one(COUNTER, undated()),
    "lock-released-on-timeout": Twin(((GATE, lambda: LetsGo), (JOURNAL, lambda: FreesTheNumber))),
    "print-before-commit": _one(PAPER, PrintsFirst),
    "audit-in-another-transaction": Twin(
        ((STORE, lambda: WritesMoreLater), (AUDIT_LOG, lambda: AuditsLater))
    ),
    "answer-handled-twice": _one(HUB_CLIENT, HandlesAnswersTwice),
    "sync-tried-again": _one(DISK_SYNC, tries_again),
    "colliding-message-ids": Twin(slots=(1, 1)),
}
"""By name. The last one is a mistake of enrolment (F73), before a hub that does not check message ids."""
