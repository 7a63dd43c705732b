"""Recorded quotes under other rules: nothing changes under the same ones, every amount is found under others."""

from collections.abc import Callable

import msgspec
import pytest

from simulators.benefit.case_file import parse_case, parse_file, run, year_of
from simulators.benefit.datafile import DataError
from simulators.benefit.model import Relative, RelativePayment, Result
from simulators.benefit.policies import PolicyBook, load_shipped, parse_policy
from simulators.benefit.rehearsal import (
    Change,
    NowRefused,
    Quote,
    Rehearsal,
    Substitution,
    read_record,
    rehearse,
    without_names,
    write_record,
)
from tests.simulators.benefit.conftest import CASES
from tests.simulators.benefit.test_policies import shipped

BOOK = load_shipped()


def _quotes() -> dict[str, Quote]:
    """Every settlement of the worked cases, as a hub would have recorded its quote; by case and step."""
    found = parse_file(CASES.read_text("utf-8"))
    quotes = {}
    for name, node in found.cases.items():
        case = parse_case(node)
        for outcome in run(found, case):
            visit = outcome.step.visit
            if visit is None or not isinstance(outcome.answer, Result):
                continue
            account, result = without_names(outcome.before.account, outcome.answer)
            quotes[f"{name} {outcome.step.ref}"] = Quote(
                infno="2101", quoted_at="2026-03-12 10:00:00", policy_set=case.policy_set, person=case.person,
                account=account, accumulators=year_of(outcome.before, visit.fee_date.year), visit=visit,
                lines=outcome.step.lines, rules=found.rules, result=result,
            )  # fmt: skip
    return quotes


QUOTES = _quotes()
ALL = tuple(QUOTES.values())


def test_under_the_same_rules_nothing_changes() -> None:
    assert len(ALL) > 70
    assert rehearse(ALL, Substitution(BOOK)) == Rehearsal(len(ALL), (), ())
    policies = {name: versions[-1] for name, versions in BOOK.versions.items()}
    assert rehearse(ALL, Substitution(BOOK, policies)).changed == 0


def test_a_record_is_read_as_it_was_written() -> None:
    assert read_record(write_record(ALL).decode(), "quotes.json") == ALL


def test_a_higher_ratio_changes_what_it_touches_and_the_totals() -> None:
    """Chronic class II of residents at tier 2 pays 61 % instead of 60 % from next year on: P20, 260.00 of scope."""
    text = shipped("policies/JH.toml").replace("valid_from = 2020-01-01", "valid_from = 2027-01-01")
    head, name, tail = text.partition("[chr.390.ratio.II]")
    assert tail.split("\n")[1].count('tier2 = "60%"') == 1
    policy = parse_policy(head + name + tail.replace('tier2 = "60%"', 'tier2 = "61%"', 1), "JH-2027.toml")
    found = rehearse((QUOTES["P01 s1"], QUOTES["P20 s1"]), Substitution(BOOK, {"JH": policy}))
    assert found.changes == (
        Change(2, "hifp_pay", 15600, 15860),
        Change(2, "fund_pay_sumamt", 15600, 15860),
        Change(2, "psn_part_amt", 22400, 22140),
        Change(2, "psn_cash_pay", 22400, 22140),
    )
    assert (found.quotes, found.changed, found.refused) == (2, 1, ())
    assert found.totals()["hifp_pay"] == (15600, 15860)


def test_everybody_under_another_set() -> None:
    """P16: a signed resident at a primary clinic; set JH pays 60 %, set GX 50 % without a bonus."""
    quote = QUOTES["P16 s1"]
    before = quote.result
    found = rehearse((quote,), Substitution(BOOK, every_set="GX"))
    after_fen = (before.in_scope_fen * 5000 + 5000) // 10_000
    assert before.pool_ratio_bp == 6000
    assert found.changes == (
        Change(1, "hifp_pay", before.pool_fen, after_fen),
        Change(1, "fund_pay_sumamt", before.fund_fen, after_fen),
        Change(1, "psn_part_amt", before.person_fen, before.total_fen - after_fen),
        Change(1, "psn_cash_pay", before.cash_fen, before.total_fen - after_fen),
    )


def test_a_quote_that_would_be_refused_is_named_with_its_code() -> None:
    quote = QUOTES["P17 s1"]
    policy = msgspec.structs.replace(BOOK.versions[quote.policy_set][-1], two_disease={})
    found = rehearse((quote,), Substitution(BOOK, {quote.policy_set: policy}))
    assert (found.changes, found.refused) == ((), (NowRefused(1, "BENEFIT_NOT_OPEN"),))
    assert found.changed == 1


def test_the_switches_of_another_profile_are_rehearsed_too() -> None:
    """P68: relatives may pay outside the province."""
    quote = QUOTES["P68 s1"]
    rules = msgspec.structs.replace(quote.rules, mutual_aid_outside_province=True)
    found = rehearse((quote,), Substitution(BOOK, rules=rules))
    assert found.changes == (
        Change(1, "acct_pay", 1000, 5200),
        Change(1, "acct_mulaid_pay", 0, 4200),
        Change(1, "psn_cash_pay", 4200, 0),
    )


def test_totals_add_up_over_the_quotes_that_change() -> None:
    changes = (Change(1, "hifp_pay", 1, 2), Change(2, "hifp_pay", 10, 5), Change(2, "medfee_sumamt", 0, 7))
    totals = Rehearsal(2, changes, ()).totals()
    assert list(totals.items()) == [("medfee_sumamt", (0, 7)), ("hifp_pay", (11, 7))]


def test_relatives_are_called_by_their_place() -> None:
    quote = QUOTES["P67 s1"]
    assert [relative.owner for relative in quote.account.relatives] == ["1"]
    assert quote.account.relatives == (Relative("1", 7000),)
    assert quote.result.relatives_paid == (RelativePayment("1", 7000),)
    assert "spouse" not in write_record([quote]).decode()


def _without(name: str) -> Callable[[str], str]:
    return lambda text: text.replace(f'"{name}"', f'"{name}s"', 1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: "{", "quotes.json: is not JSON"),
        (lambda text: text.replace("yibao-quotes/1", "yibao-quotes/2"), "format: 'yibao-quotes/2' is none of"),
        (_without("accumulators"), "quotes[0]: Object contains unknown field `accumulatorss`"),
        (lambda text: text.replace('"total_fen": 9350', '"total_fen": "93.50"'), "quotes[0].result.total_fen"),
        (lambda text: text.replace('"policy_set": "JH"', '"policy_set": "XX"'), "no policy of XX is in force"),
        (lambda text: text.replace('"place": "JH"', '"place": "XX"'), "quotes[0]: cannot be calculated: no catalogue for XX"),
        (lambda text: text.replace('"D03"', '"D99"'), "quotes[0]: cannot be calculated: item D99 is not in the catalogue"),
        (lambda text: text.replace('"year": 2026', '"year": 2025'), "accumulators of 2025 for a fee date in 2026"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_used_is_one_error_with_its_place(
    book: PolicyBook, spoil: Callable[[str], str], words: str
) -> None:
    text = write_record([QUOTES["P01 s1"]]).decode()
    assert spoil(text) != text
    with pytest.raises(DataError) as wrong:
        rehearse(read_record(spoil(text), "quotes.json"), Substitution(book), "quotes.json")
    assert words in str(wrong.value)
