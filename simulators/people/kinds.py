"""Kinds of person that the benefit policy names, found from what a persona's file says: nobody writes a kind down.

A kind holds on a day: a filing runs out, a waiting period ends. Places are seen from the home city of the shipped
institutions, 999900.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from simulators.benefit.model import CATEGORIES, EMPLOYEE, RESIDENT
from simulators.people.model import Enrolment, FilingKind, Person

HOME: Final = "999900"
"""Division from which a person is local, from another city, or visiting."""
_RETIRED: Final = "12"
_NEWBORN, _PUPIL, _STUDENT, _ELDERLY = "1401", "1403", "1404", "16"


class Kind(msgspec.Struct, frozen=True):
    """One kind of person."""

    id: str
    zh: str
    en: str
    rows: str
    """Rows of the benefit policy that speak of it."""
    holds: Callable[[Person, dt.date], bool]


def kinds_of(person: Person, day: dt.date) -> tuple[Kind, ...]:
    """Every kind that somebody is on a day, in the order of `KINDS`."""
    return tuple(kind for kind in KINDS if kind.holds(person, day))


def of_kind(people: Iterable[Person], kind: str, day: dt.date) -> tuple[Person, ...]:
    """Everybody of a kind (its id) on a day. Raises KeyError for a kind there is not."""
    wanted = next((row for row in KINDS if row.id == kind), None)
    if wanted is None:
        raise KeyError(f"no kind {kind}; known: {', '.join(row.id for row in KINDS)}")
    return tuple(person for person in people if wanted.holds(person, day))


def matching(kinds: Sequence[Kind], text: str) -> bool:
    """Whether every word of `text` stands in the id, the Chinese or the English of one of these kinds."""
    said = " ".join(f"{kind.id} {kind.zh} {kind.en}" for kind in kinds).lower()
    return all(word in said for word in text.lower().split())


def _pays(person: Person) -> Enrolment | None:
    first = person.enrolment[0]
    return first if first.active else None


def _scheme(insutype: str) -> Callable[[Person, dt.date], bool]:
    def holds(person: Person, _: dt.date) -> bool:
        row = _pays(person)
        return row is not None and row.insutype == insutype

    return holds


def _type(psn_type: str) -> Callable[[Person, dt.date], bool]:
    def holds(person: Person, _: dt.date) -> bool:
        row = _pays(person)
        return row is not None and row.psn_type == psn_type

    return holds


def _mark(name: str) -> Callable[[Person, dt.date], bool]:
    def holds(person: Person, _: dt.date) -> bool:
        row = _pays(person)
        return row is not None and bool(getattr(row, name))

    return holds


def _recognised(category: str) -> Callable[[Person, dt.date], bool]:
    return lambda person, day: category in person.categories(day)


def _category_ended(person: Person, day: dt.date) -> bool:
    return bool(person.category) and not person.categories(day)


def _diseases(person: Person, kind: str, day: dt.date) -> set[str]:
    return {row.code for row in person.registration if row.kind == kind and row.in_force(day)}


def _filed(kind: str, at_least: int) -> Callable[[Person, dt.date], bool]:
    return lambda person, day: len(_diseases(person, kind, day)) >= at_least


def _held_twice(person: Person, day: dt.date) -> bool:
    return bool(_diseases(person, "chronic", day) & _diseases(person, "two_disease", day))


def _pregnant(person: Person, day: dt.date) -> bool:
    return person.pregnancy is not None and person.pregnancy.filed <= day


def _approved(person: Person, day: dt.date) -> bool:
    return any(person.approved(row.code, day) for row in person.approval)


def _flexible(person: Person, _: dt.date) -> bool:
    return person.enrolment[0].employer == "灵活就业"


def _outside(person: Person) -> Enrolment | None:
    row = _pays(person)
    return row if row is not None and row.division[:2] != HOME[:2] else None


def _visiting(filing: FilingKind | None) -> Callable[[Person, dt.date], bool]:
    def holds(person: Person, day: dt.date) -> bool:
        row = _outside(person)
        return row is not None and row.filing_on(day) == filing

    return holds


def _filing_ended(person: Person, day: dt.date) -> bool:
    row = _outside(person)
    return row is not None and row.filing is not None and row.filing_on(day) is None


def _other_city(person: Person, _: dt.date) -> bool:
    row = _pays(person)
    return row is not None and row.division[:2] == HOME[:2] and row.division[:4] != HOME[:4]


def _other_district(person: Person, _: dt.date) -> bool:
    row = _pays(person)
    return row is not None and row.division[:4] == HOME[:4] and row.division != HOME


def _joined(*, exempt: bool) -> Callable[[Person, dt.date], bool]:
    def holds(person: Person, day: dt.date) -> bool:
        row = _pays(person)
        if row is None or row.joined is None:
            return False
        return exempt == bool(row.joined.exempt or person.categories(day))

    return holds


def _not_in_force(status: str) -> Callable[[Person, dt.date], bool]:
    return lambda person, _: _pays(person) is None and person.enrolment[0].status == status


def _twice(person: Person, _: dt.date) -> bool:
    return sum(row.active for row in person.enrolment) > 1


def _one_of_two(person: Person, _: dt.date) -> bool:
    return (
        len({row.insutype for row in person.enrolment}) > 1
        and sum(row.active for row in person.enrolment) == 1
    )


def _moved(person: Person, _: dt.date) -> bool:
    row = _pays(person)
    return row is not None and any(
        other.insutype == row.insutype and other.division != row.division for other in person.enrolment
    )


def _empty_account(person: Person, _: dt.date) -> bool:
    row = _pays(person)
    return row is not None and row.insutype == EMPLOYEE and row.balance_fen == 0


def _certificate(*states: str) -> Callable[[Person, dt.date], bool]:
    return lambda person, _: person.certificate.state in states


KINDS: Final[tuple[Kind, ...]] = (
    Kind("employee", "职工", "employee scheme", "R51", _scheme(EMPLOYEE)),
    Kind("retired", "退休", "retired", "R25", _type(_RETIRED)),
    Kind("resident", "居民", "resident scheme", "R44, R51", _scheme(RESIDENT)),
    Kind("newborn", "新生儿", "newborn", "R41, R43", _type(_NEWBORN)),
    Kind("pupil", "中小学生儿童", "child or pupil", "R44", _type(_PUPIL)),
    Kind("student", "大学生", "student", "R46", _type(_STUDENT)),
    Kind("elderly_resident", "老年居民", "elderly resident", "R44", _type(_ELDERLY)),
    Kind("flexible", "灵活就业", "flexible worker", "R47, R49", _flexible),
    Kind("pregnant", "孕妇", "pregnant", "R40 to R42", _pregnant),
    Kind("civil_servant", "公务员", "civil servant", "R22", _mark("civil_servant")),
    Kind("enterprise_supplement", "企业补充", "enterprise supplement", "R22", _mark("enterprise_supplement")),
    Kind("further_layer", "参加其他保障层", "further layer joined", "R03, R23", _mark("layers")),
    Kind("signed_doctor", "签约家庭医生", "signed family doctor", "R26", _mark("signed_doctor")),
    *(Kind(name, zh, name.replace("_", " "), "R34, R35", _recognised(name)) for name, zh in CATEGORIES.items()),
    Kind("category_ended", "救助身份已到期", "assistance category ended", "R34", _category_ended),
    Kind("chronic", "门诊慢特病", "chronic disease filed", "R30", _filed("chronic", 1)),
    Kind("several_chronic", "多个慢特病", "several chronic diseases", "R32", _filed("chronic", 2)),
    Kind("two_disease", "两病", "two-disease filed", "R28", _filed("two_disease", 1)),
    Kind("both_two_diseases", "两病均登记", "both of the two diseases", "R28", _filed("two_disease", 2)),
    Kind("two_disease_held_as_chronic", "两病已转慢特病", "two-disease held as chronic", "R28", _held_twice),
    Kind("drug_approval", "谈判药使用已备案", "negotiated drug approved", "R54", _approved),
    Kind("other_district", "同市他区", "other district of the city", "R04", _other_district),
    Kind("other_city", "省内异地", "other city of the province", "R09", _other_city),
    Kind("visiting_long_term", "跨省长期居住备案", "visiting, filed long-term", "R02, R09", _visiting("long_term")),
    Kind("visiting_referral", "跨省转诊备案", "visiting, referred", "R10", _visiting("referral")),
    Kind("visiting_emergency", "跨省急诊抢救", "visiting, emergency", "R09", _visiting("emergency")),
    Kind("visiting_unfiled", "跨省未备案", "visiting, unfiled", "R10", _visiting(None)),
    Kind("filing_ended", "备案已到期", "visiting, filing ended", "R02", _filing_ended),
    Kind("waiting", "新参保有等待期", "joined with a waiting period", "R43", _joined(exempt=False)),
    Kind("waiting_exempt", "新参保免等待期", "joined, exempt from waiting", "R43", _joined(exempt=True)),
    Kind("suspended", "参保暂停", "participation paused", "R13", _not_in_force("2")),
    Kind("ended", "参保终止", "participation ended", "R12", _not_in_force("4")),
    Kind("moved", "参保地转移", "moved from another insured place", "R12", _moved),
    Kind("one_of_two_paused", "两条参保一条暂停", "two enrolments, one paused", "R13", _one_of_two),
    Kind("double_enrolment", "重复参保", "double enrolment, both in force", "R13", _twice),
    Kind("blocked_card", "社保卡挂失", "blocked card", "R05", lambda person, _: person.card is not None and person.card.blocked),
    Kind("no_card", "无社保卡", "no card", "R05", lambda person, _: person.card is None),
    Kind("certificate_not_active", "电子凭证未激活", "e-certificate not activated", "R01", _certificate("NOT_INSURED", "NOT_ACTIVATED")),
    Kind("certificate_stopped", "电子凭证冻结或注销", "e-certificate frozen or cancelled", "R01", _certificate("FROZEN", "CANCELLED")),
    Kind("empty_account", "个人账户为零", "empty account", "R15, R50", _empty_account),
    Kind("relatives_accounts", "亲属共济", "relatives' accounts", "R16", lambda person, _: any(row.mutual_aid for row in person.relative)),
)  # fmt: skip
"""All kinds, in the order lists show them."""
