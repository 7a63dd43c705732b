"""The hub's own books, on SQLite: the oracle against which a counter's journal is judged.

Every request is one transaction (`with ledger.transaction()`), so a refusal books nothing. A cancellation or a
reversal is a record of its own with every amount negated from the stored values; the original stays, marked.
Money is integer fen. The ledger may live in memory or in a file; a file is reopened as it was left.

Accumulators are kept as the benefit engine's values, encoded as JSON, per person, policy set and benefit year.
"""

import contextlib
import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

import apsw
import msgspec

from simulators.benefit.model import Accumulators, Result
from simulators.hub.back_office_books import BackOfficeBooks
from simulators.hub.documents import Documents
from simulators.hub.submitted_books import SubmittedBooks
from simulators.people import Person, Registration

_Wanted = TypeVar("_Wanted")
HowUndone = Literal["", "cancelled", "reversed"]

_SCHEMA = """
CREATE TABLE account (psn_no TEXT PRIMARY KEY, balance_fen INTEGER NOT NULL CHECK (balance_fen >= 0)) STRICT;
CREATE TABLE registration (
  psn_no TEXT NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, document BLOB NOT NULL,
  PRIMARY KEY (psn_no, kind, code)) STRICT;
CREATE TABLE accumulator (
  psn_no TEXT NOT NULL, policy_set TEXT NOT NULL, year INTEGER NOT NULL, document BLOB NOT NULL,
  PRIMARY KEY (psn_no, policy_set, year)) STRICT;
CREATE TABLE visit (
  mdtrt_id TEXT PRIMARY KEY, psn_no TEXT NOT NULL, fixmedins_code TEXT NOT NULL, ipt_otp_no TEXT NOT NULL,
  begntime TEXT NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, document BLOB NOT NULL) STRICT;
CREATE INDEX visit_by_person ON visit (psn_no);
CREATE TABLE line (
  mdtrt_id TEXT NOT NULL REFERENCES visit, feedetl_sn TEXT NOT NULL, chrg_bchno TEXT NOT NULL,
  place INTEGER NOT NULL, setl_id TEXT, document BLOB NOT NULL,
  PRIMARY KEY (mdtrt_id, feedetl_sn)) STRICT;
CREATE TABLE settlement (
  sequence INTEGER PRIMARY KEY, setl_id TEXT NOT NULL UNIQUE, mdtrt_id TEXT NOT NULL REFERENCES visit,
  psn_no TEXT NOT NULL, fixmedins_code TEXT NOT NULL, msgid TEXT NOT NULL, infno TEXT NOT NULL,
  direction INTEGER NOT NULL CHECK (direction IN (1, -1)), undoes TEXT REFERENCES settlement (setl_id),
  how_undone TEXT NOT NULL DEFAULT '', document BLOB NOT NULL) STRICT;
CREATE INDEX settlement_by_msgid ON settlement (msgid);
CREATE UNIQUE INDEX undone_once ON settlement (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE msgid (msgid TEXT PRIMARY KEY, infno TEXT NOT NULL, infcode INTEGER NOT NULL) STRICT;
CREATE TABLE sign_in (
  sign_no TEXT PRIMARY KEY, fixmedins_code TEXT NOT NULL, operator TEXT NOT NULL, sign_time TEXT NOT NULL) STRICT;
"""
_VERSION = 1
_LOG_PAGES = 8000
"""32 MB of log before it is carried over into the file: that waits for the disk twice, and takes a page once however often it changed."""
_FILES = "CREATE TABLE IF NOT EXISTS file (number TEXT PRIMARY KEY, fixmedins_code TEXT NOT NULL, content BLOB NOT NULL) STRICT"
"""Beside the schema, so that a ledger of before there were files gains them."""


class LineRecord(msgspec.Struct, frozen=True):
    """One uploaded charge line, with the words and codes it was uploaded under."""

    feedetl_sn: str
    chrg_bchno: str
    med_list_codg: str
    medins_list_codg: str
    item: str
    """Key in the benefit catalogue."""
    quantity_e4: int
    price_micro: int
    amount_fen: int
    fee_date: dt.date
    indication_ok: bool = False
    rx_pooled: bool = False
    rxno: str = ""
    trace_codes: tuple[str, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True):
    """One diagnosis of a visit (2203A `diseinfo`)."""

    order: int
    code: str
    name: str
    main: bool
    valid: bool
    kind: str = ""
    department: str = ""
    doctor_code: str = ""
    doctor_name: str = ""
    diagnosed_at: str = ""


class VisitRecord(msgspec.Struct, frozen=True):
    """One visit: a registration of 2201, or the one a pharmacy settlement makes by itself."""

    mdtrt_id: str
    psn_no: str
    fixmedins_code: str
    insutype: str
    begntime: str
    mdtrt_cert_type: str
    ipt_otp_no: str = ""
    med_type: str = ""
    dise_codg: str = ""
    dise_name: str = ""
    main_condition: str = ""
    doctor_code: str = ""
    doctor_name: str = ""
    department_code: str = ""
    department_name: str = ""
    operator: str = ""
    operator_name: str = ""
    opened_at: str = ""
    diagnoses: tuple[Diagnosis, ...] = ()
    withdrawn: bool = False


class SettlementRecord(msgspec.Struct, frozen=True):
    """One settlement (`direction` 1) or the record that undoes one (-1, amounts negated)."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    fixmedins_code: str
    msgid: str
    """Message id of the request that made this record (`medins_setl_id`)."""
    infno: str
    setl_time: str
    policy_set: str
    fee_date: dt.date
    insutype: str
    psn_type: str
    insured_division: str
    pay_loc: str
    mdtrt_cert_type: str
    med_type: str
    clr_type: str
    clr_optins: str
    result: Result
    chrg_bchno: str = ""
    dise_codg: str = ""
    dise_name: str = ""
    invono: str = ""
    operator: str = ""
    operator_name: str = ""
    relatives: tuple[str, ...] = ()
    """`psn_no` of the relatives whose accounts were open to this settlement."""
    direction: Literal[1, -1] = 1
    undoes: str = ""
    """`setl_id` of the settlement this record undoes."""
    how_undone: HowUndone = ""
    """Set on an original: by cancellation (2103, 2208) or by reversal (2601)."""

    @property
    def live(self) -> bool:
        """True for a settlement that still stands."""
        return self.direction == 1 and not self.how_undone


class MessageSeen(msgspec.Struct, frozen=True):
    """One message id the hub has taken, with the outcome it answered."""

    msgid: str
    infno: str
    infcode: int


class SignIn(msgspec.Struct, frozen=True):
    """One sign-in (9001)."""

    sign_no: str
    fixmedins_code: str
    operator: str
    sign_time: str


class Ledger:
    """The books. Not thread-safe; all calls come from the thread that owns the hub."""

    def __init__(self, path: Path | None = None) -> None:
        """Open `path`, or a ledger in memory. A new ledger is empty: `seed` puts the people in."""
        self._path = path
        self._database = apsw.Connection(":memory:" if path is None else str(path))
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.execute("PRAGMA journal_mode = WAL").fetchall()
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}").fetchall()
        if self._database.pragma("user_version") == 0:
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    if statement.strip():
                        self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
        self._database.execute(_FILES)
        self.documents = Documents(self._database)
        """What is kept beside the money."""
        self.submitted = SubmittedBooks(self._database)
        """Filings, mappings, goods and trace codes."""
        self.back_office = BackOfficeBooks(self._database)
        """Monthly credits, and quotes for a rehearsal."""

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextlib.contextmanager
    def to_be_synced(self) -> Iterator[None]:
        """A transaction that is on disk not when the block ends but after the next `sync`; not inside another one."""
        self._database.execute(
            "PRAGMA synchronous = NORMAL"
        )  # writes the log at a commit and does not wait for it
        try:
            with self.transaction():
                yield
        finally:
            self._database.execute("PRAGMA synchronous = FULL")

    def sync(self) -> None:
        """Bring to disk what was committed before the call. Any thread may call it; raises OSError.

        The log (`-wal`) is all that it takes: after a power cut the database is read from it. SQLite waits for the disk
        by itself before it writes from the log into the file and before it begins the log anew.
        """
        if self._path is None:
            return
        log = os.open(f"{self._path}-wal", os.O_RDONLY)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is booked together or not at all, in a file on disk when the block ends.

        A nested call is a savepoint of its own.
        """
        nested = self._database.in_transaction
        begin, commit, back = (
            ("SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner; RELEASE inner")
            if nested
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        self._database.execute(begin)
        try:
            yield
            self._database.execute(commit)
        except BaseException:
            if self._database.in_transaction:  # a disk that fails may have rolled everything back by itself
                self._database.execute(back).fetchall()
            raise

    def seed(self, people: Iterable[Person]) -> None:
        """Open an account and file the registrations of everybody who has none yet."""
        with self.transaction():
            for person in people:
                if self._database.execute(
                    "SELECT 1 FROM account WHERE psn_no = ?", (person.psn_no,)
                ).fetchone():
                    continue
                opening = sum(row.balance_fen for row in person.enrolment if row.active)
                self._database.execute("INSERT INTO account VALUES (?, ?)", (person.psn_no, opening))
                for filed in person.registration:
                    self.register(person.psn_no, filed)

    # --- accounts, registrations, accumulators ---

    def balance(self, psn_no: str) -> int:
        """Own personal account in fen. Raises KeyError for somebody unknown."""
        row = self._database.execute("SELECT balance_fen FROM account WHERE psn_no = ?", (psn_no,)).fetchone()
        if row is None:
            raise KeyError(psn_no)
        return _whole(row[0])

    def balances(self) -> dict[str, int]:
        """All personal accounts in fen, by `psn_no`."""
        rows = self._database.execute("SELECT psn_no, balance_fen FROM account ORDER BY psn_no").fetchall()
        return {str(psn_no): _whole(fen) for psn_no, fen in rows}

    def set_balance(self, psn_no: str, balance_fen: int) -> None:
        """Set an account to `balance_fen`."""
        self._database.execute("UPDATE account SET balance_fen = ? WHERE psn_no = ?", (balance_fen, psn_no))

    def register(self, psn_no: str, filed: Registration) -> None:
        """File a chronic or two-disease entitlement, replacing one of the same disease."""
        self._database.execute(
            "INSERT OR REPLACE INTO registration VALUES (?, ?, ?, ?)",
            (psn_no, filed.kind, filed.code, msgspec.json.encode(filed)),
        )

    def unregister(self, psn_no: str, kind: str, code: str) -> None:
        """Withdraw an entitlement that was filed."""
        self._database.execute(
            "DELETE FROM registration WHERE psn_no = ? AND kind = ? AND code = ?", (psn_no, kind, code)
        )

    def registrations(self, psn_no: str) -> tuple[Registration, ...]:
        """Everything filed for a person, whether in force or not."""
        rows = self._database.execute(
            "SELECT document FROM registration WHERE psn_no = ? ORDER BY kind, code", (psn_no,)
        ).fetchall()
        return tuple(_registration(_blob(row[0])) for row in rows)

    def accumulators(self, psn_no: str, policy_set: str, year: int) -> Accumulators:
        """What a person has used up in a benefit year (all 0 when nothing was booked)."""
        row = self._database.execute(
            "SELECT document FROM accumulator WHERE psn_no = ? AND policy_set = ? AND year = ?",
            (psn_no, policy_set, year),
        ).fetchone()
        return Accumulators(year=year) if row is None else _read(row[0], Accumulators)

    def set_accumulators(self, psn_no: str, policy_set: str, value: Accumulators) -> None:
        """Replace the accumulators of a person, policy set and year."""
        self._database.execute(
            "INSERT OR REPLACE INTO accumulator VALUES (?, ?, ?, ?)",
            (psn_no, policy_set, value.year, msgspec.json.encode(value)),
        )

    # --- visits and lines ---

    def add_visit(self, visit: VisitRecord) -> None:
        """Book a new visit."""
        self._database.execute(
            "INSERT INTO visit VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                visit.mdtrt_id,
                visit.psn_no,
                visit.fixmedins_code,
                visit.ipt_otp_no,
                visit.begntime,
                visit.withdrawn,
                msgspec.json.encode(visit),
            ),
        )

    def change_visit(self, visit: VisitRecord) -> None:
        """Replace a visit by its `mdtrt_id`."""
        self._database.execute(
            "UPDATE visit SET begntime = ?, withdrawn = ?, document = ? WHERE mdtrt_id = ?",
            (visit.begntime, visit.withdrawn, msgspec.json.encode(visit), visit.mdtrt_id),
        )

    def visit(self, mdtrt_id: str) -> VisitRecord | None:
        """One visit, withdrawn or not."""
        row = self._database.execute("SELECT document FROM visit WHERE mdtrt_id = ?", (mdtrt_id,)).fetchone()
        return None if row is None else _read(row[0], VisitRecord)

    def visits(self, psn_no: str, fixmedins_code: str) -> tuple[VisitRecord, ...]:
        """The visits of a person at an institution that were not withdrawn, oldest first."""
        rows = self._database.execute(
            "SELECT document FROM visit WHERE psn_no = ? AND fixmedins_code = ? AND NOT withdrawn"
            " ORDER BY begntime, mdtrt_id",
            (psn_no, fixmedins_code),
        ).fetchall()
        return tuple(_read(row[0], VisitRecord) for row in rows)

    def open_visit_with(self, fixmedins_code: str, ipt_otp_no: str) -> VisitRecord | None:
        """The visit of an institution under its own number, unless withdrawn."""
        row = self._database.execute(
            "SELECT document FROM visit WHERE fixmedins_code = ? AND ipt_otp_no = ? AND NOT withdrawn",
            (fixmedins_code, ipt_otp_no),
        ).fetchone()
        return None if row is None else _read(row[0], VisitRecord)

    def add_lines(self, mdtrt_id: str, lines: Sequence[LineRecord], setl_id: str | None = None) -> None:
        """Book charge lines, settled by `setl_id` or still unsettled."""
        for place, row in enumerate(lines):
            self._database.execute(
                "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)",
                (mdtrt_id, row.feedetl_sn, row.chrg_bchno, place, setl_id, msgspec.json.encode(row)),
            )

    def lines(self, mdtrt_id: str, chrg_bchno: str | None = None) -> tuple[LineRecord, ...]:
        """All lines of a visit, or of one batch, in upload order."""
        return self._lines(mdtrt_id, chrg_bchno, "")

    def unsettled_lines(self, mdtrt_id: str, chrg_bchno: str | None = None) -> tuple[LineRecord, ...]:
        """The lines no standing settlement has taken."""
        return self._lines(mdtrt_id, chrg_bchno, " AND setl_id IS NULL")

    def _lines(self, mdtrt_id: str, chrg_bchno: str | None, condition: str) -> tuple[LineRecord, ...]:
        rows = self._database.execute(
            "SELECT document FROM line WHERE mdtrt_id = ?1 AND (?2 IS NULL OR chrg_bchno = ?2)"
            f"{condition} ORDER BY rowid",
            (mdtrt_id, chrg_bchno),
        ).fetchall()
        return tuple(_read(row[0], LineRecord) for row in rows)

    def settled_lines(self) -> tuple[tuple[str, LineRecord], ...]:
        """Every line that a standing settlement has taken, with its `setl_id`, in upload order."""
        rows = self._database.execute(
            "SELECT setl_id, document FROM line WHERE setl_id IS NOT NULL ORDER BY rowid"
        ).fetchall()
        return tuple((str(row[0]), _read(row[1], LineRecord)) for row in rows)

    def remove_unsettled_lines(self, mdtrt_id: str, chrg_bchno: str | None) -> int:
        """Withdraw the unsettled lines of a batch, or of the whole visit; returns how many there were."""
        count = len(self.unsettled_lines(mdtrt_id, chrg_bchno))
        self._database.execute(
            "DELETE FROM line WHERE mdtrt_id = ?1 AND (?2 IS NULL OR chrg_bchno = ?2) AND setl_id IS NULL",
            (mdtrt_id, chrg_bchno),
        )
        return count

    def settle_lines(self, mdtrt_id: str, chrg_bchno: str, setl_id: str) -> None:
        """Mark the unsettled lines of a batch as taken by a settlement."""
        self._database.execute(
            "UPDATE line SET setl_id = ? WHERE mdtrt_id = ? AND chrg_bchno = ? AND setl_id IS NULL",
            (setl_id, mdtrt_id, chrg_bchno),
        )

    # --- settlements ---

    def add_settlement(self, record: SettlementRecord) -> None:
        """Book a settlement, or the record that undoes one; the latter frees the lines and marks the original."""
        self._database.execute(
            "INSERT INTO settlement (setl_id, mdtrt_id, psn_no, fixmedins_code, msgid, infno, direction, undoes,"
            " document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.setl_id,
                record.mdtrt_id,
                record.psn_no,
                record.fixmedins_code,
                record.msgid,
                record.infno,
                record.direction,
                record.undoes or None,
                msgspec.json.encode(record),
            ),
        )
        if record.undoes:
            how: HowUndone = "reversed" if record.infno == "2601" else "cancelled"
            self._database.execute(
                "UPDATE settlement SET how_undone = ? WHERE setl_id = ?", (how, record.undoes)
            )
            self._database.execute("UPDATE line SET setl_id = NULL WHERE setl_id = ?", (record.undoes,))

    def settlement(self, setl_id: str) -> SettlementRecord | None:
        """One record by its settlement id."""
        return next(iter(self._settlements("setl_id = ?", (setl_id,))), None)

    def by_msgid(self, msgid: str) -> tuple[SettlementRecord, ...]:
        """The records a message made. At most one, unless message ids are not checked."""
        return self._settlements("msgid = ?", (msgid,))

    def of_person(self, psn_no: str) -> tuple[SettlementRecord, ...]:
        """All records of a person, oldest first."""
        return self._settlements("psn_no = ?", (psn_no,))

    def of_visit(self, mdtrt_id: str) -> tuple[SettlementRecord, ...]:
        """All records of a visit, oldest first."""
        return self._settlements("mdtrt_id = ?", (mdtrt_id,))

    def settlements(self) -> tuple[SettlementRecord, ...]:
        """All records, oldest first."""
        return self._settlements("1", ())

    def of_institution(self, fixmedins_code: str) -> tuple[SettlementRecord, ...]:
        """All records of an institution, oldest first."""
        return self._settlements("fixmedins_code = ?", (fixmedins_code,))

    def live_settlements(self) -> tuple[SettlementRecord, ...]:
        """The settlements that still stand, oldest first."""
        return self._settlements("direction = 1 AND how_undone = ''", ())

    def _settlements(self, condition: str, values: tuple[str, ...]) -> tuple[SettlementRecord, ...]:
        rows = self._database.execute(
            f"SELECT how_undone, document FROM settlement WHERE {condition} ORDER BY sequence", values
        ).fetchall()
        return tuple(_settlement(_blob(document), str(how_undone)) for how_undone, document in rows)

    # --- files ---

    def keep_file(self, number: str, fixmedins_code: str, content: bytes) -> None:
        """Keep an uploaded file, or one made for an institution."""
        self._database.execute("INSERT INTO file VALUES (?, ?, ?)", (number, fixmedins_code, content))

    def file(self, number: str, fixmedins_code: str) -> bytes | None:
        """A file of that institution by its number, None when there is none."""
        row = self._database.execute(
            "SELECT content FROM file WHERE number = ? AND fixmedins_code = ?", (number, fixmedins_code)
        ).fetchone()
        if row is None:
            return None
        assert isinstance(row[0], bytes)
        return row[0]

    def file_count(self) -> int:
        """How many files are kept."""
        return _whole(self._database.execute("SELECT COUNT(*) FROM file").get)

    # --- messages and sign-ins ---

    def message(self, msgid: str) -> MessageSeen | None:
        """What was answered to a message id, None when it never came."""
        row = self._database.execute(
            "SELECT msgid, infno, infcode FROM msgid WHERE msgid = ?", (msgid,)
        ).fetchone()
        return None if row is None else _message(row)

    def messages(self) -> tuple[MessageSeen, ...]:
        """All message ids taken, in the order they came."""
        rows = self._database.execute("SELECT msgid, infno, infcode FROM msgid ORDER BY rowid").fetchall()
        return tuple(_message(row) for row in rows)

    def note_message(self, seen: MessageSeen) -> None:
        """Remember a message id; the first outcome stays when ids are not checked and one comes again."""
        self._database.execute(
            "INSERT OR IGNORE INTO msgid VALUES (?, ?, ?)", (seen.msgid, seen.infno, seen.infcode)
        )

    def add_sign_in(self, entry: SignIn) -> None:
        """Book a sign-in."""
        self._database.execute(
            "INSERT INTO sign_in VALUES (?, ?, ?, ?)",
            (entry.sign_no, entry.fixmedins_code, entry.operator, entry.sign_time),
        )

    def remove_sign_in(self, sign_no: str) -> None:
        """Forget a sign-in: its operator has signed out."""
        self._database.execute("DELETE FROM sign_in WHERE sign_no = ?", (sign_no,))

    def remove_sign_ins(self) -> None:
        """Forget every sign-in."""
        self._database.execute("DELETE FROM sign_in")

    def sign_in(self, sign_no: str) -> SignIn | None:
        """A sign-in by its number."""
        row = self._database.execute(
            "SELECT sign_no, fixmedins_code, operator, sign_time FROM sign_in WHERE sign_no = ?", (sign_no,)
        ).fetchone()
        return None if row is None else SignIn(*map(str, row))


def _read(document: object, wanted: type[_Wanted]) -> _Wanted:
    assert isinstance(document, bytes)
    return msgspec.json.decode(document, type=wanted)


@lru_cache(maxsize=4096)
def _settlement(document: bytes, how_undone: str) -> SettlementRecord:
    """A day's totals are asked for group by group, and each question reads the same ones."""
    return msgspec.structs.replace(_read(document, SettlementRecord), how_undone=how_undone)


@lru_cache(maxsize=4096)
def _registration(document: bytes) -> Registration:
    """Every question about a person reads theirs again, and they change once in years."""
    return _read(document, Registration)


def _blob(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _message(row: Sequence[object]) -> MessageSeen:
    return MessageSeen(str(row[0]), str(row[1]), _whole(row[2]))
