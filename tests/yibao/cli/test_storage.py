"""What goes wrong with the disk under a running service, as real processes: each a clear message, no new sale, nothing lost."""

import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.journal.records import JournalFailed
from tests.faults import fired
from tests.real_parts import real_part_missing, require_real
from tests.yibao.cli.conftest import Call, Ended, looked_at
from tests.yibao.cli.processes import Running, run
from yibao import verify_export
from yibao.cli.errors import words_of

pytestmark = pytest.mark.timeout(90)
READY = "The service answers"


def sell(call: Call, place: Path, *options: str) -> Ended:
    """One sale of one article."""
    code = call(place, "sim", "phone", "code", "jia").stdout.strip()
    return call(place, "sale", "--item", "6901234567892", "--code", code, "--yes", *options)


def live(call: Call, place: Path) -> int:
    """Settlements that stand in the hub's books."""
    rows = call(place, "sim", "hub", "ledger", "--json").json
    return sum(1 if row["infno"] == "2102" else -1 for row in rows)


def test_an_old_journal_put_back_sells_nothing_before_two_people_accept_it(
    call: Call, fresh_place: Path
) -> None:
    """F29 from end to end; and the audit log's export, verified without this program; and a second service (F32)."""
    place = fresh_place
    state = place / "sim/state"
    with Running(["sim", "up"], place) as sim:
        sim.wait_for("Try next")
        with Running(["run"], place) as service:
            service.wait_for(READY)
            assert sell(call, place).returncode == 0
            second = run("run", cwd=place)
            fired("F32")
            assert second.returncode == 1
            assert "已有服务在运行" in second.stderr
            assert service.send(signal.SIGTERM) == 0
        shutil.copytree(state, place / "yesterday")
        with Running(["run"], place) as service:
            service.wait_for(READY)
            assert sell(call, place).returncode == 0
            assert service.send(signal.SIGTERM) == 0
        exported = call(place, "journal", "export", "log.jsonl", "--json").json
        assert verify_export.main([str(place / "log.jsonl"), "--key-id", exported["exported"]["key_id"]]) == 0
        assert (place / "verify_export.py").read_bytes() == Path(verify_export.__file__).read_bytes()
        assert call(place, "journal", "export", "log.jsonl").returncode == 1, "nothing is written over"
        assert call(place, "journal", "export", ".").returncode == 1
        spaced = place / "off site"
        spaced.mkdir()
        told = call(place, "journal", "export", "off site/log.jsonl").stdout.splitlines()[-1]
        assert shlex.split(told)[2:4] == ["off site/verify_export.py", "off site/log.jsonl"]
        (spaced / "verify_export.py").write_text("raise SystemExit(0)")
        refused = call(place, "journal", "export", "off site/more.jsonl")
        assert (refused.returncode, "not the program that belongs" in refused.stderr) == (1, True)
        assert not (spaced / "more.jsonl").exists()

        shutil.rmtree(state)
        shutil.copytree(place / "yesterday", state)
        fired("F29")
        with Running(["run"], place) as service:
            service.wait_for(READY)
            refused = sell(call, place)
            assert refused.returncode == 1
            assert "本机日志不是原来的那一份" in refused.stderr
            assert "reconcile the missing days" in refused.stderr
            seen = call(place, "journal", "anchor", "--json")
            assert seen.returncode == 1
            (day,) = seen.json["days"]
            assert (
                "days must be compared" in call(place, "journal", "accept", "--by", "A", "--by", "B").stderr
            )
            # Within seconds of the lost hours the hub may have seen our next message ids: then it is run again, as told.
            assert any("not_compared" not in call(place, "reconcile", day).stdout for _ in range(8))
            assert call(place, "journal", "accept", "--by", "A", "--by", "A").returncode == 1
            assert call(place, "journal", "accept", "--by", "A").returncode == 2
            assert call(place, "journal", "accept", "--by", "A", "--by", "B").returncode == 0
            assert sell(call, place).returncode == 0
            assert "nothing to accept" in call(place, "journal", "accept", "--by", "A", "--by", "B").stderr
            assert service.send(signal.SIGTERM) == 0
        assert live(call, place) == 3
        with Running(["run", "--anchor", "1:" + "0" * 16], place) as service:
            service.wait_for(READY)
            assert "not the one that was here" in sell(call, place).stderr
        assert run("run", "--anchor", "nonsense", cwd=place).returncode == 2


def test_a_damaged_journal_and_a_damaged_key_are_told_and_nothing_starts(
    call: Call, fresh_place: Path
) -> None:
    """F26: what happened, who holds the money, what to do; Chinese first; and the whole file comes back as it was."""
    place = fresh_place
    journal, key = place / "sim/state/journal.db", place / "sim/audit-keys/signing-key.pem"
    with Running(["sim", "up"], place) as sim:
        sim.wait_for("Try next")
        with Running(["run"], place) as service:
            service.wait_for(READY)
            assert sell(call, place).returncode == 0
            assert service.send(signal.SIGTERM) == 0
        good = journal.read_bytes()
        journal.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        fired("F26")
        refused = run("run", cwd=place)
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[-2].startswith("账本已损坏")
        assert "The hub's ledger says who holds the money" in refused.stderr
        assert call(place, "journal", "verify").returncode == 1
        journal.write_bytes(good)

        pem = key.read_bytes()
        key.write_bytes(pem[:100] + bytes([pem[100] ^ 1]) + pem[101:])
        fired("F26")
        refused = run("run", cwd=place)
        assert refused.returncode == 1
        assert "signing-key.pem" in refused.stderr
        assert "Traceback" not in refused.stderr
        key.write_bytes(pem)
        with Running(["run"], place) as service:
            service.wait_for(READY)
            assert sell(call, place).returncode == 0
            assert live(call, place) == 2


def finished(status: dict[str, object]) -> bool:
    """The service is there, and nothing is open."""
    return status.get("phase") == "ready" and status["doubts"] == 0


@pytest.mark.parametrize(
    ("reason", "code", "chinese"),
    [
        ("FullError", "journal_full", "磁盘已满，账本无法再写入。不再接受新销售。"),
        (
            "ReadOnlyError: attempt to write a readonly database",
            "journal_read_only",
            "账本所在磁盘变为只读。不再接受新销售。",
        ),
        ("IOError", "journal_failed", "账本无法再写入（磁盘出错）。"),
        ("CorruptError", "journal_damaged", "账本已损坏（文件损坏）。不再接受新销售。"),
        ("the audit log was changed", "journal_damaged", "账本已损坏（审计日志在终端之外被改动）。"),
        ("row changed outside the terminal", "journal_damaged", "账本已损坏（"),
    ],
)
def test_a_service_that_ends_over_its_disk_says_what_holds_and_what_to_do(
    reason: str, code: str, chinese: str
) -> None:
    words = words_of(JournalFailed(reason))
    assert words is not None
    assert words.code == code
    assert words.both().startswith(chinese)


@pytest.fixture
def small_state(fresh_place: Path) -> Iterator[Path]:
    """A counter whose state folder is a real file system of 48 MB."""
    state = fresh_place / "sim/state"
    with Running(["sim", "up"], fresh_place) as sim:
        sim.wait_for("Try next")
        state.mkdir(mode=0o700, exist_ok=True)
        tried = subprocess.run(
            [require_real("mount"), "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(state)],
            capture_output=True, check=False,
        )  # fmt: skip
        if tried.returncode != 0:
            real_part_missing("the right to mount a file system (run the tests as root)")
        try:
            yield fresh_place
        finally:
            subprocess.run([require_real("umount"), "-l", str(state)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to the last block."""
    path = folder / "somebody-elses.log"
    with path.open("ab", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while file.write(bytes(size)):
                    continue
            except OSError:
                continue
    return path


@pytest.mark.blocking_allowed(
    "a command waits for the service, which is another process: nobody else is kept waiting"
)
def test_on_a_full_disk_an_open_doubt_is_finished_and_no_new_sale_starts(
    call: Call, small_state: Path
) -> None:
    """F25 on a real file system: whether the service survives the full disk or ends and is started again."""
    place, state = small_state, small_state / "sim/state"
    service = Running(["run"], place)
    try:
        service.wait_for(READY)
        assert sell(call, place).returncode == 0
        call(place, "sim", "hub", "fault", "lose-answer", "--infno", "2102")
        call(place, "sim", "hub", "fault", "lose-request", "--infno", "2601", "--count", "9")
        assert sell(call, place, "--wait", "0").returncode == 3, "the outcome is open"
        log = fill(state)
        fired("F25")
        call(place, "sim", "hub", "clear")
        while not finished(looked_at(call, place)):
            if service.process.poll() is not None:
                assert service.process.returncode == 1
                service.__exit__(None, None, None)
                service = Running(["run"], place)
                service.wait_for(READY)
        assert live(call, place) == 1, "reversed on a full disk"
        refused = sell(call, place)
        assert refused.returncode == 1
        assert "磁盘已满" in refused.stderr
        assert live(call, place) == 1
        log.unlink()
        while looked_at(call, place)["holds"]:
            assert service.process.poll() is None
        assert (state / "reserve").stat().st_size == 4 * 1024 * 1024
        assert sell(call, place).returncode == 0
        assert call(place, "journal", "verify").returncode == 0
    finally:
        service.__exit__(None, None, None)
