"""A journal of an older version under the checker: read in a migrated copy, the file left alone."""

from pathlib import Path

from terminal.journal.verify import verify_journal
from tests.terminal.journal.old_journals import old_vault, unpack
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
