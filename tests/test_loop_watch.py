"""The detectors of blocked event loops detect, and leave honest tests alone."""

import asyncio
import ctypes
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loop_watch import LIMIT_WITH_IMPORTS_S, LoopWatch, _run_queue_wait_s

LIMIT_S = 0.05


class _Clocks:
    """Wall time and waiting time that move only when told to."""

    def __init__(self) -> None:
        self.wall_s = 100.0
        self.waited_s = 7.0

    def watch(self) -> LoopWatch:
        return LoopWatch(LIMIT_S, clock=lambda: self.wall_s, run_queue_wait_s=lambda: self.waited_s)


def _breaches(watch: LoopWatch, body: Callable[[], None]) -> list[str]:
    """What the watch reports of a loop that runs `body` in one callback."""

    async def hold_the_loop() -> None:
        body()

    with watch:
        asyncio.run(hold_the_loop())
    return watch.breaches


@pytest.mark.blocking_allowed("this test blocks a loop to see it detected")
def test_a_native_call_that_sleeps_is_detected_and_named() -> None:
    """The case that blockbuster cannot see: no processor used, no Python function called."""
    libc = ctypes.CDLL(None)

    breaches = _breaches(LoopWatch(LIMIT_S), lambda: libc.usleep(80_000))

    assert len(breaches) == 1
    assert "hold_the_loop held the event loop for 0." in breaches[0]


@pytest.mark.blocking_allowed("this test blocks a loop to see it detected")
def test_a_long_calculation_is_detected() -> None:
    def calculate() -> None:
        end_s = time.thread_time() + 1.5 * LIMIT_S
        while time.thread_time() < end_s:
            pass

    assert len(_breaches(LoopWatch(LIMIT_S), calculate)) == 1


def test_waiting_as_asyncio_waits_is_no_breach() -> None:
    async def wait() -> None:
        await asyncio.sleep(1.5 * LIMIT_S)

    with LoopWatch(LIMIT_S) as watch:
        asyncio.run(wait())

    assert watch.breaches == []


def test_time_spent_waiting_for_a_processor_is_not_held_against_the_callback() -> None:
    clocks = _Clocks()

    def be_preempted() -> None:
        clocks.wall_s += 3.0
        clocks.waited_s += 2.96

    assert _breaches(clocks.watch(), be_preempted) == []


def test_the_part_of_a_breach_that_was_waiting_is_left_out_of_the_figure() -> None:
    clocks = _Clocks()

    def be_slow_and_preempted() -> None:
        clocks.wall_s += 3.0
        clocks.waited_s += 1.0

    (breach,) = _breaches(clocks.watch(), be_slow_and_preempted)
    assert "for 2.00 s (limit 0.05 s)" in breach


def test_a_callback_that_imports_may_take_longer_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("imported_quickly", "imported_slowly"):
        (tmp_path / f"{name}.py").write_text("", encoding="utf-8")
    clocks = _Clocks()

    def import_quickly() -> None:
        __import__("imported_quickly")
        clocks.wall_s += LIMIT_WITH_IMPORTS_S - 0.5

    def import_slowly() -> None:
        __import__("imported_slowly")
        clocks.wall_s += LIMIT_WITH_IMPORTS_S + 0.5

    assert _breaches(clocks.watch(), import_quickly) == []
    assert len(_breaches(clocks.watch(), import_slowly)) == 1


def test_the_loop_is_as_before_after_the_watch() -> None:
    before = asyncio.events.Handle._run
    with LoopWatch():
        assert asyncio.events.Handle._run is not before
    assert asyncio.events.Handle._run is before


def test_the_waiting_time_of_a_thread_never_falls() -> None:
    first_s = _run_queue_wait_s()
    assert 0.0 <= first_s <= _run_queue_wait_s()


def test_the_fixture_fails_tests_that_block_and_only_those(inner_pytest: pytest.Pytester) -> None:
    """A whole run of pytest with our fixture: Python's blocking calls, native ones, the marker, an honest test."""
    inner_pytest.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        asyncio_mode = "auto"
        markers = ["blocking_allowed(reason): as in the project"]
        """
    )
    inner_pytest.makeconftest("from tests.loop_watch import block_buster, loop_is_watched")
    inner_pytest.makepyfile(
        """
        import asyncio, ctypes
        import pytest

        def sleep_natively():
            ctypes.CDLL(None).usleep(400_000)

        async def test_native():
            sleep_natively()

        def test_native_in_a_loop_of_its_own():
            async def body():
                sleep_natively()
            asyncio.run(body())

        @pytest.mark.blocking_allowed("says why")
        async def test_allowed():
            sleep_natively()

        @pytest.mark.blocking_allowed
        async def test_allowed_without_a_reason():
            pass

        async def test_honest():
            await asyncio.sleep(0)
        """
    )

    result = inner_pytest.runpytest_subprocess("-p", "pytest_asyncio.plugin")

    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "*test_native held the event loop for 0.4* s (limit 0.25 s)*",
            "*body held the event loop for 0.4* s (limit 0.25 s)*",
            "*blocking_allowed needs its reason*",
        ]
    )


def test_a_blocking_call_of_python_made_by_our_code_raises_at_the_call(inner_pytest: pytest.Pytester) -> None:
    """`terminal` of this run is a stand-in, so that no product code has to block for the sake of a test."""
    inner_pytest.makepyprojecttoml('[tool.pytest.ini_options]\nasyncio_mode = "auto"')
    inner_pytest.makeconftest("from tests.loop_watch import block_buster, loop_is_watched")
    package = inner_pytest.mkpydir("terminal")
    (package / "reader.py").write_text(
        "from pathlib import Path\n\ndef read(path):\n    return Path(path).read_text()\n", encoding="utf-8"
    )
    inner_pytest.makepyfile(
        """
        from pathlib import Path
        import pytest
        from blockbuster import BlockingError
        from terminal.reader import read

        async def test_our_code_may_not():
            with pytest.raises(BlockingError):
                read(__file__)

        async def test_a_test_may():
            assert Path(__file__).read_text()

        def test_our_code_may_outside_a_loop():
            assert read(__file__)
        """
    )

    result = inner_pytest.runpytest_subprocess("-p", "pytest_asyncio.plugin")

    result.assert_outcomes(passed=3)
