"""Reconciliation at the simulated hub: what it counts, what its file says, and what it refuses."""

import io
import zipfile
from typing import Any

import pytest

from protocols.hub import envelope
from simulators.hub import HubSettings
from simulators.hub.ledger import Ledger
from simulators.people import Person
from tests.simulators.hub.counter import Counter, Reply, make_world, purchase

HOME = "999900"
DAY = "2026-11-21"


def ask_totals(
    counter: Counter, count: int, total: str, account: str, fund: str = "0.00", **changes: Any
) -> Reply:
    """3201 of the day for employees of the city."""
    node = {
        "insutype": "310", "clr_type": "41", "setl_optins": "999900", "stmt_begndate": DAY, "stmt_enddate": DAY,
        "medfee_sumamt": total, "fund_pay_sumamt": fund, "acct_pay": account, "fixmedins_setl_cnt": count,
        "refd_setl_flag": "0", "fixmedins_refd_setl_flag": "0", **changes,
    }  # fmt: skip
    return counter.ask("3201", {"data": node})


def result(reply: Reply) -> str:
    """`stmt_rslt`."""
    return str(reply.output["stmtinfo"]["stmt_rslt"])


def zipped(*lines: str) -> bytes:
    """A detail file."""
    return archive_of("".join(f"{line}\n" for line in lines).encode())


def archive_of(*files: bytes) -> bytes:
    """A ZIP with these in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, content in enumerate(files):
            archive.writestr(f"3202-{number}.txt", content)
    return buffer.getvalue()


def upload(counter: Counter, content: object, code: str = "P99990000001") -> Reply:
    """9101."""
    given = list(content) if isinstance(content, bytes) else content
    return counter.ask("9101", {"fsUploadIn": {"in": given, "filename": "3202.zip", "fixmedins_code": code}})


def compare(counter: Counter, *lines: str) -> list[list[str]]:
    """9101, 3202, 9102: the cells of the result's lines."""
    number = upload(counter, zipped(*lines)).output["file_qury_no"]
    reply = ask_detail(counter, number)
    assert reply.infcode == 0, reply.err_msg
    file = reply.output["fileinfo"]
    body = fetch(counter, file["file_qury_no"])
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (name,) = archive.namelist()
        return [line.split("\t") for line in archive.read(name).decode().splitlines()]


def ask_detail(counter: Counter, number: str) -> Reply:
    """3202 of the day."""
    node = {
        "setl_optins": "999900", "file_qury_no": number, "stmt_begndate": DAY, "stmt_enddate": DAY, "medfee_sumamt": "0.00",
        "fund_pay_sumamt": "0.00", "cash_payamt": "0.00", "fixmedins_setl_cnt": 0, "clr_type": "41", "refd_setl_flag": "0",
        "fixmedins_refd_setl_flag": "0",
    }  # fmt: skip
    return counter.ask("3202", {"data": node})


def fetch(counter: Counter, number: str, code: str = "P99990000001") -> bytes:
    """9102: the bytes as they come."""
    node = {"file_qury_no": number, "filename": "x.zip", "fixmedins_code": code}
    request = counter.request("9102", {"fsDownloadIn": node})
    return counter.world.hub.respond(envelope.encode_request(request), counter.now).body


def sell(till: Counter, person: Person) -> dict[str, Any]:
    """A purchase of 83.30 with 60.00 from the account; returns its `setlinfo`."""
    reply = till.ask("2102", purchase(till, person, till.token(person)), HOME)
    assert reply.infcode == 0, reply.err_msg
    return reply.setlinfo


def cancel(till: Counter, info: dict[str, Any]) -> dict[str, Any]:
    """2103; returns the `setlinfo` of the record that undoes it."""
    ids = {name: info[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    return till.ask("2103", {"data": ids}, HOME).setlinfo


def row(info: dict[str, Any], sign: str = "", **changes: str) -> str:
    """A line of the detail file for a settlement of ours."""
    cells = {
        "setl_id": info["setl_id"], "mdtrt_id": info["mdtrt_id"], "psn_no": "99990000000000000001", "total": f"{sign}83.30",
        "fund": "0.00", "account": f"{sign}60.00", "refunded": "1" if sign else "0",
    }  # fmt: skip
    return "\t".join((cells | changes).values())


def test_a_day_is_level_when_count_and_three_sums_agree(till: Counter, jia: Person) -> None:
    assert result(ask_totals(till, 0, "0.00", "0.00")) == "0"
    info = sell(till, jia)
    assert result(ask_totals(till, 1, "83.30", "60.00")) == "0"
    cancel(till, info)
    assert result(ask_totals(till, 2, "0.00", "0.00")) == "0", "a cancellation is a record of its own"
    assert ask_totals(till, 2, "0.00", "0.00").output["stmtinfo"]["stmt_rslt_dscr"] == "对账平"


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((0, "83.30", "60.00"), "笔数不一致"), ((2, "83.30", "60.00"), "笔数不一致"), ((1, "83.31", "60.00"), "金额不一致"),
        ((1, "83.30", "59.99"), "金额不一致"), ((1, "83.30", "60.00", "0.01"), "金额不一致"),
    ],
)  # fmt: skip
def test_one_fen_or_one_record_is_not_level_and_the_hubs_figures_are_not_told(
    till: Counter, jia: Person, figures: tuple[Any, ...], words: str
) -> None:
    sell(till, jia)
    told = ask_totals(till, *figures).output["stmtinfo"]
    assert told == {"setl_optins": "999900", "stmt_rslt": "1", "stmt_rslt_dscr": words}


@pytest.mark.parametrize(
    "other",
    [
        {"insutype": "390"},
        {"clr_type": "11"},
        {"setl_optins": "999901"},
        {"stmt_begndate": "2026-11-22", "stmt_enddate": "2026-11-22"},
    ],
)
def test_another_scheme_category_agency_or_day_is_counted_apart(
    till: Counter, jia: Person, other: dict[str, str]
) -> None:
    sell(till, jia)
    assert result(ask_totals(till, 0, "0.00", "0.00", **other)) == "0"


def test_another_institution_is_counted_apart(till: Counter, jia: Person) -> None:
    sell(till, jia)
    other = Counter(till.world, "P99990000003")
    other.sign_in()
    assert result(ask_totals(other, 0, "0.00", "0.00")) == "0"


def test_newer_hubs_say_it_in_six_digits(jia: Person) -> None:
    counter = Counter(make_world(HubSettings(stmt_rslt="six_digits")), "P99990000001")
    counter.sign_in()
    info = sell(counter, jia)
    said = [
        result(ask_totals(counter, count, total, "60.00"))
        for count, total in ((1, "83.30"), (0, "0"), (2, "1"), (1, "1"))
    ]
    assert said == ["000000", "000101", "000102", "000103"]
    lines = compare(counter, row(info, account="59.99"), row(info, setl_id="SETLX"))
    assert [cells[4] for cells in lines] == ["000103", "000102"]


def test_the_result_names_only_what_differs(till: Counter, jia: Person) -> None:
    info = sell(till, jia)
    undone = cancel(till, info)
    assert compare(till, row(info), row(undone, "-")) == []
    hub_only = compare(till, row(info))
    assert hub_only == [
        [jia.psn_no, "null", "null", undone["medins_setl_id"], "1", "1", "中心多 (centre has more)", "-83.30", "0.00", "-60.00"]
    ]  # fmt: skip
    ours_only = compare(till, row(info), row(undone, "-"), row(info, setl_id="SETLX"))
    assert ours_only == [
        [jia.psn_no, info["mdtrt_id"], "SETLX", "null", "1", "0", "机构多 (institution has more)", "83.30", "0.00", "60.00"]
    ]  # fmt: skip
    differing = compare(till, row(info, account="59.99"), row(undone, "-"))
    assert differing == [
        [jia.psn_no, info["mdtrt_id"], info["setl_id"], info["medins_setl_id"], "1", "0", "数据不一致 (data differ)", "83.30",
         "0.00", "60.00"]
    ]  # fmt: skip
    stranger = compare(till, row(info, psn_no="99990000000000000002"), row(undone, "-"))
    assert [cells[6] for cells in stranger] == ["数据不一致 (data differ)"]


def test_the_file_comes_bare_and_only_to_its_institution(till: Counter, jia: Person) -> None:
    content = zipped("x")  # once: a ZIP carries the time it was made
    number = upload(till, content).output["file_qury_no"]
    assert fetch(till, number) == content
    other = Counter(till.world, "P99990000003")
    other.sign_in()
    for body in (
        fetch(other, number, "P99990000003"),
        fetch(till, number, "P99990000003"),
        fetch(till, "M00/0"),
    ):
        answer = envelope.decode_answer(body)
        assert (answer.infcode, "[FILE_NOT_FOUND]" in answer.error_text) == (-1, True)
    assert ask_detail(other, number).code == "FILE_NOT_FOUND"


@pytest.mark.parametrize(
    "content",
    ["UEsD", [256], [-1], [1.5], [True], [], None, b""],
    ids=["base64", "256", "-1", "fraction", "true", "empty", "absent", "none"],
)
def test_what_is_no_list_of_bytes_is_refused_naming_the_field(till: Counter, content: object) -> None:
    refused = upload(till, content)
    assert (refused.code, "fsUploadIn.in" in refused.err_msg) == ("FIELD", True)


@pytest.mark.parametrize(
    ("file", "where"),
    [
        (b"no zip", "ZIP"), (archive_of(), "ZIP"), (archive_of(b"", b""), "ZIP"), (archive_of(b"\xff"), "ZIP"),
        (zipped("a\tb"), "line 1"), (zipped("s\tm\tp\t1.00\t0.00\t1.00\t2"), "line 1"),
        (zipped("s\tm\tnull\t1.00\t0.00\t1.00\t0"), "line 1"), (zipped("s\tm\tp\t1.001\t0.00\t1.00\t0"), "line 1"),
    ],
    ids=["no zip", "no file", "two files", "no UTF-8", "cells", "flag", "person", "amount"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_naming_the_line(
    till: Counter, file: bytes, where: str
) -> None:
    number = upload(till, file).output["file_qury_no"]
    refused = ask_detail(till, number)
    assert (refused.code, where in refused.err_msg) == ("FILE_UNREADABLE", True)


def test_an_older_ledger_gains_room_for_files(tmp_path: Any) -> None:
    path = tmp_path / "ledger.db"
    old = Ledger(path)
    old._database.execute("DROP TABLE file")
    old.close()
    ledger = Ledger(path)
    ledger.keep_file("M00/1", "P99990000001", b"x")
    assert (ledger.file("M00/1", "P99990000001"), ledger.file_count()) == (b"x", 1)
    ledger.close()


def test_a_clearing_category_of_no_dictionary_is_refused_by_name(till: Counter) -> None:
    """Printed codes and those of the province's own profile are known, others are not."""
    reply = ask_totals(till, 0, "0.00", "0.00", clr_type="98")
    assert (reply.code, "data.clr_type " in reply.err_msg) == ("FIELD", True)
