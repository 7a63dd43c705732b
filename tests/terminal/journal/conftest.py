"""What tests of several files of this folder start from."""

from pathlib import Path

import pytest

from tests.terminal.journal.anchor_place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty disk."""
    return Place(tmp_path)
