"""A migration that changes words inside a table: there alone, and only words that stand there exactly once."""

from pathlib import Path

import msgspec
import pytest

from terminal.journal.migrations import MIGRATIONS, Migration, Reword, migrate_if_old, schema_of
from terminal.journal.records import JournalFailed
from terminal.journal.schema import SCHEMA_VERSION
from tests.terminal.journal.samples import NINE, meta, open_at, raw

REWORDED = Migration(
    SCHEMA_VERSION + 1, "made up", (Reword("receipt", "'printed_unverified'", "'printed_unverified', 'burnt'"),), readable_from=2
)  # fmt: skip


def test_a_word_changed_in_a_table_is_changed_there_alone_and_the_door_is_shut_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    before, number = schema_of(connection), connection.pragma("schema_version")
    migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, REWORDED))
    assert (connection.pragma("writable_schema"), connection.pragma("synchronous")) == (0, 3)
    assert isinstance(number, int)
    assert connection.pragma("schema_version") == number + 1
    after = schema_of(connection)
    assert [name for name in after if after[name] != before[name]] == ["table receipt"]
    assert after["table receipt"] == before["table receipt"].replace(
        "'printed_unverified'", "'printed_unverified' , 'burnt'"
    )
    connection.close()
    assert meta(path)["readable_from"] == "2"
    stranger = raw(path)
    ((record,),) = stranger.execute("SELECT record FROM audit").fetchall()
    stranger.close()
    assert isinstance(record, bytes)
    assert msgspec.json.decode(record) == {
        "v": 1, "sequence": 1, "boot": "boot", "wall": "2026-11-23 09:00:00.000000", "monotonic": 0.0, "action": "migrate",
        "actor": "start", "old": "3", "new": "4",
    }  # fmt: skip


def test_words_that_do_not_stand_in_a_table_stop_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    wrong = msgspec.structs.replace(REWORDED, steps=(Reword("receipt", "'no such state'", "'x'"),))
    with pytest.raises(JournalFailed, match="table receipt"):
        migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, wrong))
    assert connection.pragma("user_version") == SCHEMA_VERSION
    connection.close()


@pytest.mark.parametrize(
    "step", [Reword("receipt", "'nowhere'", "x"), Reword("receipt", "TEXT", "x"), Reword("none", "x", "y")]
)
def test_words_that_do_not_stand_there_exactly_once_are_refused(step: Reword, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    wrong = msgspec.structs.replace(REWORDED, steps=(step,))
    with pytest.raises(JournalFailed) as refused:
        migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, wrong))
    assert refused.value.reason == f"table {step.table} is not as it was made"
    assert (refused.value.code, refused.value.params) == ("journal_not_migrated", {"why": "changed"})
    assert not connection.in_transaction
    connection.close()
