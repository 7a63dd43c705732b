"""`yibao sim chaos` between two programs: it says where it listens, what it did, and ends by a signal."""

import http.client
import http.server
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import Running


class Target(http.server.BaseHTTPRequestHandler):
    """Answers everything with an empty object."""

    def do_POST(self) -> None:
        """See the base class."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def target() -> Iterator[int]:
    """The port of a server."""
    with http.server.HTTPServer(("127.0.0.1", 0), Target) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


def ask(port: int, body: bytes) -> bytes:
    """Ask once."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("POST", "/", body)
        return line.getresponse().read()
    finally:
        line.close()


def test_a_script_is_carried_out_and_told(target: int, fresh_place: Path) -> None:
    (fresh_place / "script").write_text("# the settlement\nreplace html if 2102\n")
    arguments = ["sim", "chaos", "0", f"127.0.0.1:{target}", "--script", "script"]
    with Running(arguments, fresh_place) as proxy:
        said = proxy.wait_for("Stop it with Ctrl-C")
        port = int(said.partition("listens at 127.0.0.1:")[2].split()[0])
        assert ask(port, b"1101") == b"{}"
        assert b"<html>" in ask(port, b"2102")
        proxy.wait_for("2 replace html")
        assert proxy.send(signal.SIGINT) == 0
        assert "2 exchanges, 1 faults" in proxy.seen


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "127.0.0.1:1"),
        ("0", "127.0.0.1"),
        ("0", "127.0.0.1:99999"),
        ("0", "127.0.0.1:1", "--script", "wrong"),
        ("0", "127.0.0.1:1", "--script", "missing"),
        ("0", "127.0.0.1:1", "--certificate", "wrong"),
        ("0", "127.0.0.1:1", "--ca", "wrong"),
        ("0", "127.0.0.1:1", "--rate", "2"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_listens(
    arguments: tuple[str, ...], call: Call, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("stall x\n")
    done = call(tmp_path, "sim", "chaos", *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Unexpected" not in done.stderr
