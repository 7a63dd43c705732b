"""Journals that older versions of this program wrote, unpacked for a test."""

import gzip
from pathlib import Path

from protocols.gm.sm3 import sm3
from terminal.journal.vault import Vault

VECTORS = Path(__file__).parents[2] / "vectors" / "journal"
OLD_FIELD_KEY = sm3(b"field key of a test shop")[:16]


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
