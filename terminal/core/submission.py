"""Messages that change the hub outside any settlement (filings, mappings, stock and sales, files): the rules, pure.

`step(progress, event, silence) -> Decision`. A submission is one message's worth of content that must reach the hub. Each
attempt is a message of its own, with its own id; its bytes are on disk before the first one leaves. No money moves, so
nothing is reversed; what a lost answer leads to is `Silence`.

A refusal of a repeat proves nothing about the message before it, so it calls a person too. Tries are bounded; what is
not settled by then is held for a person and stays in the list until one decides.
"""

import enum
from typing import Final

import msgspec

from terminal.core.outcome import retry_delay_s


class Silence(enum.Enum):
    """What a lost answer leads to."""

    REPEAT = "repeat"
    """Twice is the same as once (withdrawals, mappings, deletions): it is sent again, as another message."""
    LOOK_UP = "look_up"
    """After the quiet time the hub is asked whether it has it; only "no" leads to another message."""
    ASK_A_PERSON = "ask_a_person"
    """No published question tells; a person looks, then says how it goes on."""
    GIVE_UP = "give_up"
    """Whoever wanted it makes it anew (the file of a reconciliation, the lock of a prescription)."""


class SubmissionState(enum.StrEnum):
    """Where a submission stands; the journal stores the text."""

    WAITING = "WAITING"
    """Nothing of it is on its way; it is sent when its next try is due."""
    SENT = "SENT"
    """Its newest message has left, or is about to."""
    UNKNOWN = "UNKNOWN"
    """A message left and nobody knows what became of it."""
    HELD = "HELD"
    """Only a person can say how it goes on."""
    ACCEPTED = "ACCEPTED"
    """The hub has it."""
    PARTLY = "PARTLY"
    """The hub has some of its rows; the others came back with their reasons."""
    REFUSED = "REFUSED"
    """The hub has nothing of it."""
    GIVEN_UP = "GIVEN_UP"
    """Ended without a word of the hub: by a person, or because whoever wanted it makes it anew."""


_S = SubmissionState
OVER: Final = frozenset({_S.ACCEPTED, _S.PARTLY, _S.REFUSED, _S.GIVEN_UP})
"""Nothing more happens to it."""
RUNS_BY_ITSELF: Final = frozenset({_S.WAITING, _S.SENT, _S.UNKNOWN})
"""The terminal goes on with it without anybody's word."""
SUBMISSION_MOVES: Final = frozenset(
    {
        (_S.WAITING, _S.SENT), (_S.WAITING, _S.HELD), (_S.WAITING, _S.UNKNOWN), (_S.WAITING, _S.GIVEN_UP),
        (_S.SENT, _S.WAITING), (_S.SENT, _S.ACCEPTED), (_S.SENT, _S.PARTLY), (_S.SENT, _S.REFUSED), (_S.SENT, _S.UNKNOWN),
        (_S.SENT, _S.HELD), (_S.SENT, _S.GIVEN_UP),
        (_S.UNKNOWN, _S.SENT), (_S.UNKNOWN, _S.WAITING), (_S.UNKNOWN, _S.ACCEPTED), (_S.UNKNOWN, _S.HELD), (_S.UNKNOWN, _S.GIVEN_UP),
        (_S.HELD, _S.WAITING), (_S.HELD, _S.ACCEPTED), (_S.HELD, _S.GIVEN_UP),
    }
)  # fmt: skip
"""Every move there is."""

MOST_TRIES: Final = 300
"""Tries that came to nothing before a person is called: about a day at the slowest pace."""
MOST_UNANSWERED: Final = 5
"""Messages that left and were not answered before a person is called."""
HOPELESS: Final = ("no_path", "too_long ", "content")
"""Why a message was not made that no waiting will change; words before a space stand for all that begin so."""


class Progress(msgspec.Struct, frozen=True):
    """What the rules need to know of a submission."""

    state: SubmissionState = SubmissionState.WAITING
    tries: int = 0
    """Tries that came to nothing since it was opened, or since a person said "again"."""
    unanswered: int = 0
    """Messages of it that left without an answer, and of which nothing more was learnt: above 0 the hub may have it. "Again"
    forgets none of them; from `MOST_UNANSWERED` on each "again" sends one message, and silence holds it once more.
    """


class Verdict(enum.StrEnum):
    """What an answer proves."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Found(enum.StrEnum):
    """What a look at the hub proves."""

    THERE = "there"
    NOT_THERE = "not_there"
    UNCLEAR = "unclear"
    """The hub told nothing that decides it."""
    NOT_HEARD = "not_heard"
    """Nobody answered."""


class Word(enum.StrEnum):
    """What a person may say of a submission that is held."""

    AGAIN = "again"
    """I have looked: the hub does not have it. Send it."""
    ACCEPTED = "accepted"
    """I have looked: the hub has it."""
    GIVEN_UP = "given_up"
    """Leave it."""


class Leaves(msgspec.Struct, frozen=True):
    """Its message is made and leaves as soon as this is on disk."""


class NotMade(msgspec.Struct, frozen=True):
    """No message could be made (no sign-in, locked key), or it certainly did not leave."""

    reason: str


class Heard(msgspec.Struct, frozen=True):
    """The exchange is over."""

    verdict: Verdict
    reason: str = ""
    """A machine word."""


class Looked(msgspec.Struct, frozen=True):
    """The hub was asked, after the quiet time, whether it has it."""

    found: Found


class TakenUp(msgspec.Struct, frozen=True):
    """The process has started with this on the disk."""

    old_copy: bool = False
    """The journal is an old copy: what it calls waiting may have been sent since."""


class Said(msgspec.Struct, frozen=True):
    """A person has decided."""

    word: Word
    silent_s: float
    """How long ago its newest message without an answer was given up."""


Event = Leaves | NotMade | Heard | Looked | TakenUp | Said


class NotAllowed(Exception):
    """A person's word that does not fit where the submission stands; nothing was changed."""


class TooEarly(Exception):
    """A message without an answer may still arrive, so no look proves that the hub does not have it; nothing was changed."""

    def __init__(self, left_s: float) -> None:
        super().__init__(f"{left_s:.0f} s")
        self.left_s = left_s


class Decision(msgspec.Struct, frozen=True):
    """What becomes of it."""

    progress: Progress
    reason: str
    """A machine word, for the audit log and the list."""
    delay_s: float | None = None
    """When it is worked on next; None = not by itself."""


class Act(enum.Enum):
    """What to do when a submission is due."""

    SEND = "send"
    LOOK = "look"
    NOTHING = "nothing"


def next_act(progress: Progress, silence: Silence) -> Act:
    """What to do with a submission that is due."""
    if progress.state is _S.WAITING:
        return Act.SEND
    if progress.state is _S.UNKNOWN:
        return Act.LOOK if silence is Silence.LOOK_UP else Act.SEND
    return Act.NOTHING


def step(progress: Progress, event: Event, silence: Silence, quiet_s: float) -> Decision:
    """Decide. `quiet_s`: how long the hub may still take in a message that was not answered.

    Raises `NotAllowed` for a person's word out of place, `TooEarly` for "again" within the quiet time, and ValueError for an
    event that cannot have happened.
    """
    match event:
        case Said(word, silent_s):
            return _said(progress, word, quiet_s - silent_s)
        case TakenUp(old_copy):
            return _taken_up(progress, silence, quiet_s, old_copy)
        case Leaves() if next_act(progress, silence) is Act.SEND:
            return Decision(_to(progress, _S.SENT), "leaves")
        case NotMade(reason) if progress.state in (_S.WAITING, _S.SENT, _S.UNKNOWN):
            return _not_made(progress, reason, silence)
        case Heard(verdict, reason) if progress.state is _S.SENT:
            return _heard(progress, verdict, reason, silence, quiet_s)
        case Looked(found) if progress.state is _S.UNKNOWN:
            return _looked(progress, found)
        case _:
            raise ValueError(f"{type(event).__name__} in {progress.state.value}")


def _to(progress: Progress, state: SubmissionState) -> Progress:
    return msgspec.structs.replace(progress, state=state)


def _said(progress: Progress, word: Word, quiet_left_s: float) -> Decision:
    gives_up_waiting = word is Word.GIVEN_UP and progress.state in (_S.WAITING, _S.UNKNOWN)
    if progress.state is not _S.HELD and not gives_up_waiting:
        raise NotAllowed(progress.state.value)
    if word is Word.AGAIN and progress.unanswered and quiet_left_s > 0:
        raise TooEarly(quiet_left_s)
    match word:
        case Word.AGAIN:
            # What was not answered may have arrived since the look, so a refusal still proves nothing about it.
            return Decision(Progress(unanswered=progress.unanswered), "again", 0.0)
        case Word.ACCEPTED:
            return Decision(_to(progress, _S.ACCEPTED), "accepted_by_a_person")
        case Word.GIVEN_UP:  # pragma: no branch - mypy knows that there is no other
            return Decision(_to(progress, _S.GIVEN_UP), "given_up")


def _taken_up(progress: Progress, silence: Silence, quiet_s: float, old_copy: bool) -> Decision:
    if progress.state not in RUNS_BY_ITSELF:
        raise ValueError(f"{progress.state.value} is not taken up")
    if progress.state is _S.SENT or old_copy:
        return _unanswered(progress, "restarted", silence, quiet_s)
    if silence is Silence.GIVE_UP:
        return Decision(_to(progress, _S.GIVEN_UP), "restarted")
    # After a start the quiet time is counted anew: nobody measured the time in between.
    return Decision(progress, "restarted", quiet_s if progress.state is _S.UNKNOWN else 0.0)


def _not_made(progress: Progress, reason: str, silence: Silence) -> Decision:
    tries = progress.tries + 1
    waits = Progress(_S.WAITING, tries, progress.unanswered)
    if silence is Silence.GIVE_UP:
        return Decision(_to(waits, _S.GIVEN_UP), reason)
    if tries >= MOST_TRIES or reason.startswith(HOPELESS):
        return Decision(_to(waits, _S.HELD), reason)
    return Decision(waits, reason, retry_delay_s(tries))


def _heard(progress: Progress, verdict: Verdict, reason: str, silence: Silence, quiet_s: float) -> Decision:
    match verdict:
        case Verdict.ACCEPTED:
            return Decision(_to(progress, _S.ACCEPTED), "accepted")
        case Verdict.PARTLY:
            return Decision(_to(progress, _S.PARTLY), "partly")
        case Verdict.REFUSED if progress.unanswered:
            return Decision(_to(progress, _S.HELD), "repeat_refused")
        case Verdict.REFUSED:
            return Decision(_to(progress, _S.REFUSED), "refused")
        case Verdict.UNKNOWN:  # pragma: no branch - mypy knows that there is no other
            return _unanswered(progress, reason, silence, quiet_s)


def _unanswered(progress: Progress, reason: str, silence: Silence, quiet_s: float) -> Decision:
    after = Progress(_S.UNKNOWN, progress.tries + 1, progress.unanswered + 1)
    if silence is Silence.GIVE_UP:
        return Decision(_to(after, _S.GIVEN_UP), reason)
    if silence is Silence.ASK_A_PERSON or after.unanswered >= MOST_UNANSWERED:
        return Decision(_to(after, _S.HELD), reason)
    return Decision(after, reason, quiet_s if silence is Silence.LOOK_UP else retry_delay_s(after.unanswered))


def _looked(progress: Progress, found: Found) -> Decision:
    match found:
        case Found.THERE:
            return Decision(_to(progress, _S.ACCEPTED), "found")
        case Found.NOT_THERE:
            return Decision(Progress(_S.WAITING, progress.tries, progress.unanswered), "not_found", 0.0)
        case Found.UNCLEAR:
            return Decision(_to(progress, _S.HELD), "unclear")
        case Found.NOT_HEARD:  # pragma: no branch - mypy knows that there is no other
            tries = progress.tries + 1
            after = Progress(_S.UNKNOWN, tries, progress.unanswered)
            if tries >= MOST_TRIES:
                return Decision(_to(after, _S.HELD), "not_heard")
            return Decision(after, "not_heard", retry_delay_s(tries))
