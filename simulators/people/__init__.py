"""Invented people: one TOML file each, from which the hub's ledger, the certificate centre and test cards are made.

Identity numbers use area 999999, which is assigned to nobody. `load_people()` reads the shipped ten, `find` picks one.
"""

from simulators.people.loader import PersonaError, find, identity_check_character, load_people, parse_person
from simulators.people.model import (
    Card,
    Certificate,
    Designated,
    Enrolment,
    Filing,
    Person,
    Registration,
    Relative,
)

__all__ = [
    "Card",
    "Certificate",
    "Designated",
    "Enrolment",
    "Filing",
    "Person",
    "PersonaError",
    "Registration",
    "Relative",
    "find",
    "identity_check_character",
    "load_people",
    "parse_person",
]
