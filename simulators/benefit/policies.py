"""Policy data: reading, checking, and the shipped sets.

A policy file is TOML with the keys of the worked cases (`op`, `two`, `chr` ...), amounts in yuan and ratios in
per cent; `simulators/benefit/policies/JH.toml` explains each key. One file is one version of one set; several
files may share an id when their dates do not meet. A set that is not sound is refused as a whole (`DataError`
with file, key and reason). The shipped sets belong to invented places (K27).
"""

import datetime
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from simulators.benefit import catalogue
from simulators.benefit.catalogue import Catalogue, Place
from simulators.benefit.datafile import FEN, WHOLE_BP, YUAN, DataError, Node
from simulators.benefit.model import AREAS, CATEGORIES, INSTITUTION_KINDS, INSUTYPES, Area
from simulators.benefit.policy_set import (
    COUNTED_KINDS,
    EXEMPTIONS,
    AreaRule,
    AssistanceRule,
    Band,
    ByInstitution,
    ByPerson,
    ChronicRule,
    CivilServantRule,
    CombineRule,
    DiseaseClass,
    EnterpriseRule,
    LayerRule,
    MaternityRule,
    OrdinaryRule,
    PolicySet,
    SeriousIllnessRule,
    TiltRule,
    TwoDiseaseRule,
    WaitingRule,
)

POLICY_FORMAT: Final = "yibao-benefit-policy/1"
_BENEFITS: Final = (
    "op",
    "two",
    "chr",
    "nego",
    "mat",
    "overall_cap",
    "si",
    "hifes",
    "cvl",
    "ma",
    "layers",
    "area",
    "wait",
    "epidemic",
)
_CASE_KEYS: Final = ("name", "admdvs", "prov", "role", *_BENEFITS)
_FILE_KEYS: Final = ("format", "id", "division", "name", "role", "valid_from", "valid_to", *_BENEFITS)
_MONTHS: Final = 120


class PolicyBook(msgspec.Struct, frozen=True):
    """All versions of all sets, and the catalogue."""

    versions: Mapping[str, tuple[PolicySet, ...]]
    """By set id, oldest first."""
    catalogue: Catalogue

    def version(self, set_id: str, day: datetime.date) -> PolicySet:
        """The version that governs a fee date. Raises LookupError when there is none."""
        for policy in self.versions.get(set_id, ()):
            if policy.valid_on(day):
                return policy
        raise LookupError(f"no policy of {set_id} is in force on {day}")

    def place(self, place_id: str) -> Place:
        """The list of a place of treatment. Raises LookupError when there is none."""
        if place_id not in self.catalogue.places:
            raise LookupError(f"no catalogue for {place_id}")
        return self.catalogue.places[place_id]

    def set_of_division(self, division: str) -> str:
        """Id of the set whose city a six-digit division belongs to (first four digits), else of its province's.

        Raises LookupError when no set covers the province.
        """
        for digits in (4, 2):
            for set_id, versions in self.versions.items():
                if versions[-1].division[:digits] == division[:digits]:
                    return set_id
        raise LookupError(f"no policy set covers division {division}")


def build_book(sets: Iterable[PolicySet], listing: Catalogue, file: str = "policies") -> PolicyBook:
    """Sort versions by date. Raises DataError when two versions of one set govern the same day."""
    versions: dict[str, list[PolicySet]] = {}
    for policy in sorted(sets, key=lambda policy: (policy.id, policy.valid_from)):
        earlier = versions.setdefault(policy.id, [])
        if earlier and (earlier[-1].valid_to is None or earlier[-1].valid_to >= policy.valid_from):
            raise DataError(
                file, f"{policy.id}.valid_from", f"{policy.valid_from} lies inside the version before"
            )
        earlier.append(policy)
    return PolicyBook({set_id: tuple(found) for set_id, found in versions.items()}, listing)


@cache
def load_shipped() -> PolicyBook:
    """The sets and the catalogue that come with the simulator: frozen values out of files that do not change."""
    folder = resources.files(__package__)
    sets = [
        parse_policy(entry.read_text("utf-8"), entry.name)
        for entry in sorted(folder.joinpath("policies").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]
    lists = {
        entry.name: entry.read_text("utf-8")
        for entry in sorted(folder.joinpath("catalogue").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
    return build_book(sets, parse_catalogue(lists))


def _toml(text: str, file: str) -> Node:
    try:
        return Node(file, tomllib.loads(text), YUAN)
    except tomllib.TOMLDecodeError as fault:
        raise DataError(file, "", f"is not TOML: {fault}") from None


def parse_catalogue(files: Mapping[str, str]) -> Catalogue:
    """Read `items.toml` and one file per place (its name without `.toml` is the place) by file name."""
    if "items.toml" not in files:
        raise DataError("items.toml", "", "is missing")
    root = _toml(files["items.toml"], "items.toml")
    root.only("format", "version", "item")
    root.child("format").choice(catalogue.CATALOGUE_FORMAT)
    items = catalogue.parse_items(root.child("item"))
    version = root.child("version")
    if catalogue.parse_version(version) != max(item.version for item in items.values()):
        raise version.error("is not the highest version of a row")
    places: dict[str, Place] = {}
    for file, text in files.items():
        if file == "items.toml":
            continue
        listing = _toml(text, file)
        listing.only("format", "list")
        listing.child("format").choice(catalogue.CATALOGUE_FORMAT)
        places[file.removesuffix(".toml")] = catalogue.parse_place(listing.child("list"), items)
    return catalogue.build(items, places)


def parse_policy(text: str, file: str) -> PolicySet:
    """Read one policy file. Raises DataError."""
    root = _toml(text, file)
    root.only(*_FILE_KEYS)
    root.child("format").choice(POLICY_FORMAT)
    last = root.maybe("valid_to")
    policy = _policy(
        root,
        set_id=root.child("id").text(),
        division=_division(root.child("division")),
        valid_from=root.child("valid_from").date(),
        valid_to=last.date() if last else None,
    )
    if last and policy.valid_to is not None and policy.valid_to < policy.valid_from:
        raise last.error("is before valid_from")
    return policy


def parse_case_policy(set_id: str, value: object, file: str) -> PolicySet:
    """Read a set of a file of worked cases, which is valid for ever. Raises DataError."""
    node = Node(file, value, FEN, f"policy_sets.{set_id}")
    node.only(*_CASE_KEYS)
    return _policy(
        node,
        set_id=set_id,
        division=_division(node.child("admdvs")),
        valid_from=datetime.date.min,
        valid_to=None,
    )


def _division(node: Node) -> str:
    text = node.text()
    if not (len(text) == 6 and text.isascii() and text.isdigit()):
        raise node.error("must be six digits")
    return text


def _policy(
    node: Node, *, set_id: str, division: str, valid_from: datetime.date, valid_to: datetime.date | None
) -> PolicySet:
    enterprise, civil, layers = node.maybe("hifes"), node.maybe("cvl"), node.maybe("layers")
    epidemic = node.maybe("epidemic")
    if epidemic is not None:
        epidemic.only("ratio_waived")
        if epidemic.child("ratio_waived").flag():
            raise epidemic.child("ratio_waived").error("is reserved and must be false")
    assistance = _assistance(node.child("ma"))
    return PolicySet(
        id=set_id,
        division=division,
        name=node.child("name").text(),
        valid_from=valid_from,
        valid_to=valid_to,
        ordinary={key: _ordinary(row) for key, row in _insurances(node, "op")},
        two_disease={key: _two_disease(row) for key, row in _insurances(node, "two")},
        chronic={key: _chronic(row) for key, row in _insurances(node, "chr")},
        negotiated_bp={key: row.ratio() for key, row in _insurances(node, "nego")},
        maternity={key: _maternity(row) for key, row in _insurances(node, "mat")},
        overall_cap_fen=_overall_cap(node.child("overall_cap")),
        serious_illness={key: _serious_illness(row) for key, row in _insurances(node, "si")},
        enterprise=_enterprise(enterprise) if enterprise else None,
        civil_servant=_civil_servant(civil) if civil else None,
        assistance=assistance,
        layers=_layers(layers) if layers else (),
        area=_area(node.child("area")),
        waiting=_waiting(node.child("wait")),
    )


def _insurances(node: Node, name: str) -> list[tuple[str, Node]]:
    """The rows of one benefit by insurance; an absent benefit or row is not offered."""
    benefit = node.maybe(name)
    if benefit is None:
        return []
    benefit.only(*INSUTYPES)
    return list(benefit.children())


def _overall_cap(node: Node) -> dict[str, int]:
    node.only(*INSUTYPES)
    return {insutype: node.child(insutype).money() for insutype in INSUTYPES}


def _by_institution(node: Node, *, money: bool) -> ByInstitution:
    node.only(*INSTITUTION_KINDS)
    rows = {kind: node.child(kind) for kind in INSTITUTION_KINDS}
    return {kind: row.money() if money else row.ratio() for kind, row in rows.items()}


def _by_person(node: Node, *, money: bool = False) -> ByPerson:
    table = {psn_type: _by_institution(row, money=money) for psn_type, row in node.children()}
    if not table:
        raise node.error("has no row")
    return table


def _same_people(node: Node, first: str, *others: str) -> None:
    """Tables of one rule must have rows for the same person types, else some would have half a benefit."""
    rows = set(node.child(first).table())
    for other in others:
        missing = rows ^ set(node.child(other).table())
        if missing:
            raise node.child(other).error(
                f"person types differ from those of {first}: {', '.join(sorted(missing))}"
            )


def _ordinary(node: Node) -> OrdinaryRule:
    node.only("dedc", "ratio", "signed_bonus", "cap")
    rule = OrdinaryRule(
        deductible_fen=_by_person(node.child("dedc"), money=True),
        ratio_bp=_by_person(node.child("ratio")),
        signed_bonus_bp=node.child("signed_bonus").ratio(),
        cap_fen={
            psn_type: Node(node.file, value, node.notation, f"{node.key}.cap.{psn_type}").limit()
            for psn_type, value in node.child("cap").table().items()
        },
    )
    _same_people(node, "ratio", "dedc", "cap")
    for psn_type, row in rule.ratio_bp.items():
        if row["primary"] + rule.signed_bonus_bp > WHOLE_BP:
            raise node.child("signed_bonus").error(f"with the ratio of {psn_type} at primary it passes 100%")
    return rule


def _two_disease(node: Node) -> TwoDiseaseRule:
    node.only("ratio", "limit", "combined")
    limits = {disease: row.money() for disease, row in node.child("limit").children()}
    if not limits:
        raise node.child("limit").error("names no disease")
    return TwoDiseaseRule(
        ratio_bp=_by_institution(node.child("ratio"), money=False),
        limit_fen=limits,
        combined_fen=node.child("combined").money(),
    )


def _chronic(node: Node) -> ChronicRule:
    node.only("cls", "dedc_month", "ratio", "limit", "combine")
    classes = node.child("cls")
    disease_class: dict[str, DiseaseClass] = {
        disease: row.choice("I", "II") for disease, row in classes.children()
    }
    if not disease_class:
        raise classes.error("names no disease")
    ratio = node.child("ratio")
    ratio.only("I", "II")
    ratios = {name: _by_person(row) for name, row in ratio.children()}
    for disease, name in disease_class.items():
        if name not in ratios:
            raise ratio.error(f"has no class {name}, the class of {disease}")
    limits = {}
    for disease, row in node.child("limit").children():
        if disease not in disease_class:
            raise row.error("no such disease in cls")
        limits[disease] = row.money()
    return ChronicRule(
        disease_class=disease_class,
        deductible_month_fen=node.child("dedc_month").money(),
        ratio_bp=ratios,
        limit_fen=limits,
        combine=_combine(node.child("combine")),
    )


def _combine(node: Node) -> CombineRule:
    if node.child("method").choice("ceiling", "highest_plus") == "ceiling":
        node.only("method", "ceiling")
        return CombineRule("ceiling", node.child("ceiling").money())
    node.only("method", "plus")
    return CombineRule("highest_plus", node.child("plus").money())


def _maternity(node: Node) -> MaternityRule:
    if node.child("mode").choice("op", "fixed") == "op":
        node.only("mode")
        return MaternityRule("op")
    node.only("mode", "ratio", "cap")
    return MaternityRule("fixed", node.child("ratio").ratio(), node.child("cap").money())


def _serious_illness(node: Node) -> SeriousIllnessRule:
    node.only("counts", "bands", "cap", "tilt")
    tilt, cap = node.maybe("tilt"), node.maybe("cap")
    rule = SeriousIllnessRule(
        counts=_kinds(node.child("counts")),
        bands=_bands(node.child("bands")),
        cap_fen=cap.limit() if cap else None,
        tilt=_tilt(tilt) if tilt else None,
    )
    if tilt and rule.tilt and max(band.ratio_bp for band in rule.bands) + rule.tilt.ratio_add_bp > WHOLE_BP:
        raise tilt.child("ratio_add").error("with the highest band it passes 100%")
    return rule


def _kinds(node: Node) -> frozenset[str]:
    return frozenset(element.choice(*COUNTED_KINDS) for element in node.elements())


def _bands(node: Node) -> tuple[Band, ...]:
    """Bands in rising order without gap or overlap; only the last may be open, and must be."""
    bands: list[Band] = []
    for row in node.elements():
        cells = row.elements()
        if len(cells) != 3:
            raise row.error("must be from, to, ratio")
        band = Band(cells[0].money(), cells[1].limit(), cells[2].ratio())
        if bands and bands[-1].to_fen != band.from_fen:
            raise cells[0].error("does not begin where the band before ends")
        if band.to_fen is not None and band.to_fen <= band.from_fen:
            raise cells[1].error("is not above the beginning of the band")
        bands.append(band)
    if not bands:
        raise node.error("has no band")
    if bands[-1].to_fen is not None:
        raise node.error("the last band must be open (null or none at the end)")
    return tuple(bands)


def _categories(node: Node) -> frozenset[str]:
    return frozenset(element.choice(*CATEGORIES) for element in node.elements())


def _tilt(node: Node) -> TiltRule:
    node.only("categories", "dedc_factor", "ratio_add", "no_cap")
    return TiltRule(
        categories=_categories(node.child("categories")),
        threshold_factor_bp=node.child("dedc_factor").ratio(),
        ratio_add_bp=node.child("ratio_add").ratio(),
        no_cap=node.child("no_cap").flag(),
    )


def _enterprise(node: Node) -> EnterpriseRule:
    node.only("ratio", "cap")
    cap = node.maybe("cap")
    return EnterpriseRule(node.child("ratio").ratio(), cap.limit() if cap else None)


def _civil_servant(node: Node) -> CivilServantRule:
    node.only("ratio", "cap")
    ratio, cap = node.child("ratio"), node.maybe("cap")
    ratio.only("op", "two", "chr", "mat", "nego")
    return CivilServantRule(
        {kind: row.ratio() for kind, row in ratio.children()}, cap.limit() if cap else None
    )


def _assistance(node: Node) -> AssistanceRule:
    node.only("ratio", "threshold", "kinds", "limit", "needs_filing")
    ratio, threshold = node.child("ratio"), node.child("threshold")
    ratio.only(*CATEGORIES)
    ratios = {category: row.ratio() for category, row in ratio.children()}
    for category, row in threshold.children():
        if category not in ratios:
            raise row.error("the category has no ratio")
    return AssistanceRule(
        ratio_bp=ratios,
        threshold_fen={category: row.money() for category, row in threshold.children()},
        kinds=_kinds(node.child("kinds")),
        limit_fen=node.child("limit").money(),
        needs_filing=node.child("needs_filing").flag(),
    )


def _layers(node: Node) -> tuple[LayerRule, ...]:
    layers: list[LayerRule] = []
    for row in node.elements():
        row.only("id", "who", "threshold", "ratio", "cap", "kinds", "needs_filing")
        cap = row.maybe("cap")
        layer = LayerRule(
            id=row.child("id").text(),
            who=row.child("who").choice("enrolled", "ma_category"),
            threshold_fen=row.child("threshold").money(),
            ratio_bp=row.child("ratio").ratio(),
            cap_fen=cap.limit() if cap else None,
            kinds=_kinds(row.child("kinds")),
            needs_filing=row.child("needs_filing").flag(),
        )
        if any(layer.id == other.id for other in layers):
            raise row.child("id").error(f"'{layer.id}' is used twice")
        layers.append(layer)
    return tuple(layers)


def _area(node: Node) -> AreaRule:
    node.only("method", *INSUTYPES)
    values: dict[str, Mapping[Area, int]] = {}
    for insutype in INSUTYPES:
        rows = node.child(insutype)
        rows.only(*AREAS)
        values[insutype] = {area: rows.child(area).ratio() for area in AREAS}
    return AreaRule(node.child("method").choice("mult", "pre_share"), values)


def _waiting(node: Node) -> WaitingRule:
    node.only("fixed_months", "per_lapsed_year_months", "exempt")
    return WaitingRule(
        fixed_months=node.child("fixed_months").number(_MONTHS),
        per_lapsed_year_months=node.child("per_lapsed_year_months").number(_MONTHS),
        exempt=frozenset(element.choice(*EXEMPTIONS) for element in node.child("exempt").elements()),
    )
