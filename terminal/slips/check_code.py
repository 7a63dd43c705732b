"""A short code on the slip that an altered slip no longer fits (abuse case T48)."""

from collections.abc import Callable

from protocols.money import format_yuan
from protocols.wire_time import format_time
from terminal.slips.settlement import SettlementSlip, SlipKind

_CODE_BYTES = 4


def check_code(slip: SettlementSlip, mac: Callable[[bytes], bytes]) -> str:
    """Eight hex digits, a hyphen in their middle (`1A2B-3C4D`), of a keyed MAC (HMAC-SM3) over the facts that a forger would change.

    The copy number is not among them: a reprint carries the code of its original. Nor is what a cancellation only mentions,
    the goods beside the insurance: slips that were printed without it keep their code.
    """
    split = slip.split
    counts = bool(slip.beside) and slip.kind is SlipKind.SETTLED
    beside = (format_yuan(sum(line.amount_fen for line in slip.beside)),) if counts else ()
    facts = (
        slip.kind.name,
        slip.institution_code,
        slip.receipt_no,
        slip.setl_id or slip.cancelled_setl_id,
        format_time(slip.at),
        *map(format_yuan, (split.total_fen, split.fund_fen, split.account_fen, split.cash_fen)),
        *beside,
    )
    digits = mac("\n".join(facts).encode())[:_CODE_BYTES].hex().upper()
    return f"{digits[:4]}-{digits[4:]}"
