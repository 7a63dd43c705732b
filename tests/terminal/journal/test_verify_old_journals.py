"""A journal of an older version under the checker: read in a migrated copy, the file left alone."""

from pathlib import Path

import pytest

from terminal.journal.migrations import migrated_copy, schema_of
from terminal.journal.schema import RULES
from terminal.journal.verify import verify_journal
from tests.terminal.journal.old_journals import OLD, old_vault, unpack
from tests.terminal.journal.samples import raw
from tests.terminal.journal.tampering import CHANGED_ROW


def test_an_older_journal_is_checked_whole_in_its_copy(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    stranger = raw(path)
    ((name, other),) = stranger.execute(
        "SELECT MIN(id), MAX(id) FROM settlement WHERE state IN ('CLOSED', 'CANCELLED')"
    ).fetchall()
    stranger.execute("UPDATE settlement SET person = 'x' WHERE id = ?", (name,))
    stranger.close()
    report = verify_journal(str(path), old_vault())
    assert [(one.code, one.where, one.text) for one in report.findings] == [("row", name, CHANGED_ROW)]
    assert (report.settlements, report.key_used, name != other) == (5, True, True)
    assert report.audit_records > 0


@pytest.mark.parametrize("name", OLD)
def test_an_old_journal_is_verified_as_it_lies_there(name: str, tmp_path: Path) -> None:
    """Through a copy in memory: the file is not migrated by being looked at, and tampering shows."""
    path = unpack(name, tmp_path)
    before = path.read_bytes()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings
    assert report.key_used
    assert path.read_bytes() == before
    connection = raw(path)
    connection.execute(
        "UPDATE settlement SET account_fen = account_fen - 1, cash_fen = cash_fen + 1 WHERE state = 'CLOSED'"
    )
    connection.close()
    assert {finding.code for finding in verify_journal(str(path), old_vault()).findings} == {"row"}


def test_an_old_journal_whose_guards_were_taken_out_is_found(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.execute("DROP TRIGGER attempt_is_kept")
    connection.close()
    assert [finding.where for finding in verify_journal(str(path), old_vault()).findings] == [
        "trigger attempt_is_kept"
    ]


def test_a_migrated_copy_has_the_rules_of_this_program_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    source = raw(path)
    source.execute("DELETE FROM transition_rule")
    copy = migrated_copy(source)
    assert copy.filename == ""
    assert {tuple(row) for row in copy.execute("SELECT source, target FROM transition_rule")} == set(RULES)
    assert schema_of(copy).keys() > schema_of(source).keys()
    assert source.execute("SELECT COUNT(*) FROM transition_rule").fetchall() == [(0,)]
    copy.close()
    source.close()
