"""Policy and catalogue files: the shipped ones equal the worked cases' sets, unsound ones are refused."""

import datetime
import json
from importlib import resources

import msgspec
import pytest

from simulators.benefit import catalogue, policies
from simulators.benefit.case_file import parse_file
from simulators.benefit.datafile import YUAN, DataError, Node
from simulators.benefit.engine import settle
from simulators.benefit.model import DEFAULT_RULES, AccountState, Accumulators, Person, Refusal, Result
from simulators.benefit.policies import PolicyBook, build_book, parse_catalogue, parse_policy
from simulators.benefit.policy_set import PolicySet
from tests.capabilities import asserted, yuan
from tests.simulators.benefit.conftest import clinic_visit, line

DIVISIONS = {"JH": "999900", "GX": "979900", "NC": "969900", "CD": "989900"}


def shipped(name: str) -> str:
    """Text of a shipped data file, e.g. `policies/JH.toml`."""
    return resources.files("simulators.benefit").joinpath(name).read_text("utf-8")


@pytest.mark.parametrize("set_id", DIVISIONS)
def test_shipped_set_equals_the_set_of_the_cases(book: PolicyBook, cases_text: str, set_id: str) -> None:
    """Every parameter is the same; only label, division and dates are ours."""
    theirs = parse_file(cases_text).book.versions[set_id][0]
    (ours,) = book.versions[set_id]
    assert ours.division == DIVISIONS[set_id]
    for field in msgspec.structs.fields(PolicySet):
        if field.name not in ("name", "division", "valid_from", "valid_to"):
            assert getattr(ours, field.name) == getattr(theirs, field.name), field.name


def test_shipped_catalogue_equals_the_catalogue_of_the_cases(book: PolicyBook, cases_text: str) -> None:
    """The same items with the same marks that decide amounts, and per place the same class, share and ceilings.

    D16, which leaves the list, is ours alone; so are the marks that no amount depends on.
    """
    theirs, ours = parse_file(cases_text).book.catalogue, book.catalogue
    assert set(ours.places) == set(theirs.places) == set(DIVISIONS)
    for item_id, item in theirs.items.items():
        mine = ours.items[item_id]
        bare = {"name": item.name, "code": "", "two_disease": False, "generic": "", "selection": None}
        assert msgspec.structs.replace(mine, **bare) == item
    for place, entries in theirs.places.items():
        assert set(ours.places[place]) == {*entries, "D16"}
        for item_id, entry in entries.items():
            mine_entry = ours.places[place][item_id]
            assert mine_entry.item_class == entry.item_class
            assert mine_entry.share_bp == entry.share_bp
            assert (mine_entry.ceiling_fen or {}) == (entry.ceiling_fen or {})


def test_default_rules_hold_the_lists_of_the_cases(cases_text: str) -> None:
    """The five cross-province diseases with the further codes of their groups, and the exempt categories."""
    listing = json.loads(cases_text)["catalogue"]
    further = {"M00503", "M00504", "M07803", "M07804"}
    assert set(listing["cross_province_diseases"]) | further == DEFAULT_RULES.xprov_diseases
    assert set(listing["rural_low_income"]) == DEFAULT_RULES.rural_low_income


def test_wire_codes_lead_to_items(book: PolicyBook) -> None:
    """A code on the wire finds its item; western codes have 23 characters, the others 20."""
    listing = book.catalogue
    assert listing.item_of_code["XTEST000000000000000D01"] == "D01"
    assert len(listing.item_of_code) == len(listing.items)
    for item in listing.items.values():
        assert len(item.code) == (23 if item.type == "western" else 20)


def test_division_leads_to_its_set(book: PolicyBook) -> None:
    """A district belongs to its city, another city to its province's set; a foreign province has none."""
    assert book.set_of_division("999901") == "JH"
    asserted("R75", {"999800": "JH"}, {"999800": book.set_of_division("999800")}, what="city of the province")
    assert book.set_of_division("989900") == "CD"
    with pytest.raises(LookupError, match="no policy set covers division 110000"):
        book.set_of_division("110000")


def test_fee_date_picks_the_version(book: PolicyBook) -> None:
    """R27: 2021-12-31 and 2022-01-01 fall under two versions of one set."""
    text = shipped("policies/JH.toml")
    first = parse_policy(text.replace("# valid_to = 2029-12-31", "valid_to = 2021-12-31"), "JH-2020.toml")
    second = parse_policy(text.replace("valid_from = 2020-01-01", "valid_from = 2022-01-01"), "JH-2022.toml")
    two = build_book([second, first], book.catalogue)
    for day, expected in (("2021-12-31", first), ("2022-01-01", second)):
        found = two.version("JH", datetime.date.fromisoformat(day))
        assert found == expected
        asserted("R27", f"valid_from {expected.valid_from}", f"valid_from {found.valid_from}", what=day)
    with pytest.raises(LookupError, match="no policy of JH is in force on 2019-12-31"):
        two.version("JH", datetime.date(2019, 12, 31))


def test_a_disease_more_is_an_edit_of_the_policy_file(book: PolicyBook) -> None:
    """R63: a code nobody has heard of settles as class I, 93 % at a primary clinic, without a change of the program."""
    text = shipped("policies/JH.toml")
    head, name, tail = text.partition("[chr.310]")
    more = head + name + tail.replace('cls = { M00500 = "I"', 'cls = { M99901 = "I", M00500 = "I"', 1)
    person = Person("310", "11", chronic=("M99901",))
    visit = msgspec.structs.replace(clinic_visit(), kind="chronic", disease="M99901")
    lines = (line("D03", 8, 1250),)
    before, after = (
        settle(policy, book.place("JH"), person, AccountState(), Accumulators(2026), visit, lines)
        for policy in (parse_policy(text, "JH.toml"), parse_policy(more, "JH.toml"))
    )
    assert before == Refusal("BENEFIT_NOT_OPEN")
    assert isinstance(after, Result)
    found = {"inscp_scp_amt": yuan(after.in_scope_fen), "hifp_pay": yuan(after.pool_fen)}
    asserted("R63", {"inscp_scp_amt": "100.00", "hifp_pay": "93.00"}, found, what="one code more")


def test_versions_that_meet_are_refused(book: PolicyBook) -> None:
    """Two versions of one set must never govern the same day."""
    (first,) = book.versions["JH"]
    second = msgspec.structs.replace(first, valid_from=datetime.date(2022, 1, 1))
    with pytest.raises(DataError, match=r"JH\.valid_from: 2022-01-01 lies inside the version before"):
        build_book([first, second], book.catalogue)


def test_place_that_is_not_listed_is_an_error(book: PolicyBook) -> None:
    """There is no catalogue to fall back on."""
    with pytest.raises(LookupError, match="no catalogue for XX"):
        book.place("XX")


POLICY_FAULTS = [
    ('id = "JH"', "", "id: is missing"),
    ('division = "999900"', 'division = "9999"', "division: must be six digits"),
    ("valid_from = 2020-01-01", 'valid_from = "2020"', "valid_from: must be a date"),
    ("# valid_to = 2029-12-31", "valid_to = 2019-12-31", "valid_to: is before valid_from"),
    ("[overall_cap]", "[overall_cup]", "overall_cup: unknown key"),
    ('combined = "1400.00"', "combined = 1400", r"two.390.combined: must be an amount in yuan"),
    ('combined = "1400.00"', 'combined = "1400.005"', r"two.390.combined: must be an amount in yuan"),
    ('310 = "80%"', '310 = "80"', r"nego.310: must be a percentage"),
    ('310 = "80%"', '310 = "180%"', r"nego.310: is more than 100%"),
    ('310 = "80%"', '320 = "80%"', r"nego.320: unknown key; known are 310, 390"),
    ('310 = "400000.00"', "", r"overall_cap.310: is missing"),
    ('signed_bonus = "5%"', 'signed_bonus = "50%"', r"op.390.signed_bonus: with the ratio of \* at primary"),
    ('cap = { "*" = "1000.00" }', 'cap = { 11 = "1000.00" }', r"op.390.cap: person types differ"),
    ('M03900 = "II"', 'M03900 = "III"', r"chr.310.cls.M03900: 'III' is none of I, II"),
    ('dedc_month = "0.00"', 'dedc_month = "-1.00"', r"chr.310.dedc_month: must be an amount"),
    (
        'limit = { M03900 = "5000.00"',
        'limit = { M09999 = "5000.00"',
        r"chr.310.limit.M09999: no such disease",
    ),
    ('method = "ceiling", ceiling', 'method = "sum", ceiling', r"combine.method: 'sum' is none of ceiling"),
    ('method = "ceiling", ceiling', 'method = "ceiling", plus', r"combine.plus: unknown key"),
    ('mode = "fixed"', 'mode = "op"', r"mat.310.ratio: unknown key; known are mode"),
    ('["50000.00", "100000.00"', '["60000.00", "100000.00"', r"si.310.bands.2.1: does not begin where"),
    ('["20000.00", "50000.00"', '["20000.00", "20000.00"', r"si.310.bands.1.2: is not above the beginning"),
    ('"none", "80%"]', '"200000.00", "80%"]', r"si.310.bands: the last band must be open"),
    ('ratio_add = "5%"', 'ratio_add = "25%"', r"si.390.tilt.ratio_add: with the highest band it passes 100%"),
    ('counts = ["op", "chr", "nego"]', 'counts = ["ip"]', r"si.310.counts.1: 'ip' is none of op, two"),
    ('extremely_poor = "100%"', 'very_poor = "100%"', r"ma.ratio.very_poor: unknown key"),
    ('low_margin = "70%"', "", r"ma.threshold.low_margin: the category has no ratio"),
    ('id = "JH_N1"', 'id = ""', r"layers.1.id: must be text that is not empty"),
    ('who = "enrolled"', 'who = "all"', r"layers.1.who: 'all' is none of enrolled, ma_category"),
    ("needs_filing = true", 'needs_filing = "yes"', r"ma.needs_filing: must be true or false"),
    ('method = "mult"', 'method = "points"', r"area.method: 'points' is none of mult, pre_share"),
    (', unfiled = "70%" }', " }", r"area.310.unfiled: is missing"),
    ("fixed_months = 3", "fixed_months = 3.5", r"wait.fixed_months: must be a whole number"),
    ('"newborn", "rural', '"newborns", "rural', r"wait.exempt.3: 'newborns' is none of"),
    ("format =", "format", "is not TOML"),
    ("[wait]", "[epidemic]\nratio_waived = true\n[wait]", "epidemic.ratio_waived: is reserved"),
]


@pytest.mark.parametrize(
    ("was", "becomes", "words"), POLICY_FAULTS, ids=[fault[2] for fault in POLICY_FAULTS]
)
def test_unsound_policy_is_refused_with_file_key_and_reason(was: str, becomes: str, words: str) -> None:
    """One fault in an otherwise good file names the file, the key and what is wrong."""
    text = shipped("policies/JH.toml")
    assert was in text
    with pytest.raises(DataError, match=words) as caught:
        parse_policy(text.replace(was, becomes, 1), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")


CATALOGUE_FAULTS = [
    ('class = "A"', 'class = "D"', r"JH.toml: list.D01.class: 'D' is none of A, B, C"),
    ('class = "A", ceiling', 'class = "A", share = "5%", ceiling', "only class B has a share"),
    ("D01 =", "D91 =", r"JH.toml: list.D91: no such item"),
    ("tier2 =", "tier4 =", r"ceiling.tier4: unknown key"),
    ('class = "C" }', 'class = "C", to = "soon" }', r"list.D08.to: must be a date"),
    ('class = "C" }', 'class = "C", from = 2026-01-01, to = 2025-01-01 }', r"list.D08.to: is before 'from'"),
    ("[list]", "[lists]", r"lists: unknown key"),
]


@pytest.mark.parametrize(
    ("was", "becomes", "words"), CATALOGUE_FAULTS, ids=[fault[2] for fault in CATALOGUE_FAULTS]
)
def test_unsound_catalogue_is_refused(was: str, becomes: str, words: str) -> None:
    """A catalogue names the faulty entry too."""
    text = shipped("catalogue/JH.toml")
    assert was in text
    files = {"items.toml": shipped("catalogue/items.toml"), "JH.toml": text.replace(was, becomes, 1)}
    with pytest.raises(DataError, match=words):
        parse_catalogue(files)


def test_catalogue_needs_its_items() -> None:
    """Without the table of items no list can be read."""
    with pytest.raises(DataError, match=r"items.toml: is missing"):
        parse_catalogue({"JH.toml": shipped("catalogue/JH.toml")})


def test_one_code_for_two_items_is_refused() -> None:
    """Two items under one wire code could not be told apart."""
    item = {"name": "a", "type": "western", "code": "X1"}
    with pytest.raises(DataError, match="D02: code X1 also belongs to D01"):
        catalogue.parse_items(Node("items.toml", {"D01": item, "D02": item}, YUAN))


ITEM_FAULTS = [
    ('version = "v0001"', "", r"items.toml: version: is missing"),
    ('version = "v0001"', 'version = "v0002"', r"items.toml: version: is not the highest version of a row"),
    ('version = "v0001"', 'version = "1"', r"items.toml: version: must be v and four digits"),
    ('batch = "TEST-2024-1", ', "", r"item.D01.selected.batch: is missing"),
    ("to = 2030-06-30", "to = 2020-06-30", r"item.D01.selected.to: is before 'from'"),
    ("two_disease = true", 'two_disease = "yes"', r"item.D01.two_disease: must be true or false"),
]


@pytest.mark.parametrize(("was", "becomes", "words"), ITEM_FAULTS, ids=[fault[2] for fault in ITEM_FAULTS])
def test_unsound_items_are_refused(was: str, becomes: str, words: str) -> None:
    """Versions and selections are checked like all else."""
    text = shipped("catalogue/items.toml")
    assert was in text
    with pytest.raises(DataError, match=words):
        parse_catalogue({"items.toml": text.replace(was, becomes, 1)})


def test_items_know_selection_generic_name_and_two_disease_list() -> None:
    """R29, R56, R61: the selected product and the others of its generic name."""
    items = policies.load_shipped().catalogue.items
    chosen = items["D01"].selection
    assert chosen is not None
    assert [chosen.in_force(datetime.date(year, 7, 1)) for year in (2023, 2024, 2031)] == [False, True, False]
    assert [key for key, item in items.items() if item.generic == items["D01"].generic] == ["D01", "D02"]
    assert [key for key, item in items.items() if item.two_disease] == ["D01", "D02", "D03", "D12"]
    assert items["D02"].selection is None


def test_shipped_files_are_found_by_the_package() -> None:
    """What is read once for all is what reading again would give."""
    assert policies.load_shipped() == policies.load_shipped.__wrapped__()
