"""Times as the hub writes them: always China standard time (UTC+8), whatever the machine's own zone is."""

import datetime as dt
import re

from protocols.errors import MalformedMessage

WIRE_ZONE = dt.timezone(dt.timedelta(hours=8), "UTC+8")
"""The zone of every time and date on the wire and of every business date."""

# The forms seen for one and the same field (decision K17): the hub's own, the e-certificate centre's `yyyy.MM.dd`,
# the cards' `yyyyMMdd`, and the compact stamps of message ids and `refmsg_time` (with milliseconds).
_FORMS = (
    re.compile(
        r"(?P<y>[0-9]{4})(?P<sep>[-./])(?P<m>[0-9]{1,2})(?P=sep)(?P<d>[0-9]{1,2})"
        r"(?:[ T](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<ms>[0-9]{3}))?)?)?"
    ),
    re.compile(
        r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
        r"(?:(?P<H>[0-9]{2})(?P<M>[0-9]{2})(?P<S>[0-9]{2})(?P<ms>[0-9]{3})?)?"
    ),
)


def from_epoch_ms(epoch_ms: int) -> dt.datetime:
    """Return the wire-zone time of a Unix time in milliseconds (exact, no float)."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC).astimezone(WIRE_ZONE) + dt.timedelta(milliseconds=epoch_ms)


def format_time(at: dt.datetime) -> str:
    """Write `yyyy-MM-dd HH:mm:ss`; `at` must know its zone."""
    return _local(at).isoformat(" ", "seconds")[:19]


def format_date(at: dt.datetime) -> str:
    """Write the business date `yyyy-MM-dd` of a moment."""
    return _local(at).strftime("%Y-%m-%d")


def format_stamp(at: dt.datetime) -> str:
    """Write `yyyyMMddHHmmss`, the stamp inside message ids."""
    return _local(at).isoformat("-", "seconds")[:19].replace("-", "").replace(":", "")


def format_stamp_ms(at: dt.datetime) -> str:
    """Write `yyyyMMddHHmmssSSS`, the form of `refmsg_time` and of the centre's business numbers."""
    return f"{format_stamp(at)}{at.microsecond // 1000:03d}"


def parse_time(text: str) -> dt.datetime:
    """Read any of the forms seen; a date alone is its midnight. Raises `MalformedMessage`."""
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is None:
            continue
        part = match.groupdict()
        try:
            return dt.datetime(
                int(part["y"]),
                int(part["m"]),
                int(part["d"]),
                int(part["H"] or 0),
                int(part["M"] or 0),
                int(part["S"] or 0),
                int(part["ms"] or 0) * 1000,
                tzinfo=WIRE_ZONE,
            )
        except ValueError:
            raise MalformedMessage("no such date or time") from None
    raise MalformedMessage("not a date or time in a known form")


def parse_date(text: str) -> dt.date:
    """Read a date in any of the forms seen, dropping a time of day. Raises `MalformedMessage`."""
    return parse_time(text).date()


def _local(at: dt.datetime) -> dt.datetime:
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be written to the wire")
    return at.astimezone(WIRE_ZONE)
