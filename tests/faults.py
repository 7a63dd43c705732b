"""What the tests have really injected: each fault that fired, by its row F01 to F74, counted.

A fault counts when it fired, at the place in a test that knows it did (the proxy cut, the disk refused, the process
was killed); a label on a test counts nothing. Each process adds lines to a file of its own in the folder that
YIBAO_FAULT_RECORD names; without it nothing is written. `docs/reliability.md` is made from them (tools/reliability.py).
"""

import atexit
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tools.reliability import FOLDER_VARIABLE, rows_of

ROWS = frozenset(f"F{number:02d}" for number in range(1, 75))


_pending: list[str] = []


def _add(line: Mapping[str, str | int]) -> None:
    """Remember one line: writing here would block the event loop of whoever calls."""
    if os.environ.get(FOLDER_VARIABLE):
        _pending.append(json.dumps(line) + "\n")


def write_down() -> None:
    """Add what fired since the last time to this process's file; called behind every test, and at the end."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and _pending:
        with Path(folder, f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as record:
            record.writelines(_pending)
    _pending.clear()


atexit.register(write_down)


def fired(row: str, count: int = 1) -> None:
    """Note that the fault of `row` has fired `count` times."""
    if row not in ROWS:
        raise ValueError(f"no such row: {row}")
    if count:
        _add({"row": row, "count": count})


def counted(figure: str, count: int = 1) -> None:
    """Add to a figure that is no fault: `simulated_settlements`, `power_cut_images`, `simulated_breaks`. A 0 is said, too."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", figure):
        raise ValueError(f"no name for a figure: {figure}")
    _add({"figure": figure, "count": count})


def fired_in_simulation(faults: Mapping[str, int]) -> None:
    """Note the faults of a run of the whole site, as its report names them (`lose-answer 2102`, `torn 甲`)."""
    for name, count in faults.items():
        for row in rows_of(name):
            fired(row, count)
