"""The log: JSON lines, templates instead of strangers' arguments, places instead of errors' texts."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from protocols.secret import hide_numbers
from terminal.logs import configure_logs, places_of

SECRET = "999999199001010016"


class Log:
    """What was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line, which must be JSON."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of this test; logging is put back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("terminal")
    before = (root.handlers[:], root.level, ours.level, logging.raiseExceptions)
    written = Log()
    configure_logs(written.stream)
    yield written
    root.handlers[:], root_level, our_level, logging.raiseExceptions = before
    root.setLevel(root_level)
    ours.setLevel(our_level)
    structlog.reset_defaults()


def test_an_event_of_ours_is_one_json_line_with_its_facts(log: Log) -> None:
    structlog.get_logger("terminal.settlement").info(
        "settlement", state="CONFIRMED", steps_ms={"send 2102": 3.5}
    )
    (line,) = log.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "settlement", "state": "CONFIRMED", "steps_ms": {"send 2102": 3.5}, "level": "info",
        "logger": "terminal.settlement",
    }  # fmt: skip


def test_a_line_feed_in_a_value_forges_no_line(log: Log) -> None:
    structlog.get_logger("terminal").info("x", text='a\n{"event": "settlement", "state": "CONFIRMED"}')
    assert len(log.lines) == 1


def test_a_value_that_is_no_plain_value_is_told_by_its_type_only(log: Log) -> None:
    class Person:
        def __repr__(self) -> str:
            return SECRET

    structlog.get_logger("terminal").info("x", who=Person(), whom=[Person()], data=SECRET.encode())
    (line,) = log.lines
    assert (line["who"], line["whom"], line["data"]) == ("<Person>", ["<Person>"], "<bytes>")


def test_of_a_library_only_the_template_is_written(log: Log) -> None:
    logging.getLogger("asyncio").warning("taking %s seconds over %r", 3, SECRET)
    logging.getLogger("uvicorn.error").error("first line\n%s", SECRET)
    logging.getLogger("aiohttp.client").warning("formatted by hand: " + SECRET)  # noqa: G003 - as some libraries do
    assert [line["event"] for line in log.lines] == [
        "taking %s seconds over %r",
        "first line",
        "formatted by hand: ******************",
    ]
    assert SECRET not in log.stream.getvalue()


def test_messages_of_our_own_standard_loggers_keep_their_arguments(log: Log) -> None:
    logging.getLogger("terminal.counter.counter").error("settlement %s: %s", "S0123", "KeyError")
    assert log.lines[0]["event"] == "settlement S0123: KeyError"


def test_an_error_is_told_by_type_and_places_and_never_by_its_text(log: Log) -> None:
    def inner() -> None:
        raise KeyError(SECRET)

    try:
        try:
            inner()
        except KeyError as cause:
            raise ValueError(f"wrong: {SECRET}") from cause
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        structlog.get_logger("terminal").exception("x")
    assert SECRET not in log.stream.getvalue()
    for line in log.lines:
        assert line["error"][0] == "ValueError"
        assert "KeyError" in line["error"]
        assert any(place.endswith(" inner") for place in line["error"])


async def test_an_error_that_nobody_fetched_is_told_without_its_text(log: Log) -> None:
    """The event loop writes the error's own words into its message; ours keeps the first line."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError(SECRET), "task": SECRET}
    )
    (line,) = log.lines
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"] == ["ValueError"]


def test_quiet_levels_stay_quiet(log: Log) -> None:
    logging.getLogger("serialx").info("%s", SECRET)
    logging.getLogger("paho").debug(SECRET)
    structlog.get_logger("terminal").debug("x")
    assert log.lines == []


def test_a_log_that_cannot_be_written_stops_nobody(log: Log) -> None:
    log.stream.close()
    structlog.get_logger("terminal").info("x")


def test_places_of_a_long_chain_end_somewhere() -> None:
    error: Exception = ValueError()
    for _ in range(100):
        outer = ValueError()
        outer.__cause__ = error
        error = outer
    assert len(places_of(error)) == 30


def test_only_numbers_as_long_as_a_persons_are_hidden() -> None:
    assert hide_numbers(f"{SECRET} 99999920180601222X 20261121101105 S12") == (
        "****************** ****************** ************** S12"
    )
    assert hide_numbers("port 20001, 1234567890123") == "port 20001, 1234567890123"
