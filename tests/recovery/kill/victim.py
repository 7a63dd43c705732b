"""The victim: the application itself in a process of its own, which may be told to die in a cell of the matrix.

`python -m tests.recovery.kill.victim` is a nursery: it has imported everything, holds no thread, loop or connection,
and forks one service for every order it reads, so that a start costs milliseconds instead of a second. The service is
`terminal.app.Application` on real files, a real socket and real HTTP. Around it stand only

- a clock and a loop that run `FASTER` times as fast, so that nobody waits through the product's quiet times, and
- the watching objects of `yibao.site.yield_points`, which end the process with SIGKILL in the cell it was sent to.

An order is one line of JSON; the answers are lines "PID" and, when that process has ended, "PID STATUS" (as `waitpid`
gives it). Alone, for one replay: `python -m tests.recovery.kill.victim DIR --die-at "FLOW | STATE | POINT" [--nth N]`.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import functools
import gc
import importlib
import os
import resource
import selectors
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvicorn
from litestar import Litestar

import terminal.app
from drivers.printers.escpos import BLOCK_TIMEOUT_S, STATUS_TIMEOUT_S, EscPosPrinter
from drivers.serial.stream import SerialOpener
from protocols.wire_time import WIRE_ZONE
from terminal.api.service import Service
from terminal.app import Application, ServiceBroken, StartRefused
from terminal.config import read_config
from terminal.journal.records import JournalFailed
from terminal.logs import configure_logs
from yibao.site.yield_points import Cell, watched

FASTER = 20.0
"""Seconds of the victim's clock and loop in one real second."""
NINE = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)
"""A Monday morning, when every shop opens."""
STARVE, BLOCK = -1, -2
"""Deeds that are no signals: from now on no memory is left; the thread (the loop's, in most cells) stands still."""
BLOCKED_S = 30.0
LAST_WORDS = "last-words"
"""File in the folder of the counter: the cell a victim dies in, or is about to be killed in from outside."""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start one service."""

    folder: str
    """Holds counter.toml."""
    opened_s: float
    """Reading of the machine's monotonic clock when this shop opened, at nine."""
    die_in: tuple[str, ...] = ()
    """Cells; it dies in the first one it comes through."""
    nth: int = 1
    """At which visit of a cell."""
    deed: int = signal.SIGKILL
    """What happens there: a signal, or `STARVE`, or `BLOCK`."""


class FastClock:
    """Implements `Clock`: since nine o'clock, `FASTER` times as fast, the same in every process of the machine."""

    def __init__(self, opened_s: float) -> None:
        self._opened_s = opened_s

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE + dt.timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return (time.monotonic() - self._opened_s) * FASTER


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None else timeout / FASTER)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose seconds are as short as the clock's."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        """See `asyncio.AbstractEventLoop.time`."""
        return time.monotonic() * FASTER


class Victim(Application):
    """The application, with devices that are given the same real time to answer as ever."""

    def _printer(self) -> EscPosPrinter | None:
        config = self._config.printer
        if not config.url:
            return None
        return EscPosPrinter(
            SerialOpener(config.url, config.baudrate), config.columns,
            status_timeout_s=STATUS_TIMEOUT_S * FASTER, block_timeout_s=BLOCK_TIMEOUT_S * FASTER,
        )  # fmt: skip


class Executioner:
    """Ends this process in the cell it was sent to. In a cell that waits the far end does it, and is told here.

    `taken` is the folder in which the victims of a nursery note where they die: shops that run side by side come through
    the same cells, and one death in each is enough.
    """

    def __init__(self, order: Order, taken: Path) -> None:
        words = Path(order.folder) / LAST_WORDS
        self._words = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._cells = frozenset(map(Cell.parse, order.die_in))
        self._taken = taken
        self._nth = order.nth
        self._deed = order.deed
        self._visits: dict[Cell, int] = {}
        self._hoard: list[bytes] = []

    def __call__(self, cell: Cell) -> None:
        """See `yibao.site.yield_points.Visit`."""
        if cell not in self._cells:
            return
        self._visits[cell] = visits = self._visits.get(cell, 0) + 1
        if visits != self._nth:
            return
        waits = cell.point.startswith("wait ") and self._deed == signal.SIGKILL
        if not waits and not self._is_first_in(cell):
            return
        os.write(self._words, f"{'waits' if waits else 'dies'} {os.getpid()} {cell}\n".encode())
        if waits:
            return
        self._cells = frozenset()
        if self._deed == STARVE:
            self._starve()
        elif self._deed == BLOCK:
            threading.Event().wait(BLOCKED_S / FASTER)
        else:
            os.kill(os.getpid(), self._deed)

    def _is_first_in(self, cell: Cell) -> bool:
        try:
            (self._taken / str(cell)).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _starve(self) -> None:
        """Take what is left of the address space, and give nothing back."""
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used, used))
        with contextlib.suppress(MemoryError):
            while True:
                self._hoard.append(bytes(32 * 1024))


def live(order: Order, taken: Path) -> int:
    """Be one service, from start to end; returns the exit status that `yibao run` would end with."""
    folder = Path(order.folder)
    configure_logs()
    clock = functools.partial(FastClock, order.opened_s)
    terminal.app.SystemClock = clock  # type: ignore[attr-defined,assignment]  # the one place that names the real clock
    with watched(Executioner(order, taken)):
        files = read_config(folder / "counter.toml")
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            try:
                runner.run(_serve(Victim(files)))
            except (StartRefused, JournalFailed, ServiceBroken) as refused:
                sys.stderr.write(f"{type(refused).__name__}: {refused}\n")
                return 1
    return 0


async def _serve(victim: Victim) -> None:
    victim.stop_on_signals()
    await victim.run()


# -- the nursery -----------------------------------------------------------------------------------


def _fork(order: Order, taken: Path, close: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        close()
        log = os.open(
            Path(order.folder, "victim.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = live(order, taken)
    except BaseException:  # noqa: BLE001 - the last frame of the process: it is told in the log and in the status
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def nursery(taken: Path) -> None:
    """Read orders until the input ends; tell every birth and every death."""
    _import_what_is_imported_late()
    _build_routes_once()
    gc.collect()
    gc.freeze()
    orders, rest = selectors.DefaultSelector(), b""
    orders.register(0, selectors.EVENT_READ, 0)
    while True:
        for key, _ in orders.select():
            if key.data:
                _, status = os.waitpid(key.data, 0)
                orders.unregister(key.fileobj)
                os.close(key.fd)
                _tell(f"{key.data} {status}")
                continue
            data = os.read(0, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                pid = _fork(msgspec.json.decode(line, type=Order), taken, orders.close)
                _tell(str(pid))
                orders.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)


def _import_what_is_imported_late() -> None:
    """A service loads half of its libraries when it first needs them; here that is once, and not once per victim."""
    uvicorn.Config(Litestar([]), log_config=None, ws="none", lifespan="off").load()
    dt.datetime.strptime("09 +0800", "%H %z")
    "药".encode("gb18030")
    for module in ("concurrent.futures.thread", "litestar.exceptions.responses", "stringprep"):
        importlib.import_module(module)


def _build_routes_once() -> None:
    """Half of a short life would go into the building of the routes: every victim takes over the same ones."""
    shell = object.__new__(Service)
    shell.version = "routes"
    routes = terminal.app.build_app(shell)  # type: ignore[attr-defined]  # the application's own name for it

    def lend(service: Service) -> Litestar:
        shell.__dict__ = service.__dict__  # from now on the two are one
        return routes

    terminal.app.build_app = lend  # type: ignore[attr-defined]  # the one place that names the routes


def _tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> int:
    """The nursery, or one victim."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.kill.victim", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder with counter.toml; without it the nursery")
    parser.add_argument("--die-at", action="append", default=[], metavar="CELL")
    parser.add_argument("--nth", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yk") as taken:
        if given.folder is None:
            nursery(Path(taken))
            return 0
        return live(Order(given.folder, time.monotonic(), tuple(given.die_at), given.nth), Path(taken))


if __name__ == "__main__":
    sys.exit(main())
