"""A journal that was put back, removed, cut or written anew is found at the start, with the days that may be missing (F29, T29, T30)."""

import datetime as dt
import os
import shutil

import msgspec
import pytest

from terminal.core.events import Misuse
from terminal.journal.anchors import Noted
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.anchor_place import Place
from tests.terminal.journal.samples import NINE, raw, stamp, vault

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")


async def test_an_old_copy_put_back_is_found_and_no_new_sale_starts(place: Place) -> None:
    """F29, T29: yesterday's file in the place of today's."""
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    assert place.journal is not None
    place.journal.close()
    shutil.copy(place.journal_path, place.folder / "old.db")
    place.journal = None
    keeper = place.keeper()
    place.write(20)
    await keeper.make()
    place.close()
    shutil.copy(place.folder / "old.db", place.journal_path)
    fired("F29")
    place.clock.move(86_400)

    keeper = place.keeper()
    await keeper.check_at_start()
    (found,) = keeper.view().contradictions
    assert (found.witness, found.verdict, found.journal_records, found.records) == ("file", "shorter", 5, 25)
    assert [notice.code for notice in place.told] == ["journal_rolled_back"]
    with pytest.raises(Misuse) as refused:
        place.holds.require_none()
    assert refused.value.params == {"count": "5", "noted": "25"}
    assert keeper.view().days == ("2026-11-23", "2026-11-24"), "from the newest record to today"
    place.write(1)
    assert not await keeper.make(), "the witness that found it must not be overwritten"
    witness = place.witness.read()
    assert witness is not None
    assert witness.records == 25
    days, keeper = keeper.view().days, place.keeper()
    await keeper.check_at_start()
    assert keeper.view().days == days, "a second start does not take its own records for the newest"

    await keeper.accept("T01+T02", "2026-11-24 level")
    place.holds.require_none()
    query = "SELECT CAST(record AS TEXT) FROM audit ORDER BY sequence DESC LIMIT 1"
    entry = msgspec.json.decode(str(raw(place.journal_path).execute(query).fetchall()[0][0]))
    assert (entry["action"], entry["actor"]) == ("anchors_accepted", "T01+T02")
    again = place.keeper()
    await again.check_at_start()
    await again.echoed(witness)
    assert again.view().contradictions == (), "what two people have accepted is not asked again"


async def test_a_journal_that_was_removed_is_found_by_its_witness(place: Place) -> None:
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    fired("F29")
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [one.verdict for one in keeper.view().contradictions] == ["shorter"]
    assert keeper.view().days == ("2026-11-23",)


async def test_another_history_of_the_same_length_is_found(place: Place) -> None:
    """T30: records written anew by somebody with the machine; the chain itself is whole."""
    keeper = place.keeper()
    place.write(6)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    place.keeper()
    place.write(8, "somebody else")
    assert verify_journal(str(place.journal_path), vault()).ok, "nothing is wrong with the file by itself"
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [one.verdict for one in keeper.view().contradictions] == ["differs"]


async def test_an_end_cut_off_inside_the_journal_contradicts_its_own_anchor(place: Place) -> None:
    """T30: rows removed from the table, the witness file too; the anchor in the journal still knows."""
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    file = raw(place.journal_path)
    file.execute("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence > 5").fetchall()
    file.close()
    place.witness.path.unlink()
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [(one.witness, one.verdict) for one in keeper.view().contradictions] == [("journal", "shorter")]


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit SET record = CAST(replace(CAST(record AS TEXT), 'noted', 'noded') AS BLOB) WHERE sequence = 6",
        "DELETE FROM audit WHERE sequence = 6",
        "UPDATE audit SET hash = zeroblob(32) WHERE sequence = 8",
    ],
)
async def test_the_newest_part_of_the_log_is_hashed_anew_at_every_start(place: Place, harm: str) -> None:
    """T30: what was changed since the newest anchor stops the start; nothing is written behind it."""
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    place.write(4)
    place.close()
    file = raw(place.journal_path)
    file.execute(f"DROP TRIGGER audit_is_kept; DROP TRIGGER audit_is_written_once; {harm}").fetchall()
    file.close()
    fired("F26")
    keeper = place.keeper()
    with pytest.raises(JournalFailed, match="the audit log was changed"):
        await keeper.check_at_start()


@pytest.mark.parametrize(("changed", "is_whole"), [(2, True), (3, False)])
async def test_at_a_start_the_newest_thousand_records_are_hashed_anew(
    place: Place, changed: int, is_whole: bool
) -> None:
    """Of 1,002 records the second lies just before the newest thousand, the third is the first of them."""
    keeper = place.keeper(signer=None)
    assert place.journal is not None
    with place.journal.store.transaction():
        for _ in range(1002):
            place.journal.audit.append({"action": "x"}, stamp())
    place.close()
    file = raw(place.journal_path)
    file.execute(
        f"DROP TRIGGER audit_is_written_once; UPDATE audit SET record = CAST('x' AS BLOB) WHERE sequence = {changed}"
    ).fetchall()
    file.close()
    keeper = place.keeper(signer=None)
    if is_whole:
        await keeper.check_at_start()
    else:
        with pytest.raises(JournalFailed, match="the audit log was changed"):
            await keeper.check_at_start()


SATURDAY = dt.datetime(2026, 11, 21, 18, 0, tzinfo=NINE.tzinfo)
MONDAY = SATURDAY + dt.timedelta(days=2)


async def test_the_days_that_may_be_missing_do_not_shrink_with_the_next_start(place: Place) -> None:
    """F29: a journal lost on Saturday; by Monday evening the service has been started three times."""
    place.clock.wall = SATURDAY
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    place.clock.wall = MONDAY
    asked = []
    for _ in range(3):
        keeper = place.keeper()
        await keeper.check_at_start()
        asked.append(keeper.view().days)
        place.write(1)  # what a start notes; no anchor is made
    assert asked == [("2026-11-21", "2026-11-22", "2026-11-23")] * 3


async def test_an_echo_that_comes_after_a_start_asks_for_the_days_before_that_start(place: Place) -> None:
    """Journal and witness file were put back together; the broker was away at the first start."""
    place.clock.wall = SATURDAY - dt.timedelta(days=2)
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    place.close()
    shutil.copy(place.journal_path, place.folder / "old.db")
    old_witness = place.witness.read()
    assert old_witness is not None
    place.clock.wall = SATURDAY
    keeper = place.keeper()
    place.write(20)
    await keeper.make()
    echo = place.witness.read()
    assert echo is not None
    place.close()
    shutil.copy(place.folder / "old.db", place.journal_path)
    place.witness.write(old_witness)
    fired("F29")
    place.clock.wall = MONDAY
    for _ in range(2):
        keeper = place.keeper()
        await keeper.check_at_start()
        assert keeper.view().contradictions == (), "only the fleet knows better"
        place.write(1)
        assert await keeper.anchor_if_due()
    await keeper.echoed(echo)
    assert keeper.view().days[0] == "2026-11-19", "from the newest record that is no newer than the witness"


async def test_no_more_than_a_month_of_days_is_asked_for(place: Place) -> None:
    keeper = place.keeper()
    place.write(1)
    place.clock.move(60 * 86_400)
    await keeper.check_at_start(Noted(400, "0" * 16))
    days = keeper.missing_days()
    assert (days[0], days[-1], len(days)) == (dt.date(2026, 12, 23), dt.date(2027, 1, 22), 31)
    place.clock.wall = NINE - dt.timedelta(days=3)
    assert keeper.missing_days() == (dt.date(2026, 11, 20),), "a clock that went back asks for today"
