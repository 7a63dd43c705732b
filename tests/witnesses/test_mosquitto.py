"""Outside witnesses of the fleet channel: mosquitto's own tools watch and talk to a real `yibao run`."""

import asyncio
import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from protocols.fleet.topics import FLEET_SERVER
from simulators.fleet.broker import MosquittoBroker, plain_settings
from tests.fleet_broker import PASSWORD, A, write_password
from tests.real_parts import require_real
from tests.yibao.cli.processes import Running, run

LIMIT_S = 15.0


def _for_several_witnesses(folder: Path, port: int) -> str:
    """The broker's settings, but several clients may be the fleet server at once."""
    return plain_settings(folder, port).replace("use_username_as_clientid true\n", "")


class Witness:
    """mosquitto_sub, line by line: topic, retained flag, payload."""

    def __init__(self, broker: MosquittoBroker, topic: str) -> None:
        self._process = subprocess.Popen(
            [require_real("mosquitto_sub"), *_connection(broker), "-q", "1", "-t", topic, "-F", "%t %r %p"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self._rest = b""
        self._lines: list[bytes] = []

    def __enter__(self) -> "Witness":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def sees(self, wanted: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], bool]:
        """The next payload that is wanted, and whether it was retained."""
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            while self._lines:
                _, retained, payload = self._lines.pop(0).split(b" ", 2)
                content = json.loads(payload)
                if wanted(content):
                    return content, retained == b"1"
            self._read(deadline_s)

    def _read(self, deadline_s: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            assert selector.select(max(deadline_s - time.monotonic(), 0.0)), (
                "the witness saw nothing of the kind"
            )
        *lines, self._rest = (self._rest + os.read(self._output.fileno(), 65536)).split(b"\n")
        self._lines += lines


def _connection(broker: MosquittoBroker) -> list[str]:
    return ["-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "-u", FLEET_SERVER, "-P", PASSWORD]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        yield Path(name)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    """A running broker."""
    require_real("mosquitto")
    names = dict.fromkeys((A, f"{A}.commands", FLEET_SERVER), PASSWORD)
    running = MosquittoBroker(tmp_path / "broker", names, _for_several_witnesses)
    with asyncio.Runner() as runner:
        runner.run(running.start())
        yield running
        runner.run(running.stop())


def configure(place: Path, broker: MosquittoBroker) -> None:
    """Write the broker into the counter's file."""
    write_password(place / "witness-password", PASSWORD)
    file = place / "counter.toml"
    before, header, section = file.read_text(encoding="utf-8").partition("[broker]\n")
    section = re.sub(r'^url = ".*"', f'url = "{broker.url}"', section, count=1, flags=re.MULTILINE)
    section = re.sub(
        r'^password_file = ".*"', 'password_file = "witness-password"', section, count=1, flags=re.MULTILINE
    )
    file.write_text(before + header + section, encoding="utf-8")


def test_mosquitto_sub_sees_a_killed_terminal_go_offline_and_come_back(
    broker: MosquittoBroker, place: Path
) -> None:
    """The service is killed with SIGKILL; the broker's word stands for it, also for who comes later."""
    with Running(["sim", "up", "."], place) as sim, Witness(broker, "yibao/v1/+/presence") as witness:
        sim.wait_for("Try next")
        configure(place, broker)
        with Running(["run", "--counter", "counter.toml"], place) as service:
            service.wait_for("The service answers")
            first, _ = witness.sees(lambda presence: presence["state"] == "online")
            service.send(signal.SIGKILL)
        gone, _ = witness.sees(lambda presence: presence["state"] == "offline")
        assert (gone["boot_id"], gone["stopped_at"]) == (first["boot_id"], None)
        with Running(["run", "--counter", "counter.toml"], place) as service:
            second, _ = witness.sees(lambda presence: presence["state"] == "online")
            assert second["boot_id"] != first["boot_id"]
            with Witness(broker, "yibao/v1/+/presence") as late:
                assert late.sees(lambda _: True) == (second, True)
            assert service.send(signal.SIGTERM) == 0
        stopped, _ = witness.sees(lambda presence: presence["state"] == "offline")
        assert stopped["stopped_at"] is not None


def test_mosquitto_pub_sends_a_notice_and_a_sale_does_not_need_the_broker(
    broker: MosquittoBroker, place: Path
) -> None:
    """The notice is acknowledged and can be read through the API; then the broker is killed and a sale settles."""
    with Running(["sim", "up", "."], place) as sim, Witness(broker, "yibao/v1/+/+") as witness:
        sim.wait_for("Try next")
        configure(place, broker)
        with Running(["run", "--counter", "counter.toml"], place) as service:
            service.wait_for("The service answers")
            witness.sees(lambda message: message.get("phase") == "ready")
            notice = {
                "id": "n1", "at": "2026-11-21T20:00:00+08:00", "expires_at": None,
                "content": {"type": "message", "text": "明早八点停机维护"},
            }  # fmt: skip
            subprocess.run(
                [require_real("mosquitto_pub"), *_connection(broker), "-q", "1", "-t", f"yibao/v1/{A}/notice",
                 "-m", json.dumps(notice)], check=True, timeout=LIMIT_S,
            )  # fmt: skip
            acknowledged, _ = witness.sees(lambda message: message.get("outcome") == "shown")
            assert acknowledged["id"] == "n1"
            (shown,) = _get(place, "/notices")
            assert "明早八点停机维护" in shown["told"]["zh"]
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGKILL)
            code = run("sim", "phone", "code", "jia", "--dir", ".", cwd=place).stdout.split()[-1]
            sold = run(
                "sale",
                "--item",
                "6901234567892",
                "--code",
                code,
                "--yes",
                "--json",
                "--counter",
                "counter.toml",
                cwd=place,
            )
            assert sold.returncode == 0, sold.stderr
            assert json.loads(sold.stdout)["settled"]["account_fen"] > 0
            (device,) = [one for one in _get(place, "/devices") if one["name"] == "broker"]
            assert device["state"] == "absent"
            assert device["reason"] in ("lost", "unreachable")


def _get(place: Path, path: str) -> Any:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(place / "state" / "api.sock"))) as client:
        return client.get(f"http://counter{path}", timeout=LIMIT_S).raise_for_status().json()
