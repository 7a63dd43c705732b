"""How long a doubt lives on once the hub answers again: the figure for invariant I3.

Taken from the road, never from the counter. The hub is away for a counter when a message could not be sent at all, or
a question got no authentic answer (5203 counts as what it is, the try of a cancellation); it answers again with the next
exchange that brings one, or, after an outage, when the outage ends, whether the counter has noticed or not. A start of the
counter counts the same: whatever it finds in doubt it can ask about from then on.

The clock of a doubt runs from the last such moment to the exchange that ends it; a doubt exists from the end of the
first message that left the counter. What the rules demand is left out: after a "not found", or a refused repeat of a
cancellation, the quiet time, which begins anew at a start; and the lane gate as far as it is one message, the one that had
left before that moment and is still waited for (a lane has one conversation at a time, so a lost settlement of the next
customer holds up the 2601 for its whole time limit).
Whatever else the doubt waits for in its lane is in the figure. A doubt whose own messages went wrong once more after
that moment (lost one by one, forged, refused), while the hub answered others, is not in the figure: for such a doubt
the hub had not answered, and its pauses grow by the rules.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise

from yibao.site.road import Exchanged
from yibao.site.weather import CANCELLATIONS, MONEY

UNDOING = frozenset({"2601", "2103", "2208"})


def final_delays(
    exchanges: Sequence[Exchanged],
    starts_s: Sequence[float],
    ups_s: Sequence[float],
    owners: Mapping[str, str],
    quiet_s: float,
) -> list[float]:
    """Seconds from "the hub answers again" to the end, for each doubt of one counter that saw such a moment.

    `exchanges` in the order in which they ended, `starts_s` when the counter took sales again, `ups_s` when an outage
    ended, both in order; `owners` tells the settlement behind a message id.
    """
    of_settlement: dict[str, list[Exchanged]] = {}
    for exchange in exchanges:
        if exchange.msgid in owners:
            of_settlement.setdefault(owners[exchange.msgid], []).append(exchange)
    back_s = sorted([*_returns(exchanges, ups_s), *starts_s])
    in_lane = [exchange for exchange in exchanges if exchange.infno in MONEY]
    found = (_delay(own, in_lane, back_s, starts_s, quiet_s) for own in of_settlement.values())
    return [delay_s for delay_s in found if delay_s is not None]


def longest_waits(
    exchanges: Sequence[Exchanged], starts_s: Sequence[float], owners: Mapping[str, str]
) -> dict[str, float]:
    """For each settlement undone by 2601 the longest time in which a running counter did nothing about it, in seconds.

    Signing in counts as doing something: without it nothing can be sent.
    """
    signing_in = [exchange for exchange in exchanges if exchange.infno == "9001"]
    of_settlement: dict[str, list[Exchanged]] = {}
    for exchange in exchanges:
        if exchange.msgid in owners:
            of_settlement.setdefault(owners[exchange.msgid], []).append(exchange)
    found = dict[str, float]()
    for settlement, own in of_settlement.items():
        first = next((number for number, one in enumerate(own) if one.infno == "2601"), 0)
        tries = own[first - 1 :] if first else []
        tries += [one for one in signing_in if tries and tries[0].ended_s < one.began_s < tries[-1].began_s]
        for before, after in pairwise(sorted(tries, key=lambda one: one.began_s)):
            starts = [start_s for start_s in starts_s if before.ended_s < start_s < after.began_s]
            waited_s = after.began_s - max([before.ended_s, *starts])
            found[settlement] = max(found.get(settlement, 0.0), waited_s)
    return found


def _returns(exchanges: Sequence[Exchanged], ups_s: Sequence[float]) -> list[float]:
    """The moments at which the hub answered again."""
    moments, is_away, silent_s = [], False, 0.0
    for exchange in exchanges:
        if exchange.away:
            is_away, silent_s = True, exchange.ended_s
        elif exchange.answered and is_away:
            number = bisect_right(ups_s, silent_s)
            moments.append(min([exchange.ended_s, *ups_s[number : number + 1]]))
            is_away = False
    return moments


def _delay(
    own: Sequence[Exchanged],
    in_lane: Sequence[Exchanged],
    back_s: Sequence[float],
    starts_s: Sequence[float],
    quiet_s: float,
) -> float | None:
    undoing = _since_the_last_refusal([exchange for exchange in own if exchange.infno in UNDOING])
    if not undoing or (undoing[0].infno != "2601" and len(undoing) == 1):
        return None  # settled, or cancelled with the first answer: there was no doubt
    begun_s = next(one.ended_s for one in own if one.infno in UNDOING or not one.away)
    end_s = undoing[-1].ended_s
    number = bisect_right(back_s, end_s)
    from_s = back_s[number - 1] if number else 0.0
    if from_s <= begun_s or any(
        not one.clean and (from_s <= one.began_s or one.ended_s == from_s) for one in undoing
    ):
        return None
    on_its_way = [one.ended_s for one in in_lane if one.began_s < from_s < one.ended_s]
    from_s = max([from_s, *on_its_way])
    for exchange in undoing[:-1]:
        if exchange.denied:
            starts = [start_s for start_s in starts_s if exchange.ended_s < start_s < end_s]
            from_s = max(from_s, max([exchange.ended_s, *starts]) + quiet_s)
    return max(end_s - from_s, 0.0)


def _since_the_last_refusal(undoing: Sequence[Exchanged]) -> Sequence[Exchanged]:
    """What belongs to the newest doubt. A cancellation that is refused for good has ended; the customer may ask for another.

    It is refused for good when no try before it, since the last refusal, was left without an answer.
    """
    first, is_one_on_its_way = 0, False
    for number, exchange in enumerate(undoing, start=1):
        is_one_on_its_way |= not exchange.answered and not exchange.away
        if exchange.infno in CANCELLATIONS and exchange.denied:
            first, is_one_on_its_way = first if is_one_on_its_way else number, False
    return undoing[first:]


def share_below(delays_s: Sequence[float], share: float) -> float:
    """The delay that this share of all do not exceed (nearest rank); 0.0 when there are none."""
    ordered = sorted(delays_s)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
