"""The service's log: JSON lines on standard error, one writer, nothing that names a person.

What may stand in a line: the named facts of our own events (which carry ids, states, amounts and times), and from
everybody else (libraries, the event loop) the bare template of their message. Its arguments, and the text of an error,
may quote what they stumbled over, so neither is written: an error is told by its type and its places in the code.
A line feed in a value cannot forge a line, because every line is JSON (abuse case T37).

A log that cannot be written never raises: it is called on the money path.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from protocols.secret import hide_numbers

_OURS: Final = ("terminal", "drivers", "protocols", "yibao")
_MAX_PLACES: Final = 30


def configure_logs(stream: TextIO | None = None) -> None:
    """Send every event of structlog and of the standard library to `stream` (default: standard error)."""
    logging.raiseExceptions = False
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_error_by_its_places,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_template_of_strangers, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _only_plain_values,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("terminal").setLevel(logging.INFO)


def places_of(error: BaseException) -> list[str]:
    """Type of an error and of its causes, each with the places in the code it came through; never its text."""
    told: list[str] = []
    while True:
        told.append(type(error).__name__)
        told += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None or len(told) >= _MAX_PLACES:
            return told[:_MAX_PLACES]
        error = cause


def _template_of_strangers(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of a library's message keep the first line of its template: the arguments may be anybody's data."""
    record: logging.LogRecord = event["_record"]
    if not record.name.startswith(_OURS):
        event["event"] = hide_numbers(str(record.msg).partition("\n")[0])
    return event


def _tell_error_by_its_places(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    told = event.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["error"] = places_of(error)
    return event


def _only_plain_values(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Leave only what JSON can carry; of anything else its type, because its `repr` may hold anything."""
    return {key: _plain(value) for key, value in event.items()}


def _plain(value: Any) -> Any:
    match value:
        case str() | int() | float() | bool() | None:
            return value
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return f"<{type(value).__name__}>"
