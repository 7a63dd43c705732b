"""`yibao run` from nothing to its first answer, and its memory when idle, against the bare imports.

Floor: a process that imports the very modules that `yibao run` has imported once it is ready (the interpreter itself
lists them), in the same order, and then waits. Ours: the command itself, until `GET /status` is answered on its socket;
the key is unlocked and the hub signed in after that, in the background, and idle memory is taken when both are done.
Memory is the resident set (`Rss` of /proc/PID/smaps_rollup); the proportional set (`Pss`) stands in the note.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import msgspec

from bench import far_end
from bench.commands import PYTHON, YIBAO
from bench.excess import Excess
from bench.far_end import Addresses
from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PublicKey

READY_NAME, MEMORY_NAME = "yibao run ready", "yibao run idle memory"
LIMIT_MS = 500.0
LIMIT_MIB = 25.0
ROUNDS = 7
IDLE_S = 1.0
"""How long the service is left alone before its memory is taken."""
TIMEOUT_S = 20.0
INSTITUTION = "P99990000001"
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


class Memory(msgspec.Struct, frozen=True):
    """What a process keeps in memory, MiB."""

    rss: float
    pss: float


class Start(msgspec.Struct, frozen=True):
    """One start: how long until it was there, and what it then kept."""

    took_ms: float
    memory: Memory


async def prepare(folder: Path, addresses: Addresses, keys_of: Path | None = None) -> Path:
    """Write a counter's folder (configuration, keys, the hub's key, registered at the hub); return its file.

    `keys_of` is a folder whose `keys/` (same password) are taken instead of new ones.
    """
    (folder / "hub.pem").write_bytes(PublicKey(bytes.fromhex(addresses.hub_public_point)).to_pem())
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text("bench only\n")
    store = SoftwareKeyStore(folder / "keys")
    if keys_of is None:
        point = (await asyncio.to_thread(store.create, b"bench only")).public_point
    else:
        await asyncio.to_thread(shutil.copytree, keys_of / "keys", folder / "keys")
        point = (await asyncio.to_thread(store.public_key)).point
    order = {"institution": INSTITUTION, "slot": "01", "public_point": point.hex()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{addresses.control}/terminals", json=order) as answer,
    ):
        answer.raise_for_status()
    file = folder / "counter.toml"
    file.write_text(
        f"""
[institution]
code = "{INSTITUTION}"
name = "测试大药房一号店"
division = "999900"
[terminal]
till = "T01"
slot = 1
operator = "T01"
operator_name = "收银终端一"
[hub]
url = "{addresses.hub}"
public_key = "hub.pem"
[centre]
url = "{addresses.certificate_centre}"
[keys]
password_file = "password"
""",
        encoding="utf-8",
    )
    return file


async def modules_of_run(counter: Path) -> list[str]:
    """Start the service once and return what it has imported when it is ready, in its order."""
    async with process_of(str(YIBAO), "run", "--counter", str(counter), imports=True) as process:
        await signed_in(counter)
        process.terminate()
        assert process.stderr is not None
        listed = (await process.stderr.read()).decode()
        await process.wait()
    return listed_modules(listed)


def listed_modules(text: str) -> list[str]:
    """Read the module names out of what the interpreter writes about its imports."""
    return _IMPORTED.findall(text)


async def start_service(counter: Path, idle_s: float) -> Start:
    """Start `yibao run`, wait until it answers, then until it is idle; end it."""
    start = time.perf_counter()
    async with process_of(str(YIBAO), "run", "--counter", str(counter)) as process:
        await status(counter)
        took_ms = (time.perf_counter() - start) * 1000
        await signed_in(counter)
        await asyncio.sleep(idle_s)
        memory = memory_of(process.pid)
        process.terminate()
        if await process.wait() != 0:
            raise RuntimeError(f"yibao run ended with {process.returncode}")
    return Start(took_ms, memory)


async def start_imports(modules: list[str]) -> Start:
    """Start an interpreter that imports `modules`; end it."""
    start = time.perf_counter()
    async with process_of(str(PYTHON), "-m", "bench.imports_only") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(modules).encode() + b"\n")
        async with asyncio.timeout(TIMEOUT_S):
            left_out = await process.stdout.readline()
        if not left_out:
            raise RuntimeError("the imports failed; the complaint stands above")
        took_ms = (time.perf_counter() - start) * 1000
        memory = memory_of(process.pid)
        process.stdin.close()
        await process.wait()
    return Start(took_ms, memory)


def memory_of(pid: int) -> Memory:
    """Read what a process keeps in memory."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB$", text, re.MULTILINE))
    return Memory(int(found["Rss"]) / 1024, int(found["Pss"]) / 1024)


@contextlib.asynccontextmanager
async def process_of(
    *command: str, imports: bool = False, stderr: int | None = None
) -> AsyncIterator[Process]:
    """A process that is killed at the end if it still runs."""
    environment = dict(os.environ)
    if imports:
        environment["PYTHONPROFILEIMPORTTIME"] = "1"
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE if imports else stderr, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def status(counter: Path) -> dict[str, object]:
    """Ask until the socket answers; a bare request, so that our side of the asking costs nothing."""
    socket = counter.parent / "state" / "api.sock"
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(socket)
                writer.write(b"GET /status HTTP/1.1\r\nHost: counter\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                head, _, body = answer.partition(b"\r\n\r\n")
                if b" 200 " in head.partition(b"\r\n")[0]:
                    found: dict[str, object] = json.loads(body)
                    return found
            await asyncio.sleep(0.002)


async def signed_in(counter: Path) -> None:
    """Ask until the service has signed in at the hub."""
    async with asyncio.timeout(TIMEOUT_S):
        while (await status(counter))["sign_in"] != "signed_in":  # noqa: ASYNC110 - another process; nothing to wait on
            await asyncio.sleep(0.02)


async def measure(folder: Path, rounds: int = ROUNDS, idle_s: float = IDLE_S) -> list[Excess]:
    """Measure with a counter in `folder`."""
    async with far_end.running() as addresses:
        counter = await prepare(folder, addresses)
        modules = await modules_of_run(counter)
        ours, floor = [], []
        for _ in range(rounds):
            ours.append(await start_service(counter, idle_s))
            floor.append(await start_imports(modules))
    return [
        Excess(
            READY_NAME,
            median(one.took_ms for one in ours),
            median(one.took_ms for one in floor),
            LIMIT_MS,
            "ms",
            f"from the start of the process to the first answer of /status, against importing its {len(modules)} modules",
        ),
        Excess(
            MEMORY_NAME,
            median(one.memory.rss for one in ours),
            median(one.memory.rss for one in floor),
            LIMIT_MIB,
            "MiB",
            f"resident set; proportional set {median(one.memory.pss for one in ours):.1f} against"
            f" {median(one.memory.pss for one in floor):.1f} MiB",
        ),
    ]


def run() -> list[Excess]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return asyncio.run(measure(Path(folder)))
