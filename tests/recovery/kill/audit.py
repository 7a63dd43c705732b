"""The outside auditor of a killed counter: hub ledger, journal file, paper, and what the till was told.

It asks no process. The journal is read as a file, beside the running service, by SQL of its own.

    I1  one sale, one settlement       I2  nothing at the hub that is on no disk     I4  no un-saying
    I5  money agrees to the fen        I6  slips match                               I7  the audit chain verifies
"""

from collections.abc import Iterator
from typing import Any

import apsw

from simulators.hub.ledger import SettlementRecord
from simulators.printer import DecodedSlip, UnreadableSlip, decode_slip
from simulators.printer.reading import SETTLED
from terminal.journal.anchors import Noted
from terminal.journal.verify import verify_journal
from tests.recovery.kill.shop import Shop

BOOKED = frozenset({"CONFIRMED", "DELIVERED", "CLOSED"})
ENDS = frozenset({"REFUSED", "REVERSED", "CANCELLED", "ABANDONED"})
UNDER_CANCELLATION = frozenset({"CANCELLING", "CANCEL_DOUBT", "CANCELLED", "MANUAL"})
_SETTLEMENTS = (
    "SELECT id, state, quarantine, till, business_date, sale_number, generation, total_fen, fund_fen, account_fen, cash_fen"
    " FROM settlement ORDER BY terminal_sequence"
)


def rows(shop: Shop, query: str) -> list[dict[str, Any]]:
    """What a reader of the file finds."""
    connection = apsw.Connection(str(shop.journal), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(1000)
        cursor = connection.execute(query)
        return [dict(zip((name for name, _ in cursor.get_description()), row, strict=True)) for row in cursor]
    finally:
        connection.close()


def restless(shop: Shop) -> list[str]:
    """What is not over yet, in words; empty when nothing more will happen by itself."""
    open_ = rows(
        shop,
        "SELECT id || ' is ' || state AS what FROM settlement"
        " WHERE state IN ('SENDING', 'DOUBT', 'REVERSING', 'REVERSED_ONCE', 'CANCELLING', 'CANCEL_DOUBT', 'MANUAL')"
        " OR id IN (SELECT settlement FROM reversal_queue) UNION ALL"
        " SELECT 'slip ' || kind || ' of ' || settlement || ' is ' || state FROM receipt WHERE state IN ('waiting', 'printing')",
    )
    return [row["what"] for row in open_]


def unsent(shop: Shop) -> list[str]:
    """Settlements that were proved unsent and wait for somebody's word."""
    return [
        row["id"]
        for row in rows(shop, "SELECT id FROM settlement WHERE state IN ('DRAFT', 'PRICED', 'ARMED')")
    ]


def audit(shop: Shop) -> list[str]:
    """Everything that is wrong, in words; called while nothing is in doubt."""
    return [*_money(shop), *_on_disk(shop), *_unsaid(shop), *_paper(shop), *_chain(shop)]


def _money(shop: Shop) -> Iterator[str]:
    """I1 and I5."""
    settle = {
        row["settlement"]: row["msgid"]
        for row in rows(shop, "SELECT settlement, msgid FROM attempt WHERE purpose = 'SETTLE'")
    }
    live = {
        record.msgid: record for record in shop.world.ledger.live_settlements() if record.msgid.startswith(shop.own_ids)
    }  # fmt: skip
    of_sale: dict[str, int] = {}
    for row in rows(shop, _SETTLEMENTS):
        record = live.pop(settle.get(row["id"], ""), None)
        booked = row["state"] in BOOKED and not row["quarantine"]
        if booked != (record is not None):
            yield f"I5: {row['id']} is {row['state']}, the hub has {'one' if record else 'nothing'}"
        if record is not None and booked:
            number = f"{row['business_date']} {row['sale_number']}"
            of_sale[number] = of_sale.get(number, 0) + 1
            yield from _same(row, record)
    yield from (f"I2: {msgid} stands at the hub and in no journal" for msgid in live)
    yield from (
        f"I1: sale {number} has {count} live settlements" for number, count in of_sale.items() if count > 1
    )
    if shop.is_clinic:
        settled = {record.mdtrt_id for record in shop.world.ledger.live_settlements()}
        for visit in shop.world.ledger.visits(shop.world.person("yi").psn_no, shop.own_ids):
            if visit.mdtrt_id not in settled:
                yield f"I3: visit {visit.mdtrt_id} was left open at the hub"


def _same(row: dict[str, Any], record: SettlementRecord) -> Iterator[str]:
    ours = (row["total_fen"], row["fund_fen"], row["account_fen"], row["cash_fen"])
    result = record.result
    theirs = (result.total_fen, result.fund_fen, result.account_fen, result.cash_fen)
    if ours != theirs:
        yield f"I5: {row['id']}: journal {ours}, hub {theirs}"


def _on_disk(shop: Shop) -> Iterator[str]:
    """I2."""
    kept = {row["msgid"]: row["request_sm3"] for row in rows(shop, "SELECT msgid, request_sm3 FROM attempt")}
    for msgid, (infno, digest) in shop.arrived.items():
        if msgid not in kept:
            yield f"I2: {infno} {msgid} reached the hub and is on no disk"
        elif kept[msgid] != digest:
            yield f"I2: {infno} {msgid} is on disk with other bytes"


def _unsaid(shop: Shop) -> Iterator[str]:
    """I4."""
    now = {row["id"]: row for row in rows(shop, _SETTLEMENTS)}
    for settlement_id, told in shop.told.items():
        row = now.get(settlement_id)
        if row is None:
            yield f"I4: {settlement_id} was told {told.states} and is not there"
            continue
        stands = row["state"] in BOOKED and not row["quarantine"]
        for state in told.states:
            undone = told.cancel_asked and row["state"] in UNDER_CANCELLATION
            if state in BOOKED and not stands and not undone:
                yield f"I4: {settlement_id} was told {state}, is {row['state']}"
            if state in ENDS and row["state"] != state:
                yield f"I4: {settlement_id} was told {state}, is {row['state']}"


def _paper(shop: Shop) -> Iterator[str]:
    """I6, and I5 between paper and hub."""
    originals: dict[tuple[str, str], list[DecodedSlip]] = {}
    for piece in shop.printer.papers:
        if not piece.cut:
            continue
        try:
            slip = decode_slip(piece.lines)
        except UnreadableSlip as unreadable:
            yield f"I6: a slip that cannot be read: {unreadable}"
            continue
        if slip.copy_number == 0:
            originals.setdefault((slip.title, slip.receipt_no), []).append(slip)
    owed = rows(shop, "SELECT settlement, kind, copy_number, state FROM receipt")
    for (title, number), slips in originals.items():
        if len(slips) > 1:
            yield f"I6: {number} has {len(slips)} slips {title}, none marked as a copy"
    for row in rows(shop, _SETTLEMENTS):
        number = f"{row['till']}-{row['business_date'].replace('-', '')}-{row['sale_number']}"
        number = number if row["generation"] == 1 else f"{number}-{row['generation']}"
        found = originals.pop((SETTLED, number), [])
        slip_rows = [slip for slip in owed if slip["settlement"] == row["id"] and slip["kind"] == "original"]
        if found and not slip_rows:
            yield f"I6: {number} has a slip nobody owed"
        booked = row["state"] in BOOKED and not row["quarantine"]
        lost = any(slip["state"] == "unknown" for slip in slip_rows)
        if booked and not found and not lost:
            yield f"I6: {number} is settled and has no slip"
        for slip in found:
            if row["total_fen"] is not None and slip.total_fen != row["total_fen"]:
                yield f"I5: slip {number} says {slip.total_fen}, the journal {row['total_fen']}"
    yield from (
        f"I6: {number} is on paper and in no journal" for title, number in originals if title == SETTLED
    )


def _chain(shop: Shop) -> Iterator[str]:
    """I7; notes the newest head for the next time."""
    report = verify_journal(str(shop.journal), shop.vault, shop.anchor)
    yield from (f"I7: {finding.code} {finding.where}: {finding.text}" for finding in report.findings)
    shop.anchor = Noted(report.audit_records, report.head)
