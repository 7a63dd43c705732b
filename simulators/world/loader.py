"""Reads the files of the invented world and refuses a wrong one by file, key and reason."""

import functools
from collections.abc import Iterable
from pathlib import Path

import msgspec

from simulators.toml_file import WrongFile, read_toml
from simulators.world.model import Disease, Institution, ShopItem, World

INSTITUTIONS, ITEMS, DISEASES = "institutions.toml", "items.toml", "diseases.toml"


class WorldError(WrongFile):
    """A world file that cannot be used."""


class _InstitutionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    divisions: dict[str, str]
    institution: tuple[Institution, ...]


class _ItemFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shop: tuple[ShopItem, ...]


class _DiseaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    disease: tuple[Disease, ...]


class _Files(msgspec.Struct, frozen=True):
    places: _InstitutionFile
    goods: _ItemFile
    diseases: _DiseaseFile


def load_world(folder: Path | None = None) -> World:
    """The world of a folder (default: the shipped one), each time a new one. Raises `WorldError`."""
    files = _shipped() if folder is None else _read(folder)
    return World(
        divisions=dict(files.places.divisions),
        institutions={row.code: row for row in files.places.institution},
        shop=files.goods.shop,
        diseases={row.code: row for row in files.diseases.disease},
    )


@functools.cache
def _shipped() -> _Files:
    """Frozen values out of files that do not change while a program runs."""
    return _read(Path(__file__).parent)


def _read(folder: Path) -> _Files:
    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    files = _Files(
        read_toml(text(INSTITUTIONS), INSTITUTIONS, _InstitutionFile, WorldError),
        read_toml(text(ITEMS), ITEMS, _ItemFile, WorldError),
        read_toml(text(DISEASES), DISEASES, _DiseaseFile, WorldError),
    )
    _check_institutions(files.places)
    _check_items(files.goods)
    _once(DISEASES, "disease", "code", [row.code for row in files.diseases.disease])
    if files.diseases.version != max(row.version for row in files.diseases.disease):
        raise WorldError(DISEASES, "version", "is not the highest version of a row")
    return files


def ean13_check_digit(twelve: str) -> str:
    """The 13th digit of a retail bar code (GS1 General Specifications, 7.9)."""
    return str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10)


def _check_institutions(places: _InstitutionFile) -> None:
    _once(INSTITUTIONS, "institution", "code", [row.code for row in places.institution])
    staff: set[str] = set()
    for place, row in enumerate(places.institution):
        where = f"institution[{place}]"
        if row.division not in places.divisions:
            raise WorldError(INSTITUTIONS, f"{where}.division", "not in [divisions]")
        if (row.kind == "pharmacy") != row.code.startswith("P"):
            raise WorldError(INSTITUTIONS, f"{where}.code", "P stands for a pharmacy, H for all others")
        if row.agreement.end < row.agreement.begin:
            raise WorldError(INSTITUTIONS, f"{where}.agreement.end", "before begin")
        rest = row.agreement.suspended
        if rest and not row.agreement.begin <= rest.begin <= rest.end <= row.agreement.end:
            raise WorldError(INSTITUTIONS, f"{where}.agreement.suspended", "not inside the agreement")
        _once(INSTITUTIONS, f"{where}.counter", "slot", [desk.slot for desk in row.counter])
        for number, person in enumerate(row.staff):
            if person.code in staff:
                raise WorldError(INSTITUTIONS, f"{where}.staff[{number}].code", "used twice")
            staff.add(person.code)


def _check_items(goods: _ItemFile) -> None:
    for place, good in enumerate(goods.shop):
        if ean13_check_digit(good.ean[:12]) != good.ean[12]:
            raise WorldError(ITEMS, f"shop[{place}].ean", "wrong check digit")
    for key in ("ean", "own_code"):
        _once(ITEMS, "shop", key, [getattr(good, key) for good in goods.shop])


def _once(file: str, table: str, key: str, values: Iterable[str]) -> None:
    """Refuse a file that uses one value for two rows."""
    seen: set[str] = set()
    for place, value in enumerate(values):
        if value in seen:
            raise WorldError(file, f"{table}[{place}].{key}", "used twice")
        seen.add(value)
