"""Which certificate codes are out, and which tokens they became: shared by phone, centre and hub.

Lives follow our decisions PD-1 and PD-7: a code 60 s plus 15 s grace, bound to the first institution that decodes
it; a token 30 min, bound to that institution and usable for several calls of one visit; the flow number of a face check
5 min and one exchange. A phone shows a new code each minute; the one before stays good for its own grace. No clock here.
"""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Final

import msgspec

from simulators.people import Person, find
from simulators.people.model import CertificateState

_TOKEN_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Lives(msgspec.Struct, frozen=True):
    """How long things last, in seconds."""

    code_life_s: float = 60.0
    grace_s: float = 15.0
    token_life_s: float = 1800.0
    authno_life_s: float = 300.0


class ShownCode(msgspec.Struct, frozen=True):
    """What a phone shows now."""

    code: str
    refresh_in_s: float
    """After that the phone draws a new one."""


class IssuedCode(msgspec.Struct, frozen=True):
    """One code shown on a phone. `institution` and `token` are set by the first decode."""

    psn_no: str
    issued_at: dt.datetime
    institution: str = ""
    token: str = ""


class FaceCheck(msgspec.Struct, frozen=True):
    """One face that was recognised, waiting to be exchanged."""

    psn_no: str
    institution: str
    checked_at: dt.datetime


class IssuedToken(msgspec.Struct, frozen=True):
    """One ecToken."""

    psn_no: str
    institution: str
    issued_at: dt.datetime


class CentreRefusal(Exception):
    """The centre says no. `code` is one of our 9900xx numbers (PD-6) or the seen 500159; `message` is Chinese first."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}")
        self.code = code
        self.message = message


class CodeBook:
    """All codes and tokens of one simulated world."""

    def __init__(
        self,
        people: Sequence[Person],
        rng: random.Random,
        lives: Lives | None = None,
        *,
        single_use: bool = False,
    ) -> None:
        """`rng` draws the digits of codes and tokens; `lives` defaults to the decided ones.

        `single_use`: a code is decoded once and never again, also not at the same institution. Off by default, because
        a terminal must be able to ask again after a lost reply (K31).
        """
        self._people = tuple(people)
        self._states: dict[str, CertificateState] = {row.psn_no: row.certificate.state for row in people}
        self._rng = rng
        self.lives = Lives() if lives is None else lives
        self._codes: dict[str, IssuedCode] = {}
        self._tokens: dict[str, IssuedToken] = {}
        self._shown: dict[str, str] = {}
        self._faces: dict[str, FaceCheck] = {}
        self.single_use = single_use

    def issue(self, person: Person, now: dt.datetime) -> str:
        """Show a fresh code: `424`, 17 + 2 random digits, two digits of the insured province, `0000`."""
        division = person.enrolment[0].division
        while True:
            code = f"424{self._rng.randrange(10**19):019d}{division[:2]}0000"
            if code not in self._codes:
                break
        self._codes[code] = IssuedCode(person.psn_no, now)
        self._shown[person.psn_no] = code
        return code

    def show(self, person: Person, now: dt.datetime) -> ShownCode:
        """The code on a phone that is looked at: the last one while it is fresh, then a new one each minute.

        Raises `CentreRefusal` when the certificate is not active: an app shows no code then.
        """
        self._check_state(person.psn_no)
        code = self._shown.get(person.psn_no, "")
        age_s = _age_s(self._codes[code].issued_at, now) if code else self.lives.code_life_s
        if not 0 <= age_s < self.lives.code_life_s:
            return self.refresh(person, now)
        return ShownCode(code, self.lives.code_life_s - age_s)

    def refresh(self, person: Person, now: dt.datetime) -> ShownCode:
        """A new code at once; the one before keeps the rest of its life. Raises `CentreRefusal` like `show`."""
        self._check_state(person.psn_no)
        return ShownCode(self.issue(person, now), self.lives.code_life_s)

    def state(self, person: Person) -> CertificateState:
        """State of a person's certificate now."""
        return self._states[person.psn_no]

    def set_state(self, person: Person, state: CertificateState) -> None:
        """Change a person's certificate (activation, freezing)."""
        self._states[person.psn_no] = state

    def decode(self, code: str, institution: str, now: dt.datetime) -> tuple[Person, str]:
        """Person and token of a code; the same institution gets the same token again. Raises `CentreRefusal`."""
        issued = self._codes.get(code)
        if issued is None:
            raise CentreRefusal(990002, "二维码无效 (unknown code)")
        person = find(self._people, issued.psn_no)
        self._check_state(issued.psn_no)
        if _age_s(issued.issued_at, now) > self.lives.code_life_s + self.lives.grace_s:
            raise CentreRefusal(990001, "二维码已过期 (code expired)")
        if issued.institution not in ("", institution):
            raise CentreRefusal(990003, "二维码已在其他机构使用 (code used elsewhere)")
        if issued.token and self.single_use:
            raise CentreRefusal(990003, "二维码已使用 (code already used)")
        if issued.token:
            return person, issued.token
        token = self._give_token(person, institution, now)
        self._codes[code] = msgspec.structs.replace(issued, institution=institution, token=token)
        return person, token

    def recognise(self, person: Person, institution: str, now: dt.datetime) -> str:
        """A face check found this person: its flow number (`authNo`). Raises `CentreRefusal`."""
        self._check_state(person.psn_no)
        while True:
            number = f"ano{self._rng.randrange(10**19):019d}{person.enrolment[0].division}"
            if number not in self._faces:
                break
        self._faces[number] = FaceCheck(person.psn_no, institution, now)
        return number

    def exchange(self, auth_no: str, institution: str, now: dt.datetime) -> tuple[Person, str]:
        """Person and token of a face check, once. Raises `CentreRefusal` (990013, 990007)."""
        check = self._faces.get(auth_no)
        if check is None:
            raise CentreRefusal(990013, "授权流水号已失效 (authNo unknown or used)")
        if check.institution != institution:
            raise CentreRefusal(990007, "授权流水号属于其他机构 (authNo of another institution)")
        del self._faces[auth_no]
        if _age_s(check.checked_at, now) > self.lives.authno_life_s:
            raise CentreRefusal(990013, "授权流水号已失效 (authNo expired)")
        self._check_state(check.psn_no)
        person = find(self._people, check.psn_no)
        return person, self._give_token(person, institution, now)

    def identify(self, person: Person, institution: str, now: dt.datetime) -> str:
        """A token for somebody whom the terminal itself has identified. Raises `CentreRefusal`."""
        self._check_state(person.psn_no)
        return self._give_token(person, institution, now)

    def resolve(self, token: str, institution: str, now: dt.datetime) -> str:
        """`psn_no` behind a token used by an institution. Raises `CentreRefusal` (990002, 990006, 990007)."""
        issued = self._tokens.get(token)
        if issued is None:
            raise CentreRefusal(990002, "电子凭证令牌无效 (unknown token)")
        if issued.institution != institution:
            raise CentreRefusal(990007, "电子凭证令牌属于其他机构 (token of another institution)")
        if _age_s(issued.issued_at, now) > self.lives.token_life_s:
            raise CentreRefusal(990006, "电子凭证令牌已过期 (token expired)")
        return issued.psn_no

    def owner(self, token: str, now: dt.datetime) -> Person | None:
        """The person of a token that is in its life, at whichever institution; else None."""
        issued = self._tokens.get(token)
        if issued is None or _age_s(issued.issued_at, now) > self.lives.token_life_s:
            return None
        return find(self._people, issued.psn_no)

    def _check_state(self, psn_no: str) -> None:
        state = self._states[psn_no]
        if state in ("NOT_INSURED", "NOT_ACTIVATED"):
            raise CentreRefusal(990004, "电子凭证未激活 (certificate not activated)")
        if state in ("FROZEN", "CANCELLED"):
            raise CentreRefusal(990005, "电子凭证已冻结或注销 (certificate frozen or cancelled)")

    def _give_token(self, person: Person, institution: str, now: dt.datetime) -> str:
        token = self._new_token(person.enrolment[0].division)
        self._tokens[token] = IssuedToken(person.psn_no, institution, now)
        return token

    def _new_token(self, division: str) -> str:
        while True:
            token = f"{division}ec{''.join(self._rng.choices(_TOKEN_LETTERS, k=30))}"
            if token not in self._tokens:
                return token


def _age_s(since: dt.datetime, now: dt.datetime) -> float:
    return (now - since).total_seconds()
