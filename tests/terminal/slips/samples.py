"""Slips of invented people, and a printer to put them on."""

import datetime as dt

import msgspec

from protocols.escpos.builder import build
from protocols.escpos.document import Document
from protocols.money import Price, Quantity, Split
from simulators.printer import Paper, SimulatedPrinter
from terminal.slips import (
    FundShare,
    IncidentKind,
    IncidentSlip,
    MaskedPerson,
    SettlementSlip,
    SlipKind,
    SlipLine,
)

PERSON = MaskedPerson.of("测试甲", "999999199001010016")
AT = dt.datetime(2026, 11, 21, 2, 11, 5, tzinfo=dt.UTC)
RECEIPT_NO = "P99990000001202611211011050103"

SETTLED = SettlementSlip(
    kind=SlipKind.SETTLED,
    institution_name="测试大药房一号店",
    institution_code="P99990000001",
    setl_id="SETL99990000000000201",
    mdtrt_id="MDT999900000000000102",
    receipt_no=RECEIPT_NO,
    at=AT,
    person=PERSON,
    insutype="310",
    med_type="41",
    psn_type="11",
    lines=(
        SlipLine(
            name="阿莫西林胶囊",
            spec="0.25g*24粒",
            code="XTEST000000000000000D01",
            quantity=Quantity(20_000),
            price=Price(12_500_000),
            amount_fen=2500,
            level="01",
        ),
        SlipLine(
            name="复方丹参滴丸",
            spec="27mg*180丸",
            code="ZTEST00000000000D02",
            quantity=Quantity(15_000),
            price=Price(38_866_667),
            amount_fen=5830,
            level="02",
        ),
    ),
    split=Split(total_fen=8330, fund_fen=0, account_fen=6000, cash_fen=2330),
    funds=(FundShare("hifp_pay", 0),),
    balance_fen=0,
    trace_codes=3,
    operator="收银终端一",
)

CANCELLED = msgspec.structs.replace(
    SETTLED,
    kind=SlipKind.CANCELLED,
    setl_id="SETL99990000000000202",
    cancelled_setl_id="SETL99990000000000201",
    balance_fen=6000,
)

CANCELLED_UNNAMED = msgspec.structs.replace(CANCELLED, setl_id="", balance_fen=None)
"""Finished without an answer of its own: the hub has never told the record."""

PENDING = IncidentSlip(
    kind=IncidentKind.REVERSAL_PENDING,
    institution_name="测试大药房一号店",
    institution_code="P99990000001",
    receipt_no=RECEIPT_NO,
    at=AT,
    person=PERSON,
    total_fen=8330,
    operator="收银终端一",
)

REVERSED = msgspec.structs.replace(PENDING, kind=IncidentKind.REVERSED)


def on_paper(document: Document, columns: int = 48) -> Paper:
    """The document as it comes out of a printer."""
    printer = SimulatedPrinter(columns)
    printer.receive(build(document, columns).data)
    assert printer.ignored_commands == ()
    assert printer.drawer_kicks == 0
    (paper,) = printer.papers
    return paper
