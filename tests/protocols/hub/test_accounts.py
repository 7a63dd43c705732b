"""Reconciliation on the wire: codes, the two files, and everything that can be wrong with a downloaded one."""

import io
import zipfile
from pathlib import Path

import pytest

from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.hub.accounts import (
    MOST_LINES,
    DetailRow,
    DownloadInput,
    TotalsCheckInput,
    TotalsCheckOutput,
    UploadInput,
    byte_list,
    detail_text,
    pack,
    result_kind,
    result_rows,
    unpack,
)
from protocols.money import Fen
from protocols.secret import Secret
from tests.profiles.switches import switch
from tests.protocols.hub import examples

FOLDER = Path(__file__).parents[2] / "vectors" / "hub"
DETAIL = (FOLDER / "d-detail.txt").read_bytes()
RESULT = (FOLDER / "d-result.txt").read_bytes()
LINE = "99990000000000000001\tnull\tnull\tP99990000001202601051712330041\t1\t0\tmemo\t83.30\t0.00\t60.00"


def _detail_row(refunded: bool) -> DetailRow:
    sign = -1 if refunded else 1
    return DetailRow(
        settlement_id=f"SETL9999000000000020{2 if refunded else 1}",
        visit_id="MDT999900000000000102",
        person_no=Secret("99990000000000000001"),
        total_fen=Fen(sign * 8330),
        fund_fen=Fen(0),
        account_fen=Fen(sign * 6000),
        refunded=refunded,
    )


def test_the_worked_detail_file_is_written_byte_for_byte() -> None:
    assert detail_text([_detail_row(False), _detail_row(True)]) == DETAIL


@switch("recon.columns", "ten_cells")
def test_the_worked_result_file_is_read() -> None:
    (row,), bad = result_rows(RESULT, "ten_cells")
    assert bad == []
    assert (row.settlement_id, row.visit_id, row.message_id) == ("", "", "P99990000001202601051712330041")
    assert (row.total_fen, row.fund_fen, row.account_fen) == (8330, 0, 6000)
    assert (row.result, row.refunded, row.memo, row.line) == ("1", False, "centre has more", 1)
    assert row.person_no.reveal() == "99990000000000000001"
    assert "9999" not in repr(row.person_no)


def test_the_worked_messages_say_what_they_should() -> None:
    asked = examples.typed("d-3201-request.json")
    assert isinstance(asked, TotalsCheckInput)
    assert (asked.check.count, asked.check.total_fen, asked.check.settling_agency) == (2, 0, "999900")
    told = examples.typed("d-3201-response.json")
    assert isinstance(told, TotalsCheckOutput)
    assert result_kind(told.result.result) == "unlike"
    uploaded = examples.typed("d-9101-request.json")
    assert isinstance(uploaded, UploadInput)
    assert unpack(bytes(uploaded.upload.content)) == DETAIL
    wanted = examples.typed("d-9102-request.json")
    assert isinstance(wanted, DownloadInput)
    assert wanted.download.institution_code == "P99990000001"


def test_the_file_goes_up_as_a_list_of_bytes() -> None:
    assert byte_list(b"\x00PK\xff") == (0, 80, 75, 255)
    raw = b'{"fsUploadIn": {"in": "UEsD", "filename": "x", "fixmedins_code": "P"}}'
    with pytest.raises(MalformedMessage):
        wire.decode(raw, UploadInput)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("0", "level"), ("000000", "level"), ("00", "level"), ("1", "unlike"), ("000101", "hub_has_more"),
        ("101", "hub_has_more"), ("000102", "own_has_more"), ("000103", "differs"), ("000199", "unlike"),
        ("", "unlike"), ("-0", "unlike"), ("０", "unlike"), ("0x0", "unlike"), ("level", "unlike"),
    ],
)  # fmt: skip
def test_both_forms_of_the_result_code_are_read_and_only_a_zero_is_level(code: str, kind: str) -> None:
    assert result_kind(code) == kind


@switch("recon.columns", "seven_cells")
def test_the_shorter_columns_of_another_edition_are_read_in_their_own_order() -> None:
    text = b"99990000000000000001\tM\tS\tP\t1\t000103\tquote \" and 'tick'\n"
    (row,), bad = result_rows(text, "seven_cells")
    assert bad == []
    assert (row.refunded, row.result, row.total_fen) == (True, "000103", None)
    assert row.memo == "quote \" and 'tick'"


def test_empty_lines_a_byte_order_mark_and_windows_line_ends_are_no_lines() -> None:
    rows, bad = result_rows(b"\xef\xbb\xbf" + LINE.encode() + b"\r\n\r\n \n", "ten_cells")
    assert (len(rows), bad) == (1, [])
    assert rows[0].account_fen == 6000
    assert result_rows(b"", "ten_cells") == ([], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE + "\textra", "11 cells instead of 10"),
        (LINE.rpartition("\t")[0], "9 cells instead of 10"),
        ("no tabs at all, but a name: 测试甲", "1 cells instead of 10"),
        (LINE.replace("99990000000000000001", "null"), "psn_no is missing"),
        (LINE.replace("\t1\t0\t", "\t\t0\t"), "stmt_rslt is missing"),
        (LINE.replace("\t1\t0\t", "\t1\t2\t"), "refd_setl_flag is neither 0 nor 1"),
        (LINE.replace("83.30", "8.33e1"), "medfee_sumamt is not an amount"),
        (LINE.replace("83.30", "83.301"), "medfee_sumamt is not an amount"),
        (LINE.replace("83.30", "NaN"), "medfee_sumamt is not an amount"),
        (LINE.replace("83.30", "８３.30"), "medfee_sumamt is not an amount"),
        (LINE.replace("60.00", "=1+1"), "acct_pay is not an amount"),
        (LINE.replace("60.00", "9" * 40), "acct_pay is not an amount"),
    ],
)
def test_a_line_that_is_none_is_named_and_the_others_are_read(line: str, reason: str) -> None:
    rows, bad = result_rows(f"{LINE}\n{line}\n{LINE}\n".encode(), "ten_cells")
    assert [row.line for row in rows] == [1, 3]
    assert [(one.line, one.reason) for one in bad] == [(2, reason)]


def test_a_result_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        result_rows("中心多".encode("gbk"), "ten_cells")


@pytest.mark.parametrize("text", ["S\t1", "S\n", "S\r", "S\x00", "S\u2028"])
def test_an_id_that_would_break_a_line_is_not_written(text: str) -> None:
    row = DetailRow(
        settlement_id=text, visit_id="M", person_no=Secret("9"), total_fen=Fen(1), fund_fen=Fen(0), account_fen=Fen(0)
    )  # fmt: skip
    with pytest.raises(MalformedMessage):
        detail_text([row])


def test_packing_is_repeatable_and_unpacking_gives_the_text_back() -> None:
    assert pack("a.txt", DETAIL) == pack("a.txt", DETAIL)
    assert unpack(pack("a.txt", DETAIL)) == DETAIL
    assert unpack(pack("a.txt", b"")) == b""


def test_a_file_of_more_lines_than_a_day_can_have_is_not_read() -> None:
    """It comes unsigned, and what unpacks to 32 MB of line ends is a few kilobytes on the line."""
    rows, bad = result_rows(b"\n" * MOST_LINES, "ten_cells")
    assert (rows, bad) == ([], [])
    rows, bad = result_rows(b"x\n" * MOST_LINES, "ten_cells")
    assert (rows, len(bad)) == ([], MOST_LINES)
    for text in (b"\n" * (MOST_LINES + 1), b"x\n" * MOST_LINES + b"y"):
        with pytest.raises(MalformedMessage, match=f"more than {MOST_LINES} lines"):
            result_rows(text, "ten_cells")


def _zip(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


GOOD = _zip(("a.txt", RESULT))
DATA_AT = GOOD.index(b"a.txt") + len(b"a.txt")
"""Where the packed text begins."""


@pytest.mark.parametrize(
    "data",
    [
        b"", b"PK", b"<html>502</html>", GOOD[:40], GOOD[:-30], _zip(), _zip(("a.txt", b"x"), ("b.txt", b"y")),
        GOOD[:DATA_AT] + bytes([GOOD[DATA_AT] ^ 0x5A]) + GOOD[DATA_AT + 1 :],
        GOOD.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"),
        GOOD.replace(b"a.txt", b"\0.txt"),
        _zip(("a.txt", RESULT), method=zipfile.ZIP_LZMA).replace(b"\x05\x00]\x00", b"\x05\x00\xff\x00"),
    ],
    ids=["nothing", "magic", "html", "head", "no end", "empty", "two files", "damaged", "encrypted", "no name", "damaged LZMA"],
)  # fmt: skip
def test_what_is_no_zip_with_one_good_file_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpack(data)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = _zip(("a.txt", bytes(64 * 1024 * 1024)))
    assert len(bomb) < 100_000
    with pytest.raises(MalformedMessage, match="too much"):
        unpack(bomb)
    with pytest.raises(MalformedMessage, match="too much"):
        unpack(GOOD, limit=10)


def test_a_bomb_that_lies_about_its_size_is_cut_off() -> None:
    bomb = _zip(("a.txt", bytes(1024 * 1024)))
    lying = bomb.replace((1024 * 1024).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != bomb
    with pytest.raises(MalformedMessage):
        unpack(lying)
