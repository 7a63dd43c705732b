"""The parts that need no device and no line, in every condition they can be in."""

import datetime as dt
import os
from pathlib import Path

import msgspec
import pytest

from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PrivateKey
from protocols.wire_time import WIRE_ZONE
from terminal.config import BrokerConfig, CounterFiles, HubConfig, KeysConfig, StateConfig
from tests.drivers.mqtt.authority import Authority
from tests.terminal.harness import counter_config
from yibao.doctor import machine
from yibao.doctor.report import Part, State

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)


def said(found: Part) -> tuple[str, str]:
    """State and code."""
    return found.state.value, found.code


@pytest.fixture
def files(tmp_path: Path) -> CounterFiles:
    """The files of a counter that could start: keys, password, the hub's public key."""
    (tmp_path / "password").write_bytes(b"a password\n")
    (tmp_path / "password").chmod(0o600)
    SoftwareKeyStore(tmp_path / "keys", iterations=10).create(b"a password")
    (tmp_path / "hub.pem").write_bytes(PrivateKey.generate(os.urandom).public_key.to_pem())
    config = msgspec.structs.replace(
        counter_config(),
        hub=HubConfig("http://127.0.0.1:1", "hub.pem"),
        keys=KeysConfig(password_file="password"),
        state=StateConfig("state"),
    )
    return CounterFiles(config, tmp_path)


def with_keys(files: CounterFiles, keys: KeysConfig) -> CounterFiles:
    """The same counter with other settings of its keys."""
    return msgspec.structs.replace(files, config=msgspec.structs.replace(files.config, keys=keys))


def test_a_sound_configuration_is_told_with_its_till(files: CounterFiles) -> None:
    found = machine.look_at_config(files)
    assert said(found) == ("ok", "config_good")
    assert found.facts == {"institution": "P99990000001", "till": "T01", "profile": "national"}


def test_a_configuration_that_run_would_refuse_is_a_fault_with_the_reason(files: CounterFiles) -> None:
    (files.folder / "hub.pem").write_text("no key")
    found = machine.look_at_config(files)
    assert said(found) == ("fault", "config_wrong")
    assert "hub.public_key" in found.reason.en


def test_the_program_tells_its_versions(files: CounterFiles) -> None:
    found = machine.look_at_program()
    assert said(found) == ("ok", "program_good")
    assert set(found.facts) == {"version", "python", "sqlite", "openssl"}


def test_keys_are_opened_and_told_by_their_number(files: CounterFiles) -> None:
    found = machine.look_at_keys(files)
    assert said(found) == ("ok", "keys_good")
    assert len(str(found.facts["key_id"])) == 16


def test_keys_that_do_not_open_say_why_in_both_languages(files: CounterFiles) -> None:
    (files.folder / "password").write_bytes(b"another one\n")
    found = machine.look_at_keys(files)
    assert (*said(found), found.facts) == ("fault", "keys_unusable", {"kind": "wrong_password"})
    assert "another one" not in str(found)
    (files.folder / "password").chmod(0o644)
    assert machine.look_at_keys(files).facts == {"kind": "bad_permissions"}
    (files.folder / "password").unlink()
    found = machine.look_at_keys(files)
    assert found.facts == {"kind": "no_password_file"}
    assert found.reason.zh.startswith("无法读取密码文件")


def test_keys_whose_password_only_the_service_sees_are_unknown(
    files: CounterFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert said(machine.look_at_keys(with_keys(files, KeysConfig()))) == (
        "unknown",
        "keys_password_elsewhere",
    )
    assert said(machine.look_at_keys(with_keys(files, KeysConfig(credential="")))) == (
        "fault",
        "keys_no_password",
    )
    empty = with_keys(files, KeysConfig(dir="none"))
    assert machine.look_at_keys(empty).facts == {"kind": "no_keys"}


@pytest.mark.parametrize(
    ("offset_s", "expected"),
    [(0.2, ("ok", "clock_good")), (-29.0, ("ok", "clock_good")), (31.0, ("warning", "clock_off")),
     (-601.0, ("fault", "clock_wrong")), (None, ("unknown", "clock_alone"))],
)  # fmt: skip
def test_the_clock_is_compared_with_the_hubs(offset_s: float | None, expected: tuple[str, str]) -> None:
    assert said(machine.judge_clock(NOW, offset_s, "refmsg_time", NOW)) == expected


def test_a_clock_that_was_set_back_is_found_without_any_hub() -> None:
    found = machine.judge_clock(NOW, None, "", NOW + dt.timedelta(hours=3, minutes=1))
    assert said(found) == ("fault", "clock_behind")
    assert "3 h" in found.reason.en
    assert said(machine.judge_clock(NOW, 0.0, "date", NOW + dt.timedelta(seconds=30))) == ("ok", "clock_good")


class Disk:
    """What statvfs says."""

    def __init__(self, free_bytes: int, *, read_only: bool = False) -> None:
        self.f_bavail, self.f_frsize = free_bytes // 1000, 1000
        self.f_flag = os.ST_RDONLY if read_only else 0


@pytest.mark.parametrize(
    ("disk", "expected"),
    [(Disk(5_000_000_000), ("ok", "disk_good")), (Disk(999_000_000), ("warning", "disk_low")),
     (Disk(99_000_000), ("fault", "disk_full")), (Disk(5_000_000_000, read_only=True), ("fault", "disk_read_only"))],
)  # fmt: skip
def test_the_disk_is_judged_by_what_is_free(
    disk: Disk, expected: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    found = machine.look_at_disk(tmp_path / "not" / "yet" / "there")
    assert said(found) == expected
    assert found.facts["folder"] == str(tmp_path), "before the first start the folder above is looked at"


def test_a_folder_that_is_not_ours_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert said(machine.look_at_disk(tmp_path)) == ("fault", "disk_forbidden")

    def broken(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "statvfs", broken)
    found = machine.look_at_disk(tmp_path)
    assert said(found) == ("fault", "disk_gone")
    assert "Input/output error" in found.reason.en


@pytest.mark.parametrize(
    ("days", "expected"),
    [(40, ("ok", "certificates_good")), (9, ("warning", "certificates_soon")), (-3, ("fault", "certificates_over"))],
)  # fmt: skip
def test_certificates_are_judged_by_the_first_that_ends(
    days: int, expected: tuple[str, str], files: CounterFiles
) -> None:
    issued = Authority(files.folder).issue("P99990000001-01", "terminal.pem", days)
    config = msgspec.structs.replace(files.config, broker=BrokerConfig(certificate=issued.name))
    now = dt.datetime.now(dt.UTC)
    found = machine.look_at_certificates(msgspec.structs.replace(files, config=config), now)
    assert said(found) == expected
    assert set(found.facts) == {"broker.certificate"}


def test_bare_keys_have_no_end(files: CounterFiles) -> None:
    assert said(machine.look_at_certificates(files, NOW)) == ("absent", "certificates_none")


def test_the_font_is_there_or_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from simulators.printer import drawing

    monkeypatch.setattr(drawing, "FONT_PATH", Path("/nonexistent"))
    found = machine.look_at_fonts()
    assert (found.state, "fonts-wqy-microhei" in found.next_step.en) == (State.ABSENT, True)


def test_sizes_and_times_are_for_people() -> None:
    assert [machine.size_text(count) for count in (1_250_000_000, 99_000_000)] == ["1.2 GB", "99 MB"]
    assert [machine.age_text(s) for s in (0, 59.9, 60, 7200, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]
