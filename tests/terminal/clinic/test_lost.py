"""Every message of a visit is lost once, twice and for hours: the visit comes to a clean end all the same."""

from pathlib import Path

import pytest

from terminal.core.states import BOOKED, State
from terminal.core.values import Settlement
from tests.terminal.clinic.clinic import STORY, TABLETS, Clinic, Window, state_of
from tests.terminal.harness import virtual

LOSSES = ("lose-answer", "lose-request")
UNPROVEN = ("bad-signature", "html", "cut 40", "delay 31")
"""Answers that prove nothing: for the terminal as good as lost, while the hub has acted."""
BOOKING = ("2201", "2203A", "2204", "2205")
ASKING = ("1101", "2001", "5301", "2206A")


async def whole_visit(window: Window) -> Settlement:
    """Arrive, be quoted, change the sheet, be quoted again; whoever stands at the desk asks again when told to."""
    known = await window.arrive()
    if known.filings is None:
        known = await window.counter.sales.quote(known.id)
    priced = await quoted(window, await window.pick(known))
    await window.counter.sales.set_lines(priced.id, (TABLETS, *STORY[:1]))
    return await window.confirm(await quoted(window, await window.counter.sales.quote(priced.id)))


async def quoted(window: Window, settlement: Settlement) -> Settlement:
    """Ask for the quote once more if there is none yet."""
    if settlement.state is not State.PRICED:
        settlement = await window.counter.sales.quote(settlement.id)
    assert settlement.state is State.PRICED, settlement.notice
    return settlement


@pytest.mark.parametrize("infno", [*ASKING, *BOOKING])
@pytest.mark.parametrize("fault", [*LOSSES, *UNPROVEN])
@virtual
async def test_a_visit_gets_over_a_lost_message_before_the_money(
    fault: str, infno: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.arm(fault, infno)
    settled = await whole_visit(window)
    assert state_of(settled) == (State.CONFIRMED, "settled")
    assert len(clinic.world.hub.fired) == 1
    assert len(clinic.visits()) == 1
    assert (await window.cancel(settled)).state is State.CANCELLED
    await window.finish()


REMEDIES = {
    ("2201", "lose-answer"): ["2201", "5201", "2203A"],
    ("2201", "lose-request"): ["2201", "5201", "2201", "2203A"],
    ("2203A", "lose-answer"): ["2203A", "2203A", "2204"],
    ("2203A", "lose-request"): ["2203A", "2203A", "2204"],
    ("2204", "lose-answer"): ["2204", "2205", "2204", "2206A"],
    ("2204", "lose-request"): ["2204", "2205", "2204", "2206A"],
}


@pytest.mark.parametrize(("infno", "fault"), REMEDIES)
@virtual
async def test_the_remedy_of_a_lost_step_follows_by_itself(infno: str, fault: str, tmp_path: Path) -> None:
    """5201 finds a registration, 2205 takes the batch back before it goes up under a new number, 2203A is sent again."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.arm(fault, infno)
    priced = await window.priced()
    assert state_of(priced) == (State.PRICED, "")
    sent = clinic.hub_link.transactions()
    began = sent.index(infno)
    assert sent[began : began + len(REMEDIES[infno, fault])] == REMEDIES[infno, fault]
    if infno == "2204":
        found = "done" if fault == "lose-answer" else "refused"
        assert ("2205", "ANSWERED", found) in window.steps(priced)
        assert {line.chrg_bchno[-3:] for line in clinic.world.ledger.unsettled_lines(priced.visit_id)} == {
            "002"
        }
    await window.abandon(priced)
    await window.finish()


SILENT_AT = {"2201": "register", "2203A": "diagnose", "2204": "charge"}


@pytest.mark.parametrize("infno", SILENT_AT)
@pytest.mark.parametrize("fault", LOSSES)
@pytest.mark.parametrize("remedy_too", [False, True])
@virtual
async def test_a_hub_silent_twice_stops_the_visit_until_a_person_asks(
    remedy_too: bool, fault: str, infno: str, tmp_path: Path
) -> None:
    """The step is lost again after its remedy, or the remedy itself is lost: told, kept, and gone on with when asked."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    remedy = {"2201": "5201", "2203A": "2203A", "2204": "2205"}[infno]
    clinic.arm(fault, infno)
    clinic.arm(fault, remedy if remedy_too else infno)
    known = await window.arrive()
    stopped = await window.pick(known)
    if infno == "2201" and fault == "lose-answer" and not remedy_too:
        # 5201 found the visit: there is no second 2201 to lose.
        assert stopped.state is State.PRICED
        clinic.world.hub.clear()
    else:
        assert state_of(stopped) == (State.DRAFT, "visit_step_unknown")
        assert stopped.unsure == (SILENT_AT[infno],)
        assert stopped.running == ""
        assert len(clinic.world.hub.fired) == 2
    await window.pass_time(600)
    assert len(clinic.visits()) <= 1, "nothing was sent meanwhile"
    again = await window.counter.sales.quote(known.id)
    assert state_of(again) == (State.PRICED, "")
    assert again.unsure == (("register",) if infno == "2201" else ()), "a lost 2201 may arrive yet"
    assert (await window.confirm(again)).state is State.CONFIRMED
    assert len(clinic.visits()) == 1, "never two visits of one person"
    await window.finish()


@pytest.mark.parametrize("infno", SILENT_AT)
@pytest.mark.parametrize("fault", LOSSES)
@virtual
async def test_given_up_after_the_hub_was_silent_twice_nothing_is_left(
    fault: str, infno: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.arm(fault, infno)
    clinic.arm(fault, {"2201": "5201", "2203A": "2203A", "2204": "2205"}[infno])
    stopped = await window.pick(await window.arrive())
    assert state_of(stopped) == (State.DRAFT, "visit_step_unknown")
    await window.abandon(stopped)
    await window.finish()
    assert clinic.visits() == []


@virtual
async def test_a_hub_silent_for_good_is_asked_by_every_wish_and_never_in_a_loop(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    clinic.arm("lose-request", "2201", 1000)
    clinic.arm("lose-request", "5201", 1000)
    await window.pick(known)
    for _ in range(5):
        assert state_of(await window.counter.sales.quote(known.id)) == (State.DRAFT, "visit_step_unknown")
    assert clinic.hub_link.transactions()[3:] == ["2201", *["5201"] * 6]
    clinic.world.hub.clear()
    await window.abandon(known)
    await window.finish()


# -- the money ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lose-answer", *UNPROVEN])
@virtual
async def test_a_settlement_without_a_proof_is_reversed_and_the_visit_withdrawn(
    fault: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm(fault, "2207A")
    doubtful = await window.confirm(priced)
    assert state_of(doubtful) == (State.DOUBT, "doubt")
    assert doubtful.owed == (), "the money first"
    await window.rest()
    over = await window.get(priced)
    assert (over.state, over.unseen) == (State.REVERSED, False)
    (told,) = clinic.hub_link.inputs("2601")
    psn_no = clinic.world.person("yi").psn_no
    assert told["data"] == {
        "psn_no": psn_no,
        "omsgid": priced.settle_msgid or over.settle_msgid,
        "oinfno": "2207A",
    }
    assert window.steps(over)[-3:] == [
        ("2601", "ANSWERED", "done"),
        ("2205", "ANSWERED", "done"),
        ("2202", "ANSWERED", "done"),
    ]
    assert (clinic.live(), clinic.visits(), clinic.balance_fen("yi")) == ([], [], 5000)
    await window.finish()


@pytest.mark.parametrize("fault", ["amount-off", "other-person"])
@virtual
async def test_an_answer_that_does_not_fit_is_reversed_and_the_visit_withdrawn(
    fault: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm(fault, "2207A")
    assert state_of(await window.confirm(priced)) == (State.CONFIRMED, "quarantined")
    await window.rest()
    assert (await window.get(priced)).state is State.REVERSED
    assert (clinic.live(), clinic.visits()) == ([], [])
    assert "医保结算单" not in clinic.printer.titles()
    await window.finish()


@virtual
async def test_a_settlement_that_never_arrived_is_over_after_the_quiet_time_and_then_withdrawn(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-request", "2207A")
    await window.confirm(priced)
    await window.pass_time(1)
    once = await window.get(priced)
    assert (once.state, once.owed) == (State.REVERSED_ONCE, ())
    assert len(clinic.visits()) == 1, "the visit stays while its settlement may still arrive"
    await window.pass_time(100)
    assert clinic.hub_link.transactions()[-1] == "2601"
    await window.rest()
    over = await window.get(priced)
    assert state_of(over) == (State.REVERSED, "reversed_unseen")
    assert clinic.hub_link.transactions()[-4:] == ["2601", "2601", "2205", "2202"]
    await window.finish()


@pytest.mark.parametrize("fault", LOSSES)
@virtual
async def test_a_reversal_without_answer_is_repeated_before_the_visit_is_withdrawn(
    fault: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-answer", "2207A")
    clinic.arm(fault, "2601", 3)
    await window.confirm(priced)
    await window.rest()
    assert (await window.get(priced)).state is State.REVERSED
    sent = [infno for infno in clinic.hub_link.transactions() if infno != "5201"]
    assert sent[-6:] == ["2601", "2601", "2601", "2601", "2205", "2202"], (
        "beside the question whether the hub is there"
    )
    await window.finish()


@pytest.mark.parametrize("fault", [*LOSSES, *UNPROVEN])
@pytest.mark.parametrize("ask_lost", [False, True])
@virtual
async def test_a_cancellation_without_answer_is_finished_and_the_visit_withdrawn(
    ask_lost: bool, fault: str, tmp_path: Path
) -> None:
    """5203 says whether it has arrived; if not it is repeated (K65)."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    clinic.arm(fault, "2208")
    if ask_lost:
        clinic.arm("lose-answer", "5203")
    doubtful = await window.cancel(settled)
    assert state_of(doubtful) == (State.CANCEL_DOUBT, "cancel_doubt")
    assert doubtful.owed == ()
    await window.rest()
    assert state_of(await window.get(settled)) == (State.CANCELLED, "cancelled")
    repeated = ["2208"] if fault == "lose-request" else []
    sent = [infno for infno in clinic.hub_link.transactions()[8:] if infno != "5201"]
    assert sent == [  # beside the question whether the hub is there
        "2208",
        *["5203"] * (1 + ask_lost),
        *repeated,
        "2205",
        "2202",
    ]
    assert clinic.balance_fen("yi") == 5000
    first, slip = clinic.printer.texts()
    assert "限额余" in first
    assert "医保结算撤销单" in slip
    for word in ("限额余", "个人账户余额"):
        assert (word in slip) is (bool(repeated) and word == "个人账户余额"), "nobody told what is left now"
    await window.finish()


# -- the withdrawals ------------------------------------------------------------------------------


@pytest.mark.parametrize("infno", ["2205", "2202"])
@pytest.mark.parametrize("fault", [*LOSSES, *UNPROVEN])
@pytest.mark.parametrize("count", [1, 9])
@virtual
async def test_a_withdrawal_without_answer_is_repeated_until_it_has_one(
    count: int, fault: str, infno: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    clinic.arm(fault, infno, count)
    assert (await window.cancel(settled)).state is State.CANCELLED, "the money is over; only the visit is not"
    await window.pass_time(1)
    waiting = await window.get(settled)
    assert waiting.owed == (("2205", "2202") if infno == "2205" else ("2202",))
    await window.rest()
    assert len(clinic.world.hub.fired) == count
    assert state_of(await window.get(settled)) == (State.CANCELLED, "cancelled")
    await window.finish()
    assert clinic.visits() == []


@virtual
async def test_everything_is_lost_for_an_hour_and_then_comes_to_a_clean_end(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-answer", "2207A")
    clinic.arm("lose-answer", "", 1000)
    await window.confirm(priced)
    await window.pass_time(3600)
    assert state_of(await window.get(priced)) == (State.REVERSING, "reversal_alarm")
    assert clinic.live() == [], "the hub has long reversed it and cannot say so"
    clinic.world.hub.clear()
    await window.finish()
    assert clinic.visits() == []


@virtual
async def test_an_unproved_settlement_never_counts_as_booked_on_the_way(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("bad-signature", "2207A")
    await window.confirm(priced)
    await window.rest()
    assert window.till.moves(priced.id) == [
        "DRAFT>PRICED", "PRICED>ARMED", "ARMED>SENDING", "SENDING>DOUBT", "DOUBT>REVERSING", "REVERSING>REVERSED"
    ]  # fmt: skip
    assert BOOKED.isdisjoint(window.till.told().values())
    await window.finish()
