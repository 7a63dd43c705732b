"""Nothing that the core decides changes without being read: the book of decisions (`decision_book`) is up to date."""

import difflib

import pytest

from tests.terminal.core.decision_book import CHAPTERS, Chapter, chapter_text


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_what_the_core_decides_is_what_stands_in_the_book(chapter: Chapter) -> None:
    known = chapter.file.read_text(encoding="utf-8").splitlines()
    changed = difflib.unified_diff(
        known, chapter_text(chapter).splitlines(), "in the book", "decided now", lineterm="", n=1
    )
    assert "\n".join(changed) == "", (
        "read it, and when it is meant: python -m tests.terminal.core.decision_book"
    )
