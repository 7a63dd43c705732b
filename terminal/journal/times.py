"""Times as text, always UTC+8 with microseconds: texts of one form sort as the times do."""

import datetime as dt
from functools import lru_cache

from protocols.wire_time import WIRE_ZONE


@lru_cache(maxsize=16)
def text_of(time: dt.datetime) -> str:
    """Write a time that knows its zone as the tables hold it: `yyyy-MM-dd HH:mm:ss.ffffff`."""
    # The same text as strftime with "%Y-%m-%d %H:%M:%S.%f" at a fifth of its price: a commit writes a dozen of them, most of
    # them of one moment.
    return time.astimezone(WIRE_ZONE).isoformat(" ", "microseconds")[:26]


def time_of(text: str) -> dt.datetime:
    """Read what `text_of` wrote."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=WIRE_ZONE)


def rfc3339_of(time: dt.datetime) -> str:
    """Write a time that knows its zone as others outside read it, in anchors and exports: RFC 3339."""
    return time.astimezone(WIRE_ZONE).isoformat("T", "microseconds")
