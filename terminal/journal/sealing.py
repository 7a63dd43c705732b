"""What names people or goods, on its way into the tables and out of them again: sealed under the keys of its day.

A blob past its term is no error: it is simply not there any more. A blob that does not open in its place is one, and
stops the journal.
"""

import datetime as dt

from terminal.journal.day_keys import DayKeys, PastTerm, Purpose
from terminal.journal.records import JournalRefused, SettlementRow
from terminal.journal.sheet import decode_sheet, encode_sheet, join_sheet, split_sheet
from terminal.journal.store import Store
from terminal.journal.vault import BlobDamaged


class Sealing:
    """Seals for and opens from the tables of one journal, inside its transactions."""

    def __init__(self, store: Store, keys: DayKeys) -> None:
        self._store = store
        self._keys = keys
        store.rolled_back.append(keys.forget)

    def seal_evidence(self, row: SettlementRow, place: str, plain: bytes, now: dt.datetime) -> bytes:
        """Encrypt under the evidence key of the settlement's day; refused when that day is past its term."""
        return self.seal_for_day(row.key.business_date, row.id, place, plain, now)

    def seal_for_day(
        self, day: dt.date, owner: str, place: str, plain: bytes, now: dt.datetime, *, kept: bool = False
    ) -> bytes:
        """Encrypt under the evidence key of a day; raises `JournalRefused`, naming the owner, when that day is past its term.

        `kept`: as `DayKeys.seal_kept` does it.
        """
        seal = self._keys.seal_kept if kept else self._keys.seal
        try:
            return seal(Purpose.EVIDENCE, day, place, plain, now)
        except PastTerm as past:
            raise JournalRefused("evidence_past_term", owner) from past
        except BlobDamaged as damaged:
            raise self._store.fail("a day key does not open in its place") from damaged

    def seal_sheet(self, row: SettlementRow) -> tuple[bytes, bytes | None]:
        """Encrypt a settlement's sheet: all but what people are shown, and that; nothing of the latter past its term."""
        identity, rest = split_sheet(row.sheet)
        day, place = row.key.business_date, _sheet_place(row.id)
        sealed = self.seal_for_day(day, row.id, place, rest, row.changed_at, kept=True)
        return sealed, self._seal_identity(row, identity) if identity else None

    def _seal_identity(self, row: SettlementRow, identity: bytes) -> bytes | None:
        day, place = row.key.business_date, _identity_place(row.id)
        try:
            return self._keys.seal_kept(Purpose.IDENTITY, day, place, identity, row.changed_at)
        except PastTerm:
            return None
        except BlobDamaged as damaged:
            raise self._store.fail("a day key does not open in its place") from damaged

    def open(self, place: str, sealed: bytes | None) -> bytes | None:
        """Return a blob decrypted, or None when its term is over (its day key, or the blob itself, is deleted)."""
        if not sealed:
            return None
        try:
            with self._store.guarded():
                return self._keys.open_if_in_term(place, sealed)
        except BlobDamaged as damaged:
            raise self._store.fail("a stored blob does not open in its place") from damaged

    def open_sheet(self, settlement_id: str, sheet: bytes, identity: bytes | None) -> bytes:
        """Put a sheet together from what is still in its term; empty when nothing is."""
        rest = self.open(_sheet_place(settlement_id), sheet)
        if rest is None:
            return b""
        return join_sheet(self.open(_identity_place(settlement_id), identity) or b"", rest)

    def without_names(self, settlement_id: str, day: dt.date, sheet: bytes, made_at: dt.datetime) -> bytes:
        """Return a sheet of schema 1 sealed anew under its day's evidence key, without what people are shown."""
        place = _sheet_place(settlement_id)
        _, rest = split_sheet(encode_sheet(decode_sheet(self.open(place, sheet) or b"")))
        return self._keys.seal(Purpose.EVIDENCE, day, place, rest, made_at)


def _sheet_place(settlement_id: str) -> str:
    return f"settlement.sheet:{settlement_id}"


def _identity_place(settlement_id: str) -> str:
    return f"settlement.identity:{settlement_id}"
