"""Is a service there? Found out without starting, stopping or disturbing one."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from terminal.config import CounterFiles
from tests.terminal.harness import counter_config
from yibao.doctor.service import find_service, judge_service, lock_holder


@pytest.fixture
def files() -> Iterator[CounterFiles]:
    """A counter's files in a folder with a short path; its state folder is there."""
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        found = CounterFiles(counter_config(), Path(name))
        found.state_dir.mkdir()
        yield found


async def test_where_nobody_is_nobody_is_found(files: CounterFiles) -> None:
    found = await find_service(files)
    assert (found.kind, found.health, found.pid, found.owns_the_devices) == ("not_running", None, None, False)
    assert judge_service(found).code == "service_not_running"


async def test_a_held_lock_without_a_socket_is_a_silent_service(files: CounterFiles) -> None:
    handle = os.open(files.state_dir / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        found = await find_service(files)
    finally:
        os.close(handle)
    assert (found.kind, found.pid, found.owns_the_devices) == ("silent", os.getpid(), True)
    said = judge_service(found)
    assert (said.state, str(os.getpid()) in said.next_step.en) == ("fault", True)


def test_looking_at_the_lock_does_not_take_it(files: CounterFiles) -> None:
    lock = files.state_dir / "lock"
    lock.touch()
    assert lock_holder(lock) is None
    with lock.open("r+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # would raise if anybody held it
        assert lock_holder(lock) == os.getpid()
    assert lock_holder(lock) is None


def test_a_process_that_only_waits_for_the_lock_does_not_hold_it(tmp_path: Path) -> None:
    lock, table = tmp_path / "lock", tmp_path / "locks"
    lock.touch()
    inode = lock.stat().st_ino
    table.write_text(
        f"1: POSIX  ADVISORY  READ 11 08:01:{inode} 0 EOF\n"
        f"2: FLOCK  ADVISORY  WRITE 22 08:01:{inode + 1} 0 EOF\n"
        f"3: FLOCK  ADVISORY  WRITE 33 08:01:{inode} 0 EOF\n"
        f"3: -> FLOCK  ADVISORY  WRITE 44 08:01:{inode} 0 EOF\n"
    )
    assert lock_holder(lock, table) == 33
    table.write_text(f"3: -> FLOCK  ADVISORY  WRITE 44 08:01:{inode} 0 EOF\n\n")
    assert lock_holder(lock, table) is None
    assert lock_holder(lock, tmp_path / "no table") is None
    assert lock_holder(tmp_path / "no lock", table) is None


async def serve(path: Path, handler: object) -> web.AppRunner:
    """A service on the socket that answers everything by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]  # the test's own functions fit
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    return runner


async def test_a_socket_that_answers_nonsense_is_a_silent_service(files: CounterFiles) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="?")

    runner = await serve(files.socket_path, broken)
    try:
        found = await find_service(files)
    finally:
        await runner.cleanup()
    assert found.kind == "silent"


async def test_a_socket_that_never_answers_is_a_silent_service(
    files: CounterFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yibao.doctor.service.HEALTH_LIMIT_S", 0.05)

    async def silent(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    runner = await serve(files.socket_path, silent)
    try:
        found = await find_service(files)
    finally:
        await runner.cleanup()
    assert found.kind == "silent"


async def test_a_socket_of_another_user_is_told_as_one(
    files: CounterFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yibao.client import CounterClient, ServiceNotRunning
    from yibao.words import say

    async def forbidden(_: CounterClient) -> None:
        raise ServiceNotRunning(say("socket_forbidden", path="x"))

    monkeypatch.setattr(CounterClient, "health", forbidden)
    found = await find_service(files)
    assert (found.kind, found.owns_the_devices) == ("forbidden", True)
    assert judge_service(found).state == "unknown"
