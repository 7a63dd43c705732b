"""What a scanned line means (profile decision PD-25), and whether it is what was asked for (PD-2).

Length and prefix cannot tell all codes apart: an identity number of regions 11 to 15 whose check character is a digit
has the shape of a WeChat code. `classify` therefore returns *every* class that fits (K34), in the order of PD-25, and
`select` picks for the step that asked. Every class has its own length and alphabet; ASCII digits only, so full-width
or Arabic digits are unknown text. What fits no class is `Unknown`, and nothing of it is sent anywhere.
"""

import re
from collections.abc import Callable, Collection
from typing import TypeVar

import msgspec

from protocols.codes import gs1, identity_number
from protocols.codes.code_types import (
    BadCheckDigit,
    CheckedForm,
    CodeMatch,
    DrugBaseCode,
    Ean,
    ECertificateCode,
    Gs1Code,
    IdentityNumber,
    OpenPlatformCode,
    PaymentCode,
    PaymentProvider,
    TraceCode,
    Unknown,
    UnknownLook,
)
from protocols.codes.ean import has_good_check_digit
from protocols.codes.symbologies import GS1_AIM_IDS

MAX_CODE_CHARACTERS = 512
"""No code we know is longer; a longer text is unknown without being looked at."""

_E_CERTIFICATE = re.compile(r"424[0-9]{25}")
_OPEN_PLATFORM = re.compile(r"opc[0-9]{25}")
_TRACE = re.compile(r"8[0-9]{19}")
_EAN13 = re.compile(r"[0-9]{13}")
_EAN8 = re.compile(r"[0-9]{8}")
_DRUG_BASE = re.compile(r"869[0-9]{11}")
_PAYMENT = (
    (PaymentProvider.WECHAT, re.compile(r"1[0-5][0-9]{16}")),
    (PaymentProvider.ALIPAY, re.compile(r"(2[5-9]|30)[0-9]{14,22}")),
    (PaymentProvider.UNIONPAY, re.compile(r"62[0-9]{17}")),
)
_GS1_START = re.compile(r"\x1d?01([0-9]{14})(.+)", re.DOTALL)
_WEB_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{1,19}://\S+|www\.\S+", re.IGNORECASE | re.ASCII)


def classify(text: str | None, symbology: str = "") -> tuple[CodeMatch, ...]:
    """Every class that fits, in the order of PD-25; never empty, `Unknown` alone when nothing fits.

    `text` is the line's decoded payload (None: bytes that are no text), `symbology` its AIM id or "". A wrong check
    digit is reported only when the text fits no class properly.
    """
    if text is None or len(text) > MAX_CODE_CHARACTERS:
        return (Unknown(text=text, look=_look(text)),)
    matches = [match for recognise in _RECOGNISERS for match in recognise(text, symbology)]
    good = [match for match in matches if not isinstance(match, BadCheckDigit)]
    return tuple(good or matches) or (Unknown(text=text, look=_look(text)),)


def _e_certificate(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    return (ECertificateCode(text=text),) if _E_CERTIFICATE.fullmatch(text) else ()


def _trace(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    return (TraceCode(text=text),) if _TRACE.fullmatch(text) else ()


def _gs1(text: str, symbology: str) -> tuple[CodeMatch, ...]:
    if symbology not in GS1_AIM_IDS and not _looks_like_gs1(text):
        return ()
    try:
        return (Gs1Code(text=text, fields=gs1.parse(text)),)
    except gs1.Gs1CheckDigitError:
        return (BadCheckDigit(text=text, form=CheckedForm.GTIN),)
    except gs1.Gs1Error:
        return ()


def _looks_like_gs1(text: str) -> bool:
    """Without an AIM id: field (01) with a good check digit, and something behind it."""
    start = _GS1_START.fullmatch(text)
    return start is not None and has_good_check_digit(start[1])


def _ean(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    for pattern, form in ((_EAN13, CheckedForm.EAN13), (_EAN8, CheckedForm.EAN8)):
        if pattern.fullmatch(text):
            return (Ean(text=text),) if has_good_check_digit(text) else (BadCheckDigit(text=text, form=form),)
    return ()


def _drug_base(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    if not _DRUG_BASE.fullmatch(text):
        return ()
    if has_good_check_digit(text):
        return (DrugBaseCode(text=text),)
    return (BadCheckDigit(text=text, form=CheckedForm.DRUG_BASE),)


def _payment(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    return tuple(
        PaymentCode(text=text, provider=provider) for provider, pattern in _PAYMENT if pattern.fullmatch(text)
    )


def _identity_number(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    if identity_number.is_identity_number(text):
        return (IdentityNumber(text=text),)
    if identity_number.has_identity_shape(text):
        return (BadCheckDigit(text=text, form=CheckedForm.IDENTITY_NUMBER),)
    return ()


def _open_platform(text: str, _symbology: str) -> tuple[CodeMatch, ...]:
    return (OpenPlatformCode(text=text),) if _OPEN_PLATFORM.fullmatch(text) else ()


_RECOGNISERS: tuple[Callable[[str, str], tuple[CodeMatch, ...]], ...] = (
    _e_certificate,
    _trace,
    _gs1,
    _ean,
    _drug_base,
    _payment,
    _identity_number,
    _open_platform,
)


def _look(text: str | None) -> UnknownLook:
    if text is None:
        return UnknownLook.BINARY
    return UnknownLook.WEB_ADDRESS if _WEB_ADDRESS.fullmatch(text) else UnknownLook.TEXT


class WrongCode(msgspec.Struct, frozen=True):
    """Not what the step asked for. Carries words only: the scanned text stays behind."""

    found: tuple[str, ...]
    """What it is instead, most likely first, as message keys: a class's `kind`, for some with a detail behind a dot
    (`payment.wechat`, `bad_check_digit.ean13`, `unknown.web_address`)."""
    wanted: tuple[str, ...]
    """The kinds that would have been right, in alphabetical order."""

    @property
    def kind(self) -> str:
        """The most likely key."""
        return self.found[0]


Wanted = TypeVar("Wanted", bound=CodeMatch)


def select(matches: Collection[CodeMatch], wanted: Collection[type[Wanted]]) -> Wanted | WrongCode:
    """The first match of a wanted class, or what it was instead."""
    for match in matches:
        for wanted_class in wanted:
            if isinstance(match, wanted_class):
                return match
    return WrongCode(
        found=tuple(message_key(match) for match in matches),
        wanted=tuple(sorted(wanted_class.kind for wanted_class in wanted)),
    )


def message_key(match: CodeMatch) -> str:
    """The words for a match: its kind and, where a message can say more, a detail behind a dot."""
    match match:
        case PaymentCode(provider=provider):
            return f"{match.kind}.{provider.value}"
        case BadCheckDigit(form=form):
            return f"{match.kind}.{form.value}"
        case Unknown(look=look):
            return f"{match.kind}.{look.value}"
        case _:
            return match.kind
