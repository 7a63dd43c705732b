"""Errors become words in one place: known ones say what to do, unexpected ones say where the details are."""

import errno
import re
from pathlib import Path

import pytest

from simulators.world import load_world
from terminal.app import load_public_key
from terminal.config import ConfigError
from tests.yibao.cli.conftest import Call
from yibao.cli import service
from yibao.cli.usage import told_usage
from yibao.simulated.endpoints import Endpoints
from yibao.simulated.folder import SimFolder
from yibao.simulated.template import counter_toml, counter_values

WORLD = load_world()


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A folder with a configuration whose far ends are not there."""
    place = WORLD.institutions["P99990000001"]
    nowhere = {"hub.url": "http://127.0.0.1:1", "centre.url": "http://127.0.0.1:1"}
    text = counter_toml(counter_values(place, "", nowhere))
    (tmp_path / "counter.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("frobnicate",), "frobnicate"),
        (("sale", "--quantity", "3"), "--quantity"),
        (("cancel", "1"), "--reason"),
        (("status", "1", "2"), "2"),
        (("sale", "--wait", "soon"), "--wait"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_exit_code_2_with_a_way_to_the_help(
    call: Call, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    found = call(tmp_path, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert "用法有误" in found.stderr
    assert word in found.stderr
    assert re.search(r"Help: yibao.* --help", found.stderr)


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        (("cancel", "1"), "缺少选项 '--reason'", "Missing option '--reason'"),
        (("cancel",), "缺少参数 'SALE'", "Missing argument 'SALE'"),
        (("status", "--foo"), "没有选项 --foo", "No such option: --foo"),
        (("status", "--jsn"), "没有选项 --jsn；是否指 --json", "No such option: --jsn; did you mean --json"),
        (("frobnicate",), "没有命令 'frobnicate'", "No such command 'frobnicate'"),
        (
            ("statsu",),
            "没有命令 'statsu'；是否指 'status'",
            "No such command 'statsu'; did you mean 'status'",
        ),
        (("status", "1", "2"), "多余的参数：2", "Got unexpected extra argument(s): 2"),
        (("sale", "--number"), "选项 '--number' 需要一个值", "Option '--number' requires an argument"),
        (("status", "--json=1"), "选项 '--json' 不带值", "Option '--json' does not take a value"),
        (
            ("sale", "--wait", "soon"),
            "'--wait' 的值无效：不是数字",
            "Invalid value for '--wait': it is no number",
        ),
        (
            ("sale", "--wait", "-1"),
            "'--wait' 的值无效：不得小于 0",
            "Invalid value for '--wait': not below 0",
        ),
    ],
)
def test_what_is_wrong_with_a_command_line_is_told_in_both_languages(
    call: Call, tmp_path: Path, arguments: tuple[str, ...], zh: str, en: str
) -> None:
    chinese, english = call(tmp_path, *arguments).stderr.splitlines()
    assert chinese.startswith(f"用法有误：{zh}。帮助：yibao")
    assert english.startswith(f"{en}. Help: yibao")


def test_a_message_that_nobody_has_translated_is_shown_as_it_is() -> None:
    assert told_usage("Something new.") == ("Something new", "Something new")
    assert told_usage("Invalid value for 'X': is odd") == (
        "'X' 的值无效：is odd",
        "Invalid value for 'X': is odd",
    )


@pytest.mark.parametrize(
    ("option", "text"),
    [("--item", "abc"), ("--item", "69012*"), ("--line", "a,b"), ("--line", "a,b,,1.00,1")],
)
def test_an_article_that_cannot_be_read_is_exit_code_2(
    call: Call, configured: Path, option: str, text: str
) -> None:
    found = call(configured, "sale", option, text)
    assert found.returncode == 2
    assert text in found.stderr


@pytest.mark.parametrize("drug", ["XTEST*abc", "XTEST*0", "XTEST*1.5", "XTEST*", "*2"])
def test_a_drug_that_cannot_be_prescribed_is_exit_code_2(call: Call, tmp_path: Path, drug: str) -> None:
    found = call(tmp_path, "sim", "prescription", "issue", "jia", drug)
    assert found.returncode == 2
    assert drug in found.stderr
    assert "CODE*PACKS" in found.stderr


def test_a_card_image_that_is_no_text_is_said_by_its_name(call: Call, tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe")
    found = call(tmp_path, "sim", "card", "insert", "card.toml")
    assert found.returncode == 2
    assert "card.toml: not UTF-8 text" in found.stderr


def test_without_a_configuration_the_ways_to_one_are_named(call: Call, tmp_path: Path) -> None:
    found = call(tmp_path, "status")
    assert found.returncode == 1
    assert found.stderr.splitlines()[0].startswith("此处没有 counter.toml")
    assert "yibao sim up" in found.stderr.splitlines()[1]


@pytest.mark.parametrize("command", ["run", "status", "doubts"])
def test_an_unknown_key_of_the_configuration_is_named(call: Call, configured: Path, command: str) -> None:
    file = configured / "counter.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("slot = 1", "slott = 1"), encoding="utf-8")
    found = call(configured, command)
    assert found.returncode == 1
    assert "[terminal] unknown key slott" in found.stderr
    assert "配置无法使用" in found.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("goods",),
        ("hub", "standing"),
        ("hub", "institution"),
        ("stock", "codes", "sold"),
        ("reconcile", "2026-11-21"),
        ("sale", "--item", "6901234567892"),
    ],
)
def test_a_service_that_does_not_run_is_named_with_the_command_that_starts_it(
    call: Call, configured: Path, command: tuple[str, ...]
) -> None:
    found = call(configured, *command, "--json")
    assert found.returncode == 1
    assert str(configured / "state" / "api.sock") in found.stderr
    assert "yibao run" in found.stderr
    assert found.json["error"]["code"] == "service_not_running"


def test_a_key_that_is_not_there_is_named_once_and_without_the_machines_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_public_key(tmp_path / "hub.pem")
    assert str(wrong.value) == f"hub.public_key: {tmp_path / 'hub.pem'}: No such file or directory"


def test_a_service_of_another_counter_is_started_with_that_counters_file(
    call: Call, configured: Path
) -> None:
    """`yibao run` alone would start the counter that stands here, or say that it runs already."""
    file = configured / "counter.toml"
    found = call(configured, "status", "--counter", str(file), "--json")
    assert f"yibao run --counter {file}" in found.stderr
    assert found.json["error"]["code"] == "service_not_running"


@pytest.mark.parametrize("command", [("sim", "people"), ("sim", "hub", "faults"), ("sim", "scan", "1")])
def test_a_simulation_that_is_not_up_is_named_with_the_command_that_starts_it(
    call: Call, tmp_path: Path, command: tuple[str, ...]
) -> None:
    found = call(tmp_path, *command)
    assert found.returncode == 1
    assert "yibao sim up" in found.stderr


def test_a_simulation_that_was_killed_is_not_reached(call: Call, tmp_path: Path) -> None:
    folder = SimFolder(tmp_path / "sim")
    folder.path.mkdir()
    nowhere = "http://127.0.0.1:1"
    folder.publish(Endpoints(nowhere, "/", nowhere, "/", nowhere, nowhere, "national", "", "", "", "", 0))
    found = call(tmp_path, "sim", "people")
    assert found.returncode == 1
    assert nowhere in found.stderr


def test_keys_are_made_once_and_shown_and_only_a_private_file_gives_the_password(
    call: Call, configured: Path
) -> None:
    missing = call(configured, "keys", "create")
    assert missing.returncode == 1
    assert "key-password" in missing.stderr
    password = configured / "key-password"
    password.write_text("correct horse\n")
    password.chmod(0o644)
    open_to_all = call(configured, "keys", "create")
    assert open_to_all.returncode == 1
    assert "chmod 600" in open_to_all.stderr
    password.chmod(0o600)
    made = call(configured, "keys", "create", "--json")
    assert made.returncode == 0, made.stderr
    assert call(configured, "keys", "show", "--json").json["key_id"] == made.json["key_id"]
    assert "BEGIN PUBLIC KEY" in call(configured, "keys", "show").stdout
    again = call(configured, "keys", "create")
    assert again.returncode == 1
    assert "never overwritten" in again.stderr


def test_a_password_in_the_environment_is_not_read(
    call: Call, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YIBAO_KEY_PASSWORD", "x")
    found = call(configured, "keys", "create")
    assert found.returncode == 1


def test_a_journal_that_is_not_there_is_told(call: Call, configured: Path) -> None:
    found = call(configured, "journal", "verify")
    assert found.returncode == 1
    assert "journal.db" in found.stderr


@pytest.mark.parametrize("arguments", [("check", "none.json"), ("explain", "none.json", "P01")])
def test_a_case_file_that_is_not_there_is_told(
    call: Call, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    found = call(tmp_path, "sim", "benefit", *arguments)
    assert found.returncode == 2
    assert "none.json" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("filing", "file", "chronic", "1", "none.csv"),
        ("mapping", "upload", "none.csv"),
        ("stock", "upload", "sale", "none.csv"),
        ("rehearse", "none.json", "--set", "JH"),
        ("rehearse", "none.json", "--policy", "none.toml"),
        ("sim", "hub", "report", "areas", "--parameters", "none.toml"),
        ("sim", "hub", "feed", "none.toml"),
        ("sim", "hub", "script", "none.toml"),
        ("sim", "card", "insert", "none.toml"),
        ("sim", "chaos", "127.0.0.1:0", "127.0.0.1:1", "--script", "none.txt"),
    ],
)
def test_a_file_that_is_not_there_is_exit_code_2_whatever_reads_it(
    call: Call, configured: Path, arguments: tuple[str, ...]
) -> None:
    found = call(configured, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert "none." in found.stderr
    assert "No such file or directory" in found.stderr


def test_a_case_file_that_is_none_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text("[1, 2]")
    found = call(tmp_path, "sim", "benefit", "check", "cases.json")
    assert found.returncode == 1
    assert "cases.json" in found.stderr


def test_an_unexpected_error_is_one_line_and_its_details_are_kept_in_a_private_file(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Path:
        raise ZeroDivisionError("secret 999999199001010016")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(service, "find_counter", broken)
    found = call(tmp_path, "run")
    assert found.returncode == 70
    (line,) = found.stderr.splitlines()
    assert "ZeroDivisionError" in line
    assert "secret" not in line
    log = tmp_path / "state" / "yibao" / "errors.log"
    assert str(log) in line
    assert log.stat().st_mode & 0o777 == 0o600
    kept = log.read_text(encoding="utf-8")
    assert "test_errors.py" in kept
    assert "999999199001010016" not in kept
    with pytest.raises(ZeroDivisionError):
        call(tmp_path, "--debug", "run")


def test_with_debug_an_error_of_a_line_is_not_told_as_output_that_was_lost(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Path:
        raise OSError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(service, "find_counter", broken)
    with pytest.raises(ConnectionResetError):
        call(tmp_path, "--debug", "run")
