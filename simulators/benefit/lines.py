"""Steps 1 to 8: every line by the catalogue of the place of treatment."""

from collections.abc import Sequence
from typing import Final

import msgspec

from simulators.benefit.amounts import WHOLE_BP, share_of
from simulators.benefit.catalogue import Entry, Place
from simulators.benefit.model import Line, LineResult, Visit

_E4: Final = 10_000
_E8: Final = 10**8
"""A quantity in 1/10000 times a price in 1/10000 fen."""


class UnknownItemError(LookupError):
    """A line names an item the place of treatment does not list; the hub checks lines before it settles."""


class Sums(msgspec.Struct, frozen=True):
    """Step 9: sums of the line values; sums are never rounded."""

    total_fen: int
    full_self_fen: int
    over_limit_fen: int
    pre_self_fen: int
    in_scope_fen: int
    main_scope_fen: int
    nego_scope_fen: int
    has_nego: bool
    excluded_fen: int
    """Lines the personal account may not pay."""


def split_lines(
    place: Place, visit: Visit, lines: Sequence[Line], *, account_only: bool, area_share_bp: int
) -> tuple[LineResult, ...]:
    """Split every line. `area_share_bp` is the share of method pre_share, else 0. Raises UnknownItemError."""
    return tuple([_split(place, visit, line, account_only, area_share_bp) for line in lines])


def _split(place: Place, visit: Visit, line: Line, account_only: bool, area_share_bp: int) -> LineResult:
    entry = place.get(line.item)
    if entry is None:
        raise UnknownItemError(f"item {line.item} is not in the catalogue of {visit.place}")
    item = entry.item
    ceilings = entry.ceiling_fen
    ceiling_fen = ceilings.get(visit.institution.kind) if ceilings else None
    # Step 1: quantity x price.
    amount_fen = (line.quantity_e4 * line.price_micro + _E8 // 2) // _E8
    # Step 2: class.
    forced_c = _forced_c(entry, visit, line, account_only)
    item_class = "C" if forced_c and not visit.epidemic else entry.item_class
    full_fen = over_fen = pre_fen = 0
    if visit.epidemic:
        # Step 19: instead of steps 2 to 6 the whole line is in scope; the printed class stays (K48).
        pass
    elif item_class == "C":
        # Step 3: class C is wholly self-paid.
        full_fen = amount_fen
    else:
        # Step 4: what lies above the ceiling.
        if ceiling_fen is not None:
            over_fen = max(0, amount_fen - (line.quantity_e4 * ceiling_fen + _E4 // 2) // _E4)
        # Step 5: class-B share.
        if entry.share_bp:
            pre_fen = share_of(amount_fen - over_fen, entry.share_bp)
        # Step 6: out-of-area share.
        if area_share_bp:
            pre_fen += share_of(amount_fen - over_fen - pre_fen, area_share_bp)
    return LineResult(
        item=line.item,
        amount_fen=amount_fen,
        charge_class="01" if item_class == "A" else "02" if item_class == "B" else "03",
        full_self_fen=full_fen,
        over_limit_fen=over_fen,
        pre_self_fen=pre_fen,
        # Step 7: policy scope.
        in_scope_fen=amount_fen - full_fen - over_fen - pre_fen,
        # Step 8: bucket.
        bucket="nego" if item.negotiated and not forced_c and not account_only else "main",
        share_bp=WHOLE_BP if item_class == "C" else entry.share_bp,
        ceiling_fen=ceiling_fen,
        negotiated=item.negotiated,
        limit_used=item.restricted and line.indication_ok,
    )


def _forced_c(entry: Entry, visit: Visit, line: Line, account_only: bool) -> bool:
    """Step 2: when an item counts as class C whatever the list says."""
    item = entry.item
    if item.restricted and not line.indication_ok:
        return True
    if item.negotiated and not account_only and not (visit.nego_approved and visit.institution.dual_channel):
        return True
    return not entry.listed_on(visit.fee_date)


def add_up(place: Place, lines: Sequence[LineResult]) -> Sums:
    """Step 9."""
    total = full = over = pre = main = nego = excluded = 0
    has_nego = False
    for line in lines:
        total += line.amount_fen
        full += line.full_self_fen
        over += line.over_limit_fen
        pre += line.pre_self_fen
        if line.bucket == "nego":
            nego += line.in_scope_fen
            has_nego = True
        else:
            main += line.in_scope_fen
        if place[line.item].item.account_excluded:
            excluded += line.amount_fen
    return Sums(total, full, over, pre, main + nego, main, nego, has_nego, excluded)
