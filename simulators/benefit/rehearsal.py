"""Rehearsing a change of the rules: recorded quotes, calculated once more under other rules, and every amount that changes.

A recorded quote holds what the calculation was made from: circumstances of the person without name and number, accounts
and accumulators of that moment, visit and lines, the switches in force, and the result. It can be calculated again at any
time, without the hub and without the person. A policy is rehearsed whatever days it is valid on: next year's version may be
tried on this year's quotes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from simulators.benefit.cases import MONEY_FIELDS
from simulators.benefit.datafile import DataError
from simulators.benefit.engine import settle
from simulators.benefit.lines import UnknownItemError
from simulators.benefit.model import (
    AccountState,
    Accumulators,
    Line,
    Person,
    Refusal,
    Relative,
    RelativePayment,
    Result,
    Rules,
    Visit,
)
from simulators.benefit.policies import PolicyBook
from simulators.benefit.policy_set import PolicySet

RECORD_FORMAT: Final = "yibao-quotes/1"


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded quote. Relatives are called by their place in the order of use."""

    infno: str
    quoted_at: str
    """UTC+8, as the wire writes it."""
    policy_set: str
    person: Person
    account: AccountState
    accumulators: Accumulators
    """Of the benefit year, as they stood."""
    visit: Visit
    lines: tuple[Line, ...]
    rules: Rules
    result: Result


class QuoteRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of recorded quotes."""

    format: str
    quotes: tuple[Quote, ...]


class Change(msgspec.Struct, frozen=True):
    """One amount of one quote that changes; `quote` counts from 1 in the order of the record."""

    quote: int
    field: str
    """Wire name in `setlinfo`."""
    before_fen: int
    after_fen: int


class NowRefused(msgspec.Struct, frozen=True):
    """A quote that the rehearsed rules refuse."""

    quote: int
    code: str


class Rehearsal(msgspec.Struct, frozen=True):
    """What a rehearsal came to."""

    quotes: int
    changes: tuple[Change, ...]
    refused: tuple[NowRefused, ...]

    @property
    def changed(self) -> int:
        """How many quotes change in any amount, or are refused."""
        return len({change.quote for change in self.changes} | {row.quote for row in self.refused})

    def totals(self) -> dict[str, tuple[int, int]]:
        """Field -> (before, after), added up over the quotes in which it changes, in the order of `setlinfo`."""
        sums: dict[str, tuple[int, int]] = {}
        for field, _ in MONEY_FIELDS:
            rows = [change for change in self.changes if change.field == field]
            if rows:
                sums[field] = (sum(row.before_fen for row in rows), sum(row.after_fen for row in rows))
        return sums


class Substitution(msgspec.Struct, frozen=True):
    """The rules to rehearse: policies in the place of those in force, and switches."""

    book: PolicyBook
    policies: Mapping[str, PolicySet] = {}
    """By set id; governs every quote of people insured there, whatever its days."""
    every_set: str = ""
    """Everybody is treated as insured under this set, "" = everybody under their own."""
    rules: Rules | None = None
    """Switches instead of those recorded with each quote."""

    def policy_of(self, quote: Quote) -> PolicySet:
        """The policy that governs a quote. Raises LookupError."""
        wanted = self.every_set or quote.policy_set
        return self.policies.get(wanted) or self.book.version(wanted, quote.visit.fee_date)


def without_names(account: AccountState, result: Result) -> tuple[AccountState, Result]:
    """Account and result with the relatives called by their place."""
    places = {relative.owner: str(place) for place, relative in enumerate(account.relatives, start=1)}

    def renamed(state: AccountState) -> AccountState:
        return AccountState(
            state.balance_fen, tuple(Relative(places[row.owner], row.balance_fen) for row in state.relatives)
        )

    paid = tuple(RelativePayment(places[row.owner], row.amount_fen) for row in result.relatives_paid)
    return renamed(account), msgspec.structs.replace(
        result, account_after=renamed(result.account_after), relatives_paid=paid
    )


def write_record(quotes: Sequence[Quote]) -> bytes:
    """A file of recorded quotes."""
    return msgspec.json.format(msgspec.json.encode(QuoteRecord(RECORD_FORMAT, tuple(quotes))), indent=1)


def read_record(text: str, file: str) -> tuple[Quote, ...]:
    """The quotes of a file. Raises DataError when it is no such file, or any quote of it cannot be read."""
    try:
        record = msgspec.json.decode(text.encode(), type=QuoteRecord)
    except msgspec.ValidationError as wrong:
        reason, _, place = str(wrong).partition(" - at ")
        raise DataError(file, place.strip("`").removeprefix("$."), reason) from None
    except msgspec.DecodeError as wrong:
        raise DataError(file, "", f"is not JSON: {wrong}") from None
    if record.format != RECORD_FORMAT:
        raise DataError(file, "format", f"'{record.format}' is none of {RECORD_FORMAT}")
    return record.quotes


def rehearse(quotes: Sequence[Quote], change: Substitution, file: str = "record") -> Rehearsal:
    """Calculate every quote under the rehearsed rules. Raises DataError for a quote that cannot be calculated under them."""
    changes: list[Change] = []
    refused: list[NowRefused] = []
    for number, quote in enumerate(quotes, start=1):
        try:
            answer = _again(quote, change)
        except (LookupError, UnknownItemError, ValueError) as wrong:
            reason = str(wrong.args[0]) if wrong.args else str(wrong)
            raise DataError(file, f"quotes[{number - 1}]", f"cannot be calculated: {reason}") from None
        if isinstance(answer, Refusal):
            refused.append(NowRefused(number, answer.code))
            continue
        for field, member in MONEY_FIELDS:
            before_fen, after_fen = getattr(quote.result, member), getattr(answer, member)
            if before_fen != after_fen:
                changes.append(Change(number, field, before_fen, after_fen))
    return Rehearsal(len(quotes), tuple(changes), tuple(refused))


def _again(quote: Quote, change: Substitution) -> Result | Refusal:
    policy = msgspec.structs.replace(change.policy_of(quote), valid_from=dt.date.min, valid_to=None)
    return settle(
        policy,
        change.book.place(quote.visit.place),
        quote.person,
        quote.account,
        quote.accumulators,
        quote.visit,
        quote.lines,
        change.rules if change.rules is not None else quote.rules,
    )
