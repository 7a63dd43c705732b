"""The bytes a simulated scanner puts on its wire."""

import pytest

from simulators.scanner import SimulatedScanner


class RecordingLink:
    """A `DeviceLink` that keeps what was written."""

    url = "recording"
    is_connected = True

    def __init__(self) -> None:
        self.events: list[bytes | str | float] = []

    async def wait_connected(self) -> None:
        """Connected always."""

    async def wait_disconnected(self) -> None:
        """Never asked."""

    async def read(self, max_bytes: int) -> bytes:
        """Never asked."""
        raise AssertionError

    async def write(self, data: bytes, timeout_s: float = 5.0) -> None:
        """Keep it."""
        self.events.append(data)

    async def unplug(self) -> None:
        """Keep it."""
        self.events.append("unplug")

    async def plug(self) -> None:
        """Never asked."""

    async def close(self) -> None:
        """Never asked."""

    async def pause(self, seconds: float) -> None:
        """In place of waiting."""
        self.events.append(seconds)


async def test_a_scan_is_prefix_aim_id_data_suffix() -> None:
    link = RecordingLink()
    scanner = SimulatedScanner(link, prefix=b"\x02", suffix=b"\r\n")
    await scanner.scan("6901234567892", "ean13")
    await scanner.scan("6901234567892")
    await scanner.scan(b"\xd2\xbd", "]Q1", suffix=b"")
    assert link.events == [b"\x02]E06901234567892\r\n", b"\x026901234567892\r\n", b"\x02]Q1\xd2\xbd"]


async def test_aim_ids_can_be_switched_off() -> None:
    link = RecordingLink()
    await SimulatedScanner(link, send_aim_id=False).scan("6901234567892", "ean13")
    assert link.events == [b"6901234567892\r"]


async def test_a_split_scan_pauses_at_the_places_named() -> None:
    link = RecordingLink()
    await SimulatedScanner(link, pause=link.pause).scan("abcdef", split_at=(4, 1), pause_s=1.0)
    assert link.events == [b"a", 1.0, b"bcd", 1.0, b"ef\r"]


async def test_glued_repeated_and_torn_scans() -> None:
    link = RecordingLink()
    scanner = SimulatedScanner(link)
    await scanner.scan_glued("A", "B")
    await scanner.scan_glued("A", b"B", suffix=b"")
    await scanner.scan("A", times=2)
    await scanner.unplug_inside("ABCDEF", 3)
    assert link.events == [b"A\rB\r", b"AB", b"A\rA\r", b"ABC", "unplug"]


async def test_an_unknown_symbology_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown symbology"):
        await SimulatedScanner(RecordingLink()).scan("1", "qrcode")
