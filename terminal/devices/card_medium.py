"""The social-security card as a medium: read once, in one dialogue; every failure becomes words for the operator."""

from drivers.interfaces.card_reader import CardReader, ReaderFault
from protocols.cards.errors import CardError
from protocols.cards.social_security import SocialSecurityCard, read_card
from protocols.hub.profile import Profile
from protocols.secret import Secret
from terminal.core.events import Misuse
from terminal.core.values import Medium

READ_LIMIT_S = 10.0
"""A whole read takes 0.1 to 1.5 s on real readers; another program may hold the card for a few seconds."""


def card_message(kind: str) -> str:
    """Return the message code for a reader fault or a card error by its `kind`."""
    return f"card_{kind}" if not kind.startswith("card_") else kind


async def read_social_security_card(reader: CardReader, limit_s: float = READ_LIMIT_S) -> SocialSecurityCard:
    """Read the card in the reader; raises `Misuse` with the message for the operator. The card is left reset."""
    try:
        return await reader.run(read_card(), limit_s)
    except (ReaderFault, CardError) as fault:
        raise Misuse(card_message(fault.kind)) from fault


def medium_of(card: SocialSecurityCard, profile: Profile) -> Medium:
    """Return the medium 03 that the hub takes (`mdtrt_cert_no` card number, `card_sn` as wide as the profile says)."""
    return Medium(
        kind="03",
        number=card.card_number,
        card_sn=Secret(card.card_sn.reveal()[: profile.form.card_sn]),
        certno=card.certno or Secret(),
        name=card.name or Secret(),
    )
