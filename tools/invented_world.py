"""docs/test-world.md: who and what the simulators invent, drawn from their data files."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from simulators.benefit import policies
from simulators.people import KINDS, Person, kinds_of, load_people, of_kind
from simulators.world import Agreement, Institution, load_world
from terminal.slips.masking import MaskRule, mask_certno
from tools.markdown import GENERATED, table

DAY: Final = dt.date(2026, 11, 21)
"""The day on which the document says what kind somebody is."""
HOME_SET: Final = "JH"
"""Policy set of the home city."""
_HEAD: Final = """# The invented world

{generated}

Everybody and everything the simulators know. All of it is invented: identity numbers lie in area 999999, which is assigned to
nobody, names begin with 测试, the divisions do not exist.

One file per person in `simulators/people/` is the only source: `simulators.cards.image_for` makes the card image from it,
`CodeBook` of the certificate centre the certificate, `Ledger.seed` of the hub the books, and 1101 answers from it. What kind of
person somebody is follows from the facts in the file (`simulators/people/kinds.py`) and is written down nowhere. Institutions,
goods and diseases: `simulators/world/`; catalogue and policies: `simulators/benefit/`. A wrong file is refused by file, key and
reason.

`yibao sim people pregnant employee` (or `yibao sim people 孕妇 职工`) finds people by words of their kinds, `--json` for programs.
A new person is a new file with names and numbers nobody else has; those from 99990000000000000101 to 99990000000000000499 are
left to tests that invent somebody of their own.
"""


def document() -> str:
    """The whole text."""
    people, world = load_people(), load_world()
    return "\n".join(
        (
            _HEAD.format(generated=GENERATED),
            f"## Kinds of person\n\nAs of {DAY}. Rows are those of the benefit policy.\n",
            _kinds(people),
            f"\n## People\n\nAs of {DAY}.\n",
            _people(people),
            "\n## Institutions\n",
            _institutions(world.institutions.values()),
            "\n## Physicians and pharmacists\n",
            _staff(world.institutions.values()),
            "\n## Lists\n",
            _lists(),
            "",
        )
    )


def _kinds(people: Iterable[Person]) -> str:
    everybody = tuple(people)
    return table(
        ("kind", "", "rows", "people"),
        (
            (kind.en, kind.zh, kind.rows, ", ".join(row.slug for row in of_kind(everybody, kind.id, DAY)))
            for kind in KINDS
        ),
    )


def _people(people: Iterable[Person]) -> str:
    return table(
        ("slug", "name", "identity no.", "psn_no", "insured at", "account", "card", "kinds"),
        (
            (
                person.slug,
                person.name,
                mask_certno(person.certno, MaskRule()).replace("*", "\\*"),
                f"…{person.psn_no[-4:]}",
                ", ".join(dict.fromkeys(row.division for row in person.enrolment)),
                person.enrolment[0].balance if person.enrolment[0].insutype == "310" else "",
                f"{person.card.generation}.x" if person.card else "",
                "; ".join(kind.en for kind in kinds_of(person, DAY)),
            )
            for person in people
        ),
    )


def _institutions(institutions: Iterable[Institution]) -> str:
    return table(
        ("code", "name", "kind", "service level", "credit", "networked", "dual-channel", "agreement"),
        (
            (
                row.code,
                row.name,
                row.kind,
                row.service_level,
                row.credit,
                "yes" if row.networked else "no",
                "yes" if row.dual_channel else "no",
                _agreement(row.agreement),
            )
            for row in institutions
        ),
    )


def _agreement(agreement: Agreement) -> str:
    words = f"{agreement.begin} to {agreement.end}"
    rest = agreement.suspended
    return words if rest is None else f"{words}, suspended {rest.begin} to {rest.end}"


def _staff(institutions: Iterable[Institution]) -> str:
    return table(
        ("insurance code", "name", "", "department", "credit", "institution"),
        (
            (
                person.code,
                person.name,
                "pharmacist" if person.pharmacist else "physician",
                person.department_name,
                person.credit,
                row.code,
            )
            for row in institutions
            for person in row.staff
        ),
    )


def _lists() -> str:
    book = policies.load_shipped()
    items = book.catalogue.items.values()
    classes = book.version(HOME_SET, DAY).chronic["390"].disease_class
    world = load_world()
    chosen = [item for item in items if item.selection]
    lines = [
        f"- Catalogue (`simulators/benefit/catalogue/items.toml`): {len(items)} items, version {max(item.version for item in items)}; "
        "class, share, ceiling and days on the list by place of treatment beside it.",
        f"- Drugs of the two-disease list: {', '.join(item.id for item in items if item.two_disease)}.",
        "- Selected in centralised procurement: "
        + ", ".join(
            f"{item.id} ({item.generic}, {item.selection.batch})" for item in chosen if item.selection
        )
        + ".",
        f"- Diseases (`simulators/world/diseases.toml`), version {max(row.version for row in world.diseases.values())}; "
        f"class as in policy set {HOME_SET}, other sets may differ:\n",
    ]
    diseases = table(
        ("code", "name", "version", "class", "two-disease"),
        (
            (
                row.code,
                row.name,
                row.version,
                classes.get(row.code, "not open"),
                "yes" if row.two_disease else "no",
            )
            for row in world.diseases.values()
        ),
    )
    return "\n".join((*lines, diseases))
