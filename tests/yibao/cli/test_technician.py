"""doctor, hub ping, card read and apdu, as a technician types them."""

import json
from pathlib import Path

import pytest

from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import run
from yibao.doctor.report import NAMES

pytestmark = pytest.mark.timeout(60)
ALONE = {"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"}
"""The doctor looks at the machine's card service when none is configured; a test leaves that one alone."""


def test_the_doctor_asks_the_running_service_and_finds_no_fault(place: Path) -> None:
    ended = run("doctor", "--json", cwd=place, env=ALONE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads(ended.stdout)
    assert (report["service"], report["ok"]) == ("ready", True)
    assert [part["name"] for part in report["parts"]] == list(NAMES)
    found = {part["name"]: part for part in report["parts"]}
    assert {name: found[name]["code"] for name in ("service", "keys", "journal", "scanner", "printer", "hub")} == {
        "service": "service_ready", "keys": "keys_unlocked", "journal": "journal_good", "scanner": "scanner_good",
        "printer": "printer_good", "hub": "hub_good",
    }  # fmt: skip
    assert found["hub"]["facts"]["verify_ms"] > 0
    assert abs(found["clock"]["facts"]["offset_ms"]) < 1000


def test_the_doctor_speaks_chinese_first_and_says_what_to_do(place: Path) -> None:
    ended = run("sim", "printer", "paper-out", cwd=place)
    assert ended.returncode == 0, ended.stderr
    try:
        told = run("doctor", cwd=place, env=ALONE).stdout.splitlines()
    finally:
        run("sim", "printer", "load", cwd=place)
    start = told.index("[注意 warning] 打印机 printer")
    assert told[start + 1].startswith("    打印机不能打印：")
    assert told[start + 2].startswith("    The printer cannot print: it is out of paper.")
    assert told[start + 3].startswith("  > 请装纸")
    assert told[-2].startswith("没有故障。")


def test_the_hub_is_pinged_through_the_service(call: Call, place: Path) -> None:
    while call(place, "status", "--json").json["phase"] != "ready":
        pass  # it answers before it is ready; the test has a time limit
    told = call(place, "hub", "ping")
    assert told.returncode == 0, told.stderr
    assert "签到 Sign-in" in told.stdout
    assert "verified in" in told.stdout
    pinged = call(place, "hub", "ping", "--json").json
    assert (pinged["service"], pinged["ok"]) == (True, True)
    assert pinged["ping"]["hub"]["verified"]
    assert pinged["ping"]["line"]["connect_ms"] > 0


def test_the_hubs_registers_are_read_through_the_service(call: Call, place: Path) -> None:
    told = call(place, "hub", "institution")
    assert told.returncode == 0, told.stderr
    assert "编号 Code" in told.stdout
    assert "测试大药房一号店" in told.stdout
    assert [
        row["value"] for row in call(place, "hub", "dictionary", "chrgitm_lv", "--json").json["rows"]
    ] == [
        "01",
        "02",
        "03",
    ]
    page = call(place, "hub", "catalogue", "own", "--rows", "2", "--name", "测试")
    assert page.returncode == 0, page.stderr
    assert "SKU0001" in page.stdout
    assert "More with --page." in page.stdout.splitlines()[-1]
    file = call(place, "hub", "download", "1309", "--json")
    assert file.returncode == 0, file.stderr
    assert (file.json["path"], file.json["newest_version"]) == ("1309-v0000.zip", "v0001")
    again = call(place, "hub", "download", "1309", "--json")
    assert (again.returncode, again.json["error"]["code"]) == (1, "file_exists")
    unknown = call(place, "hub", "record", "totals", "S0123456789abcdef01234567", "--json")
    assert (unknown.returncode, unknown.json["error"]["code"]) == (1, "unknown_settlement")
    none = call(place, "hub", "institution", "--name", "没有")
    assert (none.returncode, none.stdout.splitlines()[-2:]) == (
        0,
        ["医保平台没有符合条件的记录。", "The hub knows none."],
    )
    refused = call(place, "hub", "dictionary", "gend", "--date", "never", "--json")
    assert (refused.returncode, refused.json["error"]["code"]) == (1, "bad_request")


def test_without_a_service_a_ping_proves_less_and_says_so(call: Call, place: Path, tmp_path: Path) -> None:
    text = (place / "sim" / "counter.toml").read_text(encoding="utf-8")
    elsewhere = tmp_path / "counter.toml"
    elsewhere.write_text(text, encoding="utf-8")
    told = call(tmp_path, "hub", "ping", "--json")
    assert told.returncode == 0, told.stderr
    assert (told.json["service"], told.json["part"]["code"]) == (False, "hub_unsigned")
    hub = next(line for line in text.splitlines() if line.startswith('url = "http://127.0.0.1:'))
    elsewhere.write_text(text.replace(hub, 'url = "http://127.0.0.1:9"', 1), encoding="utf-8")
    gone = call(tmp_path, "hub", "ping")
    assert gone.returncode == 1
    assert "医保平台未连通" in gone.stdout


def test_the_doctor_without_anything_running_tells_every_fault_and_exits_with_1(
    place: Path, tmp_path: Path
) -> None:
    text = (place / "sim" / "counter.toml").read_text(encoding="utf-8")
    (tmp_path / "counter.toml").write_text(text, encoding="utf-8")
    ended = run("doctor", "--json", cwd=tmp_path, env=ALONE)
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    codes = {part["name"]: part["code"] for part in report["parts"]}
    assert (codes["service"], codes["config"], codes["keys"]) == (
        "service_not_running",
        "config_wrong",
        "keys_unusable",
    )
    assert codes["pcscd"] in ("pcscd_unneeded", "pcscd_good")


def test_where_no_reader_is_configured_card_commands_say_so(call: Call, place: Path) -> None:
    for arguments in (("card", "read"), ("card", "read", "--full"), ("apdu", "00A4040000")):
        ended = call(place, *arguments, "--json")
        assert (ended.returncode, ended.json["error"]["code"]) == (1, "card_no_reader_configured")
    refused = call(place, "apdu", "0020000003123456")
    assert (refused.returncode, "123456" in refused.stdout + refused.stderr) == (1, False)
    assert "锁卡" in refused.stderr


def test_card_commands_need_the_service(call: Call, place: Path, tmp_path: Path) -> None:
    text = (place / "sim" / "counter.toml").read_text(encoding="utf-8")
    (tmp_path / "counter.toml").write_text(text, encoding="utf-8")
    assert call(tmp_path, "card", "read", "--json").json["error"]["code"] == "service_not_running"


def test_a_whole_catalogue_is_fetched_and_goes_on_where_the_line_was_cut(call: Call, place: Path) -> None:
    (place / "cut.toml").write_text('[[step]]\nfault = "lose-answer"\ninfno = "1312"\nnth = 2\n', "utf-8")
    assert call(place, "sim", "hub", "script", "cut.toml").returncode == 0
    fetch = ("hub", "fetch", "items", "--rows", "5", "--out", "items.jsonl")
    cut = call(place, *fetch)
    assert cut.returncode == 1
    assert "The 5 rows that are here are kept; the same command goes on behind them." in cut.stderr
    assert not (place / "items.jsonl").exists()
    told = call(place, *fetch, "--json")
    assert told.returncode == 0, told.stderr
    assert "5 rows are here from before" in told.stderr
    lines = (place / "items.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["rows"] == told.json["rows"] == len(lines) - 1
    codes = [json.loads(line)["hilist_code"] for line in lines[1:]]
    assert len(set(codes)) == len(codes) > 10
    again = call(place, *fetch, "--json")
    assert (again.returncode, again.json["error"]["code"]) == (1, "file_exists")
