"""The check code changes with every fact a forger would change, and not with the copy number."""

import hashlib
import hmac

import msgspec
import pytest

from protocols.money import Split
from simulators.printer import decode_slip
from terminal.slips import SettlementSlip, check_code, settlement_document
from tests.terminal.slips.samples import CANCELLED, CANCELLED_UNNAMED, SETTLED, on_paper


def mac(data: bytes) -> bytes:
    """A keyed MAC; which one is the caller's affair."""
    return hmac.digest(b"TEST ONLY", data, hashlib.sha256)


CHANGED = (
    CANCELLED,
    msgspec.structs.replace(SETTLED, receipt_no="R2"),
    msgspec.structs.replace(SETTLED, setl_id="S2"),
    msgspec.structs.replace(SETTLED, institution_code="P99990000003"),
    msgspec.structs.replace(
        SETTLED, split=Split(total_fen=8330, fund_fen=0, account_fen=5999, cash_fen=2331)
    ),
    msgspec.structs.replace(
        SETTLED, split=Split(total_fen=8331, fund_fen=1, account_fen=6000, cash_fen=2330)
    ),
    msgspec.structs.replace(SETTLED, beside=SETTLED.lines[:1]),
)


@pytest.mark.parametrize("slip", CHANGED, ids=range(len(CHANGED)))
def test_a_changed_fact_changes_the_code(slip: SettlementSlip) -> None:
    assert check_code(slip, mac) != check_code(SETTLED, mac)


def test_a_cancellation_without_a_record_of_its_own_carries_the_code_of_the_record_it_undid() -> None:
    """As the slips that were printed before it was told apart."""
    named = msgspec.structs.replace(CANCELLED_UNNAMED, setl_id=CANCELLED.cancelled_setl_id)
    assert check_code(CANCELLED_UNNAMED, mac) == check_code(named, mac)


def test_what_is_sold_beside_the_insurance_is_a_fact_too() -> None:
    first, more = (msgspec.structs.replace(SETTLED, beside=SETTLED.lines[:count]) for count in (1, 2))
    assert check_code(first, mac) != check_code(more, mac)


def test_the_code_is_printed_and_kept_by_copies() -> None:
    code = check_code(SETTLED, mac)
    assert check_code(msgspec.structs.replace(SETTLED, copy_number=3, check_code=code), mac) == code
    slip = msgspec.structs.replace(SETTLED, check_code=code)
    assert decode_slip(on_paper(settlement_document(slip), 32).lines).check_code == code
    assert len(code) == 9
