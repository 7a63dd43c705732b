"""The signed anchors of the audit chain, as a part of the journal: kept, never changed, and what people accepted.

An anchor says: at this moment the chain had so many records, and this was the hash of the newest. Kept here it proves
little (whoever can cut the records can cut the anchors); its copies outside the journal are what counts.
"""

import datetime as dt
from typing import Any, Final

import msgspec

from protocols.fleet.messages import Anchor, Evidence, encode
from protocols.fleet.topics import EVIDENCE
from protocols.gm.sm3 import sm3
from protocols.wire_time import format_time, parse_time
from terminal.core.contradiction import Contradiction
from terminal.journal.audit_chain import AuditLog
from terminal.journal.records import Stamp
from terminal.journal.store import Store

COLUMNS: Final = "sequence, head, made_at, boot_id, key_id, signature"
"""By name: a newer program may have added others (fault F72)."""
_ACCEPTED: Final = "accepted_anchors"
_CONTRADICTIONS: Final = "contradictions"
_WALL: Final = (
    "CASE WHEN json_valid(CAST(record AS TEXT)) THEN json_extract(CAST(record AS TEXT), '$.wall') END"
)


class AnchorTable:
    """The table; every change is one transaction of the journal."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def put(self, anchor: Anchor, stamp: Stamp, *, to_fleet: bool) -> None:
        """Keep an anchor, and with `to_fleet` its evidence message, in one transaction."""
        with self._store.transaction():
            self._store.execute(
                f"INSERT INTO anchor ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sequence) DO NOTHING",
                (
                    anchor.records,
                    bytes.fromhex(anchor.head),
                    anchor.at,
                    anchor.boot_id,
                    anchor.key_id,
                    bytes.fromhex(anchor.signature),
                ),
            )
            if to_fleet:
                message_id = f"anchor-{anchor.boot_id}-{anchor.records}"
                payload = encode(Evidence(message_id, stamp.wall, anchor.boot_id, anchor))
                self._store.execute(
                    "INSERT INTO outbox (class, message_id, channel, payload, created_at) VALUES ('evidence', ?, ?, ?, ?)"
                    " ON CONFLICT (message_id) DO NOTHING",
                    (message_id, EVIDENCE.name, payload, format_time(stamp.wall)),
                )

    def newest(self) -> Anchor | None:
        """Return the anchor with the most records, or None."""
        for row in self._store.rows(f"SELECT {COLUMNS} FROM anchor ORDER BY sequence DESC LIMIT 1"):
            return anchor_of(row)
        return None

    def hash_at(self, sequence: int) -> bytes | None:
        """Return the hash of one audit record, or None when there is no such record."""
        for (digest,) in self._store.rows("SELECT hash FROM audit WHERE sequence = ?", (sequence,)):
            return bytes(digest)
        return None

    def is_whole_behind(self, sequence: int) -> bool:
        """Whether the chain from record `sequence` (0 = its start) to the newest is unbroken, every record hashed anew."""
        previous = bytes(32) if sequence == 0 else self.hash_at(sequence)
        number = sequence
        for number, (found, claimed, digest, record) in enumerate(
            self._store.rows(
                "SELECT sequence, previous, hash, record FROM audit WHERE sequence > ? ORDER BY sequence",
                (sequence,),
            ),
            start=sequence + 1,
        ):
            if found != number or claimed != previous or sm3(claimed + record) != digest:
                return False
            previous = digest
        return previous is not None and number >= sequence

    def newest_time(self) -> dt.datetime | None:
        """Return the wall time that the newest audit record carries, or None in an empty journal."""
        for (record,) in self._store.rows("SELECT record FROM audit ORDER BY sequence DESC LIMIT 1"):
            return parse_time(str(msgspec.json.decode(record)["wall"])[:19])
        return None

    def newest_time_until(self, at: dt.datetime) -> dt.datetime | None:
        """Return the wall time of the newest audit record that is not from after `at`, or None when there is none."""
        for (wall,) in self._store.rows(
            f"SELECT {_WALL} FROM audit WHERE substr({_WALL}, 1, 19) <= ? ORDER BY sequence DESC LIMIT 1",
            (format_time(at),),
        ):
            return parse_time(str(wall)[:19])
        return None

    def contradictions(self) -> tuple[Contradiction, ...]:
        """What witnesses have said against this journal and nobody has accepted yet, in the order in which it was found."""
        for (value,) in self._store.rows("SELECT value FROM meta WHERE name = ?", (_CONTRADICTIONS,)):
            return msgspec.json.decode(str(value), type=tuple[Contradiction, ...])
        return ()

    def contradicted(self, found: Contradiction) -> None:
        """Keep what a witness says against this journal, so that the next start knows it without that witness."""
        with self._store.transaction():
            if found.name not in self.accepted():
                self._keep((*self.contradictions(), found))

    def _keep(self, standing: tuple[Contradiction, ...]) -> None:
        if not standing:
            self._store.execute("DELETE FROM meta WHERE name = ?", (_CONTRADICTIONS,))
            return
        self._put_meta(_CONTRADICTIONS, msgspec.json.encode(standing).decode())

    def _put_meta(self, name: str, value: str) -> None:
        self._store.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def accepted(self) -> frozenset[str]:
        """The anchors (`records:head`) that contradict this journal and that two people have accepted."""
        for (value,) in self._store.rows("SELECT value FROM meta WHERE name = ?", (_ACCEPTED,)):
            return frozenset(str(value).split())
        return frozenset()

    def accept(self, names: frozenset[str], actor: str, text: str, stamp: Stamp) -> None:
        """Note that people accepted what these anchors (`records:head`) contradict; with its audit record.

        What another anchor contradicts stands as before.
        """
        with self._store.transaction():
            self._put_meta(_ACCEPTED, " ".join(sorted(self.accepted() | names)))
            self._keep(tuple(one for one in self.contradictions() if one.name not in names))
            self._audit.append({"action": "anchors_accepted", "actor": actor, "note": text}, stamp)


def anchor_of(row: tuple[Any, ...]) -> Anchor:
    """Make an anchor of a row of the table."""
    sequence, head, made_at, boot_id, key_id, signature = row
    return Anchor(sequence, head.hex(), made_at, boot_id, key_id, signature.hex())
