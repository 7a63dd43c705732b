"""Acceptance examples of the capability rows R01 to R83, recorded as they are asserted.

`asserted` does the assertion itself and records only what was equal, so that a row cannot be called covered by a label
on a test. Each process adds lines to a file of its own in the folder that YIBAO_FAULT_RECORD names, beside the faults
that fired; without it nothing is written. `docs/capabilities.md` is made from them (tools/capabilities.py).
"""

import atexit
import json
import os
from collections.abc import Mapping
from pathlib import Path

from tools.capabilities import SUFFIX, layer_of, rows
from tools.reliability import FOLDER_VARIABLE

_ROWS = rows()  # read here: whoever asserts may sit in an event loop
_pending: list[str] = []


def asserted(row: str, expected: object, actual: object, *, what: str) -> None:
    """Assert one acceptance example of a row, and record it when it holds.

    `what` is one of the row's examples in tools/capability_rows.toml. `expected` is a fact (amounts, a code, rows): a
    bare True or nothing at all says nothing about the example and is refused with ValueError.
    """
    if row not in _ROWS:
        raise ValueError(f"no such row: {row}")
    if what not in _ROWS[row].examples:
        raise ValueError(f"{row} has no example '{what}' in tools/capability_rows.toml")
    if isinstance(expected, bool) or (not expected and not isinstance(expected, int)):
        raise ValueError(f"{row} {what}: {expected!r} is no fact")
    assert actual == expected, f"{row} {what}: expected {expected!r}, got {actual!r}"
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    if os.environ.get(
        FOLDER_VARIABLE
    ):  # written behind the test: here it would block the event loop of whoever calls
        line = {"row": row, "what": what, "layer": layer_of(test), "value": as_text(expected)}
        _pending.append(json.dumps(line, ensure_ascii=False) + "\n")


_SUMS = ("fund_pay_sumamt", "psn_part_amt", "balc")


def amounts(fields: Mapping[str, object]) -> dict[str, str]:
    """Money fields in fen as a fact: yuan under their wire names, without zeros and without plain sums of others."""
    return {
        name: value if isinstance(value, str) else yuan(value)
        for name, value in fields.items()
        if isinstance(value, int | str) and value not in (0, "0.0000") and name not in _SUMS
    }


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def as_text(value: object) -> str:
    """A fact as the document shows it: `hifp_pay 60.00, psn_cash_pay 40.00`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {as_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        parts = sorted(value) if isinstance(value, set | frozenset) else value
        return "; ".join(as_text(part) for part in parts)
    return str(value)


def write_down() -> None:
    """Add what was asserted since the last time to this process's file; called behind every test, and at the end."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and _pending:
        with Path(folder, f"{os.getpid()}{SUFFIX}").open("a", encoding="utf-8") as record:
            record.writelines(_pending)
    _pending.clear()


atexit.register(write_down)
