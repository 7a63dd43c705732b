"""The invented places and goods hold together with the benefit catalogue."""

import pytest

from simulators.benefit import policies
from simulators.world import ean13_check_digit, load_world

WORLD = load_world()


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
