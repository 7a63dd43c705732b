"""Clearing at the hub: 3203 application, 3204 its withdrawal; 3260 to 3262 the month's records of people from elsewhere.

An application must say what the hub's own books say of that month, category, method and agency, and is taken once until
it is withdrawn. Applications are closed where the profile leaves them to the institution's portal (`recon.clearing`).
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from simulators.hub.accounts import amounts_of, check_clearing_type
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Field, Node, as_list, as_node, check
from simulators.hub.ledger import SettlementRecord
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.wire import yuan

PAGE: Final = 100
"""Rows of one 3260."""
APPLICATION: Final = "clearing"
CONFIRMATION: Final = "far_confirmation"
_EVENT_DIGITS: Final = 20

APPLY_TABLE: Final = (
    Field("clr_type", length=30, required=True),
    Field("clr_way", length=30),
    Field("setlym", length=6, required=True),
    Field("psntime", "N", 6, required=True),
    *(
        Field(name, "N", 16, 2, required=True)
        for name in ("medfee_sumamt", "med_sumfee", "fund_appy_sum", "cash_payamt", "acct_pay")
    ),
    Field("begndate", "D", required=True),
    Field("enddate", "D", required=True),
)
"""3203 data."""
WITHDRAW_TABLE: Final = (Field("clr_appy_evt_id", length=30, required=True),)
"""3204 data."""
_MONTH_FIELDS: Final = (
    Field("trt_year", length=4, required=True),
    Field("trt_month", length=2, required=True),
)
FAR_TABLE: Final = (*_MONTH_FIELDS, Field("startrow", "N", 10, required=True))
"""3260 data."""
CONFIRM_TABLE: Final = (*_MONTH_FIELDS, Field("totalrow", "N", 10, required=True))
"""3261 data."""
CONFIRM_ROW: Final = (
    Field("certno", length=50, required=True),
    Field("mdtrt_id", length=30, required=True),
    Field("mdtrt_setl_time", "DT", required=True),
    Field("setl_sn", length=30, required=True),
    Field("medfee_sumamt", "N", 16, 2, required=True),
    Field("optins_pay_sumamt", "N", 16, 2, required=True),
    Field("cnfm_flag", length=3, required=True, codes=frozenset({"0", "1"})),
)
"""3261 detail; lengths are those of the same members elsewhere."""
TAKE_BACK_TABLE: Final = (*_MONTH_FIELDS, Field("otransid", length=30, required=True))
"""3262 data."""
_DAY: Final = dt.timedelta(days=1)
_MONTH: Final = re.compile(r"20\d\d(0[1-9]|1[0-2])")


class ApplicationRecord(msgspec.Struct, frozen=True):
    """One application that stands."""

    event_id: str
    clr_type: str
    clr_way: str
    agency: str
    month: str
    fund_fen: int


class FarConfirmation(msgspec.Struct, frozen=True):
    """What an institution has said of a month: settlement number to agreed or not."""

    month: str
    agreed: dict[str, bool]


def apply(desk: Desk, call: Call) -> Output:
    """3203: take an application whose figures are the hub's own."""
    if desk.profile.recon.clearing == "portal":
        raise Refused("NOT_OPEN")
    node = check(as_node(call.input.get("data"), "data"), APPLY_TABLE, "data")
    check_clearing_type(desk, node)
    month, agency = node.text("setlym"), call.insured_division or call.institution.division
    _check_period(node, month)
    records = [
        record
        for record in _of_month(desk, call, month)
        if (record.clr_type, record.clr_optins) == (node.text("clr_type"), agency)
    ]
    wanted = _figures(desk, records)
    told = {name: node.fen(name) for name in wanted}
    count = sum(record.direction for record in records)
    wrong = next((name for name, amount in wanted.items() if told[name] != amount), "")
    if int(node.number("psntime")) != count:
        wrong = "psntime"
    if wrong:
        raise Refused("CLEARING_MISMATCH", detail=wrong)
    key = (node.text("clr_type"), node.text("clr_way"), agency, month)
    for one in desk.ledger.documents.all(APPLICATION, call.institution.code, ApplicationRecord):
        if (one.clr_type, one.clr_way, one.agency, one.month) == key:
            raise Refused("CLEARING_EXISTS")
    event = desk.new_id(
        "CLR", _EVENT_DIGITS, call.institution.division, lambda number: _standing(desk, call, number)
    )
    record = ApplicationRecord(event, *key, told["fund_appy_sum"])
    desk.ledger.documents.put(APPLICATION, event, call.institution.code, record)
    return {"result": {"clr_appy_evt_id": event}}


def withdraw(desk: Desk, call: Call) -> Output:
    """3204: withdraw an application by its number."""
    if desk.profile.recon.clearing == "portal":
        raise Refused("NOT_OPEN")
    node = check(as_node(call.input.get("data"), "data"), WITHDRAW_TABLE, "data")
    if _standing(desk, call, node.text("clr_appy_evt_id")) is None:
        raise Refused("CLEARING_UNKNOWN")
    desk.ledger.documents.remove(APPLICATION, node.text("clr_appy_evt_id"))
    return None


def far_records(desk: Desk, call: Call) -> Output:
    """3260: one page of the month's standing settlements of people insured elsewhere."""
    node = check(as_node(call.input.get("data"), "data"), FAR_TABLE, "data")
    first = int(node.number("startrow"))
    if first < 1:
        raise FieldRefused("data.startrow", "从 1 起 (counts from 1)")
    rows = list(_far(desk, call, _month(node)))
    return {
        "data": [
            {
                "seqno": str(place),
                "mdtrtarea": call.institution.division,
                "medins_no": call.institution.code,
                "certno": _certno(desk, record),
                "mdtrt_id": record.mdtrt_id,
                "mdtrt_setl_time": record.setl_time,
                "setl_sn": record.setl_id,
                "fulamt_advpay_flag": "0",
                "medfee_sumamt": yuan(amounts_of(desk, record)[0]),
                "optins_pay_sumamt": yuan(amounts_of(desk, record)[1]),
            }
            for place, record in list(enumerate(rows, start=1))[first - 1 : first - 1 + PAGE]
        ]
    }


def confirm(desk: Desk, call: Call) -> Output:
    """3261: what the institution says of the records; the newest word on each counts."""
    node = check(as_node(call.input.get("data"), "data"), CONFIRM_TABLE, "data")
    month = _month(node)
    rows = as_list(call.input.get("detail"), "detail")
    if int(node.number("totalrow")) != len(rows):
        raise FieldRefused("data.totalrow", "与明细行数不符 (is not the number of rows)")
    known = {record.setl_id: record for record in _far(desk, call, month)}
    agreed = dict(_confirmation(desk, call, month).agreed)
    for place, row in enumerate(rows):
        where = f"detail[{place}]"
        checked = check(as_node(row, where), CONFIRM_ROW, where)
        record = known.get(checked.text("setl_sn"))
        if record is None or record.mdtrt_id != checked.text("mdtrt_id"):
            raise Refused("SETL_NOT_FOUND", detail=f"{where}.setl_sn")
        agreed[record.setl_id] = checked.text("cnfm_flag") == "1"
    key = f"{call.institution.code}{month}"
    desk.ledger.documents.put(CONFIRMATION, key, call.institution.code, FarConfirmation(month, agreed))
    return None


def take_back(desk: Desk, call: Call) -> Output:
    """3262: forget what was said of a month."""
    node = check(as_node(call.input.get("data"), "data"), TAKE_BACK_TABLE, "data")
    month = _month(node)
    if not _confirmation(desk, call, month).agreed:
        raise Refused("CLEARING_UNKNOWN")
    desk.ledger.documents.remove(CONFIRMATION, f"{call.institution.code}{month}")
    return None


def _check_period(node: Node, month: str) -> None:
    if not _MONTH.fullmatch(month):
        raise FieldRefused("data.setlym", "应为 yyyyMM (not yyyyMM)")
    first, last = node.day("begndate"), node.day("enddate")
    if not f"{first:%Y%m}" == f"{last:%Y%m}" == month or (first.day, (last + _DAY).day) != (1, 1):
        raise FieldRefused("data.enddate", "应为整月 (not the whole month)")


def _month(node: Node) -> str:
    month = node.text("trt_year") + node.text("trt_month")
    if not _MONTH.fullmatch(month):
        raise FieldRefused("data.trt_month", "应为 yyyy 和 MM (not yyyy and MM)")
    return month


def _of_month(desk: Desk, call: Call, month: str) -> Iterator[SettlementRecord]:
    for record in desk.ledger.of_institution(call.institution.code):
        if record.setl_time[:7].replace("-", "") == month:
            yield record


def _far(desk: Desk, call: Call, month: str) -> Iterator[SettlementRecord]:
    for record in _of_month(desk, call, month):
        if record.live and not desk.profile.is_local(call.institution.division, record.insured_division):
            yield record


def _figures(desk: Desk, records: list[SettlementRecord]) -> dict[str, int]:
    sums = [sum(column) for column in zip(*(amounts_of(desk, one) for one in records), strict=True)]
    total, fund, account = sums or (0, 0, 0)
    cash = sum(record.result.cash_fen for record in records)
    return {
        "medfee_sumamt": total,
        "med_sumfee": total,
        "fund_appy_sum": fund,
        "cash_payamt": cash,
        "acct_pay": account,
    }


def _standing(desk: Desk, call: Call, event: str) -> ApplicationRecord | None:
    return desk.ledger.documents.get(APPLICATION, event, call.institution.code, ApplicationRecord)


def _confirmation(desk: Desk, call: Call, month: str) -> FarConfirmation:
    key = f"{call.institution.code}{month}"
    found = desk.ledger.documents.get(CONFIRMATION, key, call.institution.code, FarConfirmation)
    return FarConfirmation(month, {}) if found is None else found


def _certno(desk: Desk, record: SettlementRecord) -> str:
    person = desk.person(record.psn_no)
    return "" if person is None else person.certno
