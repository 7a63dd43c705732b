"""Charge lines whose upload was lost and arrives late, behind the settlement, do not stay at the settled visit."""

from pathlib import Path

from terminal.core.states import State
from terminal.fleet.building import facts_of
from tests.faults import fired
from tests.terminal.api.calling import Api
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.harness import virtual


async def settled_with_a_straggler(clinic: Clinic, window: Window) -> tuple[str, bytes]:
    """A settled visit whose first upload was lost on the way; its id, and the bytes that still travel."""
    clinic.arm("lose-request", "2204")
    settled = await window.settled()
    assert settled.state is State.CONFIRMED
    assert settled.stray_lines
    lost = next(exchange.body for exchange in clinic.hub_link.sent if exchange.infno == "2204")
    return settled.id, lost


@virtual
async def test_late_lines_are_withdrawn_after_the_quiet_time(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settlement_id, lost = await settled_with_a_straggler(clinic, window)
    await window.pass_time(5)
    clinic.hub_link.deliver(lost)
    fired("F41")
    (visit,) = clinic.visits()
    assert clinic.world.ledger.unsettled_lines(visit.mdtrt_id)
    await window.rest()
    known = await window.counter.settlements.get(settlement_id)
    assert (known.state, known.owed, known.stray_lines) == (State.CONFIRMED, (), False)
    await window.finish()
    assert clinic.hub_link.transactions()[-1] == "2205"


@virtual
async def test_a_settled_visit_that_waits_for_stray_lines_is_no_doubt_anywhere(tmp_path: Path) -> None:
    """Its money is known: status, health and fleet count outcomes, the list of open ends names it."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settlement_id, _ = await settled_with_a_straggler(clinic, window)
    api = Api(window.till, window_config(clinic.institution, clinic.slot))
    assert [one["id"] for one in await api.get("/doubts")] == [settlement_id]
    health = await api.get("/health")
    assert health["status"]["doubts"] == 0
    assert health["doubts"] == {
        "under_2_min": 0, "under_1_h": 0, "under_24_h": 0, "over_24_h": 0, "oldest_s": 0,
    }  # fmt: skip
    assert facts_of(api.service, window.counter).doubts_since == ()
    await window.rest()
    await window.finish()


@virtual
async def test_lines_that_never_arrive_cost_one_question(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settlement_id, _ = await settled_with_a_straggler(clinic, window)
    await window.counter.sales.acknowledge(settlement_id, "N01")
    await window.finish()
    assert clinic.hub_link.transactions().count("2205") == 2


@virtual
async def test_a_restart_keeps_the_withdrawal_and_begins_the_quiet_time_anew(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settlement_id, lost = await settled_with_a_straggler(clinic, window)
    await window.counter.sales.acknowledge(settlement_id, "N01")
    await window.pass_time(5)
    assert (await window.counter.settlements.get(settlement_id)).state is State.CLOSED
    window = await window.restart()
    assert (await window.counter.settlements.get(settlement_id)).owed == ("2205",)
    await window.pass_time(clinic.profile.quiet_s - 5)
    clinic.hub_link.deliver(lost)
    await window.finish()


@virtual
async def test_a_cancellation_takes_over_and_a_refused_one_gives_back(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settlement_id, lost = await settled_with_a_straggler(clinic, window)
    clinic.hub_link.down = True
    kept = await window.counter.sales.cancel(settlement_id, "N01", "")
    assert (kept.state, kept.owed) == (State.CONFIRMED, ("2205",))
    clinic.hub_link.down = False
    clinic.arm("lose-answer", "2208")
    clinic.hub_link.deliver(lost)
    assert (await window.counter.sales.cancel(settlement_id, "N01", "")).state is State.CANCEL_DOUBT
    await window.rest()
    assert (await window.counter.settlements.get(settlement_id)).state is State.CANCELLED
    assert clinic.visits() == []
    await window.finish()
