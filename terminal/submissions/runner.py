"""Sends what is to change the hub outside a settlement: one task, one message after the other, each on disk before it leaves.

Nothing here holds up a sale: it has no lane, takes no lock of one, and the journal's thread only for single writes. What
a decision says is on disk before anybody hears of it. `Submissions.run` is the only one that decides about what is open,
but for a person's word, which waits for the step under way, and for what `deliver_once` sends in the task of whoever waits.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from drivers.interfaces.signer import SignerUnavailable
from protocols.errors import MalformedMessage
from protocols.gm.sm3 import sm3
from protocols.hub.envelope import decode_request
from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from terminal.core import submission as rules
from terminal.core.events import Answered, Heard, Misuse, NoAnswer, NotSent
from terminal.core.outcome import Verdict as Judged
from terminal.core.outcome import judge, reason_of
from terminal.core.submission import Act, Found, NotAllowed, SubmissionState, TooEarly, Word, next_act, step
from terminal.core.values import AttemptEnded, Notice
from terminal.counter.session import HubSession
from terminal.hub.client import FieldTooLong, HubClient, SignedMessage
from terminal.hub.questions import ask_hub, is_sign_in_lost
from terminal.journal.records import (
    Idempotency,
    JournalFailed,
    NewSubmission,
    SubmissionAttempt,
    SubmissionChange,
    SubmissionMessage,
    SubmissionRow,
)
from terminal.submissions.answers import Outcome, read_answer
from terminal.submissions.kinds import Kind, silence_of
from terminal.submissions.looking import judge_looks, questions
from terminal.submissions.rows import decode_content, encode_content

if TYPE_CHECKING:
    from terminal.counter.counter import Counter

PUT_OFF_S: Final = 10.0
"""How often what an old copy of the journal holds open looks whether the journal was accepted."""
_replace = msgspec.structs.replace


class Submissions:
    """The submissions of one counter. `run` is its only task."""

    def __init__(
        self,
        *,
        counter: "Counter",
        profile: Profile,
        institution: str,
        hub: HubClient,
        session: HubSession,
        new_id: Callable[[], str],
    ) -> None:
        self._counter = counter
        self._profile = profile
        self._institution = institution
        self._hub = hub
        self._session = session
        self._new_id = new_id
        self._due_s: dict[str, float] = {}
        """What is to be worked on when, by the monotonic clock; all of it stands in the journal too."""
        self._began_s = counter.clock.monotonic_s()
        self._silent_since_s: dict[str, float] = {}
        """When the newest message without an answer was given up; before this process: nobody knows, so it counts from the start."""
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._held: set[str] = set()
        self._delivering: set[str] = set()
        """What `deliver_once` works on; it is nobody else's."""
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def held(self) -> int:
        """How many wait for a person's word."""
        return len(self._held)

    # -- for callers ------------------------------------------------------------------------------

    async def submit(
        self,
        kind: str,
        infno: str,
        contents: Sequence[bytes],
        client: str,
        key: str,
        body: bytes,
        wait_s: float,
    ) -> list[SubmissionRow]:
        """Put these on disk as the parts of one request, and return them as they stand after a first try or `wait_s`.

        The same key with the same body returns what it opened before. Raises `Misuse` while the journal is an old copy,
        and `JournalRefused` (`idempotency_conflict`).
        """
        self._counter.holds.require_newest()
        rows = await self._open(kind, infno, contents, Idempotency(client, key, sm3(body)))
        rounds = [self._next_round(row.id) for row in rows if row.progress.state in rules.RUNS_BY_ITSELF]
        if rounds:
            await asyncio.wait(rounds, timeout=wait_s)
        found = await self._counter.workroom.read(
            lambda journal: [journal.submissions.get(row.id) for row in rows]
        )
        return [row for row in found if row is not None]

    async def deliver_once(
        self, kind: Kind, content: msgspec.Struct, insured: str, client: str, about: str = ""
    ) -> Heard:
        """Send one message of a kind whose silence is `GIVE_UP` now, and return what was heard.

        Unanswered, it is not sent again: whoever wanted it says so anew. Only a sign-in that the hub has forgotten is made
        once more, and then another message is. `about` (a sale's id) begins its key. From an old copy of the journal too:
        nothing of an old copy is repeated by it. A caller who goes away interrupts nothing. Raises `Misuse` when the counter
        is stopping.
        """

        async def deliver() -> Heard:
            return await self._deliver(kind, content, insured, client, about)

        heard = await self._counter.workroom.do(deliver)
        return await self._counter.workroom.do(deliver) if is_sign_in_lost(self._profile, heard) else heard

    async def _deliver(
        self, kind: Kind, content: msgspec.Struct, insured: str, client: str, about: str
    ) -> Heard:
        stored = encode_content(content, insured)
        identity = Idempotency(client, f"{about} {self._new_id()}".strip(), sm3(stored))
        wanted = NewSubmission(self._new_id(), kind.name, kind.plain.infno, stored)
        self._delivering.add(wanted.id)
        try:
            (row,) = await self._write_down([wanted], identity)
            return await self._heard_once(row)
        finally:
            self._delivering.discard(wanted.id)

    async def _heard_once(self, row: SubmissionRow) -> Heard:
        heard: Heard = NoAnswer("internal")

        async def send() -> None:
            nonlocal heard
            heard = await self._send(row)

        if not await self._goes_well(send()):
            await self._worst(row.id)
        return heard

    async def decide(self, submission_id: str, word: Word, actor: str, why: str) -> SubmissionRow:
        """Write a person's decision.

        Raises `Misuse`: `unknown_submission`, `submission_not_open`, `submission_too_early` ("again" before the quiet time is over).
        """
        self._counter.holds.require_newest()
        async with self._turn:
            row = await self.get(submission_id)
            if submission_id in self._delivering:
                raise Misuse("submission_not_open", state=row.progress.state.value)
            try:
                silent_s = self._now_s - self._silent_since_s.get(row.id, self._began_s)
                decided = await self._take(row, rules.Said(word, silent_s), actor)
            except NotAllowed as not_allowed:
                raise Misuse("submission_not_open", state=str(not_allowed)) from None
            except TooEarly as early:
                over = self._counter.engine.stamp().wall + dt.timedelta(seconds=early.left_s + 1)
                raise Misuse("submission_too_early", at=format_time(over)) from None
        await self._counter.note(actor, "submission_decided", f"{submission_id} {word} {why}")
        self._changed.set()
        return decided

    async def get(self, submission_id: str) -> SubmissionRow:
        """One as it stands. Raises `Misuse` (`unknown_submission`)."""
        row = await self._counter.workroom.read(lambda journal: journal.submissions.get(submission_id))
        if row is None:
            raise Misuse("unknown_submission")
        return row

    async def attempts(self, submission_id: str) -> list[SubmissionAttempt]:
        """The messages sent for one, oldest first."""
        return await self._counter.workroom.read(lambda journal: journal.submissions.attempts(submission_id))

    async def _open(
        self, kind: str, infno: str, contents: Sequence[bytes], identity: Idempotency
    ) -> list[SubmissionRow]:
        wanted = [NewSubmission(self._new_id(), kind, infno, content) for content in contents]
        rows = await self._write_down(wanted, identity)
        for row in rows:
            if row.progress.state is SubmissionState.WAITING:
                self._due_s.setdefault(row.id, self._now_s)
        self._changed.set()
        return rows

    async def _write_down(
        self, wanted: Sequence[NewSubmission], identity: Idempotency
    ) -> list[SubmissionRow]:
        stamp, today = self._counter.engine.stamp(), self._counter.today()
        return await self._counter.workroom.write(
            lambda journal: journal.submissions.open(wanted, identity, today, stamp)
        )

    def _next_round(self, submission_id: str) -> "asyncio.Future[None]":
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(submission_id, []).append(waits)
        return waits

    # -- the task ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take up what a former process has left, then work for as long as the counter does."""
        try:
            await self._take_up()
            while True:
                self._changed.clear()
                due = [name for name, due_s in self._due_s.items() if due_s <= self._now_s]
                if due:
                    await self._work(min(due, key=self._due_s.__getitem__))
                else:
                    await self._wait()
        except Misuse:
            return  # the counter is stopping, or the journal has failed: both are told elsewhere
        finally:
            for name in list(self._waiting):
                self._round_over(name)

    @property
    def _now_s(self) -> float:
        return self._counter.clock.monotonic_s()

    async def _wait(self) -> None:
        pause_s = max(min(self._due_s.values()) - self._now_s, 0.0) if self._due_s else None
        try:
            async with asyncio.timeout(pause_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _take_up(self) -> None:
        rows = await self._counter.workroom.read(lambda journal: journal.submissions.unfinished())
        self._held = {row.id for row in rows if row.progress.state is SubmissionState.HELD}
        for name in [row.id for row in rows]:
            if name not in self._due_s and name not in self._delivering and name not in self._held:
                await self._goes_well(self._take_up_one(name))

    async def _take_up_one(self, submission_id: str) -> None:
        row, ended = await self.get(submission_id), None
        if row.progress.state not in rules.RUNS_BY_ITSELF:
            return  # delivered meanwhile
        if row.progress.state is SubmissionState.SENT:
            sent = (await self.attempts(row.id))[-1]
            ended = AttemptEnded(sent.msgid, "UNKNOWN", "restarted")
        await self._take(row, rules.TakenUp(self._counter.holds.is_old_copy), "start", ended=ended)

    async def _work(self, submission_id: str) -> None:
        async with self._turn:
            row = await self.get(submission_id)
            if self._counter.holds.is_old_copy:
                self._due_s[submission_id] = self._now_s + PUT_OFF_S
                return
            if not await self._goes_well(self._act(row)):
                await self._worst(submission_id)

    async def _goes_well(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do it; False when something unexpected happened inside, which is told and ends nothing else."""
        try:
            await work
        except (Misuse, JournalFailed):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self._counter.went_wrong("", error)
            return False
        return True

    async def _worst(self, submission_id: str) -> None:
        """Go on with the worst that may have happened. What cannot even be written stays open, and is the next start's."""
        if not await self._goes_well(self._after_error(submission_id)):
            self._due_s.pop(submission_id, None)
            self._round_over(submission_id)

    async def _after_error(self, submission_id: str) -> None:
        row = await self.get(submission_id)
        if row.progress.state is SubmissionState.SENT:
            sent = (await self.attempts(submission_id))[-1]
            ended = AttemptEnded(sent.msgid, "UNKNOWN", "internal")
            unknown = rules.Heard(rules.Verdict.UNKNOWN, "internal")
            await self._take(row, unknown, "runner", ended=ended)
        elif row.progress.state in rules.RUNS_BY_ITSELF:
            await self._take(row, rules.NotMade("internal"), "runner")
        else:
            self._due_s.pop(submission_id, None)

    async def _act(self, row: SubmissionRow) -> None:
        match next_act(row.progress, silence_of(row.infno)):
            case Act.SEND:
                await self._send(row)
            case Act.LOOK:
                await self._take(row, rules.Looked(await self._look(row)), "runner")
            case Act.NOTHING:
                self._due_s.pop(row.id, None)

    # -- one message ------------------------------------------------------------------------------

    async def _send(self, row: SubmissionRow) -> Heard:
        """Make its message, write it down, send it and take what is heard."""
        made = await self._compose(row)
        if isinstance(made, str):
            await self._take(row, rules.NotMade(made), "runner")
            return NotSent(made)
        message, rows_sent = made
        leaves = SubmissionMessage(message.msgid, row.infno, message.key_id, message.body)
        sent = await self._take(row, rules.Leaves(), "runner", sent=leaves)
        heard = await self._hub.exchange(row.infno, message.msgid, message.body)
        await self._hear(sent, message, heard, rows_sent)
        return heard

    async def _compose(self, row: SubmissionRow) -> tuple[SignedMessage, int] | str:
        """The message, signed, and how many rows it has; or the reason why there is none."""
        try:
            content, insured = decode_content(row.infno, row.content)
        except (MalformedMessage, msgspec.DecodeError):
            return "content"
        if await self._session.ensure() is not None:
            return "not_signed_in"
        try:
            message = await self._hub.compose(row.infno, content, insured)
        except SignerUnavailable:
            return "key_locked"
        except FieldTooLong as longer:
            return f"too_long {longer.field}"
        return message, len(getattr(content, "rows", (content,)))

    async def _hear(self, row: SubmissionRow, message: SignedMessage, heard: Heard, rows_sent: int) -> None:
        msgid, reason = message.msgid, reason_of(heard)
        if isinstance(heard, NotSent):
            ended = AttemptEnded(msgid, "UNSENT", reason)
            await self._take(row, rules.NotMade(reason), "runner", ended=ended)
            return
        answer = heard.raw if isinstance(heard, Answered) else b""
        if is_sign_in_lost(self._profile, heard):
            self._session.expire(decode_request(message.body).sign_in_no)
            ended = AttemptEnded(msgid, "ANSWERED", "sign_in_lost", answer)
            await self._take(row, rules.NotMade("sign_in_lost"), "runner", ended=ended)
            return
        verdict, outcome = read_answer(heard, self._profile, rows_sent)
        state = "UNKNOWN" if verdict is rules.Verdict.UNKNOWN else "ANSWERED"
        ended = AttemptEnded(msgid, state, verdict.value, answer)
        kept = row if verdict is rules.Verdict.UNKNOWN else _with(row, outcome)
        await self._take(kept, rules.Heard(verdict, reason), "runner", ended=ended)

    async def _look(self, row: SubmissionRow) -> Found:
        try:
            content, insured = decode_content(row.infno, row.content)
        except (MalformedMessage, msgspec.DecodeError):
            return Found.UNCLEAR
        outputs = []
        for question in questions(content, self._institution, row.business_date, self._counter.today()):
            _, heard = await ask_hub(
                self._hub, self._session, self._profile, question.infno, question.content, insured
            )
            judged = judge(heard, self._profile)
            if judged is not Judged.DONE or not isinstance(heard, Answered):
                return Found.UNCLEAR if judged is Judged.REFUSED else Found.NOT_HEARD
            outputs.append(heard.output)
        return judge_looks(content, outputs)

    # -- what a decision does ---------------------------------------------------------------------

    async def _take(
        self,
        row: SubmissionRow,
        event: rules.Event,
        actor: str,
        *,
        sent: SubmissionMessage | None = None,
        ended: AttemptEnded | None = None,
    ) -> SubmissionRow:
        """Decide, write it, and only then tell it."""
        decision = step(row.progress, event, silence_of(row.infno), self._profile.quiet_s)
        stamp = self._counter.engine.stamp()
        delay_s = decision.delay_s
        after = _replace(
            row,
            progress=decision.progress,
            reason=decision.reason,
            due_at=None if delay_s is None else stamp.wall + dt.timedelta(seconds=delay_s),
            changed_at=stamp.wall,
        )
        change = SubmissionChange(
            row=after, before=row.progress.state, actor=actor, stamp=stamp, sent=sent, ended=ended
        )
        await self._counter.workroom.write(lambda journal: journal.submissions.change(change))
        if after.progress.unanswered > row.progress.unanswered:
            self._silent_since_s[row.id] = self._now_s
        if delay_s is not None:
            self._due_s[row.id] = self._now_s + delay_s
        elif after.progress.state is not SubmissionState.SENT:
            self._due_s.pop(row.id, None)
        (self._held.add if after.progress.state is SubmissionState.HELD else self._held.discard)(row.id)
        if after.progress.state is not SubmissionState.SENT:
            self._round_over(row.id)
            self._announce(after)
        return after

    def _announce(self, row: SubmissionRow) -> None:
        """What a person should hear of at once; of what is delivered once, whoever waits for it hears."""
        if silence_of(row.infno) is rules.Silence.GIVE_UP:
            return
        params = {"kind": row.kind, "id": row.id}
        match row.progress.state:
            case SubmissionState.HELD:
                self._counter.feed.announce(Notice("submission_held_now", params))
            case SubmissionState.REFUSED:
                self._counter.feed.announce(Notice("submission_refused_now", params))
            case SubmissionState.PARTLY:
                self._counter.feed.announce(Notice("submission_partly_now", params))
            case _:
                return

    def _round_over(self, submission_id: str) -> None:
        for waits in self._waiting.pop(submission_id, ()):
            if not waits.done():
                waits.set_result(None)


def outcome_of(row: SubmissionRow) -> Outcome:
    """What the hub answered; nothing of it before, and past its term."""
    return msgspec.json.decode(row.result, type=Outcome) if row.result else Outcome()


def _with(row: SubmissionRow, outcome: Outcome) -> SubmissionRow:
    return _replace(row, result=msgspec.json.encode(outcome))
