"""What every request is held against before it is worked on."""

from typing import Any, Final

from litestar import Request
from litestar.exceptions import SerializationException

from protocols.secret import holds_number
from terminal.core.events import Misuse

TEXTS_KEPT: Final = frozenset({"operator", "operators", "pharmacist", "reason"})
"""Members of bodies that say who or why, in free words: they go into the audit log, which is readable and kept for ever."""


async def check_request(request: Request[Any, Any, Any]) -> None:
    """Raises `Misuse` (`number_in_text`) where a person's number stands in a text that is kept readable."""
    if holds_number(request.headers.get("X-Client", "")):
        raise Misuse("number_in_text", member="X-Client")
    try:
        body = await request.json()
    except SerializationException:
        return  # the route says so
    for member in sorted(TEXTS_KEPT & body.keys() if isinstance(body, dict) else ()):
        if any(map(holds_number, _texts(body[member]))):
            raise Misuse("number_in_text", member=member)


def _texts(value: object) -> list[str]:
    """The texts of a member; what is none of its kind is refused by the route."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
