"""What the doctor says of space kept aside, and of a service that takes no new sale."""

import os
from pathlib import Path

import msgspec
import pytest

from terminal.api.service import Service
from terminal.config import CounterFiles, StateConfig
from terminal.devices.reader_state import ReaderState
from terminal.journal.reserve import MEGABYTE
from terminal.shapes.technician import HealthView
from terminal.texts import tell
from tests.terminal.harness import NATIONAL, counter_config
from yibao.doctor import machine
from yibao.doctor.service import Found, judge_service


class Disk:
    """What `os.statvfs` says."""

    f_bavail, f_frsize, f_flag = 5_000_000, 1024, 0


def test_a_missing_reserve_is_a_warning_once_there_is_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = msgspec.structs.replace(counter_config(), state=StateConfig("state", reserve_mb=1))
    files = CounterFiles(config, tmp_path)
    files.state_dir.mkdir()
    reserve = machine.reserve_of(files)
    monkeypatch.setattr(os, "statvfs", lambda _: Disk)
    before = machine.look_at_disk(files.state_dir, reserve)
    assert (before.code, before.facts["reserve_bytes"]) == ("disk_good", 0)
    files.journal_path.touch()
    missing = machine.look_at_disk(files.state_dir, reserve)
    assert (missing.state, missing.code) == ("warning", "disk_no_reserve")
    assert reserve.make()
    good = machine.look_at_disk(files.state_dir, reserve)
    assert (good.code, good.facts["reserve_bytes"]) == ("disk_good", MEGABYTE)


def test_a_service_that_takes_no_new_sale_is_a_fault_with_its_reason() -> None:
    status = Service(counter_config(), NATIONAL, "0.1.0").status()
    held = msgspec.structs.replace(status, phase="ready", holds=(tell("disk_full", {"free": "3"}),))
    health = HealthView(held, ReaderState("absent", ""), None, None, None, None, "")
    said = judge_service(Found("ready", health, None, None))
    assert (said.state, said.code) == ("fault", "service_holds")
    assert "3 MB" in said.reason.en
