"""`yibao --help` against a program of two empty typer commands, both started fresh, in turn."""

import asyncio
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.commands import PYTHON, YIBAO, run_ms
from bench.excess import Excess

NAME = "yibao --help"
LIMIT_MS = 150.0
ROUNDS = 15
EMPTY_PROGRAM = '''
import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def one() -> None:
    """Do nothing."""


@app.command()
def two() -> None:
    """Do nothing else."""


app()
'''
"""With the settings of our own program, so that what typer would do beyond them is not in the floor."""


async def measure(folder: Path, rounds: int = ROUNDS) -> Excess:
    """Measure with the empty program in `folder`; one round ahead fills the caches."""
    program = folder / "empty.py"
    program.write_text(EMPTY_PROGRAM, encoding="utf-8")
    ours_ms, floor_ms = [], []
    for _ in range(rounds + 1):
        ours_ms.append(await run_ms(YIBAO, "--help"))
        floor_ms.append(await run_ms(PYTHON, program, "--help"))
    return Excess(
        NAME,
        median(ours_ms[1:]),
        median(floor_ms[1:]),
        LIMIT_MS,
        "ms",
        "whole processes, against an empty typer program with the same settings",
    )


def run() -> list[Excess]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return [asyncio.run(measure(Path(folder)))]
