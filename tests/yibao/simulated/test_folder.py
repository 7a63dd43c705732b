"""The folder of a simulated counter: complete, private where it must be, and the same from start to start."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from drivers.http.tls import client_context
from protocols.gm.sm2 import PrivateKey
from simulators.certificates import SimulatedAuthority, is_current
from simulators.world import load_world
from terminal.config import Config, CounterFiles, read_config
from terminal.shop_items import parse_items
from tests.real_parts import require_real
from yibao.simulated.control import SimClient
from yibao.simulated.endpoints import CounterEndpoints, Endpoints, SimulationRefused, read_endpoints
from yibao.simulated.folder import CLINIC_INSTITUTION, Kept, SimFolder, write_file
from yibao.simulated.running import SimulatedCounter, simulated_counter
from yibao.simulated.template import counter_toml, counter_values, items_toml, with_addresses

WORLD = load_world()
PLACE = WORLD.institutions["P99990000001"]


def _keys(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    for section in msgspec.structs.fields(kind):
        if section.name == "staff":  # a list of people: written as an example, because there are none
            continue
        for field in msgspec.structs.fields(section.type):
            yield section.name, field.name


def test_every_key_of_the_configuration_stands_in_the_file_with_its_sentence() -> None:
    text = counter_toml(counter_values(PLACE, "", {}))
    found = tomllib.loads(text)
    assert {(section, key) for section, keys in found.items() for key in keys} == set(_keys(Config))
    assert "# [[staff]]" in text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            chinese, english = lines[number - 2 : number]
            assert chinese.startswith("# "), line
            assert not chinese.isascii(), line
            assert english.startswith("# "), line
            assert english.isascii(), line


def test_the_written_files_are_read_by_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "counter.toml"
    addresses = {
        "hub.url": "http://127.0.0.1:1", "centre.url": "http://127.0.0.1:2", "scanner.url": "/dev/a",
    }  # fmt: skip
    file.write_text(counter_toml(counter_values(PLACE, "", addresses)))
    files = read_config(file)
    assert isinstance(files, CounterFiles)
    assert (files.config.institution.code, files.config.terminal.slot) == ("P99990000001", 1)
    assert (files.config.scanner.url, files.config.printer.url) == ("/dev/a", "")
    items = parse_items(items_toml(WORLD.shop), "items.toml")
    assert set(items) == {good.ean for good in WORLD.shop}
    assert items["6901234567892"].national_code == "XTEST000000000000000D03"


def test_a_start_keeps_seed_institution_and_free_ports_and_draws_new_ids(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    first, second = folder.next_start(7), folder.next_start(9)
    assert (first.seed, second.seed, second.starts) == (7, 7, 2)
    assert first.run_seed != second.run_seed
    assert first.hub_signer().description == second.hub_signer().description
    ports = _ports(first)
    assert ports == _ports(second)
    assert len(set(ports)) == 5
    assert all(20000 <= port < 32000 for port in ports)


def _ports(kept: Kept) -> tuple[int, ...]:
    return kept.hub_port, kept.centre_port, kept.desk_port, kept.clinic_desk_port, kept.broker_port


def test_a_port_that_was_taken_meanwhile_is_replaced_and_put_right_in_the_configuration(
    tmp_path: Path,
) -> None:
    folder = SimFolder(tmp_path)
    first = folder.next_start(7)
    folder.write_counters(first, _endpoints(first.hub_port), {"counter": PLACE}, WORLD.shop)
    edited = folder.counter_file.read_text().replace('till = "T01"', 'till = "T09"')
    folder.counter_file.write_text(edited)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.hub_port))
        taken.listen()
        second = folder.next_start()
    assert second.hub_port != first.hub_port
    folder.write_counters(second, _endpoints(second.hub_port), {"counter": PLACE}, WORLD.shop)
    config = read_config(folder.counter_file).config
    assert config.hub.url == f"http://127.0.0.1:{second.hub_port}"
    assert config.terminal.till == "T09"


def test_two_starts_at_the_same_time_choose_different_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between choosing and listening lies a second of making keys and devices: a whole simulation failed on it."""
    drawn = iter([*range(27000, 27006)] * 2 + [*range(27006, 27099)])
    monkeypatch.setattr(secrets, "choice", lambda _: next(drawn))
    for name in "ab":
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as held:
        first = SimFolder(tmp_path / "a").next_start(7, held=held)
        second = SimFolder(tmp_path / "b").next_start(8, held=held)
        assert set(_ports(first)).isdisjoint(_ports(second))
    again = SimFolder(tmp_path / "a").next_start()
    assert _ports(again) == _ports(first), "its own ports, although connections may linger on them"
    with socket.create_server(("127.0.0.1", first.hub_port)):
        assert SimFolder(tmp_path / "a").next_start().hub_port != first.hub_port, "somebody listens there"


def test_a_port_of_the_last_start_that_another_start_has_drawn_since_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ask for the option that lets connections linger, so both could bind it, and the second to listen failed."""
    for name in "ab":
        (tmp_path / name).mkdir()
    first = SimFolder(tmp_path / "a").next_start(7)
    drawn = iter([*_ports(first), *range(27200, 27300)])
    monkeypatch.setattr(secrets, "choice", lambda _: next(drawn))
    with contextlib.ExitStack() as held:
        other = SimFolder(tmp_path / "b").next_start(8, held=held)
        assert set(_ports(first)) <= {*_ports(other)}
        again = SimFolder(tmp_path / "a").next_start()
    assert set(_ports(again)).isdisjoint(_ports(other))


def test_a_port_drawn_for_one_place_is_not_given_to_another_that_once_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SimFolder(tmp_path)
    first = folder.next_start(7)
    drawn = iter([first.centre_port, *range(32000, 32100)])
    with socket.create_server(("127.0.0.1", first.hub_port)):
        monkeypatch.setattr(secrets, "choice", lambda _: next(drawn))
        second = folder.next_start()
    assert second.hub_port == first.centre_port
    assert len(set(_ports(second))) == 5


def _endpoints(port: int) -> Endpoints:
    hub, point = f"http://127.0.0.1:{port}", PrivateKey.generate(Random(1).randbytes).public_key.point
    return Endpoints(
        hub, "/", "http://127.0.0.1:9", "/", f"{hub}/control", "http://127.0.0.1:8/desk", "national", point.hex(), "",
        "/dev/a", "/dev/b", 0,
    )  # fmt: skip


def test_an_address_is_put_right_only_where_it_still_is_ours() -> None:
    text = '[hub]\nurl = "a"\n[scanner]\nurl = "a"  # mine\n[broker]\nurl = ""\n[reader]\nname = "own"\n'
    before = {"hub.url": "a", "scanner.url": "a", "broker.url": "", "reader.name": ""}
    now = {"hub.url": "b", "scanner.url": "b", "broker.url": "mqtt://c", "reader.name": "x"}
    assert with_addresses(text, before, now) == (
        '[hub]\nurl = "b"\n[scanner]\nurl = "a"  # mine\n[broker]\nurl = "mqtt://c"\n[reader]\nname = "own"\n'
    )


def test_the_clinic_has_files_keys_and_passwords_of_its_own(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    kept = folder.next_start(7)
    assert kept.institutions == {"counter": "P99990000001", "clinic": CLINIC_INSTITUTION}
    clinic = CounterEndpoints(
        str(folder.clinic_file), "http://127.0.0.1:7/desk", "/dev/c", "/dev/d", "Virtual PCD 00 00", "/s/pcscd.comm"
    )  # fmt: skip
    endpoints = msgspec.structs.replace(_endpoints(kept.hub_port), clinic=clinic, broker="mqtt://127.0.0.1:5")
    institutions = {name: WORLD.institutions[code] for name, code in kept.institutions.items()}
    folder.write_counters(kept, endpoints, institutions, WORLD.shop)
    first, second = (read_config(file) for file in (folder.counter_file, folder.clinic_file))
    assert (second.config.institution.code, second.config.terminal.till) == ("H99990000002", "N01")
    assert (second.config.clinic.doctor_name, first.config.clinic.doctor_name) == ("测试医师", "")
    assert (second.config.reader.name, first.config.reader.name) == ("Virtual PCD 00 00", "")
    assert second.config.reader.socket == "/s/pcscd.comm"
    assert first.config.broker.url == second.config.broker.url == "mqtt://127.0.0.1:5"
    apart = [
        (files.state_dir, files.config.keys.dir, files.config.keys.password_file, files.config.broker.password_file)
        for files in (first, second)
    ]  # fmt: skip
    assert not set(apart[0]) & set(apart[1])
    assert folder.ensure_keys("counter") != folder.ensure_keys("clinic")
    assert endpoints.at("clinic").desk == "http://127.0.0.1:7/desk"


def test_a_world_whose_first_counter_is_a_clinic_has_no_second_one(tmp_path: Path) -> None:
    kept = SimFolder(tmp_path).next_start(7, CLINIC_INSTITUTION)
    assert kept.institutions == {"counter": CLINIC_INSTITUTION}
    with pytest.raises(SimulationRefused, match="no second counter"):
        _endpoints(1).at("clinic")


def test_the_password_and_the_keys_are_private(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path / "sim")
    with folder.only_one():
        point = folder.ensure_keys()
        assert folder.ensure_keys() == point
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "key-password").stat().st_mode & 0o777 == 0o600
    assert (folder.path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    with (
        folder.only_one(),
        pytest.raises(SimulationRefused, match="is up already"),
        SimFolder(tmp_path).only_one(),
    ):
        pass
    with folder.only_one():
        pass


def test_a_damaged_folder_and_another_institution_are_refused(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    folder.next_start(7, "H99990000002")
    with pytest.raises(SimulationRefused, match="belongs to H99990000002"):
        folder.next_start(7, "P99990000001")
    (tmp_path / "sim.json").write_text("{")
    with pytest.raises(SimulationRefused, match=r"sim\.json"):
        folder.next_start()
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SimulationRefused, match="cannot be used"), SimFolder(file / "sim").only_one():
        pass


def test_a_file_is_replaced_in_one_step_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "x"
    write_file(file, b"one", 0o600)
    write_file(file, b"two", 0o600)
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


async def test_everything_is_there_when_the_endpoints_are_and_gone_with_them(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path / "sim")
    async with simulated_counter(folder, seed=5) as up:
        assert isinstance(up, SimulatedCounter)
        async with SimClient(await asyncio.to_thread(read_endpoints, folder.path)) as sim:
            assert [row.slug for row in await sim.people()][:2] == ["jia", "yi"]
            code = await sim.phone_code("测试甲")
            assert (len(code), code[:3]) == (28, "424")
            assert (await sim.arm("delay 2.5", "2102", 3)).armed[0].left == 3
            await sim.clear_faults()
            assert (await sim.faults()).armed == ()
            assert await sim.ledger(live=True) == []
            assert await sim.messages() == []
            assert (await sim.set_certificate("jia", "FROZEN")).certificate == "FROZEN"
            assert (await sim.desk()).printer.printed == 0
            assert (await sim.printer("mute")).printer.muted
            assert await sim.papers() == []
            with pytest.raises(SimulationRefused, match="nobody is called x"):
                await sim.phone_code("x")
    with pytest.raises(SimulationRefused, match="is not up"):
        await asyncio.to_thread(read_endpoints, folder.path)


async def test_an_institution_without_a_counter_is_refused_and_nothing_listens(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    with pytest.raises(SimulationRefused, match="P99990000001"):
        async with simulated_counter(folder, institution="P00000000000"):
            pass
    assert not await asyncio.to_thread(folder.endpoints_file.exists)


async def test_both_counters_the_card_reader_and_the_broker_are_up() -> None:
    require_real("pcscd")
    require_real("mosquitto")
    with tempfile.TemporaryDirectory(prefix="yb") as short:
        folder = SimFolder(Path(short) / "sim")
        async with simulated_counter(folder) as up:
            assert up.endpoints.left_out == ()
            assert up.endpoints.broker.startswith("mqtt://127.0.0.1:")
            assert await asyncio.to_thread(folder.fleet_password.exists)
            async with SimClient(up.endpoints.at("clinic")) as sim:
                inserted = await sim.insert_card("测试乙")
                assert (inserted.card.card, inserted.card.reader) == ("yi", "Virtual PCD 00 00")
                assert (await sim.remove_card()).card.card == ""
            async with SimClient(up.endpoints) as sim:
                with pytest.raises(SimulationRefused, match="no card reader here"):
                    await sim.insert_card("yi")
        assert {("P99990000001", ""), ("H99990000002", "")} <= set(up.world.keys.registered())


async def test_without_pcscd_and_mosquitto_it_is_up_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which

    def which(name: str, *where: Any, **more: Any) -> str | None:
        return None if name in ("pcscd", "mosquitto") else found(name, *where, **more)

    monkeypatch.setattr(shutil, "which", which)
    folder = SimFolder(tmp_path / "sim")
    async with simulated_counter(folder) as up:
        assert [part.en.partition(":")[0] for part in up.endpoints.left_out] == [
            "pcscd with its virtual card reader",
            "mosquitto, the message broker of the fleet",
        ]
        clinic = await asyncio.to_thread(read_config, folder.clinic_file)
        assert (clinic.config.reader.name, clinic.config.broker.url) == ("", "")
        async with SimClient(up.endpoints.at("clinic")) as sim:
            with pytest.raises(SimulationRefused, match="missing: pcscd"):
                await sim.insert_card("yi")


def test_a_folder_that_is_served_over_tls_names_its_authority_and_back(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    kept = folder.next_start(7)
    plain = _endpoints(kept.hub_port)
    secure = msgspec.structs.replace(
        plain, hub=plain.hub.replace("http:", "https:"), certificate_centre="https://127.0.0.1:9", authority="tls/authority.pem"
    )  # fmt: skip
    for endpoints in (plain, secure, plain):
        folder.write_counters(kept, endpoints, {"counter": PLACE}, WORLD.shop)
        kept = folder.next_start()
        config = read_config(folder.counter_file).config
        assert (config.hub.url, config.hub.ca) == (endpoints.hub, endpoints.authority)
        assert (config.centre.url, config.centre.ca) == (endpoints.certificate_centre, endpoints.authority)


def test_certificates_are_made_once_and_again_before_they_expire(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path)
    authority, server = folder.certificates()
    first = server.read_bytes()
    assert (server.stat().st_mode & 0o777, client_context(authority).cert_store_stats()["x509_ca"]) == (
        0o600,
        1,
    )
    assert folder.certificates()[1].read_bytes() == first
    SimulatedAuthority(authority.parent, "authority").issue(server.name, until_days=0.5)
    assert folder.certificates()[1].read_bytes() != first
    assert is_current(server, days=300)
