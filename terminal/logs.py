"""Structured logs: JSON lines on standard error, one writer, nothing that names a person.

Values reach the log only through named fields of our own events; texts of far ends (`err_msg`) do not. A line feed in
a value cannot forge a line, because every line is JSON (abuse case T37).
"""

import sys
from typing import TextIO

import structlog


def configure_logs(stream: TextIO | None = None) -> None:
    """Send every event to `stream` (standard error) as one line of JSON."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.WriteLoggerFactory(stream if stream is not None else sys.stderr),
        cache_logger_on_first_use=True,
    )
