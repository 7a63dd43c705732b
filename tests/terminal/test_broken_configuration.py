"""A configuration file that was cut off or damaged is refused with its name and the reason (fault F71)."""

from pathlib import Path

import pytest

from simulators.world import load_world
from terminal.config import ConfigError, read_config
from tests.faults import fired
from yibao.simulated.template import counter_toml, counter_values

PLACE = load_world().institutions["P99990000001"]
ADDRESSES = {"hub.url": "http://127.0.0.1:1", "centre.url": "http://127.0.0.1:2"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole configuration, as `yibao sim up` writes it."""
    file = tmp_path / "counter.toml"
    file.write_text(counter_toml(counter_values(PLACE, "", ADDRESSES)), encoding="utf-8")
    return file


def test_a_file_cut_at_any_byte_is_refused_by_name_or_says_what_it_said(file: Path) -> None:
    """What was written stays as it was written: a cut never turns one value into another."""
    whole, content = read_config(file).config, file.read_bytes()
    refusals = []
    for at in range(len(content)):
        file.write_bytes(content[:at])
        try:
            found = read_config(file).config
        except ConfigError as error:
            refusals.append(str(error))
        else:
            assert (found.institution, found.terminal) == (whole.institution, whole.terminal), at
            assert (found.hub.url, found.hub.public_key) == (whole.hub.url, whole.hub.public_key), at
    fired("F71", len(content))
    assert len(refusals) > len(content) // 4
    assert [text for text in refusals if "counter.toml" not in text] == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("slot = 1", "slott = 1", "unknown key slott"),
        ("slot = 1", 'slot = "1"', "slot"),
        ("slot = 1", "slot = 100", "slot"),
        ("[hub]", "[hubb]", "hubb"),
        ('url = "http://127.0.0.1:1"', "url = 7", "url"),
        ("slot = 1", "slot = \x00", "counter.toml"),
        (':1"', ':0"', "names port 0"),
    ],
)
def test_a_wrong_key_or_value_is_named(file: Path, old: str, new: str, reason: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        read_config(file)
    fired("F71")


@pytest.mark.parametrize("text", ["8:30", "24:00", "08:60", "08.30", "0830", "08:30:00", "noon", "08:3 "])
def test_a_daily_run_at_what_is_no_time_is_named(file: Path, text: str) -> None:
    said = file.read_text(encoding="utf-8")
    assert 'daily_at = ""' in said
    file.write_text(said.replace('daily_at = ""', f'daily_at = "{text}"'), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"reconciliation\.daily_at must be a time like 08:30"):
        read_config(file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00" * 4096, "项".encode("gb18030") * 100])
def test_a_file_of_something_else_is_refused_by_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"counter\.toml"):
        read_config(file)
    fired("F71")
