"""`python -m bench` (`make bench`): every measured cost beside the floor it cannot go below, and what was promised.

Prints machine, versions and one line per figure; exit code 1 when a limit is exceeded. `--only NAME` (again and again)
picks measurements, `--json FILE` keeps the figures.
"""

import argparse
import importlib
import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.excess import Excess
from bench.result import Result

Row = Result | Excess

MEASUREMENTS: Final[dict[str, str]] = {
    "sm2": "bench.sm2",
    "commit": "bench.commit",
    "round-trip": "bench.round_trip",
    "sale": "bench.sale",
    "visit": "bench.visit",
    "start-up": "bench.start_up",
    "help": "bench.help_page",
    "benefit": "bench.benefit",
    "hub": "bench.hub",
    "terminals": "bench.terminals",
    "catalogue": "bench.catalogue",
    "card": "bench.card",
    "fullness": "bench.fullness",
}
"""Name on the command line and module; imported only when it is its turn, so that no measurement pays for another."""


def columns(row: Row) -> tuple[str, str, str, str, str, str]:
    """Return name, ours, floor, what is judged, its limit and the verdict, as they are printed."""
    if isinstance(row, Excess):
        judged, limit = f"+ {row.excess:.1f}", f"+ {row.limit:g}"
        ours, floor = f"{row.ours:.1f} {row.unit}", f"{row.floor:.1f} {row.unit}"
    else:
        judged, limit = f"x {row.ratio:.2f}", "" if row.limit_ratio is None else f"x {row.limit_ratio:.2f}"
        ours, floor = f"{row.ours_ms:.3f} ms", f"{row.floor_ms:.3f} ms"
    verdict = ("kept" if row.is_within_limit else "EXCEEDED") if limit else ""
    return row.name, ours, floor, judged, limit, verdict


def as_json(row: Row) -> dict[str, Any]:
    """Return one figure for the file of `--json`."""
    if isinstance(row, Excess):
        figures = {
            "ours": row.ours,
            "floor": row.floor,
            "unit": row.unit,
            "excess": row.excess,
            "limit_excess": row.limit,
        }
    else:
        figures = {
            "ours": row.ours_ms, "floor": row.floor_ms, "unit": "ms", "ratio": row.ratio, "limit_ratio": row.limit_ratio,
        }  # fmt: skip
    return {"name": row.name, **figures, "within_limit": row.is_within_limit, "note": row.note}


def print_row(row: Row) -> None:
    """Print one figure with its note below."""
    print("{:26} {:>12} {:>12}  {:>9}  {:>8}  {}".format(*columns(row)).rstrip())
    print(textwrap.fill(row.note, 116, initial_indent="    ", subsequent_indent="    "), flush=True)


def runner(name: str) -> Callable[[], Sequence[Row]]:
    """Return the function behind a measurement."""
    run: Callable[[], Sequence[Row]] = importlib.import_module(MEASUREMENTS[name]).run
    return run


def missing(name: str) -> str:
    """Return why a measurement cannot be made here, or nothing; only the card needs what may not be installed."""
    if name != "card":
        return ""
    from simulators.reader.pcscd_instance import missing_parts

    parts = list(missing_parts())
    try:
        importlib.import_module("smartcard.scard")
    except ImportError:
        parts.append("pyscard")
    return ", ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measured cost against measured floors."
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=MEASUREMENTS,
        metavar="NAME",
        help=f"one of {', '.join(MEASUREMENTS)}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and figures into FILE")
    given = parser.parse_args(arguments)
    where = machine.describe()
    for name, value in where.items():
        print(f"{name:10} {value}")
    print("\n{:26} {:>12} {:>12}  {:>9}  {:>8}".format("", "ours", "floor", "", "limit"))
    rows: list[Row] = []
    for name in given.only or MEASUREMENTS:
        if lacking := missing(name):
            print(f"{name}: left out, missing here: {lacking}")
            continue
        for row in runner(name)():
            print_row(row)
            rows.append(row)
    if given.json is not None:
        given.json.write_text(
            json.dumps(
                {"machine": where, "figures": [as_json(row) for row in rows]}, ensure_ascii=False, indent=2
            )
        )
    exceeded = [row.name for row in rows if not row.is_within_limit]
    if exceeded:
        print(f"\nlimit exceeded: {', '.join(exceeded)}", file=sys.stderr)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
