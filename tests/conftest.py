"""What holds for every test: a watched event loop, fixed examples, and a loud word about real parts left out.

The time limit per test, strict markers and warnings as errors stand in pyproject.toml.
"""

import datetime as dt
import gc
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, settings

from tests import capabilities, faults
from tests.loop_watch import block_buster, loop_is_watched
from tests.real_parts import SKIP_PREFIX, real_parts_required
from tools.reliability import FOLDER_VARIABLE, SESSION, session_record

__all__ = ["block_buster", "loop_is_watched"]

# The same examples in every run, so that a red test is a changed program. To look for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
# For mutants (tools/mutation.py): whether a test fails, and not the smallest example of it.
settings.register_profile(
    "mutants", derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("fixed")

_BEGAN_S: Final = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """Remember when the run began; let Ctrl-C be heard by what the tests start.

    Whatever a shell runs in its background ignores SIGINT, and so would every process begun by a test.
    """
    config.stash[_BEGAN_S] = time.monotonic()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Whatever collecting has made stays to the end: no garbage collection needs to look at it again.

    And for what a test makes it looks seldom: by default at every 700 new objects, which took a twentieth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_runtest_logfinish() -> None:
    """Keep what the test has injected and asserted."""
    faults.write_down()
    capabilities.write_down()


@pytest.fixture
def inner_pytest(
    pytester: pytest.Pytester, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """Runs pytest inside pytest with our modules at hand and without the plugins, which cost a second to load."""
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)  # what fires in there is not this run's
    return pytester


def _skip_reasons(reporter: pytest.TerminalReporter) -> Counter[str]:
    """How many tests were skipped for which reason."""
    reasons = Counter[str]()
    for report in reporter.getreports("skipped"):
        where = report.longrepr
        reasons[where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)] += 1
    return reasons


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where real parts are required nothing may be skipped, for whatever reason."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if real_parts_required() and reporter is not None and _skip_reasons(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if not hasattr(session.config, "workerinput"):  # in the workers of xdist there is nothing to sum up
        _leave_record(session)


def _leave_record(session: pytest.Session) -> None:
    """Say beside the counts of tests/faults.py what kind of run they come from."""
    folder, config = os.environ.get(FOLDER_VARIABLE), session.config
    if not folder:
        return
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("deselect")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    passed: Sequence[pytest.TestReport] = () if reporter is None else reporter.getreports("passed")
    processes = config.getoption("numprocesses", None) or 1
    record = session_record(
        whole=config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen,
        exit_status=int(session.exitstatus),
        tests=session.testscollected,
        seconds=time.monotonic() - config.stash[_BEGAN_S],
        proof_seconds=sum(report.duration for report in passed if "proof" in report.keywords) / processes,
        date=dt.datetime.now(dt.UTC).date(),
    )
    Path(folder, SESSION).write_text(json.dumps(record), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which real parts were left out, above pytest's own last line."""
    reasons = _skip_reasons(terminalreporter)
    if not reasons:
        return
    title = "SKIPPED, BUT YIBAO_REQUIRE_REAL=1" if real_parts_required() else "LEFT OUT OF THIS RUN"
    terminalreporter.section(title, bold=True, yellow=True)
    for reason, count in sorted(reasons.items()):
        kind = "" if reason.startswith(SKIP_PREFIX) else "other reason: "
        terminalreporter.line(f"{count} x {kind}{reason}")
