"""The book of decisions: what the core makes of every event in every situation that events can lead to.

`tests/vectors/core/decisions-*.txt` are written by

    python -m tests.terminal.core.decision_book

and held up to date by a test. They are no specification (that is `docs/SETTLEMENT.md` and the rules the other tests assert): they
are what the core does today, so that nobody changes a state, a reason in the audit log, a pause or what an operator is told
without reading it in the difference of this file.

    == flow STATE/running step      situations that look like this
    event; event                    what happened there
        what followed               fields that changed, then what is written and set going; `refused CODE`, `nothing`
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from protocols.hub.outpatient import FeeLinesOutput
from protocols.hub.person import BenefitCheckOutput, Entitlement
from protocols.hub.queries import ChronicFiling, ChronicQueryOutput, Visit, VisitQueryOutput
from protocols.hub.settlement import LineSplit, SettlementOutput
from terminal.core.advancing import WITHDRAW_BATCH
from terminal.core.events import (
    Answered,
    CentreRefused,
    Composed,
    ComposeFailed,
    Decision,
    Due,
    Effect,
    Event,
    Heard,
    HubSaid,
    Misuse,
    Restarted,
    Ruled,
)
from terminal.core.flows import CLINIC_VISIT, FLOWS
from terminal.core.outcome import MANUAL_AFTER_S
from terminal.core.states import FINAL
from terminal.core.values import Attempt, Notice, Review, Settlement
from terminal.core.visit import WITHDRAW
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core import samples
from tests.terminal.core.samples import LINE, PERSON_NO, decide, draft, good, info, person_output
from tests.terminal.core.test_every_pair import EVENTS, HEARD
from tests.terminal.core.test_reviewing import BACK, GO_ON, NOTHING, TAKEN, TOLD, WARNED
from tests.terminal.core.test_reviewing import COMPOSED as COMPOSED_3103
from tests.terminal.core.test_visit import REGISTERED, visit

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "core"

_SPLIT = LineSplit(
    line_no="V7001001",
    amount_fen=samples.TOTAL,
    quantity=LINE.quantity,
    price=LINE.price,
    catalogue_class="01",
)
_VISIT_ANSWERS: dict[str, tuple[Heard, ...]] = {
    "1101": (good(person_output()),),
    "2001": (
        good(BenefitCheckOutput(trtinfo=(Entitlement(entitled="1"),))),
        good(BenefitCheckOutput(trtinfo=(Entitlement(entitled="0", reason="未备案"),))),
    ),
    "5301": (
        good(ChronicQueryOutput(filings=(ChronicFiling(disease_code="M01600", disease_name="糖尿病"),))),
        good(ChronicQueryOutput()),
    ),
    "2201": (REGISTERED,),
    "2203A": (good({}),),
    "2204": (good(FeeLinesOutput(line_splits=(_SPLIT,))),),
    "2206A": (good(SettlementOutput(info=info(echoed_message_id=""))),),
    "2207A": tuple(good(SettlementOutput(info=info(account, echoed_message_id="M-2207A"))) for account in (3750, 3749)),
    "2208": (good(samples.cancelled_output(echoed_message_id="M-2208")),),
    "2205": (good({}),),
    "2202": (good({}),),
    "2601": (good({}), samples.ALREADY, samples.NOT_FOUND),
    "5201": tuple(
        good(VisitQueryOutput(visits=tuple(Visit(visit_id=one, own_visit_no=own, person_no=PERSON_NO) for own, one in seen)))
        for seen in ((), (("V7", "M1"),), (("V7", "M2"),), (("V8", "M1"),))
    ),
    "5203": (good(samples.query_output("0")), good(samples.query_output("1"))),
}  # fmt: skip
_VISIT_HEARD: tuple[Heard, ...] = (
    samples.UNSENT,
    samples.SILENT,
    samples.FORGED,
    samples.REFUSED,
    samples.OTHER_CODE,
    samples.SHAPELESS,
)
_VISIT_EVENTS: tuple[Event, ...] = (
    *(event for event in EVENTS if not isinstance(event, HubSaid | Composed | ComposeFailed)),
    *(
        Composed(purpose, infno, f"M-{infno}", "key", b"{}")
        for purpose, infno in (("STEP", "2201"), ("STEP", "2203A"), ("STEP", "2204"), ("STEP", "2205"), ("STEP", "2202"),
                               ("SETTLE", "2207A"), ("REVERSE", "2601"), ("CANCEL", "2208"))
    ),
    *(ComposeFailed(purpose, "key_locked") for purpose in ("STEP", "SETTLE", "REVERSE", "CANCEL")),
    *(HubSaid(infno, heard) for infno, answers in _VISIT_ANSWERS.items() for heard in (*_VISIT_HEARD, *answers)),
)  # fmt: skip
_REVIEW_EVENTS: tuple[Event, ...] = (
    samples.CODE, samples.DECODED, samples.IDENTIFIED, samples.QUOTED, samples.CHANGED_LINES, samples.CONFIRM, NOTHING, WARNED, GO_ON,
    BACK, TAKEN, TOLD, COMPOSED_3103, ComposeFailed("STEP", "key_locked"), Restarted(), EVENTS[6], EVENTS[8],
    *(HubSaid(infno, heard) for infno in ("3101", "3103") for heard in (*_VISIT_HEARD, good("something else"))),
)  # fmt: skip


class Chapter(NamedTuple):
    """Where a walk begins, and what may happen on it."""

    name: str
    file: Path
    starts: Sequence[Settlement]
    events: Sequence[Event]


CHAPTERS = (
    Chapter("purchase", FOLDER / "decisions-purchase.txt", (draft(),), EVENTS),
    Chapter("visit", FOLDER / "decisions-visit.txt", (draft(flow=CLINIC_VISIT.name), visit()), _VISIT_EVENTS),
    Chapter(
        "purchase with review", FOLDER / "decisions-review.txt", (draft(review=Review()),), _REVIEW_EVENTS
    ),
)


def _kind(settlement: Settlement) -> tuple[object, ...]:
    """What makes two settlements different for the rules; amounts, texts and counts do not."""
    attempt, review, refund = settlement.attempt, settlement.review, settlement.refund
    if settlement.state in FINAL:  # only what is still owed makes a difference
        return (
            settlement.state, settlement.running, settlement.in_flight, settlement.quiet_stage, settlement.owed,
            settlement.stray_lines, not settlement.visit_id, settlement.paper_out, settlement.cancel_wish, attempt and attempt.purpose,
            refund is None or refund.withdrawn,
        )  # fmt: skip
    return (
        settlement.state, settlement.running, settlement.in_flight, settlement.quiet_stage, min(settlement.tries, 1),
        settlement.cancel_wish, settlement.cancel_from, settlement.quarantine, settlement.manual, settlement.unseen,
        settlement.paper_out, settlement.acknowledged, len(settlement.lines), settlement.medium is None, settlement.person is None,
        settlement.quote is None, settlement.booking is None, attempt and attempt.purpose, refund is None or refund.withdrawn,
        settlement.disease is None, not settlement.visit_id, settlement.unsure, settlement.owed, settlement.charged,
        settlement.stray_lines, review and (review.way, len(review.findings)),
    )  # fmt: skip


def _is_own(settlement: Settlement, event: Event) -> bool:
    """False for a step's message that is not the one being composed: the adapter composes what it was asked to."""
    if not isinstance(event, Composed) or event.purpose != "STEP":
        return True
    if settlement.running == WITHDRAW:
        return settlement.owed[:1] == (event.infno,)
    steps = {row.name: row.message for row in FLOWS[settlement.flow].steps}
    return event.infno == {**steps, WITHDRAW_BATCH: "2205"}.get(settlement.running)


def _walk(chapter: Chapter) -> Iterator[tuple[Settlement, Event, Decision | Misuse]]:
    """Every decision and refusal of everything that can be reached, breadth first."""
    seen = {_kind(start) for start in chapter.starts}
    waiting = deque(chapter.starts)
    while waiting:
        settlement = waiting.popleft()
        for event in chapter.events:
            if not _is_own(settlement, event):
                continue
            # What hears of a restart comes from the disk: token, code and the running step are gone.
            before = decode_sheet(encode_sheet(settlement)) if isinstance(event, Restarted) else settlement
            try:
                decision = decide(before, event)
            except Misuse as misuse:
                if misuse.code != "out_of_turn":  # who answers without being asked: the same everywhere
                    yield before, event, misuse
                continue
            yield before, event, decision
            if (kind := _kind(decision.settlement)) not in seen:
                seen.add(kind)
                waiting.append(decision.settlement)


# -- words ---------------------------------------------------------------------------------------------


def _heard(heard: Heard) -> str:
    if not isinstance(heard, Answered):
        return f"{type(heard).__name__} ({heard.reason})"
    if heard.infcode:
        return f"Answered {heard.infcode} ({heard.err_msg})"
    number = (
        HEARD.index(heard)
        if heard in HEARD
        else _VISIT_ANSWERS_FLAT.index(heard)
        if heard in _VISIT_ANSWERS_FLAT
        else 0
    )
    return f"Answered 0 with {type(heard.output).__name__} no. {number}"


_VISIT_ANSWERS_FLAT = [heard for answers in _VISIT_ANSWERS.values() for heard in answers]


def _event(event: Event) -> str:
    match event:
        case HubSaid(infno, heard):
            return f"HubSaid {infno} {_heard(heard)}"
        case Composed(purpose, infno) | ComposeFailed(purpose, infno):
            return f"{type(event).__name__} {purpose} {infno}"
        case CentreRefused(code):
            return f"CentreRefused {code}"
        case Ruled(state):
            return f"Ruled {state}"
        case Due(age_s):
            return "Due, a person's case" if age_s >= MANUAL_AFTER_S else "Due"
        case _:
            given = [
                str(value)
                for value in msgspec.structs.astuple(event)
                if isinstance(value, str | bool) and value != ""
            ]
            return " ".join([type(event).__name__, *given])


def _effect(effect: Effect) -> str:
    given = [value for value in msgspec.structs.astuple(effect) if isinstance(value, str)]
    return " ".join([type(effect).__name__, *given])


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
        case _:
            return str(value) if isinstance(value, str | int | None) else type(value).__name__


def _changes(before: Settlement, after: Settlement) -> Iterator[str]:
    for name in Settlement.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {_value(new)}"


def _outcome(before: Settlement, what: Decision | Misuse) -> str:
    if isinstance(what, Misuse):
        return " ".join(["refused", what.code, *(f"{name}={text}" for name, text in what.params.items())])
    told = list(_changes(before, what.settlement))
    told += [f"{move.source} to {move.target} because {move.reason}" for move in what.moves]
    if what.durable:
        told.append("written")
    if what.sent is not None:
        told.append(f"attempt {what.sent.purpose} {what.sent.infno} {what.sent.msgid}")
    if what.ended is not None:
        told.append(f"attempt ended {what.ended.state} {what.ended.verdict} {len(what.ended.answer)} bytes")
    if what.retry is not None:
        retry = what.retry
        told.append(
            f"try {retry.tries} in {retry.delay_s:g} s +-{retry.jitter:g} {retry.verdict} quiet {retry.quiet_stage}"
        )
    told += ["out of the queue"] if what.leave_queue else []
    told += ["opens a sale"] if what.opens is not None else []
    told += [f"slip {what.receipt}"] if what.receipt else []
    told += [_effect(effect) for effect in what.effects]
    return ", ".join(told) or "nothing"


def _together(events: Iterable[str]) -> str:
    """Events in one line; what follows the number of a message is listed behind it once."""
    found: dict[str, list[str]] = {}
    for event in events:
        *head, rest = event.split(" ", 2) if event.startswith("HubSaid") else (event,)
        found.setdefault(" ".join(head), []).append(rest)
    return "; ".join(
        f"{head}: {' | '.join(rests)}" if head else "; ".join(rests) for head, rests in found.items()
    )


def chapter_text(chapter: Chapter) -> str:
    """What stands in the book of one chapter."""
    situations: dict[str, dict[str, dict[str, None]]] = {}
    for before, event, what in _walk(chapter):
        place = f"== {chapter.name} {before.state}/{before.running or 'idle'}"
        outcomes = situations.setdefault(place, {})
        outcomes.setdefault(_outcome(before, what), {})[_event(event)] = None
    parts = []
    for place, outcomes in situations.items():
        parts.append(f"\n{place}")
        for outcome, events in outcomes.items():
            parts += [_together(events), f"    {outcome}"]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    for chapter in CHAPTERS:
        chapter.file.write_text(chapter_text(chapter), encoding="utf-8")
