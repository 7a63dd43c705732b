"""Pieces of Markdown that the generated documents share."""

from collections.abc import Iterable, Sequence
from typing import Final

GENERATED: Final = "<!-- Written by `make docs` from the code; a test fails when it is not up to date. Do not edit by hand. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
