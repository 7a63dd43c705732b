"""Which serial ports the machine has, and the names that stay the same after replugging.

Device numbers (`/dev/ttyACM0`) change with the order of plugging; the names under `/dev/serial/by-id` are made from
maker, model and serial number and do not. Configure those.
"""

import os
from pathlib import Path

import msgspec
from serial.tools import list_ports

BY_ID_FOLDER = Path("/dev/serial/by-id")


class SerialPort(msgspec.Struct, frozen=True):
    """One port that exists now."""

    device: str
    stable_path: str | None
    """The path to configure, under `/dev/serial/by-id`; None when the system made no such name."""
    description: str
    usb_vendor_id: int | None
    usb_product_id: int | None
    serial_number: str | None

    @property
    def url(self) -> str:
        """The address to put into the configuration."""
        return self.stable_path or self.device


def list_serial_ports(by_id_folder: Path = BY_ID_FOLDER) -> tuple[SerialPort, ...]:
    """All ports, by device name. Reads the file system: call it from a thread. Pseudo-terminals are never listed."""
    stable = _stable_names(by_id_folder)
    return tuple(
        SerialPort(
            device=str(port.device),
            stable_path=stable.get(os.path.realpath(port.device)),
            description=str(port.description or ""),
            usb_vendor_id=port.vid,
            usb_product_id=port.pid,
            serial_number=port.serial_number,
        )
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
    )


def _stable_names(folder: Path) -> dict[str, str]:
    """Real device path to its by-id link; empty where the system has no such folder."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return {}
    return {os.path.realpath(link): str(link) for link in links}
