"""Values whose text form never shows what they hold."""

from typing import Any

import msgspec


class Masked(msgspec.Struct, frozen=True):
    """Base of values that may hold a person's code or number.

    `repr`, `str` and the pretty printers of tracebacks show the type alone, so that no log line, exception text or
    failing assertion can leak the content. The fields themselves are ordinary: read them where they are needed.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}(masked)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What `rich` prints inside the brackets: nothing."""
        return []
