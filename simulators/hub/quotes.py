"""Keeping quotes for a rehearsal of other rules: bounded, without names and numbers of people, and only when asked to."""

from collections.abc import Sequence
from typing import Final

import msgspec

from simulators.benefit import engine
from simulators.benefit.catalogue import Place
from simulators.benefit.model import AccountState, Accumulators, Line, Person, Refusal, Result, Rules, Visit
from simulators.benefit.policy_set import PolicySet
from simulators.benefit.rehearsal import Quote, without_names
from simulators.hub.desk import Call, Desk

QUOTES: Final = frozenset({"2101", "2206", "2206A"})


class Quoting(msgspec.Struct, frozen=True):
    """The calculation for one request; if the request is a quote and the hub was asked to keep quotes, it is kept."""

    desk: Desk
    call: Call
    policy_set: str

    def settle(
        self,
        policy: PolicySet,
        place: Place,
        person: Person,
        account: AccountState,
        accumulators: Accumulators,
        visit: Visit,
        lines: Sequence[Line],
        rules: Rules,
    ) -> Result | Refusal:
        """As `engine.settle`. A quote that is refused is not kept: a refusal leaves no record but its message id."""
        outcome = engine.settle(policy, place, person, account, accumulators, visit, lines, rules)
        most = self.desk.settings.record_quotes
        if isinstance(outcome, Result) and most and self.call.infno in QUOTES:
            account, result = without_names(account, outcome)
            quote = Quote(
                infno=self.call.infno, quoted_at=self.call.time_text, policy_set=self.policy_set, person=person,
                account=account, accumulators=accumulators, visit=visit, lines=tuple(lines), rules=rules, result=result,
            )  # fmt: skip
            self.desk.ledger.back_office.keep_quote(quote, most)
        return outcome
