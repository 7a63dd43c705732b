"""Start, kill, start again: the simulated counter and its service as processes of their own."""

import signal
from pathlib import Path

import pytest

from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import Running, run

pytestmark = pytest.mark.timeout(60)


def test_a_killed_service_ends_its_doubt_at_the_next_start_and_a_restarted_simulation_keeps_its_books(
    call: Call, fresh_place: Path
) -> None:
    place = fresh_place
    with Running(["sim", "up"], place) as sim:
        sim.wait_for("Try next")
        with Running(["run"], place) as service:
            service.wait_for("The service answers")
            call(place, "sim", "hub", "fault", "delay", "30", "--infno", "2102")
            code = call(place, "sim", "phone", "code", "jia").stdout.strip()
            arguments = ["sale", "--number", "1", "--item", "6901234567892", "--code", code, "--yes"]
            with Running(arguments, place, errors_too=True) as sale:
                sale.wait_for("Customer pays in cash")
                while not call(place, "sim", "hub", "faults", "--json").json["fired"]:
                    assert sale.process.poll() is None, sale.seen
                service.process.kill()
                service.process.wait()
                with Running(["run"], place) as again:
                    again.wait_for("The service answers")
                    sale.wait_for("Reversed.")
                    assert sale.end() == 1
                    assert again.send(signal.SIGTERM) == 0
                    assert "The service has ended" in again.seen
        assert sim.send(signal.SIGINT) == 0
        assert "has ended" in sim.seen
    assert not (place / "sim/endpoints.json").exists()

    with Running(["sim", "up"], place) as sim:
        sim.wait_for("Try next")
        with Running(["run"], place) as service:
            service.wait_for("The service answers")
            code = call(place, "sim", "phone", "code", "jia").stdout.strip()
            sold = call(place, "sale", "--item", "6901234567892", "--code", code, "--yes")
            assert sold.returncode == 0, sold.stdout + sold.stderr
            books = call(place, "sim", "hub", "ledger", "--json").json
            assert [row["infno"] for row in books] == ["2102", "2601", "2102"]
            assert len({row["setl_id"] for row in books}) == 3


def test_a_wrong_key_password_is_told_and_the_service_does_not_start(call: Call, fresh_place: Path) -> None:
    place = fresh_place
    with Running(["sim", "up", "."], place) as sim:
        sim.wait_for("Try next")
        (place / "key-password").write_text("another one\n")
        refused = run("run", cwd=place)
        assert refused.returncode == 1
        assert "This password does not open the keys" in refused.stderr
        assert "密码打不开" in refused.stderr
        assert "Traceback" not in refused.stderr
        (place / "key-password").chmod(0o644)
        refused = run("run", cwd=place)
        assert refused.returncode == 1
        assert "chmod 600" in refused.stderr
