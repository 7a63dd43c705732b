"""The free files of the social-security application, as classes that carry their own test data.

These classes describe the specification, not the card in the reader: file id, tags, codings, lengths (file structure
and data items V2.0, table 9; social-security card specification part 6). `examples()` of each class gives whole files
with their meaning; a test walks `CARD_FILES` and checks both directions. All holders are invented.

Items are found by tag, never by record number: on a 1.x card record 4E does not exist and the numbers after it shift.
"""

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

import msgspec

from protocols.cards.codings import (
    BadCoding,
    decode_digits,
    decode_name,
    decode_text,
    encode_digits,
    split_name,
)
from protocols.cards.errors import (
    MalformedRecord,
    RecordTooLong,
    TagMissing,
    UndecodableText,
    UnknownGeneration,
)
from protocols.iso7816.tlv import MalformedTlv, encode_simple, parse_simple
from protocols.secret import Secret

Value = TypeVar("Value")

SSSE_NAME: Final = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
"""DF name of the social-security application, "sx1.sh.社会保障" in GBK."""


class Item(msgspec.Struct, frozen=True):
    """One data item: its tag, and the value length the specification gives."""

    tag: int
    length: int


class _Records:
    """The records of one file by tag; remembers which optional items could not be read."""

    def __init__(self, file: str, raw: bytes) -> None:
        self.file = file
        self.unreadable: list[int] = []
        try:
            self._values = parse_simple(raw)
        except MalformedTlv as error:
            raise MalformedRecord(file, 0, str(error)) from None

    def required(self, item: Item) -> bytes:
        value = self._values.get(item.tag)
        if value is None:
            raise TagMissing(self.file, item.tag)
        return self._limited(item, value)

    def optional(self, item: Item, decode: Callable[[bytes], str]) -> str:
        """Return "" for an item that is absent or unset, and for one that cannot be read (which is then noted)."""
        value = self._values.get(item.tag)
        if not value:
            return ""
        try:
            return decode(self._limited(item, value))
        except (BadCoding, RecordTooLong):
            self.unreadable.append(item.tag)
            return ""

    def extension(self, item: Item) -> bytes:
        return self._limited(item, self._values.get(item.tag, b""))

    def _limited(self, item: Item, value: bytes) -> bytes:
        if len(value) > item.length:
            raise RecordTooLong(self.file, item.tag, len(value), item.length)
        return value


class IssuerData(msgspec.Struct, frozen=True):
    """EF05: what the issuer wrote about the card. Free to read on every generation."""

    FILE: ClassVar[str] = "EF05"
    SFI: ClassVar[int] = 0x05
    IDENTIFICATION: ClassVar[Item] = Item(0x01, 0x10)
    CATEGORY: ClassVar[Item] = Item(0x02, 0x01)
    VERSION: ClassVar[Item] = Item(0x03, 0x04)
    INSTITUTION: ClassVar[Item] = Item(0x04, 0x0C)
    ISSUED: ClassVar[Item] = Item(0x05, 0x04)
    VALID_UNTIL: ClassVar[Item] = Item(0x06, 0x04)
    NUMBER: ClassVar[Item] = Item(0x07, 0x09)
    ITEMS: ClassVar[tuple[Item, ...]] = (
        IDENTIFICATION,
        CATEGORY,
        VERSION,
        INSTITUTION,
        ISSUED,
        VALID_UNTIL,
        NUMBER,
    )

    identification_code: Secret
    """卡的识别码, 32 hex digits: area 6, D156000005, serial 8, authentication code 8 (F on 3.x)."""
    version: str
    """ "1.00", "2.00" or "3.00"."""
    card_number: Secret
    """卡号, eight characters and a check character."""
    category: str = ""
    """1 pre-school, 2 student, 3 adult or not distinguished, 4 elderly."""
    institution: str = ""
    """Initialising institution: 9156000002, issuing area 6, institution area 6, sequence 2."""
    issued: str = ""
    """YYYYMMDD or ""."""
    valid_until: str = ""
    """YYYYMMDD or ""."""
    unreadable: tuple[int, ...] = ()
    """Tags of optional items that were there but could not be read."""

    @property
    def generation(self) -> int:
        """1, 2 or 3: the first character of the version decides."""
        return int(self.version[0])

    @classmethod
    def decode(cls, raw: bytes) -> "IssuerData":
        """Read the whole file; raises a BadCardContent when a needed item is missing, too long or not readable."""
        records = _Records(cls.FILE, raw)
        identification = records.required(cls.IDENTIFICATION)
        if len(identification) != cls.IDENTIFICATION.length:
            raise MalformedRecord(cls.FILE, cls.IDENTIFICATION.tag, "the identification code is too short")
        version = _text(cls.FILE, cls.VERSION, records.required(cls.VERSION))
        if version[:1] not in ("1", "2", "3"):
            raise UnknownGeneration(cls.FILE, cls.VERSION.tag, "unknown version of the card specification")
        number = _text(cls.FILE, cls.NUMBER, records.required(cls.NUMBER))
        if not number:
            raise TagMissing(cls.FILE, cls.NUMBER.tag)
        return cls(
            identification_code=Secret(identification.hex().upper()),
            version=version,
            card_number=Secret(number),
            category=records.optional(cls.CATEGORY, decode_text),
            institution=records.optional(cls.INSTITUTION, decode_digits),
            issued=records.optional(cls.ISSUED, decode_digits),
            valid_until=records.optional(cls.VALID_UNTIL, decode_digits),
            unreadable=tuple(records.unreadable),
        )

    def encode(self) -> tuple[bytes, ...]:
        """Write the records in file order, as an issuer would; raises BadCoding for values that do not fit."""
        return (
            encode_simple(self.IDENTIFICATION.tag, bytes.fromhex(self.identification_code.reveal())),
            encode_simple(self.CATEGORY.tag, self.category.encode("ascii")),
            encode_simple(self.VERSION.tag, self.version.encode("ascii")),
            encode_simple(self.INSTITUTION.tag, encode_digits(self.institution, self.INSTITUTION.length)),
            encode_simple(self.ISSUED.tag, encode_digits(self.issued, self.ISSUED.length)),
            encode_simple(self.VALID_UNTIL.tag, encode_digits(self.valid_until, self.VALID_UNTIL.length)),
            encode_simple(self.NUMBER.tag, self.card_number.reveal().encode("ascii")),
        )

    @classmethod
    def examples(cls) -> tuple[tuple[str, "IssuerData"], ...]:
        """Whole files in hex with their meaning: a 3.x card, and a 1.x card whose dates are not set."""
        return (
            (
                "0110 999999D1560000050000 0001FFFFFFFF 020133 0304332E3030 040C 915600000299999999999901"
                "0504 20240102 0604 20340102 0709 543030303030303158",
                cls(
                    identification_code=Secret("999999D15600000500000001FFFFFFFF"),
                    version="3.00",
                    card_number=Secret("T0000001X"),
                    category="3",
                    institution="915600000299999999999901",
                    issued="20240102",
                    valid_until="20340102",
                ),
            ),
            (
                "0110 999999D15600000500000009A1B2C3D4 020134 0304312E3030 040C FFFFFFFFFFFFFFFFFFFFFFFF"
                "0504 FFFFFFFF 0604 FFFFFFFF 0709 543030303030303935",
                cls(
                    identification_code=Secret("999999D15600000500000009A1B2C3D4"),
                    version="1.00",
                    card_number=Secret("T00000095"),
                    category="4",
                ),
            ),
        )


class HolderData(msgspec.Struct, frozen=True):
    """EF06: the holder. Free to read on 1.x and 2.x; on 3.x only after authentication with the key RKSSSE (P-12)."""

    FILE: ClassVar[str] = "EF06"
    SFI: ClassVar[int] = 0x06
    CERTNO: ClassVar[Item] = Item(0x08, 0x12)
    NAME: ClassVar[Item] = Item(0x09, 0x1E)
    NAME_EXTENSION: ClassVar[Item] = Item(0x4E, 0x14)
    SEX: ClassVar[Item] = Item(0x0A, 0x01)
    ETHNIC_GROUP: ClassVar[Item] = Item(0x0B, 0x01)
    BIRTHPLACE: ClassVar[Item] = Item(0x0C, 0x03)
    BORN: ClassVar[Item] = Item(0x0D, 0x04)
    ITEMS: ClassVar[tuple[Item, ...]] = (CERTNO, NAME, NAME_EXTENSION, SEX, ETHNIC_GROUP, BIRTHPLACE, BORN)

    certno: Secret
    """Social security number: for citizens the 18-character identity number."""
    name: Secret
    has_extension: bool = True
    """False on a 1.x card, which has no record 4E."""
    sex: str = ""
    """1 male, 2 female, 9 not stated."""
    ethnic_group: str = ""
    """Two digits (GB/T 3304)."""
    birthplace: str = ""
    """Area code, six digits."""
    born: Secret = Secret("")
    """YYYYMMDD or ""."""
    unreadable: tuple[int, ...] = ()
    """Tags of optional items that were there but could not be read."""

    @classmethod
    def decode(cls, raw: bytes) -> "HolderData":
        """Read the whole file; raises a BadCardContent when number or name are missing, too long or not readable."""
        records = _Records(cls.FILE, raw)
        certno = _text(cls.FILE, cls.CERTNO, records.required(cls.CERTNO))
        first, extension = records.required(cls.NAME), records.extension(cls.NAME_EXTENSION)
        try:
            name = decode_name(first, extension)
        except BadCoding as error:
            raise UndecodableText(cls.FILE, cls.NAME.tag, str(error)) from None
        return cls(
            certno=Secret(certno),
            name=Secret(name),
            has_extension=bool(extension),
            sex=records.optional(cls.SEX, decode_text),
            ethnic_group=records.optional(cls.ETHNIC_GROUP, decode_digits),
            birthplace=records.optional(cls.BIRTHPLACE, decode_digits),
            born=Secret(records.optional(cls.BORN, decode_digits)),
            unreadable=tuple(records.unreadable),
        )

    def encode(self) -> tuple[bytes, ...]:
        """Write the records in file order, as an issuer would; raises BadCoding for values that do not fit."""
        extension_length = self.NAME_EXTENSION.length if self.has_extension else 0
        first, extension = split_name(self.name.reveal(), self.NAME.length, extension_length)
        names = [encode_simple(self.NAME.tag, first)]
        if self.has_extension:
            names.append(encode_simple(self.NAME_EXTENSION.tag, extension))
        certno = self.certno.reveal().encode("ascii").ljust(self.CERTNO.length, b"\x00")
        return (
            encode_simple(self.CERTNO.tag, certno),
            *names,
            encode_simple(self.SEX.tag, self.sex.encode("ascii").ljust(1, b"\x00")),
            encode_simple(self.ETHNIC_GROUP.tag, encode_digits(self.ethnic_group, self.ETHNIC_GROUP.length)),
            encode_simple(self.BIRTHPLACE.tag, encode_digits(self.birthplace, self.BIRTHPLACE.length)),
            encode_simple(self.BORN.tag, encode_digits(self.born.reveal(), self.BORN.length)),
        )

    @classmethod
    def examples(cls) -> tuple[tuple[str, "HolderData"], ...]:
        """Whole files in hex with their meaning: a 2.x card, a 1.x card, and a name cut inside a character."""
        return (
            (
                "0812 393939393939313939303031303130303136 091E B2E2CAD4BCD7"
                + "00" * 24
                + "4E14"
                + "00" * 20
                + "0A0131"
                "0B0101 0C03999999 0D0419900101",
                cls(
                    certno=Secret("999999199001010016"),
                    name=Secret("测试甲"),
                    sex="1",
                    ethnic_group="01",
                    birthplace="999999",
                    born=Secret("19900101"),
                ),
            ),
            (
                "0812 393939393939313934383032313530303833 091E B2E2CAD4C8C9" + "00" * 24 + "0A0132"
                "0B01FF 0C03FFFFFF 0D04FFFFFFFF",
                cls(certno=Secret("999999194802150083"), name=Secret("测试壬"), has_extension=False, sex="2"),
            ),
            (
                "0812 393939393939313939303031303130303136 091E 54" + "B2E2CAD4" * 7 + "B2"
                "4E14 E2CAD4BCD7" + "00" * 15 + "0A0139 0B0101 0C03999999 0D0419900101",
                cls(
                    certno=Secret("999999199001010016"),
                    name=Secret("T" + "测试" * 8 + "甲"),
                    sex="9",
                    ethnic_group="01",
                    birthplace="999999",
                    born=Secret("19900101"),
                ),
            ),
        )


CARD_FILES: Final = (IssuerData, HolderData)
"""Every file class; a test walks them."""


def _text(file: str, item: Item, raw: bytes) -> str:
    try:
        return decode_text(raw)
    except BadCoding as error:
        raise UndecodableText(file, item.tag, str(error)) from None
