"""`yibao sim benefit` over the worked cases."""

from pathlib import Path

import tests.vectors
from tests.yibao.cli.conftest import Call

CASES = Path(tests.vectors.__file__).parent / "benefit" / "benefit-cases.json"


def test_the_named_cases_agree_to_the_fen(call: Call, tmp_path: Path) -> None:
    found = call(tmp_path, "sim", "benefit", "check", str(CASES), "--only", "P01,P02")
    assert (found.returncode, found.stdout) == (0, "2 passed, 0 failed\n")


def test_a_case_that_is_not_there_is_a_failure(call: Call, tmp_path: Path) -> None:
    found = call(tmp_path, "sim", "benefit", "check", str(CASES), "--only", "P01,Z99")
    assert found.returncode == 1
    assert found.stdout.startswith("Z99: case:")
    assert found.stdout.endswith("\n1 passed, 1 failed\n")
    assert call(tmp_path, "sim", "benefit", "explain", str(CASES), "Z99").returncode == 1


def test_a_changed_amount_is_found(call: Call, tmp_path: Path) -> None:
    head, name, tail = CASES.read_text(encoding="utf-8").partition('"acct_pay": ')
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    (tmp_path / "cases.json").write_text(
        f"{head}{name}{int(digits) + 1}{tail[len(digits) :]}", encoding="utf-8"
    )
    found = call(tmp_path, "sim", "benefit", "check", "cases.json")
    assert found.returncode == 1
    assert ": acct_pay: " in found.stdout


def test_a_case_is_told_step_by_step(call: Call, tmp_path: Path) -> None:
    found = call(tmp_path, "sim", "benefit", "explain", str(CASES), "P01")
    assert found.returncode == 0
    assert found.stdout.startswith("P01 ")
