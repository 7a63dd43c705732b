"""Who works here and what they may do, by the counter's own configuration (R61, R66, R79).

A counter whose file names nobody knows no roles: everybody may do what a cashier may, and nobody can review.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from terminal.core.events import Misuse

Role = Literal["cashier", "pharmacist", "supervisor"]
Credit = Literal["", "A", "B", "C", "D"]


class Member(msgspec.Struct, frozen=True):
    """One person who works here."""

    number: str
    """As in `operator` of every request."""
    name: str
    role: Role
    code: str = ""
    """National code of a pharmacist."""
    credit: Credit = ""
    """Credit level, as the agency told it."""


class Staff:
    """Everybody who works at this counter."""

    def __init__(self, members: Sequence[Member] = ()) -> None:
        self._members = {member.number: member for member in members}

    def role_of(self, number: str) -> Role:
        """The role of an operator; whoever the file does not name has the least."""
        member = self._members.get(number)
        return "cashier" if member is None else member.role

    @property
    def knows_roles(self) -> bool:
        """Whether the counter's file names anybody."""
        return bool(self._members)

    def pharmacist(self, number: str) -> Member:
        """The pharmacist with this number, who may review. Raises `Misuse`."""
        member = self._members.get(number)
        if member is None or member.role != "pharmacist" or not member.code:
            raise Misuse("not_a_pharmacist")
        if member.credit == "D":
            raise Misuse("pharmacist_credit")
        return member
