"""Commit, then act, then tell: runs the core's decisions against the real world.

For each settlement events are worked off one at a time, in order. For each decision the order is fixed: what is
durable goes to disk first; then the new state becomes visible; then the effects run; what an effect brings back is the
next event. A message that can change the hub additionally holds its lane's conversation from the moment it is
composed until its outcome is on disk.

Cancelling the caller (a till that hangs up) never interrupts this: the work runs in a task of its own.

When something unexpected happens inside (a bug of ours, a guard of the journal that says no), the settlement is never
left hanging: the effect is taken to have had its worst outcome (sent: no answer; composed: not sent) and the rules go
on from there. When even that cannot be written the engine gives up with `JournalFailed`: the process stops, and the
next one believes the disk.
"""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import msgspec

from drivers.interfaces.clock import Clock
from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from terminal.core.events import Compose, Confirmed, Decision, Effect, Event, Misuse, SlipPrinted, Transmit
from terminal.core.machine import step
from terminal.core.states import FINAL, OPEN_DOUBT, State
from terminal.core.values import Move, Retry, Settlement
from terminal.counter.effects import Effects, name_of, worst_outcome
from terminal.journal.records import (
    Amounts,
    AttemptRow,
    Commit,
    Idempotency,
    JournalFailed,
    JournalRefused,
    NewReceipt,
    QueueEntry,
    SettlementRow,
    Stamp,
)
from terminal.journal.sheet import PAST_TERM, encode_sheet, settlement_of
from terminal.journal.thread import JournalPort

_replace = msgspec.structs.replace


Wish = Callable[[Settlement], Event]
"""Makes an event out of the settlement as it stands when its turn comes; raises `Misuse`."""


class UnknownSettlement(Exception):
    """No settlement has this id."""


class Busy(Exception):
    """The settlement is being worked on; ask for its status instead of repeating."""


class _Held:
    """One settlement in memory: the newest state anybody may be told, and moves that still wait for a commit."""

    def __init__(self, settlement: Settlement, row: SettlementRow) -> None:
        self.settlement = settlement
        self.row = row
        self.pending: tuple[Move, ...] = ()
        self.turn = asyncio.Lock()
        self.noting_paper = False
        """Whoever has the turn only notes that a slip is out: a commit, and nothing is asked of anybody."""
        self.doubtful_since_s: float | None = None
        """When the doubt began, by the monotonic clock of this process."""


class Listener:
    """What the engine tells and asks; all must return quickly."""

    def changed(self, settlement: Settlement) -> None:
        """A settlement has a new state that may be told."""

    def retry_due(self, settlement_id: str, delay_s: float) -> None:
        """The next try of a settlement is due after this delay."""

    def slip_owed(self) -> None:
        """A slip has been written into the journal."""

    def require_gate(self, settlement: Settlement) -> None:
        """Raise `Misuse` when no new settlement may start on this lane or for this person now."""

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """Something unexpected happened inside; the settlement goes on with the worst outcome of its step."""

    def step_done(self, settlement_id: str, name: str, elapsed_s: float) -> None:
        """One effect (`ask 1101`, `send 2102`, ...) or commit of a settlement is over; `name` holds no data."""

    def let_go(self, settlement_id: str) -> None:
        """Nothing more happens to this settlement by itself."""


class Engine:
    """Works off events. One instance per journal."""

    def __init__(
        self,
        profile: Profile,
        journal: JournalPort,
        effects: Effects,
        clock: Clock,
        jitter: Callable[[], float],
        pseudonym: Callable[[str], str],
        listener: Listener,
    ) -> None:
        """`jitter` returns a number in [-1, 1), `pseudonym` the keyed stand-in for a person number."""
        self._profile = profile
        self._journal = journal
        self._effects = effects
        self._clock = clock
        self._jitter = jitter
        self._pseudonym = pseudonym
        self._listener = listener
        self._held: dict[str, _Held] = {}
        self._conversations: dict[str, asyncio.Lock] = {}

    # -- reading ----------------------------------------------------------------------------------

    async def get(self, settlement_id: str) -> Settlement:
        """Return the newest state that may be told; raises `UnknownSettlement`."""
        held = self._held.get(settlement_id)
        return (await self._load(settlement_id) if held is None else held).settlement

    def row(self, settlement_id: str) -> SettlementRow | None:
        """Return the stored row of a settlement held in memory."""
        held = self._held.get(settlement_id)
        return None if held is None else held.row

    def doubts(self) -> list[tuple[Settlement, SettlementRow]]:
        """Return every settlement whose outcome is open, oldest first."""
        found = [(held.settlement, held.row) for held in self._held.values() if in_doubt(held.settlement)]
        return sorted(found, key=lambda pair: pair[1].terminal_sequence)

    def doubts_since(self) -> tuple[dt.datetime, ...]:
        """When each of them began, by the wall clock."""
        return tuple(row.doubt_since or row.changed_at for _, row in self.doubts())

    def waiting(self) -> list[tuple[Settlement, SettlementRow]]:
        """Return everything that waits for the hub by itself, oldest first: doubts, and visits that owe withdrawals."""
        found = [
            (held.settlement, held.row)
            for held in self._held.values()
            if held.settlement.owed or in_doubt(held.settlement)
        ]
        return sorted(found, key=lambda pair: pair[1].terminal_sequence)

    def doubt_age_s(self, settlement_id: str) -> float:
        """Seconds a doubt has been open, by the monotonic clock; 0 when there is none."""
        held = self._held.get(settlement_id)
        if held is None or held.doubtful_since_s is None:
            return 0.0
        return self._clock.monotonic_s() - held.doubtful_since_s

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """Pass on that something unexpected happened."""
        self._listener.went_wrong(settlement_id, error)

    def stamp(self) -> Stamp:
        """Both clocks now."""
        return Stamp(self._clock.now(), self._clock.monotonic_s())

    # -- working ----------------------------------------------------------------------------------

    async def open(self, settlement: Settlement, idempotency: Idempotency | None, actor: str) -> Settlement:
        """Reserve the sale on disk (S1); raises `JournalRefused`. A repeated idempotency key returns the sale it opened."""
        stamp = self.stamp()
        row = _fresh_row(settlement, stamp)
        stored = await self._journal.call(lambda journal: journal.open_sale(row, idempotency, actor, stamp))
        if stored.id in self._held:
            return self._held[stored.id].settlement
        if stored.id != settlement.id:
            return (await self._load(stored.id)).settlement
        opened = _replace(settlement, key=stored.key)
        self._held[stored.id] = _Held(opened, stored)
        self._listener.changed(opened)
        return opened

    def adopt(self, row: SettlementRow, attempts: Sequence[AttemptRow]) -> None:
        """Hold a settlement found unfinished at start, with the messages sent for it."""
        held = _Held(_restored(row, attempts), row)
        if row.doubt_since is not None:
            age_s = (self._clock.now() - row.doubt_since).total_seconds()
            held.doubtful_since_s = self._clock.monotonic_s() - max(age_s, 0.0)
        self._held[row.id] = held

    async def post(
        self, settlement_id: str, event: Event | Wish, actor: str, *, wait: bool = False
    ) -> Settlement:
        """Work off `event` and everything that follows from it; return the state then reached.

        `wait` False: raises `Busy` when the settlement is being worked on (a person pressed twice); a note about paper is
        waited for. Raises `Misuse` when the event does not fit the state, and `JournalFailed` when durability is in doubt.
        """
        while True:
            held = await self._hold(settlement_id)
            if held.turn.locked() and not (wait or held.noting_paper):
                raise Busy(settlement_id)
            async with held.turn:
                if self._held.get(settlement_id) is not held:
                    continue  # it was over and let go while we waited: look again
                held.noting_paper = isinstance(event, SlipPrinted)
                try:
                    require_in_term(held.settlement)
                    await self._work(held, event(held.settlement) if callable(event) else event, actor)
                finally:
                    if _is_over(held.settlement):
                        del self._held[settlement_id]
                        self._listener.let_go(settlement_id)
                return held.settlement

    async def _hold(self, settlement_id: str) -> _Held:
        held = self._held.get(settlement_id)
        if held is not None:
            return held
        return self._held.setdefault(settlement_id, await self._load(settlement_id))

    async def _load(self, settlement_id: str) -> _Held:
        row = await self._journal.call(lambda journal: journal.settlements.get(settlement_id))
        if row is None:
            raise UnknownSettlement(settlement_id)
        return _Held(_restored(row, ()), row)

    async def _work(self, held: _Held, event: Event, actor: str) -> None:
        todo: deque[tuple[Event, Effect | None]] = deque([(event, None)])
        talking = False
        async with AsyncExitStack() as conversation:
            while todo:
                event, effect = todo.popleft()
                try:
                    decision = step(held.settlement, event, self._profile)
                    if not talking and _needs_conversation(decision):
                        await conversation.enter_async_context(self._conversation(held.settlement.lane))
                        talking = True
                    if isinstance(event, Confirmed):
                        # Asked again here: the doubt of another sale may have begun while this one waited.
                        self._listener.require_gate(held.settlement)
                    ahead, composed = _composed_ahead(decision), None
                    if ahead is None:
                        await self._take(held, decision, actor)
                    else:
                        composed = await self._take_and_compose(held, decision, ahead, actor)
                except JournalFailed:
                    raise
                except Exception as error:  # whatever it is: what has happened goes on with its worst outcome
                    if effect is None:
                        raise  # the caller's own event: nothing has happened
                    todo.append((self._worst(held, effect, event, error), effect))
                    continue
                for effect in decision.effects:
                    done = composed if effect is ahead else None
                    following = done or await self._follow(effect, held, held.settlement)
                    if following is not None:
                        todo.append((following, effect))

    async def _take_and_compose(
        self, held: _Held, decision: Decision, effect: Compose, actor: str
    ) -> Event | None:
        """Compose and sign the next message while the decision goes to disk; nothing leaves before both are done.

        A message whose predecessor could not be written is dropped: no more than an unused number.
        """
        committing = asyncio.ensure_future(self._take(held, decision, actor))
        try:
            await asyncio.sleep(0)  # the disk first
            return await self._follow(effect, held, decision.settlement)
        finally:
            await committing

    async def _follow(self, effect: Effect, held: _Held, settlement: Settlement) -> Event | None:
        began_s = self._clock.monotonic_s()
        try:
            return await self._effects.run(effect, settlement)
        except JournalFailed:
            raise
        except Exception as error:  # noqa: BLE001 - an unknown error must not leave an outcome unknown
            return self._worst(held, effect, None, error)
        finally:
            self._step_done(held, name_of(effect), began_s)

    def _step_done(self, held: _Held, name: str, began_s: float) -> None:
        self._listener.step_done(held.settlement.id, name, self._clock.monotonic_s() - began_s)

    def _worst(self, held: _Held, effect: Effect, event: Event | None, error: Exception) -> Event:
        """Return the worst that may have come of an effect; raises `JournalFailed` when that could not be worked off."""
        if not isinstance(error, JournalRefused):
            self._listener.went_wrong(held.settlement.id, error)
        worst = worst_outcome(effect, error.code if isinstance(error, JournalRefused) else "internal_error")
        if event == worst:
            raise JournalFailed("internal") from error
        return worst

    def _conversation(self, lane: str) -> asyncio.Lock:
        return self._conversations.setdefault(lane, asyncio.Lock())

    async def _take(self, held: _Held, decision: Decision, actor: str) -> None:
        """Make a decision true: on disk first when it is durable, then visible, then announced."""
        settlement, moves = decision.settlement, held.pending + decision.moves
        if not decision.durable:
            held.pending, held.settlement = moves, settlement
            self._listener.changed(settlement)
            return
        receipt = None
        if decision.receipt and decision.receipt not in settlement.receipts:
            receipt = NewReceipt(decision.receipt)
            settlement = _replace(settlement, receipts=(*settlement.receipts, decision.receipt))
        stamp = self.stamp()
        row = self._row(held.row, settlement, stamp)
        queue = None
        if decision.retry is not None:
            queue = self._queue_entry(decision.retry, stamp)
        settling = decision.sent is not None and decision.sent.purpose == "SETTLE"
        rest = decision.opens
        if rest is not None:
            rest = _replace(rest, began_at=format_time(stamp.wall))
        commit = Commit(
            row=row, moves=moves, actor=actor, stamp=stamp, sent=decision.sent, ended=decision.ended, queue=queue,
            leave_queue=decision.leave_queue, receipt=receipt, code_mark=settlement.code_mark if settling else "",
            opens=None if rest is None else _fresh_row(rest, stamp),
        )  # fmt: skip
        opened = await self._journal.call(lambda journal: journal.commit(commit))
        self._step_done(held, "commit", stamp.monotonic_s)
        held.pending, held.row, held.settlement = (), row, settlement
        if row.doubt_since is None:
            held.doubtful_since_s = None
        elif held.doubtful_since_s is None:
            held.doubtful_since_s = stamp.monotonic_s
        self._listener.changed(settlement)
        if rest is not None and opened is not None:
            self._held[rest.id] = _Held(_replace(rest, key=opened.key), opened)
            self._listener.changed(self._held[rest.id].settlement)
        if receipt is not None:
            self._listener.slip_owed()
        if queue is not None:
            self._listener.retry_due(settlement.id, (queue.due_at - stamp.wall).total_seconds())

    def _queue_entry(self, retry: Retry, stamp: Stamp) -> QueueEntry:
        delay_s = retry.delay_s * (1 + retry.jitter * self._jitter())
        due_at = stamp.wall + dt.timedelta(seconds=delay_s)
        return QueueEntry(retry.tries, due_at, retry.verdict, retry.quiet_stage)

    def _row(self, row: SettlementRow, settlement: Settlement, stamp: Stamp) -> SettlementRow:
        split = None if settlement.booking is None else settlement.booking.split
        person = row.person
        if person is None and settlement.person is not None:
            person = self._pseudonym(settlement.person.psn_no.reveal())
        doubtful = in_doubt(settlement)
        return _replace(
            row,
            state=settlement.state,
            person=person,
            amounts=None if split is None else Amounts(
                split.total_fen, split.fund_fen, split.account_fen, split.mutual_aid_fen, split.cash_fen, split.hospital_fen
            ),
            quarantine=settlement.quarantine,
            changed_at=stamp.wall,
            doubt_since=(row.doubt_since or stamp.wall) if doubtful else None,
            sheet=encode_sheet(settlement),
        )  # fmt: skip


def _fresh_row(settlement: Settlement, stamp: Stamp) -> SettlementRow:
    """Return the first row of a sale; generation and sequence are the journal's to give."""
    return SettlementRow(
        id=settlement.id, key=settlement.key, terminal_sequence=0, lane=settlement.lane, flow=settlement.flow,
        state=settlement.state, person=None, amounts=None, quarantine=False, opened_at=stamp.wall, changed_at=stamp.wall,
        doubt_since=None, sheet=encode_sheet(settlement),
    )  # fmt: skip


def require_in_term(settlement: Settlement) -> None:
    """Raise `Misuse` (`evidence_past_term`) for a settlement of which only the row is left."""
    if settlement.notice is not None and settlement.notice.code == PAST_TERM:
        raise Misuse(PAST_TERM)


def in_doubt(settlement: Settlement) -> bool:
    """True while nobody knows what became of the money, or it is at the hub and must not stay there."""
    repeated = settlement.state is State.CANCELLING and settlement.tries > 0
    quarantined = settlement.quarantine and settlement.state is not State.REVERSED
    return settlement.state in OPEN_DOUBT or repeated or quarantined


def _is_over(settlement: Settlement) -> bool:
    """True when nothing will happen to it by itself any more."""
    return settlement.state in FINAL and not settlement.owed


def _needs_conversation(decision: Decision) -> bool:
    """A message that can change the hub holds its lane from before it is written until its outcome is."""
    return any(isinstance(effect, Compose | Transmit) for effect in decision.effects)


def _composed_ahead(decision: Decision) -> Compose | None:
    """Return the message that can be composed while this decision is written, if one follows."""
    composes = [effect for effect in decision.effects if isinstance(effect, Compose)]
    return composes[0] if decision.durable and composes else None


def _restored(row: SettlementRow, attempts: Sequence[AttemptRow]) -> Settlement:
    """Rebuild a settlement from its row; the row's state is the truth, the sheet holds the rest."""
    settlement = settlement_of(row)
    for sent in attempts:
        if settlement.attempt is not None and sent.msgid == settlement.attempt.msgid:
            settlement = _replace(settlement, attempt=_replace(settlement.attempt, request=sent.request))
    return settlement
