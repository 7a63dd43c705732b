"""What is written into the program's log while a test looks."""

import contextlib
from collections.abc import Iterator, MutableMapping

import structlog


@contextlib.contextmanager
def heard() -> Iterator[list[tuple[str, dict[str, object]]]]:
    """What is written into the program's log meanwhile, with the logger's name and without the level."""
    lines: list[tuple[str, dict[str, object]]] = []

    class Named:
        def __init__(self, *names: str) -> None:
            (self.name,) = names

        def msg(self, **facts: object) -> None:
            lines.append((self.name, facts))

        info = warning = error = msg

    def facts(
        _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        return event

    before = structlog.get_config()
    structlog.configure(processors=[facts], logger_factory=Named, cache_logger_on_first_use=False)
    try:
        yield lines
    finally:
        structlog.configure(**before)
