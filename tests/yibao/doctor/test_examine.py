"""The whole examination: what it looks at, what it keeps its hands off, and that it always comes to an end."""

import asyncio
import datetime as dt
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from drivers.interfaces.reach import Reached
from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PrivateKey
from protocols.wire_time import WIRE_ZONE
from terminal.devices.reader_state import ReaderState
from terminal.shapes.hub import HubView, Ping
from tests.terminal.harness import Shop, virtual
from yibao.doctor import far_ends
from yibao.doctor.devices import Seen
from yibao.doctor.examine import Eyes, examine
from yibao.doctor.report import NAMES, Report, State

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)
CONFIG = """
[institution]
code = "P99990000001"
name = "测试大药房一号店"
division = "999900"
[terminal]
till = "T01"
slot = 1
operator = "T01"
operator_name = "收银员"
[keys]
password_file = "password"
[hub]
url = "http://127.0.0.1:1"
public_key = "hub.pem"
[centre]
url = "http://127.0.0.1:2"
[reader]
name = "Simulated"
"""


class World:
    """What lies outside the counter's files."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.line = Reached("127.0.0.1:1", connect_ms=0.1, answer_ms=0.2, status=405, server_time=NOW)
        self.seen = Seen(("Simulated reader 00",))
        self.reader = ReaderState("ready", reader="Simulated reader 00", card=True, card_answers=True)
        self.looked_at: list[str] = []

    async def reach(self, url: str, *_: object) -> Reached:
        """Every server is like `line`."""
        self.reached.append(url)
        return self.line

    async def probe(self, _: Path | None) -> Seen:
        """The card service."""
        return self.seen

    async def look(self, name: str) -> ReaderState:
        """The reader."""
        self.looked_at.append(name)
        return self.reader

    def eyes(self) -> Eyes:
        """For the doctor."""
        return Eyes(self.reach, self.probe, self.look, lambda: NOW)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A counter that could start; a short path, because a socket may lie in it."""
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        path = Path(name)
        (path / "counter.toml").write_text(CONFIG, encoding="utf-8")
        (path / "password").write_bytes(b"a password\n")
        (path / "password").chmod(0o600)
        SoftwareKeyStore(path / "keys", iterations=10).create(b"a password")
        (path / "hub.pem").write_bytes(PrivateKey.generate(os.urandom).public_key.to_pem())
        yield path


def states(report: Report) -> dict[str, str]:
    """Name to code."""
    return {part.name: part.code for part in report.parts}


async def test_without_a_service_the_doctor_looks_for_itself_at_everything(folder: Path) -> None:
    world = World()
    report = await examine(folder / "counter.toml", world.eyes())
    assert states(report) == {
        "service": "service_not_running", "config": "config_good", "program": "program_good", "keys": "keys_good",
        "journal": "journal_none", "doubts": "doubts_none", "disk": "disk_good", "clock": "clock_good",
        "fonts": states(report)["fonts"], "pcscd": "pcscd_good", "reader": "reader_good", "card": "card_there",
        "scanner": "scanner_not_configured", "printer": "printer_not_configured", "hub": "hub_unsigned",
        "centre": "centre_good", "broker": "broker_not_configured", "certificates": "certificates_none",
    }  # fmt: skip
    assert [part.name for part in report.parts] == list(NAMES)
    assert report.ok
    assert world.looked_at == ["Simulated"]
    assert sorted(world.reached) == ["http://127.0.0.1:1", "http://127.0.0.1:2"]


async def test_the_report_is_typed_json_that_reads_back(folder: Path) -> None:
    report = await examine(folder / "counter.toml", World().eyes())
    raw = msgspec.json.encode(report)
    assert msgspec.json.encode(msgspec.json.decode(raw, type=Report)) == raw
    assert msgspec.json.schema(Report)


def test_looking_writes_nothing(folder: Path) -> None:
    before = sorted(str(path) for path in folder.rglob("*"))
    asyncio.run(examine(folder / "counter.toml", World().eyes()))
    assert sorted(str(path) for path in folder.rglob("*")) == before


async def test_faults_are_counted_and_the_others_are_still_told(folder: Path) -> None:
    world = World()
    world.line = Reached("127.0.0.1:1", reason="refused")
    world.seen = Seen(problem="no_service")
    report = await examine(folder / "counter.toml", world.eyes())
    assert not report.ok
    faults = {part.name for part in report.parts if part.state is State.FAULT}
    assert faults == {"hub", "centre", "pcscd"}
    hub = next(part for part in report.parts if part.name == "hub")
    assert "拒绝" in hub.reason.zh
    assert states(report)["clock"] == "clock_alone"
    assert world.looked_at == [], "no reader is opened where no service answers"


async def test_a_configuration_that_cannot_be_read_is_the_first_fault_and_the_rest_waits(
    folder: Path,
) -> None:
    (folder / "counter.toml").write_text(CONFIG + "\n[nonsense]\nx = 1\n", encoding="utf-8")
    report = await examine(folder / "counter.toml", World().eyes())
    found = states(report)
    assert found.pop("config") == "config_wrong"
    assert (found.pop("program"), found.pop("fonts")[:5]) == ("program_good", "fonts")
    assert set(found.values()) == {"not_looked_at"}
    assert not report.ok
    assert not (await examine(folder / "none.toml", World().eyes())).ok


async def test_a_service_that_does_not_answer_keeps_its_devices(folder: Path) -> None:
    (folder / "state").mkdir()
    world = World()
    with (folder / "state" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = await examine(folder / "counter.toml", world.eyes())
    found = states(report)
    assert (report.service, found["service"]) == ("silent", "service_silent")
    assert (found["reader"], found["card"]) == ("owned_by_service", "owned_by_service")
    assert world.looked_at == []


async def test_a_look_that_breaks_down_does_not_take_the_others_with_it(folder: Path) -> None:
    class Broken(World):
        async def probe(self, _: Path | None) -> Seen:
            raise ZeroDivisionError

    report = await examine(folder / "counter.toml", Broken().eyes())
    found = states(report)
    assert {found[name] for name in ("pcscd", "reader", "card")} == {"look_broke_down"}
    assert found["hub"] == "hub_unsigned"


@virtual
async def test_a_journal_with_an_open_doubt_is_whole_and_told_by_its_age(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 99)
    await till.settle()
    await till.wait(600.0)
    await till.kill()
    from protocols.fleet.messages import DoubtAges
    from terminal.fleet.health import doubt_ages
    from yibao.doctor import books

    glance = books.glance(shop.journal_path)
    assert glance is not None
    ages = doubt_ages(glance.doubts_since, shop.clock.now())
    assert (ages.under_1_h, 595 <= ages.oldest_s <= 605) == (1, True)
    assert glance.slips_waiting == 0
    assert glance.newest is not None
    assert books.look_at_journal(shop.journal_path).code == "journal_good"
    idle, busy = (books.judge_doubts(ages, worked_off=one) for one in (False, True))
    assert (idle.code, busy.code) == ("doubts_idle", "doubts_open")
    assert "10 min" in idle.reason.en or "9 min" in idle.reason.en
    assert books.judge_doubts(DoubtAges(0, 1, 0, 2, 200_000), worked_off=True).code == "doubts_old"
    assert books.judge_doubts(None, worked_off=True).code == "doubts_unknown"


async def test_a_damaged_journal_is_a_fault_and_never_repaired(folder: Path) -> None:
    (folder / "state").mkdir()
    journal = folder / "state" / "journal.db"
    journal.write_bytes(b"no database, " * 1000)
    report = await examine(folder / "counter.toml", World().eyes())
    found = states(report)
    assert (found["journal"], found["doubts"]) == ("journal_bad", "doubts_unknown")
    assert journal.read_bytes() == b"no database, " * 1000


GOOD = Reached("127.0.0.1:1", connect_ms=0.1, answer_ms=0.2, status=405)


def pinged(hub: HubView, line: Reached = GOOD) -> str:
    """What the doctor says of the hub after a ping through the service."""
    ping = Ping("http://127.0.0.1:1", line, hub, asked_now=False)
    return far_ends.judge_hub(line, hub, ping, running=True).code


def test_the_hub_is_good_only_when_a_signed_answer_proved_it() -> None:
    proved = HubView("signed_in", "", "9001", 5.0, 20.0, 0.5, 3)
    assert pinged(proved) == "hub_good"
    assert pinged(HubView("failed", "timeout", "", None, None, None, None)) == "hub_not_signed_in"
    assert pinged(HubView("not_yet", "", "", None, None, None, None)) == "hub_not_signed_in"
    assert pinged(proved, Reached("127.0.0.1:1", reason="tls", detail="expired")) == "hub_unreached"
    assert far_ends.judge_hub(GOOD, None, None, running=True).code == "hub_unasked"


@pytest.mark.parametrize(
    ("state", "problem", "expected"),
    [("ready", "", "broker_good"), ("opening", "", "broker_opening"), ("absent", "unreachable", "broker_away"),
     ("fault", "bad_credentials", "broker_fault"), ("absent", "not configured", "broker_not_configured")],
)  # fmt: skip
def test_the_broker_is_judged_by_what_the_service_says(state: str, problem: str, expected: str) -> None:
    found = far_ends.judge_broker(state, problem, "127.0.0.1:1883")
    assert found.code == expected
    if expected == "broker_fault":
        assert "[broker] password_file" in found.reason.en


async def test_an_examination_ends_also_when_it_is_cancelled(folder: Path) -> None:
    class Slow(World):
        async def reach(self, url: str, *_: object) -> Reached:
            await asyncio.Event().wait()
            return self.line

    examining = asyncio.create_task(examine(folder / "counter.toml", Slow().eyes()))
    await asyncio.sleep(0)
    examining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await examining
