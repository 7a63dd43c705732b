"""`yibao reconcile` as a person and a program use it, against a real service and a simulated hub."""

import datetime as dt
from pathlib import Path

import pytest

from protocols.wire_time import WIRE_ZONE
from tests.yibao.cli.conftest import Call

pytestmark = pytest.mark.timeout(60)


def today() -> str:
    """The business date."""
    return dt.datetime.now(WIRE_ZONE).date().isoformat()


def test_a_day_is_compared_shown_and_explained(call: Call, place: Path) -> None:
    empty = call(place, "reconcile", today())
    assert empty.returncode == 0, empty.stderr
    assert f"{today()} 对账：与医保平台一致。" in empty.stdout
    assert "level with the hub" in empty.stdout
    assert "该日尚未结束或刚结束" in empty.stdout

    assert call(place, "sim", "hub", "fault", "lose-answer", "--infno", "2102").returncode == 0
    code = call(place, "sim", "phone", "code", "ji").stdout.strip()
    lost = call(place, "sale", "--item", "6901234567892", "--code", code, "--yes", "--json").json
    assert lost["state"] == "REVERSED"
    explained = call(place, "reconcile", today())
    assert explained.returncode == 0, explained.stderr
    assert "平台多 only at the hub" in explained.stdout
    assert "应答丢失或迟到" in explained.stdout
    assert lost["msgid"] in explained.stdout
    assert "\x1b" not in explained.stdout

    report = call(place, "reconcile", today(), "--json").json
    assert (report["outcome"], report["told"]["code"]) == ("explained", "reconciled_explained")
    assert [view["difference"]["cause"] for view in report["differences"]] == ["late_answer"] * 2
    difference = report["differences"][0]["difference"]["id"]
    for operators, code_ in ((("A1", "A1"), "two_operators"), (("A1", "B2"), "nothing_to_fix")):
        by = [word for one in operators for word in ("--by", one)]
        refused = call(place, "reconcile", today(), "--fix", difference, *by, "--json")
        assert (refused.returncode, refused.json["error"]["code"]) == (1, code_)


def test_a_hub_that_does_not_answer_is_exit_code_3(call: Call, place: Path) -> None:
    assert call(place, "sim", "hub", "fault", "lose-answer", "--infno", "3201").returncode == 0
    silent = call(place, "reconcile", today())
    assert silent.returncode == 3
    assert "对账未完成" in silent.stdout


@pytest.mark.parametrize("text", ["yesterday", "20261122", "2026-13-01", "2026-11-22T00:00"])
def test_what_is_no_day_is_a_wrong_command(call: Call, place: Path, text: str) -> None:
    wrong = call(place, "reconcile", text)
    assert (wrong.returncode, "is no day" in wrong.stderr) == (2, True)


def test_a_correction_takes_two_operators_on_the_command_line_too(call: Call, place: Path) -> None:
    wrong = call(place, "reconcile", today(), "--fix", "0123456789", "--by", "A1")
    assert (wrong.returncode, "takes two operators" in wrong.stderr) == (2, True)


def test_a_day_to_come_is_refused(call: Call, place: Path) -> None:
    refused = call(place, "reconcile", "2999-01-01")
    assert (refused.returncode, "still to come" in refused.stderr) == (1, True)
