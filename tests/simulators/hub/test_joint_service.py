"""Feeds of other departments: the hub answers with them from the next question on; a wrong feed changes nothing."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from simulators import people
from simulators.hub.joint_service import Feed, read_feed, take_feed
from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.capabilities import amounts, asserted
from tests.simulators.hub.counter import Counter
from tests.simulators.hub.test_worked_cases import money_of
from tests.simulators.hub.worked_case import WorkedCase, cases, recognised

RESIDENT = {"insutype": "390", "psn_type": "15", "division": "999900", "since": "2020-01-01"}


def _categories(till: Counter, person: Person) -> list[str]:
    """What 1101 says about somebody."""
    data = {
        "mdtrt_cert_type": "02",
        "mdtrt_cert_no": person.certno,
        "psn_cert_type": "01",
        "certno": person.certno,
    }
    reply = till.ask("1101", {"data": data})
    assert reply.infcode == 0, reply.err_msg
    return [row["psn_idet_type"] for row in reply.output["idetinfo"]]


def test_a_category_imported_at_nine_is_in_the_answer_a_minute_later(
    world: SimulatedWorld, till: Counter
) -> None:
    """R39."""
    jia = world.person("jia")
    till.now = dt.datetime(2026, 11, 22, 8, 59, 0, tzinfo=WIRE_ZONE)
    till.sign_in()
    assert _categories(till, jia) == []
    take_feed(world.hub.core.desk, Feed(change=({"person": "jia"} | _plain(recognised(["low_income"])),)))
    till.now = dt.datetime(2026, 11, 22, 9, 1, 0, tzinfo=WIRE_ZONE)
    asserted(
        "R39", {"psn_idet_type": "2303"}, {"psn_idet_type": ", ".join(_categories(till, jia))}, what="09:01"
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Values of a persona as a feed writes them."""
    return {name: msgspec.to_builtins(value) for name, value in fields.items()}


def test_a_birth_makes_the_enrolment_of_a_worked_case() -> None:
    """R82: the newborn of P57, unknown to the hub until the feed comes."""
    case = WorkedCase("P57")
    desk, born = case.world.hub.core.desk, case.person
    desk.people.remove(born)
    take_feed(desk, Feed(birth=(msgspec.structs.replace(born, slug="newborn"),)))
    assert [person.slug for person in desk.people] == ["newborn"]
    (settled,) = case.play()
    expected = amounts(cases()["P57"]["steps"][0]["expect"])
    asserted("R82", expected, amounts(money_of(settled)), what="birth event")


def test_the_account_of_a_newborn_is_opened(world: SimulatedWorld) -> None:
    desk = world.hub.core.desk
    born = msgspec.structs.replace(
        world.person("jia"), slug="xin2", name="测试新生", psn_no="99990000000000000999", certno="999999202611010018",
        card=None, relative=(),
    )  # fmt: skip
    with pytest.raises(KeyError):
        world.ledger.balance(born.psn_no)
    take_feed(desk, Feed(birth=(born,)))
    assert world.ledger.balance(born.psn_no) == born.enrolment[0].balance_fen


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"person": "nobody", "ethnic_group": "02"}, KeyError, "nobody is called nobody"),
        ({"ethnic_group": "02"}, KeyError, "nobody is called"),
        ({"person": "jia", "psn_no": "99990000000000000777"}, ValueError, "jia: psn_no cannot change"),
        ({"person": "jia", "ethnic_group": "x"}, ValueError, "jia: "),
        ({"person": "jia", "shoe_size": 42}, ValueError, "unknown field `shoe_size`"),
        (
            {"person": "jia", "enrolment": [RESIDENT, RESIDENT | {"insutype": "310"}]},
            ValueError,
            "the one that pays must come first",
        ),
        ({"person": "jia", "category": [{"kind": "rich"}]}, ValueError, r"category\[0\].kind"),
        (
            {"person": "jia", "relative": [{"slug": "nobody", "relation": "spouse"}]},
            ValueError,
            "no such other person",
        ),
    ],
)
def test_a_wrong_feed_changes_nothing(
    world: SimulatedWorld, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    desk = world.hub.core.desk
    before = list(desk.people)
    fine = {"person": "yi", "ethnic_group": "02"}
    with pytest.raises(error, match=words):
        take_feed(desk, Feed(change=(fine, change)))
    assert desk.people == before


def test_a_feed_file_is_read_strictly() -> None:
    feed = read_feed('[[change]]\nperson = "jia"\nethnic_group = "02"\n', "feed.toml")
    assert feed == Feed(change=({"person": "jia", "ethnic_group": "02"},))
    for text in ("[[changes]]\n", "[[change]", '[[birth]]\nslug = "x"\n'):
        with pytest.raises(ValueError, match=r"feed\.toml: "):
            read_feed(text, "feed.toml")


def test_a_born_person_is_checked_as_a_persona_file_is() -> None:
    """The hub would otherwise answer with a record that contradicts itself."""
    persona = (Path(people.__file__).parent / "xin.toml").read_text(encoding="utf-8")
    birth = "[[birth]]\n" + persona.replace("[[enrolment]]", "[[birth.enrolment]]").replace(
        "[enrolment.joined]", "[birth.enrolment.joined]"
    ).replace("[certificate]", "[birth.certificate]")
    assert [person.slug for person in read_feed(birth, "feed.toml").birth] == ["xin"]
    with pytest.raises(ValueError, match=r"feed\.toml: sex: "):
        read_feed(birth.replace('sex = "1"', 'sex = "2"'), "feed.toml")
