"""The rules of the hub's review as data (`review_rules.toml`), and how each kind of check reads them. Pure."""

import datetime as dt
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import msgspec

CheckName = Literal["days", "dose", "frequency", "duplicate", "sex", "age", "in_patient", "prescription"]
_QUANTITY: Final = 10_000
_SEXES: Final = {"1": "男", "2": "女"}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: which check, how severe, in which words."""

    id: str
    check: CheckName
    name: str
    english: str
    text: str
    severity: Literal["1", "2", "3"]
    behaviour: Literal["1", "2"]
    scenes: frozenset[str]
    """`trig_scen` for which it is asked; empty = always."""
    most: int = 0
    window_days: int = 0


class ItemFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the leaflet of an item says; what is not set is not checked."""

    pack_days: int = 0
    """How long one pack lasts."""
    single: int = 0
    """Most units at a time."""
    daily: int = 0
    """Most times a day."""
    group: str = ""
    """Items of one group do the same."""
    sex: str = ""
    min_age: int = 0
    prescription: bool = False


class RuleBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal["yibao-review-rules/1"]
    rule: tuple[Rule, ...]
    item: Mapping[str, ItemFacts]

    def of(self, item: str) -> ItemFacts:
        """What is known of an item."""
        return self.item.get(item, ItemFacts())


class Bought(msgspec.Struct, frozen=True):
    """One line under review, or one bought before."""

    order: str
    item: str
    name: str
    quantity_e4: int
    amount_fen: int
    day: dt.date
    days: int = 0
    """As prescribed; 0 = by the pack."""
    single: Decimal | None = None
    daily: Decimal | None = None
    prescription: str = ""


class Stay(msgspec.Struct, frozen=True):
    """An in-patient stay."""

    psn_no: str
    begin: dt.date
    end: dt.date | None = None


class Case(msgspec.Struct, frozen=True):
    """What is reviewed: who, what now, what before."""

    sex: str
    age: int
    day: dt.date
    lines: tuple[Bought, ...]
    earlier: tuple[Bought, ...]
    stays: tuple[Stay, ...]


class Broken(msgspec.Struct, frozen=True):
    """One rule that a case breaks, with the lines it is about."""

    rule: Rule
    text: str
    lines: tuple[Bought, ...]


_Findings = Iterator[tuple[Sequence[Bought], Mapping[str, object]]]


SHIPPED: Final = msgspec.convert(
    tomllib.loads((Path(__file__).parent / "review_rules.toml").read_text(encoding="utf-8")), RuleBook
)
"""The rules of the package."""


def broken_rules(book: RuleBook, case: Case, scene: str) -> tuple[Broken, ...]:
    """What the case breaks, in the order of the file."""
    return tuple(
        Broken(rule, rule.text.format(window_days=rule.window_days, **words), tuple(lines))
        for rule in book.rule
        if not (rule.scenes and scene) or scene in rule.scenes
        for lines, words in _CHECKS[rule.check](book, rule, case)
    )


def _days(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    since = case.day - dt.timedelta(days=rule.window_days)
    for item in dict.fromkeys(line.item for line in case.lines):
        pack_days = book.of(item).pack_days
        now = [line for line in case.lines if line.item == item]
        before = [line for line in case.earlier if line.item == item and line.day >= since]
        found = sum(line.days or pack_days * line.quantity_e4 // _QUANTITY for line in (*now, *before))
        if found > rule.most:
            yield now, {"item": now[0].name, "found": found, "most": rule.most}


def _dose(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for line in case.lines:
        most = book.of(line.item).single
        if most and line.single is not None and line.single > most:
            yield [line], {"item": line.name, "found": line.single, "most": most}


def _frequency(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for line in case.lines:
        most = book.of(line.item).daily
        if most and line.daily is not None and line.daily > most:
            yield [line], {"item": line.name, "found": line.daily, "most": most}


def _duplicate(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    groups: dict[str, list[Bought]] = {}
    for line in case.lines:
        groups.setdefault(book.of(line.item).group, []).append(line)
    for group, lines in groups.items():
        if group and len({line.item for line in lines}) > 1:
            yield lines, {"item": lines[0].name, "found": group, "most": ""}


def _sex(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for line in case.lines:
        wanted = book.of(line.item).sex
        if wanted and case.sex in _SEXES and case.sex != wanted:
            yield [line], {"item": line.name, "found": _SEXES[case.sex], "most": _SEXES[wanted]}


def _age(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for line in case.lines:
        youngest = book.of(line.item).min_age
        if case.age < youngest:
            yield [line], {"item": line.name, "found": case.age, "most": youngest}


def _in_patient(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for stay in case.stays:
        if stay.begin <= case.day and (stay.end is None or case.day <= stay.end):
            yield case.lines, {"item": "", "found": stay.begin.isoformat(), "most": ""}


def _prescription(book: RuleBook, rule: Rule, case: Case) -> _Findings:
    for line in case.lines:
        if book.of(line.item).prescription and not line.prescription:
            yield [line], {"item": line.name, "found": "", "most": ""}


_CHECKS: Final[Mapping[CheckName, Callable[[RuleBook, Rule, Case], _Findings]]] = {
    "days": _days,
    "dose": _dose,
    "frequency": _frequency,
    "duplicate": _duplicate,
    "sex": _sex,
    "age": _age,
    "in_patient": _in_patient,
    "prescription": _prescription,
}
