"""Topics, terminal ids and the access rules that follow from the table of channels."""

from pathlib import Path

import pytest

from protocols.errors import MalformedMessage
from protocols.fleet.topics import (
    CHANNELS,
    COMMAND,
    NOTICE_TO_ALL,
    BadTerminalId,
    Session,
    Side,
    broker_name,
    broker_rules,
    locate,
    subscriptions,
    terminal_id,
)

ACL_FILE = Path(__file__).parents[3] / "deploy" / "mosquitto" / "terminals.acl"
A = "P99990000001-01"


def test_a_terminal_is_named_by_institution_and_slot() -> None:
    """Unique in the fleet, and without anything a topic could trip over."""
    assert terminal_id("P99990000001", 1) == A
    assert terminal_id("H99990000002", 99) == "H99990000002-99"


@pytest.mark.parametrize(
    ("institution", "slot"),
    [
        ("+", 1),
        ("#", 1),
        ("P9999000000/", 1),
        ("P9999000000+", 1),
        ("P999900000011", 1),
        ("P99990000001", 100),
    ],
)
def test_names_that_could_be_wildcards_or_levels_are_refused(institution: str, slot: int) -> None:
    """T41."""
    with pytest.raises(BadTerminalId):
        terminal_id(institution, slot)


def test_every_topic_leads_back_to_its_terminal_and_channel() -> None:
    """What is written is what is read."""
    for channel in CHANNELS:
        expected = "" if channel is NOTICE_TO_ALL else A
        assert locate(channel.topic(A)) == (expected, channel)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "yibao/v1/+/presence",
        f"yibao/v1/{A}/x",
        f"yibao/v1/{A}/command",
        f"yibao/v1/{A}/more/presence",
        "yibao/v1//presence",
    ],
)
def test_topics_of_nobody_are_refused(topic: str) -> None:
    """Also a channel on the wrong session."""
    with pytest.raises(MalformedMessage):
        locate(topic)


def test_commands_are_the_only_thing_on_the_clean_session() -> None:
    """K73: nothing of evidence or notices is lost with it, and no command is ever queued."""
    assert subscriptions(A, Session.COMMANDS) == (COMMAND.topic(A),)
    assert COMMAND.topic(A) not in subscriptions(A, Session.EVIDENCE)
    assert broker_name(A, Session.EVIDENCE) == A
    assert broker_name(A, Session.COMMANDS) == f"{A}.commands"


def test_only_presence_health_and_the_echo_are_retained_and_no_topic_holds_anything_but_names() -> None:
    """PD-60: nothing personal in topics; a retained command would be an order for ever."""
    retained = {channel.name: channel.writer for channel in CHANNELS if channel.retained}
    # The echo changes nothing at the terminal unless the terminal's own audit key signed it.
    assert retained == {"presence": Side.TERMINAL, "health": Side.TERMINAL, "anchor_echo": Side.FLEET}
    for channel in CHANNELS:
        assert channel.topic(A).replace(A, "").replace("/", "").replace(".", "").replace("_", "").isalnum()


def test_the_access_rules_that_are_shipped_are_those_of_the_table() -> None:
    """The file is written from the table; nobody edits one without the other."""
    shipped = [line for line in ACL_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert "\n".join(shipped).strip() == broker_rules().strip()


def test_a_terminal_may_read_only_its_own_and_write_only_its_own() -> None:
    """Every pattern but the one for all holds the proved name as a whole level."""
    patterns = [line.split() for line in broker_rules().splitlines() if line.startswith("pattern")]
    assert len(patterns) == len(CHANNELS)
    for _, right, topic in patterns:
        if topic == NOTICE_TO_ALL.address:
            assert right == "read"
        else:
            assert topic.split("/")[2] == "%u"
            assert "+" not in topic
            assert "#" not in topic
