"""The file of `--json`: its shape, its names, its money."""

from pathlib import Path

import msgspec

from tests.yibao.demo import books
from yibao.demo.facts import Evidence, JournalAttempt
from yibao.demo.narration import Sentence
from yibao.demo.report import StoryOutcome, StoryReport, pictures, story_report
from yibao.simulated.control import MessageRow

FILE = Path("/somewhere/out.json")


def _outcome(evidence: Evidence | None, *problems: Sentence) -> StoryOutcome:
    return StoryOutcome(3, "cancellation", Sentence("撤销", "cancelled"), 0.12345, problems, evidence)


def _report(evidence: Evidence | None, *problems: Sentence) -> StoryReport:
    return story_report(_outcome(evidence, *problems), FILE)


def test_a_cancelled_sale_is_written_with_negative_yuan_and_both_records() -> None:
    _, evidence = books.cancelled()
    story = _report(evidence)
    assert story.as_told
    assert (story.state, story.receipt_number, story.balc) == ("CANCELLED", books.RECEIPT, "60.00")
    assert [(row.medfee_sumamt, row.acct_pay, row.psn_cash_pay) for row in story.ledger] == [
        ("83.30", "60.00", "23.30"),
        ("-83.30", "-60.00", "-23.30"),
    ]
    assert [(message.infno, message.verdict) for message in story.transactions] == [
        ("2102", "done"),
        ("2103", "done"),
    ]
    assert story.setlinfo["acct_pay"] == "60.00"


def test_the_questions_before_the_settlement_are_the_last_ones_of_each_kind() -> None:
    _, evidence = books.settled()
    rows = (("A", "9001", 0), ("B", "1101", 0), ("C", "2101", -1), ("D", "1101", 0), ("E", "2101", 0))
    earlier = (MessageRow(f"P99990000001{name}", infno, infcode) for name, infno, infcode in rows)
    asked = (*earlier, *evidence.hub.messages, MessageRow("P99990000001F", "1101", 0))
    hub = msgspec.structs.replace(evidence.hub, messages=asked)
    story = _report(msgspec.structs.replace(evidence, hub=hub))
    assert [(message.infno, message.msgid, message.purpose) for message in story.transactions] == [
        ("1101", "P99990000001D", "ASK"),
        ("2101", "P99990000001E", "ASK"),
        ("2102", books.SETTLE_ID, "SETTLE"),
    ]
    assert story.transactions[1].setlinfo == {"medfee_sumamt": "83.30"}


def test_a_visit_is_written_in_the_order_of_the_hub_with_its_own_questions_only() -> None:
    _, evidence = books.settled()
    clinic = "H99990000002"
    sent = (("STEP", "2201"), ("STEP", "2204"), ("SETTLE", "2207A"))
    attempts = tuple(
        JournalAttempt(f"{clinic}-{infno}", purpose, infno, "ANSWERED", "done") for purpose, infno in sent
    )
    journal = msgspec.structs.replace(evidence.journal, attempts=attempts, msgid=f"{clinic}-2207A")
    order = ("1101", "2001", "5301", "2201", "2204", "2206A", "2207A")
    asked = (
        MessageRow("P99990000001-1101", "1101", 0),
        *(MessageRow(f"{clinic}-{infno}", infno, 0) for infno in order),
        MessageRow("P99990000001-2101", "2101", 0),
    )
    hub = msgspec.structs.replace(evidence.hub, messages=asked)
    story = _report(msgspec.structs.replace(evidence, journal=journal, hub=hub))
    assert [(message.infno, message.msgid) for message in story.transactions] == [
        (infno, f"{clinic}-{infno}") for infno in order
    ]
    assert [message.setlinfo for message in story.transactions if message.infno == "2206A"] == [
        {"medfee_sumamt": "83.30"}
    ]


def test_what_does_not_apply_is_left_out_of_the_file() -> None:
    _, evidence = books.reversed_()
    written = msgspec.to_builtins(_report(evidence))
    assert "setlinfo" not in written
    assert "disagreements" not in written
    assert all("setlinfo" not in message for message in written["transactions"])
    assert b"null" not in msgspec.json.encode(written)


def test_a_story_that_broke_off_says_why_and_nothing_else() -> None:
    story = _report(None, Sentence("平台没有入账", "the hub did not book"), Sentence("same", "same"))
    assert not story.as_told
    assert story.disagreements == ("平台没有入账 | the hub did not book", "same")
    assert (story.state, story.ledger, story.slips, story.took_s) == ("", (), (), 0.123)


def test_pictures_lie_beside_the_file_and_only_where_there_are_any() -> None:
    _, evidence = books.reversed_()
    assert list(pictures((_outcome(evidence), _outcome(None)), FILE)) == [
        "out-story3-slip1.png",
        "out-story3-slip2.png",
    ]
    assert [slip.png for slip in _report(evidence).slips] == ["out-story3-slip1.png", "out-story3-slip2.png"]
    bare = msgspec.structs.replace(
        evidence, slips=tuple(msgspec.structs.replace(slip, png=b"") for slip in evidence.slips)
    )
    assert pictures((_outcome(bare),), FILE) == {}
    assert "png" not in msgspec.to_builtins(_report(bare))["slips"][0]
