"""Reads the card vectors."""

import tomllib
from pathlib import Path
from typing import Any


def card_vectors() -> dict[str, Any]:
    """The content of `apdus.toml`; hex texts may hold spaces."""
    return tomllib.loads((Path(__file__).parent / "apdus.toml").read_text(encoding="utf-8"))


def vector(name: str) -> bytes:
    """One hex text of the file as bytes."""
    return bytes.fromhex(card_vectors()[name])
