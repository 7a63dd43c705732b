"""The hub's catalogues by page: what is insured, which item is which, price ceilings, first-borne ratios."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from protocols.hub import listings
from protocols.hub.catalogue_files import (
    CATALOGUE_FILES,
    FIRST_VERSION,
    PUBLIC,
    FileAnswer,
    VersionQuery,
    VersionQueryInput,
)
from protocols.hub.profile import Profile
from terminal.api.questions import ask, day
from terminal.api.rows import row_of, row_of_members
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.hub.questions import fetch_file
from terminal.shapes.hub import CatalogueWish, RowsView

_EVERYTHING: Final = "2000-01-01"
"""Older than any row: what `updt_time` says where all rows are wanted."""


class _Conditions(msgspec.Struct, frozen=True):
    """A wish in the words of the wire."""

    wish: CatalogueWish
    as_of: str
    updated_since: str
    institution: str
    profile: Profile


def _common(asked: _Conditions) -> dict[str, Any]:
    """What every catalogue is asked with."""
    return {
        "as_of": asked.as_of,
        "updated_since": asked.updated_since,
        "page": asked.wish.page,
        "page_size": asked.wish.rows,
    }


def _ethnic(asked: _Conditions) -> msgspec.Struct:
    common = _common(asked)
    del common["as_of"]
    return listings.EthnicQueryInput(query=listings.EthnicQuery(**common))


def _items(asked: _Conditions) -> msgspec.Struct:
    wish = asked.wish
    return listings.ItemQueryInput(query=listings.ItemQuery(code=wish.code, name=wish.name, **_common(asked)))


def _national(asked: _Conditions) -> msgspec.Struct:
    query = listings.NationalMappingQuery(code=asked.wish.code, **_common(asked))
    return listings.NationalMappingQueryInput(query=query.spelled(asked.profile, asked.wish.own_code))


def _own(asked: _Conditions) -> msgspec.Struct:
    wish = asked.wish
    query = listings.OwnMappingQuery(
        institution_code=asked.institution,
        own_code=wish.own_code,
        own_name=wish.name,
        national_code=wish.national_code,
        **_common(asked),
    )
    return listings.OwnMappingQueryInput(query=query)


def _ceilings(asked: _Conditions) -> msgspec.Struct:
    return listings.CeilingQueryInput(query=listings.CeilingQuery(code=asked.wish.code, **_common(asked)))


def _shares(asked: _Conditions) -> msgspec.Struct:
    return listings.ShareQueryInput(query=listings.ShareQuery(code=asked.wish.code, **_common(asked)))


class _Catalogue(msgspec.Struct, frozen=True):
    infno: str
    asking: Callable[[_Conditions], msgspec.Struct]
    conditions: frozenset[str]
    """Members of the wish that this catalogue knows, beside those that all know."""
    answer: type[listings.PageOutput] | type[listings.EthnicQueryOutput] = listings.PageOutput


CATALOGUES: Final[Mapping[str, _Catalogue]] = {
    "items": _Catalogue("1312", _items, frozenset({"code", "name"})),
    "ethnic": _Catalogue("1304", _ethnic, frozenset(), listings.EthnicQueryOutput),
    "national": _Catalogue("1316", _national, frozenset({"code", "own_code"})),
    "own": _Catalogue("1317", _own, frozenset({"national_code", "own_code", "name"})),
    "ceilings": _Catalogue("1318", _ceilings, frozenset({"code"})),
    "shares": _Catalogue("1319", _shares, frozenset({"code"})),
}
"""By name in the path."""
_ONLY_SOME: Final = ("code", "national_code", "own_code", "name")


class CatalogueController(Controller):
    """The hub's catalogues."""

    path = "/hub/catalogues"

    @post("/{catalogue:str}", status_code=200)
    async def rows(
        self, service: NamedDependency[Service], catalogue: FromPath[str], data: JSONBody[CatalogueWish]
    ) -> RowsView:
        """One page of a catalogue: `items`, `ethnic`, `national`, `own`, `ceilings` or `shares`."""
        known = CATALOGUES.get(catalogue)
        if known is None:
            raise Misuse("bad_request", reason=f"catalogue: one of {', '.join(CATALOGUES)}")
        for name in _ONLY_SOME:
            if getattr(data, name) and name not in known.conditions:
                raise Misuse("bad_request", reason=f"{name} is no condition of {catalogue}")
        asked = _Conditions(
            data,
            day(service, data.date),
            day(service, data.since) if data.since else _EVERYTHING,
            service.config.institution.code,
            service.profile,
        )
        answer = await ask(service, known.infno, known.asking(asked), known.answer)
        counts = (
            None if count is None else int(count) for count in (answer.page, answer.pages, answer.records)
        )
        rows = tuple(row_of_members(row) if isinstance(row, dict) else row_of(row) for row in answer.rows)
        return RowsView(known.infno, rows, *counts)


class FileWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which version is held already."""

    since: str = FIRST_VERSION


class CatalogueFileController(Controller):
    """The hub's catalogues as files."""

    path = "/hub/catalogue_files"

    @post("/{number:str}", status_code=200)
    async def file(
        self, service: NamedDependency[Service], number: FromPath[str], data: JSONBody[FileWish]
    ) -> Response[bytes]:
        """Fetch the rows newer than a version, as the hub packs them; nothing but the hub's naming it vouches for it."""
        if number not in CATALOGUE_FILES:
            raise Misuse("bad_request", reason=f"number: one of {', '.join(CATALOGUE_FILES)}")
        query = VersionQueryInput(query=VersionQuery(version=data.since))
        named = await ask(service, number, query, FileAnswer)
        counter = service.require_counter()
        content = await counter.workroom.do(
            lambda: fetch_file(
                counter.hub, counter.session, service.profile, named.file_no, named.name, PUBLIC
            )
        )
        return Response(content, media_type="application/zip")
