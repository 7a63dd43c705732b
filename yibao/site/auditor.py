"""The auditor: holds a run to the invariants, by the hub's ledger, the paper and what the tills were told.

It never asks the counter's memory. Journal rows are read as evidence of two things only: that a message was on disk
(I2), and that what was once told stands there (I4); and the journal's own books are compared with the hub's (I5).

    I1   one sale, one settlement: no pack of medicine and no sale number is in two live settlements, at any moment
    I2   nothing at the hub is unknown to us: every message that moves money has its row, with exactly the bytes that were sent
    I3   doubts end once faults stop
    I4   what was told as settled, undone or refused stays so; only an asked-for cancellation undoes a settlement
    I5   money: hub, journal and paper agree to the fen, settlement by settlement and so day by day
    I6   one original slip per settlement, whatever the paper did; every other print is marked as a copy
    I7   the audit chain verifies, follows every transition, and continues the heads that were noted outside
    I8   no name, number, code or token in the log or readable on the disk
    I9   cards are not part of this world (see the card tests)
    I10  a counter whose disk has failed takes no new sale
    I11  the next sale works, without a technician
    I12  only what the hub signed over this very message moves a state
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec

from drivers.interfaces.signer import Verifier
from protocols.errors import MalformedMessage
from protocols.gm.sm3 import sm3
from protocols.hub import envelope
from protocols.hub.profile import Profile
from protocols.hub.signing import answer_signing_bytes, decode_signature
from simulators.hub.ledger import Ledger, SettlementRecord
from simulators.people import Person
from simulators.printer.reading import CANCELLED, SETTLED, DecodedSlip, UnreadableSlip, decode_slip
from terminal.core.states import BOOKED, FINAL, State
from terminal.core.values import Settlement
from terminal.journal.anchors import Noted
from terminal.journal.opening import open_journal
from terminal.journal.records import AttemptRow, ReceiptRow, SettlementRow
from terminal.journal.verify import verify_journal
from yibao.site.disk import Cut, Disk
from yibao.site.machine import Machine
from yibao.site.people import Sale

CLINIC = "H99990000002"
CODE_DIGITS = 28
"""Length of an e-certificate code."""
ALIKE = 6
"""Bytes of the beginning by which the invented people's names and numbers fall into three kinds."""
_DIGITS_ONLY = bytes(ord("9") if chr(byte) in "0123456789" else 0 for byte in range(256))
_UNDER_CANCELLATION = frozenset({State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED, State.MANUAL})
_ENDS = frozenset({State.REFUSED, State.REVERSED, State.CANCELLED, State.ABANDONED})


class Break(msgspec.Struct, frozen=True):
    """One broken invariant."""

    invariant: str
    text: str


class _Books(msgspec.Struct, frozen=True):
    """Everything one machine's journal holds at the end."""

    rows: list[SettlementRow]
    attempts: dict[str, list[AttemptRow]]
    receipts: dict[str, list[ReceiptRow]]


class Auditor:
    """One run's auditor. The first methods are called while it goes on, `audit` at its end."""

    def __init__(
        self,
        ledger: Ledger,
        people: Sequence[Person],
        profile: Profile,
        verifier: Verifier,
        note: Callable[..., None],
    ) -> None:
        """`verifier` is the hub's key."""
        self._ledger = ledger
        self._people = people
        self._profile = profile
        self._verifier = verifier
        self._note = note
        self.breaks: list[Break] = []
        self._sold: dict[str, set[str]] = {}
        self._packs: dict[str, tuple[str, ...]] = {}
        self._arrived: list[tuple[str, str, bytes]] = []
        self._told: dict[str, tuple[Machine, Sale, list[State]]] = {}
        self.secrets: set[str] = set()
        """Codes shown to the counter."""
        self.acts = Counter[str]()
        """What people did unwisely."""
        self.settlements = 0
        self.sent: dict[str, str] = {}
        """Message id of everything that moved money, with the settlement it belongs to; known after `audit`."""

    def broken(self, invariant: str, text: str) -> None:
        """Note a break."""
        self.breaks.append(Break(invariant, text))
        self._note("BREAK", invariant, text)

    # -- while it goes on -------------------------------------------------------------------------

    def arrived(self, infno: str, msgid: str, body: bytes) -> None:
        """A message that moves money has reached the hub and been acted upon."""
        self._arrived.append((infno, msgid, sm3(body)))
        for record in self._ledger.by_msgid(msgid):
            if record.direction == 1:
                self._booked(record)
            else:
                self._undone(record)

    def _booked(self, record: SettlementRecord) -> None:
        if record.setl_id in self._packs:
            return
        result = record.result
        self._note(
            "booked", record.msgid, record.infno, result.total_fen, result.fund_fen, result.account_fen
        )
        packs = tuple(code for line in self._ledger.lines(record.mdtrt_id) for code in line.trace_codes)
        self._packs[record.setl_id] = packs
        for pack in packs:
            live = self._sold.setdefault(pack, set())
            live.add(record.setl_id)
            if len(live) > 1:
                self.broken("I1", f"pack {pack} is in {len(live)} live settlements")

    def _undone(self, record: SettlementRecord) -> None:
        for pack in self._packs.get(record.undoes, ()):
            self._sold[pack].discard(record.undoes)
        self._note("undone", record.msgid, record.infno, record.result.total_fen)

    def told(self, machine: Machine, sale: Sale, settlement: Settlement) -> None:
        """See `people.Listener`."""
        _, _, states = self._told.setdefault(settlement.id, (machine, sale, []))
        state = settlement.state
        if settlement.quarantine and state in BOOKED:
            state = State.DOUBT  # told as such: "undone, not settled"
        if not states or states[-1] is not state:
            states.append(state)
            self._note("told", settlement.id, state.value)

    def refused_without_cause(self, machine: Machine, sale: Sale, code: str) -> None:
        """See `people.Listener`."""
        self.broken("I11", f"{machine.name} sale {sale.number}: {code}")

    def taken_by_a_failed_counter(self, machine: Machine, sale: Sale) -> None:
        """See `people.Listener`."""
        self.broken("I10", f"{machine.name} took sale {sale.number} after its disk had failed")

    def forgotten(self, machine: Machine, sale: Sale) -> None:
        """See `people.Listener`."""
        self.broken(
            "I4", f"{machine.name} no longer knows sale {sale.number}, which was {sale.told[-1].state}"
        )

    def acted(self, kind: str) -> None:
        """See `people.Listener`."""
        self.acts[kind] += 1

    # -- at the end -------------------------------------------------------------------------------

    def audit(self, machines: Sequence[Machine], folder: Path) -> None:
        """Check everything that can be checked at rest."""
        known: dict[str, AttemptRow] = {}
        for machine in machines:
            books = _read(machine, folder)
            for attempt in (attempt for rows in books.attempts.values() for attempt in rows):
                if attempt.msgid in known:
                    self.broken("I2", f"message id {attempt.msgid} was given twice")
                known[attempt.msgid] = attempt
            self._rest(books)
            self._untold(machine, books)
            self._money(machine, books)
            self._paper(machine, books)
            self._authentic(books)
            self._chain(machine, folder)
            self._secrecy(machine)
        self._on_disk(known)
        self._visits()

    def _on_disk(self, known: dict[str, AttemptRow]) -> None:
        """I2."""
        for infno, msgid, digest in self._arrived:
            attempt = known.get(msgid)
            if attempt is None:
                self.broken("I2", f"{infno} {msgid} reached the hub and is on no disk")
            elif sm3(attempt.request) != digest:
                self.broken("I2", f"{infno} {msgid} is on disk with other bytes")

    def _rest(self, books: _Books) -> None:
        """I3."""
        for row in books.rows:
            at_rest = row.state in FINAL or (row.state in BOOKED and not row.quarantine)
            if not at_rest and row.state not in (State.DRAFT, State.PRICED, State.ARMED):
                self.broken("I3", f"{row.id} is still {row.state}")

    def _visits(self) -> None:
        """I3 for what a visit books without money: nothing stands at the hub but visits that are settled."""
        settled = {record.mdtrt_id for record in self._ledger.live_settlements()}
        for person in self._people:
            for visit in self._ledger.visits(person.psn_no, CLINIC):
                if visit.mdtrt_id not in settled:
                    self.broken("I3", f"visit {visit.mdtrt_id} was left open at the hub")

    def _untold(self, machine: Machine, books: _Books) -> None:
        """I4. Whatever was told of a sale, it had been on disk before; and a machine keeps its disk for the whole run."""
        now = {row.id: row for row in books.rows}
        for settlement_id, (teller, sale, states) in self._told.items():
            if teller is not machine:
                continue
            row = now.get(settlement_id)
            if row is None:
                self.broken("I4", f"{settlement_id} was told {', '.join(states)} and is not there")
                continue
            for state in states:
                stands = row.state in BOOKED and not row.quarantine
                if (
                    state in BOOKED
                    and not stands
                    and not (sale.cancel_asked and row.state in _UNDER_CANCELLATION)
                ):
                    self.broken("I4", f"{settlement_id} was told {state}, is {row.state}")
                if state in _ENDS and row.state is not state:
                    self.broken("I4", f"{settlement_id} was told {state}, is {row.state}")

    def _money(self, machine: Machine, books: _Books) -> None:
        """I1 and I5 between hub and journal."""
        place = machine.config.institution.code
        slot = f"{machine.config.terminal.slot:02d}"
        at_hub = {
            record.msgid: record for record in self._ledger.live_settlements()
            if record.msgid[:12] == place and record.msgid[26:28] == slot
        }  # fmt: skip
        of_sale: dict[tuple[str, dt.date], list[str]] = {}
        for row in books.rows:
            settle = [attempt for attempt in books.attempts[row.id] if attempt.purpose == "SETTLE"]
            self.settlements += bool(settle)
            for attempt in books.attempts[row.id]:
                if settle and attempt.purpose != "STEP":
                    self.sent[attempt.msgid] = row.id
            record = at_hub.pop(settle[0].msgid, None) if settle else None
            if record is not None:
                of_sale.setdefault((row.key.sale_number, row.key.business_date), []).append(row.id)
            self._same_money(row, record)
        for msgid in sorted(at_hub):
            self.broken("I5", f"{msgid} stands at the hub and in no journal")
        for (number, date), ids in of_sale.items():
            if len(ids) > 1:
                self.broken("I1", f"sale {number} of {date} has {len(ids)} live settlements")

    def _same_money(self, row: SettlementRow, record: SettlementRecord | None) -> None:
        booked = row.state in BOOKED and not row.quarantine
        if booked != (record is not None):
            where = "stands at the hub" if record is not None else "does not stand at the hub"
            self.broken("I5", f"{row.id} is {row.state} and {where}")
        if record is None or not booked:
            return
        if row.amounts is None:
            self.broken("I5", f"{row.id} is {row.state} without amounts")
            return
        ours, theirs = row.amounts, record.result
        if (ours.total_fen, ours.fund_fen, ours.account_fen, ours.cash_fen) != (
            theirs.total_fen, theirs.fund_fen, theirs.account_fen, theirs.cash_fen,
        ):  # fmt: skip
            self.broken("I5", f"{row.id}: journal {ours}, hub {theirs.total_fen} {theirs.account_fen}")

    # -- paper ------------------------------------------------------------------------------------

    def _paper(self, machine: Machine, books: _Books) -> None:
        """I6, and I5 between paper and hub."""
        originals: dict[str, list[DecodedSlip]] = {}
        seen: set[tuple[str, str]] = set()
        for piece in machine.printer.tape:
            if not piece.whole:
                continue
            try:
                slip = decode_slip(piece.lines())
            except UnreadableSlip as unreadable:
                self.broken("I6", f"{machine.name}: a slip that cannot be read: {unreadable}")
                continue
            self._slip_is_true(slip)
            if slip.copy_number == 0 and slip.title != SETTLED:
                if (slip.title, slip.receipt_no) in seen:
                    self.broken(
                        "I6", f"{slip.receipt_no} has two slips {slip.title}, neither marked as a copy"
                    )
                seen.add((slip.title, slip.receipt_no))
            if slip.copy_number == 0 and slip.title == SETTLED:
                originals.setdefault(slip.receipt_no, []).append(slip)
        for row in books.rows:
            number = _receipt_number(row)
            found = len(originals.pop(number, ()))
            if found > 1:
                self.broken("I6", f"{number} has {found} original slips")
            owed = [slip for slip in books.receipts[row.id] if slip.kind == "original"]
            lost = any(slip.state == "unknown" for slip in owed)
            settled = row.state in BOOKED and not row.quarantine
            if settled and found == 0 and not lost:
                self.broken("I6", f"{number} is settled and has no slip")
            if found and not owed:
                self.broken("I6", f"{number} has a slip nobody owed")
        for number in sorted(originals):
            self.broken("I6", f"{number} is on paper and in no journal")

    def _slip_is_true(self, slip: DecodedSlip) -> None:
        if slip.title not in (SETTLED, CANCELLED):
            return
        # A cancellation that was finished by asking (5203, "already") knows no record of its own: it names what it undid.
        is_unnamed = slip.title == CANCELLED and slip.setl_id is None
        record = self._ledger.settlement((slip.cancelled_setl_id if is_unnamed else slip.setl_id) or "")
        if record is None or record.direction != (1 if is_unnamed or slip.title == SETTLED else -1):
            self.broken("I6", f"slip {slip.receipt_no} names a record the hub never made")
            return
        if is_unnamed and slip.balance_fen is not None:
            self.broken("I6", f"slip {slip.receipt_no} says what is left on the account, and nobody told it")
        sign, result = -1 if is_unnamed else 1, record.result
        paper = (slip.total_fen, slip.fund_fen, slip.account_fen, slip.cash_fen)
        if paper != tuple(
            sign * fen for fen in (result.total_fen, result.fund_fen, result.account_fen, result.cash_fen)
        ):
            self.broken("I5", f"slip {slip.receipt_no} and the hub disagree: {paper}")

    # -- evidence ---------------------------------------------------------------------------------

    def _authentic(self, books: _Books) -> None:
        """I12."""
        for attempt in (attempt for rows in books.attempts.values() for attempt in rows):
            if attempt.state != "ANSWERED":
                continue
            if not attempt.answer or not self._signed(attempt.msgid, attempt.answer):
                self.broken(
                    "I12", f"{attempt.infno} {attempt.msgid}: {attempt.verdict} without the hub's signature"
                )

    def _signed(self, msgid: str, body: bytes) -> bool:
        try:
            answer = envelope.decode_answer(body)
            covered = answer_signing_bytes(self._profile, msgid, answer)
            return self._verifier.verify(covered, decode_signature(answer.signature))
        except MalformedMessage:
            return False

    def _chain(self, machine: Machine, folder: Path) -> None:
        """I7."""
        path = machine.contents.write_to(folder, f"{machine.name} at rest")
        anchor = Noted(machine.heads[0][0], machine.heads[0][1].hex()) if machine.heads else None
        report = verify_journal(str(path), machine.vault(), anchor)
        for finding in report.findings:
            self.broken("I7", f"{machine.name}: {finding.code} {finding.where}: {finding.text}")

    def _secrecy(self, machine: Machine) -> None:
        """I8."""
        log, files = "\n".join(machine.logged).encode(), machine.contents.texts()
        names = by_beginning(
            secret.encode() for person in self._people for secret in (person.name, person.psn_no, person.certno)
        )  # fmt: skip
        if names_one(log, names):
            self.broken("I8", f"{machine.name}: the log names a person")
        if any(names_one(text, names) for text in files):
            self.broken("I8", f"{machine.name}: the disk names a person in clear")
        codes = {secret.encode() for secret in self.secrets}
        if any(_holds_one(text, codes) for text in (log, *files)):
            self.broken("I8", f"{machine.name}: a certificate code in clear")


def by_beginning(names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """The names by what all that begin alike begin with: who looks for many of them looks for that first."""
    alike: dict[bytes, list[bytes]] = {}
    for name in names:
        alike.setdefault(name[:ALIKE], []).append(name)
    return {_shared_beginning(group): group for group in alike.values()}


def _shared_beginning(group: list[bytes]) -> bytes:
    first, last = min(group), max(group)  # what these two share, all between them do
    while not last.startswith(first):
        first = first[:-1]
    return first


def names_one(text: bytes, names: Mapping[bytes, Sequence[bytes]]) -> bool:
    """True when one of the names stands in the text."""
    return any(
        beginning in text and any(name in text for name in group) for beginning, group in names.items()
    )


def _holds_one(text: bytes, codes: set[bytes]) -> bool:
    """True when one of the codes stands in the text; looks only where so many digits stand together."""
    digits, run = text.translate(_DIGITS_ONLY), b"9" * CODE_DIGITS
    at = digits.find(run)
    while at >= 0:
        if text[at : at + CODE_DIGITS] in codes:
            return True
        at = digits.find(run, at + 1)
    return False


def _read(machine: Machine, folder: Path) -> _Books:
    """Open the machine's journal as the next process would, and read all of it."""
    disk = Disk(folder, f"{machine.name} audit", machine.contents.after(Cut.KILL, Random(0)))
    journal = open_journal(disk.path, machine.vault(), "audit", machine.clock.now(), vfs=disk.name)
    try:
        rows = journal.settlements.recent(10**6)
        return _Books(
            rows,
            {row.id: journal.attempts.of(row.id) for row in rows},
            {row.id: journal.receipts.of(row.id) for row in rows},
        )
    finally:
        journal.close()
        disk.close()


def _receipt_number(row: SettlementRow) -> str:
    """Till, business date, sale number, generation: what stands on the slip."""
    key = row.key
    number = f"{key.till}-{key.business_date:%Y%m%d}-{key.sale_number}"
    return number if key.generation == 1 else f"{number}-{key.generation}"
