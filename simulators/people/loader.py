"""Reads persona files and refuses a wrong one by file, key and reason."""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from simulators.benefit.model import CATEGORIES, EMPLOYEE, INSUTYPES
from simulators.benefit.policies import load_shipped
from simulators.people.model import Enrolment, Person
from simulators.toml_file import WrongFile, read_toml
from simulators.world import load_world

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"


class PersonaError(WrongFile):
    """A persona file that cannot be used."""


def identity_check_character(seventeen: str) -> str:
    """The 18th character of an identity number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return _CHECK_CHARACTERS[
        sum(int(digit) * weight for digit, weight in zip(seventeen, _WEIGHTS, strict=True)) % 11
    ]


def load_people(folder: Path | None = None) -> tuple[Person, ...]:
    """All personas of a folder (default: the shipped ones), ordered by `psn_no`. Raises `PersonaError`."""
    return _shipped() if folder is None else _load(folder)


@functools.cache
def _shipped() -> tuple[Person, ...]:
    """Frozen values out of files that do not change while a program runs."""
    return _load(Path(__file__).parent)


def _load(where: Path) -> tuple[Person, ...]:
    people = [
        parse_person(path.read_text(encoding="utf-8"), path.name) for path in sorted(where.glob("*.toml"))
    ]
    check_together(people)
    return tuple(sorted(people, key=lambda person: person.psn_no))


def parse_person(text: str, file: str) -> Person:
    """One persona from TOML text; `file` is only used in error texts."""
    person = read_toml(text, file, Person, PersonaError)
    check_person(person, file)
    return person


def check_person(person: Person, file: str) -> None:
    """Refuse a record that contradicts itself, whoever wrote it. Raises `PersonaError`."""
    if identity_check_character(person.certno[:17]) != person.certno[17]:
        raise PersonaError(file, "certno", "wrong check character")
    if person.certno[6:14] != person.born.strftime("%Y%m%d"):
        raise PersonaError(file, "born", "differs from the date inside certno")
    if ("1" if int(person.certno[16]) % 2 else "2") != person.sex:
        raise PersonaError(file, "sex", "differs from the sex digit inside certno")
    _check_enrolments(person, file)
    for place, filed in enumerate(person.registration):
        if filed.end is not None and filed.end < filed.begin:
            raise PersonaError(file, f"registration[{place}].end", "before begin")
        listed = load_world().diseases.get(filed.code)
        if listed is None or listed.name != filed.name:
            raise PersonaError(file, f"registration[{place}].code", "not in the disease list under this name")
        if filed.kind == "two_disease" and not listed.two_disease:
            raise PersonaError(file, f"registration[{place}].kind", "not one of the two diseases")
    for place, category in enumerate(person.category):
        if category.kind not in CATEGORIES:
            raise PersonaError(file, f"category[{place}].kind", f"none of {', '.join(CATEGORIES)}")
        if category.begin and category.end and category.end < category.begin:
            raise PersonaError(file, f"category[{place}].end", "before begin")
    if person.pregnancy and (person.sex != "2" or person.pregnancy.expected < person.pregnancy.filed):
        raise PersonaError(file, "pregnancy", "of a man, or expected before it was filed")
    for place, approval in enumerate(person.approval):
        if approval.code not in _negotiated():
            raise PersonaError(file, f"approval[{place}].code", "not a negotiated drug of the catalogue")
        if approval.end < approval.begin:
            raise PersonaError(file, f"approval[{place}].end", "before begin")
    _check_card(person, file)


@functools.cache
def _negotiated() -> frozenset[str]:
    """National codes of the shipped catalogue's negotiated drugs."""
    items = load_shipped().catalogue.items.values()
    return frozenset(item.code for item in items if item.negotiated)


@functools.cache
def _joinable() -> frozenset[str]:
    """Ids of the further layers of the shipped policies that somebody may join."""
    versions = load_shipped().versions.values()
    return frozenset(
        rule.id for every in versions for policy in every for rule in policy.layers if rule.who == "enrolled"
    )


def _check_enrolments(person: Person, file: str) -> None:
    for place, row in enumerate(person.enrolment):
        where = f"enrolment[{place}]"
        if row.insutype not in INSUTYPES:
            raise PersonaError(file, f"{where}.insutype", f"none of {', '.join(INSUTYPES)}")
        if row.paused and row.active:
            raise PersonaError(file, f"{where}.status", "paused on a date but status is 1")
        if row.since < person.born - dt.timedelta(days=1):
            raise PersonaError(file, f"{where}.since", "before birth")
        if row.insutype != EMPLOYEE and row.balance_fen:
            raise PersonaError(file, f"{where}.balance", "only scheme 310 has a personal account")
        if not _joinable().issuperset(row.layers):
            raise PersonaError(file, f"{where}.layers", "not a further layer that can be joined")
        if row.joined and row.joined.exempt == "newborn" and row.joined.paid_on < person.born:
            raise PersonaError(file, f"{where}.joined.paid_on", "before birth")
        if row.joined and (row.joined.exempt == "employee_gap") != (
            row.joined.employee_gap_months is not None
        ):
            raise PersonaError(
                file, f"{where}.joined.employee_gap_months", "goes together with exempt employee_gap"
            )
    if sorted(person.enrolment, key=_pays_later) != list(person.enrolment):
        raise PersonaError(file, "enrolment", "the one that pays must come first: in force, then scheme 310")


def _pays_later(row: Enrolment) -> tuple[bool, bool]:
    return not row.active, row.active and row.insutype != EMPLOYEE


def _check_card(person: Person, file: str) -> None:
    card = person.card
    if card is None:
        return
    if card.version[0] != card.generation:
        raise PersonaError(file, "card.version", "does not belong to card.generation")
    if card.identification_code[:16] != "999999D156000005":
        raise PersonaError(file, "card.identification_code", "must begin with 999999D156000005 (test area)")
    if (
        card.reset_information[10:18] != "86609999"
        or card.reset_information[18:] != card.identification_code[16:24]
    ):
        raise PersonaError(file, "card.reset_information", "issuing area or serial differs from the card")
    if card.social_security_number != person.certno:
        raise PersonaError(file, "card.social_security_number", "differs from certno")


def check_together(people: Iterable[Person]) -> None:
    """Refuse two personas with the same number and relatives that do not exist."""
    seen: dict[tuple[str, str], str] = {}
    rows = list(people)
    slugs = {person.slug for person in rows}
    for person in rows:
        file = f"{person.slug}.toml"
        unique = [
            ("slug", person.slug),
            ("name", person.name),
            ("psn_no", person.psn_no),
            ("certno", person.certno),
        ]
        if person.card is not None:
            unique += [
                ("card.number", person.card.number),
                ("card.identification_code", person.card.identification_code),
            ]
        for key, value in unique:
            if (key, value) in seen:
                raise PersonaError(file, key, f"already used in {seen[key, value]}")
            seen[key, value] = file
        for place, relative in enumerate(person.relative):
            if relative.slug not in slugs or relative.slug == person.slug:
                raise PersonaError(file, f"relative[{place}].slug", "no such other person")


def find(people: Sequence[Person], who: str) -> Person:
    """The person with that name, slug or `psn_no`. Raises KeyError with a text that lists the slugs."""
    for person in people:
        if who in (person.name, person.slug, person.psn_no):
            return person
    known = ", ".join(person.slug for person in people)
    raise KeyError(f"nobody is called {who}; known: {known}")
