"""The keys of the days: what names people or goods is sealed under a random SM4 key of its business day and purpose.

Two purposes, two terms. `identity` is what people are shown (name, identity number, date of birth); `evidence` is what
proves a settlement and what the machine needs to go on with it (request and answer bytes, charge sheet, person number).
Deleting a key makes everything sealed under it unreadable at once, in every backup that is made afterwards too, and
touches neither the rows nor the audit chain (docs/decisions/0009).

A sealed blob begins with its version, its purpose and its day, so that it names the key it needs:

    02 | purpose (1 byte) | day (3 bytes, days since 0001-01-01 counted from 1) | nonce (12) | ciphertext and tag

Keys are made with the first blob of a day, wrapped under the vault's key, and kept in memory: one extra insert per day
and purpose.
"""

import datetime as dt
from enum import StrEnum

import apsw

from terminal.journal.times import text_of
from terminal.journal.vault import BlobDamaged, Vault

_VERSION = b"\x02"
_HEADER_LENGTH = 5
_REMEMBERED = 16
"""Two blobs for each of the settlements under way at a counter, and some to spare."""


class Purpose(StrEnum):
    """What a day key seals; the text is what the journal stores."""

    IDENTITY = "identity"
    EVIDENCE = "evidence"


_LETTERS = {Purpose.IDENTITY: b"i", Purpose.EVIDENCE: b"e"}
_PURPOSES = {letter[0]: purpose for purpose, letter in _LETTERS.items()}


class PastTerm(Exception):
    """The key of that day has been deleted: its term is over."""

    def __init__(self, day: dt.date, purpose: Purpose) -> None:
        super().__init__(f"{purpose} of {day.isoformat()} is past its term")
        self.day = day
        self.purpose = purpose


class DayKeys:
    """Seals and opens under the keys of the days, inside the transactions of its connection's owner."""

    def __init__(self, connection: apsw.Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._known: dict[tuple[Purpose, dt.date], bytes] = {}
        self._kept: dict[str, tuple[bytes, bytes]] = {}
        """Text and sealed bytes by place, the one sealed longest ago first."""

    def seal(self, purpose: Purpose, day: dt.date, place: str, plain: bytes, made_at: dt.datetime) -> bytes:
        """Encrypt for `place`; makes the day's key when it is the first of its day. Raises `PastTerm`, `BlobDamaged`."""
        key = self._key(purpose, day) or self._make(purpose, day, made_at)
        header = _VERSION + _LETTERS[purpose] + day.toordinal().to_bytes(3)
        return self._vault.seal_under(key, header, place, plain)

    def seal_kept(
        self, purpose: Purpose, day: dt.date, place: str, plain: bytes, made_at: dt.datetime
    ) -> bytes:
        """`seal` for what is written and read again and again: the last of it are kept with their text.

        The same text in the same place is the same bytes again, and `open` knows what it finds unchanged.
        """
        known = self._kept.pop(place, None)
        if known is None or known[0] != plain:
            known = plain, self.seal(purpose, day, place, plain, made_at)
            while len(self._kept) >= _REMEMBERED:
                del self._kept[next(iter(self._kept))]
        self._kept[place] = known
        return known[1]

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt a blob of either version; raises `PastTerm`, `BlobDamaged`."""
        known = self._kept.get(place)
        if known is not None and known[1] == sealed:
            return known[0]
        if not sealed.startswith(_VERSION):
            return self._vault.open(place, sealed)
        purpose = _PURPOSES.get(sealed[1]) if len(sealed) > _HEADER_LENGTH else None
        if purpose is None:
            raise BlobDamaged(place.split(":")[0])
        try:
            day = dt.date.fromordinal(int.from_bytes(sealed[2:_HEADER_LENGTH]))
        except ValueError as no_day:
            raise BlobDamaged(place.split(":")[0]) from no_day
        key = self._key(purpose, day)
        if key is None:
            raise BlobDamaged(place.split(":")[0])
        return self._vault.open_under(key, _HEADER_LENGTH, place, sealed)

    def open_if_in_term(self, place: str, sealed: bytes) -> bytes | None:
        """`open`, with None for a blob whose day's key is deleted; raises `BlobDamaged`."""
        try:
            return self.open(place, sealed)
        except PastTerm:
            return None

    def forget(self) -> None:
        """Believe only the disk from now on: a key made in a transaction that was rolled back is on no disk."""
        self._known.clear()
        self._kept.clear()

    def _key(self, purpose: Purpose, day: dt.date) -> bytes | None:
        known = self._known.get((purpose, day))
        if known is not None:
            return known
        query = "SELECT wrapped FROM day_key WHERE day = ? AND purpose = ?"
        for (wrapped,) in self._connection.execute(query, (day.isoformat(), purpose.value)):
            if wrapped is None:
                raise PastTerm(day, purpose)
            key = self._vault.unwrap_key(_place(purpose, day), wrapped)
            self._known[purpose, day] = key
            return key
        return None

    def _make(self, purpose: Purpose, day: dt.date, made_at: dt.datetime) -> bytes:
        key, wrapped = self._vault.new_key(_place(purpose, day))
        self._connection.execute(
            "INSERT INTO day_key (day, purpose, wrapped, made_at) VALUES (?, ?, ?, ?)",
            (day.isoformat(), purpose.value, wrapped, text_of(made_at)),
        )
        self._known[purpose, day] = key
        return key


def _place(purpose: Purpose, day: dt.date) -> str:
    return f"day_key:{day.isoformat()}:{purpose.value}"


def is_of_schema_1(sealed: bytes) -> bool:
    """True for a blob sealed under the vault's own key, before there were day keys."""
    return not sealed.startswith(_VERSION)
