"""What a scan does: an article's barcode adds a line, a trace code belongs to the newest line, a certificate decodes.

A scan is offered only to the sale that is open on the lane; what fits no step is told to the operator and sent nowhere
(PD-2). Nothing of a scanned text stands in a message.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from drivers.interfaces.scanner import Scan, ScanFault
from protocols.codes.classifier import WrongCode, classify, select
from protocols.codes.code_types import Ean, ECertificateCode, Gs1Code, TraceCode
from protocols.money import Quantity, line_amount_fen
from protocols.secret import Secret
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import ChargeLine
from terminal.shop_items import ShopItem

ONE = Quantity(10_000)

TAKES_SCANS: Final = frozenset({State.DRAFT, State.PRICED})
"""States of a sale that a scan can change."""

WANTED: tuple[type[ECertificateCode | TraceCode | Gs1Code | Ean], ...] = (
    ECertificateCode,
    TraceCode,
    Gs1Code,
    Ean,
)
"""What can be scanned into an open sale."""


class CodeWanted(msgspec.Struct, frozen=True):
    """The scan is the customer's certificate code."""

    code: Secret


class LinesWanted(msgspec.Struct, frozen=True):
    """The scan changes the charge sheet."""

    code: Ean | TraceCode | Gs1Code

    def on(self, lines: tuple[ChargeLine, ...], items: Mapping[str, ShopItem]) -> tuple[ChargeLine, ...]:
        """Return what these lines become; raises `Misuse` with the message for the operator."""
        if isinstance(self.code, Ean):
            return with_item(lines, items, self.code.text)
        return with_trace_code(lines, self.code.text)


def understand(scan: Scan) -> CodeWanted | LinesWanted:
    """Return what a scan means for a sale; raises `Misuse` with the message for the operator."""
    found = select(classify(scan.text, scan.symbology), WANTED)
    if isinstance(found, WrongCode):
        raise Misuse(wrong_code_message(found))
    return CodeWanted(Secret(found.text)) if isinstance(found, ECertificateCode) else LinesWanted(found)


def certificate_code(text: str) -> Secret:
    """Return a typed or scanned certificate code; raises `Misuse` when it is something else."""
    match = select(classify(text), (ECertificateCode,))
    if isinstance(match, ECertificateCode):
        return Secret(match.text)
    raise Misuse("payment_code" if "payment" in match.kind else "not_a_certificate")


def wrong_code_message(wrong: WrongCode) -> str:
    """Return the message code for something that no step here wants."""
    kind = wrong.kind
    if kind.startswith("payment"):
        return "payment_code"
    if kind.startswith("bad_check_digit"):
        return "bad_check_digit"
    return "unknown_code"


def scan_fault_message(_fault: ScanFault) -> str:
    """Return the message code for something unreadable."""
    return "scan_unreadable"


def with_item(
    lines: tuple[ChargeLine, ...], items: Mapping[str, ShopItem], barcode: str, *, beside: bool = False
) -> tuple[ChargeLine, ...]:
    """Add one piece of an article: a new line, or one more on the line that has it.

    What has no national code never goes to the insurance; `beside` = the lines are those sold beside it.
    """
    item = items.get(barcode)
    if item is None:
        raise Misuse("unknown_barcode")
    if not item.national_code and not beside:
        raise Misuse("item_unmapped", name=item.name)
    for index, line in enumerate(lines):
        if line.barcode == barcode:
            quantity = Quantity(line.quantity + ONE)
            more = msgspec.structs.replace(
                line, quantity=quantity, amount_fen=int(line_amount_fen(line.price, quantity))
            )
            return (*lines[:index], *lines[index + 1 :], more)
    line = ChargeLine(
        number=max((line.number for line in lines), default=0) + 1,
        national_code=item.national_code,
        own_code=item.own_code,
        name=item.name,
        spec=item.spec,
        quantity=ONE,
        price=item.price,
        amount_fen=int(line_amount_fen(item.price, ONE)),
        barcode=barcode,
        selected=item.selected,
        listed_until="" if item.listed_until is None else item.listed_until.isoformat(),
    )
    return (*lines, line)


def with_trace_code(lines: tuple[ChargeLine, ...], code: str) -> tuple[ChargeLine, ...]:
    """Give a pack's trace code to the line scanned last; the same pack twice is refused (PD-23)."""
    if not lines:
        raise Misuse("trace_without_item")
    if any(code in line.trace_codes for line in lines):
        raise Misuse("duplicate_trace_code")
    *earlier, newest = lines
    return (*earlier, msgspec.structs.replace(newest, trace_codes=(*newest.trace_codes, code)))
