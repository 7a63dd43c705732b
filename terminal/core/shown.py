"""Do the signed bytes ask for what the person was shown? The last look before a settlement may leave (fault F74).

An amount can change in memory between the screen and the message. The total and the line amounts are therefore read
again out of the finished bytes, not out of the values they were made from, and compared with the quote that was agreed
to. What changes after the signature was made no longer fits the signature.
"""

import re

from protocols.money import Fen
from terminal.core.values import Settlement

_TOTAL = re.compile(rb'"medfee_sumamt":([^,}]*)')
_LINE = re.compile(rb'"det_item_fee_sumamt":([^,}]*)')


def asks_for_what_was_shown(settlement: Settlement, request: bytes) -> bool:
    """True when a settlement message names exactly one total, the agreed one, and its lines (if it has any) add up to it."""
    if settlement.quote is None:
        return False
    agreed = settlement.quote.split.total_fen
    totals = _TOTAL.findall(request)
    if totals != [Fen(agreed).wire_text().encode()]:
        return False
    lines = _LINE.findall(request)
    if not lines:
        return True
    shown = [Fen(line.amount_fen).wire_text().encode() for line in settlement.lines]
    return lines == shown and sum(line.amount_fen for line in settlement.lines) == agreed
