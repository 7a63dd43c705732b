"""How what is wished of a sale is read: articles by barcode, quantities, returned lines. What cannot be read is `Misuse`."""

from collections.abc import Mapping

import msgspec

from protocols.errors import MoneyError
from protocols.money import Price, Quantity, line_amount_fen
from terminal.core.benefits import BENEFITS
from terminal.core.events import Misuse
from terminal.core.flows import CLINIC_VISIT
from terminal.core.values import ChargeLine, ReturnedLine, Settlement
from terminal.core.visit_messages import TWO_DISEASES
from terminal.counter.scanning import with_item
from terminal.counter.wishes import LineWish, RefundWish, SaleWish
from terminal.shop_items import ShopItem

SALE_NUMBER_LENGTH = 64
MOST_DAYS = 366
USE_LENGTH = 50
"""Of `o_sinDosDscr` and `o_used_frqu_dscr` of 3101; `dspo_way_rea` of 3103 has no printed length."""
REASON_LENGTH = 200


def require_benefit(wish: SaleWish) -> None:
    """A flow serves certain kinds of benefit, and a two-disease visit names its disease. Raises `Misuse`."""
    kinds = BENEFITS[wish.flow]
    if wish.benefit and wish.benefit not in kinds:
        raise Misuse("bad_request", reason=f"benefit: one of {', '.join(kinds)}")
    if (wish.benefit == "two_disease") != bool(wish.disease_code):
        raise Misuse("bad_request", reason="disease_code belongs to benefit two_disease, and is needed there")
    if wish.disease_code and wish.disease_code not in TWO_DISEASES:
        raise Misuse("bad_request", reason=f"disease_code: one of {', '.join(TWO_DISEASES)}")
    if wish.insutype and not (wish.insutype.isascii() and wish.insutype.isdigit()):
        raise Misuse("bad_request", reason="insutype: digits, for example 310 or 390")
    if wish.epidemic and wish.flow != CLINIC_VISIT.name:
        raise Misuse("bad_request", reason="epidemic belongs to a visit")


def require_sale_number(number: str) -> None:
    """A sale number is written on slips and typed by people: not empty, not endless, nothing that does not show."""
    if not 1 <= len(number) <= SALE_NUMBER_LENGTH or not number.isprintable() or number != number.strip():
        raise Misuse(
            "bad_request", reason=f"sale_number: 1 to {SALE_NUMBER_LENGTH} characters, all of them visible"
        )


def lines_of(wishes: tuple[LineWish, ...], items: Mapping[str, ShopItem]) -> tuple[ChargeLine, ...]:
    """The charge lines for the insurance, numbered from 1; raises `Misuse`."""
    return _numbered(tuple(wish for wish in wishes if not wish.self_pay), items)


def self_pay_of(wishes: tuple[LineWish, ...], items: Mapping[str, ShopItem]) -> tuple[ChargeLine, ...]:
    """What is sold beside the insurance, numbered from 1; raises `Misuse`."""
    return _numbered(tuple(wish for wish in wishes if wish.self_pay), items)


def _numbered(wishes: tuple[LineWish, ...], items: Mapping[str, ShopItem]) -> tuple[ChargeLine, ...]:
    return tuple(line_of(wish, number, items) for number, wish in enumerate(wishes, start=1))


def line_of(wish: LineWish, number: int, items: Mapping[str, ShopItem]) -> ChargeLine:
    """Line `number` of a sheet as the core knows it; raises `Misuse`."""
    try:
        quantity = Quantity.parse(wish.quantity)
        price = Price.parse(wish.price) if wish.price else None
    except MoneyError as wrong:
        raise Misuse("bad_request", reason=f"line {number}: {wrong}") from wrong
    if quantity <= 0 or (price is not None and price < 0):
        raise Misuse("bad_request", reason=f"line {number}: quantity and price must be above zero")
    if wish.barcode:
        (line,) = with_item((), items, wish.barcode, beside=wish.self_pay)
        price = price or line.price
    elif wish.name and price is not None and wish.own_code and not (wish.national_code or wish.self_pay):
        raise Misuse("item_unmapped", name=wish.name)
    elif price is None or not ((wish.national_code or wish.self_pay) and wish.own_code and wish.name):
        raise Misuse(
            "bad_request", reason=f"line {number}: barcode, or national_code, own_code, name and price"
        )
    else:
        line = ChargeLine(0, wish.national_code, wish.own_code, wish.name, wish.spec, quantity, price, 0)
    return msgspec.structs.replace(
        line,
        number=number,
        quantity=quantity,
        price=price,
        amount_fen=int(line_amount_fen(price, quantity)),
        trace_codes=wish.trace_codes,
        indication=wish.indication,
        **_use_of(wish, number),
    )


def _use_of(wish: LineWish, number: int) -> dict[str, int | str]:
    """How the drug is to be used, as far as the till says; raises `Misuse`."""
    days, dose, frequency = wish.days or 0, wish.single_dose or "", wish.frequency or ""
    if not 0 <= days <= MOST_DAYS or max(len(dose), len(frequency)) > USE_LENGTH:
        raise Misuse(
            "bad_request",
            reason=f"line {number}: days 0 to {MOST_DAYS}, single_dose and frequency up to {USE_LENGTH} characters",
        )
    return {"days": days, "single_dose": dose, "frequency": frequency}


def reason_of_answer(text: str) -> str:
    """Why an operator carries on: words, not a scanned code or a number. Raises `Misuse` (`review_needs_reason`)."""
    reason = text.strip()
    if not reason:
        return ""
    if len(reason) < 2 or len(reason) > REASON_LENGTH or reason.isdigit() or not reason.isprintable():
        raise Misuse("review_needs_reason")
    return reason


def returned_lines(settlement: Settlement, wish: RefundWish) -> tuple[ReturnedLine, ...]:
    """What comes back, by line number; an empty quantity is the whole line. Raises `Misuse` for what cannot be read."""
    sold = {line.number: line for line in settlement.lines}
    if wish.everything:
        if wish.lines:
            raise Misuse("bad_request", reason="either lines or everything")
        return tuple(
            ReturnedLine(line.number, line.quantity, tuple(sorted(line.trace_codes)))
            for line in settlement.lines
        )
    found = []
    for row in wish.lines:
        line = sold.get(row.line)
        if line is None:
            raise Misuse("refund_line", line=str(row.line))
        try:
            quantity = Quantity.parse(row.quantity) if row.quantity else line.quantity
        except MoneyError as wrong:
            raise Misuse("bad_request", reason=f"line {row.line}: {wrong}") from wrong
        codes = line.trace_codes if quantity == line.quantity and not row.trace_codes else row.trace_codes
        # Sorted, as the plan keeps them: the same packs read in another order are the same refund.
        found.append(ReturnedLine(row.line, quantity, tuple(sorted(codes))))
    return tuple(sorted(found, key=lambda row: row.number))
