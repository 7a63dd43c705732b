"""Scans byte by byte and what they mean; the origin stands in the file."""

import tomllib
from pathlib import Path

import msgspec


class ScanVector(msgspec.Struct, frozen=True):
    """One scan of `scans.toml`."""

    name: str
    wire: bytes
    symbology: str
    kinds: tuple[str, ...]
    """Message keys of all classes that fit, in order."""
    dropped: int
    text: str | None = None


def scan_vectors() -> tuple[ScanVector, ...]:
    """All rows of `scans.toml`."""
    rows = tomllib.loads((Path(__file__).parent / "scans.toml").read_text("utf-8"))["scan"]
    return tuple(
        ScanVector(**{**row, "wire": bytes.fromhex(row["wire"]), "kinds": tuple(row["kinds"])})
        for row in rows
    )
