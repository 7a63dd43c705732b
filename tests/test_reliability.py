"""What fired is counted by row, taken over by `make docs` only, and shown with a reason where it is nothing."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests import faults
from tests.left_session import leave_session
from tools import reliability
from tools.reliability import Recorded, Run, document, fault_rows, invariants, means, recorded, rows_of
from yibao.site.weather import CANCELLATION_FAULTS, REVERSAL_FAULTS, ROAD_FAULTS

ALL_ROWS = [f"F{number:02d}" for number in range(1, 75)]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes what fires."""
    faults.write_down()
    monkeypatch.setenv(reliability.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_what_fired_is_added_up_by_row_and_by_figure(record: Path) -> None:
    faults.fired("F05")
    faults.fired("F05", 2)
    faults.fired("F06", 0)
    faults.counted("real_kills", 7)
    faults.write_down()
    (record / "1.jsonl").write_text('{"row": "F05", "count": 10}\n', encoding="utf-8")
    leave_session(record)
    assert reliability.taken_test(record) == Run("2026-11-21", 12, 3, 2, {"F05": 13}, {"real_kills": 7})


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(reliability.FOLDER_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    faults.fired("F05")
    faults.write_down()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("row", ["F00", "F75", "T01", ""])
def test_a_row_that_does_not_exist_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="no such row"):
        faults.fired(row)


def test_a_figure_has_a_plain_name() -> None:
    with pytest.raises(ValueError, match="no name"):
        faults.counted("real kills")


@pytest.mark.parametrize(("whole", "exit_status"), [(False, 0), (True, 1)])
def test_a_part_of_the_tests_or_a_red_run_is_not_taken(record: Path, whole: bool, exit_status: int) -> None:
    leave_session(record, whole=whole, exit_status=exit_status)
    assert reliability.taken_test(record) is None


def test_a_run_says_how_much_of_its_time_went_into_the_figures(
    inner_pytest: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests marked `proof`, shared by the processes of the run."""
    monkeypatch.setenv(reliability.FOLDER_VARIABLE, str(tmp_path))
    inner_pytest.makepyprojecttoml('[tool.pytest.ini_options]\nmarkers = ["blocking_allowed", "proof"]')
    inner_pytest.makeconftest(
        """
        import pytest
        from tests.conftest import pytest_configure, pytest_sessionfinish

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport():
            report = yield
            report.duration = 30.0
            return report
        """
    )
    inner_pytest.makepyfile(
        """
        import pytest

        @pytest.mark.proof
        @pytest.mark.parametrize("number", range(3))
        def test_settlements(number):
            pass

        def test_something_else():
            pass
        """
    )
    inner_pytest.runpytest_subprocess("-p", "xdist.plugin", "-n", "2")
    session = json.loads((tmp_path / reliability.SESSION).read_text(encoding="utf-8"))
    assert (session["tests"], session["proof_seconds"]) == (4, 45)


def test_a_soak_is_taken_with_the_rows_of_its_faults(tmp_path: Path) -> None:
    totals = {"settlements": 100, "faulted": 60, "cuts": 9, "breaks": 0, "doubts": 30, "late": 2, "seconds": 3600.4,
              "faults": {"lose-answer 2102": 4, "lose-answer 2601": 3, "kill P1": 5, "torn P1": 9}}  # fmt: skip
    simulation, images, kills = (tmp_path / name for name in reliability.SOAK_PARTS)
    simulation.write_text(json.dumps(totals), encoding="utf-8")
    images.write_text('{"distinct": 7, "breaks": 0, "seconds": 900.2}\n', encoding="utf-8")
    kills.write_text('{"kills": 5, "breaks": 0, "seconds": 540.1}\n', encoding="utf-8")
    assert reliability.taken_soak(tmp_path) is None, "not at its end"
    (tmp_path / reliability.SOAK_STATUS).write_text("1\n", encoding="utf-8")
    assert reliability.taken_soak(tmp_path) is None, "a part of it failed"
    (tmp_path / reliability.SOAK_STATUS).write_text("0\n", encoding="utf-8")
    taken = reliability.taken_soak(tmp_path)
    assert taken is not None
    assert taken.rows == {"F20": 9, "F27": 9, "F38": 7, "F47": 3}
    assert taken.seconds == 5041
    assert taken.figures == {
        "simulated_settlements": 100, "simulated_hit": 60, "simulated_cuts": 9, "simulated_breaks": 0, "doubts_after_hub": 30,
        "doubts_late": 2,
    }  # fmt: skip
    (storm,) = (line for line in document(Recorded(soak=taken)).splitlines() if line.startswith("| equal"))
    assert storm.endswith("| – | – |"), "what a run does not count is no 0"
    kills.write_text("", encoding="utf-8")
    assert reliability.taken_soak(tmp_path) is None, "a part of it said nothing"


@pytest.mark.parametrize(
    ("end", "status", "is_taken"),
    [("exit 0", 0, True), ("exit 1", 2, False), ("kill -INT 0; exit 0", None, False)],
    ids=["green", "a failed part", "Ctrl-C"],
)
def test_make_soak_says_at_its_very_end_whether_it_was_whole_and_green(
    tmp_path: Path, end: str, status: int | None, is_taken: bool
) -> None:
    """The recipe as it stands, with a stand-in for the hours of work; `end` is how the last part ends."""
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(
        """#!/bin/sh\necho '{"settlements": 1, "faulted": 1, "cuts": 0, "breaks": 0, "seconds": 1, "faults": {}}'\n"""
        '[ "$2" != tests.recovery.kill ] || { ' + end + "; }\n"
    )
    python.chmod(0o755)
    # In a session of its own: Ctrl-C reaches a whole process group.
    ran = subprocess.run(
        ["make", "--old-file=setup", "soak", f"BIN={python.parent}", f"FAULTS={tmp_path}", "HOURS=1"],
        cwd=reliability.ROOT, capture_output=True, timeout=25, check=False, start_new_session=True,
    )  # fmt: skip
    assert status is None or ran.returncode == status, ran.stderr
    assert (tmp_path / "soak" / reliability.SOAK_PARTS[0]).exists()
    assert (reliability.taken_soak(tmp_path / "soak") is not None) == is_taken


def test_every_fault_of_the_simulation_has_a_row() -> None:
    names = [
        *ROAD_FAULTS,
        *REVERSAL_FAULTS,
        *CANCELLATION_FAULTS,
        "down",
        "clock jump",
        "strict P1",
        "torn P1",
    ]
    assert [name for name in names if not rows_of(f"{name} 2601" if name in REVERSAL_FAULTS else name)] == []


def test_every_row_and_every_invariant_has_its_means() -> None:
    assert list(fault_rows()) == ALL_ROWS
    assert list(invariants()) == [f"I{number}" for number in range(1, 13)]
    assert set(means()) == {*ALL_ROWS, *invariants()}


def test_every_row_stands_in_the_document_once() -> None:
    lines = document().splitlines()
    for row in ALL_ROWS:
        assert len([line for line in lines if line.startswith(f"| {row} |")]) == 1


def test_a_row_that_did_not_fire_says_not_covered_and_why() -> None:
    """Of a row with a reason the document gives it; without one the gap is named."""
    text = document(Recorded(Run("2026-11-21", 5, 60, 20, {"F01": 1234})))
    assert "2026-11-21, 5 tests, 60 seconds, of which 20 for settlements, images, kills and twins." in text
    (fired,) = (line for line in text.splitlines() if line.startswith("| F01 |"))
    (absent,) = (line for line in text.splitlines() if line.startswith("| F18 |"))
    assert "| 1,234 |" in fired
    assert f"0, **not covered**: {means()['F18'].absent}" in absent


def test_every_row_of_the_committed_run_fired_or_has_a_reason() -> None:
    assert reliability.unexplained(recorded()) == []


def test_the_record_survives_being_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "RECORD_FILE", tmp_path / "record.toml")
    monkeypatch.setattr(reliability, "RECORDS", tmp_path)
    assert recorded() == Recorded()
    (tmp_path / "test").mkdir()
    leave_session(tmp_path / "test")
    (tmp_path / "test" / "7.jsonl").write_text('{"row": "F01", "count": 3}\n', encoding="utf-8")
    reliability.take()
    assert recorded() == Recorded(Run("2026-11-21", 12, 3, 2, {"F01": 3}))
    reliability.take()
    assert msgspec.to_builtins(recorded())["test"]["rows"] == {"F01": 3}


def test_in_the_committed_runs_most_settlements_were_hit_and_nothing_broke() -> None:
    """Asserted over all chunks and seeds together: one by one they may have drawn calm weather."""
    for run in (recorded().test, recorded().soak):
        if run.figures:
            assert run.figures["simulated_hit"] * 2 > run.figures["simulated_settlements"] >= 15_000
            assert run.figures.get("simulated_breaks", 0) == 0
            assert run.figures.get("doubts_late", 0) * 100 <= run.figures.get("doubts_after_hub", 0)


def test_the_committed_tests_started_on_as_many_disk_images_as_promised() -> None:
    """Asserted over all stories together: none makes so many alone."""
    figures = recorded().test.figures
    assert not figures or figures["power_cut_images"] >= 15_000
