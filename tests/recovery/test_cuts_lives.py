"""The power goes in the middle of a story; the next counter works with the hub until books, journal and paper agree."""

from pathlib import Path

import pytest

from tests.faults import fired
from tests.recovery.cut_stories import STORIES
from tests.recovery.lives import PowerCut, tell
from tests.terminal.harness import in_line

pytestmark = in_line

KINDS = ("strict", "torn", "kept")
EVERY = 7


@pytest.mark.timeout(120)
@pytest.mark.parametrize("story", STORIES)
def test_after_a_power_cut_the_next_counter_makes_hub_and_journal_agree(story: str, tmp_path: Path) -> None:
    changes = tell(story, tmp_path, None).changes
    cuts = 0
    for at in range(1, changes + 1, EVERY):
        cut = PowerCut(at, KINDS[cuts % 3])
        ending = tell(story, tmp_path, cut)
        assert ending.happened, cut
        cuts += 1
    assert cuts >= 9
    fired("F20", cuts)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("story", ["reversed", "cancel doubt", "abandoned", "killed"])
def test_a_second_cut_while_the_doubt_is_being_finished_changes_nothing(story: str, tmp_path: Path) -> None:
    changes = tell(story, tmp_path, None).changes
    cuts = 0
    for at in range(changes // 3, changes, 41):
        for second in range(5, 200, 29):
            ending = tell(
                story, tmp_path, PowerCut(at, KINDS[cuts % 2]), PowerCut(second, KINDS[(cuts + 1) % 3])
            )
            assert ending.happened
            cuts += ending.second_happened
    assert cuts >= 10
    fired("F21", cuts)
