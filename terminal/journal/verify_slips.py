"""The checker's part for slips: where each stands is what the audit log says, so what was printed does not wait again."""

from collections import Counter
from collections.abc import Mapping
from sys import intern
from typing import Any

import apsw

from terminal.journal.verify_submissions import Find


class SlipsInTheLog:
    """What the audit log has said of the slips so far. That one is owed stands there for copies only."""

    def __init__(self) -> None:
        self._stands: dict[str, str] = {}
        self._copies = Counter[str]()

    def follow(self, content: Mapping[str, Any]) -> None:
        """Take in one audit record; those about something else change nothing."""
        if content["action"] == "receipt":
            self._stands[str(content.get("receipt"))] = intern(str(content.get("new")))
        elif content["action"] == "copy":
            self._copies[str(content.get("object"))] += 1

    def check(self, connection: apsw.Connection, find: Find) -> None:
        """Compare with the table."""
        found = Counter[str]()
        for number, settlement, kind, state in connection.execute(
            "SELECT id, settlement, kind, state FROM receipt ORDER BY id"
        ):
            stands = self._stands.pop(str(number), "waiting")
            if state != stands:
                find("slip", str(number), f"is {state}, the audit log says {stands}")
            if kind == "copy":
                found[settlement] += 1
        for number in self._stands:
            find("slip", number, "is in the audit log and not in the table")
        for settlement in sorted(found.keys() | self._copies.keys()):
            if found[settlement] != self._copies[settlement]:
                find(
                    "slip",
                    settlement,
                    f"copies: {found[settlement]}, the audit log says {self._copies[settlement]}",
                )
