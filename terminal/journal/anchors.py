"""Anchors of the audit chain: signed, kept outside, and held against the journal.

A chain of hashes stops editing, but not cutting its end off, nor putting an old copy of the whole file back (fault F29,
abuse cases T29 and T30). An anchor that lies somewhere else does: a journal that does not hold the record it names, or
holds another one in its place, is not the journal that was there. Three witnesses can say so: a small file beside the audit
key, the fleet's echo, and a number a person noted.

The witness file is written after the anchor's records are on disk, never before: a power cut leaves a journal that
is at least as long as its witness. So "shorter" is never the doing of a crash.

When anchors are made, and what a contradiction stops: `terminal/counter/anchor_keeper.py`.
"""

import datetime as dt
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from drivers.interfaces.signer import Signer
from protocols.fleet.messages import Anchor
from protocols.wire_time import WIRE_ZONE
from terminal.core.contradiction import Contradiction
from terminal.journal.journal import Journal
from terminal.journal.times import rfc3339_of

MAX_WITNESS_BYTES: Final = 4096

_NOTED: Final = re.compile(r"(?P<records>[1-9][0-9]{0,17}):(?P<head>[0-9a-f]{16,64})", re.ASCII)
"""18 digits: every number of records, and none that SQLite cannot hold."""


class WitnessDamaged(Exception):
    """The witness file is there and cannot be used; it proves nothing, either way."""


class WitnessFile:
    """The newest anchor in a small file outside the journal. Methods block for a sync: call them in a worker thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Anchor | None:
        """Return the anchor, or None when there is no file; raises `WitnessDamaged`."""
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_WITNESS_BYTES + 1)
            if len(content) > MAX_WITNESS_BYTES:
                raise WitnessDamaged("too long")
            return msgspec.json.decode(content, type=Anchor)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as damaged:
            raise WitnessDamaged(type(damaged).__name__) from damaged

    def write(self, anchor: Anchor) -> None:
        """Replace the file in one step, on disk when this returns; raises `OSError`."""
        fresh = self.path.with_name(f".{self.path.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(anchor) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Noted(msgspec.Struct, frozen=True):
    """What somebody outside knows of the chain: number of records, and the hash of that record or its beginning."""

    records: int
    head: str
    """16 to 64 hexadecimal digits."""
    at: str = ""
    """When, if it is known; RFC 3339."""

    @property
    def name(self) -> str:
        """How it is kept once it was accepted."""
        return f"{self.records}:{self.head}"


def parse_noted(text: str) -> Noted:
    """Read `RECORDS:HASH` as it is printed and shown (at least 16 hexadecimal digits); raises `ValueError`."""
    found = _NOTED.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("not RECORDS:HASH")
    return Noted(int(found["records"]), found["head"])


def hold_against(journal: Journal, noted: Noted, witness: str, today: dt.date) -> Contradiction | None:
    """Compare what was noted with the journal; None when it fits, or when two people have accepted that it does not."""
    digest = journal.anchors.hash_at(noted.records)
    if digest is not None and digest.hex().startswith(noted.head):
        return None
    if noted.name in journal.anchors.accepted():
        return None
    records, _ = journal.audit.head
    verdict = "shorter" if digest is None else "differs"
    first = _missing_from(journal, noted, today)
    return Contradiction(witness, noted.records, noted.head, noted.at, verdict, records, first.isoformat())


def _missing_from(journal: Journal, noted: Noted, today: dt.date) -> dt.date:
    """The first day whose records may be missing in a journal that the witness `noted` contradicts.

    What the lost part begins behind is not newer than the witness; what was written since the copy was put back is. So the
    answer is the same at any later start. Only a witness without a time has to be heard at the first start for that.
    """
    known = [today]
    newest = journal.anchors.newest_time()
    if newest is not None:
        known.append(newest.date())
    anchored = journal.anchors.newest()
    if anchored is not None:
        known.append(dt.date.fromisoformat(anchored.at[:10]))
    if noted.at:
        at = dt.datetime.fromisoformat(noted.at)
        known.append(at.astimezone(WIRE_ZONE).date())
        before = journal.anchors.newest_time_until(at)
        if before is not None:
            known.append(before.date())
    return min(known)


def sign_anchor(
    records: int, head: bytes, at: dt.datetime, boot_id: str, terminal: str, signer: Signer
) -> Anchor:
    """Make a signed anchor; raises `SignerUnavailable`."""
    key_id = signer.description.key_id
    unsigned = Anchor(records, head.hex(), rfc3339_of(at), boot_id, key_id, "")
    return msgspec.structs.replace(unsigned, signature=signer.sign(unsigned.signed_bytes(terminal)).hex())
