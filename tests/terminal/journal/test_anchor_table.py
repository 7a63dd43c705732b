"""Anchors and contradictions as the journal keeps them: never changed, each once."""

from pathlib import Path

import msgspec
import pytest

from terminal.core.contradiction import Contradiction
from terminal.journal.journal import Journal
from terminal.journal.verify import verify_journal
from tests.terminal.journal.anchor_place import Place, signed_anchor
from tests.terminal.journal.samples import begin, open_at, raw, stamp, vault

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")


def test_anchors_are_guarded_in_sql_and_verify_compares_them(place: Place) -> None:
    place.keeper()
    assert place.journal is not None
    begin(place.journal)
    records, head = place.journal.audit.head
    anchor = signed_anchor(records)
    place.journal.anchors.put(msgspec.structs.replace(anchor, head=head.hex()), stamp(), to_fleet=False)
    place.close()
    assert verify_journal(str(place.journal_path), vault()).ok
    file = raw(place.journal_path)
    for statement in ("UPDATE anchor SET boot_id = 'x'", "DELETE FROM anchor"):
        with pytest.raises(Exception, match="anchors are never"):
            file.execute(statement)
    file.execute("INSERT INTO anchor VALUES (77, zeroblob(32), 'x', 'x', 'x', zeroblob(64))")
    report = verify_journal(str(place.journal_path), vault())
    assert [(one.code, one.where) for one in report.findings] == [("chain", "77")]


def test_behind_a_record_that_is_not_there_nothing_is_whole(place: Place) -> None:
    place.keeper()
    place.write(3)
    assert place.journal is not None
    anchors = place.journal.anchors
    assert [anchors.is_whole_behind(sequence) for sequence in (0, 1, 3, 4, 9)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_what_people_have_accepted_meanwhile_is_not_kept_as_a_contradiction_again(tmp_path: Path) -> None:
    """A witness may be compared while two people accept it; a line late to the journal changes nothing."""
    journal = open_at(tmp_path / "journal.db")
    found = Contradiction("fleet", 400, "0" * 16, "", "shorter", 4, "2026-11-23")
    other = msgspec.structs.replace(found, records=500)
    journal.anchors.contradicted(found)
    journal.anchors.accept(frozenset({found.name}), "T01+T02", "level", stamp())
    assert journal.anchors.contradictions() == ()
    journal.anchors.contradicted(found)
    assert journal.anchors.contradictions() == ()
    journal.anchors.contradicted(other)
    assert journal.anchors.contradictions() == (other,)
    journal.close()


def test_contradictions_are_kept_in_their_order_until_they_are_accepted(journal: Journal) -> None:
    one = Contradiction("file", 9, "ab", "", "shorter", 5, "2026-11-23")
    two = msgspec.structs.replace(one, witness="fleet", records=12)
    for found in (one, two):
        journal.anchors.contradicted(found)
    assert journal.anchors.contradictions() == (one, two)
    journal.anchors.accept(frozenset({one.name}), "T01", "both", stamp())
    assert journal.anchors.contradictions() == (two,)
    journal.anchors.contradicted(one)
    assert journal.anchors.contradictions() == (two,)
    journal.anchors.accept(frozenset({two.name}), "T01", "both", stamp())
    assert journal.anchors.contradictions() == ()
    assert journal.store.rows("SELECT name FROM meta WHERE name = 'contradictions'") == []
