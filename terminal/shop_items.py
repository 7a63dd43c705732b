"""The shop's own item list: what a barcode on the counter stands for.

The file is TOML with one `[[item]]` table per article; the national code is what the hub knows the article by.
"""

import tomllib
from collections.abc import Mapping

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
    """`med_list_codg`."""
    own_code: str
    """`medins_list_codg`."""


class _ItemRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    barcode: str
    name: str
    price: str
    national_code: str
    own_code: str
    spec: str = ""


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
        items[row.barcode] = ShopItem(row.barcode, row.name, row.spec, price, row.national_code, row.own_code)
    return items
