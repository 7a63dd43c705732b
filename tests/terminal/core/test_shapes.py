"""The values of the core: none can be changed, and each begins as a sale begins, with nothing known and nothing owed."""

import inspect
import typing
from types import ModuleType

import msgspec
import pytest

from protocols import money
from protocols.secret import Secret
from terminal.core import disclosure, events, flows, message_parts, standing, states, submission, values
from terminal.core.events import (
    CancelAsked,
    CentreRefused,
    ComposeFailed,
    Decision,
    Effect,
    Event,
    Heard,
)
from terminal.core.values import RefundPlan
from tests.terminal.core.samples import LINE, draft


def structs(module: ModuleType) -> list[type[msgspec.Struct]]:
    """Every value that a module defines."""
    return [
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, msgspec.Struct) and thing.__module__ == module.__name__
    ]


MODULES = (disclosure, events, flows, message_parts, money, standing, states, submission, values)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_no_value_can_be_changed(module: ModuleType) -> None:
    found = structs(module)
    assert found
    assert [thing.__name__ for thing in found if not thing.__struct_config__.frozen] == []


CAREFUL = {
    (values.Settlement, "use_account"): True, (values.Settlement, "batch"): 1, (values.SaleKey, "generation"): 1,
    (values.Filing, "open_here"): True, (CentreRefused, "rescan"): True, (message_parts.Site, "institution_grade"): "11",
    (message_parts.Site, "networked"): True, (message_parts.Site, "desk"): message_parts.Desk(),
    (submission.Progress, "state"): submission.SubmissionState.WAITING,
}  # fmt: skip
"""What is not said means nothing, none, or no; but for these."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_what_is_not_said_is_nothing_none_or_no(module: ModuleType) -> None:
    said = {
        (thing, field.name): field.default
        if field.default_factory is msgspec.NODEFAULT
        else field.default_factory()
        for thing in structs(module)
        for field in msgspec.structs.fields(thing)
        if not field.required
    }
    nothing: tuple[object, ...] = (None, False, "", b"", (), {}, Secret(""))
    something = {key: value for key, value in said.items() if value not in nothing}
    assert something == {key: value for key, value in CAREFUL.items() if key in said}


def test_amounts_that_stand_side_by_side_are_given_by_name() -> None:
    """Four amounts in a row are easily given in another order."""
    positional: list[type[msgspec.Struct]] = [disclosure.Disclosure, standing.Standing, money.Split]
    for thing in positional:
        with pytest.raises(TypeError, match="positional"):
            thing(*(0 for _ in thing.__struct_fields__))


def test_events_effects_and_answers_are_what_the_machine_knows() -> None:
    assert {thing.__name__ for thing in typing.get_args(Heard)} == {
        "NotSent",
        "NoAnswer",
        "NotAuthentic",
        "Answered",
    }
    assert {thing.__name__ for thing in typing.get_args(Effect)} == {
        "Decode",
        "Ask",
        "Compose",
        "Transmit",
        "Wake",
    }
    said = {*typing.get_args(Event), *typing.get_args(Heard), *typing.get_args(Effect), Decision}
    assert said == set(structs(events))


def test_a_sale_begins_with_nothing_known_and_nothing_owed() -> None:
    blank = values.Settlement("S1", draft().key, "1", "pharmacy_purchase", states.State.DRAFT, "T01")
    told = blank.__struct_fields__[6:]
    something = {
        name: getattr(blank, name) for name in told if getattr(blank, name) not in (None, False, "", ())
    }
    assert something == {"use_account": True, "batch": 1}
    counts = [
        name
        for name in told
        if isinstance(getattr(blank, name), int) and not isinstance(getattr(blank, name), bool)
    ]
    assert counts == ["batch", "refusals", "tries", "quiet_stage"], "numbers, and not yes or no"
    assert blank.key.generation == 1


def test_what_is_not_said_means_the_careful_thing() -> None:
    assert CentreRefused("code_expired").rescan, "a used code is not kept"
    assert (CentreRefused("x").params, ComposeFailed("SETTLE", "x").params) == ({}, {})
    assert CancelAsked("T01", "").refund is None
    decision = Decision(draft())
    assert (decision.durable, decision.leave_queue, decision.receipt, decision.opens) == (
        False,
        False,
        "",
        None,
    )
    assert (decision.moves, decision.effects, decision.sent, decision.ended, decision.retry) == (
        (),
        (),
        None,
        None,
        None,
    )
    plan = RefundPlan((), (LINE,), "S2", "T01")
    assert (plan.reason, plan.rest_visit_no, plan.withdrawn) == ("", "", False)
    assert (LINE.barcode, LINE.trace_codes) == ("", ())
    misuse = events.Misuse("busy", why="x")
    assert (misuse.code, misuse.params, str(misuse)) == ("busy", {"why": "x"}, "busy")
    misfit = message_parts.Misfit("not_entitled", text="x")
    assert (misfit.code, misfit.params, str(misfit)) == ("not_entitled", {"text": "x"}, "not_entitled")


def test_the_words_that_the_journal_and_the_tables_keep() -> None:
    assert {fact.value for fact in flows.Fact} == {fact.name.lower() for fact in flows.Fact}
    assert {act.value for act in flows.Act} == {act.name.lower() for act in flows.Act}
    assert {state.value for state in states.State} == {state.name for state in states.State}
    assert {name: flow.name for name, flow in flows.FLOWS.items()} == {
        name: name for name in ("pharmacy_purchase", "clinic_visit")
    }
    assert {name: flow.name for name, flow in flows.CANCELLATIONS.items()} == {
        "pharmacy_purchase": "pharmacy_cancellation", "clinic_visit": "clinic_cancellation",
    }  # fmt: skip
    assert flows.REVERSAL.name == "reversal"
