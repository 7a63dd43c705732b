"""What the engine's decisions ask of the world, one effect at a time: decode, ask, compose, transmit.

Each comes back with the event that it has led to. Nothing here is written or remembered; the order in which things are
written, sent and told is the engine's. Composing signs a message and sends nothing; transmitting sends the bytes as they
stand on disk.
"""

from collections.abc import Callable

from drivers.interfaces.signer import SignerUnavailable
from protocols.hub.envelope import decode_request
from protocols.hub.profile import Profile
from terminal.core.events import (
    Ask,
    CentreRefused,
    Compose,
    Composed,
    ComposeFailed,
    Decode,
    Effect,
    Event,
    HubSaid,
    Misuse,
    NoAnswer,
    NotSent,
    Transmit,
    Wake,
)
from terminal.core.message_parts import Site
from terminal.core.messages import build
from terminal.core.shown import asks_for_what_was_shown
from terminal.core.values import Settlement
from terminal.counter.session import HubSession
from terminal.hub.centre import CentreClient
from terminal.hub.client import FieldTooLong, HubClient
from terminal.hub.questions import is_sign_in_lost


class Effects:
    """Acts on the hub and the certificate centre."""

    def __init__(
        self,
        profile: Profile,
        site: Site,
        hub: HubClient,
        session: HubSession,
        centre: CentreClient,
        require_newest_journal: Callable[[], None],
    ) -> None:
        """`require_newest_journal` raises `Misuse` while the journal is an old copy: nothing that changes the hub may leave."""
        self._profile = profile
        self._site = site
        self._hub = hub
        self._session = session
        self._centre = centre
        self._require_newest_journal = require_newest_journal

    async def run(self, effect: Effect, settlement: Settlement) -> Event | None:
        """Act for a settlement; what the world says to it is the next event. None = nothing follows."""
        match effect:
            case Decode(code):
                return await self._centre.decode(code)
            case Ask(infno):
                return await self._ask(infno, settlement)
            case Compose(purpose, infno):
                return await self._compose(purpose, infno, settlement)
            case Transmit(infno, msgid, request):
                heard = await self._hub.exchange(infno, msgid, request)
                if is_sign_in_lost(self._profile, heard):
                    # Nothing is sent again; the next message signs in first.
                    self._session.expire(decode_request(request).sign_in_no)
                return HubSaid(infno, heard)
            case Wake():  # pragma: no branch - mypy knows that there is no other
                return None

    async def _ask(self, infno: str, settlement: Settlement) -> Event:
        trouble = await self._session.ensure()
        if trouble is not None:
            return HubSaid(infno, trouble)
        sign_in_no = self._hub.sign_in_no
        try:
            heard = await self._hub.ask(infno, *build(infno, settlement, self._site))
            if is_sign_in_lost(self._profile, heard):
                self._session.expire(sign_in_no)
                if await self._session.ensure() is not None:
                    return HubSaid(infno, heard)
                # A question changes nothing: with the new sign-in it is simply asked again.
                heard = await self._hub.ask(infno, *build(infno, settlement, self._site))
        except SignerUnavailable:
            heard = NotSent("key_locked")
        except FieldTooLong as longer:
            heard = NotSent(f"too_long {longer.field}")
        return HubSaid(infno, heard)

    async def _compose(self, purpose: str, infno: str, settlement: Settlement) -> Event:
        try:
            self._require_newest_journal()
        except Misuse as held_back:
            return ComposeFailed(purpose, held_back.code, held_back.params)
        if await self._session.ensure() is not None:
            return ComposeFailed(purpose, "not_signed_in")
        try:
            message = await self._hub.compose(
                infno,
                *build(infno, settlement, self._site),
                key_id=key_of_what_is_undone(purpose, settlement),
            )
        except SignerUnavailable:
            return ComposeFailed(purpose, "key_locked")
        except FieldTooLong as longer:
            return ComposeFailed(purpose, "field_too_long", {"field": longer.field})
        if purpose == "SETTLE" and not asks_for_what_was_shown(settlement, self._hub.plain(message)):
            return ComposeFailed(purpose, "amount_changed")
        return Composed(purpose, infno, message.msgid, message.key_id, message.body, message.number)


def key_of_what_is_undone(purpose: str, settlement: Settlement) -> str:
    """Return the id of the key that signed the message this one undoes by its id; "" where none is undone."""
    if purpose != "REVERSE" or settlement.attempt is None:
        return ""
    # Between the settlement and its reversal taken up again a visit may have sent withdrawals, signed by a newer key.
    return settlement.settle_key_id or settlement.attempt.key_id


def name_of(effect: Effect) -> str:
    """What a step is called in the log: the kind of work and the transaction, never data."""
    match effect:
        case Decode():
            return "decode"
        case Ask(infno):
            return f"ask {infno}"
        case Compose(_, infno):
            return f"compose {infno}"
        case Transmit(infno):
            return f"send {infno}"
        case Wake():  # pragma: no branch - mypy knows that there is no other
            return "wake"


def worst_outcome(effect: Effect, code: str) -> Event:
    """Return the event that assumes the worst of an effect that broke down in the middle."""
    match effect:
        case Compose(purpose):
            return ComposeFailed(purpose, code)
        case Transmit(infno) | Ask(infno):
            return HubSaid(infno, NoAnswer("internal"))
        case Decode():
            return CentreRefused("centre_not_reached", {"reason": "internal"}, rescan=False)
        case Wake():
            raise AssertionError("a wake cannot break down")
