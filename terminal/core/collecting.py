"""Before anything that moves money is sent: lines, medium, disease, quote, agreement, giving up."""

import msgspec

from terminal.core.advancing import advance, moved
from terminal.core.benefits import needs_disease
from terminal.core.events import Decision, Misuse, Transmit
from terminal.core.flows import CLINIC_VISIT
from terminal.core.reviewing import outdated, require_answered, unreviewed
from terminal.core.states import State
from terminal.core.values import SENT_AGAIN, AttemptEnded, ChargeLine, Disease, Notice, Settlement
from terminal.core.visit import grown_unsure, owing

_replace = msgspec.structs.replace


def _require_collecting(settlement: Settlement) -> None:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in (State.DRAFT, State.PRICED):
        raise Misuse("not_open_for_changes", state=settlement.state.value)


def without_person(settlement: Settlement) -> Settlement:
    """Forget who it was; impossible once a visit stands at the hub in that person's name."""
    if settlement.visit_id or settlement.unsure:
        raise Misuse("visit_has_person")
    return _replace(
        unreviewed(settlement),
        code=None,
        code_mark="",
        medium=None,
        person=None,
        entitled=False,
        filings=None,
        disease=None,
        prescription=None,
    )


def recharge(settlement: Settlement) -> Settlement:
    """The lines at the hub are no longer these: the batch is withdrawn before the new one goes up."""
    if not settlement.charged:
        return settlement
    return grown_unsure(_replace(settlement, charged=False), "charge")


def pick_disease(settlement: Settlement, disease: Disease) -> Decision:
    if settlement.flow != CLINIC_VISIT.name:
        raise Misuse("filings_unknown")
    if needs_disease(settlement):
        _require_filed(settlement, disease.code)
    elif disease.code:
        raise Misuse("disease_not_asked")
    fresh = recharge(_replace(_with_past_diagnosis(outdated(settlement)), disease=disease, diagnosed=False))
    return advance(reprice(settlement, fresh, "disease changed"))


def _require_filed(settlement: Settlement, code: str) -> None:
    if not settlement.filings:
        raise Misuse("filings_unknown")
    filed = {filing.code: filing for filing in settlement.filings}
    if code not in filed:
        raise Misuse("disease_not_filed")
    if not filed[code].open_here:
        raise Misuse("disease_not_open")


def _with_past_diagnosis(settlement: Settlement) -> Settlement:
    """Remember the present diagnosis, if the hub may have heard of it."""
    told = settlement.diagnosed or "diagnose" in settlement.unsure
    if settlement.disease is None or not told:
        return settlement
    return _replace(settlement, past_diagnoses=(*settlement.past_diagnoses, settlement.disease))


def reprice(before: Settlement, after: Settlement, reason: str) -> Decision:
    """Take changed lines or a changed medium; a quote given before no longer holds."""
    _require_collecting(before)
    after = _replace(after, quote=None, notice=None, tries=0)
    if before.state is State.PRICED:
        after, moves = moved(after, State.DRAFT, reason)
        return Decision(after, moves)
    return Decision(after)


def set_beside(settlement: Settlement, self_pay: tuple[ChargeLine, ...]) -> Settlement:
    """Take what is sold beside the insurance; a quote stands, because none of it is asked of the hub."""
    _require_collecting(settlement)
    return _replace(settlement, self_pay=self_pay)


def ask_quote(settlement: Settlement) -> Decision:
    _require_collecting(settlement)
    if not settlement.lines:
        raise Misuse("no_lines")
    if settlement.medium is None and settlement.code is None:
        raise Misuse("no_medium")
    require_answered(settlement)
    fresh = _replace(settlement, quote=None, notice=None, tries=0)
    if settlement.state is State.PRICED:
        fresh, moves = moved(fresh, State.DRAFT, "asked again")
        return advance(Decision(fresh, moves))
    return advance(Decision(fresh))


def confirm(settlement: Settlement) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state is State.ARMED:
        return _send_again(settlement)
    if settlement.state is not State.PRICED:
        raise Misuse("nothing_to_confirm", state=settlement.state.value)
    armed, moves = moved(_replace(settlement, confirmed=True, notice=None), State.ARMED, "confirmed")
    return advance(Decision(armed, moves))


def _send_again(settlement: Settlement) -> Decision:
    """An armed settlement was composed and proved unsent: same id, same bytes."""
    attempt = settlement.attempt
    if attempt is None or attempt.purpose != "SETTLE":
        return advance(Decision(_replace(settlement, notice=None)))
    sending, moves = moved(
        _replace(settlement, notice=None, running="settle"), State.SENDING, "sent again, was proved unsent"
    )
    sending = _replace(sending, in_flight=True)
    return Decision(
        sending, moves, (Transmit(attempt.infno, attempt.msgid, attempt.request),), durable=True,
        ended=AttemptEnded(attempt.msgid, "SENT", SENT_AGAIN),
    )  # fmt: skip


def abandon(settlement: Settlement) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in (State.DRAFT, State.PRICED, State.ARMED):
        raise Misuse("too_late_to_abandon", state=settlement.state.value)
    gone, moves = moved(forget_medium(settlement), State.ABANDONED, "given up")
    code = "abandoned" if settlement.refund_of is None else "refund_rest_abandoned"
    return owing(Decision(_replace(gone, notice=Notice(code)), moves, durable=True))


def forget_medium(settlement: Settlement) -> Settlement:
    return _replace(settlement, code=None, medium=None)
