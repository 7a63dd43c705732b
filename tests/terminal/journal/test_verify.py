"""The checker: a good journal is good, and every kind of tampering is found and named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from protocols.gm.sm3 import sm3
from terminal.journal.anchors import Noted
from terminal.journal.verify import Report, verify_journal
from tests.terminal.harness import Shop, virtual
from tests.terminal.journal.samples import MSGID, begin, doubt, open_at, raw, send, settle, vault

SECOND = MSGID[:-2] + "02"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a settled sale S1, a doubt S2 on lane 2, and an open sale S3."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    doubt(journal, send(journal, begin(journal, "S2", "0002", lane="2"), SECOND), SECOND)
    begin(journal, "S3", "0003")
    journal.close()
    return path


def found(report: Report) -> set[str]:
    """The kinds of findings."""
    return {finding.code for finding in report.findings}


def test_a_good_journal_is_good_with_and_without_the_key(path: Path) -> None:
    with_key, without = verify_journal(str(path), vault()), verify_journal(str(path))
    assert with_key.ok, with_key.findings
    assert without.ok, without.findings
    assert (with_key.settlements, with_key.attempts, with_key.audit_records) == (3, 2, 11)
    assert with_key.key_used
    assert not without.key_used
    assert with_key.head == without.head
    assert len(with_key.head) == 64


def test_looking_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    verify_journal(str(path), vault())
    assert path.read_bytes() == before


def test_an_open_journal_can_be_checked_beside_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    sending = send(journal, begin(journal))
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings
    assert report.audit_records == 4
    settle(journal, sending)
    assert verify_journal(str(path), vault()).audit_records == 5
    journal.close()


def test_an_empty_journal_is_good(tmp_path: Path) -> None:
    open_at(tmp_path / "journal.db").close()
    report = verify_journal(str(tmp_path / "journal.db"), vault())
    assert report.ok
    assert report.head == bytes(32).hex()


def _sql(statements: str) -> Callable[[apsw.Connection], None]:
    def tamper(connection: apsw.Connection) -> None:
        connection.execute(statements).fetchall()

    return tamper


def _without(trigger: str, statements: str) -> Callable[[apsw.Connection], None]:
    """Tamper with a guard out of the way, and put it back as it was: somebody who knows what he does."""

    def tamper(connection: apsw.Connection) -> None:
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)
        ).fetchone() or ("",)
        connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statements).fetchall()
        connection.execute(str(sql))

    return tamper


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


TAMPERING: dict[str, tuple[Callable[[apsw.Connection], None], set[str], set[str]]] = {
    # what is done: how, what is found without the key, what besides with the key
    "an audit record is changed": (
        _without("audit_is_written_once", "UPDATE audit SET record = CAST(replace(record, 'T01', 'T02') AS BLOB) WHERE sequence = 5"),
        {"chain"}, set(),
    ),
    "an audit record is taken out": (_without("audit_is_kept", "DELETE FROM audit WHERE sequence = 3"), {"chain", "transition"}, set()),
    "the end of the audit log is cut off": (_without("audit_is_kept", "DELETE FROM audit WHERE sequence > 10"), {"transition"}, set()),
    "the whole audit log is taken out": (_without("audit_is_kept", "DELETE FROM audit"), {"transition"}, set()),
    "a guard is dropped": (_sql("DROP TRIGGER settlement_is_kept"), {"guard"}, set()),
    "a guard is weakened": (
        _sql("DROP INDEX one_live_settlement_per_sale; CREATE INDEX one_live_settlement_per_sale ON settlement (till)"), {"guard"}, set(),
    ),
    "a table is added": (_sql("CREATE TABLE extra (x)"), {"guard"}, set()),
    "a transition is allowed that is not": (_sql("INSERT INTO transition_rule VALUES ('REFUSED', 'CONFIRMED')"), {"guard"}, set()),
    "a state is moved on by hand": (_sql("UPDATE settlement SET state = 'DELIVERED' WHERE id = 'S1'"), {"transition"}, {"row"}),
    "amounts are shifted": (_sql("UPDATE settlement SET account_fen = 3650, cash_fen = 100 WHERE id = 'S1'"), set(), {"row"}),
    "the person is exchanged": (_sql("UPDATE settlement SET person = 'x' WHERE id = 'S1'"), set(), {"row"}),
    "a settlement vanishes": (
        _without("settlement_is_kept", "PRAGMA foreign_keys = 0; DELETE FROM settlement WHERE id = 'S3'"), {"transition", "number"}, set(),
    ),
    "a doubt is taken from the queue": (_sql("DELETE FROM reversal_queue"), {"queue"}, set()),
    "an open sale is put into the queue": (
        _without("only_what_is_open_is_queued", "INSERT INTO reversal_queue VALUES ('S3', 0, 't', 'v', 0)"), {"queue"}, set()
    ),
    "an attempt vanishes": (_without("attempt_is_kept", "DELETE FROM attempt WHERE settlement = 'S1'"), {"attempt"}, set()),
    "an outcome is taken back": (
        _without("attempt_moves_by_rule", "UPDATE attempt SET state = 'SENT' WHERE settlement = 'S1'"), {"attempt"}, set()
    ),
    "a request is exchanged": (
        _without("attempt_bytes_are_fixed", f"UPDATE attempt SET request = (SELECT request FROM attempt WHERE msgid = '{SECOND}')"),
        set(), {"blob"},
    ),
    "an answer is damaged": (_sql("UPDATE attempt SET answer = zeroblob(60) WHERE settlement = 'S1'"), set(), {"blob"}),
    "the counter of settlements goes back": (_sql("UPDATE sequence SET value = 1"), {"number"}, set()),
    "the reserved message numbers go back": (_sql("UPDATE meta SET value = '2026-11-22 00:00:00.000000'"), {"number"}, set()),
}  # fmt: skip


@pytest.mark.parametrize("tampering", TAMPERING)
def test_tampering_is_found(tampering: str, path: Path) -> None:
    tamper, open_findings, key_findings = TAMPERING[tampering]
    stranger = raw(path)
    tamper(stranger)
    stranger.close()
    assert found(verify_journal(str(path))) == open_findings
    assert found(verify_journal(str(path), vault())) == open_findings | key_findings


def test_findings_name_the_place_and_never_the_content(path: Path) -> None:
    stranger = raw(path)
    stranger.execute("UPDATE settlement SET state = 'DELIVERED' WHERE id = 'S1'")
    stranger.close()
    (finding,) = verify_journal(str(path)).findings
    assert (finding.code, finding.where, finding.text) == (
        "transition",
        "S1",
        "is DELIVERED, the audit log says CONFIRMED",
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


def test_the_wrong_key_is_said_for_every_row(path: Path) -> None:
    report = verify_journal(str(path), vault(b"\x01" * 16))
    assert found(report) == {"row", "blob"}
    assert {finding.where for finding in report.findings if finding.code == "row"} == {"S1", "S2", "S3"}


@pytest.mark.parametrize("content", [b"", b"no database at all" * 300])
def test_what_is_no_journal_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    report = verify_journal(str(path))
    assert found(report) <= {"unreadable", "schema"}
    assert not report.ok


def test_a_file_that_is_not_there_is_unreadable_and_not_created(tmp_path: Path) -> None:
    report = verify_journal(str(tmp_path / "journal.db"))
    assert found(report) == {"unreadable"}
    assert list(tmp_path.iterdir()) == []


def test_damaged_pages_are_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"pharmacy_purchase") // 4096 * 4096
    content[place : place + 2048] = b"\xa5" * 2048
    path.write_bytes(content)
    report = verify_journal(str(path))
    assert "unreadable" in found(report)


def test_a_file_that_is_wrong_everywhere_gives_a_list_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    for number in range(1, 300):
        begin(journal, f"S{number}", f"{number:04d}")
    journal.close()
    stranger = raw(path)
    stranger.execute("UPDATE settlement SET state = 'ABANDONED'")
    stranger.close()
    report = verify_journal(str(path))
    assert report.settlements == 299
    assert len(report.findings) == 200


@virtual
async def test_a_whole_day_of_the_real_counter_verifies(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    for number, (fault, infno) in enumerate(
        [
            ("", ""),
            ("lose-answer", "2102"),
            ("lose-request", "2102"),
            ("amount-off", "2102"),
            ("bad-signature", "2102"),
        ],
        start=1,
    ):
        if fault:
            shop.arm(fault, infno)
        settled = await till.settle(f"{number:04d}")
        if not settled.quarantine and settled.booking is not None:
            await till.counter.sales.cancel(settled.id, "T01", "")
        await till.quiet()
    await till.open("0009")
    report = verify_journal(str(shop.journal_path), shop.vault)
    assert report.ok, report.findings
    assert report.settlements == 6
    await till.stop()
