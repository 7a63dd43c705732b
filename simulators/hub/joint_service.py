"""What other departments tell the hub: changes of people's records (categories and the like), and births (R39, R82).

A feed is taken as a whole or not at all. From then on the hub answers with it, until it is started again: the persona
files, from which card and certificate are made too, stay as they are.
"""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from simulators.hub.desk import Desk
from simulators.people import Person, find
from simulators.people.loader import check_person, check_together

_FIXED: Final = frozenset({"slug", "name", "psn_no", "certno", "sex", "born"})
"""Who somebody is does not change."""


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feed. `change`: `person` (name, slug or psn_no) and the persona's keys that change; `birth`: a whole persona."""

    change: tuple[dict[str, Any], ...] = ()
    birth: tuple[Person, ...] = ()


def read_feed(text: str, file: str) -> Feed:
    """Read a feed file. Raises ValueError that names the file."""
    try:
        feed = msgspec.convert(tomllib.loads(text), Feed)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise ValueError(f"{file}: {wrong}") from None
    for person in feed.birth:
        check_person(person, file)
    return feed


def take_feed(desk: Desk, feed: Feed) -> None:
    """Take a feed over. Raises KeyError for somebody unknown, ValueError for a record that cannot be; then nothing was taken."""
    people = list(desk.people)
    for change in feed.change:
        fields = dict(change)
        person = find(people, str(fields.pop("person", "")))
        people[people.index(person)] = _changed(person, fields)
    people += feed.birth
    check_together(people)
    with desk.ledger.transaction():
        desk.ledger.seed(feed.birth)
        desk.people[:] = people


def _changed(person: Person, fields: Mapping[str, Any]) -> Person:
    fixed = sorted(_FIXED.intersection(fields))
    if fixed:
        raise ValueError(f"{person.slug}: {', '.join(fixed)} cannot change")
    try:
        changed = msgspec.convert(msgspec.to_builtins(person) | fields, Person)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"{person.slug}: {wrong}") from None
    check_person(changed, person.slug)
    return changed
