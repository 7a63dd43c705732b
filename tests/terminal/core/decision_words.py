"""The words of the book of decisions (`decision_book`): one line for what the core made of an event."""

from collections.abc import Iterable, Iterator

import msgspec

from terminal.core.events import (
    Answered,
    Composed,
    Decision,
    Effect,
    Event,
    HubSaid,
    Misuse,
    NoAnswer,
    NotAuthentic,
    NotSent,
)
from terminal.core.values import Attempt, Notice, Review, Settlement


def _value(value: object) -> str:
    match value:
        case Notice(code, params):
            return " ".join([code, *(f"{name}={text}" for name, text in params.items())])
        case Attempt(msgid, purpose, infno):
            return f"{purpose} {infno} {msgid}"
        case Review():
            return f"way {value.way or '-'} reason {value.reason or '-'} findings {len(value.findings)}"
        case tuple():
            return f"({', '.join(map(_value, value))})"
        case msgspec.Struct():
            return type(value).__name__
        case "":
            return "-"
        case _:
            return str(value) if isinstance(value, str | int | None) else type(value).__name__


def _effect(effect: Effect) -> str:
    given = [value for value in msgspec.structs.astuple(effect) if isinstance(value, str)]
    return " ".join([type(effect).__name__, *given])


def _changes(before: Settlement, decision: Decision) -> Iterator[str]:
    """The way through the states, then every other field that is new; idle = nothing is running or in flight any more."""
    after, state = decision.settlement, before.state
    for move in decision.moves:
        source = "" if move.source is state else f"{move.source} "
        yield f"{source}to {move.target} because {move.reason}"
        state = move.target
    if state is not after.state:
        yield f"state: {after.state}"
    told = {"state"} if decision.sent is None else {"state", "attempt"}
    if (before.running or before.in_flight) and not (after.running or after.in_flight):
        told |= {"running", "in_flight"}
        yield "idle"
    for name in Settlement.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old == new or name in told:
            continue
        yield f"{name}: {'the notice' if name == 'refusal' and new == after.notice else _value(new)}"


def _records(event: Event, decision: Decision) -> Iterator[str]:
    """What is written beside the settlement."""
    if decision.durable:
        yield "written"
    if (sent := decision.sent) is not None:
        kept = decision.settlement.attempt
        known = kept is not None and msgspec.structs.astuple(kept) == msgspec.structs.astuple(sent)
        yield f"{'attempt' if known else 'attempt not kept:'} {sent.purpose} {sent.infno} {sent.msgid}"
    if (ended := decision.ended) is not None:
        heard = event.heard if isinstance(event, HubSaid) else None
        its_own = heard is not None and ended.answer == getattr(heard, "raw", b"")
        yield f"attempt ended {ended.state} {ended.verdict} {'«bytes»' if its_own else f'{len(ended.answer)} bytes'}"
    if (retry := decision.retry) is not None:
        yield f"try {retry.tries} in {retry.delay_s:g} s +-{retry.jitter:g} {retry.verdict} quiet {retry.quiet_stage}"
    if decision.leave_queue:
        yield "out of the queue"
    if decision.opens is not None:
        yield "opens a sale"
    if decision.receipt:
        yield f"slip {decision.receipt}"


def _own_words(before: Settlement, event: Event) -> dict[str, str]:
    """Words of the event itself and their place-holders, so that what is treated alike reads alike."""
    match event:
        case HubSaid(_, Answered(infcode, err_msg)) if infcode:
            return {err_msg: "«text»", f"infcode {infcode}": "«infcode»"}
        case HubSaid(_, NotSent(reason) | NoAnswer(reason) | NotAuthentic(reason)):
            return {reason: "«reason»"}
        case Composed(msgid=msgid):
            return {msgid: "«message id»"}
        case _:
            return {f"state={before.state}": "state=«state»"}


def outcome_text(before: Settlement, event: Event, what: Decision | Exception) -> str:
    """What the core made of an event, in one line. An error that is no refusal is raised."""
    if isinstance(what, Misuse):
        text = " ".join(["refused", what.code, *(f"{name}={text}" for name, text in what.params.items())])
    elif isinstance(what, Exception):
        raise what
    else:
        told = [*_changes(before, what), *_records(event, what), *map(_effect, what.effects)]
        text = ", ".join(told) or "nothing"
    for own, placeholder in _own_words(before, event).items():
        text = text.replace(own, placeholder)
    return text


def together(names: Iterable[str]) -> str:
    """Events in one line; what comes of one message stands behind its number."""
    found: dict[str, list[str]] = {}
    for name in names:
        infno, _, heard = name.partition(" ") if name[0].isdigit() else ("", "", name)
        found.setdefault(infno, []).append(heard)
    return "; ".join(f"{infno}: {' | '.join(of)}" if infno else "; ".join(of) for infno, of in found.items())
