"""What every request is held against before it is worked on."""

import re
from typing import Any, Final

from litestar import Request
from litestar.exceptions import SerializationException

from protocols.secret import holds_number
from terminal.core.events import Misuse

TEXTS_KEPT: Final = frozenset({"operator", "operators", "pharmacist", "reason"})
"""Members of bodies that say who or why, in free words: they go into the audit log, which is readable and kept for ever."""
NUMBERS_ALLOWED: Final = "numbers_allowed"
"""A route's option: members among them that may hold the hub's own number of something, which nobody can tell apart."""

_NAME: Final = re.compile(r"[a-z_]{1,32}")
"""What is repeated of a name that nobody knows: anything else is the caller's text."""


async def check_request(request: Request[Any, Any, Any]) -> None:
    """Refuse a query name that the route does not know, and a person's number in a text that is kept readable.

    Raises `Misuse` (`bad_request`, `number_in_text`).
    """
    for name in request.query_params.keys() - request.route_handler.parsed_fn_signature.parameters.keys():
        told = name if _NAME.fullmatch(name) else "an unknown name"
        raise Misuse("bad_request", reason=f"query: {told}")
    if holds_number(request.headers.get("X-Client", "")):
        raise Misuse("number_in_text", member="X-Client")
    try:
        body = await request.json()
    except SerializationException:
        return  # the route says so
    kept = TEXTS_KEPT - request.route_handler.opt.get(NUMBERS_ALLOWED, set())
    for member in sorted(kept & body.keys() if isinstance(body, dict) else ()):
        if any(map(holds_number, _texts(body[member]))):
            raise Misuse("number_in_text", member=member)


def _texts(value: object) -> list[str]:
    """The texts of a member; what is none of its kind is refused by the route."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
