"""The audit log as a file for others: JSON lines that a small program without this one verifies (`verify_export.py`).

Records carry pseudonyms and random ids only, so the file names nobody. Anchors stand directly behind the record they
are about. The last line is signed at the time of the export, so that an end that was cut off is missed.
"""

import datetime as dt
from contextlib import closing
from typing import BinaryIO, Final

import apsw
import msgspec

from drivers.interfaces.signer import Signer
from protocols.gm.sm3 import sm3
from terminal.journal.anchor_table import COLUMNS, anchor_of
from terminal.journal.migrations import migrated_copy, refuse_newer
from terminal.journal.records import JournalFailed
from terminal.journal.schema import SCHEMA_VERSION
from terminal.journal.times import rfc3339_of

FORMAT: Final = "yibao-journal-export"
VERSION: Final = 1
_UNREADABLE: Final = (apsw.Error, UnicodeDecodeError, AttributeError)
"""What a damaged file brings about: a text that is none any more, no bytes where a record should be."""


class Exported(msgspec.Struct, frozen=True):
    """What was written."""

    records: int
    anchors: int
    head: str
    key_id: str
    tool_sm3: str


def export_audit(
    path: str, target: BinaryIO, terminal: str, signer: Signer, tool: bytes, now: dt.datetime
) -> Exported:
    """Write the audit log of the journal at `path` into `target`; reads beside a running service.

    A journal of an older schema, or of a newer program that this one may read, is exported too. `tool` is the verifier's file,
    whose hash goes into the header. Raises `JournalFailed`, `SignerUnavailable`, and OSError of `target`.
    """
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(1000)
            connection.execute("BEGIN")  # one snapshot
            refuse_newer(connection)
            if int(str(connection.pragma("user_version"))) >= SCHEMA_VERSION:
                return _export(connection, target, terminal, signer, tool, now)
            with closing(migrated_copy(connection)) as older:
                return _export(older, target, terminal, signer, tool, now)
        finally:
            connection.close()
    except _UNREADABLE as broken:
        raise JournalFailed(type(broken).__name__) from broken


def _export(
    connection: apsw.Connection,
    target: BinaryIO,
    terminal: str,
    signer: Signer,
    tool: bytes,
    now: dt.datetime,
) -> Exported:
    key, tool_sm3 = signer.description, sm3(tool).hex()
    _put(
        target, type="header", format=FORMAT, version=VERSION, terminal=terminal, tool="verify_export.py", tool_sm3=tool_sm3,
        audit_key=key.public_point.hex(), audit_key_id=key.key_id,
    )  # fmt: skip
    records, anchors, head = 0, 0, bytes(32)
    for sequence, digest, record in connection.execute(
        "SELECT sequence, hash, record FROM audit ORDER BY sequence"
    ):
        _put(target, type="record", sequence=sequence, hash=digest.hex(), record=record.decode("utf-8"))
        records, head = sequence, digest
        anchors += _put_anchors(connection, target, "sequence = ?", sequence)
    # An anchor of a record that is not there: the verifier shall see it.
    anchors += _put_anchors(connection, target, "sequence > ?", records)
    at = rfc3339_of(now)
    lines = ("yibao export 1", terminal, str(records), head.hex(), at, str(anchors))
    signature = signer.sign("".join(f"{line}\n" for line in lines).encode())
    _put(
        target, type="end", records=records, head=head.hex(), at=at, anchors=anchors, signature=signature.hex()
    )  # fmt: skip
    return Exported(records, anchors, head.hex(), key.key_id, tool_sm3)


def _put_anchors(connection: apsw.Connection, target: BinaryIO, where: str, sequence: int) -> int:
    count = 0
    for row in connection.execute(
        f"SELECT {COLUMNS} FROM anchor WHERE {where} ORDER BY sequence", (sequence,)
    ):
        anchor = anchor_of(row)
        count += 1
        _put(
            target, type="anchor", records=anchor.records, head=anchor.head, at=anchor.at, boot_id=anchor.boot_id,
            signature=anchor.signature,
        )  # fmt: skip
    return count


def _put(target: BinaryIO, **content: object) -> None:
    target.write(msgspec.json.encode(content) + b"\n")
