"""The settlement slip (profile decision PD-33): what was settled, who paid what, as a receipt document."""

import datetime as dt
import enum
from collections.abc import Iterable

import msgspec

from protocols.escpos.document import Align, Cell, Document, Element, Pair, Row, Rule, Text
from protocols.money import Price, Quantity, Split, format_yuan
from terminal.slips.masking import MaskedPerson
from terminal.slips.names import fund_name, insutype_name, level_mark, med_type_name, psn_type_name
from terminal.slips.parts import fact, foot, head, when, who


class SlipKind(enum.Enum):
    """What the slip proves; the value is its title."""

    SETTLED = "医保结算单"
    CANCELLED = "医保结算撤销单"
    """A known settlement was cancelled; all amounts but the balance are printed negative."""


class SlipLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the charge sheet."""

    name: str
    spec: str
    code: str
    """National insurance code (`med_list_codg`)."""
    quantity: Quantity
    price: Price
    amount_fen: int
    level: str
    """`chrgitm_lv`: 01, 02, 03."""


class FundShare(msgspec.Struct, frozen=True):
    """One fund inside the fund payment."""

    field: str
    """Its name in `setlinfo`: `hifp_pay`, `maf_pay`, ..."""
    amount_fen: int


class SettlementSlip(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a settlement slip shows. Amounts are positive fen; the kind gives their direction."""

    kind: SlipKind
    institution_name: str
    institution_code: str
    setl_id: str
    """The hub's id of the record this slip proves (of a cancellation: the new negative record)."""
    mdtrt_id: str
    receipt_no: str
    """Our own receipt number: printable ASCII, also the only content of the QR code."""
    at: dt.datetime
    person: MaskedPerson
    insutype: str
    med_type: str
    psn_type: str
    lines: tuple[SlipLine, ...]
    split: Split
    """Who paid what; a `Split` exists only when its parts add up."""
    funds: tuple[FundShare, ...] = ()
    balance_fen: int | None = None
    """Balance of the personal account afterwards; None when the hub did not say."""
    trace_codes: int = 0
    """How many trace codes were uploaded with the sale."""
    operator: str
    cancelled_setl_id: str = ""
    """Of a cancellation: the settlement that was cancelled."""
    refund: tuple[tuple[str, str], ...] = ()
    """What a refund adds, as label and value: the goods that came back, the other slip's number."""
    copy_number: int = 0
    """0 = the original; n = the n-th reprint, marked 补打."""
    check_code: str = ""
    """Short code over the slip's facts (abuse case T48), see `check_code`; "" = none printed."""


def settlement_document(slip: SettlementSlip) -> Document:
    """Lay a settlement slip out; fits 58 mm and 80 mm paper. Raises `ValueError` when `at` has no zone."""
    return Document(
        (
            *head(slip.kind.value, slip.copy_number, slip.institution_name, slip.institution_code),
            *_numbers(slip),
            when(slip.at),
            *who(slip.person),
            fact("险种", insutype_name(slip.insutype)),
            fact("类别", f"{med_type_name(slip.med_type)}/{psn_type_name(slip.psn_type)}"),
            Rule(),
            *_items(slip),
            Rule(),
            *_payers(slip),
            Rule(),
            fact("追溯码", f"{slip.trace_codes}个"),
            *foot(slip.receipt_no, slip.operator, slip.copy_number, slip.check_code),
        )
    )


def _numbers(slip: SettlementSlip) -> Iterable[Element]:
    yield fact("结算编号", slip.setl_id)
    if slip.cancelled_setl_id:
        yield fact("原结算编号", slip.cancelled_setl_id)
    yield fact("就诊编号", slip.mdtrt_id)
    yield fact("单号", slip.receipt_no)
    for label, value in slip.refund:
        yield fact(label, value)


def _items(slip: SettlementSlip) -> Iterable[Element]:
    sign = _sign(slip)
    yield Row((Cell("名称 规格"), Cell("类别", Align.RIGHT, 4)))
    yield Pair("数量 × 单价", "金额（元）", indent=2)
    yield Rule()
    for line in slip.lines:
        yield Row((Cell(f"{line.name} {line.spec}".rstrip()), Cell(level_mark(line.level), Align.RIGHT, 4)))
        yield Text(line.code, indent=2)
        quantity = quantity_text(Quantity(sign * line.quantity))
        yield Pair(f"{quantity} × {line.price.wire_text()}", format_yuan(sign * line.amount_fen), indent=2)


def _payers(slip: SettlementSlip) -> Iterable[Element]:
    split, sign = slip.split, _sign(slip)

    def yuan(amount_fen: int) -> str:
        return format_yuan(sign * amount_fen)

    yield Pair("费用总额", yuan(split.total_fen), bold=True)
    yield Pair("基金支付", yuan(split.fund_fen))
    for share in slip.funds:
        if share.amount_fen:
            yield Pair(f"其中 {fund_name(share.field)}", yuan(share.amount_fen), indent=2)
    yield Pair("个人账户支付", yuan(split.account_fen))
    if split.mutual_aid_fen:
        yield Pair("其中 家庭共济", yuan(split.mutual_aid_fen), indent=2)
    yield Pair("现金支付", yuan(split.cash_fen), bold=True)
    if split.hospital_fen:
        yield Pair("医院负担", yuan(split.hospital_fen))
    if slip.balance_fen is not None:
        yield Pair("个人账户余额", format_yuan(slip.balance_fen))


def _sign(slip: SettlementSlip) -> int:
    return -1 if slip.kind is SlipKind.CANCELLED else 1


def quantity_text(quantity: Quantity) -> str:
    """A quantity without the zeros that the wire form carries: 2, 0.5."""
    return quantity.wire_text().rstrip("0").rstrip(".")
