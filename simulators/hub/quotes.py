"""Keeping quotes for a rehearsal of other rules: bounded, without names and numbers of people, and only when asked to."""

from collections.abc import Sequence
from typing import Final

from simulators.benefit.model import AccountState, Accumulators, Line, Person, Result, Visit
from simulators.benefit.rehearsal import Quote, without_names
from simulators.hub.desk import Call, Desk

QUOTES: Final = frozenset({"2101", "2206", "2206A"})


def keep_quote(
    desk: Desk,
    call: Call,
    policy_set: str,
    person: Person,
    account: AccountState,
    accumulators: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    result: Result,
) -> None:
    """Keep one calculation, if it is a quote and the hub was asked to keep quotes; the oldest give way."""
    if not desk.settings.record_quotes or call.infno not in QUOTES:
        return
    account, result = without_names(account, result)
    quote = Quote(
        infno=call.infno, quoted_at=call.time_text, policy_set=policy_set, person=person, account=account,
        accumulators=accumulators, visit=visit, lines=tuple(lines), rules=desk.rules, result=result,
    )  # fmt: skip
    desk.ledger.keep_quote(quote, desk.settings.record_quotes)
