"""The hub's books of what is submitted outside settlements: filings, mappings, goods, trace codes.

A part of the ledger, on its connection and inside its transactions. A row that was withdrawn or deleted is gone; what it
did (a registration) is undone by whoever withdraws it.
"""

import datetime as dt
from typing import Final, Literal, TypeVar

import apsw
import msgspec

_Wanted = TypeVar("_Wanted")

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS filing (serial TEXT PRIMARY KEY, kind TEXT NOT NULL, psn_no TEXT NOT NULL,"
    " withdrawn INTEGER NOT NULL DEFAULT 0, document BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS mapping (fixmedins_code TEXT NOT NULL, own_code TEXT NOT NULL, list_type TEXT NOT NULL,"
    " national_code TEXT NOT NULL, document BLOB NOT NULL,"
    " PRIMARY KEY (fixmedins_code, own_code, list_type, national_code)) STRICT",
    "CREATE TABLE IF NOT EXISTS goods (number INTEGER PRIMARY KEY, fixmedins_code TEXT NOT NULL, kind TEXT NOT NULL,"
    " infno TEXT NOT NULL, batch TEXT NOT NULL, msgid TEXT NOT NULL, document BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS trace (number INTEGER PRIMARY KEY, fixmedins_code TEXT NOT NULL, kind TEXT NOT NULL,"
    " batch TEXT NOT NULL, code TEXT NOT NULL, repeated INTEGER NOT NULL, document BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS substitute (code TEXT PRIMARY KEY, fixmedins_code TEXT NOT NULL, batch TEXT NOT NULL) STRICT",
)
"""Beside the ledger's own schema, so that a ledger of before there were submissions gains them."""
FilingKind = Literal["transfer", "chronic", "institution"]
GoodsKind = Literal["1", "2", "3", "4"]
"""`inv_data_type`: 1 stock-take, 2 stock change, 3 purchase, 4 sale."""


class FilingRecord(msgspec.Struct, frozen=True):
    """One filing of a person (2501, 2503, 2505)."""

    serial: str
    kind: FilingKind
    psn_no: str
    filed_by: str
    """Institution that filed it."""
    filed_on: dt.date
    begins: dt.date
    ends: dt.date | None
    code: str
    """Disease of 2503, institution of 2501 and 2505, ..."""
    name: str
    extra: dict[str, str] = {}
    """Further members that 5302 and 5304 tell again, by wire name."""
    withdrawn: bool = False


class GoodsRecord(msgspec.Struct, frozen=True):
    """One uploaded row of goods."""

    fixmedins_code: str
    kind: GoodsKind
    infno: str
    batch: str
    msgid: str
    fields: dict[str, str]


class TraceRecord(msgspec.Struct, frozen=True):
    """One trace code taken into stock (kinds 1 and 2) or sold (4)."""

    fixmedins_code: str
    kind: GoodsKind
    batch: str
    code: str
    on: dt.date
    national_code: str
    own_code: str
    own_name: str
    visit: str = ""
    settled: str = ""
    split_pack: str = ""
    psn_no: str = ""
    psn_cert_type: str = ""
    certno: str = ""
    psn_name: str = ""
    """To whom it was sold, as far as the upload says so."""
    repeated: bool = False
    """The same institution had told the same code in the same direction before: recorded, never stopped."""


class SubmittedBooks:
    """The tables, as a part of the ledger."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        for statement in SCHEMA:
            database.execute(statement)

    # --- filings ---

    def file(self, record: FilingRecord) -> None:
        """Book a filing."""
        self._database.execute(
            "INSERT INTO filing (serial, kind, psn_no, document) VALUES (?, ?, ?, ?)",
            (record.serial, record.kind, record.psn_no, msgspec.json.encode(record)),
        )

    def filing(self, serial: str) -> FilingRecord | None:
        """One filing, withdrawn or not."""
        return next(iter(self._filings("serial = ?", (serial,))), None)

    def filings(self, psn_no: str, kind: FilingKind) -> tuple[FilingRecord, ...]:
        """Those of a person that stand, oldest first."""
        return self._filings("psn_no = ? AND kind = ? AND NOT withdrawn", (psn_no, kind))

    def transferred_to(self, psn_no: str, division: str, day: dt.date) -> bool:
        """Whether a transfer to that place of care is in force."""
        return any(
            row.extra["mdtrtarea_admdvs"] == division
            and row.begins <= day
            and (row.ends is None or day <= row.ends)
            for row in self.filings(psn_no, "transfer")
        )

    def withdraw(self, serial: str) -> None:
        """Mark a filing as withdrawn."""
        self._database.execute("UPDATE filing SET withdrawn = 1 WHERE serial = ?", (serial,))

    def _filings(self, condition: str, values: tuple[str, ...]) -> tuple[FilingRecord, ...]:
        rows = self._database.execute(
            f"SELECT withdrawn, document FROM filing WHERE {condition} ORDER BY rowid", values
        ).fetchall()
        return tuple(
            msgspec.structs.replace(_read(document, FilingRecord), withdrawn=bool(withdrawn))
            for withdrawn, document in rows
        )

    # --- mappings ---

    def map_item(self, institution: str, own: str, kind: str, national: str, fields: dict[str, str]) -> None:
        """Book a mapping, replacing the same one."""
        self._database.execute(
            "INSERT OR REPLACE INTO mapping VALUES (?, ?, ?, ?, ?)",
            (institution, own, kind, national, msgspec.json.encode(fields)),
        )

    def unmap_item(self, institution: str, own: str, kind: str, national: str) -> None:
        """Withdraw a mapping; one that is not there is no error."""
        self._database.execute(
            "DELETE FROM mapping WHERE fixmedins_code = ? AND own_code = ? AND list_type = ? AND national_code = ?",
            (institution, own, kind, national),
        )

    def mappings(self, institution: str) -> tuple[dict[str, str], ...]:
        """An institution's uploaded mappings by own code."""
        rows = self._database.execute(
            "SELECT document FROM mapping WHERE fixmedins_code = ? ORDER BY own_code, national_code",
            (institution,),
        ).fetchall()
        return tuple(_read(row[0], dict[str, str]) for row in rows)

    # --- goods and trace codes ---

    def take(self, record: GoodsRecord) -> int:
        """Book a row of goods; returns its number."""
        self._database.execute(
            "INSERT INTO goods (fixmedins_code, kind, infno, batch, msgid, document) VALUES (?, ?, ?, ?, ?, ?)",
            (
                record.fixmedins_code,
                record.kind,
                record.infno,
                record.batch,
                record.msgid,
                msgspec.json.encode(record),
            ),
        )
        return self._database.last_insert_rowid()

    def goods(self, institution: str, kind: GoodsKind | None = None) -> tuple[GoodsRecord, ...]:
        """An institution's rows of goods (of one kind), oldest first."""
        rows = self._database.execute(
            "SELECT document FROM goods WHERE fixmedins_code = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY number",
            (institution, kind),
        ).fetchall()
        return tuple(_read(row[0], GoodsRecord) for row in rows)

    def trace(self, record: TraceRecord) -> None:
        """Book a trace code; one that was told before is recorded as repeated."""
        before = self._database.execute(
            "SELECT 1 FROM trace WHERE fixmedins_code = ? AND code = ? AND (kind = '4') = (? = '4')",
            (record.fixmedins_code, record.code, record.kind),
        ).fetchone()
        booked = msgspec.structs.replace(record, repeated=before is not None)
        self._database.execute(
            "INSERT INTO trace (fixmedins_code, kind, batch, code, repeated, document) VALUES (?, ?, ?, ?, ?, ?)",
            (
                record.fixmedins_code,
                record.kind,
                record.batch,
                record.code,
                booked.repeated,
                msgspec.json.encode(booked),
            ),
        )

    def traces(self, institution: str, kinds: frozenset[str]) -> tuple[TraceRecord, ...]:
        """An institution's trace codes of these kinds, oldest first."""
        rows = self._database.execute(
            "SELECT kind, document FROM trace WHERE fixmedins_code = ? ORDER BY number", (institution,)
        ).fetchall()
        return tuple(_read(document, TraceRecord) for kind, document in rows if kind in kinds)

    def untrace(self, institution: str, kind: GoodsKind, batch: str, code: str) -> None:
        """A pack came back: its code counts as not sold, or not in stock, any more."""
        self._database.execute(
            "DELETE FROM trace WHERE fixmedins_code = ? AND kind = ? AND batch = ? AND code = ?",
            (institution, kind, batch, code),
        )

    def delete_goods(self, institution: str, kind: GoodsKind, batch: str) -> int:
        """Delete everything of a batch and kind; returns how many rows there were."""
        key = (institution, kind, batch)
        count = len([row for row in self.goods(institution, kind) if row.batch == batch])
        for table in ("goods", "trace"):
            self._database.execute(
                f"DELETE FROM {table} WHERE fixmedins_code = ? AND kind = ? AND batch = ?", key
            )
        return count

    def give_code(self, code: str, institution: str, batch: str) -> None:
        """Note a substitute trace code that was given."""
        self._database.execute("INSERT INTO substitute VALUES (?, ?, ?)", (code, institution, batch))

    def substitutes(self, institution: str) -> tuple[str, ...]:
        """The substitute trace codes given to an institution, oldest first."""
        rows = self._database.execute(
            "SELECT code FROM substitute WHERE fixmedins_code = ? ORDER BY rowid", (institution,)
        ).fetchall()
        return tuple(str(row[0]) for row in rows)

    def substitute_count(self) -> int:
        """How many substitute trace codes were given, to all institutions together: a code is given once."""
        count = self._database.execute("SELECT COUNT(*) FROM substitute").get
        assert isinstance(count, int)
        return count


def _read(document: object, wanted: type[_Wanted]) -> _Wanted:
    assert isinstance(document, bytes)
    return msgspec.json.decode(document, type=wanted)
