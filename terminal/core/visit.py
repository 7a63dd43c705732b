"""Steps that change the hub but move no money: registration, diagnosis, charge lines, and their undo.

A lost answer is not a doubt about money, so the settlement stays where it is; but the hub may have acted, so the step
is *unsure* until its remedy is answered: 5201 finds a registration, 2205 withdraws a batch before it is uploaded anew,
a diagnosis is simply sent again. The remedy follows once by itself; if the hub stays silent, the next wish of a person
goes on from there.

A visit that ends without a settlement owes its withdrawals (2205 for all lines, then 2202). They are kept in the queue
of tries like a reversal and never expire. A 2202 that is done ends them. One that is refused proves little: 5201 is
asked whether the visit still stands. Gone is as good as done; otherwise both are tried again for half an hour, and then
a person is told, because only the hub's people can help.

A lost registration may arrive late, like any message. Our own visit number keeps the hub from opening two at a time,
but one that arrives behind the withdrawal opens a visit anew. So the step stays unsure for good, and when such a visit
is over 5201 is asked once more after the quiet time.

Lost lines may arrive late too, behind the 2205 that found nothing of them. When the visit is settled by then, they would
stand there unsettled, so all unsettled lines of that visit are withdrawn once more after the quiet time; what is settled
the hub does not withdraw.
"""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.advancing import (
    FIND_VISIT,
    WITHDRAW_BATCH,
    advance,
    ended,
    question_failed,
)
from terminal.core.events import Answered, Ask, Compose, Decision, Effect, Heard, Wake
from terminal.core.flows import FLOWS, WITHDRAWALS, Act
from terminal.core.message_parts import Misfit
from terminal.core.messages import READERS
from terminal.core.outcome import JITTER, Verdict, judge, reason_of, retry_delay_s
from terminal.core.states import BOOKED
from terminal.core.values import AttemptEnded, Notice, Retry, Settlement
from terminal.core.visit_messages import found_visit

_replace = msgspec.structs.replace

REGISTER = "register"
"""Name of the step that opens the visit."""
WITHDRAW = "withdraw"
"""Running: a withdrawal that the ended visit owes."""
AUTOMATIC_TRIES = 1
"""How often a lost answer is followed up by itself before a person is asked."""
REFUSED_TRIES = 12
"""A withdrawal refused so often while the visit still stands is given up; the half hour it takes outlasts a hiccup."""


def is_booking(settlement: Settlement) -> bool:
    """True when the message in flight is a booked step, a remedy or a withdrawal."""
    names = {step.name for step in FLOWS[settlement.flow].steps if step.act is Act.BOOK}
    return settlement.running in names | {FIND_VISIT, WITHDRAW_BATCH, WITHDRAW}


def booking_said(settlement: Settlement, infno: str, heard: Heard, profile: Profile) -> Decision:
    """Draw the conclusion from the answer (or silence) to whatever of a visit is in flight."""
    verdict = judge(heard, profile)
    if settlement.owed and settlement.running == FIND_VISIT:
        return _visit_looked_for(_idle(settlement), verdict, heard, profile)
    if settlement.owed:
        return _withdrawal_said(settlement, verdict, heard, profile)
    if settlement.running == FIND_VISIT:
        return _find_visit_said(settlement, verdict, heard)
    if settlement.running == WITHDRAW_BATCH:
        return _batch_said(settlement, verdict, heard)
    return _step_said(settlement, infno, verdict, heard, profile)


def grown_unsure(settlement: Settlement, name: str) -> Settlement:
    """Note that the hub may hold more of this step than we know."""
    if name in settlement.unsure:
        return settlement
    return _replace(settlement, unsure=(*settlement.unsure, name))


def _sure(settlement: Settlement, name: str) -> Settlement:
    return _replace(settlement, unsure=tuple(step for step in settlement.unsure if step != name))


def _idle(settlement: Settlement) -> Settlement:
    return _replace(settlement, running="", in_flight=False)


def _step_said(
    settlement: Settlement, infno: str, verdict: Verdict, heard: Heard, profile: Profile
) -> Decision:
    name, idle = settlement.running, _idle(settlement)
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        try:
            known = READERS[infno](idle, heard.output, profile)
        except Misfit as misfit:
            return _unknown(settlement, Notice(misfit.code, misfit.params), misfit.code, heard)
        sure = known if name == REGISTER else _sure(known, name)
        done = _replace(sure, tries=0, notice=None)
        return advance(Decision(done, durable=True, ended=ended(settlement, "ANSWERED", "done", heard)))
    if verdict in (Verdict.REFUSED, Verdict.UNSENT):
        state = "ANSWERED" if verdict is Verdict.REFUSED else "UNSENT"
        told = _replace(idle, notice=question_failed(verdict, heard, profile))
        return Decision(told, durable=True, ended=ended(settlement, state, verdict.value, heard))
    return _unknown(settlement, _lost(heard), reason_of(heard), heard)


def _unknown(settlement: Settlement, notice: Notice, reason: str, heard: Heard) -> Decision:
    """No answer, or one that does not name our visit and our lines: the remedy follows, once by itself."""
    unsure = grown_unsure(_idle(settlement), settlement.running)
    told = _replace(unsure, tries=settlement.tries + 1, notice=notice)
    decision = Decision(told, durable=True, ended=ended(settlement, "UNKNOWN", reason, heard))
    return advance(decision) if settlement.tries < AUTOMATIC_TRIES else decision


def _lost(heard: Heard) -> Notice:
    return Notice("visit_step_unknown", {"reason": reason_of(heard)})


def _find_visit_said(settlement: Settlement, verdict: Verdict, heard: Heard) -> Decision:
    idle = _idle(settlement)
    if verdict is not Verdict.DONE or not isinstance(heard, Answered):
        return Decision(_replace(idle, notice=_lost(heard)))
    visit_id = found_visit(settlement, heard.output)
    if visit_id:
        return advance(Decision(_replace(idle, visit_id=visit_id), durable=True))
    message = FLOWS[settlement.flow].step(REGISTER).message
    return Decision(_replace(idle, running=REGISTER), (), (Compose("STEP", message),))


def _batch_said(settlement: Settlement, verdict: Verdict, heard: Heard) -> Decision:
    """Done, or refused because there is nothing to withdraw: either way the batch is not at the hub any more."""
    idle = _idle(settlement)
    if verdict in (Verdict.DONE, Verdict.REFUSED):
        stray = settlement.stray_lines or verdict is Verdict.REFUSED
        fresh = _replace(_sure(idle, "charge"), charged=False, batch=settlement.batch + 1, stray_lines=stray)
        return advance(
            Decision(fresh, durable=True, ended=ended(settlement, "ANSWERED", verdict.value, heard))
        )
    state = "UNSENT" if verdict is Verdict.UNSENT else "UNKNOWN"
    told = _replace(idle, notice=_lost(heard))
    return Decision(told, durable=True, ended=ended(settlement, state, reason_of(heard), heard))


# -- withdrawals -------------------------------------------------------------------------------------------


def withdrawals_of(settlement: Settlement) -> tuple[str, ...]:
    """What a visit that ends without a settlement owes to the hub."""
    lines = bool(settlement.visit_id) and (settlement.charged or "charge" in settlement.unsure)
    visit = bool(settlement.visit_id) or REGISTER in settlement.unsure
    owed = {"2205": lines, "2202": visit}
    return tuple(message for message in WITHDRAWALS if owed[message])


def owing(decision: Decision) -> Decision:
    """Add to a decision that ends a visit what the visit still owes; without anything owed it is unchanged."""
    owed = withdrawals_of(decision.settlement)
    if not owed:
        return decision
    return _replace(
        decision,
        settlement=_replace(decision.settlement, owed=owed, tries=0, quiet_stage=0, refusals=0),
        effects=(*decision.effects, Wake()),
        retry=Retry(0, 0.0, 0.0, "withdrawals owed", 0),
        leave_queue=False,
        durable=True,
    )


def owing_stray_lines(decision: Decision, profile: Profile) -> Decision:
    """A settled visit whose lost lines may still arrive withdraws all that is unsettled, once, after the quiet time."""
    if not decision.settlement.stray_lines:
        return decision
    return _replace(
        decision,
        settlement=_replace(decision.settlement, owed=("2205",), tries=0, quiet_stage=0, refusals=0),
        effects=(*decision.effects, Wake()),
        retry=Retry(0, profile.quiet_s, 0.0, "stray lines", 0),
        leave_queue=False,
    )


def withdraw(settlement: Settlement) -> Decision:
    """Send the next withdrawal; a visit whose number never came back is looked for first."""
    running: str = WITHDRAW
    effect: Effect = Compose("STEP", settlement.owed[0])
    if not settlement.visit_id:
        running, effect = FIND_VISIT, Ask("5201")
    return Decision(_replace(settlement, running=running), (), (effect,))


def _withdrawal_said(settlement: Settlement, verdict: Verdict, heard: Heard, profile: Profile) -> Decision:
    idle = _idle(settlement)
    if verdict not in (Verdict.DONE, Verdict.REFUSED) or not isinstance(heard, Answered):
        state = "UNSENT" if verdict is Verdict.UNSENT else "UNKNOWN"
        return withdraw_later(idle, ended(settlement, state, reason_of(heard), heard), verdict)
    record = ended(settlement, "ANSWERED", verdict.value, heard)
    if verdict is Verdict.REFUSED and settlement.owed[0] == "2202":
        return _refused_to_withdraw(idle, heard.err_msg, record)
    stray = settlement.stray_lines and settlement.owed[0] != "2205"
    return _continue(_replace(idle, owed=settlement.owed[1:], stray_lines=stray), record, profile)


def _refused_to_withdraw(settlement: Settlement, text: str, record: AttemptEnded) -> Decision:
    if settlement.refusals >= REFUSED_TRIES:
        told = _replace(settlement, owed=(), notice=Notice("withdrawal_refused", {"text": text}))
        return Decision(told, durable=True, ended=record, leave_queue=True)
    asking = _replace(settlement, running=FIND_VISIT)
    return Decision(asking, (), (Ask("5201"),), durable=True, ended=record)


def _visit_looked_for(settlement: Settlement, verdict: Verdict, heard: Heard, profile: Profile) -> Decision:
    """5201 has said whether a visit stands under our number: none is the end, another one is withdrawn at once."""
    if verdict is not Verdict.DONE or not isinstance(heard, Answered):
        return withdraw_later(settlement, None, verdict)
    visit_id = found_visit(settlement, heard.output)
    if not visit_id:
        return _continue(_replace(settlement, owed=()), None, profile)
    if visit_id != settlement.visit_id:
        return _continue(_replace(settlement, visit_id=visit_id, owed=WITHDRAWALS), None, profile)
    refused = _replace(settlement, owed=WITHDRAWALS, refusals=settlement.refusals + 1)
    return withdraw_later(refused, None, Verdict.REFUSED)


def _wait_for_stragglers(settlement: Settlement, record: AttemptEnded | None, profile: Profile) -> Decision:
    """A lost registration may still be travelling: 5201 is asked once more after the quiet time, as a 2601 is."""
    retry = Retry(settlement.tries, profile.quiet_s, 0.0, Verdict.NOT_FOUND.value, settlement.quiet_stage)
    return Decision(settlement, (), (Wake(),), durable=True, ended=record, retry=retry)


def found_owing(settlement: Settlement, record: AttemptEnded | None, profile: Profile) -> Decision:
    """After a restart what is owed goes on at once; a quiet time begins anew, because the wall clock may have jumped."""
    if settlement.state in BOOKED or (settlement.quiet_stage == 1 and not settlement.visit_id):
        return _wait_for_stragglers(_replace(settlement, tries=0), record, profile)
    retry = Retry(settlement.tries, 0.0, 0.0, "restart", settlement.quiet_stage)
    return Decision(settlement, (), (Wake(),), durable=True, ended=record, retry=retry)


def waits_for_stragglers(settlement: Settlement) -> bool:
    """True while the quiet time of a visit that is over has not passed: nothing may bring its question forward."""
    if not settlement.owed or settlement.tries:
        return False
    return settlement.state in BOOKED or (settlement.quiet_stage == 1 and not settlement.visit_id)


def _continue(settlement: Settlement, record: AttemptEnded | None, profile: Profile) -> Decision:
    if settlement.owed:
        return _replace(withdraw(settlement), durable=True, ended=record)
    if REGISTER in settlement.unsure and settlement.quiet_stage == 0 and settlement.state not in BOOKED:
        waiting = _replace(settlement, visit_id="", owed=("2202",), tries=0, quiet_stage=1)
        return _wait_for_stragglers(waiting, record, profile)
    return Decision(_replace(settlement, tries=0), durable=True, ended=record, leave_queue=True)


def withdraw_later(settlement: Settlement, record: AttemptEnded | None, verdict: Verdict) -> Decision:
    """No usable answer: the same withdrawal again later, for ever."""
    tries = settlement.tries + 1
    retry = Retry(tries, retry_delay_s(tries), JITTER, verdict.value, settlement.quiet_stage)
    waiting = _replace(settlement, running="", tries=tries)
    return Decision(waiting, (), (Wake(),), durable=True, ended=record, retry=retry)
