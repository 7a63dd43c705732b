"""The lines to hub and centre are pinned before anything starts: https with its authority, plain http to this machine."""

import re
from pathlib import Path

import pytest

from simulators.certificates import SimulatedAuthority
from terminal.app import load_trust
from terminal.config import ConfigError, CounterFiles, read_config

COUNTER = """
[institution]
code = "P99990000001"
name = "测试大药房一号店"
division = "999900"

[terminal]
till = "T01"
slot = 1
operator = "T01"
operator_name = "测试"

[hub]
url = "{hub}"
public_key = "hub.pem"
ca = "{hub_ca}"

[centre]
url = "{centre}"
ca = "{centre_ca}"
"""


def read(
    folder: Path, hub: str = "http://127.0.0.1:1", hub_ca: str = "", centre: str = "http://[::1]:1", centre_ca: str = ""
) -> CounterFiles:  # fmt: skip
    """A counter's file with these lines, read."""
    file = folder / "counter.toml"
    file.write_text(COUNTER.format(hub=hub, hub_ca=hub_ca, centre=centre, centre_ca=centre_ca))
    return read_config(file)


def test_plain_lines_to_this_machine_need_no_authority(tmp_path: Path) -> None:
    files = read(tmp_path, "http://localhost:1")
    assert load_trust(files, files.config.hub.url, "", "hub.ca") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://hub.example", "http://127.0.0.1.example", "http://localhost.example", "http://127.0.0.1@hub.example", "https://",
        "ftp://127.0.0.1", "hub.example", "https://hub.example:x", "http://[::1", "",
    ],
)  # fmt: skip
def test_a_plain_line_to_another_machine_and_what_is_no_address_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hub\.(url|ca)"):
        read(tmp_path, url, "ca.pem")
    with pytest.raises(ConfigError, match=r"centre\.(url|ca)"):
        read(tmp_path, centre=url, centre_ca="ca.pem")


def test_https_without_its_authority_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hub\.ca must name the PEM file"):
        read(tmp_path, "https://hub.example")
    with pytest.raises(ConfigError, match=r"centre\.ca must name the PEM file"):
        read(tmp_path, centre="https://centre.example")


def test_the_authority_is_read_beside_the_counters_file(tmp_path: Path) -> None:
    authority = SimulatedAuthority(tmp_path)
    files = read(tmp_path, "https://hub.example", authority.file.name)
    context = load_trust(files, files.config.hub.url, files.config.hub.ca, "hub.ca")
    assert context is not None
    assert len(context.get_ca_certs()) == 1


def test_an_authority_that_cannot_be_read_is_named_with_its_key(tmp_path: Path) -> None:
    files = read(tmp_path, "https://hub.example", "missing.pem")
    with pytest.raises(ConfigError, match=r"hub\.ca: .*missing\.pem: No such file"):
        load_trust(files, files.config.hub.url, files.config.hub.ca, "hub.ca")


def test_there_is_no_key_that_would_ignore_a_certificate(tmp_path: Path) -> None:
    for key in ("verify", "insecure", "check_hostname", "tls"):
        text = COUNTER.replace("[hub]", f"[hub]\n{key} = false")
        (tmp_path / "counter.toml").write_text(
            re.sub(r"\{\w+\}", "", text).replace('url = ""', 'url = "http://127.0.0.1"')
        )
        with pytest.raises(ConfigError, match=f"unknown key {key}"):
            read_config(tmp_path / "counter.toml")
