"""Tries mutants quickly: the tests are collected once, and each mutant is a forked child that swaps the code of live functions.

What a change at the top level of a module or in a class body does happens at import; such a change is `None` to
`changed_functions` and is tried by `tools.mutation` in a process that imports everything anew. A change inside a
function only replaces that function's code object, in a child forked after collection, so that a try costs the tests
and nothing else. A function that also ran at import has left its unchanged result behind: what survives here is therefore
tried once more by an import.

Which tests are run: those that have passed through the changed line, as measured once under coverage.py, the ones that
found something before first, then those of the file that is named after the module, then the quickest. Tests the
measurement does not know (new or edited since) always run, and so do all tests of a module that was edited since; where these
are many, it is measured anew.
"""

import contextlib
import functools
import gc
import hashlib
import inspect
import io
import itertools
import json
import marshal
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "build" / "mutation"
OPTIONS: Final = (
    "-x",
    "-q",
    "-s",
    "-o",
    "timeout=60",
    "-p",
    "no:cacheprovider",
    "--hypothesis-profile=mutants",
    "--assert=plain",
)
RED: Final = FOLDER / "red.txt"
"""Which test failed without any change."""
TIME_LIMIT_S: Final = 240
ABSENT: Final = "absent"
"""No function of that place lives in the host: nothing was tried."""
PATIENCE_S: Final = 30.0
"""What has lived through so many seconds of tests (as measured) counts as unnoticed."""
MANY_STALE: Final = 5
"""When more modules than this have changed since the measurement, it is taken anew."""
MANY_NEW: Final = 30
"""The same for tests: each of them costs every mutant its time, and `PATIENCE_S` then leaves out others that would notice."""


class Place(NamedTuple):
    """Where a function stands."""

    name: str
    line: int


def _is_function(code: CodeType) -> bool:
    """A module's or class body's code is run at import; it is not optimised."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def functions_of(code: CodeType) -> Iterator[tuple[Place, CodeType]]:
    """Every function of a module that is not inside another one; methods are."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if _is_function(inner):
                yield Place(inner.co_qualname, inner.co_firstlineno), inner
            else:
                yield from functions_of(inner)


def _import_part(code: CodeType) -> tuple[object, ...]:
    """What of a module is run at import, without the inside of its functions."""
    constants = []
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            constants.append((type(inner).__name__, repr(inner)))
        elif _is_function(inner):
            constants.append(("function", inner.co_qualname))
        else:
            constants.append(("body", repr(_import_part(inner))))
    return code.co_code, code.co_names, tuple(constants)


def changed_functions(before: CodeType, after: CodeType) -> dict[Place, CodeType] | None:
    """The new code of the functions in which two versions of a module differ; None when what import does differs."""
    if _import_part(before) != _import_part(after):
        return None
    old = dict(functions_of(before))
    new = dict(functions_of(after))
    if old.keys() != new.keys() or any(old[place].co_freevars != new[place].co_freevars for place in old):
        return None
    return {place: code for place, code in new.items() if code != old[place]}


class Order(NamedTuple):
    """One mutant to be tried."""

    module: str
    """Path from the root."""
    lines: tuple[int, ...]
    """First and last line of the statement that was changed."""
    functions: Mapping[Place, bytes]
    """New code of each changed function, marshalled."""


def live_functions(files: Mapping[str, str]) -> dict[tuple[str, Place], list[FunctionType]]:
    """Every function object that came from one of `files` (path to module), by module and place."""
    gc.unfreeze()  # what the tests' own set-up has frozen is not listed
    found: dict[tuple[str, Place], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in files:
            code = thing.__code__
            place = Place(code.co_qualname, code.co_firstlineno)
            found.setdefault((files[code.co_filename], place), []).append(thing)
    gc.freeze()
    return found


class Host:
    """A pytest plugin that never runs its tests itself: its children do, each under one mutant."""

    def __init__(self, orders: Connection, tests: Sequence[str], modules: Sequence[str], base: str) -> None:
        self._name = " ".join(tests)
        self._orders = orders
        self._files = {str(ROOT / module): module for module in modules}
        self._base = base
        self._found: list[Any] = []
        """Tests that noticed something, the newest first."""

    def pytest_runtestloop(self, session: Any) -> bool:
        """Answer orders until the other side hangs up."""
        reach = self._reach(session)
        live = live_functions(self._files)
        pick = functools.partial(self._pick, session, reach)
        self._orders.send("ready")
        while True:
            try:
                order: Order = self._orders.recv()
            except EOFError:
                return True
            if any((order.module, place) not in live for place in order.functions):
                self._orders.send(ABSENT)
                continue
            items = pick(order)
            result, finder = self._try(session, order, live, items)
            if finder is not None:
                self._found = [
                    items[finder],
                    *(item for item in self._found if item is not items[finder]),
                ]
            self._orders.send(result)

    def _pick(self, session: Any, reach: "Reach", order: Order) -> list[Any]:
        chosen = [item for item in session.items if reach.may_pass(item, order)]
        found = {id(item): number for number, item in enumerate(self._found)}
        own = f"test_{Path(order.module).name}"
        chosen.sort(
            key=lambda item: (found.get(id(item), len(found)), item.path.name != own, reach.seconds(item))
        )
        before = itertools.accumulate((reach.seconds(item) for item in chosen), initial=0.0)
        return [item for item, seconds in zip(chosen, before, strict=False) if seconds <= PATIENCE_S]

    def _try(
        self,
        session: Any,
        order: Order,
        live: Mapping[tuple[str, Place], Sequence[FunctionType]],
        items: Sequence[Any],
    ) -> tuple[str, int | None]:
        if not items:
            return "survived", None
        reading, writing = os.pipe()

        def run() -> int:
            for place, code in order.functions.items():
                for function in live.get((order.module, place), ()):
                    function.__code__ = marshal.loads(code)
            for number, item in enumerate(items):
                os.write(writing, f"{number}\n".encode())
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                if session.testsfailed:
                    return 1
            return 0

        status = in_child(run)
        os.close(writing)
        with os.fdopen(reading, encoding="ascii") as said:
            begun = said.read().split()
        shutil.rmtree(self._base, ignore_errors=True)
        if status == 0:
            return "survived", None
        return "timeout" if status is None else "killed", int(begun[-1]) if begun else None

    def _reach(self, session: Any) -> "Reach":
        """Which lines each test passes through, measured in a child, or as it was measured before."""
        digests = {module: _digest(Path(file)) for file, module in self._files.items()}
        kept = FOLDER / f"reach-{hashlib.sha256(self._name.encode()).hexdigest()[:16]}.json"
        old = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"modules": {}, "tests": {}}
        stale = {module for module, digest in digests.items() if old["modules"].get(module) != digest}
        new = changed_tests(old["tests"], {item.nodeid: item.path for item in session.items})
        if not kept.exists() or len(stale) > MANY_STALE or len(new) > MANY_NEW:

            def measure() -> int:
                import coverage

                seconds: dict[str, float] = {}
                data_file = kept.with_suffix(".coverage")
                watch = coverage.Coverage(
                    data_file=str(data_file), config_file=False, include=list(self._files)
                )
                watch.start()
                for item in session.items:
                    watch.switch_context(item.nodeid)
                    began = time.perf_counter()
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                    seconds[item.nodeid] = time.perf_counter() - began
                    if session.testsfailed:
                        RED.write_text(item.nodeid, encoding="utf-8")
                        return 1
                watch.stop()
                data = watch.get_data()
                lines: dict[str, dict[str, list[int]]] = {item.nodeid: {} for item in session.items}
                for file in data.measured_files():
                    for line, contexts in data.contexts_by_lineno(file).items():
                        for context in contexts:
                            if context:
                                lines[context].setdefault(self._files[file], []).append(line)
                tests = {item.nodeid: _digest(item.path) for item in session.items}
                kept.write_text(
                    json.dumps({"modules": digests, "tests": tests, "seconds": seconds, "lines": lines}),
                    encoding="utf-8",
                )
                data_file.unlink(missing_ok=True)
                return 0

            if in_child(measure, limit_s=1800) != 0:
                self._orders.send("red")
                raise SystemExit("without any change a test is red")
            shutil.rmtree(self._base, ignore_errors=True)
            stale = set()
        return Reach(json.loads(kept.read_text(encoding="utf-8")), stale)


def changed_tests(measured: Mapping[str, str], tests: Mapping[str, Path]) -> set[str]:
    """The tests that were not there, or stood in another file, when it was measured."""
    return {test for test, path in tests.items() if measured.get(test) != _digest(path)}


@functools.cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


class Reach:
    """Which test passes which lines, and how long it takes."""

    def __init__(self, measured: Mapping[str, Any], stale: Collection[str]) -> None:
        self._measured = measured
        self._stale = stale

    def may_pass(self, item: Any, order: Order) -> bool:
        """False when the test is known to keep away from the changed lines."""
        known = self._measured["tests"].get(item.nodeid) == _digest(item.path)
        if not known or order.module in self._stale:
            return True
        passed = self._measured["lines"][item.nodeid].get(order.module, ())
        return any(order.lines[0] <= line <= order.lines[1] for line in passed)

    def seconds(self, item: Any) -> float:
        """How long it took; what is new goes first."""
        return float(self._measured["seconds"].get(item.nodeid, 0.0))


def in_child(work: Callable[[], int], limit_s: float = TIME_LIMIT_S) -> int | None:
    """Do work in a forked process that says nothing; its exit status, or None when it took too long."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(nowhere, stream)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = work()
        finally:
            os._exit(code)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        signal.sigtimedwait([signal.SIGCHLD], 0.2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def begin_host(tests: Sequence[str], modules: Sequence[str]) -> Connection:
    """Start a host for these tests; it takes `Order` values and answers each with `killed`, `survived` or `timeout`."""
    ours, theirs = Pipe()
    if os.fork() == 0:
        ours.close()
        _be_host(theirs, tests, modules)
    theirs.close()
    try:
        ready = ours.recv()
    except EOFError:
        ready = "red"
    if ready != "ready":
        which = RED.read_text(encoding="utf-8") if RED.exists() else " ".join(tests)
        raise SystemExit(f"without any change this is red: {which}")
    return ours


def _be_host(orders: Connection, tests: Sequence[str], modules: Sequence[str]) -> None:
    """Never returns."""
    import pytest

    try:
        base = tempfile.mkdtemp(prefix="yibao-mutants-")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            pytest.main(
                [*OPTIONS, f"--basetemp={base}", *tests], plugins=[Host(orders, tests, modules, base)]
            )
        shutil.rmtree(base, ignore_errors=True)
    finally:
        sys.stdout.flush()
        os._exit(0)
