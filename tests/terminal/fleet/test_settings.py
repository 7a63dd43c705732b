"""The section [broker] of a counter's file: what is taken, and what is refused with a reason."""

import random
from pathlib import Path

import pytest

from drivers.mqtt.address import BrokerAddress
from protocols.gm.sm2 import PrivateKey
from terminal.app import read_fleet_settings
from terminal.config import ConfigError, read_config

COUNTER = """
[institution]
code = "{code}"
name = "测试大药房一号店"
division = "999900"
[terminal]
till = "T01"
slot = 1
operator = "T01"
operator_name = "收银员测试"
[hub]
url = "http://127.0.0.1:1"
public_key = "hub.pem"
[centre]
url = "http://127.0.0.1:1"
[broker]
{broker}
"""


def counter_file(folder: Path, broker: str, code: str = "P99990000001") -> Path:
    """A counter's file with these lines in its section."""
    path = folder / "counter.toml"
    path.write_text(COUNTER.format(code=code, broker=broker), encoding="utf-8")
    return path


def test_without_a_url_there_is_no_fleet(tmp_path: Path) -> None:
    """The section may be there and empty."""
    assert read_fleet_settings(read_config(counter_file(tmp_path, ""))) is None


def test_name_address_and_fleet_key_are_read(tmp_path: Path) -> None:
    """The terminal's name is made of institution and slot."""
    key = PrivateKey.generate(random.Random(1).randbytes).public_key
    (tmp_path / "fleet.pem").write_bytes(key.to_pem())
    broker = 'url = "mqtts://broker.example"\npassword_file = "password"\nfleet_key = "fleet.pem"'
    settings = read_fleet_settings(read_config(counter_file(tmp_path, broker)))
    assert settings is not None
    assert settings.terminal == "P99990000001-01"
    assert settings.broker == BrokerAddress("broker.example", 8883, True)
    assert settings.key == key


@pytest.mark.parametrize(
    ("broker", "reason"),
    [
        ('url = "mqtts://broker.example"', "says who we are"),
        ('url = "mqtt://127.0.0.1"\ncertificate = "a.pem"\ncommand_certificate = "b.pem"', "says who we are"),
        ('url = "mqtts://broker.example"\ncertificate = "a.pem"', "command_certificate"),
        ('url = "mqtt://broker.example"\npassword_file = "p"', "this machine only"),
        ('url = "mqtts://me:word@broker.example"\npassword_file = "p"', "nothing but"),
        (
            'url = "mqtts://broker.example"\npassword_file = "p"\nfleet_key = "missing.pem"',
            "broker.fleet_key",
        ),
        ('url = "mqtts://broker.example"\npassword_file = "p"\nmqtt = "4"', "mqtt"),
        ('url = "mqtts://broker.example"\npassword = "word"', "unknown key"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(tmp_path: Path, broker: str, reason: str) -> None:
    """Not at two in the morning, when the broker is first reached."""
    with pytest.raises(ConfigError, match=reason):
        read_fleet_settings(read_config(counter_file(tmp_path, broker)))


def test_an_institution_code_that_could_be_a_wildcard_is_refused(tmp_path: Path) -> None:
    """T41."""
    broker = 'url = "mqtts://broker.example"\npassword_file = "p"'
    with pytest.raises(ConfigError, match="letters or digits"):
        read_fleet_settings(read_config(counter_file(tmp_path, broker, code="P9999000000+")))
