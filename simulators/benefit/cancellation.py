"""Undoing a settlement: the stored amounts negated, never computed anew.

Own account and each relative get back exactly what they paid, and the contributions go out of the accumulators of
the settlement's own year. While a later settlement of the same person and benefit year that moved an accumulator
stands, an earlier one that also moved one is refused: its amounts were the starting point of the later one.
A settlement that moved none (account purchase, wholly self-paid) can be cancelled at any time.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from simulators.benefit.model import (
    DEFAULT_RULES,
    AccountState,
    Accumulators,
    FundRow,
    LayerAccumulator,
    LineResult,
    Refusal,
    Relative,
    RelativePayment,
    Result,
    Rules,
)


def cancel(
    stored: Result | None,
    account: AccountState,
    *,
    already: bool = False,
    later: Iterable[Accumulators] = (),
    rules: Rules = DEFAULT_RULES,
    keep_order: bool = True,
) -> Result | Refusal:
    """Cancel a stored settlement, or say why not.

    `stored` None means the number is unknown; `already` that it was cancelled before; `later` holds the
    contributions of the person's later settlements that still stand. `keep_order` False is for a reversal by
    message number (2601): an unknown outcome must always be undoable (K46). Raises as `negate`.
    """
    if stored is None:
        return Refusal("SETL_NOT_FOUND")
    if already:
        return Refusal("ALREADY_REVERSED")
    if keep_order and rules.cancellation_order and moved(stored.contributions):
        year = stored.contributions.year
        if any(other.year == year and moved(other) for other in later):
            return Refusal("LATER_SETTLEMENT_EXISTS")
    return negate(stored, account)


def negate(stored: Result, account: AccountState) -> Result:
    """The record that undoes a settlement of a person whose accounts stand as `account`.

    Amounts and contributions are negated; ratio and limits are not, and the balance is the one after the refund
    (K44). Raises ValueError when `account` lacks a relative who paid.
    """
    after = _refund(stored, account)
    return replace(
        stored,
        **{name: -getattr(stored, name) for name in _AMOUNTS},
        balance_fen=after.balance_fen,
        lines=tuple(_negated_line(line) for line in stored.lines),
        funds=tuple(_negated_row(row) for row in stored.funds),
        relatives_paid=tuple(RelativePayment(paid.owner, -paid.amount_fen) for paid in stored.relatives_paid),
        contributions=_negated(stored.contributions),
        account_after=after,
    )


_AMOUNTS = tuple(name for name in Result.__struct_fields__ if name.endswith("_fen") and name != "balance_fen")
_LINE_AMOUNTS = ("amount_fen", "full_self_fen", "over_limit_fen", "pre_self_fen", "in_scope_fen")
# Every plain sum of Accumulators; a field added there is negated too.
_SUMS = tuple(
    name
    for name, default in zip(
        Accumulators.__struct_fields__[1:], Accumulators.__struct_defaults__, strict=True
    )
    if default == 0
)


def moved(contributions: Accumulators) -> bool:
    """Whether a settlement moved any accumulator."""
    return contributions != Accumulators(contributions.year)


def _refund(stored: Result, account: AccountState) -> AccountState:
    owed = {paid.owner: paid.amount_fen for paid in stored.relatives_paid}
    relatives = tuple(
        Relative(relative.owner, relative.balance_fen + owed.pop(relative.owner, 0))
        for relative in account.relatives
    )
    if owed:
        raise ValueError("the state lacks the account of a relative who paid")
    own_fen = stored.account_fen - stored.mutual_aid_fen
    return AccountState(account.balance_fen + own_fen, relatives)


def _negated_line(line: LineResult) -> LineResult:
    return replace(line, **{name: -getattr(line, name) for name in _LINE_AMOUNTS})


def _negated_row(row: FundRow) -> FundRow:
    return replace(row, amount_fen=-row.amount_fen, in_scope_fen=-row.in_scope_fen)


def _negated(change: Accumulators) -> Accumulators:
    return replace(
        change,
        **{name: -getattr(change, name) for name in _SUMS},
        deductible_chr_fen=_negated_map(change.deductible_chr_fen),
        pool_two_fen=_negated_map(change.pool_two_fen),
        pool_chr_fen=_negated_map(change.pool_chr_fen),
        layers={
            key: LayerAccumulator(-layer.base_fen, -layer.pay_fen) for key, layer in change.layers.items()
        },
    )


def _negated_map(change: Mapping[str, int]) -> dict[str, int]:
    return {key: -amount for key, amount in change.items()}
