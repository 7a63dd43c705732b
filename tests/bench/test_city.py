"""The city of the benchmarks: its tills are known to the hub, its catalogue is as long as it says, its books are compared."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import far_end, hub, terminals, tills
from bench.tills import Ready, Till
from protocols.hub.listings import ItemQuery, ItemQueryInput
from protocols.hub.sign_in import SignIn, SignInInput
from protocols.wire_time import WIRE_ZONE
from simulators.hub.keys import Sm2Verifier
from simulators.serve import SimulatedWorld, build_world

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=WIRE_ZONE)


class City:
    """The hub of the city in memory, and one of its tills, signed in."""

    def __init__(self, ledger: Path) -> None:
        places = tills.city()
        self.world: SimulatedWorld = build_world(
            seed=1, world=places, ledger_path=ledger, book=far_end.book_with(7)
        )
        pharmacy = tills.pharmacies(places)[-1]
        self.till = Till(
            pharmacy, pharmacy.counter[-1], Sm2Verifier(self.world.signer.description.public_point)
        )
        point = tills.till_key(pharmacy, self.till.place).public_key.point
        self.world.keys.register(pharmacy.code, self.till.place.slot, Sm2Verifier(point))
        content = SignInInput(sign_in=SignIn(operator_no="T20", mac="00-00-00-00-00-01", ip="192.0.2.1"))
        self.till.sign_no = self.ask(self.till.ready("9001", content, NOW))["signinoutb"]["sign_no"]

    def ask(self, sent: Ready) -> Any:
        """The output of an authentic answer."""
        output: dict[str, dict[str, str]] = self.till.output(
            sent, self.world.hub.respond(sent.body, NOW).body
        )
        return output


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    """See `City`."""
    city = City(tmp_path / "hub.db")
    yield city
    city.world.ledger.close()


def test_two_hundred_tills_of_ten_pharmacies_have_keys_of_their_own() -> None:
    found = [(shop, place) for shop in tills.pharmacies(tills.city()) for place in shop.counter]
    assert len({(shop.code, place.slot) for shop, place in found}) == tills.INSTITUTIONS * tills.TILLS == 200
    assert len({len(shop.code) for shop, _ in found}) == 1


def test_a_sale_of_the_city_is_settled_and_found_in_the_books(city: City, tmp_path: Path) -> None:
    person = hub.local_customers()[0]
    outputs = [city.ask(sent) for sent in hub.sale(city.till, person, NOW, 2)]
    info = outputs[-1]["setlinfo"]
    seen = terminals.Seen(settled={info["setl_id"]: 3750})
    assert terminals.differences(tmp_path / "hub.db", [seen]) == []
    wrong = terminals.Seen(settled={info["setl_id"]: 3751})
    assert terminals.differences(tmp_path / "hub.db", [wrong]) == [f"{info['setl_id']}: hub 3750, till 3751"]
    assert len(terminals.differences(tmp_path / "hub.db", [])) == 1


def test_a_refusal_and_an_answer_to_another_message_are_errors(city: City) -> None:
    sent = city.till.ready("9001", SignInInput(sign_in=SignIn(operator_no="T01", mac="m", ip="i")), NOW)
    body = city.world.hub.respond(sent.body, NOW).body
    with pytest.raises(RuntimeError, match="9001"):
        city.till.output(sent, body)
    other = city.till.ready("9001", SignInInput(sign_in=SignIn(operator_no="T20", mac="m", ip="i")), NOW)
    with pytest.raises(RuntimeError, match="not the hub's"):
        city.till.output(other, body)


def test_the_long_catalogue_has_so_many_items_more_on_its_pages(city: City) -> None:
    counted = []
    for page in (1, 2):
        query = ItemQuery(name="测试目录药品", updated_since="2000-01-01", page=page, page_size=4)
        output = city.ask(city.till.ready("1312", ItemQueryInput(query=query), NOW))
        counted.append((len(output["data"]), int(output["recordCounts"]), int(output["pages"])))
    assert counted == [(4, 7, 2), (3, 7, 2)]
