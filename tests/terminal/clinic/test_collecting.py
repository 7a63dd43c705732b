"""Before the money: who may be seen, what is refused, and what happens when the sheet changes after the quote."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.money import Fen
from protocols.secret import Secret
from simulators.hub.faults import AmountOff, Delivery
from simulators.hub.faults import Exchange as FaultyExchange
from simulators.people.model import Registration
from terminal.core.events import MediumGiven, Misuse
from terminal.core.states import State
from terminal.core.values import Medium, Settlement
from terminal.counter.wishes import DiseaseWish
from tests.terminal.clinic.clinic import (
    DIABETES,
    HYPERTENSION,
    INSULIN,
    STORY,
    TABLETS,
    Clinic,
    Window,
    state_of,
    window_config,
)
from tests.terminal.harness import virtual

QUESTIONS = ["1101", "2001", "5301"]
RETINOPATHY = DiseaseWish("M01600", "E11.300", "2型糖尿病伴眼并发症")


def file_hypertension(clinic: Clinic, who: str = "yi") -> None:
    """File a second disease for somebody."""
    filed = Registration("chronic", "M03900", "高血压病", dt.date(2025, 1, 1))
    clinic.world.ledger.register(clinic.world.person(who).psn_no, filed)


# -- who may be seen -----------------------------------------------------------------------------


@virtual
async def test_a_person_without_a_filing_is_told_so_and_nothing_is_booked(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    told = await window.arrive(who="jia")
    assert state_of(told) == (State.DRAFT, "no_filing")
    with pytest.raises(Misuse) as refused:
        await window.pick(told)
    assert refused.value.code == "filings_unknown"
    assert clinic.hub_link.transactions() == QUESTIONS
    file_hypertension(clinic, "jia")
    known = await window.counter.sales.quote(told.id)
    assert [filing.code for filing in known.filings or ()] == ["M03900"], (
        "filed meanwhile: asking again goes on"
    )
    await window.abandon(known)
    await window.finish()
    assert clinic.hub_link.transactions() == [*QUESTIONS, "5301"], (
        "given up with nothing at the hub: nothing is owed"
    )


@virtual
async def test_a_disease_that_is_not_filed_is_refused_here(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    with pytest.raises(Misuse) as refused:
        await window.pick(known, HYPERTENSION)
    assert refused.value.code == "disease_not_filed"
    assert clinic.hub_link.transactions() == QUESTIONS
    assert (await window.pick(known)).state is State.PRICED, "the right one may still be picked"
    await window.abandon(known)
    await window.finish()


@pytest.mark.parametrize(("code", "name"), [("", "2型糖尿病"), ("E11.900", "")])
@virtual
async def test_a_visit_needs_a_diagnosis_with_code_and_name(code: str, name: str, tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.arrive()
    with pytest.raises(Misuse) as refused:
        await window.pick(known, DiseaseWish("M01600", code, name))
    assert refused.value.code == "no_diagnosis"
    assert clinic.hub_link.transactions() == QUESTIONS
    await window.till.stop()


@virtual
async def test_somebody_not_entitled_hears_the_hubs_reason(tmp_path: Path) -> None:
    """测试戊 is insured in another province; this clinic is not open to such people, and its configuration does not know."""
    clinic = Clinic(tmp_path, institution="H99990000006")
    config = window_config(clinic.institution)
    unaware = msgspec.structs.replace(config.institution, networked=True)
    window = Window(clinic, await clinic.start(config=msgspec.structs.replace(config, institution=unaware)))
    told = await window.arrive(who="wu")
    assert state_of(told) == (State.DRAFT, "not_entitled")
    assert told.notice is not None
    assert told.notice.params["text"].endswith("[INST_NOT_NETWORKED]")
    assert clinic.hub_link.transactions() == ["1101", "2001"]
    await window.abandon(told)
    await window.finish()


WHY_NOT = [
    ("H99990000010", "jumin", "not_entitled", "暂停至 2030-12-31", "AGREEMENT_INVALID"),
    ("H99990000011", "jumin", "not_entitled", "已于 2026-06-30 终止", "AGREEMENT_INVALID"),
    ("H99990000002", "dengdai", "not_entitled", "待遇等待期未满", "WAITING_PERIOD"),
]


@pytest.mark.parametrize(("institution", "who", "notice", "words", "code"), WHY_NOT)
@virtual
async def test_the_counter_tells_why_an_institution_or_a_person_is_refused(
    tmp_path: Path, institution: str, who: str, notice: str, words: str, code: str
) -> None:
    window = await Clinic(tmp_path, institution=institution).window()
    told = await window.arrive(who=who)
    assert state_of(told) == (State.DRAFT, notice)
    assert told.notice is not None
    assert words in told.notice.params["text"]
    assert told.notice.params["text"].endswith(f"[{code}]")
    await window.abandon(told)
    await window.finish()


@pytest.mark.parametrize("who", ["tingbao", "zhongbao"])
@virtual
async def test_somebody_whose_participation_is_paused_or_ended_is_not_insured_now(
    tmp_path: Path, who: str
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    told = await window.arrive(who=who)
    assert state_of(told) == (State.DRAFT, "not_insured_now")
    assert told.refusal == told.notice, "kept for whoever asks for the reason later"
    assert clinic.hub_link.transactions() == ["1101"]
    await window.abandon(told)
    await window.finish()


@virtual
async def test_a_blocked_card_is_refused_and_another_medium_may_follow(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    told = await window.insert_card(await window.open(), "gui")
    assert state_of(told) == (State.DRAFT, "hub_refused_question")
    assert told.notice is not None
    assert told.notice.params["text"].endswith("[CARD_BLOCKED]")
    assert (await window.type_number(told, "yi")).entitled
    await window.abandon(told)
    await window.finish()


@virtual
async def test_a_card_with_another_identification_code_is_refused(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    told = await window.insert_card(await window.open(), "yi", card_sn="999999D156000005000000025AFFFFFF")
    assert told.notice is not None
    assert told.notice.params["text"].endswith("[CARD_UNKNOWN]")
    await window.till.stop()


@virtual
async def test_a_card_that_says_another_identity_than_the_hub_stops_the_visit(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    card = clinic.world.person("yi").card
    assert card is not None
    medium = Medium(
        "03",
        Secret(card.number),
        Secret(card.identification_code),
        Secret(clinic.world.person("geng").certno),
    )
    opened = await window.open()
    told = await window.counter.settlements.post(opened.id, MediumGiven(medium), "card reader")
    assert told.person is None
    assert clinic.hub_link.transactions() == ["1101"]
    assert state_of(told)[0] is State.DRAFT
    await window.till.stop()


@virtual
async def test_a_mistyped_identity_number_is_not_sent(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    opened = await window.open()
    with pytest.raises(Misuse) as refused:
        await window.counter.media.give_identity_number(opened.id, "999999197006150044")
    assert refused.value.code == "not_an_identity_number"
    assert clinic.hub_link.transactions() == []
    await window.till.stop()


@virtual
async def test_the_medium_cannot_change_once_a_visit_stands_at_the_hub(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    for other in (
        window.type_number(priced, "geng"),
        window.insert_card(priced),
        window.counter.media.give_code(priced.id, clinic.code("yi")),
    ):
        with pytest.raises(Misuse) as refused:
            await other
        assert refused.value.code == "visit_has_person"
    assert (await window.get(priced)).state is State.PRICED, "the quote still stands"
    assert (await window.confirm(priced)).state is State.CONFIRMED
    await window.finish()


@virtual
async def test_the_medium_may_change_before_a_disease_is_picked(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    first = await window.arrive(who="geng")
    second = await window.type_number(first, "yi")
    assert second.person is not None
    assert [filing.code for filing in second.filings or ()] == ["M01600"]
    settled = await window.confirm(await window.pick(second))
    (record,) = clinic.live()
    assert record.psn_no == clinic.world.person("yi").psn_no
    assert settled.state is State.CONFIRMED
    await window.finish()


# -- the sheet changes ----------------------------------------------------------------------------


def batches(clinic: Clinic) -> list[tuple[str, str]]:
    """Uploads and withdrawals of charge batches in order, by the last three digits of the batch."""
    told = []
    for exchange in clinic.hub_link.sent:
        if exchange.infno == "2204":
            told.append(("2204", exchange.input["feedetail"][0]["chrg_bchno"][-3:]))
        elif exchange.infno == "2205":
            told.append(("2205", exchange.input["data"]["chrg_bchno"][-3:]))
    return told


@virtual
async def test_changed_lines_void_the_quote_and_go_up_in_a_new_batch(tmp_path: Path) -> None:
    """449.68 becomes 4 x 12.50 = 50.00: scope 50.00, pool 85 % = 42.50, account 7.50."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    changed = await window.counter.sales.set_lines(priced.id, (TABLETS,))
    assert (changed.state, changed.quote) == (State.DRAFT, None)
    with pytest.raises(Misuse) as refused:
        await window.confirm(changed)
    assert refused.value.code == "nothing_to_confirm"
    assert [row.chrg_bchno[-3:] for row in clinic.world.ledger.unsettled_lines(priced.visit_id)] == [
        "001"
    ] * 3

    quoted = await window.counter.sales.quote(priced.id)
    assert quoted.state is State.PRICED
    assert batches(clinic) == [("2204", "001"), ("2205", "001"), ("2204", "002")]
    assert [row.chrg_bchno[-3:] for row in clinic.world.ledger.unsettled_lines(priced.visit_id)] == ["002"]
    settled = await window.confirm(quoted)
    assert settled.booking is not None
    assert (
        settled.booking.split.total_fen,
        settled.booking.split.fund_fen,
        settled.booking.split.account_fen,
    ) == (5000, 4250, 750)
    (record,) = clinic.live()
    assert record.chrg_bchno.endswith("002")
    assert clinic.hub_link.transactions().count("2201") == 1, "the visit itself goes on"
    await window.finish()


@virtual
async def test_lines_changed_twice_without_a_quote_are_withdrawn_once(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    await window.counter.sales.set_lines(priced.id, (INSULIN,))
    await window.counter.sales.set_lines(priced.id, (TABLETS,))
    assert (await window.counter.sales.quote(priced.id)).state is State.PRICED
    assert batches(clinic) == [("2204", "001"), ("2205", "001"), ("2204", "002")]
    await window.abandon(priced)
    await window.finish()


@virtual
async def test_an_emptied_sheet_is_not_quoted_and_its_lines_are_withdrawn_with_the_visit(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    await window.counter.sales.set_lines(priced.id, ())
    with pytest.raises(Misuse) as refused:
        await window.counter.sales.quote(priced.id)
    assert refused.value.code == "no_lines"
    await window.abandon(priced)
    await window.finish()
    assert batches(clinic) == [("2204", "001"), ("2205", "000")]


@virtual
async def test_lines_may_come_after_the_disease(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = await window.pick(await window.arrive(lines=()))
    assert (known.state, known.charged) == (State.DRAFT, False)
    assert clinic.hub_link.transactions() == [*QUESTIONS, "2201", "2203A"]
    await window.counter.sales.set_lines(known.id, STORY)
    settled = await window.confirm(await window.counter.sales.quote(known.id))
    assert settled.booking is not None
    assert settled.booking.split.total_fen == Fen(44968)
    await window.finish()


@virtual
async def test_another_disease_after_the_quote_is_told_and_charged_anew(tmp_path: Path) -> None:
    """The hub hears the new disease, takes the old batch back, and the old diagnosis no longer counts."""
    clinic = Clinic(tmp_path)
    file_hypertension(clinic)
    window = await clinic.window()
    priced = await window.priced()
    again = await window.pick(priced, HYPERTENSION)
    assert state_of(again) == (State.PRICED, "")
    assert batches(clinic) == [("2204", "001"), ("2205", "001"), ("2204", "002")]
    (visit,) = clinic.visits()
    assert visit.dise_codg == "M03900"
    assert [row.code for row in visit.diagnoses if row.valid] == ["I10.x00"]
    settled = await window.confirm(again)
    assert settled.state is State.CONFIRMED
    (record,) = clinic.live()
    assert (record.dise_codg, record.chrg_bchno[-3:]) == ("M03900", "002")
    await window.finish()


@virtual
async def test_another_diagnosis_of_the_same_disease_replaces_the_first(tmp_path: Path) -> None:
    """A diagnosis is taken back by sending it again as no longer valid, once."""
    clinic = Clinic(tmp_path)
    file_hypertension(clinic)
    window = await clinic.window()
    priced = await window.priced()
    assert (await window.pick(priced, RETINOPATHY)).state is State.PRICED
    (first, second) = clinic.hub_link.inputs("2203A")
    assert [(row["diag_code"], row["vali_flag"]) for row in first["diseinfo"]] == [("E11.900", "1")]
    assert [(row["diag_code"], row["vali_flag"]) for row in second["diseinfo"]] == [
        ("E11.300", "1"),
        ("E11.900", "0"),
    ]
    assert (await window.pick(priced, DIABETES)).state is State.PRICED
    (visit,) = clinic.visits()
    assert [row.code for row in visit.diagnoses if row.valid] == ["E11.900"]
    await window.pick(priced, HYPERTENSION)
    last = clinic.hub_link.inputs("2203A")[-1]
    assert [(row["diag_code"], row["vali_flag"]) for row in last["diseinfo"]] == [
        ("I10.x00", "1"),
        ("E11.900", "0"),
    ]
    await window.abandon(priced)
    await window.finish()


@virtual
async def test_picking_the_same_disease_again_does_no_harm(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    again = await window.pick(priced)
    assert again.state is State.PRICED
    assert (await window.confirm(again)).state is State.CONFIRMED
    await window.finish()


@pytest.mark.parametrize("fault", ["lose-answer", "lose-request"])
@virtual
async def test_a_disease_change_whose_2203a_is_lost_still_knows_of_the_old_lines(
    fault: str, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    file_hypertension(clinic)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm(fault, "2203A", 2)
    stopped = await window.pick(priced, HYPERTENSION)
    assert state_of(stopped) == (State.DRAFT, "visit_step_unknown")
    await window.abandon(stopped)
    await window.finish()
    assert clinic.visits() == []
    assert clinic.hub_link.transactions()[-2:] == ["2205", "2202"]


@virtual
async def test_the_diagnosis_of_a_lost_2203a_is_withdrawn_too(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    file_hypertension(clinic)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-answer", "2203A", 2)
    await window.pick(priced, HYPERTENSION)
    assert (await window.pick(priced, RETINOPATHY)).state is State.PRICED
    (visit,) = clinic.visits()
    assert [row.code for row in visit.diagnoses if row.valid] == ["E11.300"]
    assert visit.dise_codg == "M01600"
    await window.abandon(priced)
    await window.finish()


# -- quote and settlement differ ------------------------------------------------------------------


@virtual
async def test_a_balance_that_moved_settles_with_another_split_and_says_so(tmp_path: Path) -> None:
    """Another window spends the account between quote and settlement: the four compared amounts are the same, the
    account is not. Total and fund as quoted, 84.01 in cash instead of 50.00 + 34.01 (decision K45)."""
    clinic = Clinic(tmp_path)
    (tmp_path / "beside").mkdir()
    other = Clinic(tmp_path / "beside", beside=clinic)
    window, second = await clinic.window(), await other.window()
    priced = await window.priced("1")
    spent = await second.settled("2")
    assert spent.booking is not None
    assert spent.booking.split.account_fen == 5000

    settled = await window.confirm(priced)
    assert state_of(settled) == (State.CONFIRMED, "settled_differently")
    assert settled.booking is not None
    assert (
        settled.booking.split.fund_fen,
        settled.booking.split.account_fen,
        settled.booking.split.cash_fen,
    ) == (36567, 0, 8401)
    cancelled = await window.cancel(settled)
    assert state_of(cancelled) == (State.CANCELLED, "cancelled")
    await window.rest()
    assert [visit.mdtrt_id for visit in clinic.visits()] == [spent.visit_id]
    await second.till.stop()
    await window.till.stop()


class ScopeMoved(AmountOff, frozen=True, tag="scope-moved"):
    """The hub changes its mind after the quote: one fen is moved from the policy scope to the class-B share."""

    def deliver(self, exchange: FaultyExchange) -> Delivery:
        """Answer with amounts that add up and are not the hub's own any more."""

        def change(setlinfo: dict[str, object]) -> None:
            setlinfo["preselfpay_amt"], setlinfo["inscp_scp_amt"] = 19.49, 430.19

        return exchange.with_setlinfo(change)


async def refused_settlement(clinic: Clinic, window: Window) -> Settlement:
    """A visit whose settlement the hub refuses because its own amounts are no longer those of the quote."""
    clinic.world.hub.arm(ScopeMoved(), "2206A")
    priced = await window.priced()
    assert priced.state is State.PRICED
    return await window.confirm(priced)


@virtual
async def test_a_settlement_over_other_amounts_is_refused_and_the_visit_withdrawn(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    refused = await refused_settlement(clinic, window)
    assert state_of(refused) == (State.REFUSED, "refused")
    assert refused.notice is not None
    assert "[AMOUNTS_CHANGED]" in refused.notice.params["text"]
    assert refused.owed == ("2205", "2202")
    await window.rest()
    assert window.steps(refused)[-3:] == [
        ("2207A", "ANSWERED", "refused"),
        ("2205", "ANSWERED", "done"),
        ("2202", "ANSWERED", "done"),
    ]
    assert (clinic.live(), clinic.visits(), clinic.balance_fen("yi")) == ([], [], 5000)
    again = await window.settled()
    assert (again.state, again.key.generation) == (State.CONFIRMED, 2), "the sale number is free again"
    await window.finish()


@virtual
async def test_a_quote_whose_amounts_do_not_add_up_is_not_offered(tmp_path: Path) -> None:
    """Otherwise the settlement would be booked, found not to fit, and reversed."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.world.hub.arm(AmountOff(field="inscp_scp_amt"), "2206A")
    told = await window.priced()
    assert state_of(told) == (State.DRAFT, "hub_amounts_broken")
    assert (await window.counter.sales.quote(told.id)).state is State.PRICED
    await window.abandon(told)
    await window.finish()
