"""`[hub] more_keys`: further keys of the hub, each with its time, refused by name when they make no sense."""

import datetime as dt
from pathlib import Path
from random import Random

import pytest

from protocols.gm.sm2 import PrivateKey
from protocols.wire_time import WIRE_ZONE
from simulators.world import load_world
from terminal.app import load_more_hub_keys
from terminal.config import ConfigError, CounterFiles, read_config
from tests.terminal.harness import INSTITUTION
from yibao.simulated.template import counter_toml, counter_values

KEY = PrivateKey.generate(Random(5).randbytes).public_key
PLACE = load_world().institutions[INSTITUTION]


def counter(folder: Path, more_keys: str) -> CounterFiles:
    """A counter whose file says this of its hub's further keys."""
    addresses = {"hub.url": "http://127.0.0.1:1", "centre.url": "http://127.0.0.1:2"}
    text = counter_toml(counter_values(PLACE, "", addresses))
    assert "more_keys = []" in text
    (folder / "hub-2.pem").write_bytes(KEY.to_pem())
    file = folder / "counter.toml"
    file.write_text(text.replace("more_keys = []", f"more_keys = {more_keys}"), encoding="utf-8")
    return read_config(file)


def test_a_key_is_believed_from_and_until_a_moment_in_the_citys_time(tmp_path: Path) -> None:
    text = '[{ file = "hub-2.pem", valid_from = 2026-12-01T00:00:00, valid_to = 2026-12-08T00:00:00+00:00 }]'
    ((key, pinned),) = load_more_hub_keys(counter(tmp_path, text))
    assert key.point == KEY.point
    assert pinned.valid_from == dt.datetime(2026, 12, 1, tzinfo=WIRE_ZONE)
    assert pinned.valid_to == dt.datetime(2026, 12, 8, tzinfo=dt.UTC)


def test_a_key_without_times_is_believed_always(tmp_path: Path) -> None:
    ((_, pinned),) = load_more_hub_keys(counter(tmp_path, '[{ file = "hub-2.pem" }]'))
    assert (pinned.valid_from, pinned.valid_to) == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{ file = "nowhere.pem" }]', r"hub\.more_keys\[0\]\.file: .*nowhere\.pem"),
        ('[{ file = "counter.toml" }]', r"hub\.more_keys\[0\]\.file: .*counter\.toml"),
        (
            '[{ file = "hub-2.pem" }, { file = "hub-2.pem", valid_from = 2026-12-02T00:00:00, valid_to = 2026-12-01T00:00:00 }]',
            r"hub\.more_keys\[1\]: valid_to must be after valid_from",
        ),
        ("[{ valid_from = 2026-12-02T00:00:00 }]", "hub.more_keys"),
        ('[{ file = "hub-2.pem", valid_from = "soon" }]', "hub.more_keys"),
        ('[{ file = "hub-2.pem", until = 2026-12-02T00:00:00 }]', "hub.more_keys"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_name(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        load_more_hub_keys(counter(tmp_path, text))
