"""A visit given up at any step: what stands at the hub is taken back, and owed until the hub has answered."""

import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from simulators.hub.faults import Delivery
from terminal.core.events import Misuse, Reopened
from terminal.core.states import State
from terminal.core.values import Settlement
from tests.terminal.clinic.clinic import STORY, Clinic, Window, state_of
from tests.terminal.harness import virtual


async def identified(window: Window) -> Settlement:
    """The person is known, the answer about the entitlement was lost."""
    window.clinic.arm("lose-answer", "2001")
    return await window.arrive()


async def entitled(window: Window) -> Settlement:
    """The answer about the filings was lost."""
    window.clinic.arm("lose-answer", "5301")
    return await window.arrive()


async def filings_known(window: Window) -> Settlement:
    """Nothing was picked yet."""
    return await window.arrive()


async def registered(window: Window) -> Settlement:
    """A visit stands at the hub; the hub refused to hear the diagnosis in a gateway's words."""
    known = await window.arrive()
    window.clinic.arm("html", "2203A", 2)
    return await window.pick(known)


async def diagnosed(window: Window) -> Settlement:
    """The hub knows the diagnosis; nothing is on the sheet."""
    return await window.pick(await window.arrive(lines=()))


async def charged(window: Window) -> Settlement:
    """The lines stand at the hub, the quote was lost."""
    known = await window.arrive()
    window.clinic.arm("lose-answer", "2206A")
    return await window.pick(known)


async def quoted(window: Window) -> Settlement:
    """The person does not agree to the quote."""
    return await window.priced()


async def changed(window: Window) -> Settlement:
    """Other lines were put on the sheet after the quote and not quoted yet."""
    priced = await window.priced()
    return await window.counter.sales.set_lines(priced.id, STORY[:1])


async def armed(window: Window) -> Settlement:
    """The person agreed, and the settlement proved unsent."""
    priced = await window.priced()
    window.clinic.hub_link.down = True
    unsent = await window.confirm(priced)
    window.clinic.hub_link.down = False
    assert state_of(unsent) == (State.ARMED, "not_sent")
    return unsent


Reach = Callable[[Window], Awaitable[Settlement]]
NOTHING: tuple[str, ...] = ()
VISIT_ONLY, ALL = ("2202",), ("2205", "2202")
STEPS: dict[str, tuple[Reach, tuple[str, ...]]] = {
    reach.__name__: (reach, owed)
    for reach, owed in (
        (identified, NOTHING),
        (entitled, NOTHING),
        (filings_known, NOTHING),
        (registered, VISIT_ONLY),
        (diagnosed, VISIT_ONLY),
        (charged, ALL),
        (quoted, ALL),
        (changed, ALL),
        (armed, ALL),
    )
}


@pytest.mark.parametrize("step", STEPS)
@virtual
async def test_a_visit_given_up_takes_back_what_stands_at_the_hub(step: str, tmp_path: Path) -> None:
    reach, owed = STEPS[step]
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    reached = await reach(window)
    before = len(clinic.hub_link.sent)
    gone = await window.abandon(reached)
    assert state_of(gone) == (State.ABANDONED, "abandoned")
    assert gone.owed == owed, "told before the hub was asked"
    assert (gone.medium, gone.code) == (None, None)
    await window.rest()
    assert tuple(exchange.infno for exchange in clinic.hub_link.sent[before:]) == owed
    assert clinic.visits() == []
    assert (await window.abandon(gone)).state is State.ABANDONED, "giving up twice is the same as once"
    await window.finish()


@pytest.mark.parametrize("step", [step for step, (_, owed) in STEPS.items() if owed])
@virtual
async def test_given_up_while_the_hub_is_down_the_withdrawal_is_owed_until_it_answers(
    step: str, tmp_path: Path
) -> None:
    reach, owed = STEPS[step]
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    reached = await reach(window)
    clinic.hub_link.down = True
    gone = await window.abandon(reached)
    await window.pass_time(3600)
    waiting = await window.get(gone)
    assert (waiting.state, waiting.owed, window.queued()) == (State.ABANDONED, owed, 1)
    assert len(clinic.visits()) == 1

    tries = window.till.attempts(gone.id)
    assert {row[2] for row in tries if row[1] == owed[0]} == {"UNSENT"}
    assert 13 <= len([row for row in tries if row[1] == owed[0]]) <= 25, (
        "5, 10, 20, 40, 80 s, then every five minutes"
    )

    window = await window.restart()
    await window.pass_time(600)
    assert ((await window.get(gone)).owed, window.queued()) == (owed, 1), "owed across a restart too"
    clinic.hub_link.down = False
    await window.finish()
    assert clinic.visits() == []


@pytest.mark.parametrize("step", [step for step, (_, owed) in STEPS.items() if owed])
@virtual
async def test_a_visit_found_unfinished_at_start_is_withdrawn(step: str, tmp_path: Path) -> None:
    """Pulled plug instead of a word from the front desk. Only a settlement proved unsent waits for one."""
    reach, _ = STEPS[step]
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    reached = await reach(window)
    window = await window.restart()
    if step == "armed":
        waiting = await window.get(reached)
        assert state_of(waiting) == (State.ARMED, "not_sent")
        settled = await window.confirm(waiting)
        assert settled.state is State.CONFIRMED, "the same bytes, sent now"
        assert settled.settle_msgid == reached.settle_msgid
    else:
        await window.rest()
        assert state_of(await window.get(reached)) == (State.ABANDONED, "abandoned_at_start")
    await window.finish()
    assert len(clinic.visits()) == len(clinic.live())


@virtual
async def test_a_settlement_proved_unsent_may_be_given_up_after_a_restart(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    unsent = await armed(window)
    window = await window.restart()
    await window.abandon(unsent)
    await window.finish()
    assert (clinic.visits(), clinic.live()) == ([], [])


@virtual
async def test_another_person_is_served_while_a_withdrawal_waits(tmp_path: Path) -> None:
    """No money is in doubt, so neither the lane nor the sale number is kept."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    gone = await quoted(window)
    clinic.arm("lose-request", "2205", 5)
    await window.abandon(gone)
    again = await window.settled()
    assert (again.state, again.key.generation) == (State.CONFIRMED, 2)
    assert window.queued() == 1
    await window.finish()
    assert [visit.mdtrt_id for visit in clinic.visits()] == [again.visit_id]


@virtual
async def test_a_settled_visit_is_not_given_up(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    with pytest.raises(Misuse) as refused:
        await window.abandon(settled)
    assert refused.value.code == "too_late_to_abandon"
    await window.finish()


# -- the hub refuses ------------------------------------------------------------------------------


@virtual
async def test_a_refused_withdrawal_of_a_visit_that_is_gone_is_the_end(tmp_path: Path) -> None:
    """Somebody took the visit back by other means: both messages are refused, 5201 shows nothing."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    (visit,) = clinic.visits()
    clinic.world.ledger.remove_unsettled_lines(visit.mdtrt_id, None)
    clinic.world.ledger.change_visit(msgspec.structs.replace(visit, withdrawn=True))
    gone = await window.abandon(priced)
    await window.rest()
    assert clinic.hub_link.transactions()[-3:] == ["2205", "2202", "5201"]
    assert window.steps(gone)[-2:] == [("2205", "ANSWERED", "refused"), ("2202", "ANSWERED", "refused")]
    assert state_of(await window.get(gone)) == (State.ABANDONED, "abandoned")
    await window.finish()


@virtual
async def test_a_hub_that_forgot_the_sign_in_does_not_end_a_withdrawal(tmp_path: Path) -> None:
    """The refused 2205 took nothing back, so 2202 is refused as well; 5201 shows the visit and both are sent again."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.sign_everybody_out()
    gone = await window.abandon(priced)
    await window.rest()
    assert clinic.hub_link.transactions()[-5:] == ["2205", "2202", "5201", "2205", "2202"]
    assert [verdict for _, _, verdict in window.steps(gone)[-4:]] == ["refused", "refused", "done", "done"]
    assert clinic.visits() == []
    await window.finish()


async def reversed_unseen_but_late(clinic: Clinic, window: Window) -> Settlement:
    """The settlement is lost, twice not found, and arrives just before the lines are withdrawn."""
    priced = await window.priced()
    clinic.arm("lose-request", "2207A")
    doubtful = await window.confirm(priced)
    clinic.hub_link.deliver_before("2205", clinic.hub_link.newest("2207A"))
    return doubtful


@virtual
async def test_a_visit_that_the_hub_will_not_take_back_is_told_to_a_person(tmp_path: Path) -> None:
    """A settlement that arrives after two "not found": 2202 is refused for half an hour, then nobody hides it."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    doubtful = await reversed_unseen_but_late(clinic, window)
    await window.rest(4 * 3600)
    told = await window.get(doubtful)
    assert state_of(told) == (State.REVERSED, "withdrawal_refused")
    assert told.unseen
    assert told.notice is not None
    assert told.notice.params["text"].endswith("[VISIT_SETTLED]")
    refused = [row for row in window.steps(told) if row == ("2202", "ANSWERED", "refused")]
    assert len(refused) == 13
    (record,) = clinic.live()
    assert record.msgid == told.settle_msgid, "what the day's reconciliation will show"

    await window.counter.settlements.post(told.id, Reopened(), "two people")
    await window.rest()
    assert state_of(await window.get(told)) == (State.REVERSED, "reversed")
    await window.finish()
    assert (clinic.live(), clinic.visits()) == ([], [])


@virtual
async def test_a_settlement_that_arrives_after_the_withdrawal_is_refused_by_the_hub(tmp_path: Path) -> None:
    """Withdrawn lines protect the person: a straggler finds nothing to settle."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-request", "2207A")
    await window.confirm(priced)
    await window.rest()
    clinic.hub_link.deliver(clinic.hub_link.newest("2207A"))
    assert clinic.live() == []
    await window.finish()


# -- the registration that came late -----------------------------------------------------------------


async def stopped_at_registration(clinic: Clinic, window: Window) -> Settlement:
    """2201 never arrived, and the question about it was lost too."""
    clinic.arm("lose-request", "2201")
    clinic.arm("lose-answer", "5201")
    stopped = await window.pick(await window.arrive())
    assert state_of(stopped) == (State.DRAFT, "visit_step_unknown")
    return stopped


@virtual
async def test_a_lost_registration_is_looked_for_twice(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    stopped = await stopped_at_registration(clinic, window)
    gone = await window.abandon(stopped)
    assert gone.owed == ("2202",)
    await window.pass_time(60)
    assert window.queued() == 1
    await window.rest()
    assert clinic.hub_link.transactions()[3:] == ["2201", "5201", "5201", "5201"]
    await window.finish()


@pytest.mark.parametrize("restarted", [False, True])
@virtual
async def test_a_registration_that_arrives_after_the_first_look_is_withdrawn(
    restarted: bool, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    gone = await window.abandon(await stopped_at_registration(clinic, window))
    await window.pass_time(10)
    clinic.hub_link.deliver(clinic.hub_link.newest("2201"))
    assert len(clinic.visits()) == 1
    if restarted:
        window = await window.restart()
        await window.pass_time(60)
        assert window.queued() == 1, "the quiet time begins anew"
    await window.rest()
    assert clinic.visits() == []
    assert window.steps(gone)[-1] == ("2202", "ANSWERED", "done")
    await window.finish()


@pytest.mark.parametrize("restarted", [False, True])
@virtual
async def test_a_registration_that_opens_a_second_visit_behind_the_withdrawal_is_withdrawn_too(
    restarted: bool, tmp_path: Path
) -> None:
    """Our own number is free again once the visit is withdrawn, so a straggler may open another one under it."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.arm("lose-request", "2201")
    priced = await window.priced()
    straggler = next(exchange.body for exchange in clinic.hub_link.sent if exchange.infno == "2201")
    await window.abandon(priced)
    await window.pass_time(5)
    assert clinic.visits() == []
    assert window.queued() == 1, "asked once more after the quiet time"
    clinic.hub_link.deliver(straggler)
    (second,) = clinic.visits()
    assert second.mdtrt_id != priced.visit_id
    if restarted:
        window = await window.restart()
    await window.rest()
    assert clinic.hub_link.transactions()[-3:] == ["5201", "2205", "2202"]
    await window.finish()
    assert clinic.visits() == []


@virtual
async def test_a_registration_that_arrives_before_its_repetition_is_found_by_the_next_wish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repetition carries the same own number and is refused; 5201 then finds the first. One visit, not two."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    clinic.arm("lose-request", "2201")
    link = clinic.hub_link
    lost = link.hub.respond

    def overtaken(request: bytes, now: dt.datetime) -> Delivery:
        """Let the lost registration arrive right behind the question that did not find it."""
        delivery = lost(request, now)
        if b'"infno":"5201"' in request.replace(b" ", b"") and clinic.visits() == []:
            link.deliver(link.newest("2201"))
        return delivery

    monkeypatch.setattr(link.hub, "respond", overtaken)  # the network, not the hub, has this memory
    stopped = await window.pick(known)
    assert state_of(stopped) == (State.DRAFT, "hub_refused_question")
    assert (await window.counter.sales.quote(known.id)).state is State.PRICED
    assert link.transactions()[3:] == ["2201", "5201", "2201", "5201", "2203A", "2204", "2206A"]
    assert len(clinic.visits()) == 1
    await window.abandon(known)
    await window.finish()
