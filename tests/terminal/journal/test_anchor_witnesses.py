"""Which witnesses are held against the journal: its file outside, the fleet's echo, a number that a person noted (F26, F29)."""

import msgspec
import pytest

from terminal.core.events import Misuse
from terminal.journal.anchors import Noted, parse_noted
from tests.faults import fired
from tests.terminal.journal.anchor_place import OTHER, Place, signed_anchor

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")


async def test_the_next_start_fits_its_witness(place: Place) -> None:
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    place.write(4)
    again = place.keeper()
    await again.check_at_start()
    assert (again.view().witnesses, again.view().contradictions) == (("journal", "file"), ())
    place.holds.require_none()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"type":"anchor"}', b"x" * 10_000])
async def test_a_damaged_witness_proves_nothing_and_is_written_anew(place: Place, content: bytes) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.path.write_bytes(content)
    fired("F26")
    await keeper.check_at_start()
    assert (keeper.view().witnesses, keeper.view().contradictions) == ((), ())
    assert await keeper.make()
    assert place.witness.read() is not None


async def test_a_witness_that_our_key_did_not_sign_proves_nothing(place: Place) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.write(signed_anchor(9, OTHER))
    await keeper.check_at_start()
    assert (keeper.view().witnesses, keeper.view().contradictions) == ((), ())
    place.witness.write(signed_anchor(9))
    again = place.keeper()
    await again.check_at_start()
    assert [(one.witness, one.verdict) for one in again.view().contradictions] == [("file", "shorter")]


async def test_the_fleets_echo_is_believed_when_our_key_signed_it(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    echo = place.witness.read()
    assert echo is not None
    await keeper.echoed(echo)
    assert keeper.view().witnesses == ("fleet",)
    assert keeper.view().contradictions == ()
    ahead = signed_anchor(400)
    await keeper.echoed(msgspec.structs.replace(ahead, signature="00" * 64))
    await keeper.echoed(signed_anchor(400, OTHER))
    assert keeper.view().contradictions == (), "whoever has the broker cannot stop a shop"
    await keeper.echoed(ahead)
    assert [(one.witness, one.records) for one in keeper.view().contradictions] == [("fleet", 400)]
    fired("F29")
    with pytest.raises(Misuse):
        place.holds.require_none()


async def test_a_number_that_a_person_noted_is_compared_too(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    noted = parse_noted(keeper.view().newest)
    again = place.keeper()
    await again.check_at_start(noted)
    assert again.view().witnesses == ("journal", "person", "file")
    assert again.view().contradictions == ()
    wrong = place.keeper()
    await wrong.check_at_start(Noted(4, "0" * 16))
    assert [(one.witness, one.verdict) for one in wrong.view().contradictions] == [("person", "differs")]
