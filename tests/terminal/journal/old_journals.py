"""Journals that older versions of this program wrote, unpacked and opened for a test."""

import gzip
from pathlib import Path
from typing import Any

from protocols.gm.sm3 import sm3
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.vault import Vault
from tests.terminal.journal.samples import NINE

VECTORS = Path(__file__).parents[2] / "vectors" / "journal"
OLD_FIELD_KEY = sm3(b"field key of a test shop")[:16]
OLD = ("schema-1-pharmacy", "schema-1-clinic")
PHARMACY = {
    "0001": "CLOSED",
    "0002": "CANCELLED",
    "0003": "REVERSING",
    "0004": "REVERSED_ONCE",
    "0005": "DRAFT",
}
"""The sales of `schema-1-pharmacy` and their states."""


def unpack(name: str, folder: Path) -> Path:
    """Put the journal `name` (and its write-ahead log) into `folder` as `journal.db`; return its path."""
    path = folder / "journal.db"
    for end in ("", "-wal"):
        packed = VECTORS / f"{name}.db{end}.gz"
        if packed.exists():
            Path(f"{path}{end}").write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def old_vault() -> Vault:
    """The vault of those journals, with nonces of its own."""
    return Vault(OLD_FIELD_KEY, lambda size: bytes(range(size)))


def open_old(path: Path, **options: Any) -> Journal:
    """Open one with this program, which migrates it."""
    return open_journal(str(path), old_vault(), "boot", NINE, **options)
