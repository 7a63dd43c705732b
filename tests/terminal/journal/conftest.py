"""What tests of several files of this folder start from: a path, an empty journal, a terminal's empty disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.journal.journal import Journal
from tests.terminal.journal.anchor_place import Place
from tests.terminal.journal.samples import open_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal of a test lies."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """An empty journal."""
    opened = open_at(path)
    yield opened
    opened.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty disk."""
    return Place(tmp_path)
