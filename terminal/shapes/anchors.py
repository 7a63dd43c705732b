"""What is told of the anchors of the audit log."""

import msgspec

from terminal.core.contradiction import Contradiction


class AnchorView(msgspec.Struct, frozen=True):
    """How the anchors stand."""

    newest: str
    """`RECORDS:` and the first 16 hex digits of the hash: worth noting on paper at the end of a day; "" = none yet."""
    made_at: str
    key_id: str
    """Of the audit key; "" = there is none, and no anchors are made."""
    witnesses: tuple[str, ...]
    """What this journal was held against since the start: `journal`, `file`, `fleet`, `person`."""
    contradictions: tuple[Contradiction, ...]
    days: tuple[str, ...]
    """What must be reconciled before the contradictions can be accepted."""
