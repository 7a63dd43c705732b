"""The shop's goods as the insurance sees them: what is on no list, leaves it, costs more than it pays, or is sold out.

Rows R24, R29, R53, R55, R56, R59 and R78 of the benefit policy. What the shop's own file says is always at hand; the hub is
asked item by item (1312, 1318) when somebody wants a check, and what it says of an end date is remembered until the next
start. Which products are centrally procured or for the two diseases no transaction tells: the shop's file does.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from protocols.hub import listings
from protocols.hub.profile import Profile
from protocols.money import Price
from terminal.core.values import Notice
from terminal.counter.session import HubSession
from terminal.counter.workroom import Workroom
from terminal.hub.client import HubClient
from terminal.hub.questions import put_question
from terminal.shop_items import ShopItem

WARN_DAYS: Final = 60
"""How long before its last day an item's end is told."""
_EVERYTHING: Final = "2000-01-01"
_PAGE: Final = 10
_SELECTED: Final = "集采中选"


class Listed(msgspec.Struct, frozen=True):
    """What the hub says of one item today."""

    found: bool
    item_class: str = ""
    """`chrgitm_lv`: 01, 02, 03."""
    until: dt.date | None = None
    """Last day on the list; None = no end."""
    selected: bool = False
    """Centrally procured, where the hub's remark says so (集采中选)."""
    ceiling: Price | None = None
    """Payment standard or ceiling for this kind of institution."""


def own_warnings(item: ShopItem, today: dt.date) -> tuple[Notice, ...]:
    """What the shop's own file says of an article that somebody should know."""
    found = []
    if not item.national_code:
        found.append(Notice("goods_unmapped", {"name": item.name}))
    if item.two_disease and item.stock == 0:
        found.append(Notice("goods_two_disease_out", {"name": item.name}))
    if item.listed_until is not None and (item.listed_until - today).days <= WARN_DAYS:
        code = "goods_left_list" if item.listed_until < today else "goods_leaves_list"
        found.append(Notice(code, {"name": item.name, "until": item.listed_until.isoformat()}))
    return tuple(found)


def listed_warnings(item: ShopItem, listed: Listed) -> tuple[Notice, ...]:
    """What the hub says of an article that somebody should know; its end date stands in the article by now."""
    if not listed.found:
        return (Notice("goods_not_listed", {"name": item.name}),)
    if listed.ceiling is not None and item.price > listed.ceiling:
        above = Price(item.price - listed.ceiling)
        return (
            Notice(
                "goods_above_standard",
                {"name": item.name, "standard": listed.ceiling.wire_text(), "above": above.wire_text()},
            ),
        )
    return ()


Warned = tuple[ShopItem, tuple[Notice, ...]]
"""An article, and what somebody should know of it."""


def in_order(items: Mapping[str, ShopItem]) -> Sequence[ShopItem]:
    """The articles, centrally procured ones first, then by name."""
    return sorted(items.values(), key=lambda item: (not item.selected, item.name, item.barcode))


class Lists:
    """Asks the hub what its lists say of single items."""

    def __init__(self, hub: HubClient, session: HubSession, profile: Profile) -> None:
        self._hub = hub
        self._session = session
        self._profile = profile

    async def of(self, code: str, today: dt.date) -> Listed:
        """What the hub says of a national code today. Raises `Misuse`."""
        day = today.isoformat()
        items = await put_question(
            self._hub,
            self._session,
            self._profile,
            "1312",
            listings.ItemQueryInput(
                query=listings.ItemQuery(
                    code=code, as_of=day, updated_since=_EVERYTHING, page=1, page_size=_PAGE
                )
            ),
            listings.ItemQueryOutput,
        )
        row = next((row for row in items.rows if row.code == code), None)
        if row is None:
            return Listed(found=False)
        ceilings = await put_question(
            self._hub,
            self._session,
            self._profile,
            "1318",
            listings.CeilingQueryInput(
                query=listings.CeilingQuery(
                    code=code, as_of=day, updated_since=_EVERYTHING, page=1, page_size=_PAGE
                )
            ),
            listings.CeilingQueryOutput,
        )
        limit = next((one.ceiling_micro for one in ceilings.rows if one.code == code), None)
        return Listed(True, row.item_class, _day(row.ended_on), _SELECTED in row.memo, limit)


class Goods:
    """The articles of one counter, by barcode; whoever sells or scans looks here."""

    def __init__(
        self,
        items: Mapping[str, ShopItem],
        lists: Lists,
        workroom: Workroom,
        today: Callable[[], dt.date],
    ) -> None:
        """`items` as the shop's own file has them; `today` is the business date."""
        self.items = items
        """As they are known now: the shop's file, and since `check` what the hub said of them."""
        self._lists = lists
        self._workroom = workroom
        self._today = today

    def warned(self) -> Sequence[Warned]:
        """The articles, centrally procured ones first, with what the shop's own file warns of."""
        return [(item, own_warnings(item, self._today())) for item in in_order(self.items)]

    async def check(self) -> Sequence[Warned]:
        """The same, after asking the hub about every article with a national code. Raises `Misuse`."""
        found: dict[str, tuple[Notice, ...]] = {}
        today = self._today()
        for barcode, item in self.items.items():
            if item.national_code:
                listed = await self._workroom.do(partial(self._lists.of, item.national_code, today))
                found[barcode] = listed_warnings(item, listed)
                until = listed.until or item.listed_until
                known = msgspec.structs.replace(
                    item, listed_until=until, selected=item.selected or listed.selected
                )
                self.items = {**self.items, barcode: known}
        return [(item, (*told, *found.get(item.barcode, ()))) for item, told in self.warned()]


def _day(text: str) -> dt.date | None:
    """The hub's end date; a far one is none."""
    try:
        found = dt.date.fromisoformat(text[:10])
    except ValueError:
        return None
    return None if found.year >= 2099 else found
