"""docs/capabilities.md: the capability rows R01 to R83 with their acceptance examples as the tests asserted them.

The words of each row stand in `tools/capability_rows.toml`. `make test` leaves what it asserted in `build/faults/test/`
(tests/capabilities.py); `make docs` takes a whole, green run over into `docs/capabilities-record.toml`, which is committed.
`python -m tools.capabilities` says what the last run, whole or not, left open.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from tools.reliability import RECORDS, ROOT, SESSION

ROWS_FILE: Final = ROOT / "tools" / "capability_rows.toml"
RECORD_FILE: Final = ROOT / "docs" / "capabilities-record.toml"
SUFFIX: Final = ".asserted"
"""Ending of the files in which the processes of a run of the tests leave what they asserted."""

LAYERS: Final[Mapping[str, str]] = {
    "tests/simulators/benefit/": "benefit engine",
    "tests/simulators/": "hub",
    "tests/terminal/": "terminal",
    "tests/yibao/": "commands",
}
"""Where an example was asserted, by the folder of the test; the first that fits."""
_ELSEWHERE: Final = "unit"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of tools/capability_rows.toml."""

    zh: str
    title: str
    terminal: str
    simulator: str
    example: str
    examples: tuple[str, ...]
    """Names of the parts of the acceptance example; the row is covered when each of them was asserted."""


Asserted = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Row -> part of its example -> layer -> the value that was asserted there."""


class Record(msgspec.Struct, frozen=True):
    """What docs/capabilities-record.toml holds: the last whole, green run."""

    date: str = ""
    """ISO date, "" before the first recorded run."""
    tests: int = 0
    rows: Asserted = {}


@cache
def _file() -> Mapping[str, Mapping[str, Row]]:
    text = ROWS_FILE.read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, dict[str, Row]])


@cache
def rows() -> Mapping[str, Row]:
    """All rows by number."""
    return {number: row for group in _file().values() for number, row in group.items()}


def layer_of(test: str) -> str:
    """The layer that a test file asks."""
    return next((name for folder, name in LAYERS.items() if test.startswith(folder)), _ELSEWHERE)


# -- taking in what the last run left ----------------------------------------------------------------


def collect(folder: Path) -> Asserted:
    """Everything asserted in a run, in the order of rows, examples and layers, whatever the order of the tests was."""
    found: dict[tuple[str, str, str], str] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for line in path.read_text(encoding="utf-8").splitlines():
            noted = json.loads(line)
            key = (noted["row"], noted["what"], noted["layer"])
            found[key] = max(found.get(key, ""), noted["value"])
    layers = [*dict.fromkeys(LAYERS.values()), _ELSEWHERE]
    taken: dict[str, dict[str, dict[str, str]]] = {}
    for number, row in rows().items():
        for what in row.examples:
            values = {layer: found[number, what, layer] for layer in layers if (number, what, layer) in found}
            if values:
                taken.setdefault(number, {})[what] = values
    return taken


def taken(folder: Path) -> Record | None:
    """The run that `make test` left in `folder`; None when there is none, or it was not green, or only a part."""
    path = folder / SESSION
    if not path.is_file():
        return None
    session = json.loads(path.read_text(encoding="utf-8"))
    if not session["whole"] or session["exit_status"] != 0:
        return None
    return Record(session["date"], session["tests"], collect(folder))


def recorded() -> Record:
    """What is committed."""
    if not RECORD_FILE.exists():
        return Record()
    return msgspec.convert(tomllib.loads(RECORD_FILE.read_text(encoding="utf-8")), Record)


def take() -> None:
    """Take what the last whole run left in `build/faults/test/` into the committed record."""
    known = recorded()
    found = taken(RECORDS / "test") or known
    if found != known or not RECORD_FILE.exists():
        RECORD_FILE.write_text(_as_toml(found), encoding="utf-8")
    if found.date and (missing := open_rows(found.rows)):
        print(f"not covered by the last make test: {', '.join(missing)}")


def open_rows(covered: Asserted) -> list[str]:
    """Rows of whose example some part was not asserted."""
    return [number for number, row in rows().items() if set(row.examples) - set(covered.get(number, {}))]


def _as_toml(record: Record) -> str:
    parts = [
        "# Written by `make docs` from the last whole, green `make test`. Do not edit by hand.",
        f'date = "{record.date}"',
        f"tests = {record.tests}",
    ]
    for number, examples in record.rows.items():
        for what, values in examples.items():
            parts += ["", f'[rows.{number}."{what}"]']
            parts += [
                f'"{layer}" = {json.dumps(value, ensure_ascii=False)}' for layer, value in values.items()
            ]
    return "\n".join(parts) + "\n"


# -- the document ------------------------------------------------------------------------------------


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    shown = [head, ("---",) * len(head), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in shown)


def _example(number: str, record: Record) -> str:
    row, known = rows()[number], record.rows.get(number, {})
    parts = [row.example]
    for what in row.examples:
        if what not in known:
            parts.append(f"*{what}*: **not covered**")
            continue
        by_value: dict[str, list[str]] = {}
        for layer, value in known[what].items():
            by_value.setdefault(value, []).append(layer)
        shown = " / ".join(f"`{value}` ({', '.join(layers)})" for value, layers in by_value.items())
        parts.append(f"*{what}*: {shown}")
    return "<br>".join(parts)


def _when(record: Record) -> str:
    if not record.date:
        return "No whole, green `make test` has been recorded yet, so every row still says *not covered*."
    missing = open_rows(record.rows)
    state = f"{len(rows()) - len(missing)} of {len(rows())} rows are covered in full"
    return f"Last recorded `make test`: {record.date}, {record.tests:,} tests; {state}."


def document(record: Record | None = None) -> str:
    """The text of docs/capabilities.md."""
    known = recorded() if record is None else record
    parts = [
        "<!-- Written by `make docs` from tools/capability_rows.toml and docs/capabilities-record.toml; a test fails when"
        " it is not up to date. -->",
        "# Capabilities: what the policies name, and what was shown of it",
        "Each row is something that the published policies of insurance reform name for the counter or for the hub behind"
        " it. The middle columns say what terminal and simulator do for it. The last one gives the acceptance example and"
        " below it the values that the tests asserted, with the place: the benefit engine alone, the hub over its signed"
        " messages, the terminal against that hub, the commands, or a unit. The recorder compares expected and actual value"
        " itself and notes nothing else ([testing.md](testing.md)). *Not covered* means that no test of the last recorded run"
        " showed it: there the middle columns are an aim. Amounts are yuan under their wire names; P01 to P74 are the worked"
        " cases in `tests/vectors/benefit/`.",
        _when(known),
    ]
    for group, numbers in _file().items():
        parts.append(f"## {group}")
        parts.append(
            _table(
                ("row", "what", "terminal", "simulator", "acceptance example, as asserted"),
                (
                    (
                        number,
                        f"{row.zh}<br>{row.title}",
                        row.terminal,
                        row.simulator,
                        _example(number, known),
                    )
                    for number, row in numbers.items()
                ),
            )
        )
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Say what the last run of the tests left open, part by part."""
    covered = collect(RECORDS / "test")
    for number, row in rows().items():
        missing = [what for what in row.examples if what not in covered.get(number, {})]
        if missing:
            print(f"{number} {row.title}: {', '.join(missing)}")
    print(f"{len(rows()) - len(open_rows(covered))} of {len(rows())} rows covered")
    return 0


if __name__ == "__main__":
    sys.exit(main())
