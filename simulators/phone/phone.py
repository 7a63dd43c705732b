"""The insured person's phone, as far as a counter sees it: it shows a fresh certificate code."""

import datetime as dt
import io

import qrcode

from simulators.certificate_centre.codebook import CodeBook
from simulators.people import Person

MODULE_DOTS = 8
"""Dots of one module of the drawn QR code; the quiet zone around it is four modules, as the symbology demands."""


class Phone:
    """A phone on which a person's own code, or that of a family member, is shown."""

    def __init__(self, book: CodeBook) -> None:
        """`book` is the centre's book: the code is issued there at the moment it is shown."""
        self._book = book

    def issue(self, person: Person, now: dt.datetime) -> str:
        """The 28 digits shown now. Every sale takes a new one; whether it decodes is for the centre to say."""
        return self._book.issue(person, now)


def draw_code(code: str) -> bytes:
    """Draw the code as the app shows it: a QR code (level M), as a PNG."""
    symbol = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=MODULE_DOTS, border=4)
    symbol.add_data(code)
    symbol.make(fit=True)
    target = io.BytesIO()
    symbol.make_image().save(target)
    return target.getvalue()
