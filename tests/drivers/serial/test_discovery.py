"""Ports are listed with the name that survives replugging."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from drivers.serial.discovery import list_serial_ports


def test_a_port_is_found_by_its_stable_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ttyACM0", "ttyUSB0"):
        (tmp_path / name).touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Maker_Scanner_0017-if00").symlink_to("../ttyACM0")
    found = [
        SimpleNamespace(
            device=str(tmp_path / "ttyUSB0"), description=None, vid=None, pid=None, serial_number=None
        ),
        SimpleNamespace(
            device=str(tmp_path / "ttyACM0"),
            description="Scanner",
            vid=0x1EAB,
            pid=0x1D06,
            serial_number="0017",
        ),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    scanner, adapter = list_serial_ports(by_id)
    assert scanner.url == scanner.stable_path == str(by_id / "usb-Maker_Scanner_0017-if00")
    assert (scanner.usb_vendor_id, scanner.usb_product_id, scanner.serial_number) == (0x1EAB, 0x1D06, "0017")
    assert adapter.stable_path is None
    assert adapter.url == str(tmp_path / "ttyUSB0")
    assert adapter.description == ""


def test_a_machine_without_such_names_lists_its_ports_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    assert list_serial_ports(tmp_path / "missing") == ()


def test_the_real_list_can_be_read() -> None:
    """Whatever this machine has, each entry has a device to open."""
    assert all(port.device for port in list_serial_ports())
