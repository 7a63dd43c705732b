"""A folder in memory in place of one on disk, for tests that sync thousands of times and pull no plug.

What a process leaves behind when it is killed is the same on both; what a power cut leaves is asked in
`tests/recovery/test_power_cut.py`, from a record of every write, on any file system.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
NEEDED_BYTES = 1 << 30


def _has_room() -> bool:
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > NEEDED_BYTES


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A fresh folder for this test: in memory where there is room, else pytest's own on disk."""
    if not _has_room():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="yibao-test-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
