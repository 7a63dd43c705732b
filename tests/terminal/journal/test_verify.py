"""The checker: a good journal is good, and every kind of tampering is found and named."""

from pathlib import Path

import pytest

from terminal.journal.verify import verify_journal
from tests.terminal.harness import Shop, virtual
from tests.terminal.journal.samples import SECOND, begin, open_at, raw, send, settle, three_sales, vault
from tests.terminal.journal.tampering import Tamper, found, sql


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a settled sale S1, a doubt S2 on lane 2, and an open sale S3."""
    return three_sales(tmp_path / "journal.db")


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


TAMPERING: dict[str, tuple[Tamper, set[str], set[str]]] = {
    # what is done: how, what is found without the key, what besides with the key
    "an audit record is changed": (
        sql("UPDATE audit SET record = CAST(replace(record, 'T01', 'T02') AS BLOB) WHERE sequence = 5", "audit_is_written_once"),
        {"chain"}, set(),
    ),
    "an audit record is taken out": (sql("DELETE FROM audit WHERE sequence = 3", "audit_is_kept"), {"chain", "transition"}, set()),
    "the end of the audit log is cut off": (sql("DELETE FROM audit WHERE sequence > 10", "audit_is_kept"), {"transition"}, set()),
    "the whole audit log is taken out": (sql("DELETE FROM audit", "audit_is_kept"), {"transition"}, set()),
    "a guard is dropped": (sql("DROP TRIGGER settlement_is_kept"), {"guard"}, set()),
    "a guard is weakened": (
        sql("DROP INDEX one_live_settlement_per_sale; CREATE INDEX one_live_settlement_per_sale ON settlement (till)"), {"guard"}, set(),
    ),
    "a table is added": (sql("CREATE TABLE extra (x)"), {"guard"}, set()),
    "a transition is allowed that is not": (sql("INSERT INTO transition_rule VALUES ('REFUSED', 'CONFIRMED')"), {"guard"}, set()),
    "a state is moved on by hand": (sql("UPDATE settlement SET state = 'DELIVERED' WHERE id = 'S1'"), {"transition"}, {"row"}),
    "amounts are shifted": (sql("UPDATE settlement SET account_fen = 3650, cash_fen = 100 WHERE id = 'S1'"), set(), {"row"}),
    "the person is exchanged": (sql("UPDATE settlement SET person = 'x' WHERE id = 'S1'"), set(), {"row"}),
    "a settlement vanishes": (
        sql("PRAGMA foreign_keys = 0; DELETE FROM settlement WHERE id = 'S3'", "settlement_is_kept"), {"transition", "number"}, set(),
    ),
    "a doubt is taken from the queue": (sql("DELETE FROM reversal_queue"), {"queue"}, set()),
    "an open sale is put into the queue": (
        sql("INSERT INTO reversal_queue VALUES ('S3', 0, 't', 'v', 0)", "only_what_is_open_is_queued"), {"queue"}, set()
    ),
    "an attempt vanishes": (sql("DELETE FROM attempt WHERE settlement = 'S1'", "attempt_is_kept"), {"attempt"}, set()),
    "an outcome is taken back": (
        sql("UPDATE attempt SET state = 'SENT' WHERE settlement = 'S1'", "attempt_moves_by_rule"), {"attempt"}, set()
    ),
    "a request is exchanged": (
        sql(f"UPDATE attempt SET request = (SELECT request FROM attempt WHERE msgid = '{SECOND}')", "attempt_bytes_are_fixed"),
        set(), {"blob"},
    ),
    "an answer is damaged": (sql("UPDATE attempt SET answer = zeroblob(60) WHERE settlement = 'S1'"), set(), {"blob"}),
    "the counter of settlements goes back": (sql("UPDATE sequence SET value = 1"), {"number"}, set()),
    "the reserved message numbers go back": (sql("UPDATE meta SET value = '2026-11-22 00:00:00.000000'"), {"number"}, set()),
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


def test_the_wrong_key_is_said_for_every_row(path: Path) -> None:
    report = verify_journal(str(path), vault(b"\x01" * 16))
    assert found(report) == {"row", "blob"}
    assert {finding.where for finding in report.findings if finding.code == "row"} == {"S1", "S2", "S3"}


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
