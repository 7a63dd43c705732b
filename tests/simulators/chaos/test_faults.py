"""Faults are written and read as people write them, and a plan deals them out the same way for the same seed."""

from typing import get_args

import pytest

from simulators.chaos.faults import (
    FAULT_KINDS,
    REPLACEMENTS,
    CutAnswer,
    CutRequest,
    DelayAnswer,
    Fault,
    Order,
    Plan,
    Replace,
    Stall,
    Trickle,
    parse_fault,
    parse_order,
    parse_script,
    text_of,
)

WRITTEN: dict[str, Fault] = {
    "cut-request 0": CutRequest(0),
    "cut-answer 40 reset": CutAnswer(40, reset=True),
    "delay-answer 2.5": DelayAnswer(2.5),
    "trickle 1 1": Trickle(1.0),
    "trickle 0.01 40": Trickle(0.01, 40),
    "stall 12": Stall(12),
    "replace gzip-bomb before": Replace("gzip-bomb", before=True),
}
EVERY = (*WRITTEN, "delay-request 1", "duplicate-answer", "swap", "refuse 3", "replace html")


@pytest.mark.parametrize("text", WRITTEN)
def test_a_fault_is_read_as_it_is_written(text: str) -> None:
    assert parse_fault(text) == WRITTEN[text]
    assert text_of(WRITTEN[text]) == text


def test_every_fault_has_a_name_and_a_text_that_is_read_again() -> None:
    assert {text.split()[0] for text in EVERY} == set(FAULT_KINDS)
    assert len(get_args(Fault)) == len(FAULT_KINDS)
    for text in EVERY:
        assert parse_fault(text_of(parse_fault(text))) == parse_fault(text)


def test_a_trickle_of_single_bytes_needs_no_size() -> None:
    assert parse_fault("trickle 1") == Trickle(1.0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "cut-answer", "cut-answer x", "cut-answer -1", "cut-answer 1 2", "cut-answer 1 fast", "delay-answer nan", "stall",
        "delay-answer -1", "delay-answer 1e9", "trickle 1 0", "trickle 1 x", "swap 1", "replace", "replace all",
        "replace html after", "refuse", "lose", "duplicate-answer 2",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(ValueError, match=text.split()[0]):
        parse_fault(text)


def test_a_script_has_one_order_in_each_line() -> None:
    script = """
    # the settlement's answer, twice
    cut-answer 40 reset x2 if "infno":"2102"
      stall 0 if x3

    swap x10
    """
    assert parse_script(script) == (
        Order(CutAnswer(40, reset=True), 2, '"infno":"2102"'),
        Order(Stall(0), 1, "x3"),
        Order(parse_fault("swap"), 10),
    )


@pytest.mark.parametrize(("line", "reason"), [("stall", "line 2: fault stall"), ("swap x0", "line 2: x0")])
def test_a_wrong_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_script(f"# first\n{line}\n")


def test_orders_come_first_in_their_order_and_as_often_as_they_say() -> None:
    plan = Plan(parse_script("stall 1 x2 if settle\nstall 2"))
    plan.add(parse_order("stall 3"))
    given = [plan.take(request) for request in (b"ask", b"settle", b"settle", b"settle", b"ask")]
    assert given == [Stall(2), Stall(1), Stall(1), Stall(3), None]
    assert plan.waiting == ()


def test_a_plan_that_was_cleared_orders_nothing() -> None:
    plan = Plan(parse_script("stall 1 if x"))
    assert plan.must_see_request
    plan.clear()
    assert (plan.must_see_request, plan.take(b"x")) == (False, None)


def test_the_same_seed_deals_the_same_faults() -> None:
    def dealt(seed: int) -> list[Fault | None]:
        plan = Plan(seed=seed, rate=0.5)
        return [plan.take(b"") for _ in range(400)]

    assert dealt(7) == dealt(7)
    assert dealt(7) != dealt(8)
    faults = [fault for fault in dealt(7) if fault is not None]
    assert 140 < len(faults) < 260
    assert {fault.kind for fault in faults} == set(FAULT_KINDS) - {"swap"}
    assert {fault.what for fault in faults if isinstance(fault, Replace)} <= set(REPLACEMENTS)
    assert [parse_fault(text_of(fault)) for fault in faults] == faults


def test_without_a_rate_nothing_comes_by_chance() -> None:
    plan = Plan(seed=1)
    assert [plan.take(b"") for _ in range(100)] == [None] * 100
