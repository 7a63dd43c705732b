"""What the tests of the terminal share: a disk in memory, and message catalogues that are up to date.

`make setup` compiles them; whoever runs pytest by hand after editing a catalogue needs no other step.
"""

import os
from pathlib import Path

import pytest

from tests.memory_disk import tmp_path
from tools.compile_messages import ROOT, compiled

__all__ = ["catalogues_are_compiled", "tmp_path"]


@pytest.fixture(scope="session", autouse=True)
def catalogues_are_compiled() -> None:
    """Compile what is missing or old; the file is put in place whole, so that parallel workers do not disturb."""
    for source in ROOT.glob("*/locale/*/LC_MESSAGES/*.po"):
        target, content = source.with_suffix(".mo"), compiled(source)
        if not target.exists() or target.read_bytes() != content:
            fresh = Path(f"{target}.{os.getpid()}")
            fresh.write_bytes(content)
            fresh.replace(target)
