"""Reconciliation at the hub: 3201 totals, 3202 detail, 9101 and 9102 for the files.

A day's records are those whose `setl_time` falls on it; a cancellation and a reversal are records of their own with
negative amounts (our decision K49). The result file names only what differs: a record the hub alone holds comes with
the message id it was booked under and without ids of settlement and visit, as in the worked example.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from protocols.errors import MalformedMessage
from protocols.hub.accounts import pack, unpack
from protocols.money import Fen
from simulators.hub import tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Field, Node, absent, as_node, check
from simulators.hub.ledger import SettlementRecord
from simulators.hub.refusals import FieldRefused, Refused

Finding = Literal["level", "hub_more", "institution_more", "differs"]

_ONE_DIGIT: Final[Mapping[Finding, str]] = {
    "level": "0",
    "hub_more": "1",
    "institution_more": "1",
    "differs": "1",
}
_SIX_DIGITS: Final[Mapping[Finding, str]] = {
    "level": "000000",
    "hub_more": "000101",
    "institution_more": "000102",
    "differs": "000103",
}
_MEMOS: Final[Mapping[Finding, str]] = {
    "level": "",
    "hub_more": "中心多 (centre has more)",
    "institution_more": "机构多 (institution has more)",
    "differs": "数据不一致 (data differ)",
}
_MAX_FILE_BYTES: Final = 3 * 1024 * 1024
_UPLOAD_CELLS: Final = 7
KEPT: Final = "2099-12-31 00:00:00"
PUBLIC: Final = "plc"
"""Owner of the files that everybody may fetch."""


class _Uploaded(msgspec.Struct, frozen=True):
    """One row of the institution's file."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    amounts: tuple[int, int, int]
    """Total, fund and account in fen."""
    refunded: str


def totals(desk: Desk, call: Call) -> Output:
    """3201: level or not, over one scheme, clearing category and agency. The hub's own figures are not told."""
    node = _question(desk, call, tables.TOTALS)
    records = [record for record in _records(desk, call, node) if record.insutype == node.text("insutype")]
    finding, words = _compare_totals(desk, node, records)
    return {
        "stmtinfo": {
            "setl_optins": node.text("setl_optins"),
            "stmt_rslt": _code(desk, finding),
            "stmt_rslt_dscr": words,
        }
    }


def _question(desk: Desk, call: Call, table: tuple[Field, ...]) -> Node:
    node = check(as_node(call.input.get("data"), "data"), table, "data")
    check_clearing_type(desk, node)
    return node


def check_clearing_type(desk: Desk, node: Node) -> None:
    """Refuse a `clr_type` that neither the national list nor the profile has. Raises `FieldRefused`."""
    if node.text("clr_type") not in tables.CLEARING_TYPES.union(desk.profile.codes.clr_type.values()):
        raise FieldRefused("data.clr_type", "代码值不在字典中 (unknown code)")


def _compare_totals(desk: Desk, node: Node, records: Sequence[SettlementRecord]) -> tuple[Finding, str]:
    count = int(node.number("fixmedins_setl_cnt"))
    if count != len(records):
        return ("hub_more" if count < len(records) else "institution_more"), "笔数不一致"
    amounts = [amounts_of(desk, record) for record in records]
    sums = tuple(sum(column) for column in zip(*amounts, strict=True)) or (0, 0, 0)
    told = (node.fen("medfee_sumamt"), node.fen("fund_pay_sumamt"), node.fen("acct_pay"))
    return ("level", "对账平") if told == sums else ("differs", "金额不一致")


def detail(desk: Desk, call: Call) -> Output:
    """3202: compare the uploaded rows with the records and keep a file of what differs."""
    node = _question(desk, call, tables.DETAIL)
    content = desk.ledger.file(node.text("file_qury_no"), call.institution.code)
    if content is None:
        raise Refused("FILE_NOT_FOUND")
    rows = _uploaded(content)
    found = [
        _result_line(desk, *difference) for difference in _differences(desk, rows, _records(desk, call, node))
    ]
    name = f"3202_{node.text('stmt_begndate').replace('-', '')}_result"
    content = pack(f"{name}.txt", "".join(found).encode())
    number = keep(desk, call, content, call.institution.code)
    return {"fileinfo": {"file_qury_no": number, "filename": f"{name}.zip", "dld_endtime": KEPT}}


def upload(desk: Desk, call: Call) -> Output:
    """9101: keep a file; the answer has no node."""
    given = as_node(call.input.get("fsUploadIn"), "fsUploadIn")
    node = check(given, tables.UPLOAD, "fsUploadIn")
    if node.text("fixmedins_code") != call.institution.code:
        raise FieldRefused("fsUploadIn.fixmedins_code", "不是本机构 (not this institution)")
    return {
        "file_qury_no": keep(desk, call, bytes_of(given.get("in"), "fsUploadIn.in"), call.institution.code),
        "filename": node.text("filename"),
        "fixmedins_code": call.institution.code,
        "dld_endtime": KEPT,
    }


def download(desk: Desk, call: Call) -> Output:
    """9102: the file's own bytes, without envelope."""
    node = check(as_node(call.input.get("fsDownloadIn"), "fsDownloadIn"), tables.DOWNLOAD, "fsDownloadIn")
    owner = node.text("fixmedins_code")
    content = desk.ledger.file(node.text("file_qury_no"), owner)
    if content is None or owner not in (call.institution.code, PUBLIC):
        raise Refused("FILE_NOT_FOUND")
    return content


def bytes_of(value: object, where: str) -> bytes:
    """A file as the wire has it, a list of its bytes. Raises `FieldRefused`."""
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_FILE_BYTES:
        raise FieldRefused(where, "不是字节数组或过大 (no list of bytes, or too long)")
    if not all(type(byte) is int and 0 <= byte <= 255 for byte in value):
        raise FieldRefused(where, "字节超出 0-255 (a byte outside 0 to 255)")
    return bytes(value)


def keep(desk: Desk, call: Call, content: bytes, owner: str) -> str:
    """Keep a file for an institution, or for everybody (`plc`); returns its number."""
    number = f"M00/00/00/{call.now:%Y%m%d}{desk.ledger.file_count() + 1:08d}"
    desk.ledger.keep_file(number, owner, content)
    return number


def _records(desk: Desk, call: Call, node: Node) -> list[SettlementRecord]:
    """The institution's records of those days, category and agency."""
    first, last = node.text("stmt_begndate"), node.text("stmt_enddate")
    return [
        record
        for record in desk.ledger.of_institution(call.institution.code)
        if first <= record.setl_time[:10] <= last
        and record.clr_type == node.text("clr_type")
        and record.clr_optins == node.text("setl_optins")
        and (record.live or desk.profile.recon.cancel_is_record)
    ]


def amounts_of(desk: Desk, record: SettlementRecord) -> tuple[int, int, int]:
    """Total, fund and account as this hub counts them (K42); relatives' money is account money here everywhere."""
    result = record.result
    counted_in = result.account_fen if desk.profile.money.fund_sum == "with_account" else 0
    return result.total_fen, result.fund_fen + counted_in, result.account_fen


def _differences(
    desk: Desk, rows: Sequence[_Uploaded], records: Sequence[SettlementRecord]
) -> Iterator[tuple[Finding, _Uploaded | None, SettlementRecord | None]]:
    by_id = {record.setl_id: record for record in records}
    for row in rows:
        record = by_id.pop(row.setl_id, None)
        if record is None:
            yield "institution_more", row, None
        elif (row.psn_no, row.amounts) != (record.psn_no, amounts_of(desk, record)):
            yield "differs", row, record
    for record in by_id.values():
        yield "hub_more", None, record


def _result_line(desk: Desk, finding: Finding, row: _Uploaded | None, record: SettlementRecord | None) -> str:
    person, visit, setl_id, msgid, refunded = "", "", "", "", "0"
    amounts: tuple[int, int, int] = (0, 0, 0)
    if record is not None:
        person, msgid, amounts = record.psn_no, record.msgid, amounts_of(desk, record)
        refunded = "1" if record.direction < 0 else "0"
    if row is not None:
        visit, setl_id = row.mdtrt_id, row.setl_id
    if row is not None and record is None:
        person, amounts, refunded = row.psn_no, row.amounts, row.refunded
    cells = [person, visit, setl_id, msgid]
    code, memo = _code(desk, finding), _MEMOS[finding]
    if desk.profile.recon.columns == "seven_cells":
        cells += [refunded, code, memo]
    else:
        cells += [code, refunded, memo, *(Fen(fen).wire_text() for fen in amounts)]
    return "\t".join(cell or "null" for cell in cells) + "\n"


def _code(desk: Desk, finding: Finding) -> str:
    return (_SIX_DIGITS if desk.settings.stmt_rslt == "six_digits" else _ONE_DIGIT)[finding]


def _uploaded(content: bytes) -> list[_Uploaded]:
    """The rows of an uploaded ZIP. Raises `Refused` naming the first line that is wrong."""
    try:
        lines = unpack(content).decode().splitlines()
    except (MalformedMessage, UnicodeDecodeError):
        raise Refused("FILE_UNREADABLE", detail="ZIP") from None
    return [_uploaded_row(number, line) for number, line in enumerate(lines, start=1)]


def _uploaded_row(number: int, line: str) -> _Uploaded:
    cells = line.split("\t")
    where = f"第 {number} 行 (line {number})"
    if len(cells) != _UPLOAD_CELLS:
        raise Refused("FILE_UNREADABLE", detail=where)
    setl_id, mdtrt_id, psn_no, total, fund, account, refunded = (
        "" if absent(cell) else cell for cell in cells
    )
    if not psn_no or refunded not in tables.YES_NO:
        raise Refused("FILE_UNREADABLE", detail=where)
    try:
        amounts = (_fen(total), _fen(fund), _fen(account))
    except ValueError:
        raise Refused("FILE_UNREADABLE", detail=where) from None
    return _Uploaded(setl_id, mdtrt_id, psn_no, amounts, refunded)


_fen: Final[Callable[[str], int]] = Fen.parse
