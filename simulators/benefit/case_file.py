"""Files of worked cases (`benefit-cases/1`): reading and running them.

A file holds its own policy sets and catalogue, a list of cases, and in each case a person, a starting state and
steps. Money is integer fen, a ratio 1/10000, a missing accumulator 0. Reading is strict: a misspelt key is an
error, because an input nobody reads would make a case prove nothing.
"""

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from simulators.benefit import catalogue, policies
from simulators.benefit.datafile import FEN, LARGEST_FEN, DataError, Node
from simulators.benefit.engine import Calculation, accumulate, calculate, cancel
from simulators.benefit.model import (
    AREAS,
    CATEGORIES,
    INSTITUTION_KINDS,
    INSUTYPES,
    AccountState,
    Accumulators,
    Enrolment,
    Institution,
    LayerAccumulator,
    Line,
    Person,
    Refusal,
    Relative,
    Result,
    Rules,
    Visit,
    VisitKind,
)
from simulators.benefit.policies import PolicyBook

_VISIT_KINDS: Final[Mapping[str, VisitKind]] = {
    "11": "outpatient",
    "13": "emergency",
    "14": "chronic",
    "41": "pharmacy",
    "51": "maternity",
    "9901": "two_disease",
    "9904": "special_drug",
}
"""`med_type` as the cases spell it; on the wire the map belongs to the province's profile."""

_COUNT: Final = re.compile(r"(\d{1,8})(?:\.(\d{1,4}))?", re.ASCII)
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MICRO_PER_FEN: Final = 10_000
_YEARS: Final = range(1900, 2200)

ACCUMULATOR_KEYS: Final = (
    ("dedc_op", "deductible_op_fen"),
    ("dedc_chr_month", "deductible_chr_fen"),
    ("pool_op", "pool_op_fen"),
    ("pool_two", "pool_two_fen"),
    ("pool_chr", "pool_chr_fen"),
    ("pool_mat", "pool_mat_fen"),
    ("pool_all", "pool_all_fen"),
    ("si_base", "si_base_fen"),
    ("si_pay", "si_pay_fen"),
    ("es_pay", "enterprise_pay_fen"),
    ("cvl_pay", "civil_pay_fen"),
    ("ma_base", "aid_base_fen"),
    ("ma_pay", "aid_pay_fen"),
    ("layers", "layers"),
)
"""Name in the cases and in `Accumulators`."""
_MAPS: Final = ("dedc_chr_month", "pool_two", "pool_chr")


class State(msgspec.Struct, frozen=True):
    """What the hub's records hold between two steps."""

    accumulators: Mapping[int, Accumulators]
    """By benefit year."""
    account: AccountState


class Step(msgspec.Struct, frozen=True):
    """One step; `visit` is None in a cancellation, which names its `target`."""

    ref: str
    visit: Visit | None
    lines: tuple[Line, ...]
    target: str
    expected: Node
    """The step itself, for `expect`, `expect_lines`, `expect_setldetail` and `after`."""


class Case(msgspec.Struct, frozen=True):
    """One worked case."""

    id: str
    title: str
    policy_set: str
    person: Person
    start: State
    steps: tuple[Step, ...]


class CaseFile(msgspec.Struct, frozen=True):
    """A file with its policy; the cases are read one by one, so that a bad one spoils only itself."""

    book: PolicyBook
    rules: Rules
    """With the diseases this file opens outside the province and its rural low-income categories."""
    cases: Mapping[str, Node]


class Outcome(msgspec.Struct, frozen=True):
    """What a step came to. `calculation` is None for a cancellation and a refusal."""

    step: Step
    before: State
    answer: Result | Refusal
    calculation: Calculation | None
    after: State


def parse_file(text: str, file: str = "cases") -> CaseFile:
    """Read a file's policy sets and catalogue and find its cases. Raises DataError."""
    try:
        root = Node(file, json.loads(text), FEN)
    except ValueError as fault:
        raise DataError(file, "", f"is not JSON: {fault}") from None
    root.only("format", "policy_sets", "catalogue", "categories", "contributions", "cases")
    listing = root.child("catalogue")
    listing.only("items", "places", "cross_province_diseases", "rural_low_income")
    items = catalogue.parse_items(listing.child("items"))
    places = {name: catalogue.parse_place(place, items) for name, place in listing.child("places").children()}
    sets = [
        policies.parse_case_policy(set_id, node.value, file)
        for set_id, node in root.child("policy_sets").children()
    ]
    cases: dict[str, Node] = {}
    for node in root.child("cases").elements():
        case_id = node.child("id").text()
        if case_id in cases:
            raise node.child("id").error(f"'{case_id}' is used twice")
        cases[case_id] = Node(file, node.value, FEN, case_id)
    return CaseFile(
        book=policies.build_book(sets, catalogue.build(items, places), file),
        rules=Rules(
            xprov_diseases=frozenset(_texts(listing, "cross_province_diseases")),
            rural_low_income=frozenset(_texts(listing, "rural_low_income")),
        ),
        cases=cases,
    )


def parse_case(node: Node) -> Case:
    """Read one case. Raises DataError."""
    node.only("id", "title", "tags", "person", "start", "steps")
    person = node.child("person")
    return Case(
        id=node.child("id").text(),
        title=node.child("title").text(),
        policy_set=person.child("set").text(),
        person=_person(person),
        start=_state(node.child("start")),
        steps=tuple(_step(step) for step in node.child("steps").elements()),
    )


def run(found: CaseFile, case: Case) -> Iterator[Outcome]:
    """Carry a case out step by step. Raises LookupError or ValueError for a step that makes no sense."""
    state = case.start
    settled: dict[str, Result] = {}
    standing: dict[str, Result] = {}
    for step in case.steps:
        calculation: Calculation | None = None
        answer: Result | Refusal
        if step.visit is None:
            answer = _cancel(step, state, settled, standing, found.rules)
        else:
            reply = _settle(found, case, step.visit, step.lines, state)
            answer = reply if isinstance(reply, Refusal) else reply.result
            calculation = None if isinstance(reply, Refusal) else reply
        after = state
        if isinstance(answer, Result):
            year = answer.contributions.year
            changed = accumulate(year_of(state, year), answer.contributions)
            after = State({**state.accumulators, year: changed}, answer.account_after)
            if step.visit is None:
                del standing[step.target]
            else:
                settled[step.ref] = standing[step.ref] = answer
        yield Outcome(step, state, answer, calculation, after)
        state = after


def year_of(state: State, year: int) -> Accumulators:
    """The accumulators of a year, all 0 when nothing moved in it yet."""
    return state.accumulators.get(year) or Accumulators(year)


def _settle(
    found: CaseFile, case: Case, visit: Visit, lines: tuple[Line, ...], state: State
) -> Calculation | Refusal:
    return calculate(
        found.book.version(case.policy_set, visit.fee_date),
        found.book.place(visit.place),
        case.person,
        state.account,
        year_of(state, visit.fee_date.year),
        visit,
        lines,
        found.rules,
    )


def _cancel(
    step: Step,
    state: State,
    settled: Mapping[str, Result],
    standing: Mapping[str, Result],
    rules: Rules,
) -> Result | Refusal:
    refs = list(settled)
    later = refs[refs.index(step.target) + 1 :] if step.target in settled else []
    return cancel(
        settled.get(step.target),
        state.account,
        already=step.target in settled and step.target not in standing,
        later=[standing[ref].contributions for ref in later if ref in standing],
        rules=rules,
    )


def _person(node: Node) -> Person:
    node.only(
        "set",
        "insutype",
        "psn_type",
        "categories",
        "chr_reg",
        "two_reg",
        "signed",
        "cvlserv",
        "hifes",
        "layers",
        "enrol",
    )
    enrol = node.maybe("enrol")
    categories = _texts(node, "categories")
    for category in categories:
        if category not in CATEGORIES:
            raise node.child("categories").error(f"'{category}' is no category")
    return Person(
        insutype=node.child("insutype").choice(*INSUTYPES),
        psn_type=node.child("psn_type").text(),
        categories=categories,
        chronic=_texts(node, "chr_reg"),
        two_disease=_texts(node, "two_reg"),
        signed_doctor=_flag(node, "signed"),
        civil_servant=_flag(node, "cvlserv"),
        enterprise=_flag(node, "hifes"),
        layers=_texts(node, "layers"),
        enrolment=_enrolment(enrol) if enrol else None,
    )


def _enrolment(node: Node) -> Enrolment:
    node.only("paid_on", "in_window", "employee_gap_months", "newborn_birth", "lapsed_years")
    gap, birth = node.maybe("employee_gap_months"), node.maybe("newborn_birth")
    lapsed = node.maybe("lapsed_years")
    return Enrolment(
        paid_on=_date(node.child("paid_on")),
        in_window=_flag(node, "in_window"),
        employee_gap_months=gap.number(1200) if gap else None,
        newborn_birth=_date(birth) if birth else None,
        lapsed_years=lapsed.number(100) if lapsed else 0,
    )


def _texts(node: Node, name: str) -> tuple[str, ...]:
    found = node.maybe(name)
    return tuple(element.text() for element in found.elements()) if found else ()


def _flag(node: Node, name: str) -> bool:
    found = node.maybe(name)
    return found.flag() if found else False


def _date(node: Node) -> datetime.date:
    try:
        return datetime.date.fromisoformat(node.text())
    except ValueError:
        raise node.error("must be a date such as 2026-03-12") from None


def _state(node: Node) -> State:
    node.only("balance", "mulaid", "acc")
    return State(accumulators(node.child("acc")), _account(node))


def _account(node: Node) -> AccountState:
    balance, relatives = node.maybe("balance"), node.maybe("mulaid")
    return AccountState(
        balance_fen=balance.money() if balance else 0,
        relatives=tuple(_relative(row) for row in relatives.elements()) if relatives else (),
    )


def _relative(node: Node) -> Relative:
    node.only("id", "balance")
    return Relative(node.child("id").text(), node.child("balance").money())


def accumulators(node: Node) -> dict[int, Accumulators]:
    """The accumulators of a `start` or `after`, by year. Raises DataError."""
    years: dict[int, Accumulators] = {}
    for year, row in node.children():
        if not (year.isdigit() and int(year) in _YEARS):
            raise row.error("is not a year")
        row.only(*[name for name, _ in ACCUMULATOR_KEYS])
        values: dict[str, object] = {}
        for name, field in ACCUMULATOR_KEYS:
            found = row.maybe(name)
            if found is None:
                continue
            if name == "layers":
                values[field] = {layer: _layer(part) for layer, part in found.children()}
            elif name in _MAPS:
                values[field] = {key: part.money() for key, part in found.children() if part.money()}
            else:
                values[field] = found.money()
            if name == "dedc_chr_month":
                for month, part in found.children():
                    if not _MONTH.fullmatch(month):
                        raise part.error("is not a month such as 2026-03")
        years[int(year)] = msgspec.convert({"year": int(year), **values}, Accumulators)
    return years


def flat(sums: Accumulators) -> Iterator[tuple[str, int]]:
    """Accumulators under the names of the cases, e.g. `pool_chr.M01600`."""
    for name, field in ACCUMULATOR_KEYS:
        value = getattr(sums, field)
        if isinstance(value, int):
            yield name, value
            continue
        for key, part in value.items():
            if isinstance(part, LayerAccumulator):
                yield f"{name}.{key}.base", part.base_fen
                yield f"{name}.{key}.pay", part.pay_fen
            else:
                yield f"{name}.{key}", part


def _layer(node: Node) -> LayerAccumulator:
    node.only("base", "pay")
    base, pay = node.maybe("base"), node.maybe("pay")
    return LayerAccumulator(base.money() if base else 0, pay.money() if pay else 0)


def _step(node: Node) -> Step:
    operation = node.child("op").choice("settle", "reverse")
    ref = node.child("ref").text()
    if operation == "reverse":
        node.only("op", "ref", "target", "expect", "expect_lines", "expect_setldetail", "after")
        return Step(ref, None, (), node.child("target").text(), node)
    node.only("op", "ref", "visit", "lines", "expect", "expect_lines", "expect_setldetail", "after")
    lines = tuple(_line(row) for row in node.child("lines").elements())
    return Step(ref, _visit(node.child("visit")), lines, "", node)


def _visit(node: Node) -> Visit:
    node.only(
        "place",
        "inst",
        "med_type",
        "date",
        "area",
        "acct_used_flag",
        "dise",
        "rx_pooled",
        "nego_approved",
        "epidemic",
    )
    inst = node.child("inst")
    inst.only("kind", "dual", "networked")
    disease = node.maybe("dise")
    return Visit(
        place=node.child("place").text(),
        institution=Institution(
            kind=inst.child("kind").choice(*INSTITUTION_KINDS),
            dual_channel=_flag(inst, "dual"),
            networked=_flag(inst, "networked"),
        ),
        kind=_VISIT_KINDS[node.child("med_type").choice(*_VISIT_KINDS)],
        fee_date=_date(node.child("date")),
        area=node.child("area").choice(*AREAS),
        account_use="family" if node.child("acct_used_flag").number(1) else "none",
        disease=disease.text() if disease else "",
        rx_pooled=_flag(node, "rx_pooled"),
        nego_approved=_flag(node, "nego_approved"),
        epidemic=_flag(node, "epidemic"),
    )


def _line(node: Node) -> Line:
    node.only("item", "cnt", "pric", "lmt_ok")
    count = node.child("cnt")
    match = _COUNT.fullmatch(count.text())
    if match is None:
        raise count.error('must be a number in quotes with at most four decimals, such as "2.5"')
    return Line(
        item=node.child("item").text(),
        quantity_e4=int(match[1]) * 10_000 + int((match[2] or "").ljust(4, "0")),
        price_micro=node.child("pric").number(LARGEST_FEN) * _MICRO_PER_FEN,
        indication_ok=_flag(node, "lmt_ok"),
    )
