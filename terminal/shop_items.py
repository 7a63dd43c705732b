"""The shop's own item list: what a barcode on the counter stands for.

The file is TOML with one `[[item]]` table per article; the national code is what the hub knows the article by.
"""

import datetime as dt
import tomllib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from protocols.codes.ean import has_good_check_digit
from protocols.errors import MoneyError
from protocols.money import Price
from terminal.config import ConfigError


class ShopItem(msgspec.Struct, frozen=True):
    """One article of the shop."""

    barcode: str
    """EAN-13 or EAN-8."""
    name: str
    spec: str
    price: Price
    national_code: str
    """`med_list_codg`; empty = it has none, so it is sold beside the insurance only."""
    own_code: str
    """`medins_list_codg`."""
    stock: int | None = None
    """Packs on the shelf, as the file says; None = not counted here."""
    two_disease: bool = False
    """One of the drugs for hypertension and diabetes that a pharmacy keeps in stock."""
    selected: bool = False
    """A product of centralised procurement (集采中选)."""
    listed_until: dt.date | None = None
    """Last day on the insurance's list; None = no end known."""


class _ItemRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    barcode: str
    name: str
    price: str
    own_code: str
    national_code: str = ""
    spec: str = ""
    stock: Annotated[int, msgspec.Meta(ge=0)] | None = None
    two_disease: bool = False
    selected: bool = False
    listed_until: dt.date | None = None


class _ItemFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    item: tuple[_ItemRow, ...] = ()


def parse_items(text: str, file: str) -> Mapping[str, ShopItem]:
    """Read an item file's text; raises `ConfigError` with file, item and reason."""
    try:
        rows = msgspec.convert(tomllib.loads(text), _ItemFile).item
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise ConfigError(f"{file}: {wrong}") from wrong
    items: dict[str, ShopItem] = {}
    for row in rows:
        if not (row.barcode.isascii() and row.barcode.isdigit() and has_good_check_digit(row.barcode)):
            raise ConfigError(f"{file}: item {row.own_code}: the barcode's check digit is wrong")
        if row.barcode in items:
            raise ConfigError(f"{file}: item {row.own_code}: the barcode occurs twice")
        try:
            price = Price.parse(row.price)
        except MoneyError as wrong:
            raise ConfigError(f"{file}: item {row.own_code}: price: {wrong}") from wrong
        items[row.barcode] = ShopItem(
            row.barcode,
            row.name,
            row.spec,
            price,
            row.national_code,
            row.own_code,
            row.stock,
            row.two_disease,
            row.selected,
            row.listed_until,
        )
    return items
