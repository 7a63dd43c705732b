"""Reconciliation: 3201 totals, 3202 detail, and the files that go with it through 9101 and 9102.

National interface, Hunan edition V1.1.27. The detail file goes up and its result comes down as a ZIP that holds one
text file in UTF-8: one record a line, cells separated by tabs, no quoting of any kind, an empty cell is the word
`null`. A cancellation is a record of its own with negative amounts (identity M13, decision K49).

The answer of 9102 is the bare file: no envelope and no signature around it. What stands in it is a reason to look, to
ask and to correct; it proves nothing by itself.
"""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import field

from protocols.errors import MalformedMessage, MoneyError
from protocols.hub.blocks import Node, OutputNode
from protocols.money import Fen
from protocols.secret import Secret

MAX_TEXT_BYTES: Final = 32 * 1024 * 1024
"""Largest text a downloaded file may unpack to: some 200,000 records, and no bomb."""

MOST_LINES: Final = 50_000
"""Lines of a result file that are looked at: more differences than a large hospital has records in a day, and a second or two of
a counter that has sales to make. The file is not signed, and 16 million empty lines are a few kilobytes packed."""

ResultColumns = Literal["ten_cells", "seven_cells", "eleven_cells"]
"""Order of the cells in the result file; editions differ (profile key `recon.columns`)."""

ABSENT: Final = "null"
"""What an empty cell holds."""


# -- messages --------------------------------------------------------------------------------------------


class TotalsCheck(Node, frozen=True, kw_only=True):
    """`data` of 3201: our totals of one scheme, clearing category and agency, over all records of the days."""

    insurance_type: str = field(name="insutype")  # 险种
    clearing_type: str = field(name="clr_type")  # 清算类别
    settling_agency: str = field(name="setl_optins")  # 结算经办机构
    began_on: str = field(name="stmt_begndate")  # 对账开始日期, by setl_time
    ended_on: str = field(name="stmt_enddate")  # 对账结束日期, by setl_time
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    fund_fen: Fen = field(name="fund_pay_sumamt")  # 基金支付总额
    account_fen: Fen = field(name="acct_pay")  # 个人账户支付金额, mutual aid included
    count: int = field(name="fixmedins_setl_cnt")  # 定点医药机构结算笔数
    refunded: str = field(name="refd_setl_flag", default="0")  # 退费结算标志
    own_refunded: str = field(name="fixmedins_refd_setl_flag", default="0")  # 定点医药机构退费结算标志


class TotalsCheckInput(Node, frozen=True, kw_only=True):
    """Input of 3201."""

    check: TotalsCheck = field(name="data")


class TotalsResult(OutputNode, frozen=True, kw_only=True):
    """`stmtinfo` of 3201: level or not, and no word of the hub's own totals."""

    settling_agency: str = field(name="setl_optins", default="")  # 结算经办机构
    result: str = field(name="stmt_rslt")  # 对账结果
    words: str = field(name="stmt_rslt_dscr", default="")  # 对账结果说明


class TotalsCheckOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3201."""

    result: TotalsResult = field(name="stmtinfo")


class DetailCheck(Node, frozen=True, kw_only=True):
    """`data` of 3202: the uploaded file to compare; all schemes of one clearing category and agency."""

    settling_agency: str = field(name="setl_optins")  # 结算经办机构
    file_no: str = field(name="file_qury_no")  # 文件查询号, from 9101
    began_on: str = field(name="stmt_begndate")  # 对账开始日期
    ended_on: str = field(name="stmt_enddate")  # 对账结束日期
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    fund_fen: Fen = field(name="fund_pay_sumamt")  # 基金支付总额
    cash_fen: Fen = field(name="cash_payamt")  # 现金支付金额
    count: int = field(name="fixmedins_setl_cnt")  # 定点医药机构结算笔数
    clearing_type: str = field(name="clr_type")  # 清算类别
    refunded: str = field(name="refd_setl_flag", default="0")  # 退费结算标志
    own_refunded: str = field(name="fixmedins_refd_setl_flag", default="0")  # 定点医药机构退费结算标志


class DetailCheckInput(Node, frozen=True, kw_only=True):
    """Input of 3202."""

    check: DetailCheck = field(name="data")


class ResultFile(OutputNode, frozen=True, kw_only=True):
    """`fileinfo` of 3202: where the result lies."""

    file_no: str = field(name="file_qury_no")  # 文件查询号
    name: str = field(name="filename")  # 文件名称
    kept_until: str = field(name="dld_endtime", default="")  # 下载截止时间; printed as S, D and DT (K17)


class DetailCheckOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3202."""

    file: ResultFile = field(name="fileinfo")


class Upload(Node, frozen=True, kw_only=True):
    """`fsUploadIn` of 9101. `content` is the file as a JSON list of its bytes, each 0 to 255."""

    content: tuple[int, ...] = field(name="in")  # 文件数据
    name: str = field(name="filename")  # 文件名
    institution_code: str = field(name="fixmedins_code")  # 医药机构编号


class UploadInput(Node, frozen=True, kw_only=True):
    """Input of 9101."""

    upload: Upload = field(name="fsUploadIn")


class UploadOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 9101; its members sit directly under `output`."""

    file_no: str = field(name="file_qury_no")  # 文件查询号
    name: str = field(name="filename", default="")  # 文件名
    institution_code: str = field(name="fixmedins_code", default="")  # 医药机构编号
    kept_until: str = field(name="dld_endtime", default="")  # 截止时间


class Download(Node, frozen=True, kw_only=True):
    """`fsDownloadIn` of 9102. The institution is the own code for results of 3202, `plc` for catalogue files."""

    file_no: str = field(name="file_qury_no")  # 文件查询号
    name: str = field(name="filename")  # 文件名
    institution_code: str = field(name="fixmedins_code")  # 医药机构编号


class DownloadInput(Node, frozen=True, kw_only=True):
    """Input of 9102. The answer is the file's own bytes; only a refusal comes as an envelope."""

    download: Download = field(name="fsDownloadIn")


# -- what stmt_rslt says (dictionary 6.15) ---------------------------------------------------------------------

ResultKind = Literal["level", "hub_has_more", "own_has_more", "differs", "unlike"]
"""`unlike`: not level, and the code does not say how."""

_KINDS: Final[Mapping[int, ResultKind]] = {
    0: "level",
    101: "hub_has_more",
    102: "own_has_more",
    103: "differs",
}


def result_kind(code: str) -> ResultKind:
    """Read `stmt_rslt` in both its forms: 0 and 1 (Hunan), or 000000 and 000101 to 000103 (newer national form)."""
    if not code.isascii() or not code.isdigit():
        return "unlike"
    return _KINDS.get(int(code), "unlike")


# -- files ---------------------------------------------------------------------------------------------------


class DetailRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the file that goes up; amounts negative for a cancellation."""

    settlement_id: str
    """`setl_id`; empty when the hub's number of this record never reached us."""
    visit_id: str
    person_no: Secret
    total_fen: Fen
    fund_fen: Fen
    account_fen: Fen
    refunded: bool = False


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the result: something the hub sees differently. Only the person, code and flag are always there."""

    line: int
    """Number of the line in the file, from 1."""
    person_no: Secret
    visit_id: str
    settlement_id: str
    message_id: str
    """`msgid` of the request that made the hub's record."""
    result: str
    refunded: bool
    memo: str
    total_fen: Fen | None = None
    fund_fen: Fen | None = None
    account_fen: Fen | None = None


class BadLine(msgspec.Struct, frozen=True):
    """A line of a result file that cannot be read; `reason` never repeats what stood there."""

    line: int
    reason: str


_RESULT_COLUMNS: Final[Mapping[ResultColumns, tuple[str, ...]]] = {
    "ten_cells": ("psn_no", "mdtrt_id", "setl_id", "msgid", "stmt_rslt", "refd_setl_flag", "memo",
              "medfee_sumamt", "fund_pay_sumamt", "acct_pay"),
    "seven_cells": ("psn_no", "mdtrt_id", "setl_id", "msgid", "refd_setl_flag", "stmt_rslt", "memo"),
}  # fmt: skip
"""Without the newer eleven, whose names are not published: a profile that asks for them is refused."""


def byte_list(data: bytes) -> tuple[int, ...]:
    """A file as 9101 carries it."""
    return tuple(data)


def detail_text(rows: Sequence[DetailRow]) -> bytes:
    """The text that goes up with 3202, columns as printed; raises `MalformedMessage` for a cell that would break a line."""
    return "".join("\t".join(map(_cell, _detail_cells(row))) + "\n" for row in rows).encode()


def _detail_cells(row: DetailRow) -> tuple[str, ...]:
    amounts = (row.total_fen, row.fund_fen, row.account_fen)
    return (
        row.settlement_id,
        row.visit_id,
        row.person_no.reveal(),
        *(amount.wire_text() for amount in amounts),
        "1" if row.refunded else "0",
    )


def _cell(text: str) -> str:
    if not text.isprintable():  # tabs and line ends among others
        raise MalformedMessage("a cell with a control character")
    return text or ABSENT


def result_rows(text: bytes, columns: ResultColumns) -> tuple[list[ResultRow], list[BadLine]]:
    """Read a result file: its records, and the lines that are none. Raises `MalformedMessage`: not UTF-8, too many lines."""
    if text.count(b"\n") + (not text.endswith(b"\n")) > MOST_LINES:
        raise MalformedMessage(f"more than {MOST_LINES} lines")
    try:
        whole = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedMessage("the result file is not UTF-8") from None
    rows: list[ResultRow] = []
    bad: list[BadLine] = []
    for number, line in enumerate(whole.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line.strip():
            continue
        try:
            rows.append(_result_row(number, line, _RESULT_COLUMNS[columns]))
        except MalformedMessage as wrong:
            bad.append(BadLine(number, wrong.reason))
    return rows, bad


def _result_row(number: int, line: str, names: tuple[str, ...]) -> ResultRow:
    cells = line.split("\t")
    if len(cells) != len(names):
        raise MalformedMessage(f"{len(cells)} cells instead of {len(names)}")
    values = {
        name: "" if cell.strip() in ("", ABSENT) else cell.strip()
        for name, cell in zip(names, cells, strict=True)
    }
    for name in ("psn_no", "stmt_rslt"):
        if not values[name]:
            raise MalformedMessage(f"{name} is missing")
    if values["refd_setl_flag"] not in ("", "0", "1"):
        raise MalformedMessage("refd_setl_flag is neither 0 nor 1")
    return ResultRow(
        line=number,
        person_no=Secret(values["psn_no"]),
        visit_id=values["mdtrt_id"],
        settlement_id=values["setl_id"],
        message_id=values["msgid"],
        result=values["stmt_rslt"],
        refunded=values["refd_setl_flag"] == "1",
        memo=values["memo"],
        total_fen=_amount(values, "medfee_sumamt"),
        fund_fen=_amount(values, "fund_pay_sumamt"),
        account_fen=_amount(values, "acct_pay"),
    )


def _amount(values: Mapping[str, str], name: str) -> Fen | None:
    text = values.get(name, "")
    try:
        return Fen.parse(text) if text else None
    except MoneyError:
        raise MalformedMessage(f"{name} is not an amount") from None


def pack(name: str, text: bytes) -> bytes:
    """One text as a ZIP; the same text gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


_NOT_A_ZIP: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, OSError, ValueError, LookupError,
)  # fmt: skip
"""What `zipfile` raises. RuntimeError: encrypted, or packed in a way that Python cannot unpack; the rest: damaged, somewhere
(LookupError: an entry without a name)."""


def unpack(data: bytes, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The one text of a ZIP; raises `MalformedMessage`, also when it would unpack to more than `limit` bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(files) != 1:
                raise MalformedMessage(f"{len(files)} files in the ZIP instead of one")
            if files[0].file_size > limit:
                raise MalformedMessage("the file unpacks to too much")
            # Never more than it announces, which has just been checked: `ZipFile` stops there and checks the sum.
            return archive.read(files[0])
    except _NOT_A_ZIP:
        raise MalformedMessage("not a ZIP that can be read") from None
