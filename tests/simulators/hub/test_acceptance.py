"""Acceptance examples of capability rows about media, places and people, over the hub's messages."""

import msgspec
import pytest

from simulators.certificate_centre import CentreRefusal
from simulators.hub import HubSettings
from tests.capabilities import amounts, asserted
from tests.simulators.hub.counter import Counter, make_world, purchase
from tests.simulators.hub.test_worked_cases import money_of
from tests.simulators.hub.worked_case import WorkedCase, cases

P01 = amounts(cases()["P01"]["steps"][0]["expect"])


def test_a_code_that_is_shown_twice_resolves_once_and_books_nothing() -> None:
    """R01."""
    world = make_world(single_use_code=True)
    till, jia = Counter(world, "P99990000001"), world.person("jia")
    code = world.phone.issue(jia, till.now)
    found, _ = world.book.decode(code, till.institution.code, till.now)
    with pytest.raises(CentreRefusal) as refused:
        world.book.decode(code, till.institution.code, till.now)
    told = {"first": found.slug, "second": refused.value.code, "booked": len(world.ledger.settlements())}
    asserted("R01", {"first": "jia", "second": 990003, "booked": 0}, told, what="shown twice")


def test_a_person_of_another_county_settles_and_cancels_as_at_home() -> None:
    """R04: P01, insured in a district, at a pharmacy of the city."""
    case = WorkedCase("P01", insured="999901")
    (settled,) = case.play()
    assert settled.setlinfo["clr_optins"] == "999901"
    undone = case.cancel("s1")
    back = {f"back {name}": value.removeprefix("-") for name, value in amounts(money_of(undone)).items()}
    expected = P01 | {f"back {name}": value for name, value in P01.items()}
    asserted("R04", expected, amounts(money_of(settled)) | back, what="another county")
    assert case.world.ledger.live_settlements() == ()


@pytest.mark.parametrize(
    ("medium", "what"), [("01", "e-certificate"), ("02", "identity card"), ("03", "social-security card")]
)
def test_every_medium_gives_the_same_money(medium: str, what: str) -> None:
    """R05."""
    (settled,) = WorkedCase("P01", medium=medium).play()
    assert settled.setlinfo["mdtrt_cert_type"] == medium
    asserted("R05", P01, amounts(money_of(settled)), what=what)


def test_where_somebody_was_born_makes_no_difference() -> None:
    """R49: a permit holder from elsewhere and a local, with the same data, on P16."""
    expected = amounts(cases()["P16"]["steps"][0]["expect"])
    local, permit_holder = (WorkedCase("P16", birthplace=place).play() for place in ("999900", "110000"))
    assert money_of(local[0]) == money_of(permit_holder[0])
    asserted("R49", expected, amounts(money_of(permit_holder[0])), what="permit holder")


def test_two_counties_have_the_same_list() -> None:
    """R60: the lines of one purchase, priced in the city and in its district."""
    splits = []
    for division in ("999900", "999901"):
        world = make_world(HubSettings())
        till, jia = Counter(world, "P99990000001"), world.person("jia")
        place = till.institution
        changed = msgspec.structs.replace(place, division=division)
        world.world.institutions[place.code] = till.institution = changed
        till.sign_in()
        lines = (("D01", 1, 350), ("D05", 1, 4580), ("D11", 1, 3990))
        quoted = till.ask("2101", purchase(till, jia, till.token(jia), lines), "999900")
        assert quoted.infcode == 0, quoted.err_msg
        splits.append([
            f"{row['chrgitm_lv']} {row['selfpay_prop']} {row['pric_uplmt_amt']}" for row in quoted.output["detlcutinfo"]
        ])  # fmt: skip
    city, district = splits
    assert [line.partition(" ")[0] for line in city] == ["01", "02", "03"]
    asserted("R60", city, district, what="two counties")


def test_a_category_that_ended_yesterday_brings_no_assistance() -> None:
    """R34, on P39."""
    expect = cases()["P39"]["steps"][0]["expect"]
    (settled,) = WorkedCase("P39", until="2026-03-11").play()
    without = expect | {"maf_pay": 0, "psn_cash_pay": expect["psn_cash_pay"] + expect["maf_pay"]}
    found = money_of(settled)
    asserted(
        "R34", amounts(without), amounts({name: found[name] for name in without}), what="ended yesterday"
    )
