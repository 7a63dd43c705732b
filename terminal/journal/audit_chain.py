"""One link of the audit chain: canonical record, hashed behind the one before it."""

import datetime as dt
from typing import Any

import apsw
import msgspec

from protocols.gm.sm3 import sm3

_canonical = msgspec.json.Encoder(order="sorted")


def link(
    head: bytes, sequence: int, boot_id: str, wall: str, monotonic_s: float, content: dict[str, Any]
) -> tuple[bytes, bytes]:
    """Return record and hash of the link behind `head`; `sequence` is its own number."""
    record = _canonical.encode(
        {"v": 1, "sequence": sequence, "boot": boot_id, "wall": wall, "monotonic": monotonic_s, **content}
    )
    return record, sm3(head + record)


def newest_link(connection: apsw.Connection) -> tuple[int, bytes]:
    """Return sequence number and hash of the newest record; (0, 32 zero bytes) in an empty log."""
    for sequence, digest in connection.execute(
        "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"
    ):
        return sequence, digest
    return 0, bytes(32)


def append_record(
    connection: apsw.Connection, content: dict[str, Any], boot_id: str, wall: dt.datetime
) -> None:
    """Append a record in the present transaction, where no `Journal` is open yet. `wall` is in UTC+8."""
    sequence, head = newest_link(connection)
    text = wall.isoformat(" ", "microseconds")[:26]
    record, digest = link(head, sequence + 1, boot_id, text, 0.0, content)
    connection.execute(
        "INSERT INTO audit (sequence, previous, hash, record) VALUES (?, ?, ?, ?)",
        (sequence + 1, head, digest, record),
    )
