"""Reads the vector files beside it."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def vectors(name: str) -> Any:
    """Return the content of `name`.json."""
    return json.loads(_FOLDER.joinpath(f"{name}.json").read_text(encoding="utf-8"))


def vector_bytes(name: str) -> bytes:
    """Return the bytes of one file."""
    return _FOLDER.joinpath(name).read_bytes()
