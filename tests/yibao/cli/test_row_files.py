"""Files of rows: CSV as spreadsheets save it, TOML as people write it; whatever cannot be read is said with its place."""

from pathlib import Path

import pytest

from yibao.cli.errors import CommandFailed, WrongUse
from yibao.cli.row_files import MOST_BYTES, read_rows

CSV = "fixmedins_bchno,fixmedins_hilist_name,inv_cnt,drug_trac_codg\nB1,测试降糖片,12.50,8999 8998\n,,,\nB2,测试胰岛素笔,3,\n"
ROWS = [
    {
        "fixmedins_bchno": "B1",
        "fixmedins_hilist_name": "测试降糖片",
        "inv_cnt": "12.50",
        "drug_trac_codg": "8999 8998",
    },
    {"fixmedins_bchno": "B2", "fixmedins_hilist_name": "测试胰岛素笔", "inv_cnt": "3"},
]


def written(folder: Path, name: str, content: bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_every_coding_a_spreadsheet_saves(tmp_path: Path, coding: str) -> None:
    assert read_rows(written(tmp_path, "stock.csv", CSV.encode(coding))) == ROWS


def test_toml_rows_keep_numbers_exact_and_may_hold_dates_lists_and_tables(tmp_path: Path) -> None:
    text = """
[[row]]
fixmedins_bchno = "B1"
inv_cnt = 12.50
cnt = 3
rx_flag = true
invdate = 2026-11-20
inv_chg_time = 2026-11-20 18:00:00
drug_trac_codg = ["8999", "8998"]
purc_invo_file_List = [{ file_name = "invoice.pdf", file_data = "VEVTVA==", fixmedins_bchno = "B1" }]
"""
    (row,) = read_rows(written(tmp_path, "stock.toml", text.encode()))
    assert row == {
        "fixmedins_bchno": "B1", "inv_cnt": "12.50", "cnt": "3", "rx_flag": "1", "invdate": "2026-11-20",
        "inv_chg_time": "2026-11-20 18:00:00", "drug_trac_codg": ["8999", "8998"],
        "purc_invo_file_List": [{"file_name": "invoice.pdf", "file_data": "VEVTVA==", "fixmedins_bchno": "B1"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"a,b\n1\n", "row 1: 1 cells under 2 names"),
        ("a.csv", b"a,a\n1,2\n", "name every column once"),
        ("a.csv", b"a,\n1,2\n", "name every column once"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"", "no rows"),
        ("a.csv", b'a,b\n"1,2\n', "line"),
        ("a.csv", b"\xff\xff", "neither UTF-8 nor GB 18030"),
        ("a.csv", b"a" * (MOST_BYTES + 1), "more than"),
        ("a.toml", b"row = 1", "[[row]]"),
        ("a.toml", b"[[row]]\na = {b = '1'}", "row 1, a"),
        ("a.toml", b"[[row]]\na = [[1]]", "row 1, a"),
        ("a.toml", b"a = ", "a.toml"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        read_rows(written(tmp_path, name, content))
    assert reason in failed.value.words.en


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="No such file"):
        read_rows(tmp_path / "none.csv")
