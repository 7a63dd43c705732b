"""What an answer proves: the rules of the outcome.

1. Only an authenticated answer to exactly our message is a fact. A time-out, an HTML page, a gateway's 401, a broken
   signature or another message's answer prove nothing: they neither confirm nor refuse nor end a reversal.
2. A refusal is an authenticated answer whose `infcode` is on the profile's list of definite codes (K62). Any other
   code is unknown. The text of a refusal is shown and never decides, with two exceptions that are profile data: the
   texts that say "this message id was seen before" (the first copy may have been booked: unknown, K12) and the texts
   of the answers to 2601 (done, already, not found; no match = unknown, K64).
3. A success whose content does not fit the sale *is* at the hub; it is booked and quarantined, see `misfits`.
"""

import enum

from protocols.hub.profile import Profile
from terminal.core.events import Answered, Heard, NotSent
from terminal.core.values import Notice

FIRST_DELAYS_S = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0)
"""When a reversal is tried: at once, then after these pauses, then every `SLOW_DELAY_S` for ever."""
SLOW_DELAY_S = 300.0
JITTER = 0.2
"""Share by which a pause is varied, so that a town's terminals do not all come back in the same second."""
ALARM_AFTER_TRIES = 6
"""From here on a person is called in addition (the number card acquirers use)."""
MANUAL_AFTER_S = 24 * 3600.0


class Verdict(enum.StrEnum):
    """What is known after one message."""

    UNSENT = "unsent"
    DONE = "done"
    REFUSED = "refused"
    ALREADY = "already"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


def judge(heard: Heard, profile: Profile) -> Verdict:
    """Judge the answer to a message that settles, books a step or asks: done, refused, unsent or unknown."""
    if isinstance(heard, NotSent):
        return Verdict.UNSENT
    if not isinstance(heard, Answered):
        return Verdict.UNKNOWN
    if heard.infcode == 0:
        return Verdict.DONE if heard.output is not None else Verdict.UNKNOWN
    if heard.infcode not in profile.outcome.refusal_codes or profile.is_doubtful_text(heard.err_msg):
        return Verdict.UNKNOWN
    return Verdict.REFUSED


def judge_cancellation(heard: Heard, profile: Profile) -> Verdict:
    """Judge the answer to 2103 or 2208: as `judge`, and a refusal that says "already" is as good as done."""
    verdict = judge(heard, profile)
    if (
        verdict is Verdict.REFUSED
        and isinstance(heard, Answered)
        and profile.classify_reversal(heard.err_msg) == "already"
    ):
        return Verdict.ALREADY
    return verdict


def judge_reversal(heard: Heard, profile: Profile) -> Verdict:
    """Judge the answer to 2601: done, already, not found; everything else is unknown and is asked again."""
    if isinstance(heard, NotSent):
        return Verdict.UNSENT
    if not isinstance(heard, Answered):
        return Verdict.UNKNOWN
    if heard.infcode == 0:
        return Verdict.DONE
    if heard.infcode not in profile.outcome.refusal_codes or profile.is_doubtful_text(heard.err_msg):
        return Verdict.UNKNOWN
    meaning = profile.classify_reversal(heard.err_msg)
    return Verdict.UNKNOWN if meaning is None else Verdict(meaning)


def not_sent_notice(code: str, heard: Heard, profile: Profile) -> Notice:
    """What to tell when a message was proved unsent: `code`, or the alarm that nobody there could prove to be the hub.

    A gateway that gives no token is reached, and speaks another way than the profile says.
    """
    reason = reason_of(heard)
    if reason.startswith("too_long "):
        return Notice("field_too_long", {"field": reason.removeprefix("too_long ")})
    if reason == "gateway_token":
        return Notice("hub_not_understood", {"profile": profile.name, "reason": reason})
    return Notice("hub_not_trusted" if reason == "tls" else code, {"reason": reason})


def retry_delay_s(tries: int) -> float:
    """Seconds until the next try after `tries` unanswered ones: 5, 10, 20, 40, 80, then 300 for ever."""
    return FIRST_DELAYS_S[tries] if tries < len(FIRST_DELAYS_S) else SLOW_DELAY_S


def reason_of(heard: Heard) -> str:
    """A short machine word for the audit record; never the content of the answer."""
    if isinstance(heard, Answered):
        return f"infcode {heard.infcode}" if heard.infcode or heard.output is not None else "malformed output"
    return heard.reason
