"""The core against a hub that loses, forges, delays and repeats: the invariants hold however the day goes.

A pure little world: the core, a disk that remembers the last durable decision, and a hub whose ledger is a dictionary.
Hypothesis chooses what people do, what becomes of each message, when time passes and when the power goes. At the end
everything is healed and the world runs to rest; then hub and journal must agree.
"""

from typing import Any

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from protocols.money import Fen
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ask,
    CancelAsked,
    CentreRefused,
    Compose,
    Composed,
    ComposeFailed,
    Confirmed,
    Decision,
    Decode,
    Due,
    Event,
    Heard,
    HubSaid,
    LinesSet,
    Misuse,
    QuoteAsked,
    Restarted,
    SlipPrinted,
    Transmit,
)
from terminal.core.states import BOOKED, OPEN_DOUBT, SALE_KEY_FREE, State
from terminal.core.values import Settlement
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core import samples
from tests.terminal.core.samples import cancelled_output, decide, draft, good, info, query_output, sale_output

WISHES: tuple[Event, ...] = (
    samples.CODE, QuoteAsked(), Confirmed("T01"), Confirmed("T01"), Abandoned("T01"), CancelAsked("T01", ""), Acknowledged("T01"),
    SlipPrinted("original"), LinesSet((samples.LINE,)),
)  # fmt: skip
MISFIT = {"total_fen": Fen(3749)}


class World:
    """One sale number from its first settlement to its last, on a disk, before a hub."""

    def __init__(self, data: st.DataObject | None) -> None:
        """Without `data` nothing ever goes wrong."""
        self._data = data
        self.settlement = draft()
        self.disk = encode_sheet(self.settlement), self.settlement.state
        self.live: dict[str, str] = {}
        """The hub's ledger: message id of a settlement to "live", "reversed" or "cancelled"."""
        self.travelling: list[str] = []
        """Settlement messages still under way, longer than their sender waits."""
        self.numbers = 0
        self.sent: list[str] = []
        self.told_settled = False
        self.healed = data is None

    def choose(self, *options: Any) -> Any:
        """Let the day decide; once healed, the first option is what happens."""
        if self.healed or self._data is None:
            return options[0]
        return self._data.draw(st.sampled_from(options))

    # -- the counter ------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        """Work off an event and all that follows, in the order of the engine: disk, then effects."""
        todo = [event]
        while todo:
            try:
                decision = decide(self.settlement, todo.pop(0))
            except Misuse:
                continue
            self._take(decision)
            for effect in decision.effects:
                if (following := self._run(effect)) is not None:
                    todo.append(following)

    def _take(self, decision: Decision) -> None:
        self._check(decision)
        self.settlement = decision.settlement
        if decision.durable:
            self.disk = encode_sheet(self.settlement), self.settlement.state
        if decision.sent is not None and decision.sent.purpose == "SETTLE":
            self.sent.append(decision.sent.msgid)
        if self.settlement.state in BOOKED and not self.settlement.quarantine:
            assert decision.durable or not decision.moves, "told before it was written"
            self.told_settled = True

    def _check(self, decision: Decision) -> None:
        after = decision.settlement
        if self.told_settled and after.state not in BOOKED:
            assert after.cancel_wish or after.state in (State.CANCELLED,), (
                "what was settled came undone by itself"
            )
        for booking in (after.quote, after.booking, after.cancellation):
            if booking is not None:
                split = booking.split
                parts = (split.fund_fen, split.account_fen, split.cash_fen, split.hospital_fen)
                assert min(parts) >= 0
                assert sum(parts) == split.total_fen

    def power_cut(self) -> None:
        """The process dies; a new one believes the disk."""
        sheet, state = self.disk
        self.settlement = msgspec.structs.replace(decode_sheet(sheet), state=state)
        self.happen(Restarted())

    def _run(self, effect: object) -> Event | None:
        match effect:
            case Decode():
                drawn: Event = self.choose(samples.DECODED, CentreRefused("code_expired"))
                return drawn
            case Ask(infno):
                return HubSaid(infno, self._question(infno))
            case Compose(purpose, infno):
                if self.choose("signed", "signed", "signed", "locked") == "locked":
                    return ComposeFailed(purpose, "key_locked")
                self.numbers += 1
                return Composed(purpose, infno, f"M{self.numbers}", "key", f"{infno} {self.numbers}".encode())
            case Transmit(infno, msgid):
                return HubSaid(infno, self._sent(infno, msgid))
            case _:
                return None

    # -- the hub ----------------------------------------------------------------------------------

    def _question(self, infno: str) -> Heard:
        truth: Heard
        match infno:
            case "1101":
                truth = good(samples.person_output())
            case "2101":
                truth = good(sale_output(echoed_message_id=""))
            case _:
                undone = self.live.get(self.settlement.settle_msgid) != "live"
                truth = good(query_output("1" if undone else "0"))
        drawn: Heard = self.choose(truth, truth, samples.SILENT, samples.UNSENT, samples.FORGED)
        return drawn

    def _sent(self, infno: str, msgid: str) -> Heard:
        fate = self.choose("arrives", "arrives", "arrives", "never leaves", "lost on the way", "late")
        if fate == "never leaves":
            return samples.UNSENT
        if fate == "lost on the way":
            return samples.SILENT
        if fate == "late":
            if infno == "2102":
                self.travelling.append(msgid)
            return samples.SILENT
        truth = self._act(infno, msgid)
        drawn: Heard = self.choose(truth, truth, samples.SILENT, samples.FORGED, samples.HTML)
        return drawn

    def _act(self, infno: str, msgid: str) -> Heard:
        original = self.settlement.settle_msgid
        if infno == "2102":
            answer = self.choose("books", "books", "books", "books oddly", "refuses")
            if answer == "refuses":
                return samples.REFUSED
            self.live[msgid] = "live"
            odd: dict[str, Any] = MISFIT if answer == "books oddly" else {}
            return good(msgspec.structs.replace(sale_output(), info=info(echoed_message_id=msgid, **odd)))
        standing = self.live.get(original)
        if standing is None:
            return samples.NOT_FOUND
        if standing != "live":
            return samples.ALREADY
        if infno == "2103" and self.choose("does it", "does it", "refuses") == "refuses":
            return samples.REFUSED
        self.live[original] = "reversed" if infno == "2601" else "cancelled"
        return Answered(0, "", None, b"") if infno == "2601" else good(cancelled_output())

    def arrive_late(self) -> None:
        """What was travelling arrives, unless the hub has meanwhile heard of its reversal or it got lost."""
        for msgid in self.travelling:
            if self.choose("arrives", "is lost") == "arrives":
                self.live.setdefault(msgid, "live")
        self.travelling.clear()

    def time_passes(self) -> None:
        """The next try is due. Nothing travels longer than the quiet time (that is what it is for)."""
        if self.settlement.state is State.REVERSED_ONCE:
            self.arrive_late()
        self.happen(Due(0.0))


def _rest(world: World) -> None:
    """Heal everything and let the tries go on until nothing is open."""
    world.healed = True
    for _ in range(20):
        if world.settlement.state not in OPEN_DOUBT and not world.settlement.quarantine:
            break
        if world.settlement.state is State.REVERSED:
            break
        world.time_passes()


def _check_books(world: World, settlement: Settlement) -> None:
    standing = [msgid for msgid, state in world.live.items() if state == "live"]
    assert len(standing) <= 1, "one sale, one settlement"
    if settlement.state in BOOKED and not settlement.quarantine:
        assert standing == [settlement.settle_msgid]
    elif settlement.state in SALE_KEY_FREE:
        assert standing == []
    else:
        assert settlement.state in (State.DRAFT, State.PRICED, State.ARMED), settlement.state
        assert standing == []


@settings(max_examples=300)
@given(st.data())
def test_however_the_day_goes_hub_and_journal_agree_in_the_evening(data: st.DataObject) -> None:
    world = World(data)
    begins = data.draw(st.sampled_from(("nothing yet", "quoted", "settled")), label="begins")
    if begins != "nothing yet":
        world.healed = True
        world.happen(samples.CODE)
        world.healed = begins == "settled"
        world.happen(Confirmed("T01"))
        world.healed = False
    for _ in range(data.draw(st.integers(5, 30), label="events of the day")):
        what = data.draw(
            st.sampled_from(("wish", "wish", "wish", "time", "time", "late", "power cut")), label="what"
        )
        match what:
            case "wish":
                world.happen(data.draw(st.sampled_from(WISHES)))
            case "time":
                world.time_passes()
            case "late" if world.settlement.state in (State.DOUBT, State.REVERSING, State.REVERSED_ONCE):
                world.arrive_late()
            case "power cut":
                world.power_cut()
            case _:
                continue
    _rest(world)
    event(f"ends {world.settlement.state.value}")
    assert len(world.sent) == len(set(world.sent)) <= 1, "a settlement is sent once in its life"
    _check_books(world, world.settlement)


def test_a_sale_that_everything_goes_well_for_is_settled() -> None:
    """The little world is honest: without faults the story ends well."""
    world = World(None)
    for wish in (samples.CODE, Confirmed("T01"), Acknowledged("T01"), SlipPrinted("original")):
        world.happen(wish)
    assert world.settlement.state is State.CLOSED
    _check_books(world, world.settlement)
