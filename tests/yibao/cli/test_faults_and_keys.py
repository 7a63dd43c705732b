"""A simulated hub over TLS that misbehaves by a script, and keys that are rotated on both sides, as a person does it."""

from pathlib import Path

import pytest

from tests.faults import fired
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import Running

pytestmark = pytest.mark.timeout(90)
BARCODE = "6901234567892"


def sell(call: Call, place: Path, number: str, who: str) -> str:
    """One sale from beginning to end; return the state it ends in."""
    code = call(place, "sim", "phone", "code", who).stdout.strip()
    sold = call(place, "sale", "--item", BARCODE, "--code", code, "--number", number, "--yes", "--json")
    state: str = sold.json["state"]
    return state


def test_a_whole_sale_over_tls_and_both_keys_rotated_between_sales(call: Call, fresh_place: Path) -> None:
    """F53: what the former key signed stays proved, and nobody has to stop selling for longer than a restart."""
    place = fresh_place
    with Running(["sim", "up", "--tls"], place) as sim:
        sim.wait_for("Try next")
        settings = (place / "sim" / "counter.toml").read_text(encoding="utf-8")
        assert 'ca = "tls/authority.pem"' in settings
        assert 'url = "https://127.0.0.1:' in settings
        with Running(["run"], place) as service:
            service.wait_for("The service answers")
            assert sell(call, place, "A1", "jia") in ("DELIVERED", "CLOSED")
            rotated = call(place, "keys", "rotate", "--json")
            assert rotated.returncode == 0, rotated.stderr
            assert call(place, "sim", "hub", "enrol").returncode == 0
            fired("F53")
            assert sell(call, place, "A2", "yi") in ("DELIVERED", "CLOSED"), "the former key still signs"
        shown = call(place, "keys", "show", "--json").json
        assert shown["key_id"] == rotated.json["key_id"]
        assert shown["former"] == rotated.json["former"]

        announced = call(place, "sim", "hub", "rotate-key", "--announce", "--pem", "sim/hub-2.pem")
        assert announced.returncode == 0, announced.stderr
        pinned = settings.replace("more_keys = []", 'more_keys = [{ file = "hub-2.pem" }]')
        assert pinned != settings
        (place / "sim" / "counter.toml").write_text(pinned, encoding="utf-8")
        with Running(["run"], place) as service:
            service.wait_for("The service answers")
            assert sell(call, place, "A3", "ji") in ("DELIVERED", "CLOSED")
            assert call(place, "sim", "hub", "rotate-key", "--json").returncode == 0
            fired("F53")
            assert sell(call, place, "A4", "ji") in ("DELIVERED", "CLOSED")
            for number, key_id in (
                ("A1", shown["former"][0]),
                ("A3", shown["key_id"]),
                ("A4", shown["key_id"]),
            ):
                history = call(place, "journal", "show", number, "--json").json
                assert {one["msgid"] for one in history["attempts"]}
                capsule = call(place, "evidence", "export", number, "--out", f"{number}.zip", "--json")
                assert capsule.json["unproved"] == [], (number, key_id)
                assert any(f"terminal-{key_id}.pem" in line for line in capsule.json["commands"]) is (
                    number == "A1"
                )


def test_a_fault_script_is_loaded_listed_counted_and_dropped(call: Call, place: Path) -> None:
    script = place / "storm.toml"
    script.write_text('seed = 3\n[[step]]\nfault = "lose-answer"\ninfno = "2102"\n', encoding="utf-8")
    loaded = call(place, "sim", "hub", "script", "storm.toml")
    assert loaded.returncode == 0, loaded.stderr
    assert "seed 3, steps 1, rates 0" in loaded.stdout
    before = call(place, "sim", "hub", "faults", "--json").json["counts"].get("lose-answer", 0)
    assert sell(call, place, "S1", "ji") == "REVERSED"
    listed = call(place, "sim", "hub", "faults", "--json").json
    fired("F38", listed["counts"]["lose-answer"] - before)
    assert listed["counts"]["lose-answer"] == before + 1
    assert listed["script"]["step"] == [
        {"fault": {"kind": "lose-answer"}, "infno": "2102", "nth": 1, "count": 1}
    ]
    assert "lose-answer" in call(place, "sim", "hub", "faults").stdout
    assert call(place, "sim", "hub", "clear").returncode == 0
    assert call(place, "sim", "hub", "faults", "--json").json["script"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[step]]\nfault = "explode"\n', "bad.toml: step[0].fault: no fault 'explode'"),
        ('[[rate]]\nfault = "html"\nshare = 7\n', "bad.toml: rate[0].share: must be from 0 to 1"),
        ("seed = 1\n[[step]]\n", "bad.toml: step[0]: Object missing required field `fault`"),
        ("seed = \n", "bad.toml: Invalid value"),
    ],
)
def test_a_wrong_script_is_one_clear_error_and_changes_nothing(
    text: str, said: str, call: Call, place: Path
) -> None:
    (place / "bad.toml").write_text(text, encoding="utf-8")
    refused = call(place, "sim", "hub", "script", "bad.toml")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert call(place, "sim", "hub", "faults", "--json").json["script"] is None


def test_a_script_that_is_not_there_is_named(call: Call, place: Path) -> None:
    refused = call(place, "sim", "hub", "script", "nowhere.toml")
    assert refused.returncode == 2
    assert "nowhere.toml: No such file or directory" in refused.stderr


def test_a_fault_with_values_is_armed_as_it_is_written(call: Call, place: Path) -> None:
    assert call(place, "sim", "hub", "fault", "cut", "40", "close", "--infno", "3201").returncode == 0
    (armed,) = call(place, "sim", "hub", "faults", "--json").json["armed"]
    assert armed["fault"] == {"kind": "cut", "at": 40, "close": True}
    refused = call(place, "sim", "hub", "fault", "cut")
    assert refused.returncode == 1
    assert "fault cut takes AT [close]" in refused.stderr
    call(place, "sim", "hub", "clear")
