"""The invented places and goods hold together with the benefit catalogue."""

import datetime as dt
from pathlib import Path

import pytest

import simulators.world
from simulators.benefit import policies
from simulators.world import WorldError, ean13_check_digit, load_world

WORLD = load_world()
DAY = dt.date(2026, 11, 21)


def test_the_institutions_are_there_with_their_kinds() -> None:
    kinds = {code: row.kind for code, row in WORLD.institutions.items()}
    assert kinds["P99990000001"] == "pharmacy"
    assert kinds["H99990000002"] == "primary"
    assert WORLD.institutions["P99990000003"].dual_channel
    assert not WORLD.institutions["H99990000006"].networked


def test_every_division_has_a_policy_set() -> None:
    book = policies.load_shipped()
    sets = {division: book.set_of_division(division) for division in WORLD.divisions}
    assert sets == {
        "999900": "JH",
        "999901": "JH",
        "999800": "JH",
        "989900": "CD",
        "979900": "GX",
        "969900": "NC",
    }


def test_every_shelf_item_is_in_the_benefit_catalogue_and_has_a_right_bar_code() -> None:
    known = policies.load_shipped().catalogue.item_of_code
    assert len(WORLD.shop) >= 12
    for good in WORLD.shop:
        assert good.med_list_codg in known
        assert ean13_check_digit(good.ean[:12]) == good.ean[12]
        assert good.price_fen > 0


def test_check_digit_of_the_published_example() -> None:
    assert ean13_check_digit("690123456789") == "2"


def test_a_shelf_item_is_found_by_any_of_its_keys() -> None:
    item = WORLD.shop_item("6901234567892")
    assert item is WORLD.shop_item("D03") is WORLD.shop_item(item.own_code)
    assert (item.name, item.price_fen) == ("测试降糖片", 1250)
    with pytest.raises(KeyError):
        WORLD.shop_item("6900000000000")


def test_there_is_an_institution_of_each_kind() -> None:
    rows = WORLD.institutions.values()
    assert {(row.kind, row.service_level) for row in rows} >= {
        ("tier3", "city"),
        ("tier2", "county"),
        ("primary", "city"),
        ("primary", "township"),
        ("primary", "village"),
        ("pharmacy", "city"),
    }
    assert {row.agreement.state(DAY) for row in rows} == {"not_begun", "in_force", "suspended", "ended"}
    assert {row.credit for row in rows} == {"A", "B", "C", "D"}
    assert {(row.kind, row.dual_channel) for row in rows} >= {("pharmacy", True), ("tier3", True)}
    assert {(row.kind, row.networked) for row in rows} >= {("pharmacy", False), ("primary", False)}


def test_physicians_and_pharmacists_have_insurance_codes_and_a_credit_level() -> None:
    staff = [person for row in WORLD.institutions.values() for person in row.staff]
    assert {(person.pharmacist, person.credit) for person in staff} >= {
        (False, "A"), (False, "D"), (True, "A"), (True, "D"),
    }  # fmt: skip
    known = WORLD.staff("Y999900000001")
    assert known is not None
    assert (known.name, known.pharmacist) == ("测试药师", True)
    assert WORLD.staff("Y999999999999") is None


def test_a_suspension_rests_the_agreement_on_its_days_only() -> None:
    agreement = WORLD.institutions["P99990000008"].agreement
    days = (
        dt.date(2019, 12, 31),
        dt.date(2026, 10, 31),
        dt.date(2026, 11, 1),
        dt.date(2031, 1, 1),
        dt.date(2036, 1, 1),
    )
    assert [agreement.state(day) for day in days] == [
        "not_begun",
        "in_force",
        "suspended",
        "in_force",
        "ended",
    ]


def test_every_disease_of_a_policy_is_in_the_disease_list() -> None:
    book = policies.load_shipped()
    for policy_set in ("JH", "GX", "NC", "CD"):
        policy = book.version(policy_set, DAY)
        classes = [code for rule in policy.chronic.values() for code in rule.disease_class]
        two = [code for rule in policy.two_disease.values() for code in rule.limit_fen]
        assert classes
        assert set(classes) <= set(WORLD.diseases)
        assert all(WORLD.diseases[code].two_disease for code in two)


WRONG = [
    ("institutions.toml", 'kind = "tier2"', 'kind = "tier4"', r"institution\[3\].kind", "tier4"),
    ("institutions.toml", 'credit = "A"\n', "", r"institution\[0\].credit", "missing"),
    ("institutions.toml", 'division = "999900"', 'division = "999999"', r"institution\[0\].division", "not in"),
    ("institutions.toml", 'code = "H99990000002"', 'code = "P99990000002"', r"institution\[1\].code", "pharmacy"),
    ("institutions.toml", 'code = "P99990000003"', 'code = "P99990000001"', r"institution\[2\].code", "used twice"),
    ("institutions.toml", "end = 2026-06-30", "end = 2019-06-30", r"institution\[8\].agreement.end", "before begin"),
    ("institutions.toml", "end = 2030-12-31", "end = 2040-12-31", r"institution\[7\].agreement.suspended", "not inside"),
    ("institutions.toml", 'code = "Y999900000002"', 'code = "Y999900000001"', r"institution\[4\].staff\[1\].code", "twice"),
    ("institutions.toml", 'slot = "02"', 'slot = "01"', r"institution\[0\].counter\[1\].slot", "used twice"),
    ("items.toml", 'ean = "6901234500011"', 'ean = "6901234500012"', r"shop\[0\].ean", "check digit"),
    ("items.toml", 'own_code = "SKU0002"', 'own_code = "SKU0001"', r"shop\[1\].own_code", "used twice"),
    ("diseases.toml", 'version = "v0001"\nbegin', 'version = "1"\nbegin', r"disease\[0\].version", "regex"),
    ("diseases.toml", 'version = "v0001"', 'version = "v0002"', r"version", "highest version"),
    ("diseases.toml", 'code = "M01600"', 'code = "M03900"', r"disease\[1\].code", "used twice"),
    ("diseases.toml", "[[disease]]", "[[disease", r"\(whole file\)", "not TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "was", "becomes", "key", "reason"), WRONG)
def test_a_wrong_file_is_refused_with_file_key_and_reason(
    tmp_path: Path, file: str, was: str, becomes: str, key: str, reason: str
) -> None:
    shipped = Path(simulators.world.__file__).parent
    for name in ("institutions.toml", "items.toml", "diseases.toml"):
        text = (shipped / name).read_text(encoding="utf-8")
        if name == file:
            assert was in text
            text = text.replace(was, becomes, 1)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(WorldError, match=rf"{file}: {key}: .*{reason}"):
        load_world(tmp_path)


def test_every_world_is_its_own() -> None:
    one = load_world()
    one.institutions.clear()
    assert load_world().institutions
