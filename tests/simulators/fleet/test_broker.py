"""Our own mosquitto: free ports, parts that are missing, password lines that mosquitto itself reads."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from simulators.fleet import broker as broker_module
from simulators.fleet.broker import BrokerUnavailable, MosquittoBroker, password_line
from tests.real_parts import require_real


async def test_two_run_side_by_side_on_ports_below_the_ephemeral_range(tmp_path: Path) -> None:
    """Neither meets the other nor the machine's own broker."""
    require_real("mosquitto")
    one, two = (MosquittoBroker(tmp_path / name, {"a": "b"}) for name in ("one", "two"))
    await asyncio.gather(one.start(), two.start())
    assert one.pid != two.pid
    assert one.port != two.port
    assert 1024 < one.port < 32768
    await asyncio.gather(one.stop(), two.stop())
    assert (one.pid, two.pid) == (None, None)


async def test_a_restart_keeps_the_port_and_a_broken_configuration_is_told(tmp_path: Path) -> None:
    """What it says stands in its log."""
    require_real("mosquitto")
    broker = MosquittoBroker(tmp_path, {"a": "b"})
    await broker.start()
    port = broker.port
    await broker.restart()
    assert broker.port == port
    await broker.stop()
    broken = MosquittoBroker(tmp_path, {}, lambda folder, port: "no_such_setting true\n")
    broken.port = port
    with pytest.raises(BrokerUnavailable, match=r"mosquitto\.log"):
        await broken.start()


async def test_a_machine_without_mosquitto_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, so that whoever asked can say what was left out."""
    monkeypatch.setattr(broker_module, "mosquitto_program", lambda: None)
    with pytest.raises(BrokerUnavailable, match="mosquitto"):
        await MosquittoBroker(tmp_path, {}).start()


def test_a_password_line_is_one_that_mosquitto_passwd_understands(tmp_path: Path) -> None:
    """It finds the name and deletes it; it leaves the other line as it is."""
    program = require_real("mosquitto_passwd")
    path = tmp_path / "passwords"
    other = password_line("other", "word")
    path.write_text(password_line("name", "word") + other, encoding="utf-8")
    path.chmod(0o600)
    subprocess.run([program, "-D", str(path), "name"], check=True, capture_output=True)
    assert path.read_text(encoding="utf-8") == other
