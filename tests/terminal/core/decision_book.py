"""The book of decisions: what the core makes of every event in every situation that events can lead to.

`tests/vectors/core/decisions-*.txt` are written by

    python -m tests.terminal.core.decision_book

and held up to date by a test. They are no specification (that is `docs/SETTLEMENT.md` and the rules the other tests assert): they
are what the core does today, so that nobody changes a state, a reason in the audit log, a pause or what an operator is told
without reading it in the difference of this file.

    == flow STATE/running step      situations that look like this
    event; event                    what happened there; "2102: time-out | forged" is what came of a 2102
        what followed               the way through the states, other fields that changed, what is written and set going
    every other wish as usual       wishes that are not named above meet what stands at the top of the file

«reason», «text», «infcode» and «message id» are the event's own, «bytes» its answer as it came, «state» is where the settlement stands.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from protocols.hub.outpatient import FeeLinesOutput
from protocols.hub.person import BenefitCheckOutput, Entitlement
from protocols.hub.queries import ChronicFiling, ChronicQueryOutput, Visit, VisitQueryOutput
from protocols.hub.settlement import LineSplit, SettlementOutput
from terminal.core.advancing import WITHDRAW_BATCH
from terminal.core.events import (
    Composed,
    ComposeFailed,
    Event,
    Heard,
    HubSaid,
    Misuse,
)
from terminal.core.flows import CLINIC_VISIT, FLOWS
from terminal.core.states import FINAL
from terminal.core.values import Review, Settlement
from terminal.core.visit import WITHDRAW
from tests.terminal.core import samples
from tests.terminal.core.decision_words import outcome_text, together
from tests.terminal.core.samples import LINE, PERSON_NO, draft, good, info, person_output
from tests.terminal.core.test_reviewing import BACK, GO_ON, NOTHING, TAKEN, TOLD, WARNED
from tests.terminal.core.test_reviewing import COMPOSED as COMPOSED_3103
from tests.terminal.core.test_visit import REGISTERED, visit
from tests.terminal.core.walk import CENTRE, EVENTS, HEARD, STARTS, WISHES, walk

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "core"

_SPLIT = LineSplit(
    line_no="V7001001",
    amount_fen=samples.TOTAL,
    quantity=LINE.quantity,
    price=LINE.price,
    catalogue_class="01",
)


def _visits_found(own_visit_no: str, visit_id: str) -> Heard:
    return good(VisitQueryOutput(visits=(Visit(visit_id=visit_id, own_visit_no=own_visit_no, person_no=PERSON_NO),)))  # fmt: skip


_VISIT_ANSWERS: dict[str, dict[str, Heard]] = {
    "1101": {"person": good(person_output())},
    "2001": {
        "entitled": good(BenefitCheckOutput(trtinfo=(Entitlement(entitled="1"),))),
        "not entitled": good(BenefitCheckOutput(trtinfo=(Entitlement(entitled="0", reason="未备案"),))),
    },
    "5301": {
        "a filing": good(ChronicQueryOutput(filings=(ChronicFiling(disease_code="M01600", disease_name="糖尿病"),))),
        "no filing": good(ChronicQueryOutput()),
    },
    "2201": {"registered": REGISTERED},
    "2203A": {"done": good({})},
    "2204": {"charged": good(FeeLinesOutput(line_splits=(_SPLIT,)))},
    "2206A": {"quoted": good(SettlementOutput(info=info(echoed_message_id="")))},
    "2207A": {
        "booked": good(SettlementOutput(info=info(echoed_message_id="M-2207A"))),
        "booked, 1 fen in cash": good(SettlementOutput(info=info(3749, echoed_message_id="M-2207A"))),
    },
    "2208": {"cancelled": good(samples.cancelled_output(echoed_message_id="M-2208"))},
    "2205": {"done": good({})},
    "2202": {"done": good({})},
    "2601": {"done": good({}), "already undone": samples.ALREADY, "not found": samples.NOT_FOUND},
    "5201": {
        "no visit": good(VisitQueryOutput(visits=())),
        "our visit": _visits_found("V7", "M1"),
        "our visit, under another number": _visits_found("V7", "M2"),
        "a visit of others": _visits_found("V8", "M1"),
    },
    "5203": {"not refunded": good(samples.query_output("0")), "refunded": good(samples.query_output("1"))},
}  # fmt: skip
_ANYWHERE = ("not sent", "time-out", "forged", "refused", "unknown code", "shapeless")
_VISIT_HEARD: dict[str, Heard] = {name: HEARD[name] for name in _ANYWHERE}
_VISIT_PURPOSES = {
    **dict.fromkeys(("2201", "2203A", "2204", "2205", "2202"), "STEP"),
    "2207A": "SETTLE",
    "2601": "REVERSE",
    "2208": "CANCEL",
}
_VISIT_EVENTS: dict[str, Event] = {
    **WISHES,
    **STARTS,
    **CENTRE,
    **{
        f"{infno} composed": Composed(purpose, infno, f"M-{infno}", "key", b"{}")
        for infno, purpose in _VISIT_PURPOSES.items()
    },
    **{
        f"{purpose} not composed": ComposeFailed(purpose, "key_locked")
        for purpose in ("STEP", "SETTLE", "REVERSE", "CANCEL")
    },
    **{
        f"{infno} {name}": HubSaid(infno, heard)
        for infno, answers in _VISIT_ANSWERS.items()
        for name, heard in (_VISIT_HEARD | answers).items()
    },
}
_REVIEW_WISHES: dict[str, Event] = {
    **{name: WISHES[name] for name in ("code scanned", "two lines", "agreed", "quote asked", "given up")},
    "review: carry on": GO_ON,
    "review: go back": BACK,
    "prescription taken": TAKEN,
}
_REVIEW_EVENTS: dict[str, Event] = {
    **_REVIEW_WISHES,
    "restart": STARTS["restart"],
    "centre: person": samples.DECODED,
    "1101 person": samples.IDENTIFIED,
    "2101 quoted": samples.QUOTED,
    "3101 nothing found": NOTHING,
    "3101 one finding": WARNED,
    "3103 composed": COMPOSED_3103,
    "STEP not composed": ComposeFailed("STEP", "key_locked"),
    "3103 done": TOLD,
    **{
        f"{infno} {name}": HubSaid(infno, heard)
        for infno in ("3101", "3103")
        for name, heard in (_VISIT_HEARD | {"something else": HEARD["something else"]}).items()
    },
}


class Chapter(NamedTuple):
    """Where a walk begins, and what may happen on it, by plain names."""

    name: str
    file: Path
    starts: Sequence[Settlement]
    wishes: Collection[str]
    """Names of the events that are decided or refused in every situation."""
    events: Mapping[str, Event]


CHAPTERS = (
    Chapter("purchase", FOLDER / "decisions-purchase.txt", (draft(),), WISHES, EVENTS),
    Chapter(
        "visit",
        FOLDER / "decisions-visit.txt",
        (draft(flow=CLINIC_VISIT.name), visit()),
        WISHES,
        _VISIT_EVENTS,
    ),
    Chapter(
        "purchase with review",
        FOLDER / "decisions-review.txt",
        (draft(review=Review()),),
        _REVIEW_WISHES,
        _REVIEW_EVENTS,
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


class Situation(NamedTuple):
    """What can happen in one place, and to which events."""

    place: str
    is_idle: bool
    outcomes: dict[str, list[str]]

    def only(self, name: str) -> str:
        """The one outcome of an event, or "" if it has several or none."""
        found = [outcome for outcome, names in self.outcomes.items() if name in names]
        return found[0] if len(found) == 1 else ""


def _situations(chapter: Chapter) -> list[Situation]:
    found: dict[str, Situation] = {}
    for before, name, event, what in walk(chapter.starts, chapter.events, _kind, _is_own):
        if isinstance(what, Misuse) and what.code == "out_of_turn":
            continue  # who answers without being asked: the same everywhere
        place = f"{before.state}/{before.running or 'idle'}"
        situation = found.setdefault(place, Situation(place, not before.running, {}))
        names = situation.outcomes.setdefault(outcome_text(before, event, what), [])
        if name not in names:
            names.append(name)
    return list(found.values())


def _usual(chapter: Chapter, situations: Sequence[Situation], *, idle: bool) -> dict[str, str]:
    """What each wish meets in most places: a refusal or nothing."""
    met = {name: Counter[str]() for name in chapter.wishes}
    for situation in situations:
        if situation.is_idle is idle:
            for name in chapter.wishes:
                only = situation.only(name)
                if only == "nothing" or only.startswith("refused"):
                    met[name][only] += 1
    return {name: counted.most_common(1)[0][0] for name, counted in met.items() if counted}


def _usual_lines(chapter: Chapter, usual: Mapping[str, str], when: str) -> Iterator[str]:
    by_outcome: dict[str, list[str]] = {}
    for name in chapter.wishes:
        by_outcome.setdefault(usual.get(name, "always named"), []).append(name)
    yield f"as usual while {when}"
    yield from (f"    {'; '.join(names)}: {outcome}" for outcome, names in by_outcome.items())


def _situation_lines(chapter: Chapter, situation: Situation, usual: Mapping[str, str]) -> Iterator[str]:
    """Events and their outcome; the wishes that meet nothing but the usual come last, unnamed.

    In a place that only what is read from disk at a start passes through, no wish is met.
    """
    met = {name for names in situation.outcomes.values() for name in names}
    folded: set[str] = set()
    if met.issuperset(chapter.wishes):
        folded = {name for name in chapter.wishes if situation.only(name) == usual.get(name)}
    yield ""
    yield f"== {chapter.name} {situation.place}"
    for outcome, names in situation.outcomes.items():
        if named := [name for name in names if name not in folded]:
            yield together(named)
            yield f"    {outcome}"
    if folded:
        yield "every other wish as usual"


def chapter_text(chapter: Chapter) -> str:
    """What stands in the book of one chapter."""
    situations = _situations(chapter)
    idle, busy = _usual(chapter, situations, idle=True), _usual(chapter, situations, idle=False)
    lines = [*_usual_lines(chapter, idle, "idle"), *_usual_lines(chapter, busy, "something is running")]
    for situation in situations:
        lines += _situation_lines(chapter, situation, idle if situation.is_idle else busy)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for chapter in CHAPTERS:
        chapter.file.write_text(chapter_text(chapter), encoding="utf-8")
