"""Rightly signed answers that cannot be used: nothing is believed that does not name our visit and our lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.hub import envelope
from protocols.hub.queries import VisitQueryInput
from simulators.hub.faults import AmountOff, Delivery
from simulators.hub.faults import Exchange as FaultyExchange
from terminal.core.messages import build
from terminal.core.states import State
from tests.terminal.clinic.clinic import STORY, TABLETS, Clinic, state_of
from tests.terminal.harness import virtual

Change = Callable[[Any], None]


def no_change(_: Any) -> None:
    """Leave an answer as it is."""


class Rewritten(AmountOff, frozen=True, tag="rewritten"):
    """The hub acts and answers something else, rightly signed."""

    change: Change = no_change

    def deliver(self, exchange: FaultyExchange) -> Delivery:
        """Change the output of the hub's answer and sign it anew."""
        answer = envelope.decode_answer(exchange.ask(exchange.request))
        output = msgspec.json.decode(answer.output or b"null")
        self.change(output)
        changed = msgspec.structs.replace(answer, output=msgspec.json.encode(output))
        return Delivery(exchange.signed(changed, exchange.msgid))


def without_visit(output: Any) -> None:
    output["data"]["mdtrt_id"] = ""


def of_another_visit(output: Any) -> None:
    output["data"]["ipt_otp_no"] = "1"


@pytest.mark.parametrize("change", [without_visit, of_another_visit])
@virtual
async def test_a_registration_that_does_not_name_our_visit_is_looked_up(
    change: Change, tmp_path: Path
) -> None:
    """The hub has opened one all the same; 5201 says which. No second one, no loop."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.world.hub.arm(Rewritten(change=change), "2201")
    priced = await window.priced()
    assert state_of(priced) == (State.PRICED, "")
    assert clinic.hub_link.transactions()[3:6] == ["2201", "5201", "2203A"]
    assert [visit.mdtrt_id for visit in clinic.visits()] == [priced.visit_id]
    await window.abandon(priced)
    await window.finish()


def reversed_rows(output: Any) -> None:
    output["result"].reverse()


def a_row_missing(output: Any) -> None:
    del output["result"][0]


def a_foreign_row(output: Any) -> None:
    output["result"][0]["feedetl_sn"] = "1"


@virtual
async def test_lines_answered_in_another_order_keep_their_classes(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.world.hub.arm(Rewritten(change=reversed_rows), "2204")
    priced = await window.priced()
    assert (priced.state, priced.line_classes) == (State.PRICED, ("02", "01", "01"))
    await window.abandon(priced)
    await window.finish()


@pytest.mark.parametrize("change", [a_row_missing, a_foreign_row])
@virtual
async def test_an_upload_that_is_not_answered_line_by_line_is_taken_back_and_repeated(
    change: Change, tmp_path: Path
) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    clinic.world.hub.arm(Rewritten(change=change), "2204", 2)
    stopped = await window.priced()
    assert state_of(stopped) == (State.DRAFT, "hub_answer_unusable"), (
        "twice by itself, then a person is asked"
    )
    assert stopped.unsure == ("charge",)
    priced = await window.counter.sales.quote(stopped.id)
    assert priced.state is State.PRICED
    assert clinic.hub_link.transactions()[5:] == ["2204", "2205", "2204", "2205", "2204", "2206A"]
    assert {line.chrg_bchno[-3:] for line in clinic.world.ledger.unsettled_lines(priced.visit_id)} == {"003"}
    await window.abandon(priced)
    await window.finish()


@virtual
async def test_the_question_for_a_lost_visit_covers_the_day_it_began(tmp_path: Path) -> None:
    """A visit opened in the last moment of a business date begins on the next day."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    known = msgspec.structs.replace(await window.arrive(), began_at="2026-11-24 00:00:00")
    content, division = build("5201", known, window.counter.engine._effects._site)
    assert isinstance(content, VisitQueryInput)
    assert (content.query.began_at, content.query.ended_at) == ("2026-11-24 00:00:00", "2026-11-24 23:59:59")
    assert division == "999901"
    await window.till.stop()


@virtual
async def test_the_lines_of_a_second_quote_keep_their_own_classes(tmp_path: Path) -> None:
    """Classes belong to the present batch, also on the settlement that repeats none."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    await window.counter.sales.set_lines(priced.id, (TABLETS, STORY[0]))
    settled = await window.confirm(await window.counter.sales.quote(priced.id))
    assert settled.booking is not None
    assert settled.booking.line_classes == ("01", "02")
    await window.finish()
