"""The commands against a running counter, as a person and a script use them."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults import fired
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import COMMAND, LIMIT_S, Running, environment, run

pytestmark = pytest.mark.timeout(60)
BARCODE = "6901234567892"
"""测试降糖片, 12.50 yuan."""


def test_a_sale_is_settled_shown_printed_and_cancelled(call: Call, place: Path) -> None:
    code = call(place, "sim", "phone", "code", "测试甲").stdout.strip()
    sold = call(place, "sale", "--item", f"{BARCODE}*2", "--code", code, "--number", "A1", "--yes")
    assert sold.returncode == 0, sold.stderr
    assert "已结算" in sold.stdout
    assert "Settled. Fund and account" in sold.stdout
    assert "个人账户支付 Personal account pays" in sold.stdout
    assert "25.00" in sold.stdout
    assert "\x1b" not in sold.stdout

    sale = call(place, "status", "A1", "--json").json
    assert sale["state"] in ("DELIVERED", "CLOSED")
    assert sale["settled"]["account_fen"] == 2500
    (booked,) = call(place, "sim", "hub", "ledger", "--msgid", sale["msgid"], "--json").json
    assert booked["setl_id"] == sale["settled"]["setl_id"]
    assert sale["msgid"] in call(place, "journal", "show", "A1").stdout
    assert sale["receipt_number"] in call(place, "journal", "list").stdout

    cancelled = call(place, "cancel", sale["receipt_number"], "--reason", "退货", "--yes")
    assert cancelled.returncode == 0, cancelled.stderr
    assert "已撤销" in cancelled.stdout
    history = call(place, "journal", "show", sale["id"], "--json").json
    assert history["settlement"]["state"] == "CANCELLED"
    sent = [(one["infno"], one["verdict"]) for one in history["attempts"]]
    assert sent == [("2102", "done"), ("2103", "done")]
    again = call(place, "copy", sale["id"])
    assert (again.returncode, "Copy 1" in again.stdout) == (0, True)


def test_a_line_without_barcode_is_sold_like_any_other(call: Call, place: Path) -> None:
    code = call(place, "sim", "phone", "code", "ji").stdout.strip()
    line = "XTEST000000000000000D01,S1,测试片,3.00,2"
    sale = call(place, "sale", "--line", line, "--code", code, "--yes", "--json")
    assert sale.returncode == 0, sale.stderr
    assert sale.json["settled"]["total_fen"] == 600
    assert sale.json["sale_number"].isdigit()


def test_a_lost_answer_ends_reversed_and_is_no_success(call: Call, place: Path) -> None:
    assert call(place, "sim", "hub", "fault", "lose-answer", "--infno", "2102").returncode == 0
    code = call(place, "sim", "phone", "code", "ji").stdout.strip()
    sold = call(place, "sale", "--item", BARCODE, "--code", code, "--yes", "--json")
    assert sold.returncode == 1
    assert sold.json["state"] == "REVERSED"
    assert "Outcome unknown" in sold.stderr
    assert "Reversed." in sold.stderr
    assert call(place, "doubts", "--json").json == []
    assert call(place, "sim", "hub", "faults", "--json").json["fired"][-1]["kind"] == "lose-answer"


def test_what_is_open_for_longer_than_one_wants_to_wait_is_exit_code_3(call: Call, place: Path) -> None:
    assert call(place, "sim", "hub", "fault", "lose-answer", "--infno", "2102").returncode == 0
    assert call(place, "sim", "hub", "fault", "delay", "1", "--infno", "2601").returncode == 0
    code = call(place, "sim", "phone", "code", "yi").stdout.strip()
    sold = call(place, "sale", "--item", BARCODE, "--code", code, "--yes", "--wait", "0", "--number", "W1")
    assert sold.returncode == 3
    assert "yibao status W1" in sold.stdout
    assert "T01-" in call(place, "doubts").stdout
    while call(place, "status", "W1", "--json").json["in_doubt"]:
        pass
    assert call(place, "status", "W1", "--json").json["state"] == "REVERSED"


def test_without_input_and_without_a_yes_nothing_is_settled(call: Call, place: Path) -> None:
    code = call(place, "sim", "phone", "code", "jia").stdout.strip()
    found = call(place, "sale", "--item", BARCODE, "--code", code, "--number", "N1")
    assert found.returncode == 1
    assert "is given up" in found.stdout
    assert call(place, "status", "N1", "--json").json["msgid"] == ""
    refused = call(place, "cancel", "N1", "--reason", "x", "--yes")
    assert refused.returncode == 1
    assert "There is no settlement to cancel" in refused.stderr


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("134567890123456789", "payment code"),
        ("12345", "not a medical-insurance code"),
        ("42400000000000000017079900", ""),
    ],
)
def test_a_wrong_code_books_nothing_and_says_what_it_is(
    call: Call, place: Path, code: str, word: str
) -> None:
    sold = call(place, "sale", "--item", BARCODE, "--code", code, "--yes", "--json")
    assert sold.returncode == 1
    assert sold.json["state"] == "ABANDONED"
    assert word in sold.stderr


def test_the_service_and_its_devices_are_shown(call: Call, place: Path) -> None:
    status = call(place, "status", "--json").json
    assert (status["phase"], status["sign_in"], status["till"]) == ("ready", "signed_in", "T01")
    shown = call(place, "status").stdout
    assert "测试大药房一号店" in shown
    assert "无等级 none" in shown
    names = {device["name"] for device in call(place, "devices", "--json").json}
    assert {"scanner", "printer"} <= names
    assert "scanner" in call(place, "devices").stdout


def test_the_printer_can_be_looked_at_and_handled(call: Call, place: Path, tmp_path: Path) -> None:
    assert call(place, "sim", "printer", "paper-out", "--json").json["paper_out"] is True
    assert "是 yes" in call(place, "sim", "printer", "status").stdout
    assert call(place, "sim", "printer", "load", "--json").json["paper_out"] is False
    wrong = call(place, "sim", "printer", "paper", "--number", "999")
    assert wrong.returncode == 1
    assert "there is no paper 999" in wrong.stderr


def test_a_person_or_a_fault_that_is_not_there_is_told(call: Call, place: Path) -> None:
    nobody = call(place, "sim", "phone", "code", "nobody")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "nobody is called nobody" in nobody.stderr
    fault = call(place, "sim", "hub", "fault", "earthquake")
    assert fault.returncode == 1
    assert "lose-answer" in fault.stderr
    assert call(place, "sim", "hub", "clear").returncode == 0


def test_a_sale_that_is_not_there_is_told_on_both_channels(call: Call, place: Path) -> None:
    found = call(place, "status", "999", "--json")
    assert found.returncode == 1
    assert found.json["error"]["code"] == "no_such_sale"
    assert "没有销售单 999" in found.stderr
    for command in (["status", ""], ["cancel", "", "--reason", "x", "--yes"], ["copy", " "]):
        unnamed = call(place, *command)
        assert (unnamed.returncode, "未指明销售单" in unnamed.stderr) == (1, True), command


def test_the_journal_is_whole_with_and_without_its_key(call: Call, place: Path) -> None:
    good = call(place, "journal", "verify", "--json").json
    assert (good["ok"], good["report"]["key_used"], good["report"]["findings"]) == (True, True, [])
    anchor = f"{good['report']['audit_records']}:{good['report']['head']}"
    assert call(place, "journal", "verify", "--no-key", "--anchor", anchor).returncode == 0
    on_paper = f"{good['report']['audit_records']}:{good['report']['head'][:16]}"
    assert call(place, "journal", "verify", "--no-key", "--anchor", on_paper).returncode == 0
    too_long = "99999999999999999999:" + "0" * 16
    assert call(place, "journal", "verify", "--no-key", "--anchor", too_long).returncode == 2
    wrong = f"{good['report']['audit_records']}:{'00' * 32}"
    bad = call(place, "journal", "verify", "--no-key", "--anchor", wrong)
    assert bad.returncode == 1
    assert bad.stdout.startswith("chain: ")
    assert call(place, "journal", "verify", "--anchor", "x").returncode == 2


def test_the_journal_is_copied_while_it_is_in_use(call: Call, place: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    made = call(place, "journal", "backup", str(target), "--json").json
    assert (made["ok"], made["path"], made["report"]["key_used"]) == (True, str(target), True)
    assert target.stat().st_mode & 0o777 == 0o600
    again = call(place, "journal", "backup", str(target), "--no-key")
    assert again.returncode == 1
    assert "已存在" in again.stderr
    told = call(place, "journal", "backup", str(tmp_path / "second.db"), "--no-key")
    assert told.returncode == 0
    assert "已备份到" in told.stdout + told.stderr


def test_nothing_new_is_past_its_term(call: Call, place: Path) -> None:
    assert call(place, "journal", "expire", "--json").json == {"deleted": [], "held": [], "purged": True}
    told = call(place, "journal", "expire")
    assert told.returncode == 0
    assert "没有超过保存期的内容" in told.stdout + told.stderr


def test_goods_and_code_from_the_scanner_and_yes_from_the_keyboard(call: Call, place: Path) -> None:
    code = call(place, "sim", "phone", "code", "bing").stdout.strip()
    with Running(["sale", "--number", "S1"], place) as sale:
        sale.wait_for("Scan goods")
        assert call(place, "sim", "scan", "6901234500011", "--symbology", "ean13").returncode == 0
        sale.wait_for("测试降压片")
        assert call(place, "sim", "scan", "6901234500012", "--symbology", "ean13").returncode == 0
        sale.wait_for("wrong check digit")
        assert call(place, "sim", "scan", code, "--symbology", "qr").returncode == 0
        sale.wait_for("Settle? [y/N]")
        sale.type("y")
        sale.wait_for("Settled.")
        assert sale.end() == 0


def test_goods_and_code_from_the_keyboard_and_a_word_for_each_mistake(call: Call, place: Path) -> None:
    code = call(place, "sim", "phone", "code", "jia").stdout.strip()
    with Running(["sale", "--number", "K1"], place) as sale:
        sale.wait_for("Scan goods")
        sale.type("6901234567893")
        sale.wait_for("no such barcode")
        sale.type("134567890123456789")
        sale.wait_for("payment code")
        sale.type(f"{BARCODE}*3")
        sale.wait_for("37.50")
        sale.type(code)
        sale.wait_for("Settle? [y/N]")
        sale.type("n")
        sale.wait_for("is given up")
        assert sale.end() == 1
    assert call(place, "status", "K1", "--json").json["state"] == "ABANDONED"


def test_ctrl_c_in_the_middle_of_a_sale_gives_it_up_in_one_line(call: Call, place: Path) -> None:
    with Running(["sale", "--number", "C1", "--item", BARCODE], place, errors_too=True) as sale:
        sale.wait_for("Scan the customer's code, or")
        before = len(sale.seen)
        assert sale.send(signal.SIGINT) == 130
    last = sale.seen[before:].strip().splitlines()
    assert [line for line in last if "Interrupted" in line] == [
        "Interrupted: sale C1 is given up, nothing was booked."
    ]
    assert "Traceback" not in sale.seen
    assert call(place, "status", "C1", "--json").json["state"] == "ABANDONED"


@pytest.mark.parametrize(
    ("command", "told"),
    [(["cancel"], "Nothing was cancelled."), (["refund", "--all"], "Nothing was taken back or cancelled.")],
)
def test_ctrl_c_at_a_question_says_that_nothing_was_done(
    command: list[str], told: str, call: Call, place: Path
) -> None:
    code = call(place, "sim", "phone", "code", "yunzhi").stdout.strip()
    number = f"Q{command[0]}"
    assert call(place, "sale", "--item", BARCODE, "--code", code, "--number", number, "--yes").returncode == 0
    with Running([*command, number, "--reason", "x"], place, errors_too=True) as asked:
        asked.wait_for("[y/N]")
        assert asked.send(signal.SIGINT) == 130
    assert told in asked.seen
    assert call(place, "status", number, "--json").json["state"] in ("DELIVERED", "CLOSED")


def test_events_are_told_as_they_happen_until_ctrl_c(call: Call, place: Path) -> None:
    with Running(["events", "--json"], place) as events:
        assert call(place, "sale", "--item", BARCODE, "--code", "1", "--number", "E1").returncode == 1
        sale_id = call(place, "status", "E1", "--json").json["id"]
        events.wait_for(f'"settlement_id": "{sale_id}", "state": "ABANDONED"')
        lines = [json.loads(line) for line in events.seen.splitlines()]
        assert {"number", "settlement_id", "state", "notice"} == set(lines[0])
        assert events.send(signal.SIGINT) == 130


def test_a_second_service_and_a_second_simulation_are_refused(place: Path) -> None:
    second = run("run", cwd=place)
    assert second.returncode == 1
    assert "Another service already runs this counter" in second.stderr
    fired("F32")
    again = run("sim", "up", cwd=place)
    assert again.returncode == 1
    assert "is up already" in again.stderr


def test_an_output_that_is_ascii_only_gets_english_and_escapes(place: Path) -> None:
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LANG": "C", "LC_ALL": "C"}
    status = run("status", cwd=place, env=plain)
    assert status.returncode == 0, status.stderr
    assert "Institution" in status.stdout
    assert status.stdout.isascii()
    assert "\\u6d4b" in status.stdout
    listed = run("sim", "people", "--json", cwd=place, env=plain)
    assert listed.stdout.isascii()
    assert json.loads(listed.stdout)[0]["name"] == "测试甲"


def test_a_closed_output_and_a_reader_that_leaves_are_no_errors(place: Path) -> None:
    line = " ".join(COMMAND)
    closed = subprocess.run(
        ["/bin/sh", "-c", f"{line} status >&-"], cwd=place, env=environment(), capture_output=True, timeout=LIMIT_S, check=False
    )  # fmt: skip
    assert (closed.returncode, closed.stderr) == (0, b"")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        left = subprocess.run(
            [*COMMAND, "status"], cwd=place, env=environment(), stdout=writing, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (left.returncode, left.stderr) == (141, b"")


def _selling(place: Path, code: str, number: str, to: str) -> "subprocess.CompletedProcess[bytes]":
    line = f"{' '.join(COMMAND)} sale --item {BARCODE} --code {code} --number {number} --yes {to}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=place,
        env=environment(),
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_sale_whose_output_cannot_be_written_is_given_up_and_says_so(call: Call, place: Path) -> None:
    """Nobody could have seen who pays what."""
    code = call(place, "sim", "phone", "code", "ding").stdout.strip()
    full = _selling(place, code, "F1", "> /dev/full")
    told = full.stderr.decode()
    assert (full.returncode, "sale F1 is given up, nothing was booked" in told) == (74, True), told
    assert "Unexpected" not in told
    assert call(place, "status", "F1", "--json").json["state"] == "ABANDONED"
    left = _selling(place, code, "F2", "| true")
    assert "sale F2 is given up, nothing was booked" in left.stderr.decode()
    assert call(place, "status", "F2", "--json").json["state"] == "ABANDONED"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_settled_sale_whose_json_cannot_be_written_is_to_be_asked_for(call: Call, place: Path) -> None:
    """Exit code 1 would say that it is not settled."""
    code = call(place, "sim", "phone", "code", "ding").stdout.strip()
    full = _selling(place, code, "F3", "--json > /dev/full")
    told = full.stderr.decode()
    assert (full.returncode, "yibao status F3" in told) == (74, True), told
    assert "Settled." in told
    assert call(place, "status", "F3", "--json").json["state"] in ("DELIVERED", "CLOSED")
    for command in (["status"], ["status", "--json"], ["--version"], ["--help"]):
        shown = subprocess.run(
            ["/bin/sh", "-c", f"{' '.join([*COMMAND, *command])} > /dev/full"],
            cwd=place, env=environment(), capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        told = shown.stderr.decode()
        assert (shown.returncode, "could not be written" in told) == (74, True), (command, told)
        assert ("Traceback" in told, "Exception ignored" in told) == (False, False), told


def test_a_picture_that_cannot_be_written_is_told_by_its_name(call: Call, place: Path) -> None:
    for command in (["sim", "phone", "code", "jia"], ["sim", "printer", "paper"]):
        full = call(place, *command, "--png", "/dev/full")
        assert (full.returncode, "/dev/full" in full.stderr) == (1, True), full.stderr
        assert "Unexpected" not in full.stderr
