"""Three books that agree about one sale, written by hand, for tests to spoil."""

import msgspec

from simulators.printer.reading import CANCELLED, REVERSAL_PENDING, REVERSED, SETTLED, DecodedSlip
from yibao.demo.checks import Told
from yibao.demo.facts import Evidence, HubBooks, JournalAttempt, JournalRecord, Slip, Split
from yibao.simulated.control import LedgerRow, MessageRow

SALE = Split(total_fen=83_30, fund_fen=0, account_fen=60_00, cash_fen=23_30)
RECEIPT = "T01-20261122-1001"
SETTLE_ID, OTHER_ID = "P99990000001202611221000000101", "P99990000001202611221000010101"
HUB_ID, COUNTER_HUB_ID = "SETL999900000000000001", "SETL999900000000000002"
_REPLACE = msgspec.structs.replace


def settled() -> tuple[Told, Evidence]:
    """A sale that stands."""
    told = Told("CLOSED", SALE, (("SETTLE", "2102"),), "", (SETTLED,), 0, 83_30)
    hub = HubBooks((record(),), (MessageRow(SETTLE_ID, "2102", 0),), 0)
    return told, Evidence(journal(), hub, (settled_slip(),))


def cancelled() -> tuple[Told, Evidence]:
    """The same, cancelled."""
    messages = (("SETTLE", "2102"), ("CANCEL", "2103"))
    told = Told("CANCELLED", SALE, messages, "cancelled", (SETTLED, CANCELLED), 60_00, 0)
    known = _REPLACE(
        journal(),
        state="CANCELLED",
        cancelled=SALE,
        cancellation_setl_id=COUNTER_HUB_ID,
        attempts=(*journal().attempts, JournalAttempt(OTHER_ID, "CANCEL", "2103", "ANSWERED", "done")),
    )
    taken = (MessageRow(SETTLE_ID, "2102", 0), MessageRow(OTHER_ID, "2103", 0))
    hub = HubBooks((record(how_undone="cancelled"), counter_record("2103")), taken, 60_00)
    return told, Evidence(known, hub, (settled_slip(), cancelled_slip()))


def reversed_() -> tuple[Told, Evidence]:
    """A sale whose answer was lost, reversed."""
    messages = (("SETTLE", "2102"), ("REVERSE", "2601"))
    titles = (REVERSAL_PENDING, REVERSED)
    told = Told("REVERSED", SALE, messages, "reversed", titles, 60_00, 0)
    known = _REPLACE(
        journal(),
        state="REVERSED",
        settled=None,
        settled_setlinfo={},
        setl_id="",
        attempts=(
            JournalAttempt(SETTLE_ID, "SETTLE", "2102", "UNKNOWN", "closed"),
            JournalAttempt(OTHER_ID, "REVERSE", "2601", "ANSWERED", "done"),
        ),
    )
    taken = (MessageRow(SETTLE_ID, "2102", 0), MessageRow(OTHER_ID, "2601", 0))
    hub = HubBooks((record(how_undone="reversed"), counter_record("2601")), taken, 60_00)
    return told, Evidence(known, hub, tuple(incident_slip(title) for title in titles))


def journal() -> JournalRecord:
    """The journal's side of the settled sale."""
    return JournalRecord(
        settlement_id="S000000000000000000000001",
        receipt_number=RECEIPT,
        state="CLOSED",
        msgid=SETTLE_ID,
        quoted=SALE,
        settled=SALE,
        cancelled=None,
        setl_id=HUB_ID,
        cancellation_setl_id="",
        attempts=(JournalAttempt(SETTLE_ID, "SETTLE", "2102", "ANSWERED", "done"),),
        quote_setlinfo={"medfee_sumamt": "83.30"},
        settled_setlinfo={"medfee_sumamt": "83.30", "acct_pay": "60.00", "psn_cash_pay": "23.30"},
        cancelled_setlinfo={},
    )


def record(how_undone: str = "") -> LedgerRow:
    """The hub's record of the settlement."""
    return LedgerRow(
        setl_id=HUB_ID, mdtrt_id="MDT1", psn_no="99990000000000000001", fixmedins_code="P99990000001", msgid=SETTLE_ID,
        infno="2102", setl_time="2026-11-22 10:00:00", med_type="41", clr_type="41", direction=1, undoes="",
        how_undone=how_undone, live=not how_undone, total_fen=83_30, fund_fen=0, account_fen=60_00,
        mutual_aid_fen=0, cash_fen=23_30, hospital_fen=0, balance_fen=0,
    )  # fmt: skip


def counter_record(infno: str) -> LedgerRow:
    """The hub's record that undoes it."""
    return _REPLACE(
        record(), setl_id=COUNTER_HUB_ID, msgid=OTHER_ID, infno=infno, direction=-1, undoes=HUB_ID, live=False,
        total_fen=-83_30, account_fen=-60_00, cash_fen=-23_30, balance_fen=60_00,
    )  # fmt: skip


def settled_slip() -> Slip:
    """The slip of the settled sale."""
    return Slip(
        ("医保结算单",),
        DecodedSlip(
            title=SETTLED, receipt_no=RECEIPT, total_fen=83_30, fund_fen=0, account_fen=60_00, mutual_aid_fen=None,
            cash_fen=23_30, hospital_fen=None, balance_fen=0, setl_id=HUB_ID, mdtrt_id="MDT1", cancelled_setl_id=None,
            copy_number=0, check_code="AB12", qr=RECEIPT,
        ),
        b"png",
    )  # fmt: skip


def cancelled_slip() -> Slip:
    """The slip of the cancellation."""
    decoded = _REPLACE(
        settled_slip().decoded, title=CANCELLED, total_fen=-83_30, account_fen=-60_00, cash_fen=-23_30,
        balance_fen=60_00, setl_id=COUNTER_HUB_ID, cancelled_setl_id=HUB_ID,
    )  # fmt: skip
    return Slip(("医保结算撤销单",), decoded, b"png")


def incident_slip(title: str) -> Slip:
    """A slip of the doubt, or of its end."""
    decoded = _REPLACE(
        settled_slip().decoded, title=title, fund_fen=None, account_fen=None, cash_fen=None, balance_fen=None,
        setl_id=None, mdtrt_id=None,
    )  # fmt: skip
    return Slip((title,), decoded, b"png")
