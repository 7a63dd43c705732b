"""The invented people of a running simulation as its lists show them: the hub's live facts beside the kinds of the persona."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from protocols.wire_time import WIRE_ZONE
from simulators.people import kinds_of, load_people, matching
from terminal.slips.masking import MaskRule, mask_certno
from yibao.simulated.control import PersonRow


class KindRow(msgspec.Struct, frozen=True):
    """One kind of person."""

    id: str
    zh: str
    en: str


class PersonaRow(msgspec.Struct, frozen=True):
    """One person; `certno` is masked."""

    slug: str
    name: str
    certno: str
    psn_no: str
    certificate: str
    balance_fen: int
    kinds: tuple[KindRow, ...]


def rows_of(live: Sequence[PersonRow], words: str = "", day: dt.date | None = None) -> list[PersonaRow]:
    """The people of whose kinds on `day` (default: today) every word is said; empty words mean everybody."""
    today = dt.datetime.now(WIRE_ZONE).date() if day is None else day
    people = {person.slug: person for person in load_people()}
    rows = []
    for row in live:
        person = people[row.slug]
        kinds = kinds_of(person, today)
        if not matching(kinds, words):
            continue
        rows.append(
            PersonaRow(
                slug=row.slug,
                name=row.name,
                certno=mask_certno(person.certno, MaskRule()),
                psn_no=row.psn_no,
                certificate=row.certificate,
                balance_fen=row.balance_fen,
                kinds=tuple(KindRow(kind.id, kind.zh, kind.en) for kind in kinds),
            )
        )
    return rows
