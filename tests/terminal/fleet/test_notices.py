"""The board of notices."""

import datetime as dt

from protocols.fleet.messages import (
    CatalogueChanged,
    FleetNotice,
    MaintenanceWindow,
    NoticeOutcome,
    OperatorMessage,
)
from protocols.wire_time import WIRE_ZONE
from terminal.core.values import Notice
from terminal.fleet.notices import KEPT, NoticeBoard
from terminal.texts import tell_notice
from tests.terminal.stood_clock import NOON, StoodClock


def board(clock: StoodClock | None = None) -> tuple[NoticeBoard, list[Notice]]:
    """A board and what it announced."""
    announced: list[Notice] = []
    return NoticeBoard(clock or StoodClock(), announced.append), announced


def message(notice_id: str, text: str, expires_at: dt.datetime | None = None) -> FleetNotice:
    """A text of the fleet."""
    return FleetNotice(notice_id, NOON, expires_at, OperatorMessage(text))


def test_a_notice_is_shown_once_and_acknowledged_every_time() -> None:
    """The fleet repeats until it has our word; the cashier reads it once."""
    notices, announced = board()
    for _ in range(3):
        answer = notices.take(message("n1", "早上好"))
        assert (answer.id, answer.outcome) == ("n1", NoticeOutcome.SHOWN)
    assert announced == [Notice("fleet_message", {"text": "早上好"})]
    assert [shown.id for shown in notices.shown] == ["n1"]


def test_a_notice_that_is_over_is_not_shown() -> None:
    """It lay in the broker while the shop was closed."""
    notices, announced = board()
    assert notices.take(message("n1", "old", NOON)).outcome is NoticeOutcome.EXPIRED
    assert announced == []


def test_every_kind_has_its_text_in_both_languages() -> None:
    """Times are told in UTC+8, whatever zone the fleet writes."""
    notices, announced = board()
    notices.take(FleetNotice("n1", NOON, None, CatalogueChanged("1301", "F001_20261121")))
    start = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
    notices.take(FleetNotice("n2", NOON, None, MaintenanceWindow(start, start + dt.timedelta(hours=2))))
    told = [tell_notice(notice) for notice in announced]
    assert told[0] is not None
    assert "1301" in told[0].zh
    assert "F001_20261121" in told[0].en
    assert told[1] is not None
    assert "2026-11-21 23:00:00 至 2026-11-22 01:00:00" in told[1].zh


def test_a_strangers_text_cannot_dress_up_the_screen() -> None:
    """Control characters, line feeds and direction marks become spaces; braces stay braces."""
    notices, announced = board()
    notices.take(message("n1", "a\n\x1b[31mb\u202ec{code}"))
    assert announced[0].params["text"] == "a  [31mb c{code}"
    told = tell_notice(announced[0])
    assert told is not None
    assert "{code}" in told.en


def test_the_board_is_bounded() -> None:
    """The newest stay."""
    notices, _ = board()
    for number in range(KEPT + 5):
        notices.take(message(f"n{number}", "x"))
    assert len(notices.shown) == KEPT
    assert notices.shown[-1].id == f"n{KEPT + 4}"


def test_wire_zone_is_not_the_machines() -> None:
    """The clock of these tests stands in UTC+8."""
    assert StoodClock().now().tzinfo is WIRE_ZONE
