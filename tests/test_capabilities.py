"""Acceptance examples are recorded only when they hold, taken over whole and green only, and shown part by part."""

from pathlib import Path

import pytest

from tests import capabilities
from tests.capabilities import amounts, as_text, asserted
from tests.left_session import leave_session
from tools import capabilities as record
from tools.reliability import FOLDER_VARIABLE

ALL_ROWS = [f"R{number:02d}" for number in range(1, 84)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes what is asserted."""
    capabilities.write_down()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_every_row_is_there_with_its_words_and_an_example() -> None:
    assert list(record.rows()) == ALL_ROWS
    for number, row in record.rows().items():
        assert row.examples, number
        assert len(set(row.examples)) == len(row.examples), number
        assert all((row.zh, row.title, row.terminal, row.simulator, row.example)), number


def test_what_holds_is_recorded_with_value_and_layer(folder: Path) -> None:
    asserted("R72", {"city": "60.00", "county": "40.00"}, {"county": "40.00", "city": "60.00"}, what="gap")
    capabilities.write_down()
    leave_session(folder)
    value = {"unit": "city 60.00, county 40.00"}
    assert record.taken(folder) == record.Record("2026-11-21", 12, {"R72": {"gap": value}})


def test_what_does_not_hold_is_not_recorded(folder: Path) -> None:
    with pytest.raises(AssertionError, match=r"R72 gap: expected '60\.00', got '59\.99'"):
        asserted("R72", "60.00", "59.99", what="gap")
    capabilities.write_down()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("nothing", [None, "", {}, [], True, False])
def test_a_bare_yes_or_nothing_at_all_is_no_fact(nothing: object) -> None:
    with pytest.raises(ValueError, match="is no fact"):
        asserted("R72", nothing, nothing, what="gap")


@pytest.mark.parametrize(("row", "what"), [("R00", "gap"), ("R84", "gap"), ("R72", "gup")])
def test_a_row_or_part_that_does_not_exist_is_refused(row: str, what: str) -> None:
    with pytest.raises(ValueError, match=r"no such row|has no example"):
        asserted(row, 1, 1, what=what)


@pytest.mark.parametrize(("whole", "exit_status"), [(False, 0), (True, 1)])
def test_a_part_of_the_tests_or_a_red_run_is_not_taken(folder: Path, whole: bool, exit_status: int) -> None:
    leave_session(folder, whole=whole, exit_status=exit_status)
    assert record.taken(folder) is None


def test_a_committed_record_survives_a_run_that_is_not_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make docs` after a partial run keeps what was known; after a whole one it takes over and names what is open."""
    kept, runs = folder / "record.toml", folder / "runs"
    (runs / "test").mkdir(parents=True)
    monkeypatch.setattr(record, "RECORD_FILE", kept)
    monkeypatch.setattr(record, "RECORDS", runs)
    monkeypatch.setenv(FOLDER_VARIABLE, str(runs / "test"))
    asserted("R24", "[BENEFIT_NOT_OPEN]", "[BENEFIT_NOT_OPEN]", what="not in the list")
    capabilities.write_down()
    leave_session(runs / "test")
    record.take()
    assert "R72" in capsys.readouterr().out
    taken = record.recorded()
    assert taken.rows == {"R24": {"not in the list": {"unit": "[BENEFIT_NOT_OPEN]"}}}
    for old in (runs / "test").iterdir():
        old.unlink()
    leave_session(runs / "test", whole=False)
    record.take()
    assert record.recorded() == taken


def test_a_row_is_covered_only_when_every_part_was_asserted() -> None:
    part = record.Record("2026-11-21", 12, {"R25": {"P16": {"benefit engine": "hifp_pay 1.00"}}})
    assert "R25" in record.open_rows(part.rows)
    text = record.document(part)
    assert "*P16*: `hifp_pay 1.00` (benefit engine)<br>*P53*: **not covered**" in text
    assert "0 of 83 rows are covered in full" in text


def test_equal_values_of_several_layers_are_shown_once() -> None:
    values = {"benefit engine": "hifp_pay 1.00", "hub": "hifp_pay 1.00"}
    text = record.document(record.Record("2026-11-21", 12, {"R25": {"P16": values}}))
    assert "*P16*: `hifp_pay 1.00` (benefit engine, hub)" in text


def test_facts_read_like_a_bill() -> None:
    assert as_text(amounts({"hifp_pay": 4340, "oth_pay": 0, "acct_pay": -5, "balc": 7})) == (
        "hifp_pay 43.40, acct_pay -0.05"
    )
    assert as_text(["310100", ("a", 1)]) == "310100; a; 1"
