"""What the technician asks the running counter: its health, its card reader, the line to the hub.

Everything is masked unless the caller asks for the full value; who asked is then written into the audit log first.
"""

import time

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from protocols.cards.social_security import SocialSecurityCard
from protocols.iso7816.apdu import masked_command, masked_response
from protocols.iso7816.status import describe
from protocols.secret import mask
from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.counter.counter import Counter
from terminal.counter.workroom import Phase
from terminal.devices.card_desk import Exchanged
from terminal.fleet.health import doubt_ages
from terminal.hub.ping import hub_view, ping
from terminal.journal.records import JournalFailed
from terminal.shapes.hub import Ping
from terminal.shapes.technician import CardView, ExchangedView, HealthView
from terminal.slips.masking import MaskRule, mask_certno, mask_name


class CardWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a card is shown."""

    full: bool = False
    """True: names and numbers in full, because somebody needs them."""


class ApduWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Commands for the card, in hexadecimal, in one conversation; the card is reset afterwards."""

    commands: tuple[str, ...]
    full: bool = False
    """True: show the data bytes; otherwise headers, lengths and status words."""


class CardController(Controller):
    """The card reader, beside any sale."""

    path = "/card"

    @post("/read", status_code=200)
    async def read(
        self, service: NamedDependency[Service], data: JSONBody[CardWish], client: ClientName = "till"
    ) -> CardView:
        """Read the social-security card in the reader and show it, masked unless asked otherwise."""
        counter = service.require_counter()
        if data.full:
            await counter.note(client, "card_shown_in_full")
        began_s = time.monotonic()
        card = await counter.cards.read()
        read_ms = round((time.monotonic() - began_s) * 1000, 3)
        return full_card(card, read_ms) if data.full else masked_card(card, read_ms, service.mask)

    @post("/apdu", status_code=200)
    async def apdu(
        self, service: NamedDependency[Service], data: JSONBody[ApduWish], client: ClientName = "till"
    ) -> list[ExchangedView]:
        """Send raw commands to the card; commands that carry a PIN are refused."""
        counter = service.require_counter()
        if data.full:
            await counter.note(client, "apdu_shown_in_full")
        return [exchanged_view(one, data.full) for one in await counter.cards.talk(data.commands)]


class HubController(Controller):
    """The line to the hub."""

    path = "/hub"

    @post("/ping", status_code=200)
    async def ping(self, service: NamedDependency[Service]) -> Ping:
        """Look whether the hub is reached, how fast, and whether what answers is the hub."""
        counter = service.require_counter()
        if service.reach is None:
            raise Misuse("not_ready", state=service.phase.value)
        try:
            return await ping(
                service.config.hub.url, service.profile.hub.path, counter.hub, counter.session, service.reach, counter.clock
            )  # fmt: skip
        except JournalFailed as failed:
            # Not run in the workroom, which takes no work before recovery is over: a ping is answered then, too.
            raise counter.workroom.stops(failed) from failed


class HealthController(Controller):
    """What `yibao doctor` asks."""

    path = "/health"

    @get("/")
    async def health(self, service: NamedDependency[Service]) -> HealthView:
        """Say how everything the service owns is doing; answers from the first moment."""
        counter = service.counter
        working = counter is not None and counter.phase is Phase.READY and not counter.failure
        return HealthView(
            status=service.status(),
            reader=service.reader(),
            hub=None if counter is None else hub_view(counter.hub, counter.session, counter.clock),
            doubts=None
            if counter is None
            else doubt_ages(counter.engine.doubts_since(), counter.clock.now()),
            printer_problem=await _printer(service, counter) if counter is not None and working else None,
            slips_waiting=await counter.slips.waiting() if counter is not None and working else None,
            broker_detail="" if service.fleet is None else service.fleet.detail,
        )


async def _printer(service: Service, counter: Counter) -> str | None:
    return await counter.paper.look() if service.config.printer.url else None


def masked_card(card: SocialSecurityCard, read_ms: float, rule: MaskRule) -> CardView:
    """Show a card to whoever stands at the counter: enough to see that it is the right one."""
    return _card(
        card,
        read_ms,
        masked=True,
        card_number=card.card_number.masked(1, 2),
        card_sn=card.card_sn.masked(6, 0),
        name=mask_name(card.name.reveal()) if card.name else "",
        certno=mask_certno(card.certno.reveal(), rule) if card.certno else "",
        born=mask(card.born.reveal(), 4, 0),
    )


def full_card(card: SocialSecurityCard, read_ms: float) -> CardView:
    """Show everything that was read."""
    return _card(
        card,
        read_ms,
        masked=False,
        card_number=card.card_number.reveal(),
        card_sn=card.card_sn.reveal(),
        name=card.name.reveal() if card.name else "",
        certno=card.certno.reveal() if card.certno else "",
        born=card.born.reveal(),
    )


def _card(
    card: SocialSecurityCard, read_ms: float, *, masked: bool, card_number: str, card_sn: str, name: str, certno: str, born: str
) -> CardView:  # fmt: skip
    return CardView(
        masked=masked, card_number=card_number, card_sn=card_sn, name=name, certno=certno, version=card.version,
        generation=card.generation, issuing_area=card.issuing_area, category=card.category,
        issued="" if card.issued is None else card.issued.isoformat(),
        valid_until="" if card.valid_until is None else card.valid_until.isoformat(),
        sex=card.sex, born=born, algorithm=card.algorithm, holder_protected=card.holder_protected,
        unreadable=card.unreadable, read_ms=read_ms,
    )  # fmt: skip


def exchanged_view(exchanged: Exchanged, full: bool) -> ExchangedView:
    """Show one command with its answer."""
    response = exchanged.response
    sw = response[-2:] if len(response) >= 2 else b""
    return ExchangedView(
        command=exchanged.command.hex(" ").upper() if full else masked_command(exchanged.command),
        response=response.hex(" ").upper() if full else masked_response(response),
        sw=sw.hex().upper(),
        meaning=describe(int.from_bytes(sw, "big")) if sw else "",
    )
