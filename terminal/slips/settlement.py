"""The settlement slip (profile decision PD-33): what was settled, who paid what, as a receipt document."""

import datetime as dt
import enum
from collections.abc import Iterable

import msgspec

from protocols.escpos.document import Align, Cell, Document, Element, Pair, Row, Rule, Text
from protocols.money import Price, Quantity, Split, format_yuan
from protocols.wire_time import format_time
from terminal.core.values import LineShare
from terminal.slips.masking import MaskedPerson
from terminal.slips.names import fund_name, insutype_name, level_mark, med_type_name, psn_type_name
from terminal.slips.parts import Contact, fact, foot, head, when, who


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
    marks: str = ""
    """Centrally procured, leaves the list on ...; empty = nothing to tell."""
    share: LineShare | None = None
    """How the hub split it; None = it did not say."""


class FundShare(msgspec.Struct, frozen=True):
    """One fund inside the fund payment."""

    field: str
    """Its name in `setlinfo`: `hifp_pay`, `maf_pay`, ..."""
    amount_fen: int
    always: bool = False
    """Shown with 0.00 as well, where any fund paid: basic insurance, serious illness, assistance (R14)."""


class SlipTerms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms it was settled: what a person may ask about beside who paid."""

    kind: str = ""
    """Kind of benefit in words: account purchase, pooled prescription, ..."""
    insured_place: str = ""
    """Where and since when insured; for somebody from elsewhere also which place's rules hold."""
    scope: tuple[tuple[str, int], ...] = ()
    """What the total is made of, as label and fen."""
    facts: tuple[tuple[str, str], ...] = ()
    """Ratio, limits left, the hub's own words; as label and value."""
    advice: tuple[str, ...] = ()
    """Sentences for the person."""


class SettlementSlip(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a settlement slip shows. Amounts are positive fen; the kind gives their direction."""

    kind: SlipKind
    institution_name: str
    institution_code: str
    setl_id: str
    """The hub's id of the record this slip proves (of a cancellation: the new negative record, "" where the hub never told it)."""
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
    pick_up_code: str = ""
    """Against which the goods are handed over later; "" = they are not."""
    beside: tuple[SlipLine, ...] = ()
    """Sold beside the insurance. A cancellation undoes none of it, and its slip says so."""
    terms: SlipTerms = SlipTerms()
    contact: Contact = Contact()
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
            when(slip.at) if slip.setl_id else fact("原结算时间", format_time(slip.at)),
            *who(slip.person),
            fact("险种", insutype_name(slip.insutype)),
            fact("类别", f"{med_type_name(slip.med_type)}/{psn_type_name(slip.psn_type)}"),
            *_kind_and_place(slip.terms),
            Rule(),
            *_items(slip),
            Rule(),
            *_payers(slip),
            Rule(),
            *_beside(slip),
            *_terms(slip),
            fact("追溯码", f"{slip.trace_codes}个"),
            *foot(slip.receipt_no, slip.operator, slip.copy_number, slip.check_code, slip.contact),
        )
    )


def _numbers(slip: SettlementSlip) -> Iterable[Element]:
    if slip.setl_id:
        yield fact("结算编号", slip.setl_id)
    else:
        yield Text("撤销记录的编号、时间和账户余额医保平台未告知。")
    if slip.cancelled_setl_id:
        yield fact("原结算编号", slip.cancelled_setl_id)
    yield fact("就诊编号", slip.mdtrt_id)
    yield fact("单号", slip.receipt_no)
    if slip.pick_up_code:
        yield fact("取药码", slip.pick_up_code)
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
        if line.marks:
            yield Text(line.marks, indent=2)
        quantity = quantity_text(Quantity(sign * line.quantity))
        yield Pair(f"{quantity} × {line.price.wire_text()}", format_yuan(sign * line.amount_fen), indent=2)
        if line.share is not None:
            yield from _share(line.share, line.price, sign)


def _beside(slip: SettlementSlip) -> Iterable[Element]:
    """Goods sold beside the insurance, with what is to be collected in all; of a cancellation only that they are not undone."""
    if not slip.beside:
        return
    beside_fen = sum(line.amount_fen for line in slip.beside)
    yield Text("自费商品（未进医保）")
    if slip.kind is SlipKind.CANCELLED:
        yield Pair("自费商品合计", format_yuan(beside_fen))
        yield Text("自费商品不在本次医保撤销范围内，是否退货退款由本店办理。")
        yield Rule()
        return
    for line in slip.beside:
        yield Text(f"{line.name} {line.spec}".rstrip())
        yield Pair(
            f"{quantity_text(line.quantity)} × {line.price.wire_text()}",
            format_yuan(line.amount_fen),
            indent=2,
        )
    yield Pair("自费商品合计", format_yuan(beside_fen))
    yield Pair("应收现金合计", format_yuan(slip.split.cash_fen + beside_fen), bold=True)
    yield Rule()


def _share(share: LineShare, price: Price, sign: int) -> Iterable[Element]:
    """The price limit where there is one, and every part of the line that is not zero (R55, R70)."""
    if share.price_limit is not None:
        above = Price(max(0, price - share.price_limit))
        yield Text(
            f"限价 {share.price_limit.wire_text()}" + (f"，每单位超出 {above.wire_text()}" if above else ""),
            indent=2,
        )
    parts = [
        f"{label} {format_yuan(sign * amount_fen)}"
        for label, amount_fen in (
            ("全自费", share.self_paid_fen),
            ("超限价", share.over_limit_fen),
            ("先行自付", share.class_b_share_fen),
            ("范围内", share.policy_scope_fen),
        )
        if amount_fen
    ]
    yield Text(" ".join(parts), indent=2)


def _kind_and_place(terms: SlipTerms) -> Iterable[Element]:
    if terms.kind:
        yield fact("待遇", terms.kind)
    if terms.insured_place:
        yield fact("参保地", terms.insured_place)


def _terms(slip: SettlementSlip) -> Iterable[Element]:
    """On what terms, in a block of its own; nothing where the hub named nothing."""
    terms, sign = slip.terms, _sign(slip)
    for label, amount_fen in terms.scope:
        yield Pair(label, format_yuan(sign * amount_fen))
    for label, value in terms.facts:
        yield fact(label, value)
    for sentence in terms.advice:
        yield Text(sentence)
    if terms.scope or terms.facts or terms.advice:
        yield Rule()


def _payers(slip: SettlementSlip) -> Iterable[Element]:
    split, sign = slip.split, _sign(slip)

    def yuan(amount_fen: int) -> str:
        return format_yuan(sign * amount_fen)

    yield Pair("费用总额", yuan(split.total_fen), bold=True)
    yield Pair("基金支付", yuan(split.fund_fen))
    for share in slip.funds:
        if share.amount_fen or (split.fund_fen and share.always):
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
