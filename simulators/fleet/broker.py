"""A mosquitto of our own on a free loopback port, with its own files; the machine's broker is left alone."""

import asyncio
import base64
import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Final

from protocols.fleet.topics import broker_rules

# Below the ephemeral range (32768 and up), where any outgoing connection may sit on a port we were about to use.
_PORTS: Final = range(21_000, 32_000)
_TRIES: Final = 20
_START_TIMEOUT_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.005
_ITERATIONS: Final = 101
"""What mosquitto_passwd writes by default (PBKDF2 with SHA-512)."""


class BrokerUnavailable(Exception):
    """Our mosquitto cannot run here, or did not come up; the text says what is missing."""


def mosquitto_program() -> str | None:
    """Path of mosquitto; it lies outside many a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/sbin")


def password_line(name: str, password: str) -> str:
    """One line of a mosquitto password file (format 7)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    return f"{name}:$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def plain_settings(folder: Path, port: int) -> str:
    """Loopback without TLS, names with passwords, the access rules of the fleet channel."""
    return "\n".join(
        (
            f"listener {port} 127.0.0.1",
            "allow_anonymous false",
            "use_username_as_clientid true",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/terminals.acl",
            "persistence true",
            f"persistence_location {folder}/",
            "",
        )
    )


class MosquittoBroker:
    """One mosquitto. `restart` keeps port and stored sessions; `kill` is a power cut, `pause` a broker that hangs."""

    def __init__(
        self,
        folder: Path,
        passwords: Mapping[str, str],
        settings: Callable[[Path, int], str] = plain_settings,
    ) -> None:
        """`passwords` holds the known names. `settings` writes the configuration for a folder and a port."""
        self.folder = folder.absolute()
        self.port = 0
        self._passwords = dict(passwords)
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients on this machine find it, without TLS."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "mosquitto.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs, also while it is stopped by a signal."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    async def start(self) -> None:
        """Start and return when it takes connections; raises `BrokerUnavailable`. It ends at the latest with this event loop."""
        program = await asyncio.to_thread(self._prepare)
        candidates = [self.port] if self.port else SystemRandom().sample(_PORTS, _TRIES)
        for port in candidates:
            self.port = port
            if await self._start_on(program):
                return
        raise BrokerUnavailable(f"mosquitto did not come up; see {self.log}")

    def _prepare(self) -> str:
        program = mosquitto_program()
        if program is None:
            raise BrokerUnavailable("missing: mosquitto")
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("passwords", "".join(password_line(*known) for known in self._passwords.items())),
            ("terminals.acl", broker_rules()),
        ):
            path = self.folder / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
        return program

    async def _start_on(self, program: str) -> bool:
        self._process = await asyncio.to_thread(self._launch, program)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while self.pid is not None:
                    if await self._answers():
                        return self.pid is not None
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.stop()
        return False

    def _launch(self, program: str) -> "subprocess.Popen[bytes]":
        # As root it would become the user `mosquitto`, who may not read our files: it stays who we are.
        us = pwd.getpwuid(os.geteuid()).pw_name
        settings = self.folder / "mosquitto.conf"
        settings.write_text(f"user {us}\n{self._settings(self.folder, self.port)}", encoding="utf-8")
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*guard, program, "-c", str(settings), "-v"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port, family=socket.AF_INET)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def stop(self) -> None:
        """End it in order: it stores its sessions."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut does: what it had acknowledged but not stored is gone."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Start again on the same port with the same files."""
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """Let it hang: connections stand, nothing is answered."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        if number is not signal.SIGKILL:
            process.send_signal(signal.SIGCONT)  # a stopped one would not hear it
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
