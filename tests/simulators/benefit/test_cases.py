"""The 74 worked cases, and a checker that notices every single wrong figure."""

import copy
import json
from functools import cache
from typing import Any

import msgspec
import pytest

from simulators.benefit.case_file import CaseFile, Outcome, parse_case, parse_file, run
from simulators.benefit.cases import check_case, check_file, fund_amounts, result_amounts
from simulators.benefit.datafile import FEN, DataError, Node
from simulators.benefit.model import Refusal
from tests.capabilities import amounts
from tests.simulators.benefit.facts import (
    ABOUT_BURDEN,
    ABOUT_FUNDS,
    ABOUT_REASONS,
    Facts,
    burden,
    record_case,
)

ALL = [f"P{number:02d}" for number in range(1, 75)]


@pytest.mark.parametrize("case_id", ALL)
def test_worked_case_comes_out_to_the_fen(cases_text: str, case_id: str) -> None:
    """Every money field, line, fund row, accumulator and balance of every step is as computed beforehand."""
    report = check_file(cases_text, (case_id,))
    assert report.failures == ()
    assert (report.passed, report.failed) == (1, 0)
    _record(cases_text, case_id)


def _record(cases_text: str, case_id: str) -> None:
    """Note the case for every capability row whose acceptance example it is."""
    found, document = _read(cases_text)
    steps = next(case for case in document["cases"] if case["id"] == case_id)["steps"]
    outcomes = list(run(found, parse_case(found.cases[case_id])))
    record_case(case_id, steps, lambda number, place: _facts(number, outcomes[place]))


@cache
def _read(cases_text: str) -> tuple[CaseFile, dict[str, Any]]:
    return parse_file(cases_text), json.loads(cases_text)


def _facts(number: str, outcome: Outcome) -> Facts:
    """What the engine answered, as far as it concerns the row."""
    answer = outcome.answer
    if isinstance(answer, Refusal):
        return {answer.code: answer.texts[0]}
    if number in ABOUT_REASONS:
        return {}
    if number in ABOUT_FUNDS:
        return amounts(fund_amounts(answer))
    if number in ABOUT_BURDEN:
        return burden({year: sums.si_base_fen for year, sums in outcome.after.accumulators.items()})
    return amounts(result_amounts(answer))


def test_whole_file_ends_with_the_count(cases_text: str) -> None:
    """Without a choice all cases are checked and the text ends with passed and failed."""
    assert check_file(cases_text).text() == "74 passed, 0 failed"


def test_only_the_named_cases_are_checked(cases_text: str) -> None:
    """A choice of cases checks just those, a repeated name once."""
    assert check_file(cases_text, ("P01", "P02", "P01")).text() == "2 passed, 0 failed"


def test_unknown_case_counts_as_failed(cases_text: str) -> None:
    """A name that is not in the file must not pass silently."""
    report = check_file(cases_text, ("P01", "P99"))
    assert report.text().splitlines() == [
        "P99: case: expected a case of this file, got no such case",
        "1 passed, 1 failed",
    ]


def test_every_changed_expectation_is_noticed(cases_text: str) -> None:
    """One figure at a time is changed, in every expectation of every step: each change makes its case fail."""
    found = parse_file(cases_text)
    document = json.loads(cases_text)
    changed = 0
    for case in document["cases"]:
        for step in case["steps"]:
            for part in ("expect", "expect_lines", "expect_setldetail", "after"):
                for holder, key in _figures(step.get(part)):
                    was = holder[key]
                    holder[key] = was + 1 if isinstance(was, int) else f"{was}0"
                    spoilt = msgspec.structs.replace(
                        found, cases={case["id"]: Node("cases", case, FEN, case["id"])}
                    )
                    assert check_case(spoilt, case["id"]), f"{case['id']} {step['ref']} {part} {key}"
                    holder[key] = was
                    changed += 1
    assert changed > 4000


def _figures(part: object) -> list[tuple[dict[str, object], str]]:
    """Every number and text inside a part, with what holds it."""
    found: list[tuple[dict[str, object], str]] = []
    if isinstance(part, dict):
        for key, value in part.items():
            found += [(part, key)] if isinstance(value, int | str) else _figures(value)
    elif isinstance(part, list):
        for value in part:
            found += _figures(value)
    return found


@pytest.mark.parametrize("part", ["expect", "expect_lines", "expect_setldetail", "after"])
def test_a_step_without_its_expectations_fails(cases_text: str, part: str) -> None:
    """A case that lost a part proves nothing and does not pass."""
    document = json.loads(cases_text)
    del document["cases"][0]["steps"][0][part]
    report = check_file(json.dumps(document), ("P01",))
    assert report.failed == 1
    assert "is missing" in report.text()


def test_a_misspelt_input_spoils_only_its_case(cases_text: str) -> None:
    """An unknown key inside one case fails that case with its place and leaves the others alone."""
    document = json.loads(cases_text)
    visit = document["cases"][0]["steps"][0]["visit"]
    visit["acct_used_flga"] = visit.pop("acct_used_flag")
    report = check_file(json.dumps(document), ("P01", "P02"))
    assert (report.passed, report.failed) == (1, 1)
    assert "P01.steps.1.visit.acct_used_flga" in report.text()


def test_a_case_that_names_an_unknown_item_fails_with_the_reason(cases_text: str) -> None:
    """A step the engine cannot carry out is a failure, not a crash."""
    document = json.loads(cases_text)
    document["cases"][0]["steps"][0]["lines"][0]["item"] = "D99"
    report = check_file(json.dumps(document), ("P01",))
    assert "item D99 is not in the catalogue of JH" in report.text()


def test_cancelling_an_unknown_settlement_is_refused(cases_text: str) -> None:
    """A target that was never settled is answered SETL_NOT_FOUND."""
    document = json.loads(cases_text)
    case = next(case for case in document["cases"] if case["id"] == "P70")
    stray = copy.deepcopy(case["steps"][-1])
    stray.update(ref="r5", target="s9", expect={"refused": "SETL_NOT_FOUND"})
    case["steps"].append(stray)
    assert check_file(json.dumps(document), ("P70",)).failures == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a table"),
        ('{"policy_sets": {}, "catalogue": {"items": {}, "places": {}}}', "catalogue.items: names no item"),
        ('{"tables": {}}', "tables: unknown key"),
    ],
)
def test_a_file_that_is_no_case_file_is_refused(text: str, words: str) -> None:
    """What is wrong with the whole file is said at once."""
    with pytest.raises(DataError, match=words):
        check_file(text, (), "mine.json")


def test_policy_inside_the_file_is_used(cases_text: str) -> None:
    """Another ratio in the file changes the result: the shipped sets play no part."""
    document = json.loads(cases_text)
    document["policy_sets"]["JH"]["chr"]["390"]["ratio"]["II"]["*"]["tier2"] = 6100
    report = check_file(json.dumps(document), ("P20",))
    assert "P20 s1: hifp_pay: expected 15600, got 15860" in report.text()
