"""Slips under the checker: where each stands is what the audit log says; what was printed cannot be made to wait again."""

from pathlib import Path

import pytest

from terminal.journal.verify import verify_journal
from tests.terminal.journal.old_journals import OLD, old_vault, unpack
from tests.terminal.journal.samples import closed_sale, stamp, vault
from tests.terminal.journal.tampering import Tamper, findings, sql


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed sale: its original (slip 1) printed, one copy (slip 2) being printed, another (slip 3) waiting."""
    journal = closed_sale(tmp_path / "journal.db")
    journal.receipts.owe_copy("S1", "T01", stamp(6))
    journal.receipts.owe_copy("S1", "T01", stamp(7))
    journal.receipts.move(2, "printing", "printer", stamp(8))
    journal.close()
    return tmp_path / "journal.db"


def test_slips_that_stand_where_the_log_says_are_good(path: Path) -> None:
    assert verify_journal(str(path), vault()).findings == ()


HARM: dict[str, tuple[Tamper, list[tuple[str, str, str]]]] = {
    "an original made to wait again": (
        sql("UPDATE receipt SET state = 'waiting' WHERE id = 1", "receipt_moves_by_rule"),
        [("slip", "1", "is waiting, the audit log says printed")],
    ),
    "a slip said to be out": (
        sql("UPDATE receipt SET state = 'printed' WHERE id = 3", "receipt_moves_by_rule"),
        [("slip", "3", "is printed, the audit log says waiting")],
    ),
    "a printed slip taken out": (
        sql("DELETE FROM receipt WHERE id = 1", "receipt_is_kept"),
        [("slip", "1", "is in the audit log and not in the table")],
    ),
    "a copy taken out": (
        sql("DELETE FROM receipt WHERE id = 3", "receipt_is_kept"),
        [("slip", "S1", "copies: 1, the audit log says 2")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_a_slip_that_stands_elsewhere_is_found(harm: str, path: Path) -> None:
    tamper, expected = HARM[harm]
    assert findings(path, tamper) == expected


@pytest.mark.parametrize("name", OLD)
def test_the_slips_of_an_old_journal_are_followed_as_well(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    assert "slip" not in {one.code for one in verify_journal(str(path), old_vault()).findings}
