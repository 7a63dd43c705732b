"""A power cut at every operation of every core scenario: whatever was acknowledged, sent, told or printed is on the disk.

How the images are made, told apart and examined: `tests/recovery/images.py`. The stories share no image, so the counts
of the single tests add up.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from terminal.core.events import Decision, Event, Transmit
from terminal.core.machine import step
from terminal.core.values import Settlement
from terminal.journal import opening as module
from tests.recovery.cut_stories import Recording, record, stage_for
from tests.recovery.images import IN_THE_SUITE, PLANS, Plan, cut_story, images_of, main
from tests.recovery.power_cut import digest
from tests.terminal.harness import in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = [in_line, pytest.mark.timeout(300)]

AT_LEAST = {
    "creation": 440, "purchase": 840, "refused": 1040, "reversed": 620, "not found twice": 1280, "quarantined": 710,
    "cancelled": 740, "cancel doubt": 720, "refunded": 1800, "refund in doubt": 1950, "reopened": 910, "killed": 1220,
    "visit": 1180, "abandoned": 820, "migration of a pharmacy": 410, "migration of a clinic": 260,
}  # fmt: skip
"""Distinct images each story is known to make."""


@pytest.mark.proof
@pytest.mark.parametrize("story", IN_THE_SUITE)
def test_a_power_cut_at_any_moment_loses_nothing(story: str, tmp_path: Path) -> None:
    tally = cut_story(story, tmp_path, IN_THE_SUITE[story])
    assert tally.breaks == []
    assert tally.distinct >= AT_LEAST[story]
    assert tally.verified >= tally.distinct // 7
    assert tally.two_deep > 0


def test_no_image_is_counted_in_two_stories(tmp_path: Path) -> None:
    """The figure that is promised for all of them is asserted where the counts of a whole run are read."""
    found_in: dict[bytes, str] = {}
    for story in PLANS:

        async def life(story: str = story) -> Recording:
            return await record(story, stage_for(story, tmp_path, 1))

        for image in images_of(run_virtual(life), 0, random.Random(1), step=3):
            assert found_in.setdefault(digest(image.files), story) == story
    assert set(found_in.values()) == set(PLANS)


def test_the_command_prints_one_object_and_counts_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", "50", "--seed", "7"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seed"], told["breaks"]) == (7, 0)
    assert told["images"] >= told["distinct"] >= 50


# -- twins: what is wrong on purpose must be seen ---------------------------------------------------


class _Negligent(apsw.Connection):
    """Takes synchronous=FULL for NORMAL: commits are written and not synced."""

    def pragma(self, name: str, *value: Any, **options: Any) -> Any:
        """See `apsw.Connection.pragma`."""
        if name == "synchronous" and value == (2,):
            value = (1,)
        return super().pragma(name, *value, **options)


def test_commits_that_are_not_synced_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "Connection", _Negligent)
    monkeypatch.setattr(module, "_require_pragma", lambda connection, name, expected: None)
    breaks = cut_story("purchase", tmp_path, Plan(0, 0)).breaks
    assert any("was acknowledged and is not there" in what for what in breaks)
    assert any("had left and is unknown" in what for what in breaks)
    assert any("was told CONFIRMED" in what for what in breaks)


def test_a_message_sent_before_it_is_written_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(settlement: Settlement, event: Event, profile: Any) -> Decision:
        decision = step(settlement, event, profile)
        if any(isinstance(effect, Transmit) and effect.infno == "2102" for effect in decision.effects):
            return msgspec.structs.replace(decision, durable=False)
        return decision

    _assert_caught("purchase", hasty, "had left and is unknown", tmp_path, monkeypatch)


def _assert_caught(
    story: str,
    twin: Callable[[Settlement, Event, Any], Decision],
    word: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("terminal.counter.engine.step", twin)
    breaks = cut_story(story, folder, Plan(0, 0)).breaks
    assert any(word in what for what in breaks), breaks[:5]
