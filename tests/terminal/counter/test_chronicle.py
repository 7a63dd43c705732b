"""The canonical log line: one for each outcome of a settlement, with its step times, and nothing of a person."""

from pathlib import Path
from typing import Any

import msgspec

from simulators.cards import CardMachine, image_for
from simulators.reader import InProcessReader
from terminal.config import Config
from terminal.core.states import State
from terminal.counter.chronicle import OUTCOMES, Chronicle
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.harness import Shop, virtual


class Written:
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, event: str, **facts: Any) -> None:
        self.lines.append({"event": event, **facts})

    def states(self, settlement_id: str) -> list[str]:
        """The outcomes of one settlement in order."""
        return [line["state"] for line in self.lines if line["settlement"] == settlement_id]


@virtual
async def test_a_sale_writes_one_line_with_its_amounts_and_steps(tmp_path: Path) -> None:
    shop, written = Shop(tmp_path), Written()
    till = await shop.start(write_log=written)
    settled = await till.settle()
    await till.quiet()
    await till.counter.sales.acknowledge(settled.id, "T01")
    assert settled.booking is not None
    (line,) = written.lines
    steps = line.pop("steps_ms")
    assert line == {
        "event": "settlement", "settlement": settled.id, "flow": "pharmacy_purchase", "state": "CONFIRMED", "lane": "1",
        "generation": 1, "lines": 1, "total_fen": 3750, "msgid": settled.settle_msgid, "notice": "settled", "reason": "",
        "fund_fen": 0, "account_fen": 3750, "cash_fen": 0, "setl_id": settled.booking.info.settlement_id,
    }  # fmt: skip
    assert set(steps) == {"commit", "decode", "ask 1101", "ask 2101", "compose 2102", "send 2102"}
    await till.stop()


@virtual
async def test_step_times_are_the_times_the_steps_took(tmp_path: Path) -> None:
    shop, written = Shop(tmp_path), Written()
    till = await shop.start(write_log=written)
    priced = await till.quote()
    shop.arm("delay 2.5", "2102")
    await till.counter.sales.confirm(priced.id, "T01")
    (line,) = written.lines
    assert line["steps_ms"]["send 2102"] == 2500.0
    assert line["steps_ms"]["ask 1101"] == 0.0
    await till.stop()


@virtual
async def test_a_doubt_and_its_end_are_one_line_each(tmp_path: Path) -> None:
    shop, written = Shop(tmp_path), Written()
    till = await shop.start(write_log=written)
    priced = await till.quote()
    shop.arm("lose-answer", "2102")
    await till.counter.sales.confirm(priced.id, "T01")
    await till.quiet()
    assert written.states(priced.id) == ["DOUBT", "REVERSED"]
    doubt, end = written.lines
    assert (doubt["notice"], doubt["reason"]) == ("doubt", "disconnected")
    assert "send 2102" in doubt["steps_ms"]
    assert "send 2601" in end["steps_ms"]
    assert "send 2102" not in end["steps_ms"], "times are told once"
    await till.stop()


@virtual
async def test_a_cancellation_and_a_refused_one_are_told(tmp_path: Path) -> None:
    shop, written = Shop(tmp_path), Written()
    till = await shop.start(write_log=written)
    closed = await till.settle("0001")
    await till.counter.sales.acknowledge(closed.id, "T01")
    await till.quiet()
    await till.wait(130 * 86_400)  # the benefit year is closed meanwhile: the hub refuses
    newer = await till.settle("0002")
    assert (await till.counter.sales.cancel(closed.id, "T01", "")).state is State.CLOSED
    assert written.states(closed.id) == ["CONFIRMED", "CLOSED"], "a refused cancellation is an outcome too"
    assert written.lines[-1]["notice"] == "cancel_refused"
    await till.counter.sales.cancel(newer.id, "T01", "")
    assert written.states(newer.id) == ["CONFIRMED", "CANCELLED"]
    await till.stop()


@virtual
async def test_a_restart_repeats_no_line_and_finishes_the_story(tmp_path: Path) -> None:
    shop, written = Shop(tmp_path), Written()
    till = await shop.start(write_log=written)
    priced = await till.quote()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 2)
    await till.counter.sales.confirm(priced.id, "T01")
    await till.kill()
    again = await shop.start(write_log=written)
    await again.quiet()
    assert written.states(priced.id) == ["DOUBT", "REVERSED"]
    await again.stop()


@virtual
async def test_an_abandoned_visit_is_one_line_while_its_withdrawals_go_on(tmp_path: Path) -> None:
    clinic, written = Clinic(tmp_path), Written()
    window = Window(clinic, await clinic.start(config=clinic_config(clinic), write_log=written))
    visit = await window.priced()
    clinic.arm("lose-answer", "2205")
    await window.abandon(visit)
    await window.rest()
    assert written.states(visit.id) == ["ABANDONED"]
    await window.till.stop()


@virtual
async def test_no_line_holds_anything_of_the_person(tmp_path: Path) -> None:
    clinic, written = Clinic(tmp_path), Written()
    reader = InProcessReader()
    reader.insert(CardMachine(image_for(clinic.world.person("yi"))))
    till = await clinic.start(config=clinic_config(clinic), write_log=written, reader=reader)
    window = Window(clinic, till)
    opened = await window.open()
    await till.counter.media.read_card(opened.id)
    await window.confirm(await window.pick(opened))
    person = clinic.world.person("yi")
    text = msgspec.json.encode(written.lines).decode()
    assert '"state":"CONFIRMED"' in text
    assert person.card is not None
    for secret in (
        person.name,
        person.certno,
        person.psn_no,
        person.card.number,
        person.card.identification_code,
    ):
        assert secret not in text
    await till.stop()


def test_a_settlement_that_is_over_is_forgotten() -> None:
    chronicle = Chronicle(Written())
    chronicle.taken_up("S1", State.DOUBT)
    chronicle.step_done("S1", "commit", 0.001)
    chronicle.let_go("S1")
    assert chronicle.__dict__["_states"] == chronicle.__dict__["_steps"] == {}


def test_every_outcome_is_a_state_that_people_are_told() -> None:
    assert {State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.REVERSING} & OUTCOMES == set()


def clinic_config(clinic: Clinic) -> Config:
    """The configuration of the clinic's window."""

    return window_config(clinic.institution, clinic.slot)
