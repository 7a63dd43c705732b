"""The catalogue: items, and per place of treatment their class, class-B share and price ceiling.

An entry may be limited in time (an item leaves the list): on a fee date outside it the item is class C (R53).
"""

import datetime
import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from simulators.benefit.datafile import FEN, Node
from simulators.benefit.model import INSTITUTION_KINDS, InstitutionKind

ItemClass = Literal["A", "B", "C"]
"""甲类, 乙类, 丙类: wholly payable, payable above a share, not payable."""

ITEM_TYPES: Final = (
    "western",
    "patent",
    "pieces",
    "granules",
    "inhouse",
    "service",
    "consumable",
    "goods",
    "device",
)
CATALOGUE_FORMAT: Final = "yibao-benefit-catalogue/1"


FIRST_VERSION: Final = "v0001"
"""Version of the list in which a row stands that names none."""


class Selection(msgspec.Struct, frozen=True):
    """A product chosen in centralised procurement (R56)."""

    batch: str
    valid_from: datetime.date
    valid_to: datetime.date

    def in_force(self, day: datetime.date) -> bool:
        """True when the product is a selected one on `day`."""
        return self.valid_from <= day <= self.valid_to


class Item(msgspec.Struct, frozen=True):
    """What is the same everywhere."""

    id: str
    name: str
    """Chinese name where the file gives one."""
    type: str
    code: str = ""
    """National code on the wire; empty when the file gives none."""
    negotiated: bool = False
    restricted: bool = False
    """Payable only for a confirmed indication (限定支付)."""
    account_excluded: bool = False
    """Daily goods the personal account may not pay."""
    two_disease: bool = False
    """Of the list of drugs for the two diseases (R29)."""
    generic: str = ""
    """Products of one generic name share it: one may replace the other (R61)."""
    selection: Selection | None = None
    version: str = FIRST_VERSION
    """Version of the list in which the row was last changed (R52)."""


class Entry(msgspec.Struct, frozen=True):
    """How a place of treatment lists an item."""

    item: Item
    item_class: ItemClass
    share_bp: int
    """Class-B share (先行自付比例)."""
    ceiling_fen: Mapping[InstitutionKind, int] | None
    """Highest payable price per unit by institution kind; a kind not named has none."""
    valid_from: datetime.date | None = None
    valid_to: datetime.date | None = None

    def listed_on(self, day: datetime.date) -> bool:
        """Whether the entry is in force on that fee date."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


Place = Mapping[str, Entry]
"""The list of one place of treatment, by item id."""


class Catalogue(msgspec.Struct, frozen=True):
    """All places' lists."""

    items: Mapping[str, Item]
    places: Mapping[str, Place]
    item_of_code: Mapping[str, str]
    """Item id by national code."""


def parse_items(node: Node) -> dict[str, Item]:
    """Read the table of items. Raises DataError."""
    items: dict[str, Item] = {}
    codes: dict[str, str] = {}
    for item_id, row in node.children():
        row.only(
            *("name", "name_zh", "type", "code", "nego", "limit_use", "acct_excluded"),
            *("two_disease", "generic", "selected", "version"),
        )
        english = row.child("name").text()
        chinese = row.maybe("name_zh")
        code, generic = row.maybe("code"), row.maybe("generic")
        selected, version = row.maybe("selected"), row.maybe("version")
        item = Item(
            id=item_id,
            name=chinese.text() if chinese else english,
            type=row.child("type").choice(*ITEM_TYPES),
            code=code.text() if code else "",
            negotiated=_flag(row, "nego"),
            restricted=_flag(row, "limit_use"),
            account_excluded=_flag(row, "acct_excluded"),
            two_disease=_flag(row, "two_disease"),
            generic=generic.text() if generic else "",
            selection=_selection(selected) if selected else None,
            version=parse_version(version) if version else FIRST_VERSION,
        )
        if item.code and codes.setdefault(item.code, item_id) != item_id:
            raise row.error(f"code {item.code} also belongs to {codes[item.code]}")
        items[item_id] = item
    if not items:
        raise node.error("names no item")
    return items


def parse_version(node: Node) -> str:
    """A version number: the letter v and four digits. Raises DataError."""
    text = node.text()
    if not re.fullmatch(r"v\d{4}", text):
        raise node.error("must be v and four digits, such as v0001")
    return text


def _selection(node: Node) -> Selection:
    node.only("batch", "from", "to")
    chosen = Selection(node.child("batch").text(), node.child("from").date(), node.child("to").date())
    if chosen.valid_to < chosen.valid_from:
        raise node.child("to").error("is before 'from'")
    return chosen


def _flag(row: Node, name: str) -> bool:
    flag = row.maybe(name)
    return flag.flag() if flag else False


def parse_place(node: Node, items: Mapping[str, Item]) -> dict[str, Entry]:
    """Read the list of one place. Raises DataError, also for an item that does not exist."""
    words = ("cls", "pre_bp", "ceil") if node.notation == FEN else ("class", "share", "ceiling")
    place: dict[str, Entry] = {}
    for item_id, row in node.children():
        if item_id not in items:
            raise row.error("no such item")
        row.only(*words, "from", "to")
        item_class: ItemClass = row.child(words[0]).choice("A", "B", "C")
        share = row.maybe(words[1])
        ceiling = row.maybe(words[2])
        first, last = row.maybe("from"), row.maybe("to")
        entry = Entry(
            item=items[item_id],
            item_class=item_class,
            share_bp=share.ratio() if share else 0,
            ceiling_fen=_ceiling(ceiling) if ceiling else None,
            valid_from=first.date() if first else None,
            valid_to=last.date() if last else None,
        )
        if share is not None and entry.share_bp and item_class != "B":
            raise share.error("only class B has a share")
        if first and last and first.date() > last.date():
            raise last.error("is before 'from'")
        place[item_id] = entry
    return place


def _ceiling(node: Node) -> dict[InstitutionKind, int]:
    """One amount for all kinds of institution, or an amount for some of them."""
    if not isinstance(node.value, dict):
        amount_fen = node.money()
        return dict.fromkeys(INSTITUTION_KINDS, amount_fen)
    node.only(*INSTITUTION_KINDS)
    rows = {name: row.limit() for name, row in node.children()}
    return {kind: amount for kind in INSTITUTION_KINDS if (amount := rows.get(kind)) is not None}


def build(items: Mapping[str, Item], places: Mapping[str, Place]) -> Catalogue:
    """Put the parts together."""
    return Catalogue(items, places, {item.code: item.id for item in items.values() if item.code})
