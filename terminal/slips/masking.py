"""What a slip shows of a person: surname and `*`; the identity number's first and last characters.

A slip can only be made from a `MaskedPerson`, so a full name or number cannot reach the paper (or a stored slip) by
mistake.
"""

from typing import Self

import msgspec

from protocols.escpos.charset import to_printable


class MaskRule(msgspec.Struct, frozen=True):
    """How many characters of the identity number stay readable (province switch `slip.mask_certno`)."""

    first: int = 3
    last: int = 4


class MaskedPerson(msgspec.Struct, frozen=True):
    """A person as a slip may show them."""

    name: str
    certno: str

    @classmethod
    def of(cls, name: str, certno: str, rule: MaskRule | None = None) -> Self:
        """Mask a full name and identity number; the default rule shows the first 3 and the last 4 characters."""
        return cls(name=mask_name(name), certno=mask_certno(certno, rule or MaskRule()))


def mask_name(name: str) -> str:
    """Surname (the first character that would print) and one `*`; a name of one character is only `*`."""
    printable = to_printable(name).text.strip()
    return printable[0] + "*" if len(printable) > 1 else "*"


def mask_certno(certno: str, rule: MaskRule) -> str:
    """Keep the ends, star the rest; a number too short for the rule is starred whole."""
    hidden = len(certno) - rule.first - rule.last
    if hidden <= 0:
        return "*" * len(certno)
    return certno[: rule.first] + "*" * hidden + certno[len(certno) - rule.last :]
