"""Result files that are wrong, hostile or of another edition: said, never acted upon, never in the way of good lines."""

from pathlib import Path

import msgspec
import pytest

from protocols.hub.accounts import pack
from protocols.hub.profile_sections import Recon
from terminal.core.states import State
from terminal.reconciliation.compare import MEMO_LENGTH, harmless
from terminal.reconciliation.report import Outcome, Report
from tests.terminal.harness import INSTITUTION, NATIONAL, Shop, Till, virtual
from tests.terminal.reconciliation.days import OtherFile, arm, facts, reconcile, unseen_and_there

OURS = f"{INSTITUTION}20261123090000"


async def report_with(shop: Shop, till: Till, text: str) -> Report:
    """The report of a day on which the hub's file says this."""
    arm(shop, OtherFile(pack("r.txt", text.encode())), "9102")
    return await reconcile(till)


def line(
    person: str, *, msgid: str = "null", setl_id: str = "null", result: str = "1", refunded: str = "0", memo: str = "x",
    amounts: tuple[str, str, str] = ("37.50", "0.00", "37.50"),
) -> str:  # fmt: skip
    """One line of a result file."""
    return "\t".join((person, "null", setl_id, msgid, result, refunded, memo, *amounts)) + "\n"


@virtual
async def test_missing_lines_are_noticed_because_the_corrected_totals_are_not_level(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    report = await report_with(shop, till, "")
    assert (report.outcome, facts(report)) == (Outcome.DIFFERS, [("unexplained", "not_known", "ask_hub")])
    assert report.groups[0].accounted is False
    assert report.differences[0].insutype == "310"
    await till.stop()


@virtual
async def test_a_line_too_many_is_noticed_in_the_same_way(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    person = shop.world.person("jia").psn_no
    lost = (await till.get(till.rows()[0].id)).settle_msgid
    invented = line(person, msgid=OURS + "9977")
    report = await report_with(shop, till, line(person, msgid=lost) + invented)
    assert ("unexplained", "not_known", "ask_hub") in facts(report)
    await till.stop()


@virtual
async def test_lines_that_cannot_be_read_do_not_hide_the_others(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    person = shop.world.person("jia").psn_no
    good = line(person, msgid=(await till.get(till.rows()[0].id)).settle_msgid)
    report = await report_with(
        shop, till, "rubbish\n" + good + good.replace("37.50", "=1+1") + good[:30] + "\n"
    )
    assert facts(report) == [
        ("hub_only", "committed_after_not_found", "reverse"),
        ("unreadable", "not_known", "ask_hub"),
        ("unreadable", "not_known", "ask_hub"),
        ("unreadable", "not_known", "ask_hub"),
    ]
    assert [one.line for one in report.differences] == [2, 1, 3, 4]
    assert person not in str(report)
    assert report.groups[0].accounted is None, "totals are not corrected by half a file"
    await till.stop()


@virtual
async def test_a_line_that_joins_our_number_with_somebody_else_is_not_acted_upon(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle("0001")
    await unseen_and_there(shop, till, "0002")
    assert settled.booking is not None
    stranger, person = shop.world.person("ji").psn_no, shop.world.person("jia").psn_no
    lost = next(row for row in till.rows() if row.state is State.REVERSED)
    msgid = (await till.get(lost.id)).settle_msgid
    number = settled.booking.info.settlement_id
    report = await report_with(
        shop, till,
        line(stranger, msgid=msgid) + line(person, msgid=msgid, refunded="1") + line(stranger, setl_id=number)
        + line(person, setl_id=number, msgid=msgid) + line(person, msgid=OURS + "0177") + line(person),
    )  # fmt: skip
    assert facts(report)[:6] == [
        ("hub_only", "ids_contradict", "ask_hub"),
        ("hub_only", "ids_contradict", "ask_hub"),
        ("amount_differs", "ids_contradict", "ask_hub"),
        ("amount_differs", "ids_contradict", "ask_hub"),
        ("hub_only", "unknown_message", "ask_hub"),
        ("hub_only", "not_known", "ask_hub"),
    ]
    await till.stop()


@virtual
async def test_what_the_file_says_of_our_own_records(tmp_path: Path) -> None:
    """Booked twice under one message id, missing by code, equal amounts with other data."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle("0001")
    await unseen_and_there(shop, till, "0002")
    assert settled.booking is not None
    person, number, msgid = (
        shop.world.person("jia").psn_no,
        settled.booking.info.settlement_id,
        settled.settle_msgid,
    )
    for text, expected in (
        (line(person, msgid=msgid), ("hub_only", "booked_twice", "ask_hub")),
        (line(person, msgid=msgid, setl_id=number, result="000102"), ("terminal_only", "missing_at_hub", "ask_hub")),
        (line(person, setl_id=number), ("terminal_only", "missing_at_hub", "ask_hub")),
        (line(person, msgid=msgid, setl_id=number, result="000103"), ("amount_differs", "data_differ", "ask_hub")),
        (line(person, msgid=msgid, setl_id=number, amounts=("37.50", "0.01", "37.49")),
         ("amount_differs", "amounts_differ", "ask_hub")),
    ):  # fmt: skip
        report = await report_with(shop, till, text)
        assert facts(report)[0] == expected
    await till.stop()


@virtual
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>502</html>", "unreadable"),
        (b'{"infcode": 0}', "unsigned"),
        (b"", "unreadable"),
        (b"PK\x03\x04 but nothing more", "not a ZIP that can be read"),
        (pack("r.txt", "中心多".encode("gbk")), "the result file is not UTF-8"),
        (pack("r.txt", bytes(33 * 1024 * 1024)), "the file unpacks to too much"),
        (pack("r.txt", b"x\n" * 60_000), "more than 50000 lines"),
    ],
    ids=["html", "unsigned", "nothing", "damaged", "gbk", "bomb", "many lines"],
)
async def test_what_is_no_result_file_leaves_the_day_uncompared(
    tmp_path: Path, body: bytes, reason: str
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    arm(shop, OtherFile(body), "9102")
    report = await reconcile(till)
    assert (report.outcome, report.details[0].reason, report.differences) == (
        Outcome.NOT_COMPARED,
        reason,
        (),
    )
    await till.stop()


@virtual
async def test_a_remark_is_shown_harmless(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    memo = '=HYPERLINK("http://192.0.2.1/","click") \x1b[31m"quoted"'
    report = await report_with(shop, till, line("1", msgid="P0", memo=memo))
    assert report.differences[0].memo == '\'=HYPERLINK("http://192.0.2.1/","click") [31m"quoted"'
    await till.stop()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("中心多", "中心多"), ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'=1"), (" =1", "'=1"),
        ("a\u202eb\x07c\u2028d", "abcd"), ("x" * 500, "x" * MEMO_LENGTH), ("", ""),
    ],
)  # fmt: skip
def test_the_hubs_words_never_start_a_formula_or_move_the_cursor(text: str, shown: str) -> None:
    assert harmless(text) == shown


@virtual
async def test_the_columns_of_another_edition_are_compared_without_amounts(tmp_path: Path) -> None:
    profile = msgspec.structs.replace(NATIONAL, recon=Recon(columns="seven_cells"))
    shop = Shop(tmp_path, profile=profile)
    till = await shop.start()
    await unseen_and_there(shop, till)
    report = await reconcile(till)
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    found = report.differences[0]
    assert found.hub is not None
    assert (found.hub.total_fen, report.groups[0].accounted) == (None, None)
    await till.stop()
