"""The insured person's phone, as far as a counter sees it: it shows a fresh certificate code."""

import datetime as dt

from simulators.certificate_centre.codebook import CodeBook
from simulators.people import Person


class Phone:
    """A phone on which a person's own code, or that of a family member, is shown."""

    def __init__(self, book: CodeBook) -> None:
        """`book` is the centre's book: the code is issued there at the moment it is shown."""
        self._book = book

    def issue(self, person: Person, now: dt.datetime) -> str:
        """The 28 digits shown now. Every sale takes a new one; whether it decodes is for the centre to say."""
        return self._book.issue(person, now)
