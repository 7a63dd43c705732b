"""Reading a social-security card: the free part of 1.x, 2.x and 3.x, as one dialogue without I/O.

    SELECT application by name      61xx, GET RESPONSE → FCI with the algorithm of the card
    READ RECORD all of EF05         one command through the short file id
    READ RECORD all of EF06         1.x and 2.x; on 3.x it needs the read key and is not asked for

Four commands read a 2.x card; a card that gives another length first answers 6Cxx, and one that does not offer whole
files is read item by item. Nothing here tries a PIN or writes.
"""

from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from protocols.cards.codings import parse_date
from protocols.cards.errors import (
    CardBlocked,
    CardError,
    CardRefused,
    GarbledAnswer,
    MalformedRecord,
    NotSocialSecurityCard,
)
from protocols.cards.files import SSSE_NAME, HolderData, IssuerData, Item
from protocols.iso7816 import status
from protocols.iso7816.apdu import Command, MalformedApdu, Response
from protocols.iso7816.atr import reset_information
from protocols.iso7816.exchange import Dialogue, exchange
from protocols.iso7816.tlv import MalformedTlv, parse_ber
from protocols.secret import Secret

_ALGORITHMS: Final = {0x01: "3DES", 0x02: "SSF33", 0x03: "SM4"}
_BLOCKED: Final = frozenset({status.FILE_INVALIDATED, status.PERMANENTLY_BLOCKED})
_WHOLE_FILE_NOT_OFFERED: Final = frozenset(
    {
        0x6700,
        0x6981,
        status.NO_CURRENT_EF,
        status.FUNCTION_NOT_SUPPORTED,
        status.FILE_NOT_FOUND,
        status.RECORD_NOT_FOUND,
        status.WRONG_P1_P2,
        0x6B00,
    }
)
_NOTHING: Final = Secret("")
_ALL_RECORDS: Final = 0x05
_BY_TAG: Final = 0x00
_SELECT_APPLICATION: Final = Command(0x00, 0xA4, 0x04, 0x00, SSSE_NAME)


class _Plan(msgspec.Struct, frozen=True):
    """How one file is read: with one command, or item by item after certain refusals of it."""

    sfi: int
    items: tuple[Item, ...]
    whole: Command
    not_offered: frozenset[int]
    """Refusals of the one command after which the items are worth trying."""
    not_there: frozenset[int]
    """Refusals of one item that only mean that this card does not give it."""


def _plan(sfi: int, items: tuple[Item, ...], skippable: frozenset[int] = frozenset()) -> _Plan:
    whole = Command(0x00, 0xB2, 0x01, sfi << 3 | _ALL_RECORDS, le=sum(2 + item.length for item in items))
    return _Plan(
        sfi, items, whole, _WHOLE_FILE_NOT_OFFERED | skippable, skippable | {status.RECORD_NOT_FOUND}
    )


# Whether the dates of a 3.x card are free is not published: an EF05 that is closed as a whole is read item by item.
_ISSUER: Final = _plan(IssuerData.SFI, IssuerData.ITEMS, frozenset({status.SECURITY_NOT_SATISFIED}))
_HOLDER: Final = _plan(HolderData.SFI, HolderData.ITEMS)
_HOLDER_1X: Final = _plan(
    HolderData.SFI, tuple(item for item in HolderData.ITEMS if item != HolderData.NAME_EXTENSION)
)


class SocialSecurityCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the free part of a card says. Numbers and names print as `***`; nothing else in here identifies a person."""

    card_number: Secret
    """卡号: goes to the hub as `mdtrt_cert_no` of medium type 03."""
    card_sn: Secret
    """卡的识别码, 32 hex digits: goes to the hub as `card_sn` (some services want its first 24 digits, K30)."""
    version: str
    """ "1.00", "2.00" or "3.00" as written on the card."""
    generation: int
    """1, 2 or 3."""
    issuing_area: str
    """First six digits of the identification code."""
    name: Secret | None
    """None when the holder file is protected (3.x)."""
    certno: Secret | None
    """None when the holder file is protected (3.x)."""
    algorithm: str
    """3DES, SSF33 or SM4: for the card's own authentication; 3DES when the card names none."""
    category: str
    issued: date | None
    valid_until: date | None
    sex: str
    """1, 2, 9, or "" when protected or not set."""
    born: Secret
    """YYYYMMDD; empty when protected or not set."""
    reset_information: Secret
    """Historical bytes in hex (26 digits); empty when the reader did not give us the answer to reset."""
    unreadable: tuple[str, ...] = ()
    """Optional items that were there but could not be read, such as "EF06 0B"."""

    @property
    def holder_protected(self) -> bool:
        """True when name and number need the card's read key, as on every 3.x card."""
        return self.certno is None


def read_card(atr: bytes = b"") -> Dialogue[SocialSecurityCard]:
    """Read the free part of the card in the reader.

    `atr` is the answer to reset when it is known; it only fills `reset_information`. Raises a CardError; the card has
    not been changed by anything that was sent.
    """
    try:
        algorithm = yield from _select_application()
        issuer = IssuerData.decode((yield from _read_file(_ISSUER)))
        holder: HolderData | None = None
        if issuer.generation < 3:
            holder = yield from _read_holder(issuer.generation)
    except MalformedApdu as error:
        raise GarbledAnswer(str(error)) from None
    return _card(issuer, holder, algorithm, atr)


def _card(issuer: IssuerData, holder: HolderData | None, algorithm: str, atr: bytes) -> SocialSecurityCard:
    code = issuer.identification_code.reveal()
    unreadable: tuple[str, ...] = ()
    for file in (issuer, holder):
        if file is not None and file.unreadable:
            unreadable += tuple(f"{file.FILE} {tag:02X}" for tag in file.unreadable)
    return SocialSecurityCard(
        card_number=issuer.card_number,
        card_sn=issuer.identification_code,
        version=issuer.version,
        generation=issuer.generation,
        issuing_area=code[:6],
        name=holder.name if holder else None,
        certno=holder.certno if holder else None,
        algorithm=algorithm,
        category=issuer.category,
        issued=parse_date(issuer.issued),
        valid_until=parse_date(issuer.valid_until),
        sex=holder.sex if holder else "",
        born=holder.born if holder else _NOTHING,
        reset_information=Secret(reset_information(atr)) if atr else _NOTHING,
        unreadable=unreadable,
    )


def _select_application() -> Dialogue[str]:
    """Select the application by name and return the card's algorithm."""
    response = yield from exchange(_SELECT_APPLICATION)
    if response.sw in _BLOCKED:
        raise CardBlocked(response.sw)
    if response.sw == status.FUNCTION_NOT_SUPPORTED:
        # A blocked card says 6A81 to everything, another kind of card only to what it does not know: ask for the MF.
        master_file = yield from exchange(Command(0x00, 0xA4, 0x00, 0x00, b"\x3f\x00"))
        if master_file.sw == status.FUNCTION_NOT_SUPPORTED:
            raise CardBlocked(response.sw)
    if not response.ok:
        raise NotSocialSecurityCard(response.sw)
    return _algorithm(response.data)


@lru_cache(maxsize=8)  # an FCI names the kind of card, not the card: there are only a few
def _algorithm(fci: bytes) -> str:
    """Read the algorithm item 86 of the issuer data 9F0C; readers that hide the FCI leave us with the default."""
    if not fci:
        return _ALGORITHMS[0x01]
    try:
        template = parse_ber(parse_ber(fci).get(0x6F, b""))
        name = template.get(0x84)
        if name is not None and name != SSSE_NAME:
            raise NotSocialSecurityCard
        issuer_data = parse_ber(template.get(0xA5, b"")).get(0x9F0C, b"")
        item = parse_ber(issuer_data).get(0x86) or b"\x01"
    except MalformedTlv:
        raise MalformedRecord("FCI", 0, "the answer to SELECT is no template") from None
    return _ALGORITHMS.get(item[0], f"{item[0]:02X}")


def _read_holder(generation: int) -> Dialogue[HolderData | None]:
    """Read EF06; None when this card protects it although its generation does not ask for that."""
    try:
        raw = yield from _read_file(_HOLDER_1X if generation == 1 else _HOLDER)
    except CardRefused as refusal:
        if refusal.sw == status.SECURITY_NOT_SATISFIED:
            return None
        raise
    return HolderData.decode(raw)


def _read_file(plan: _Plan) -> Dialogue[bytes]:
    """Read all records with one command, or item by item where the card does not offer that."""
    response = yield from exchange(plan.whole)
    if response.ok:
        return response.data
    if response.sw not in plan.not_offered:
        raise _refused(plan.whole, response)
    return (yield from _read_items(plan))


def _read_items(plan: _Plan) -> Dialogue[bytes]:
    yield from _select_file(plan.sfi)
    records = b""
    for item in plan.items:
        command = Command(0x00, 0xB2, item.tag, _BY_TAG, le=2 + item.length)
        response = yield from exchange(command)
        if response.ok:
            records += response.data
        elif response.sw not in plan.not_there:
            raise _refused(command, response)
    return records


def _select_file(sfi: int) -> Dialogue[None]:
    """Select an EF of the current DF in the form of the specification, or in the one much deployed code uses."""
    file_id = bytes([0xEF, sfi])
    response = yield from exchange(Command(0x00, 0xA4, 0x02, 0x00, file_id))
    if response.ok:
        return
    command = Command(0x00, 0xA4, 0x00, 0x00, file_id)
    response = yield from exchange(command)
    if not response.ok:
        raise _refused(command, response)


def _refused(command: Command, response: Response) -> CardError:
    if response.sw in _BLOCKED:
        return CardBlocked(response.sw)
    return CardRefused(command.header, response.sw)
