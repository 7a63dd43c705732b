"""The command `python -m bench`: what it prints and when it fails."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import bench.__main__ as command
from bench.excess import Excess
from bench.result import Result

KEPT = Result("kept one", 3.0, 2.0, 1.5, "just inside")
BROKEN = Result("broken one", 3.02, 2.0, 1.5, "just outside")
FREE = Result("free one", 9.0, 1.0, None)
START = Excess("start", 1500.0, 1000.0, 500.0, "ms", "just inside")
LATE = Excess("late", 1500.1, 1000.0, 500.0, "ms")

Rows = Sequence[Result | Excess]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rows], None]:
    """Let every measurement yield these rows."""

    def set_rows(rows: Rows) -> None:
        monkeypatch.setattr(command, "runner", lambda name: lambda: rows)
        monkeypatch.setattr(command, "missing", lambda name: "")

    return set_rows


def test_a_ratio_on_its_limit_is_kept_and_one_above_it_is_not() -> None:
    assert KEPT.is_within_limit
    assert not BROKEN.is_within_limit
    assert FREE.is_within_limit
    assert FREE.ratio == 9.0


def test_an_excess_on_its_limit_is_kept_and_one_above_it_is_not() -> None:
    assert START.excess == 500.0
    assert START.is_within_limit
    assert not LATE.is_within_limit


def test_a_line_holds_both_sides_the_ratio_the_limit_and_the_verdict() -> None:
    assert command.columns(KEPT) == ("kept one", "3.000 ms", "2.000 ms", "x 1.50", "x 1.50", "kept")
    assert command.columns(BROKEN)[3:] == ("x 1.51", "x 1.50", "EXCEEDED")
    assert command.columns(FREE)[3:] == ("x 9.00", "", "")
    assert command.columns(LATE) == ("late", "1500.1 ms", "1000.0 ms", "+ 500.1", "+ 500", "EXCEEDED")


def test_everything_kept_is_exit_code_zero(
    measured: Callable[[Rows], None], capsys: pytest.CaptureFixture[str]
) -> None:
    measured([KEPT, FREE, START])
    assert command.main(["--only", "sm2"]) == 0
    printed = capsys.readouterr()
    assert "processor" in printed.out
    assert "openssl" in printed.out
    assert "sqlite" in printed.out
    assert "just inside" in printed.out
    assert printed.err == ""


def test_one_broken_limit_is_exit_code_one_and_is_named(
    measured: Callable[[Rows], None], capsys: pytest.CaptureFixture[str]
) -> None:
    measured([KEPT, BROKEN, LATE])
    assert command.main(["--only", "sm2"]) == 1
    assert capsys.readouterr().err == "\nlimit exceeded: broken one, late\n"


def test_the_file_holds_machine_and_figures(measured: Callable[[Rows], None], tmp_path: Path) -> None:
    measured([BROKEN, START])
    command.main(["--only", "sm2", "--json", str(tmp_path / "figures.json")])
    written = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert set(written["machine"]) >= {"processor", "kernel", "python", "openssl", "sqlite", "libraries"}
    assert written["figures"] == [
        {
            "name": "broken one", "ours": 3.02, "floor": 2.0, "unit": "ms", "ratio": 1.51, "limit_ratio": 1.5, "within_limit": False,
            "note": "just outside",
        },
        {
            "name": "start", "ours": 1500.0, "floor": 1000.0, "unit": "ms", "excess": 500.0, "limit_excess": 500.0,
            "within_limit": True, "note": "just inside",
        },
    ]  # fmt: skip


def test_a_measurement_that_cannot_be_made_here_is_said_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "missing", lambda name: "pcscd")
    assert command.main(["--only", "card"]) == 0
    assert "card: left out, missing here: pcscd" in capsys.readouterr().out


def test_an_unknown_measurement_is_refused() -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["--only", "weather"])


@pytest.mark.parametrize("name", [name for name in command.MEASUREMENTS if name != "card"])
def test_behind_every_name_stands_a_measurement(name: str) -> None:
    assert callable(command.runner(name))
