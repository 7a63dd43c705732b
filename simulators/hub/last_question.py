"""What the last question found: whoever reads a catalogue page by page asks the same again for each page."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any


class LastQuestion:
    """Keeps one answer. Whoever changes what answers are made of has it forgotten."""

    def __init__(self) -> None:
        self._asked: Hashable = None
        self._found: Sequence[Any] = ()

    def find(self, asked: Hashable, search: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Return what was found when the same was asked last, else what `search` finds."""
        if asked != self._asked:
            self._asked, self._found = asked, search()
        return self._found

    def forget(self) -> None:
        """Search anew whatever is asked next."""
        self._asked, self._found = None, ()
