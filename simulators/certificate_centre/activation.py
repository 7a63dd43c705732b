"""Activating a certificate on the phone, and family accounts (亲情账户); no institution can do either (PD-10).

Steps in their order: agree to the terms, name and identity number, live face check, a six-digit password. Activated
through one channel it is valid everywhere. A holder adds a member with a written commitment and pages of the household
register; a member of 16 or over looks into the camera too, under 16 need not; the member's certificate is active then.
Refusals carry words for the person in front of the phone. The password is looked at and forgotten.
"""

import datetime as dt
import enum
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from simulators.certificate_centre.codebook import CodeBook
from simulators.certificate_centre.core import FaceOutcome
from simulators.people import Person
from simulators.people.model import Relation

FACE_FROM_AGE: Final = 16
_PASSWORD: Final = re.compile(r"[0-9]{6}")
_SIMPLE: Final = frozenset({"123456", "654321", *(str(digit) * 6 for digit in range(10))})


class Step(enum.Enum):
    """What the app asks for next."""

    TERMS = "terms"
    REAL_NAME = "real_name"
    FACE = "face"
    PASSWORD = "password"
    DONE = "done"


class ActivationRefused(Exception):
    """The app says no. `code` is a word for programs, the texts are for people."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(code)
        self.code = code
        self.zh = zh
        self.en = en


class FamilyMember(msgspec.Struct, frozen=True):
    """One member in a holder's family account."""

    person: Person
    relation: Relation
    """What the member is to the holder; the people's files say what the holder is to the member."""


_TURNED_ROUND: Final[Mapping[Relation, Relation]] = MappingProxyType(
    {"parent": "child", "child": "parent", "spouse": "spouse"}
)

Papers = Literal["commitment", "household_register"]


class Activation:
    """All activations of one simulated world."""

    def __init__(self, book: CodeBook, people: Sequence[Person]) -> None:
        self._book = book
        self._steps: dict[str, Step] = {}
        self._family: dict[str, list[FamilyMember]] = {}
        for person in people:
            for relative in person.relative:
                if relative.family_certificate:
                    member = FamilyMember(person, _TURNED_ROUND[relative.relation])
                    self._family.setdefault(relative.slug, []).append(member)

    def step(self, person: Person) -> Step:
        """Where this person's activation stands. Raises `ActivationRefused` when there is nothing to activate."""
        match self._book.state(person):
            case "ACTIVATED":
                return Step.DONE
            case "NOT_INSURED":
                raise ActivationRefused(
                    "not_insured", "未参保，请先办理参保登记。", "Not insured: enrol first."
                )
            case "FROZEN" | "CANCELLED":
                raise ActivationRefused(
                    "frozen",
                    "凭证已冻结或注销，请联系医保经办机构。",
                    "Frozen or cancelled: ask the insurance office.",
                )
            case "NOT_ACTIVATED":
                return self._steps.get(person.psn_no, Step.TERMS)

    def agree(self, person: Person) -> Step:
        """The terms are accepted."""
        return self._pass(person, Step.TERMS, Step.REAL_NAME)

    def real_name(self, person: Person, name: str, certno: str) -> Step:
        """Name and identity number, both those of the insured person."""
        if (name, certno) != (person.name, person.certno):
            raise ActivationRefused("not_the_person", "姓名或证件号码不符。", "Name or number does not fit.")
        return self._pass(person, Step.REAL_NAME, Step.FACE)

    def face(self, person: Person, outcome: FaceOutcome) -> Step:
        """What the phone's camera made of the face."""
        _check_face(outcome)
        return self._pass(person, Step.FACE, Step.PASSWORD)

    def set_password(self, person: Person, password: str) -> Step:
        """Six digits, not a row of the same or the obvious ones: then the certificate is active."""
        if _PASSWORD.fullmatch(password) is None or password in _SIMPLE:
            raise ActivationRefused(
                "password_weak", "请设置六位数字密码，不要过于简单。", "Six digits, not too simple."
            )
        step = self._pass(person, Step.PASSWORD, Step.DONE)
        self._book.set_state(person, "ACTIVATED")
        del self._steps[person.psn_no]
        return step

    def members(self, holder: Person) -> tuple[FamilyMember, ...]:
        """Whose codes the holder's app also shows."""
        return tuple(self._family.get(holder.slug, ()))

    def add_member(
        self,
        holder: Person,
        member: Person,
        relation: Relation,
        papers: frozenset[Papers],
        face: FaceOutcome | None,
        day: dt.date,
    ) -> FamilyMember:
        """Add a member, who is the holder's `relation`, to the family account. Raises `ActivationRefused`."""
        if self.step(holder) is not Step.DONE:
            raise ActivationRefused(
                "holder_not_active", "请先激活本人凭证。", "Activate your own certificate first."
            )
        self.step(member)
        if member is holder or any(one.person is member for one in self.members(holder)):
            raise ActivationRefused("already_member", "已在亲情账户中。", "Already in the family account.")
        if papers != {"commitment", "household_register"}:
            raise ActivationRefused(
                "papers_missing", "请上传承诺书和户口簿页。", "Commitment and household register are needed."
            )
        if member.age(day) >= FACE_FROM_AGE * 10:
            _check_face(face)
        added = FamilyMember(member, relation)
        self._family.setdefault(holder.slug, []).append(added)
        if self._book.state(member) == "NOT_ACTIVATED":
            self._book.set_state(member, "ACTIVATED")
            self._steps.pop(member.psn_no, None)
        return added

    def _pass(self, person: Person, expected: Step, then: Step) -> Step:
        if self.step(person) is not expected:
            raise ActivationRefused("wrong_step", "请按顺序操作。", "Not the step that is asked for now.")
        self._steps[person.psn_no] = then
        return then


def _check_face(outcome: FaceOutcome | None) -> None:
    match outcome:
        case "match":
            return
        case None:
            raise ActivationRefused(
                "face_needed", "16周岁及以上须人脸核验。", "From 16 on a face check is needed."
            )
        case "mismatch":
            raise ActivationRefused("face_mismatch", "人脸不匹配。", "The face does not match.")
        case "not_alive":
            raise ActivationRefused("not_alive", "活体检测未通过。", "The liveness check failed.")
        case "cancelled" | "timeout":
            raise ActivationRefused(
                "face_cancelled", "人脸核验已取消或超时。", "The face check was cancelled."
            )
