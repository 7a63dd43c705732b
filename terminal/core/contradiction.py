"""A witness of the audit log that does not fit the journal: what the journal keeps of it and the API tells."""

import msgspec


class Contradiction(msgspec.Struct, frozen=True):
    """A witness outside that does not fit the journal (fault F29); kept in the journal until two people have accepted it."""

    witness: str
    """`journal` (the newest anchor it holds itself), `file`, `fleet` or `person`."""
    records: int
    head: str
    at: str
    """When the witness was made, RFC 3339; "" = not known."""
    verdict: str
    """`shorter`: the journal has no such record. `differs`: it has another one there."""
    journal_records: int
    """How many records the journal had when it was found."""
    missing_from: str
    """ISO date of the first day whose records may be missing."""

    @property
    def name(self) -> str:
        """How it is kept once it was accepted."""
        return f"{self.records}:{self.head}"
