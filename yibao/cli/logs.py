"""The log of `yibao run`: one JSON object per line on stderr, warnings of libraries included."""

import logging

import structlog

from terminal.logs import configure_logs


class _ToStructlog(logging.Handler):
    """Passes on what libraries log: what happened and the kind of error, never values or tracebacks with them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one of our lines."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        structlog.get_logger(record.name).log(
            record.levelno, "library", logger=record.name, text=str(record.msg).partition("\n")[0], error=kind
        )


def configure_all_logs() -> None:
    """Set up our own log and let the standard library's warnings flow into it."""
    logging.raiseExceptions = False
    configure_logs()
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(logging.WARNING)
