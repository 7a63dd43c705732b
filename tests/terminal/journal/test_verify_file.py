"""What the checker says of a file as a whole: none, no journal, damaged, of a newer program, wrong everywhere."""

from pathlib import Path

import msgspec
import pytest

from terminal.journal.schema import SCHEMA_VERSION
from terminal.journal.vault import Vault
from terminal.journal.verify import Finding, Report, _Checker, verify_journal
from tests.faults import fired
from tests.terminal.journal.samples import begin, open_at, raw, three_sales, vault
from tests.terminal.journal.tampering import findings, found, untyped


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a settled sale S1, a doubt S2 on lane 2, and an open sale S3."""
    return three_sales(tmp_path / "journal.db")


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


def test_what_cannot_be_read_at_all_is_said_in_one_finding(path: Path, tmp_path: Path) -> None:
    def found(file: Path) -> list[tuple[str, str, str]]:
        return [(one.code, one.where, one.text) for one in verify_journal(str(file)).findings]

    assert found(tmp_path / "none.db") == [("unreadable", "file", "CantOpenError")]
    (tmp_path / "text.db").write_bytes(b"no database at all" * 300)
    assert found(tmp_path / "text.db") == [("unreadable", "file", "NotADBError")]
    (tmp_path / "empty.db").write_bytes(b"")
    assert found(tmp_path / "empty.db") == [
        ("schema", "user_version", "journal has schema 0, which cannot be migrated")
    ]
    stranger = raw(path)
    stranger.pragma("user_version", SCHEMA_VERSION + 1)
    stranger.execute("UPDATE meta SET value = ? WHERE name = 'readable_from'", (str(SCHEMA_VERSION + 1),))
    stranger.close()
    assert found(path) == [
        ("schema", "user_version", f"schema {SCHEMA_VERSION + 1}, this program knows {SCHEMA_VERSION}")
    ]


def test_damaged_pages_are_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"pharmacy_purchase") // 4096 * 4096
    content[place : place + 2048] = b"\xa5" * 2048
    path.write_bytes(content)
    report = verify_journal(str(path))
    assert "unreadable" in found(report)


def test_what_sqlite_itself_finds_in_the_file_is_said_in_its_words(path: Path) -> None:
    """Only its own check looks there: the number of free pages in the file's header."""
    content = bytearray(path.read_bytes())
    content[36:40] = (1).to_bytes(4)
    path.write_bytes(content)
    (found,) = verify_journal(str(path), vault()).findings
    assert (found.code, found.where) == ("unreadable", "file")
    assert "Freelist: size is 0 but should be 1" in found.text


@pytest.mark.parametrize("index", ["one_live_settlement_per_sale", "settlement_by_state"])
def test_an_index_that_leaves_rows_out_is_found(index: str, path: Path) -> None:
    """Its definition is as it was made, and it guards nothing: a sale could be settled twice, a settlement be forgotten."""
    stranger = raw(path)
    ((made,),) = stranger.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (index,))
    number = int(str(stranger.pragma("schema_version")))
    stranger.execute(f"DROP INDEX {index}; CREATE INDEX {index} ON settlement (till) WHERE 0").fetchall()
    stranger.pragma("writable_schema", 1)
    stranger.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (made, index))
    stranger.pragma("schema_version", number + 3)
    stranger.close()
    found = [(one.code, one.where, one.text) for one in verify_journal(str(path), vault()).findings]
    assert ("unreadable", "file", f"row 1 missing from index {index}") in found


def test_a_bit_flipped_in_an_index_is_found(path: Path) -> None:
    """F26: by this index a start finds what is under way; the table itself is as it was."""
    stranger = raw(path)
    ((page,),) = stranger.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'settlement_by_state'")
    stranger.close()
    content = bytearray(path.read_bytes())
    content[content.index(b"DOUBT", (int(str(page)) - 1) * 4096)] ^= 0x01
    path.write_bytes(content)
    texts = [one.text for one in verify_journal(str(path), vault()).findings]
    assert "row 2 missing from index settlement_by_state" in texts
    fired("F26")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("audit", "previous = NULL, record = NULL WHERE sequence = 3"),
        ("attempt", "msgid = CAST(msgid AS BLOB)"),
        ("settlement", "cash_fen = CAST('much' AS BLOB) WHERE id = 'S1'"),
        ("settlement", "sheet = 7 WHERE id = 'S1'"),
    ],
)
@pytest.mark.parametrize("key", [None, vault()], ids=["without the key", "with the key"])
def test_values_of_a_type_that_nobody_can_write_end_no_check_without_a_report(
    table: str, change: str, key: Vault | None, path: Path
) -> None:
    """F26: a flipped bit turns a text into bytes, and a number into nothing."""
    findings(path, untyped(table, change))
    report = verify_journal(str(path), key)
    assert "unreadable" in found(report)
    fired("F26")


def test_of_a_newer_programs_journal_only_what_this_one_made_is_asked_for(path: Path) -> None:
    stranger = raw(path)
    stranger.pragma("user_version", SCHEMA_VERSION + 1)
    stranger.execute(
        "INSERT INTO transition_rule VALUES ('DRAFT', 'FROZEN'); CREATE TABLE weather (day TEXT)"
    ).fetchall()
    stranger.execute("ALTER TABLE anchor ADD COLUMN weather TEXT").fetchall()
    stranger.close()
    assert verify_journal(str(path), vault()).ok
    stranger = raw(path)
    stranger.execute(
        "DROP TRIGGER anchor_is_kept; DELETE FROM transition_rule WHERE source = 'DRAFT'"
    ).fetchall()
    stranger.close()
    assert [(one.code, one.where, one.text) for one in verify_journal(str(path)).findings] == [
        ("guard", "trigger anchor_is_kept", "is missing"),
        ("guard", "transition_rule", "the allowed transitions are not those of this program"),
    ]


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


def test_the_list_of_findings_ends_at_two_hundred() -> None:
    checker = _Checker(None)
    for number in range(201):
        checker.found("sum", number, "text")
    assert checker.report().findings == tuple(Finding("sum", str(number), "text") for number in range(200))
    assert msgspec.structs.replace(checker.report(), findings=()) == Report(0, 0, 0, "0" * 64, False, ())
