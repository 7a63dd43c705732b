"""What the checker says of things that are gone before their term."""

from pathlib import Path

import pytest

from terminal.journal.records import JournalFailed
from terminal.journal.settlement_table import PLAIN_COLUMNS, row_mac
from terminal.journal.verify import verify_journal
from tests.terminal.journal.samples import closed_sale, open_at, raw, vault


def test_what_was_removed_before_its_term_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    closed_sale(path).close()
    connection = raw(path)
    connection.execute("DELETE FROM day_key WHERE purpose = 'evidence'")
    connection.close()
    findings = [(finding.code, finding.text) for finding in verify_journal(str(path), vault()).findings]
    assert findings == [
        ("blob", "the sheet does not open in its place"), ("blob", "request or answer does not open in its place")
    ]  # fmt: skip
    with pytest.raises(JournalFailed, match="does not open in its place"):
        open_at(path).settlements.get("S1")


def test_what_is_missing_before_its_term_is_found(tmp_path: Path) -> None:
    """Whoever has the counter's key could empty a blob and make the row's code fit: the term says it is too early."""
    path = tmp_path / "journal.db"
    closed_sale(path).close()
    connection = raw(path)
    (trigger,) = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE name = 'attempt_bytes_are_fixed'"
    ).fetchall()[0]
    connection.execute("DROP TRIGGER attempt_bytes_are_fixed")
    connection.execute("UPDATE attempt SET request = x'', answer = NULL")
    connection.execute(str(trigger))
    (values,) = connection.execute(f"SELECT {', '.join(PLAIN_COLUMNS)} FROM settlement").fetchall()
    code = row_mac(vault(), values, b"", None)
    connection.execute("UPDATE settlement SET sheet = x'', identity = NULL, row_mac = ?", (code,))
    connection.close()
    findings = [(finding.code, finding.text) for finding in verify_journal(str(path), vault()).findings]
    assert findings == [
        ("blob", "the sheet is missing before its term"), ("blob", "the request is missing before its term")
    ]  # fmt: skip
