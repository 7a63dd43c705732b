"""Sign-in (9001): once per operator and day (UTC+8), before anything else; `sign_no` then stands in every envelope."""

import asyncio
import contextlib
import datetime as dt
import enum

from drivers.interfaces.clock import Clock
from drivers.interfaces.signer import SignerUnavailable
from protocols.hub.profile import Profile
from protocols.hub.sign_in import SignIn, SignInInput, SignInOutput, SignOut, SignOutInput
from terminal.core.events import Answered, Heard, NotSent
from terminal.hub.client import FieldTooLong, HubClient, Operator


class SignInState(enum.StrEnum):
    """Where the sign-in of the day stands; shown by `status`."""

    NOT_YET = "not_yet"
    SIGNED_IN = "signed_in"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"


class HubSession:
    """Keeps the day's sign-in; whoever needs the hub calls `ensure` first."""

    def __init__(
        self, profile: Profile, hub: HubClient, operator: Operator, mac: str, ip: str, clock: Clock
    ) -> None:
        self._needed = profile.env.sign_in == "daily"
        self._hub = hub
        self._content = SignInInput(sign_in=SignIn(operator_no=operator.number, mac=mac, ip=ip))
        self._clock = clock
        self._day: dt.date | None = None
        self._turn = asyncio.Lock()
        self.state = SignInState.NOT_YET if self._needed else SignInState.NOT_NEEDED
        self.reason = ""
        """Why the last try failed; a machine word or the hub's own text."""

    async def ensure(self) -> Heard | None:
        """Sign in unless done today. None = signed in; otherwise what the hub (or its silence) said."""
        if not self._needed or self._day == self._clock.now().date():
            return None
        async with self._turn:
            today = self._clock.now().date()
            if self._day == today:
                return None
            return await self._sign_in(today)

    async def _sign_in(self, today: dt.date) -> Heard | None:
        # The serial in use stays until there is a new one: other messages may be composed meanwhile.
        try:
            heard = await self._hub.ask("9001", self._content, "")
        except SignerUnavailable:
            heard = NotSent("key_locked")
        except FieldTooLong as longer:
            heard = NotSent(f"too_long {longer.field}")
        if isinstance(heard, Answered) and heard.infcode == 0 and isinstance(heard.output, SignInOutput):
            self._hub.sign_in_no = heard.output.signed_in.sign_in_no
            self._day, self.state, self.reason = today, SignInState.SIGNED_IN, ""
            return None
        self.state = SignInState.FAILED
        self.reason = heard.err_msg if isinstance(heard, Answered) else heard.reason
        return heard

    def signing_out(self) -> SignOutInput | None:
        """Return the input of 9002 for the sign-in of today; None when there is none. Whoever sends it then calls `expire`."""
        if not self._needed or self._day != self._clock.now().date():
            return None
        operator = self._content.sign_in.operator_no
        return SignOutInput(sign_out=SignOut(sign_in_no=self._hub.sign_in_no, operator_no=operator))

    async def hear_hub(self) -> None:
        """Make the hub answer anything: a new sign-in; where none is needed the same message, of which any answer will do."""
        if self._needed:
            self.expire(self._hub.sign_in_no)
            await self.ensure()
            return
        with contextlib.suppress(SignerUnavailable, FieldTooLong):
            await self._hub.ask("9001", self._content, "")

    def expire(self, sign_in_no: str) -> None:
        """The hub no longer knows this sign-in: the next `ensure` signs in again, unless that has been done since.

        Two messages may be refused for one old sign-in; the later refusal must not end the new one.
        """
        if sign_in_no == self._hub.sign_in_no:
            self._day, self.state = None, SignInState.NOT_YET
