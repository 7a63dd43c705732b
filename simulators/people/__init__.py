"""Invented people: one TOML file each, from which the hub's ledger, the certificate centre and test cards are made.

Identity numbers use area 999999, which is assigned to nobody. `load_people()` reads the shipped ones, `find` picks one,
`kinds_of` says what kinds of person somebody is ("pregnant", "suspended"), `of_kind` finds everybody of a kind.
"""

from simulators.people.kinds import KINDS, Kind, kinds_of, matching, of_kind
from simulators.people.loader import PersonaError, find, identity_check_character, load_people, parse_person
from simulators.people.model import (
    Approval,
    Card,
    Category,
    Certificate,
    Designated,
    Enrolment,
    Filing,
    Joining,
    Person,
    Pregnancy,
    Registration,
    Relative,
)

__all__ = [
    "KINDS",
    "Approval",
    "Card",
    "Category",
    "Certificate",
    "Designated",
    "Enrolment",
    "Filing",
    "Joining",
    "Kind",
    "Person",
    "PersonaError",
    "Pregnancy",
    "Registration",
    "Relative",
    "find",
    "identity_check_character",
    "kinds_of",
    "load_people",
    "matching",
    "of_kind",
    "parse_person",
]
