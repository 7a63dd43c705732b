"""`yibao refund` against a running counter: goods come back, what is kept is sold anew."""

import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.terminal.api.calling import Api
from tests.terminal.counter.test_cancelled_before import refunded_in_the_lost_part
from tests.terminal.counter.test_old_copy import accepted, refunded_since
from tests.terminal.counter.test_refund import refund
from tests.terminal.harness import Shop, counter_config, virtual
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import Running
from yibao.cli.errors import WrongUse
from yibao.cli.refund import code_without_rest, parse_return
from yibao.client import ReturnWish, SettlementView

pytestmark = pytest.mark.timeout(60)
BARCODE = "6901234567892"
"""测试降糖片, 12.50 yuan."""


def code(call: Call, place: Path, who: str = "测试甲") -> str:
    """A fresh code on somebody's phone."""
    return call(place, "sim", "phone", "code", who).stdout.strip()


def test_one_of_two_comes_back_and_the_other_is_sold_anew(call: Call, place: Path) -> None:
    sold = call(
        place,
        "sale",
        "--item",
        f"{BARCODE}*2",
        "--code",
        code(call, place),
        "--number",
        "R1",
        "--yes",
        "--json",
    ).json
    done = call(
        place,
        "refund",
        "R1",
        "--return",
        "1=1",
        "--reason",
        "破损",
        "--code",
        code(call, place),
        "--yes",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    rest = done.json
    assert rest["refund_of"] == sold["id"]
    assert rest["generation"] == 2
    assert rest["settled"]["total_fen"] == 1250
    old = call(place, "status", sold["id"], "--json").json
    assert old["state"] == "CANCELLED"
    assert old["refund"]["rest_id"] == rest["id"]
    assert old["refund"]["returned"] == [
        {"line": 1, "name": "测试降糖片", "quantity": "1.00", "trace_codes": 0}
    ]


def test_a_script_without_a_code_is_told_how_to_go_on(call: Call, place: Path) -> None:
    call(place, "sale", "--item", f"{BARCODE}*2", "--code", code(call, place), "--number", "R2", "--yes")
    first = call(place, "refund", "R2", "--return", "1=1", "--yes", "--json")
    assert first.returncode == 3
    assert first.json["state"] == "DRAFT"
    assert f"yibao refund {first.json['id']} --code CODE" in first.stderr
    second = call(place, "refund", first.json["id"], "--code", code(call, place), "--yes", "--json")
    assert second.returncode == 0, second.stderr
    assert second.json["settled"]["total_fen"] == 1250


def test_everything_comes_back_and_nothing_is_sold(call: Call, place: Path) -> None:
    call(place, "sale", "--item", BARCODE, "--code", code(call, place), "--number", "R3", "--yes")
    done = call(place, "refund", "R3", "--all", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Everything came back" in done.stdout


def test_who_takes_everything_back_twice_is_told_that_cash_goes_back_once(call: Call, place: Path) -> None:
    call(place, "sale", "--item", BARCODE, "--code", code(call, place, "ding"), "--number", "R9", "--yes")
    first = call(place, "refund", "R9", "--all", "--reason", "x", "--yes")
    assert (first.returncode, "return the cash part" in first.stdout) == (0, True)
    assert "退还顾客现金 Cash back to the customer" in first.stdout
    again = call(place, "refund", "R9", "--all", "--reason", "x", "--yes")
    assert again.returncode == 0
    assert "was cancelled before" in again.stdout
    assert "return the cash part" not in again.stdout


def test_who_repeats_a_refund_by_number_takes_no_second_box_back(call: Call, place: Path) -> None:
    """The number means what is kept by then: a script that repeats itself would cancel that as well."""
    call(place, "sale", "--item", f"{BARCODE}*3", "--code", code(call, place), "--number", "R10", "--yes")
    asked = ("refund", "R10", "--return", "1=1", "--yes")
    first = call(place, *asked, "--code", code(call, place), "--json")
    assert first.returncode == 0, first.stderr
    for repeated in (asked, ("refund", "R10", "--all", "--yes")):
        again = call(place, *repeated, "--json")
        assert (again.returncode, again.json["error"]["code"]) == (1, "refund_rest_meant")
        for words in ("测试降糖片 1.00", first.json["receipt_number"], f"yibao refund {first.json['id']}"):
            assert words in again.stderr
    assert call(place, "status", "R10", "--json").json["settled"]["total_fen"] == 2500
    more = call(place, "refund", first.json["receipt_number"], "--return", "1=1", "--yes", "--json")
    assert (more.returncode, more.json["total_fen"]) == (3, 1250), "whoever names the rest means it"
    gone_on = call(place, *asked, "--code", code(call, place), "--json")
    assert (gone_on.returncode, gone_on.json["generation"]) == (0, 3), "a rest that waits is gone on with"
    third = call(place, *asked)
    assert third.stderr.count("测试降糖片 1.00; 测试降糖片 1.00") == 2, "in both languages"


def test_the_rest_is_not_wanted_after_all(call: Call, place: Path) -> None:
    sold = call(
        place,
        "sale",
        "--item",
        f"{BARCODE}*2",
        "--code",
        code(call, place),
        "--number",
        "R4",
        "--yes",
        "--json",
    ).json
    rest = call(place, "refund", "R4", "--return", "1=1", "--yes", "--json").json
    withdrawn = call(place, "refund", sold["id"], "--withdraw")
    assert withdrawn.returncode == 0, withdrawn.stderr
    assert "nothing is sold anew" in withdrawn.stdout
    assert call(place, "status", rest["id"], "--json").json["state"] == "ABANDONED"


def test_a_line_that_is_not_there_is_refused_with_words(call: Call, place: Path) -> None:
    call(place, "sale", "--item", BARCODE, "--code", code(call, place), "--number", "R5", "--yes")
    refused = call(place, "refund", "R5", "--return", "7", "--yes")
    assert refused.returncode == 1
    assert "Line 7 cannot come back" in refused.stderr
    assert call(place, "status", "R5", "--json").json["state"] in ("CONFIRMED", "DELIVERED", "CLOSED")
    for arguments in ((), ("--all", "--return", "1"), ("--all", "--withdraw")):
        assert call(place, "refund", "R5", *arguments, "--yes").returncode == 2


@pytest.mark.parametrize("way", ["found in an old copy", "cancelled before"])
@virtual
async def test_what_is_kept_and_was_not_opened_is_not_all_done(way: str, tmp_path: Path) -> None:
    """The goods may be unpaid: a script that goes by the exit code must not hand them over."""
    shop = Shop(tmp_path)
    if way == "cancelled before":
        till, sold = await refunded_in_the_lost_part(shop)
        await refund(till, await till.get(sold))
    else:
        till, sold = await refunded_since(shop)
        await accepted(till)
    told = await Api(till, counter_config()).get(f"/sales/{sold}")
    cancelled = msgspec.convert(told, SettlementView)
    assert (cancelled.state, cancelled.in_doubt) == ("CANCELLED", False)
    assert code_without_rest(cancelled) == 3
    await till.stop()


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("2", ReturnWish(2)),
        ("2=1", ReturnWish(2, "1")),
        (" 2*0.5 ", ReturnWish(2, "0.5")),
        ("2=1,8999,9000", ReturnWish(2, "1", ("8999", "9000"))),
        ("2,8999", ReturnWish(2, "", ("8999",))),
    ],
)
def test_what_comes_back_is_read(text: str, wish: ReturnWish) -> None:
    assert parse_return(text) == wish


@pytest.mark.parametrize("text", ["", "x", "2=", "=1", "2=-1", "2=1e3", "２", "2 = 1", "99999"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(WrongUse):
        parse_return(text)


def half_refunded(call: Call, place: Path, number: str) -> dict[str, Any]:
    """A sale of two boxes of which one came back; what is kept waits for a code."""
    call(place, "sale", "--item", f"{BARCODE}*2", "--code", code(call, place), "--number", number, "--yes")
    waiting: dict[str, Any] = call(place, "refund", number, "--return", "1=1", "--yes", "--json").json
    return waiting


def test_a_code_that_no_longer_serves_leaves_the_rest_waiting_for_another(call: Call, place: Path) -> None:
    """The customer holds goods that nobody has paid for: a script never gives them away."""
    call(place, "sale", "--item", f"{BARCODE}*2", "--code", code(call, place), "--number", "R6", "--yes")
    others = code(call, place, "测试丁")
    first = call(place, "refund", "R6", "--return", "1=1", "--code", others, "--yes", "--json")
    assert first.returncode == 3, first.stderr
    assert (first.json["state"], first.json["generation"]) == ("DRAFT", 2)
    assert f"yibao refund {first.json['id']} --code CODE" in first.stderr
    assert "nobody owes anything" not in first.stderr
    second = call(place, "refund", first.json["id"], "--code", code(call, place), "--yes", "--json")
    assert second.returncode == 0, second.stderr
    assert second.json["settled"]["total_fen"] == 1250


def test_what_is_quoted_and_not_agreed_to_waits_too(call: Call, place: Path) -> None:
    rest = half_refunded(call, place, "R7")
    quoted = call(place, "refund", rest["id"], "--code", code(call, place), "--json")
    assert (quoted.returncode, quoted.json["state"]) == (3, "PRICED"), quoted.stderr
    agreed = call(place, "refund", rest["id"], "--yes", "--code", code(call, place), "--json")
    assert agreed.returncode == 0, agreed.stderr
    assert agreed.json["settled"]["total_fen"] == 1250


def test_ctrl_c_leaves_the_rest_waiting_and_says_so(call: Call, place: Path) -> None:
    rest = half_refunded(call, place, "R8")
    quoted = call(place, "refund", rest["id"], "--code", code(call, place), "--json")
    assert quoted.json["state"] == "PRICED"
    with Running(["refund", rest["id"], "--code", "00"], place, errors_too=True) as refund:
        refund.wait_for("Settle?")
        assert refund.send(signal.SIGINT) == 130
    assert f"yibao refund {rest['id']} --code CODE" in refund.seen
    assert call(place, "status", rest["id"], "--json").json["state"] == "PRICED"
