"""The program after this one, made up: what it has added is kept by this one, what it has changed for good is refused (F72)."""

from pathlib import Path

import msgspec
import pytest

from protocols.fleet.messages import Anchor
from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.migrations import MIGRATIONS, Migration, Reword, migrate_if_old, schema_of
from terminal.journal.records import Commit, JournalFailed
from terminal.journal.schema import SCHEMA_VERSION
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.samples import NINE, begin, doubt, open_at, path_of, raw, send, settle, stamp
from yibao.words import say

NEXT = Migration(
    SCHEMA_VERSION + 1,
    "made up: a column, a table, a state of slips",
    (
        "ALTER TABLE attempt ADD COLUMN weather TEXT; CREATE TABLE weather (day TEXT PRIMARY KEY) STRICT;",
        "ALTER TABLE anchor ADD COLUMN weather TEXT; ALTER TABLE meta ADD COLUMN weather TEXT;",
        Reword("receipt", "'printed_unverified'", "'printed_unverified', 'burnt'"),
    ),
    readable_from=SCHEMA_VERSION,
)
"""What the program after this one might do: it only adds."""


def _head(journal: Journal) -> tuple[int, str]:
    records, head = journal.audit.head
    return records, head.hex()


def _to_next(path: Path) -> None:
    """Let the made-up next program migrate a journal."""
    connection = raw(path)
    migrate_if_old(connection, str(path), None, "boot of the next", NINE, (*MIGRATIONS, NEXT))
    connection.close()


def test_the_program_before_goes_on_with_what_the_next_one_has_only_added_to(tmp_path: Path) -> None:
    """F72: put back by one version with a doubt open; the doubt is finished, new sales are made."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    doubtful = doubt(journal, send(journal, begin(journal)))
    journal.close()
    _to_next(path)
    connection = raw(path)
    assert connection.pragma("user_version") == SCHEMA_VERSION + 1
    assert "burnt" in schema_of(connection)["table receipt"]
    connection.close()

    journal = open_at(path)
    fired("F72")
    assert [found.state for found in journal.settlements.unfinished()] == [State.DOUBT]
    over = msgspec.structs.replace(doubtful, state=State.REVERSING)
    journal.commit(Commit(over, path_of(State.DOUBT, State.REVERSING), "T01", stamp(9)))
    settle(
        journal,
        send(journal, begin(journal, "S2", "0002", lane="2"), "P99990000001202611230900000102"),
        "P99990000001202611230900000102",
    )
    anchor = Anchor(*_head(journal), "2026-11-23T09:00:00.000000+08:00", "boot", "0" * 16, "0" * 128)
    journal.anchors.put(anchor, stamp(), to_fleet=True)
    assert journal.anchors.newest() == anchor
    journal.anchors.accept(frozenset({"1:00"}), "T01+T02", "", stamp())
    journal.close()
    connection = raw(path)
    assert connection.pragma("user_version") == SCHEMA_VERSION + 1, "its number stays"
    connection.close()
    report = verify_journal(str(path))
    assert report.ok, report.findings


def test_a_journal_the_next_program_has_changed_for_good_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    for_good = msgspec.structs.replace(NEXT, readable_from=0)
    migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, for_good))
    connection.close()
    before = path.read_bytes()
    schemas = f"schema {SCHEMA_VERSION + 1}, this program knows {SCHEMA_VERSION}"
    with pytest.raises(JournalFailed, match=schemas) as failed:
        open_at(path)
    words = say(failed.value.code, **failed.value.params)
    assert "日志由更新版本的程序写成" in words.zh
    assert "Install the newer version again" in words.en
    assert path.read_bytes() == before
    assert [finding.code for finding in verify_journal(str(path)).findings] == ["schema"]
    fired("F72")
