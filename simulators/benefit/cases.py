"""Checking a file of worked cases against the engine: `yibao sim benefit check FILE --only P01,P02`.

The policy sets and the catalogue are those inside the file. Every money field, line, fund row, accumulator and
account balance of every step is compared, and every result must meet the identities of `setlinfo`. A case passes
when nothing of it differs. An amount a file leaves out is taken as 0; a part it leaves out altogether
(`expect_lines`, `expect_setldetail`, `after`) is a failure, so that a truncated case cannot pass.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from simulators.benefit.case_file import (
    CaseFile,
    Outcome,
    State,
    accumulators,
    flat,
    parse_case,
    parse_file,
    run,
)
from simulators.benefit.datafile import LARGEST_FEN, DataError, Node
from simulators.benefit.model import FUND_OTHER, Result

MONEY_FIELDS: Final = (
    ("medfee_sumamt", "total_fen"),
    ("fulamt_ownpay_amt", "full_self_fen"),
    ("overlmt_selfpay", "over_limit_fen"),
    ("preselfpay_amt", "pre_self_fen"),
    ("inscp_scp_amt", "in_scope_fen"),
    ("act_pay_dedc", "deductible_fen"),
    ("hifp_pay", "pool_fen"),
    ("cvlserv_pay", "civil_servant_fen"),
    ("hifes_pay", "enterprise_fen"),
    ("hifmi_pay", "serious_illness_fen"),
    ("hifob_pay", "large_amount_fen"),
    ("hifdm_pay", "disabled_fen"),
    ("maf_pay", "assistance_fen"),
    ("oth_pay", "other_fen"),
    ("fund_pay_sumamt", "fund_fen"),
    ("psn_part_amt", "person_fen"),
    ("acct_pay", "account_fen"),
    ("acct_mulaid_pay", "mutual_aid_fen"),
    ("psn_cash_pay", "cash_fen"),
    ("hosp_part_amt", "hospital_fen"),
    ("balc", "balance_fen"),
)
"""Money fields of `setlinfo` and where the result holds them; the ratio `pool_prop_selfpay` is text."""

LINE_FIELDS: Final = (
    ("item", "item"),
    ("det_item_fee_sumamt", "amount_fen"),
    ("chrgitm_lv", "charge_class"),
    ("fulamt_ownpay_amt", "full_self_fen"),
    ("overlmt_amt", "over_limit_fen"),
    ("preselfpay_amt", "pre_self_fen"),
    ("inscp_scp_amt", "in_scope_fen"),
    ("bucket", "bucket"),
)
_RATIO: Final = "pool_prop_selfpay"
_OTHER: Final = "other"
"""How the cases spell the fund type that has no national code."""


class Failure(msgspec.Struct, frozen=True):
    """One difference. `step` is empty when the case as a whole could not be read or run."""

    case: str
    step: str
    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        where = f"{self.case} {self.step}".rstrip()
        return f"{where}: {self.field}: expected {self.expected}, got {self.actual}"


class CaseReport(msgspec.Struct, frozen=True):
    """What a check found."""

    passed: int
    failed: int
    failures: tuple[Failure, ...]

    def text(self) -> str:
        """One line per difference, then `N passed, M failed`."""
        lines = [str(failure) for failure in self.failures]
        return "\n".join([*lines, f"{self.passed} passed, {self.failed} failed"])


def check_file(text: str, only: tuple[str, ...] = (), file: str = "cases") -> CaseReport:
    """Check the cases of a file, or only those named; a named case that is not there counts as failed.

    Raises DataError when the file, one of its policy sets or its catalogue cannot be used at all.
    """
    found = parse_file(text, file)
    failures: list[Failure] = []
    names = dict.fromkeys(only) or found.cases
    bad = 0
    for name in names:
        if name in found.cases:
            differences = check_case(found, name)
        else:
            differences = (Failure(name, "", "case", "a case of this file", "no such case"),)
        failures += differences
        bad += bool(differences)
    return CaseReport(len(names) - bad, bad, tuple(failures))


def check_case(found: CaseFile, name: str) -> tuple[Failure, ...]:
    """Every difference of one case of a file."""
    failures: list[Failure] = []
    try:
        case = parse_case(found.cases[name])
        if not case.steps:
            failures.append(Failure(name, "", "steps", "at least one step", "none"))
        for outcome in run(found, case):
            failures += [
                Failure(name, outcome.step.ref, field, str(expected), str(actual))
                for field, expected, actual in _differences(outcome)
            ]
    except DataError as fault:
        failures.append(Failure(name, "", fault.key, "a readable case", fault.reason))
    except (LookupError, ValueError) as fault:
        failures.append(Failure(name, "", "run", "a settlement or a refusal", str(fault)))
    return tuple(failures)


Difference = tuple[str, object, object]


def _differences(outcome: Outcome) -> Iterator[Difference]:
    """Everything in which a step differs from what its file expects."""
    step, answer = outcome.step.expected, outcome.answer
    expect = step.child("expect")
    refused = expect.maybe("refused")
    if refused is not None or not isinstance(answer, Result):
        wanted = refused.text() if refused is not None else "a result"
        actual = "a result" if isinstance(answer, Result) else answer.code
        if wanted != actual:
            yield "refused", wanted, actual
    else:
        yield from _compare(_expected_amounts(expect), result_amounts(answer), "")
        yield from _broken_identities(answer)
        if outcome.calculation is not None or "expect_lines" in step.table():
            yield from _compare_lines(step.child("expect_lines"), answer)
        if outcome.calculation is not None or "expect_setldetail" in step.table():
            funds = {name: row.value for name, row in step.child("expect_setldetail").children()}
            yield from _compare(funds, fund_amounts(answer), "setldetail.")
    yield from _compare(_expected_state(step.child("after")), state_amounts(outcome.after), "after.")


def _compare(
    expected: Mapping[str, object], actual: Mapping[str, object], prefix: str
) -> Iterator[Difference]:
    """Differences between two tables; a missing entry is 0."""
    for name in dict.fromkeys([*expected, *actual]):
        if expected.get(name, 0) != actual.get(name, 0):
            yield prefix + name, expected.get(name, 0), actual.get(name, 0)


def result_amounts(result: Result) -> dict[str, int | str]:
    """The fields of `setlinfo` under their wire names, in fen, the ratio as text."""
    amounts: dict[str, int | str] = {wire: getattr(result, name) for wire, name in MONEY_FIELDS}
    amounts[_RATIO] = result.ratio_text
    return amounts


def fund_amounts(result: Result) -> dict[str, int]:
    """The rows of `setldetail` as the cases write them."""
    return {
        _OTHER if row.fund_pay_type == FUND_OTHER else row.fund_pay_type: row.amount_fen
        for row in result.funds
    }


def state_amounts(state: State) -> dict[str, int | str]:
    """Balances and accumulators as one flat table, e.g. `acc.2026.pool_chr.M01600`."""
    amounts: dict[str, int | str] = {"balance": state.account.balance_fen}
    for place, relative in enumerate(state.account.relatives, start=1):
        amounts[f"mulaid.{place}.id"] = relative.owner
        amounts[f"mulaid.{place}.balance"] = relative.balance_fen
    for year, sums in state.accumulators.items():
        for name, amount in flat(sums):
            amounts[f"acc.{year}.{name}"] = amount
    return amounts


def _expected_amounts(expect: Node) -> dict[str, object]:
    expect.only(*[wire for wire, _ in MONEY_FIELDS], _RATIO)
    amounts: dict[str, object] = {_RATIO: "0.0000"}
    amounts.update(expect.table())
    return amounts


def _expected_state(after: Node) -> dict[str, object]:
    after.only("acc", "balance", "mulaid")
    amounts: dict[str, object] = {"balance": after.child("balance").number(LARGEST_FEN)}
    relatives = after.maybe("mulaid")
    for place, row in enumerate(relatives.elements() if relatives else (), start=1):
        row.only("id", "balance")
        amounts[f"mulaid.{place}.id"] = row.child("id").text()
        amounts[f"mulaid.{place}.balance"] = row.child("balance").money()
    for year, sums in accumulators(after.child("acc")).items():
        for name, amount in flat(sums):
            amounts[f"acc.{year}.{name}"] = amount
    return amounts


def _compare_lines(expected: Node, result: Result) -> Iterator[Difference]:
    rows = expected.elements()
    if len(rows) != len(result.lines):
        yield "lines", len(rows), len(result.lines)
        return
    for number, (row, line) in enumerate(zip(rows, result.lines, strict=True), start=1):
        row.only(*[wire for wire, _ in LINE_FIELDS])
        actual = {wire: getattr(line, name) for wire, name in LINE_FIELDS}
        yield from _compare(row.table(), actual, f"lines.{number}.")


def _broken_identities(result: Result) -> Iterator[Difference]:
    for name, left, right in identities(result):
        if left != right:
            yield f"identity {name}", left, right


def identities(result: Result) -> tuple[tuple[str, int, int], ...]:
    """The equations every answer must meet, in `setlinfo` and in every line: name, left side, right side."""
    parts = result.full_self_fen + result.over_limit_fen + result.pre_self_fen + result.in_scope_fen
    funds = (
        result.pool_fen
        + result.civil_servant_fen
        + result.enterprise_fen
        + result.serious_illness_fen
        + result.large_amount_fen
        + result.disabled_fen
        + result.assistance_fen
        + result.other_fen
    )
    return (
        ("split of the total", result.total_fen, parts),
        ("sum of the funds", result.fund_fen, funds),
        ("who pays", result.total_fen, result.fund_fen + result.person_fen + result.hospital_fen),
        ("person's part", result.person_fen, result.account_fen + result.cash_fen),
        ("fund rows", sum(row.amount_fen for row in result.funds), result.fund_fen + result.account_fen),
        (
            "mutual aid within the account",
            abs(result.mutual_aid_fen),
            min(abs(result.mutual_aid_fen), abs(result.account_fen)),
        ),
        ("lines", result.total_fen, sum(line.amount_fen for line in result.lines)),
        *(
            (
                f"line {number}",
                line.amount_fen,
                line.full_self_fen + line.over_limit_fen + line.pre_self_fen + line.in_scope_fen,
            )
            for number, line in enumerate(result.lines, start=1)
        ),
    )
