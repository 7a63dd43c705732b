"""The invented places, institutions and goods that every simulator agrees on (`institutions.toml`, `items.toml`)."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

InstitutionKind = Literal["pharmacy", "primary", "tier2", "tier3"]
_Wanted = TypeVar("_Wanted")
_Yuan = Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d{2}$")]


class WorldError(ValueError):
    """A world file that cannot be used; the text names file and reason."""


class CounterPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One till or window: who sits there (`opter`) and which terminal slot stands in its message ids."""

    operator: str
    name: str
    slot: Annotated[str, msgspec.Meta(pattern=r"^\d{2}$")]


class Staff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A doctor or pharmacist with their department."""

    code: str
    name: str
    department: str
    department_name: str


class Institution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A designated institution as the hub knows it."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[HP]\d{11}$")]
    name: str
    kind: InstitutionKind
    division: Annotated[str, msgspec.Meta(pattern=r"^\d{6}$")]
    level: str
    """hosp_lv: 2 tier 3, 5 tier 2, 10 tier 1, 11 none."""
    dual_channel: bool = False
    networked: bool = True
    """Open to people insured in another city or province."""
    agreement: bool = True
    """The service agreement is in force."""
    counter: tuple[CounterPlace, ...] = ()
    staff: tuple[Staff, ...] = ()


class ShopItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing on the shelf of the invented shop."""

    ean: Annotated[str, msgspec.Meta(pattern=r"^690\d{10}$")]
    med_list_codg: str
    """National catalogue code, through which the benefit catalogue knows class, share and ceiling."""
    own_code: str
    """`medins_list_codg`."""
    name: str
    spec: str
    unit: str
    price: _Yuan
    trace_code: Annotated[str, msgspec.Meta(pattern=r"^(8\d{19})?$")] = ""
    """Trace code of one pack, to scan in stories; empty for goods that carry none."""

    @property
    def price_fen(self) -> int:
        """Shelf price in fen."""
        yuan, fen = self.price.split(".")
        return int(yuan) * 100 + int(fen)


class World(msgspec.Struct, frozen=True):
    """Places by division, institutions by code, and the shelf."""

    divisions: dict[str, str]
    institutions: dict[str, Institution]
    shop: tuple[ShopItem, ...]

    def shop_item(self, key: str) -> ShopItem:
        """A shelf item by EAN, own code, catalogue code or that code's last three characters. Raises KeyError."""
        for entry in self.shop:
            if key in (entry.ean, entry.own_code, entry.med_list_codg, entry.med_list_codg[-3:]):
                return entry
        raise KeyError(key)


class _InstitutionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    divisions: dict[str, str]
    institution: tuple[Institution, ...]


class _ItemFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shop: tuple[ShopItem, ...]


def load_world(folder: Path | None = None) -> World:
    """The world of a folder (default: the shipped one). Raises `WorldError`."""
    where = Path(__file__).parent if folder is None else folder
    places = _read(where / "institutions.toml", _InstitutionFile)
    goods = _read(where / "items.toml", _ItemFile)
    world = World(
        divisions=places.divisions,
        institutions={row.code: row for row in places.institution},
        shop=goods.shop,
    )
    _check(world, len(places.institution))
    return world


def ean13_check_digit(twelve: str) -> str:
    """The 13th digit of a retail bar code (GS1 General Specifications, 7.9)."""
    return str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10)


def _read(path: Path, wanted: type[_Wanted]) -> _Wanted:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), wanted)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise WorldError(f"{path.name}: {error}") from None


def _check(world: World, institutions: int) -> None:
    if len(world.institutions) != institutions:
        raise WorldError("institutions.toml: two institutions with one code")
    for institution in world.institutions.values():
        if institution.division not in world.divisions:
            raise WorldError(f"institutions.toml: {institution.code} stands in an unknown division")
    for good in world.shop:
        if ean13_check_digit(good.ean[:12]) != good.ean[12]:
            raise WorldError(f"items.toml: {good.own_code} has a wrong EAN check digit")
    for key in ("ean", "own_code"):
        if len({getattr(good, key) for good in world.shop}) != len(world.shop):
            raise WorldError(f"items.toml: one {key} used twice")
