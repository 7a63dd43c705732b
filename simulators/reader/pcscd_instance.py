"""A pcscd of our own, with virtual readers only, that leaves the machine's pcscd and its readers alone.

It runs in a mount namespace of its own: a private folder lies over /run, so that its socket and its pid file meet
nobody's, and an empty one over the driver folder, so that it never opens a real reader. Without root the namespace
comes with a user namespace. Any number run side by side, each with its own ports.

Clients find it through the environment variable PCSCLITE_CSOCK_NAME, which the PC/SC library reads once per process:
set it before the first PC/SC call, and restart on the same folder.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from simulators.reader.pcscd_wire import NotAnswering, reader_names, reader_states

SOCKET_VARIABLE: Final = "PCSCLITE_CSOCK_NAME"
_DRIVER_FOLDER: Final = Path("/usr/lib/pcsc/drivers")
_DRIVER: Final = _DRIVER_FOLDER / "serial" / "libifdvpcd.so"
_READER: Final = "Virtual PCD"
# Below the ephemeral range (32768 and up), where any outgoing connection may sit on a port we were about to use; pcscd
# then says "address in use" and runs on without readers.
_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 32_000
_SPACING: Final = 16
_START_TIMEOUT_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.005
_SEEN_POLL_S: Final = 0.02
_MAX_SOCKET_PATH: Final = 107
_SCRIPT: Final = (
    'mount --bind "$1" /run && mount --bind "$2" "$3" && '
    'exec setpriv --pdeathsig KILL "$4" --foreground --config "$5"'
)


class PcscdUnavailable(Exception):
    """Our pcscd cannot run here, or did not come up; the text says what is missing."""


def missing_parts() -> tuple[str, ...]:
    """Name what this machine lacks for an own pcscd; empty when all is there."""
    missing = []
    if _pcscd() is None:
        missing.append("pcscd")
    if not _DRIVER.exists():
        missing.append("vpcd (the vsmartcard driver of pcscd)")
    missing += [tool for tool in ("unshare", "setpriv", "mount") if shutil.which(tool) is None]
    if not missing and subprocess.run([*_namespace(), "true"], capture_output=True, check=False).returncode:
        missing.append("permission to make a mount namespace")
    return tuple(missing)


def _pcscd() -> str | None:
    return shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin:/usr/local/sbin:/sbin")


def _namespace() -> list[str]:
    return (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )


class PcscdInstance:
    """One pcscd with two virtual slots: the person's card in the first, a SAM in the second (P-18)."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Prepare an instance in `folder`, which is made when absent and whose path must be short.

        `port` and the next one are its slots; None picks free ones.
        """
        self.folder = folder.absolute()
        self.socket_path = self.folder / "run" / "pcscd" / "pcscd.comm"
        if len(os.fsencode(self.socket_path)) > _MAX_SOCKET_PATH:
            raise PcscdUnavailable("the folder's path is too long for a Unix socket")
        self._fixed_port = port
        self.port = port or 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ports(self) -> tuple[int, int]:
        """Port of the first and of the second slot, known after `start`."""
        return self.port, self.port + 1

    @property
    def readers(self) -> tuple[str, str]:
        """PC/SC names of the two slots."""
        return f"{_READER} 00 00", f"{_READER} 00 01"

    @property
    def environment(self) -> dict[str, str]:
        """What a client process needs in its environment to reach this instance and no other."""
        return {SOCKET_VARIABLE: str(self.socket_path)}

    @property
    def pid(self) -> int | None:
        """Process id while it runs, also while it is stopped by a signal."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    async def start(self) -> None:
        """Start and return when the readers are there; raises PcscdUnavailable.

        It ends by itself when our process ends, however that happens, or the event loop that started it is closed.
        """
        missing = await asyncio.to_thread(missing_parts)
        if missing:
            raise PcscdUnavailable("missing: " + ", ".join(missing))
        for port in [self._fixed_port] if self._fixed_port else _free_ports(self.port):
            self.port = port
            if await self._start_on(port):
                return
        raise PcscdUnavailable(f"pcscd came up without its readers; see {self._log}")

    @property
    def _log(self) -> Path:
        return self.folder / "pcscd.log"

    async def _start_on(self, port: int) -> bool:
        self._process = await asyncio.to_thread(self._launch, port)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while self.pid is not None:
                    with contextlib.suppress(NotAnswering):
                        names = await reader_names(self.socket_path)
                        if set(names) == set(self.readers):
                            return True
                        break
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            pass
        await self.stop()
        return False

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        run, empty, config = self.folder / "run", self.folder / "no-drivers", self.folder / "config"
        for path in (run, empty, config):
            path.mkdir(parents=True, exist_ok=True)
        self.socket_path.unlink(missing_ok=True)  # a stale socket looks like a service
        driver = self.folder / _DRIVER.name
        shutil.copyfile(_DRIVER, driver)
        (config / "reader.conf").write_text(
            f'FRIENDLYNAME "{_READER}"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {driver}\nCHANNELID 0x{port:04X}\n'
        )
        arguments = [str(run), str(empty), str(_DRIVER_FOLDER), _pcscd() or "pcscd", str(config)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*_namespace(), "sh", "-c", _SCRIPT, "pcscd", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def card_seen(self, slot: int, atr: bytes, timeout_s: float = 3.0) -> None:
        """Wait until the service sees the card with this ATR in slot 0 or 1 (b"" = no card, or a mute one).

        It looks every 400 ms. Raises TimeoutError.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.suppress(NotAnswering):
                    states = await reader_states(self.socket_path)
                    if any(state.name == self.readers[slot] and state.atr == atr for state in states):
                        return
                await asyncio.sleep(_SEEN_POLL_S)

    async def stop(self) -> None:
        """End the service as its service manager would; nothing happens when it is not running."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End the service as a crash would; socket and pid file stay behind."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start again on the same socket and ports."""
        await self.stop()
        await self.start()

    def suspend(self) -> None:
        """Let the service hang (SIGSTOP): its socket accepts, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a hanging service go on."""
        self._signal(signal.SIGCONT)

    async def wait_ended(self, timeout_s: float) -> int:
        """Wait until the service has ended by itself and return its exit status (minus the signal's number)."""
        process = self._process
        if process is None:
            raise PcscdUnavailable("it was never started")
        return await asyncio.to_thread(process.wait, timeout_s)

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        self._signal(how)
        self._signal(signal.SIGCONT)
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def __aenter__(self) -> "PcscdInstance":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def _free_ports(before: int) -> list[int]:
    """Return a few pairs of free ports; a restart tries the pair it had `before` first."""
    # Different processes begin at different places, so that two starting at once do not fight for the same pair.
    begin = os.getpid() * _SPACING % (_LAST_PORT - _FIRST_PORT)
    candidates = [before] if before else []
    for step in range(0, _LAST_PORT - _FIRST_PORT, _SPACING):
        candidates.append(_FIRST_PORT + (begin + step) % (_LAST_PORT - _FIRST_PORT))
    free = (port for port in candidates if _is_free(port) and _is_free(port + 1))
    return [port for port, _ in zip(free, range(4), strict=False)]


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as vpcd does: old connections are no obstacle
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
