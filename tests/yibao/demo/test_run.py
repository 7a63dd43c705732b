"""The demo itself, with all its processes: what it says, what it writes, and that it leaves nothing behind."""

import fcntl
import re
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from simulators.printer.drawing import FONT_PACKAGE, FONT_PATH
from tests.real_parts import real_part_missing, require_real, require_real_module
from tests.yibao.demo.running import Run, group_is_gone, run_at_a_terminal, run_command
from yibao.demo.report import StoryReport

pytestmark = pytest.mark.timeout(120)

YUAN = re.compile(r"-?[0-9]+\.[0-9]{2}")
MONEY = (
    "medfee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt", "act_pay_dedc", "hifp_pay",
    "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "oth_pay", "fund_pay_sumamt", "psn_part_amt",
    "acct_pay", "psn_cash_pay", "balc",
)  # fmt: skip


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Run:
    """One run of everything, as `make demo` does it at a terminal: the counter stays up until Ctrl-C.

    Workers of pytest-xdist share it: the first one performs, the others wait and read what it kept.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared-demo"
    folder.mkdir(exist_ok=True)
    kept = folder / "run.msgpack"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(msgspec.msgpack.encode(run_at_a_terminal(folder / "out.json")))
        return msgspec.msgpack.decode(kept.read_bytes(), type=Run)


def _story(run: Run, number: int) -> StoryReport:
    return next(story for story in run.report.stories if story.story == number)


def test_every_story_ends_as_told_and_in_time(run: Run) -> None:
    assert run.code == 0, run.out + run.err
    assert [(story.story, story.as_told) for story in run.report.stories] == [
        (1, True),
        (2, True),
        (3, True),
        (4, True),
        (5, True),
    ]
    assert run.report.as_told
    assert run.report.took_s <= 40


def test_the_text_is_in_both_languages_and_has_no_colours(run: Run) -> None:
    assert "故事 1 如所讲结束" in run.out
    assert "5 of 5 stories ended as told" in run.out
    assert re.search(r"个人账户支付 \| personal account +60\.00\n", run.out)
    assert "\x1b" not in run.out
    assert run.err == ""


def test_nothing_is_left_running_and_no_file_behind(run: Run) -> None:
    pids = [int(text) for text in re.findall(r"process ([0-9]+)", run.out)]
    assert len(set(pids)) == 4  # the far ends, two counters, the one that was started again
    assert all(group_is_gone(pid) for pid in pids)
    assert run.leavings == ()


def test_with_a_terminal_the_counter_stays_up_and_takes_the_three_commands_it_names(run: Run) -> None:
    """Ctrl-C then ended it with the exit code of the stories."""
    tried = run.tried
    assert tried is not None
    assert tried.code == 0, tried.out + tried.err
    assert len(re.findall("T01-", tried.out.rpartition("lose-answer")[2])) >= 4
    assert run.code == 0


@pytest.mark.parametrize(
    ("number", "state", "messages", "how_undone", "balc"),
    [
        (1, "CLOSED", ["1101", "2101", "2102"], [""], "0.00"),
        (2, "CLOSED", ["1101", "2001", "5301", "2201", "2203A", "2204", "2206A", "2207A"], [""], "0.00"),
        (3, "CANCELLED", ["1101", "2101", "2102", "2103"], ["cancelled", ""], "60.00"),
        (4, "REVERSED", ["1101", "2101", "2102", "2601"], ["reversed", ""], "60.00"),
        (5, "REVERSED", ["1101", "2101", "2102", "2601"], ["reversed", ""], "60.00"),
    ],
)
def test_journal_messages_and_ledger_of_each_story(
    run: Run, number: int, state: str, messages: list[str], how_undone: list[str], balc: str
) -> None:
    story = _story(run, number)
    assert story.state == state
    assert [message.infno for message in story.transactions] == messages
    assert len({message.msgid for message in story.transactions}) == len(messages)
    institution = "H99990000002" if number == 2 else "P99990000001"
    assert all(re.fullmatch(institution + "[0-9]{18}", message.msgid) for message in story.transactions)
    assert [row.how_undone for row in story.ledger] == how_undone
    moved_money = [message for message in story.transactions if message.purpose not in ("ASK", "STEP")]
    assert [row.msgid for row in story.ledger] == [message.msgid for message in moved_money]
    assert story.balc == balc


@pytest.mark.parametrize(
    ("number", "total", "fund", "account", "cash"),
    [
        # 3 x 12.50 class A at its ceiling + 45.80 class B; the account holds 60.00
        (1, "83.30", "0.00", "60.00", "23.30"),
        # 8 x 48.71 class B with 5 % own share 19.48, 4 x 12.50 and 10.00 class A: 430.20 in scope, 85 % of it from the
        # pooled fund; of the other 84.01 the account has 50.00
        (2, "449.68", "365.67", "50.00", "34.01"),
        (3, "83.30", "0.00", "60.00", "23.30"),
        # 28.60, all from the account
        (4, "28.60", "0.00", "28.60", "0.00"),
        # 39.90 + 28.60, 60.00 from the account
        (5, "68.50", "0.00", "60.00", "8.50"),
    ],
)
def test_amounts_are_those_worked_out_by_hand(
    run: Run, number: int, total: str, fund: str, account: str, cash: str
) -> None:
    story = _story(run, number)
    quote = next(message.setlinfo for message in story.transactions if message.infno in ("2101", "2206A"))
    amounts = {"medfee_sumamt": total, "fund_pay_sumamt": fund, "acct_pay": account, "psn_cash_pay": cash}
    assert {name: quote[name] for name in amounts} == amounts
    booked = story.ledger[0]
    assert (booked.medfee_sumamt, booked.fund_pay_sumamt) == (total, fund)
    assert (booked.acct_pay, booked.psn_cash_pay) == (account, cash)
    if len(story.ledger) == 2:
        given_back = story.ledger[1]
        assert given_back.undoes == booked.setl_id
        assert given_back.medfee_sumamt == f"-{total}"


def test_the_sale_says_what_the_rules_say(run: Run) -> None:
    """Class-B share 10 % of 45.80 = 4.58; the rest of 83.30 is in the policy's scope."""
    setlinfo = _story(run, 1).setlinfo
    assert (setlinfo["preselfpay_amt"], setlinfo["inscp_scp_amt"]) == ("4.58", "78.72")
    assert (setlinfo["balc"], setlinfo["med_type"], setlinfo["clr_type"]) == ("0.00", "41", "41")
    assert setlinfo == _story(run, 1).transactions[2].setlinfo


def test_the_visit_says_what_the_rules_say_and_which_step_moved_no_money(run: Run) -> None:
    """Class-B share 5 % of 389.68 = 19.48; the rest of 449.68 is in the policy's scope."""
    story = _story(run, 2)
    assert (story.setlinfo["preselfpay_amt"], story.setlinfo["inscp_scp_amt"]) == ("19.48", "430.20")
    assert (story.setlinfo["med_type"], story.setlinfo["hifp_pay"]) == ("14", "365.67")
    assert [message.purpose for message in story.transactions] == [
        *("ASK", "ASK", "ASK"), *("STEP", "STEP", "STEP"), "ASK", "SETTLE",
    ]  # fmt: skip
    assert {message.verdict for message in story.transactions} == {"done"}


def test_the_card_was_read_on_a_real_card_service_and_the_fleet_saw_the_terminals(run: Run) -> None:
    require_real_module("smartcard.scard")
    require_real("pcscd")
    require_real("mosquitto")
    assert run.report.left_out == ()
    assert "the PC/SC service sees it, ATR 3B6D000000815445538660999900000002" in run.out
    assert "1101 with medium 03 and card_sn" in run.out
    for seen in (
        "terminal H99990000002-01 online over MQTT, ready: reader, scanner, printer, broker",
        "the fleet sees terminal P99990000001-01 offline",
        "The fleet sees it online again",
    ):
        assert seen in run.out


def test_the_cancellation_is_a_record_with_negative_amounts(run: Run) -> None:
    *_, cancelling = _story(run, 3).transactions
    assert (cancelling.infno, cancelling.verdict) == ("2103", "done")
    assert cancelling.setlinfo["medfee_sumamt"] == "-83.30"
    assert cancelling.setlinfo["acct_pay"] == "-60.00"


def test_a_doubt_has_no_settlement_and_says_why(run: Run) -> None:
    lost, killed = _story(run, 4), _story(run, 5)
    assert lost.setlinfo == killed.setlinfo == {}
    assert [message.verdict for message in lost.transactions[2:]] == ["disconnected", "done"]
    assert [message.verdict for message in killed.transactions[2:]] == ["restart", "done"]


def test_money_is_never_null_and_nobody_is_named(run: Run) -> None:
    assert b"null" not in run.raw
    for name in (
        "测试甲",
        "999999199001010016",
        "99990000000000000001",
        "测试乙",
        "999999197006150043",
        "T00000028",
    ):
        assert name not in run.raw.decode()
    for story in run.report.stories:
        for message in story.transactions:
            for field in MONEY:
                assert YUAN.fullmatch(message.setlinfo.get(field, "0.00")), field


@pytest.mark.parametrize(
    ("number", "titles"),
    [
        (1, ["医保结算单"]),
        (2, ["医保结算单"]),
        (3, ["医保结算单", "医保结算撤销单"]),
        (4, ["未结算，冲正处理中", "已冲正"]),
        (5, ["未结算，冲正处理中", "已冲正"]),
    ],
)
def test_the_slips_say_what_happened(run: Run, number: int, titles: list[str]) -> None:
    story = _story(run, number)
    assert [slip.title for slip in story.slips] == titles
    for slip in story.slips:
        assert slip.receipt_number == story.receipt_number
        assert f"单号：{story.receipt_number}" in slip.text


def test_each_slip_has_a_picture_beside_the_file_and_its_qr_code_is_the_receipt_number(run: Run) -> None:
    if not FONT_PATH.exists():
        real_part_missing(f"the Chinese font ({FONT_PACKAGE})")
    pictures = [(slip.png, slip.receipt_number) for story in run.report.stories for slip in story.slips]
    assert len({name for name, _ in pictures}) == 8
    for name, receipt_number in pictures:
        with Image.open(run.file.parent / name) as picture:
            assert [code.text for code in zxingcpp.read_barcodes(picture)] == [receipt_number]


LEAVE_OUT = """
import os
import shutil

from PIL import ImageFont


def missing(*_, **__):
    raise OSError(2, "left out by a test")


found = shutil.which
shutil.which = lambda name, *a, **k: None if name in ("pcscd", "mosquitto") else found(name, *a, **k)
os.openpty = missing
ImageFont.truetype = missing
"""


def test_without_any_part_that_can_be_missing_it_runs_and_says_so(tmp_path: Path) -> None:
    """`sitecustomize` takes the parts away from every process of the demo; the output is an ASCII file.

    Standard input is no terminal either, so it ends by itself, though it was asked to stay.
    """
    (tmp_path / "sitecustomize.py").write_text(LEAVE_OUT)
    run = run_command(tmp_path / "out.json", "--stay", PYTHONPATH=str(tmp_path), PYTHONIOENCODING="ascii")
    assert run.code == 0, run.out + run.err
    assert "Real part left out: pseudo-terminals" in run.out
    assert "Real part left out: the Chinese font (fonts-wqy-microhei)" in run.out
    assert "Real part left out: pcscd with its virtual card reader: missing: pcscd" in run.out
    assert "Real part left out: mosquitto, the message broker of the fleet: missing: mosquitto" in run.out
    assert "types the identity number, 1101 with medium 02" in run.out
    assert "MQTT" not in run.out
    assert "5 of 5 stories ended as told" in run.out
    assert "?" not in run.out
    assert [part.en.split(":")[0] for part in run.report.left_out] == [
        "pseudo-terminals",
        "pcscd with its virtual card reader",
        "mosquitto, the message broker of the fleet",
        "the Chinese font (fonts-wqy-microhei)",
    ]
    assert not any(slip.png for story in run.report.stories for slip in story.slips)
    assert list(tmp_path.glob("*.png")) == []


def test_the_file_is_json_that_says_its_format(run: Run) -> None:
    assert msgspec.json.decode(run.raw)["format"] == "yibao-demo/1"
