"""What a scanned text can be: one frozen value per class of code.

`kind` is the class's word for messages and logs. Codes of persons and unknown texts are `Masked`: their content never
shows in a text form. Codes of goods are public and show.
"""

import datetime
import enum
from typing import ClassVar, TypeAlias

import msgspec

from protocols.codes import gs1, identity_number
from protocols.codes.masked import Masked


class ECertificateCode(Masked, frozen=True):
    """The QR code of the medical-insurance e-certificate (医保电子凭证): 28 digits that start with 424.

    Layout by offset: 0 `424`, the national issuer; 3 unique random digits (17); 20 random digits (2); 22 the first two
    digits of the province's division code; 24 extension (4), `0000` today.
    """

    kind: ClassVar[str] = "e_certificate"
    text: str

    @property
    def random_digits(self) -> str:
        """The 19 random digits."""
        return self.text[3:22]

    @property
    def province_digits(self) -> str:
        """First two digits of the division code of the issuing province."""
        return self.text[22:24]

    @property
    def extension(self) -> str:
        """Four digits, `0000` today."""
        return self.text[24:28]


class OpenPlatformCode(Masked, frozen=True):
    """The sibling code `opc` + 25 digits of the national open platform's mini programs: *not* a certificate."""

    kind: ClassVar[str] = "open_platform"
    text: str


class TraceCode(msgspec.Struct, frozen=True):
    """A drug trace code (药品追溯码) of 20 digits, starting with 8. No check digit of it is public."""

    kind: ClassVar[str] = "trace"
    text: str

    @property
    def resource_code(self) -> str:
        """The first seven digits: drug and pack size."""
        return self.text[:7]

    @property
    def serial_part(self) -> str:
        """The 13 digits that tell one pack from another."""
        return self.text[7:]


class Gs1Code(msgspec.Struct, frozen=True):
    """A GS1 element string; `text` is exactly what was scanned without the AIM id, GS kept: so the upload wants it."""

    kind: ClassVar[str] = "gs1"
    text: str
    fields: tuple[gs1.Gs1Field, ...]

    def value_of(self, identifier: str) -> str | None:
        """The value behind an application identifier (constants in `gs1`), or None."""
        return next((field.value for field in self.fields if field.identifier == identifier), None)

    @property
    def gtin(self) -> str | None:
        """The 14-digit trade item number, field (01)."""
        return self.value_of(gs1.GTIN)

    @property
    def is_trace_code(self) -> bool:
        """Whether it names one pack: a trade item with a serial number."""
        return self.gtin is not None and self.value_of(gs1.SERIAL) is not None


class Ean(msgspec.Struct, frozen=True):
    """A retail barcode (商品条码), EAN-13 or EAN-8, check digit verified; alike on every pack, never a trace code."""

    kind: ClassVar[str] = "ean"
    text: str

    @property
    def gtin14(self) -> str:
        """The same number as a GTIN-14."""
        return self.text.zfill(14)


class DrugBaseCode(msgspec.Struct, frozen=True):
    """A drug base code (本位码): 86, class digit 9, ten digits of body, a check digit with the weights of a GTIN."""

    kind: ClassVar[str] = "drug_base"
    text: str


class PaymentProvider(enum.Enum):
    """Whose payment code."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"


class PaymentCode(Masked, frozen=True):
    """A code from a payment app. Whoever reads it can take money: masked, and never sent anywhere by us."""

    kind: ClassVar[str] = "payment"
    text: str
    provider: PaymentProvider


class IdentityNumber(Masked, frozen=True):
    """An 18-character identity number with the right check character, typed or wedged."""

    kind: ClassVar[str] = "identity_number"
    text: str

    @property
    def birth_date(self) -> datetime.date:
        """The birth date inside the number."""
        day = identity_number.birth_date(self.text)
        assert day is not None  # the classifier made this value from a number with a date
        return day


class CheckedForm(enum.Enum):
    """Which kind of number a wrong check digit was found in."""

    EAN13 = "ean13"
    EAN8 = "ean8"
    GTIN = "gtin"
    DRUG_BASE = "drug_base"
    IDENTITY_NUMBER = "identity_number"


class BadCheckDigit(Masked, frozen=True):
    """Shaped like a code of this form but for its check digit: misread or mistyped. Asking again is all one can do."""

    kind: ClassVar[str] = "bad_check_digit"
    text: str
    form: CheckedForm


class UnknownLook(enum.Enum):
    """What an unknown text looks like, so that the message can say a little more."""

    WEB_ADDRESS = "web_address"
    TEXT = "text"
    BINARY = "binary"
    """Bytes that decode as nothing."""


class Unknown(Masked, frozen=True):
    """Nothing we know. The text is data from a stranger: kept for nobody, shown to nobody, never acted upon."""

    kind: ClassVar[str] = "unknown"
    text: str | None
    look: UnknownLook


CodeMatch: TypeAlias = (
    ECertificateCode
    | TraceCode
    | Gs1Code
    | Ean
    | DrugBaseCode
    | PaymentCode
    | IdentityNumber
    | OpenPlatformCode
    | BadCheckDigit
    | Unknown
)
"""Any class of code."""
