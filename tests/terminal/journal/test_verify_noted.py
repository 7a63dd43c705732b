"""A head of the audit log that was noted outside, held against the chain."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from protocols.gm.sm3 import sm3
from terminal.journal.anchors import Noted
from terminal.journal.verify import verify_journal
from tests.terminal.journal.samples import raw, three_sales, vault
from tests.terminal.journal.tampering import found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a settled sale S1, a doubt S2 on lane 2, and an open sale S3."""
    return three_sales(tmp_path / "journal.db")


def _rehashed(connection: apsw.Connection) -> None:
    """Change a record and hash its successors anew, but for the last: the best that can be done without the vault."""
    connection.execute("DROP TRIGGER audit_is_written_once")
    rows: list[Any] = connection.execute("SELECT sequence, record FROM audit ORDER BY sequence").fetchall()
    previous = bytes(32)
    for sequence, record in rows:
        changed = bytes(record).replace(b'"actor":"T01"', b'"actor":"T02"')
        digest = sm3(previous + changed)
        connection.execute(
            "UPDATE audit SET previous = ?, hash = ?, record = ? WHERE sequence = ?",
            (previous, digest, changed, sequence),
        )
        previous = digest
    connection.execute(
        "CREATE TRIGGER audit_is_written_once BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END"
    )


def test_a_history_written_anew_is_found_by_a_head_noted_outside(path: Path) -> None:
    noted = verify_journal(str(path))
    anchor = Noted(noted.audit_records, noted.head)
    assert verify_journal(str(path), None, Noted(anchor.records, anchor.head[:16])).ok, (
        "as it is noted on paper"
    )
    off_by_one = Noted(anchor.records, anchor.head[:15] + ("1" if anchor.head[15] == "0" else "0"))
    assert found(verify_journal(str(path), None, off_by_one)) == {"chain"}
    assert verify_journal(str(path), vault(), anchor).ok
    stranger = raw(path)
    _rehashed(stranger)
    stranger.close()
    assert verify_journal(str(path)).ok, "the chain alone fits: whoever has the machine can hash anew"
    assert found(verify_journal(str(path), None, anchor)) == {"chain"}


def test_a_log_that_was_cut_off_is_found_by_a_head_noted_outside(path: Path) -> None:
    noted = verify_journal(str(path))
    stranger = raw(path)
    stranger.execute("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence > 9").fetchall()
    stranger.close()
    findings = verify_journal(str(path), None, Noted(noted.audit_records, noted.head)).findings
    assert any(finding.code == "chain" and "cut off" in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("records", "head", "expected"),
    [
        (11, "", []),
        (5, "", []),
        (5, "0" * 16, [("chain", "5", "is not the record noted as anchor")]),
        (11, "0" * 16, [("chain", "11", "is not the record noted as anchor")]),
        (12, "0" * 16, [("chain", "12", "the record noted as anchor is missing: the end was cut off")]),
        (13, "0" * 16, [("chain", "13", "the record noted as anchor is missing: the end was cut off")]),
    ],
)
def test_what_somebody_noted_is_held_against_the_chain(
    records: int, head: str, expected: list[tuple[str, str, str]], path: Path
) -> None:
    stranger = raw(path)
    digests = dict(stranger.execute("SELECT sequence, hex(hash) FROM audit"))
    stranger.close()
    noted = Noted(records, head or str(digests[records]).lower())
    report = verify_journal(str(path), None, noted)
    assert [(finding.code, finding.where, finding.text) for finding in report.findings] == expected
    assert (report.settlements, report.attempts, report.audit_records, report.key_used) == (3, 2, 11, False)
    assert report.head == str(digests[11]).lower()


def test_a_noted_record_behind_a_gap_is_not_called_missing(path: Path) -> None:
    stranger = raw(path)
    ((head,),) = stranger.execute("SELECT lower(hex(hash)) FROM audit WHERE sequence = 11").fetchall()
    stranger.execute("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence = 3").fetchall()
    stranger.close()
    report = verify_journal(str(path), None, Noted(11, str(head)))
    assert [(one.where, one.text) for one in report.findings if one.code == "chain"] == [
        ("3", "records are missing"), ("4", "does not continue the record before it"),
    ]  # fmt: skip
    assert report.audit_records == 10
