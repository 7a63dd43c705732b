"""The checker behind `yibao journal verify`: is this file whole, unaltered, and does it add up?

It reads the file by itself, read-only, beside a running service or without one, and trusts nothing the writer keeps in
memory. Without the field key it checks the audit chain (every record hashed into the next, no gap), the guards (tables
and triggers as this program made them), that the audited transitions are allowed and lead to exactly the state each
settlement is in, the sums, and that what is owed stands in the queue. With the key it also opens every encrypted blob
in its place and checks every row's authentication code.

A chain cannot show that its tail was cut off and the rows put back to match. Whoever has noted an earlier head
(number of records and the hash or its beginning, for instance on paper) hands it in as `anchor`.
"""

from typing import Any

import apsw
import msgspec

from protocols.errors import MoneyError
from protocols.gm.sm3 import sm3
from terminal.core.flows import CLINIC_VISIT
from terminal.core.old_copy import OLD_COPY
from terminal.core.states import ALLOWED, OPEN_DOUBT, State
from terminal.journal.anchors import Noted
from terminal.journal.day_keys import DayKeys, PastTerm
from terminal.journal.migrations import fresh_schema, migrated_copy, refuse_newer, schema_of
from terminal.journal.records import JournalFailed
from terminal.journal.schema import RULES, SCHEMA_VERSION
from terminal.journal.settlement_table import PLAIN_COLUMNS, row_mac
from terminal.journal.sheet import decode_sheet, join_sheet
from terminal.journal.store import dicts
from terminal.journal.vault import BlobDamaged, Vault
from terminal.journal.verify_checks import find_broken_checks
from terminal.journal.verify_slips import SlipsInTheLog
from terminal.journal.verify_submissions import check_submissions, follow_submission

_IN_FLIGHT = frozenset({State.SENDING.value, State.REVERSING.value, State.CANCELLING.value})
_NOTHING_TO_TRY = frozenset({State.DRAFT.value, State.PRICED.value, State.ARMED.value, State.CLOSED.value})
_NEVER_SENT = frozenset({State.DRAFT.value, State.PRICED.value})
_LONGEST_LIST = 200
_UNREADABLE = (
    apsw.Error,
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
)
"""What SQLite says of a damaged page, and what comes of the values of any type and size that it can hold."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    code: str
    """`unreadable`, `schema`, `guard`, `check`, `chain`, `transition`, `sum`, `attempt`, `slip`, `queue`, `number`,
    `row`, `blob`."""
    where: str
    """Settlement, message id, sequence number or table; never content."""
    text: str


class Report(msgspec.Struct, frozen=True):
    """What was checked and what was found."""

    settlements: int
    attempts: int
    audit_records: int
    head: str
    """Hash of the newest audit record (hex): note it outside, and hand it in as `anchor` another day."""
    key_used: bool
    """True when blobs and row codes were checked too."""
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong with what could be checked."""
        return not self.findings


def verify_journal(path: str, vault: Vault | None = None, anchor: Noted | None = None) -> Report:
    """Check the journal at `path`; never writes, never raises for what is in the file.

    `vault` adds the checks that need the field key. `anchor` is what somebody noted earlier.
    """
    checker = _Checker(vault)
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(1000)
            with connection:  # one snapshot for all checks, also beside a writer
                checker.check_any(connection, anchor)
        finally:
            connection.close()
    except _UNREADABLE as broken:
        checker.found("unreadable", "file", type(broken).__name__)
    return checker.report()


class _Checker:
    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault
        self._findings: list[Finding] = []
        self._submissions: dict[str, str] = {}
        """Where the audit log leaves each submission."""
        self._slips = SlipsInTheLog()
        self._settlements = 0
        self._attempts = 0
        self._records = 0
        self._head = bytes(32)
        self._newer = False
        """A newer program has added things that this one does not know."""
        self._gap = 0
        """By how much the sequence numbers are ahead of the records: what is missing so far."""

    def found(self, code: str, where: object, text: str) -> None:
        """Note a finding; a file that is wrong everywhere does not fill the memory."""
        if len(self._findings) < _LONGEST_LIST:
            self._findings.append(Finding(code, str(where), text))

    def report(self) -> Report:
        return Report(
            self._settlements, self._attempts, self._records, self._head.hex(), self._vault is not None, tuple(self._findings)
        )  # fmt: skip

    def check_any(self, connection: apsw.Connection, anchor: Noted | None) -> None:
        """Check a journal of this schema, or of an older one through a migrated copy."""
        if int(str(connection.pragma("user_version"))) >= SCHEMA_VERSION:
            self.check(connection, anchor)
            return
        try:
            copy = migrated_copy(connection)
        except JournalFailed as failed:
            self.found("schema", "user_version", failed.reason)
            return
        try:
            self.check(copy, anchor)
        finally:
            copy.close()

    def check(self, connection: apsw.Connection, anchor: Noted | None) -> None:
        """Check a journal of this schema or of one that this program may use."""
        version = connection.pragma("user_version")
        try:
            refuse_newer(connection)
        except JournalFailed:
            self.found("schema", "user_version", f"schema {version}, this program knows {SCHEMA_VERSION}")
            return
        self._newer = version > SCHEMA_VERSION
        # Not `quick_check`: it does not look whether the indexes hold every row, and two of our guards are indexes.
        for (line,) in connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                self.found("unreadable", "file", str(line))
        self._guards(connection)
        find_broken_checks(connection, self.found)
        ends = self._chain(connection, anchor)
        keys = None if self._vault is None else DayKeys(connection, self._vault)
        self._rows(connection, ends, keys)
        self._check_attempts(connection, keys)
        check_submissions(connection, self._submissions, self.found, self._vault, keys)
        self._slips.check(connection, self.found)
        self._queue(connection)
        self._numbers(connection)

    # -- the guards -------------------------------------------------------------------------------

    def _guards(self, connection: apsw.Connection) -> None:
        """Tables, indexes, triggers and transition rules are exactly those this program makes."""
        expected, there = fresh_schema(), schema_of(connection)
        if self._newer:
            # Its tables may have got columns and its lists values; what this program made must at least be there.
            there = {name: expected.get(name, "") for name in there if name in expected}
        for name in sorted(expected.keys() | there.keys()):
            if expected.get(name) != there.get(name):
                missing = "is missing" if name not in there else "is not as it was made"
                self.found("guard", name, missing if name in expected else "does not belong here")
        rules = {tuple(row) for row in connection.execute("SELECT source, target FROM transition_rule")}
        if rules != set(RULES) and not (self._newer and rules > set(RULES)):
            self.found("guard", "transition_rule", "the allowed transitions are not those of this program")

    # -- the audit chain --------------------------------------------------------------------------

    def _chain(self, connection: apsw.Connection, anchor: Noted | None) -> dict[str, str]:
        """Check every link; return the state in which the audited moves leave each settlement."""
        ends: dict[str, str] = {}
        previous = bytes(32)
        anchors = dict(connection.execute("SELECT sequence, head FROM anchor"))
        query = "SELECT sequence, previous, hash, record FROM audit ORDER BY sequence"
        for expected, (sequence, claimed, digest, record) in enumerate(connection.execute(query), start=1):
            self._records += 1
            if sequence != expected + self._gap:
                self.found("chain", expected + self._gap, "records are missing")
                self._gap = sequence - expected
            if claimed != previous:
                self.found("chain", sequence, "does not continue the record before it")
            if sm3(claimed + record) != digest:
                self.found("chain", sequence, "the record is not the one that was hashed")
            if anchor is not None and sequence == anchor.records and not digest.hex().startswith(anchor.head):
                self.found("chain", sequence, "is not the record noted as anchor")
            if anchors.pop(sequence, digest) != digest:
                self.found("chain", sequence, "is not the record of the anchor kept in the journal")
            previous = digest
            self._follow(sequence, record, ends)
        self._head = previous
        for sequence in sorted(anchors):
            self.found("chain", sequence, "has an anchor and is missing: the end was cut off")
        if anchor is not None and self._records + self._gap < anchor.records:
            self.found("chain", anchor.records, "the record noted as anchor is missing: the end was cut off")
        return ends

    def _follow(self, sequence: int, record: bytes, ends: dict[str, str]) -> None:
        try:
            content = msgspec.json.decode(record)
            number, action = content["sequence"], content["action"]
        except (msgspec.DecodeError, KeyError, TypeError):
            self.found("chain", sequence, "the record cannot be read")
            return
        if number != sequence:
            self.found("chain", sequence, "the record carries another number")
        if action in ("submit", "submission"):
            follow_submission(content, sequence, self._submissions, self.found)
            return
        if action not in ("open", "move"):
            self._slips.follow(content)
            return
        name, old, new = (str(content.get(key)) for key in ("object", "old", "new"))
        if action == "open":
            if name in ends:
                self.found("transition", name, "was opened twice")
        elif ends.get(name) != old:
            self.found("transition", name, f"left {old} (record {sequence}) without being in it")
        elif (old, new) not in _ALLOWED_TEXT:
            self.found("transition", name, f"{old} to {new} (record {sequence}) is not allowed")
        ends[name] = new

    # -- settlements ------------------------------------------------------------------------------

    def _rows(self, connection: apsw.Connection, ends: dict[str, str], keys: DayKeys | None) -> None:
        seen: set[str] = set()
        for row in dicts(connection, _SETTLEMENTS):
            self._settlements += 1
            name = row["id"]
            seen.add(name)
            if ends.get(name) != row["state"]:
                self.found("transition", name, f"is {row['state']}, the audit log says {ends.get(name)}")
            self._sum(row)
            if self._vault is not None and keys is not None:
                self._authentic(row, self._vault, keys)
        for name in sorted(ends.keys() - seen):
            self.found("transition", name, "is in the audit log and not in the table")

    def _sum(self, row: dict[str, Any]) -> None:
        parts = [row[f"{name}_fen"] for name in ("fund", "account", "cash", "hospital")]
        total, aid = row["total_fen"], row["mutual_aid_fen"]
        if total is None:
            if any(part is not None for part in (*parts, aid)):
                self.found("sum", row["id"], "has parts without a total")
        elif None in (*parts, aid) or sum(parts) + (aid if row["mutual_aid_beside"] else 0) != total:
            self.found("sum", row["id"], "total is not fund + account + cash + hospital")
        elif min(total, aid, *parts) < 0:
            self.found("sum", row["id"], "an amount is negative")
        booked = row["state"] in _NEEDS_AMOUNTS and not row["quarantine"]
        if booked and total is None and not row["of_old_copy"]:
            self.found("sum", row["id"], "is booked without amounts")

    def _authentic(self, row: dict[str, Any], vault: Vault, keys: DayKeys) -> None:
        columns, sheet, identity = [row[name] for name in PLAIN_COLUMNS], row["sheet"], row["identity"]
        if row_mac(vault, columns, sheet, identity) != row["row_mac"]:
            self.found("row", row["id"], "was changed outside the terminal, or another key is in use")
            return
        if not sheet:
            if not row["past_term"]:
                self.found("blob", row["id"], "the sheet is missing before its term")
            return
        try:
            rest = keys.open(f"settlement.sheet:{row['id']}", sheet)
            place = f"settlement.identity:{row['id']}"
            shown = None if identity is None else keys.open_if_in_term(place, identity)
            settlement = decode_sheet(join_sheet(shown or b"", rest))
        except PastTerm:
            return
        except (BlobDamaged, MoneyError, msgspec.MsgspecError):
            self.found("blob", row["id"], "the sheet does not open in its place")
            return
        booking = settlement.booking
        if settlement.id != row["id"] or settlement.state.value != row["state"]:
            self.found("blob", row["id"], "the sheet belongs to another settlement or state")
        elif booking is not None and booking.split.total_fen != row["total_fen"]:
            self.found("sum", row["id"], "the sheet and the row have different amounts")

    # -- attempts, queue, numbers -----------------------------------------------------------------

    def _check_attempts(self, connection: apsw.Connection, keys: DayKeys | None) -> None:
        settle_of: dict[str, int] = {}
        query = (
            "SELECT attempt.*, settlement.state AS where_it_stands, day_key.deleted_at IS NOT NULL AS past_term FROM attempt"
            " LEFT JOIN settlement ON settlement.id = attempt.settlement"
            " LEFT JOIN day_key ON day_key.day = settlement.business_date AND day_key.purpose = 'evidence' ORDER BY msgid"
        )
        for row in dicts(connection, query):
            self._attempts += 1
            msgid, stands = row["msgid"], row["where_it_stands"]
            if stands is None:
                self.found("attempt", msgid, "belongs to no settlement")
                continue
            if row["purpose"] == "SETTLE":
                settle_of[row["settlement"]] = settle_of.get(row["settlement"], 0) + 1
            if row["purpose"] != "STEP" and stands in _NEVER_SENT:
                self.found("attempt", msgid, f"was sent, but its settlement is {stands}")
            if row["purpose"] != "STEP" and row["state"] == "SENT" and stands not in _IN_FLIGHT:
                self.found("attempt", msgid, f"has no outcome, but its settlement is {stands}")
            if keys is not None:
                self._blobs(row, keys)
        for (name,) in connection.execute(
            f"SELECT id FROM settlement WHERE state IN ({_MUST_HAVE_BEEN_SENT}) ORDER BY id"
        ):
            if settle_of.get(name, 0) != 1:
                self.found(
                    "attempt", name, f"has {settle_of.get(name, 0)} settlement messages instead of one"
                )

    def _blobs(self, row: dict[str, Any], keys: DayKeys) -> None:
        msgid = row["msgid"]
        if not row["request"]:
            if not row["past_term"]:
                self.found("blob", msgid, "the request is missing before its term")
            return
        try:
            request = keys.open(f"attempt.request:{msgid}", row["request"])
            if row["answer"]:
                keys.open(f"attempt.answer:{msgid}", row["answer"])
        except PastTerm:
            return
        except BlobDamaged:
            self.found("blob", msgid, "request or answer does not open in its place")
            return
        if sm3(request) != row["request_sm3"]:
            self.found("blob", msgid, "the request is not the one whose hash was kept")
        if msgid.encode() not in request:
            self.found("blob", msgid, "the request carries another message id")

    def _queue(self, connection: apsw.Connection) -> None:
        """Every open doubt has its next try; without one only a withdrawal that a visit owes has one."""
        query = (
            "SELECT settlement.id, settlement.state, settlement.quarantine, reversal_queue.settlement IS NOT NULL, settlement.flow"
            " FROM settlement LEFT JOIN reversal_queue ON reversal_queue.settlement = settlement.id ORDER BY settlement.id"
        )
        for name, state, quarantine, queued, flow in connection.execute(query):
            open_ = state in OPEN_DOUBT or (quarantine and state == State.CONFIRMED.value)
            if open_ and not queued:
                self.found("queue", name, f"is {state} and has no next try")
            late_lines = flow == CLINIC_VISIT.name and state == State.CLOSED.value
            if queued and not open_ and state in _NOTHING_TO_TRY and not late_lines:
                self.found("queue", name, f"is {state} and still has a next try")

    def _numbers(self, connection: apsw.Connection) -> None:
        """The counters have not gone back: sale sequence and reserved message numbers."""
        for expected, (sequence,) in enumerate(
            connection.execute("SELECT terminal_sequence FROM settlement ORDER BY terminal_sequence"), start=1
        ):
            if sequence != expected:
                self.found("number", expected, "a settlement of this sequence number is missing")
                break
        counter = connection.execute("SELECT value FROM sequence WHERE name = 'settlement'").fetchone()
        if counter is None or counter[0] != self._settlements:
            self.found("number", "sequence", "the counter of settlements differs from their number")
        until = connection.execute("SELECT value FROM meta WHERE name = 'message_numbers_until'").fetchone()
        reserved = "" if until is None else "".join(filter(str.isdigit, str(until[0])))[:14]
        newest = connection.execute(
            "SELECT MAX(substr(msgid, 13, 14)) FROM (SELECT msgid FROM attempt UNION ALL SELECT msgid FROM submission_attempt)"
        ).fetchone()
        if newest is not None and newest[0] is not None and newest[0] > reserved:
            self.found("number", "message_numbers_until", "a message id lies behind the reserved seconds")


# What an old copy of the journal held to be on its way is booked on the word of two people: its answer, with the amounts, is lost.
_SETTLEMENTS = (
    "SELECT settlement.*, day_key.deleted_at IS NOT NULL AS past_term,"
    f" EXISTS (SELECT 1 FROM attempt WHERE attempt.settlement = settlement.id AND purpose = 'SETTLE' AND verdict = '{OLD_COPY}')"
    " AS of_old_copy FROM settlement LEFT JOIN day_key"
    " ON day_key.day = settlement.business_date AND day_key.purpose = 'evidence' ORDER BY terminal_sequence"
)
_ALLOWED_TEXT = frozenset((source.value, target.value) for source, target in ALLOWED)
_NEEDS_AMOUNTS = frozenset(
    {State.CONFIRMED, State.DELIVERED, State.CLOSED, State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED}
)
_MUST_HAVE_BEEN_SENT = ", ".join(
    f"'{state.value}'" for state in State if state not in (State.DRAFT, State.PRICED, State.ARMED, State.ABANDONED)
)  # fmt: skip
