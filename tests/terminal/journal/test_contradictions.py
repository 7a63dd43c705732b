"""A contradiction holds over every start until two people accept it, and it alone (F29)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from terminal.core.contradiction import Contradiction
from terminal.core.events import Misuse
from terminal.core.values import Notice
from terminal.journal.anchors import Noted
from terminal.journal.journal import Journal
from terminal.journal.thread import InlineJournal
from tests.terminal.journal.anchor_place import Place, signed_anchor
from tests.terminal.journal.samples import NINE

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")


async def test_what_a_contradiction_holds_and_what_accepting_it_leaves(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    noted = Noted(400, "0" * 16)
    await keeper.check_at_start(noted)
    found = Contradiction("person", 400, "0" * 16, "", "shorter", 4, "2026-11-23")
    assert keeper.view().contradictions == (found,)
    assert place.told == [Notice("journal_rolled_back", {"count": "4", "noted": "400"})]
    assert (keeper.known_until, keeper.missing_days()) == (NINE, (NINE.date(),))
    assert place.journal is not None
    assert place.journal.anchors.contradictions() == (found,)
    await keeper.echoed(signed_anchor(500))
    fleet = Contradiction(
        "fleet", 500, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "shorter", 4, "2026-11-23"
    )
    assert keeper.view().contradictions == (found, fleet)
    await keeper.echoed(signed_anchor(500))
    assert place.journal.anchors.contradictions() == (found, fleet), "each once"
    assert (keeper.view().witnesses, len(place.told)) == (("person", "fleet"), 1)
    await keeper.accept("T01+T02", "2026-11-23 level")
    names = f"400:{'0' * 16} 500:{'ab' * 32}"
    ((record,),) = place.journal.store.rows("SELECT record FROM audit WHERE sequence = 5")
    assert msgspec.json.decode(record) == {
        "v": 1, "sequence": 5, "boot": "boot", "wall": "2026-11-23 09:00:00.000000", "monotonic": 1000.0,
        "action": "anchors_accepted", "actor": "T01+T02", "note": f"{names} 2026-11-23 level",
    }  # fmt: skip
    assert place.journal.anchors.accepted() == frozenset(names.split())
    assert (keeper.view().contradictions, keeper.missing_days(), place.anchors()) == ((), (), [5])
    assert place.holds.standing == ()


@pytest.mark.parametrize("witness", ["person", "fleet"])
async def test_what_was_found_once_holds_over_every_start_until_people_accept_it(
    place: Place, witness: str
) -> None:
    """F29: a start without `--anchor`, or without a broker, must not sell and reverse with an old copy."""
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    place.write(1)
    again = place.keeper()
    if witness == "person":
        await again.check_at_start(Noted(400, "0" * 16))
    else:
        await again.check_at_start()
        await again.echoed(signed_anchor(400))
    days = again.view().days
    place.clock.move(86_400)
    later = place.keeper()
    await later.check_at_start()
    assert [(one.witness, one.records) for one in later.view().contradictions] == [(witness, 400)]
    assert later.view().days == (*days, "2026-11-24")
    assert place.holds.is_old_copy
    assert not await later.make()
    await later.accept("T01+T02", "level")
    last = place.keeper()
    await last.check_at_start()
    assert last.view().contradictions == ()
    place.holds.require_none()


async def test_accepting_one_contradiction_does_not_accept_another_that_comes_meanwhile(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.check_at_start(Noted(400, "0" * 16))

    class Meanwhile(InlineJournal):
        async def call(self, work: Callable[[Journal], Any]) -> Any:
            done = work(self._journal)
            keeper._journal = InlineJournal(self._journal)
            await keeper.echoed(signed_anchor(500))
            return done

    assert place.journal is not None
    keeper._journal = Meanwhile(place.journal)
    await keeper.accept("T01+T02", "level")
    assert [(one.witness, one.records) for one in keeper.view().contradictions] == [("fleet", 500)]
    with pytest.raises(Misuse) as held:
        place.holds.require_newest()
    assert held.value.params == {"count": "5", "noted": "500"}
    assert not await keeper.make()
    again = place.keeper()
    await again.check_at_start()
    assert [one.records for one in again.view().contradictions] == [500]


async def test_two_witnesses_of_one_kind_are_both_accepted(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.check_at_start(Noted(400, "0" * 16))
    again = place.keeper()
    await again.check_at_start(Noted(300, "1" * 16))
    assert sorted(one.records for one in again.view().contradictions) == [300, 400]
    await again.accept("T01+T02", "level")
    last = place.keeper()
    await last.check_at_start(Noted(400, "0" * 16))
    assert last.view().contradictions == ()
