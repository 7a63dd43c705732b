"""The code (取药码) against which goods that were settled at order are handed over later (R64, PD-34)."""

from collections.abc import Callable

from terminal.core.values import Settlement

_DIGITS = 6
_MAC_BYTES = 8


def pick_up_code(settlement: Settlement, mac: Callable[[bytes], bytes], *, at_order: bool) -> str:
    """Six digits of a keyed MAC (HMAC-SM3) over our own settlement id; "" where nothing is handed over later.

    That is every sale without a circulating prescription, and every sale of a counter that settles on hand-over
    (`at_order` false). The same sale always has the same code, so it is kept nowhere.
    """
    if not at_order or settlement.prescription is None:
        return ""
    number = int.from_bytes(mac(f"pick-up code\n{settlement.id}".encode())[:_MAC_BYTES])
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"
