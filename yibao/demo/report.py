"""The file of `yibao demo --json FILE`: what happened in each story, for programs.

Amounts are yuan as text with two decimals ("83.30", "-83.30"); a member that does not apply is left out, never null.
Pictures of the slips lie beside FILE, named after it. Nothing in it names a person.
"""

from pathlib import Path
from typing import Final

import msgspec

from protocols.money import format_yuan
from yibao.demo.facts import Evidence, HubBooks, JournalAttempt, JournalRecord, Slip
from yibao.demo.narration import Sentence
from yibao.simulated.control import LedgerRow, MessageRow
from yibao.simulated.endpoints import LeftOut

FORMAT = "yibao-demo/1"
_INSTITUTION_LENGTH: Final = 12
"""A message id begins with the code of the institution."""
_QUESTIONS: Final = {"2102": ("1101", "2101"), "2207A": ("1101", "2001", "5301", "2206A")}
"""What is asked before a settlement message, the quote last."""


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message to the hub."""

    infno: str
    msgid: str
    verdict: str
    """What became of it: `done`, `refused`, or why the outcome is unknown (in the journal's words); a question that
    the hub answered is `done`."""
    purpose: str
    """SETTLE, CANCEL, REVERSE; STEP for a step that moves no money; ASK for a question that changes nothing."""
    setlinfo: dict[str, str] = {}
    """The hub's own fields under their wire names, when an answer brought them."""


class LedgerEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record of the hub's ledger."""

    setl_id: str
    msgid: str
    infno: str
    live: bool
    medfee_sumamt: str
    fund_pay_sumamt: str
    acct_pay: str
    psn_cash_pay: str
    undoes: str = ""
    how_undone: str = ""


class SlipFound(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of paper."""

    title: str
    receipt_number: str
    text: str
    png: str = ""
    """Name of its picture in the folder of this file; left out where no Chinese font is installed."""


class StoryReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One story."""

    story: int
    name: str
    title_zh: str
    title_en: str
    as_told: bool
    took_s: float
    disagreements: tuple[str, ...] = ()
    """Why it did not end as told."""
    settlement_id: str = ""
    receipt_number: str = ""
    state: str = ""
    """Where the journal ended."""
    transactions: tuple[Transaction, ...] = ()
    """Every message of this sale that could change the hub, in order, with the questions before it."""
    setlinfo: dict[str, str] = {}
    """`setlinfo` of the settlement itself; left out when no answer to it was ever received."""
    ledger: tuple[LedgerEntry, ...] = ()
    balc: str = ""
    """The person's account at the hub afterwards."""
    slips: tuple[SlipFound, ...] = ()


class DemoReport(msgspec.Struct, frozen=True):
    """The whole file."""

    format: str
    version: str
    as_told: bool
    """Every story ended as told."""
    took_s: float
    left_out: tuple[LeftOut, ...]
    stories: tuple[StoryReport, ...]


class StoryOutcome(msgspec.Struct, frozen=True):
    """How one story went, before it is written down."""

    number: int
    name: str
    title: Sentence
    took_s: float
    problems: tuple[Sentence, ...]
    evidence: Evidence | None
    """None when the story broke off before the books could be read."""


def pictures(outcomes: tuple[StoryOutcome, ...], file: Path) -> dict[str, bytes]:
    """The pictures to lie beside `file`: name to PNG bytes."""
    return {
        _picture_name(file, outcome, place): slip.png
        for outcome in outcomes
        if outcome.evidence is not None
        for place, slip in enumerate(outcome.evidence.slips, start=1)
        if slip.png
    }


def story_report(outcome: StoryOutcome, file: Path) -> StoryReport:
    """Write one story down."""
    head = StoryReport(
        story=outcome.number,
        name=outcome.name,
        title_zh=outcome.title.zh,
        title_en=outcome.title.en,
        as_told=not outcome.problems,
        took_s=round(outcome.took_s, 3),
        disagreements=tuple(problem.both for problem in outcome.problems),
    )
    if outcome.evidence is None:
        return head
    journal, hub = outcome.evidence.journal, outcome.evidence.hub
    return msgspec.structs.replace(
        head,
        settlement_id=journal.settlement_id,
        receipt_number=journal.receipt_number,
        state=journal.state,
        transactions=_transactions(journal, hub),
        setlinfo=journal.settled_setlinfo,
        ledger=tuple(_ledger_entry(record) for record in _of_this_sale(journal, hub)),
        balc=format_yuan(hub.balance_fen),
        slips=tuple(
            _slip_found(slip, _picture_name(file, outcome, place))
            for place, slip in enumerate(outcome.evidence.slips, start=1)
        ),
    )


def _picture_name(file: Path, outcome: StoryOutcome, place: int) -> str:
    return f"{file.stem}-story{outcome.number}-slip{place}.png"


def _transactions(journal: JournalRecord, hub: HubBooks) -> tuple[Transaction, ...]:
    """What could change the hub and the questions before it, in the order the hub took them; what it never got last."""
    place = {message.msgid: number for number, message in enumerate(hub.messages)}
    found = [
        *_questions(journal, hub),
        *(_transaction(attempt, journal) for attempt in journal.attempts),
    ]
    return tuple(sorted(found, key=lambda message: place.get(message.msgid, len(place))))


def _questions(journal: JournalRecord, hub: HubBooks) -> tuple[Transaction, ...]:
    """The questions of this kind of sale that the hub took last from this counter before the settlement."""
    counter = journal.msgid[:_INSTITUTION_LENGTH]
    settling = next((attempt.infno for attempt in journal.attempts if attempt.purpose == "SETTLE"), "")
    kinds = _QUESTIONS.get(settling, ())
    asked: dict[str, MessageRow] = {}
    for message in hub.messages:
        if message.msgid == journal.msgid:
            break
        if message.infno in kinds and message.msgid.startswith(counter):
            asked[message.infno] = message
    return tuple(
        Transaction(
            message.infno,
            message.msgid,
            "done" if message.infcode == 0 else "refused",
            "ASK",
            journal.quote_setlinfo if message.infno == kinds[-1] else {},
        )
        for message in asked.values()
    )


def _transaction(attempt: JournalAttempt, journal: JournalRecord) -> Transaction:
    setlinfo = {"SETTLE": journal.settled_setlinfo, "CANCEL": journal.cancelled_setlinfo}.get(
        attempt.purpose, {}
    )
    return Transaction(attempt.infno, attempt.msgid, attempt.verdict, attempt.purpose, setlinfo)


def _of_this_sale(journal: JournalRecord, hub: HubBooks) -> list[LedgerRow]:
    originals = [record.setl_id for record in hub.records if record.msgid == journal.msgid]
    return [record for record in hub.records if record.setl_id in originals or record.undoes in originals]


def _ledger_entry(record: LedgerRow) -> LedgerEntry:
    return LedgerEntry(
        setl_id=record.setl_id,
        msgid=record.msgid,
        infno=record.infno,
        live=record.live,
        medfee_sumamt=format_yuan(record.total_fen),
        fund_pay_sumamt=format_yuan(record.fund_fen),
        acct_pay=format_yuan(record.account_fen),
        psn_cash_pay=format_yuan(record.cash_fen),
        undoes=record.undoes or "",
        how_undone=record.how_undone,
    )


def _slip_found(slip: Slip, picture: str) -> SlipFound:
    return SlipFound(slip.decoded.title, slip.decoded.receipt_no, slip.text, picture if slip.png else "")
