"""An error that nobody foresaw ends the service with one clear message, as a real process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.yibao.cli.processes import LIMIT_S, Running, environment

pytestmark = pytest.mark.timeout(90)
_RUN = "import sys; from yibao.cli.main import main; sys.exit(main(['run']))"
_NO_MEMORY_IN_THE_PRINTERS_TASK = """
from terminal.counter.paper import Paper
async def no_memory(self, printer):
    raise MemoryError
Paper._print_next = no_memory
"""
_A_TRANSPORT_THAT_BREAKS_AT_SIGN_IN = """
from drivers.http.transport import HttpTransport
async def breaks(self, *given, **named):
    raise KeyError("8999999000000000001")
HttpTransport.post = breaks
"""


@pytest.mark.parametrize(
    ("breaks", "error"),
    [(_NO_MEMORY_IN_THE_PRINTERS_TASK, "MemoryError"), (_A_TRANSPORT_THAT_BREAKS_AT_SIGN_IN, "KeyError")],
    ids=["printer", "sign-in"],
)
def test_an_error_nobody_foresaw_ends_the_service_with_words_and_no_traceback(
    breaks: str, error: str, fresh_place: Path
) -> None:
    """Chinese first, exit status 1; type and places go to the error log, and what the error quotes goes nowhere."""
    with Running(["sim", "up"], fresh_place) as sim:
        sim.wait_for("Try next")
        ended = subprocess.run(
            [sys.executable, "-c", breaks + _RUN],
            cwd=fresh_place,
            env=environment(XDG_STATE_HOME=str(fresh_place)),
            capture_output=True,
            encoding="utf-8",
            timeout=3 * LIMIT_S,
            check=False,
        )
    details = fresh_place / "yibao" / "errors.log"
    chinese, english = ended.stderr.splitlines()[-2:]
    assert ended.returncode == 1
    assert chinese.startswith(f"终端内部出错（{error}），服务已停止。没有交易丢失")
    assert english.startswith(f"An error inside the terminal ({error}) has stopped the service.")
    assert str(details) in chinese
    for word in ("Traceback", "ExceptionGroup", "8999999000000000001"):
        assert word not in ended.stderr + ended.stdout
    told = details.read_text(encoding="utf-8")
    assert error in told
    assert "8999999000000000001" not in told
