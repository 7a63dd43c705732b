"""The keys of the days: made with the first blob, wrapped for their place, named by what they seal."""

from pathlib import Path

import apsw
import pytest

from terminal.journal.day_keys import DayKeys, PastTerm, Purpose
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.sheet import decode_sheet, identity_is_gone
from terminal.journal.vault import BlobDamaged
from tests.terminal.journal.samples import (
    MSGID,
    NINE,
    begin,
    closed_sale,
    open_at,
    raw,
    row,
    send,
    settle,
    stamp,
    vault,
)
from tests.terminal.journal.terms import DAY, EVIDENCE, IDENTITY, expire_due, later, wrapped_keys


def test_a_day_has_one_key_for_each_purpose_made_with_its_first_blob(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    begin(journal)
    connection = raw(path)
    query = "SELECT day, purpose, made_at, deleted_at FROM day_key ORDER BY purpose"
    assert connection.execute(query).fetchall() == [
        (DAY.isoformat(), "evidence", "2026-11-23 09:00:00.000000", None)
    ]
    opened = journal.settlements.get("S1")
    assert opened is not None
    settle(journal, send(journal, opened))
    begin(journal, "S2", "0002", lane="2")
    assert [purpose for _, purpose, _, _ in connection.execute(query)] == ["evidence", "identity"]
    connection.close()
    journal.close()


def test_a_key_made_in_a_transaction_that_was_rolled_back_is_not_used(tmp_path: Path) -> None:
    """Else blobs would be sealed under a key that stands on no disk."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    with pytest.raises(apsw.ConstraintError):
        journal.open_sale(row(lane=None), None, "till", stamp())
    assert wrapped_keys(path) == {}
    settle(journal, send(journal, begin(journal)))
    journal.close()
    again = open_at(path)
    (attempt,) = again.attempts.of("S1")
    assert MSGID.encode() in attempt.request
    again.close()


def test_many_sales_at_once_keep_their_own_names(tmp_path: Path) -> None:
    """More than the journal remembers sealed."""
    journal = open_at(tmp_path / "journal.db")
    sent = {}
    for number in range(12):
        opened = begin(journal, f"S{number}", f"{number:04d}", lane=str(number))
        sent[number] = send(journal, opened, f"{MSGID[:-2]}{number:02d}")
    for number, sending in sent.items():
        settled = settle(journal, sending, f"{MSGID[:-2]}{number:02d}")
        stored = journal.settlements.get(f"S{number}")
        assert stored is not None
        assert decode_sheet(stored.sheet) == decode_sheet(settled.sheet)
        assert not identity_is_gone(decode_sheet(stored.sheet))
    journal.close()


def test_blobs_name_the_key_they_need(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    closed_sale(path).close()
    connection = raw(path)
    keys = DayKeys(connection, vault())
    ((sealed, identity),) = connection.execute("SELECT sheet, identity FROM settlement").fetchall()
    assert isinstance(sealed, bytes)
    assert isinstance(identity, bytes)
    assert sealed[:5] == b"\x02e" + DAY.toordinal().to_bytes(3)
    assert identity[:5] == b"\x02i" + DAY.toordinal().to_bytes(3)
    assert keys.open("settlement.sheet:S1", sealed)
    for wrong in (
        b"\x02x" + sealed[2:], b"\x02i" + sealed[2:], b"\x02e\xff\xff\xff" + sealed[5:], b"\x02e\x00\x00\x00" + sealed[5:],
        b"\x02e" + (DAY.toordinal() + 1).to_bytes(3) + sealed[5:], sealed[:-1], sealed[:20], b"\x02", b"",
    ):  # fmt: skip
        with pytest.raises(BlobDamaged):
            keys.open("settlement.sheet:S1", wrong)
    with pytest.raises(BlobDamaged):
        keys.open("settlement.sheet:S2", sealed)
    connection.close()


def test_a_wrapped_key_opens_only_for_its_day_and_purpose() -> None:
    keeper = vault()
    key, wrapped = keeper.new_key("day_key:2026-11-23:identity")
    assert len(key) == 16
    assert keeper.unwrap_key("day_key:2026-11-23:identity", wrapped) == key
    for place in ("day_key:2026-11-24:identity", "day_key:2026-11-23:evidence"):
        with pytest.raises(BlobDamaged):
            keeper.unwrap_key(place, wrapped)
    assert keeper.new_key("day_key:2026-11-24:identity")[0] != key


def test_sealing_for_a_deleted_day_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    expire_due(journal, later(31))
    journal.close()
    connection = raw(path)
    keys = DayKeys(connection, vault())
    with pytest.raises(PastTerm) as past:
        keys.seal(IDENTITY, DAY, "settlement.identity:S1", b"x", NINE)
    assert (past.value.day, past.value.purpose) == (DAY, IDENTITY)
    connection.close()


@pytest.mark.parametrize("purpose", [EVIDENCE, IDENTITY])
def test_a_damaged_day_key_stops_the_journal_before_it_writes(purpose: Purpose, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    sending = send(journal, begin(journal))
    journal.close()
    connection = raw(path)
    connection.execute("DELETE FROM day_key WHERE purpose = ?", (purpose.value,))
    connection.execute(
        "INSERT INTO day_key VALUES (?, ?, zeroblob(44), 't', NULL)", (DAY.isoformat(), purpose.value)
    )
    connection.close()
    journal = open_at(path)
    with pytest.raises(JournalFailed, match="a day key does not open in its place"):
        settle(journal, sending)
    assert journal.failed
    journal.close()
    connection = raw(path)
    assert connection.execute("SELECT state FROM settlement").fetchall() == [("SENDING",)]
    connection.close()


def test_what_was_just_sealed_is_known_for_the_very_same_bytes_and_no_others(tmp_path: Path) -> None:
    """Damage is found as before, and nothing outlives the key of its day in memory."""
    path = tmp_path / "journal.db"
    closed_sale(path).close()
    connection = raw(path)
    keys, place = DayKeys(connection, vault()), "settlement.sheet:S9"
    sealed = keys.seal_kept(EVIDENCE, DAY, place, b"sheet", NINE)
    assert keys.seal_kept(EVIDENCE, DAY, place, b"sheet", NINE) is sealed
    assert keys.open(place, sealed) == b"sheet"
    for wrong_place, wrong in ((place, sealed[:-1] + b"\x00"), ("settlement.sheet:S8", sealed)):
        with pytest.raises(BlobDamaged):
            keys.open(wrong_place, wrong)
    newer = keys.seal_kept(EVIDENCE, DAY, place, b"newer", NINE)
    assert (keys.open(place, newer), keys.open(place, sealed)) == (b"newer", b"sheet")
    connection.execute("DELETE FROM day_key")
    connection.execute("INSERT INTO day_key VALUES (?, 'evidence', NULL, 't', 't')", (DAY.isoformat(),))
    keys.forget()
    with pytest.raises(PastTerm):
        keys.open(place, newer)
    connection.close()


def test_what_is_sealed_again_unchanged_is_the_same_and_the_last_sixteen_are_remembered(
    journal: Journal,
) -> None:
    keys = DayKeys(journal.store.connection, vault())

    def seal(place: str, plain: bytes = b"plain") -> bytes:
        return keys.seal_kept(Purpose.IDENTITY, DAY, place, plain, NINE)

    first = [seal(f"place {number}") for number in range(16)]
    assert [seal(f"place {number}") for number in range(16)] == first
    changed = seal("place 15", b"other")
    assert changed != first[15]
    assert seal("place 15", b"other") == changed
    assert keys.open("place 15", changed) == b"other"
    assert seal("place 0") == first[0], "asked for again: the newest now"
    seal("place 16")
    assert seal("place 0") == first[0]
    assert seal("place 1") != first[1], "the one sealed longest ago has gone"
    keys.forget()
    assert seal("place 5") != first[5], "after a transaction that was undone everything is sealed anew"
