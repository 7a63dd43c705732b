"""A pseudo-terminal whose slave end the terminal opens through a symbolic link at a stable path.

Linux behaviour this module leans on (and its tests assert):

* While nobody holds the slave open, the master polls as "hung up" and a read gives EIO; when somebody opens it
  again, the same master goes on working. A hung-up descriptor would wake the event loop without end, so it is
  registered with the loop only while somebody has the slave open, and looked at on a timer otherwise.
* A slave that was never opened is not "hung up" yet. It is therefore opened once, set to raw mode and closed at
  the start.
* Settings stay with the pair as long as the master lives: without raw mode the line would echo what the device sends
  back to it, and turn CR into LF, until the terminal sets its own mode.
* Closing the master is the unplugged cable: the terminal gets EIO. The next pair has another number, hence the link.
"""

import asyncio
import contextlib
import errno
import os
import select
import tty
from pathlib import Path
from types import TracebackType

from simulators.links.device_link import LinkClosed, NobodyListening

OPEN_POLL_S = 0.02
"""How often an unopened slave is looked at. A person replugging a device does not notice 20 ms."""

UNREAD_LIMIT_BYTES = 64 * 1024
"""Bytes of the terminal held for a device that does not read; then the kernel's buffer fills and the writer waits."""


class PtyLink:
    """One simulated serial device; use as `async with PtyLink(path) as link`, or `open()` and `close()`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._master: int | None = None
        self._slave_name = ""
        self._closed = False
        self._connected = False
        self._changed = asyncio.Event()
        self._inbound = bytearray()
        self._reading_paused = False
        self._poll_timer: asyncio.TimerHandle | None = None
        self._write_lock = asyncio.Lock()

    @property
    def url(self) -> str:
        """The stable path of the symbolic link."""
        return str(self._path)

    @property
    def is_connected(self) -> bool:
        """Whether somebody has the slave open."""
        return self._connected

    async def open(self) -> None:
        """Create the pair and the symbolic link; a stale link at the path is replaced, another file is not.

        Raises `FileExistsError` when something that is not a symbolic link stands at the path.
        """
        await self.plug()

    async def __aenter__(self) -> "PtyLink":
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def plug(self) -> None:
        """Create a new pair behind the same path; does nothing when plugged in already."""
        if self._closed:
            raise LinkClosed(f"link {self._path} is closed")
        if self._master is None:
            self._master, self._slave_name = await asyncio.to_thread(_create_pair, self._path)
            self._look_for_opening()

    async def unplug(self) -> None:
        """Close the master and remove the symbolic link."""
        if self._master is None:
            return
        if self._poll_timer is not None:
            self._poll_timer.cancel()
            self._poll_timer = None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        master, self._master = self._master, None
        self._reading_paused = False
        self._set_connected(False)
        await asyncio.to_thread(_remove_pair, self._path, master, self._slave_name)

    async def close(self) -> None:
        """Unplug for good; a waiting `read` ends with `LinkClosed`."""
        self._closed = True
        await self.unplug()
        self._announce_change()

    async def wait_connected(self) -> None:
        """Return when somebody has the slave open."""
        while not self._connected:
            await self._wait_change()

    async def wait_disconnected(self) -> None:
        """Return when nobody has the slave open any more."""
        while self._connected:
            await self._changed.wait()

    async def read(self, max_bytes: int) -> bytes:
        """Return what the terminal wrote; see `DeviceLink.read`."""
        while not self._inbound:
            await self._wait_change()
        data = bytes(self._inbound[:max_bytes])
        del self._inbound[:max_bytes]
        if self._reading_paused and self._connected and self._master is not None:
            self._reading_paused = False
            asyncio.get_running_loop().add_reader(self._master, self._on_readable)
        return data

    async def write(self, data: bytes, timeout_s: float = 5.0) -> None:
        """Write to the terminal; see `DeviceLink.write`. Concurrent writes go one after the other."""
        async with self._write_lock, asyncio.timeout(timeout_s):
            rest = memoryview(data)
            while rest:
                rest = rest[self._write_some(rest) :]
                if rest:
                    await self._writable()

    def _write_some(self, data: memoryview) -> int:
        if self._closed:
            raise LinkClosed(f"link {self._path} is closed")
        if self._master is None or not self._connected:
            raise NobodyListening(f"nobody has {self._path} open")
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise NobodyListening(f"{self._path} was closed while writing") from error

    async def _writable(self) -> None:
        master = self._master
        if master is None:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(master, _settle, ready)
        try:
            await ready
        finally:
            # After unplugging, the number may already belong to another file.
            if self._master == master:
                loop.remove_writer(master)

    def _look_for_opening(self) -> None:
        self._poll_timer = None
        if self._master is None:
            return
        loop = asyncio.get_running_loop()
        if _is_hung_up(self._master):
            self._poll_timer = loop.call_later(OPEN_POLL_S, self._look_for_opening)
            return
        self._set_connected(True)
        self._reading_paused = len(self._inbound) >= UNREAD_LIMIT_BYTES
        if not self._reading_paused:
            loop.add_reader(self._master, self._on_readable)

    def _on_readable(self) -> None:
        if self._master is None:
            return
        loop = asyncio.get_running_loop()
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            loop.remove_reader(self._master)
            self._set_connected(False)
            self._poll_timer = loop.call_later(OPEN_POLL_S, self._look_for_opening)
            return
        self._inbound += data
        if len(self._inbound) >= UNREAD_LIMIT_BYTES:
            self._reading_paused = True
            loop.remove_reader(self._master)
        self._announce_change()

    def _set_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._announce_change()

    def _announce_change(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    async def _wait_change(self) -> None:
        if self._closed:
            raise LinkClosed(f"link {self._path} is closed")
        await self._changed.wait()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _is_hung_up(master: int) -> bool:
    """Whether nobody has the slave open and nothing waits that an opener left behind between two looks."""
    poll = select.poll()
    poll.register(master, select.POLLIN)
    return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))


def _create_pair(path: Path) -> tuple[int, str]:
    """Open a raw pair, publish its slave at `path`; return the non-blocking master and the slave's name."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        os.set_blocking(master, False)
        slave_name = os.ttyname(slave)
        _publish(path, slave_name)
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return master, slave_name


def _publish(path: Path, target: str) -> None:
    """Point the symbolic link at `target` in one step, so that an opener never finds it missing or half made."""
    if os.path.lexists(path) and not path.is_symlink():
        raise FileExistsError(errno.EEXIST, "not a symbolic link, left alone", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(target)
    fresh.replace(path)


def _remove_pair(path: Path, master: int, slave_name: str) -> None:
    """Remove the link if it still points at this pair, then let go of the master."""
    try:
        if path.is_symlink() and os.readlink(path) == slave_name:
            path.unlink()
    finally:
        os.close(master)
