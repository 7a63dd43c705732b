"""Settlement records of the worked cases, as the hub would have booked them, for reports over known amounts."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from simulators.benefit.cancellation import negate
from simulators.benefit.case_file import CaseFile, parse_case, parse_file, run
from simulators.benefit.model import Result
from simulators.hub.ledger import LineRecord, SettlementRecord
from simulators.hub.reports.books import Books, Period, split_at
from simulators.world import load_world
from tests.simulators.benefit.conftest import CASES

WORLD = load_world()
DIVISIONS = {"JH": "999900", "GX": "979900", "NC": "969900", "CD": "989900"}
INSTITUTIONS = {"JH": "P99990000001", "GX": "H97990000001", "NC": "H96990000001", "CD": "H98990000001"}
MED_TYPES = {"pharmacy": "41", "outpatient": "11", "chronic": "14", "emergency": "13", "maternity": "51",
             "two_disease": "9901", "special_drug": "9904"}  # fmt: skip


@cache
def _cases() -> CaseFile:
    return parse_file(CASES.read_text("utf-8"))


@cache
def result_of(case_id: str) -> tuple[Any, Result]:
    """The first step of a case: (case, result)."""
    case = parse_case(_cases().cases[case_id])
    outcome = next(run(_cases(), case))
    assert isinstance(outcome.answer, Result)
    return case, outcome.answer


def booked(case_id: str, number: int = 1, day: str = "2026-03-12", **changes: Any) -> SettlementRecord:
    """The record of a case's first step; `changes` replace members."""
    case, result = result_of(case_id)
    visit = case.steps[0].visit
    insured = DIVISIONS[case.policy_set]
    care = DIVISIONS[visit.place]
    record = SettlementRecord(
        setl_id=f"SETL{case_id}{number}", mdtrt_id=f"MDT{case_id}{number}", psn_no=f"9999{case_id}",
        fixmedins_code=INSTITUTIONS[visit.place], msgid=f"{case_id}{number}", infno="2207A",
        setl_time=f"{day} 10:00:00", policy_set=case.policy_set, fee_date=dt.date.fromisoformat(day),
        insutype=case.person.insutype, psn_type=case.person.psn_type, insured_division=insured,
        pay_loc="2" if care == insured else "4", mdtrt_cert_type="03", med_type=MED_TYPES[visit.kind],
        clr_type="11", clr_optins=insured, result=result,
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def undone(record: SettlementRecord, infno: str = "2208") -> tuple[SettlementRecord, SettlementRecord]:
    """A settlement that no longer stands, and the record that undoes it."""
    how = "reversed" if infno == "2601" else "cancelled"
    return (
        msgspec.structs.replace(record, how_undone=how),
        msgspec.structs.replace(
            record, setl_id=f"{record.setl_id}-", infno=infno, direction=-1, undoes=record.setl_id,
            result=negate(record.result, record.result.account_after),
        ),
    )  # fmt: skip


def books_of(*records: SettlementRecord, lines: Mapping[str, tuple[LineRecord, ...]] | None = None) -> Books:
    """Books with these records."""
    return Books(records, lines or {}, WORLD.institutions, WORLD.divisions)


def since(day: int, *records: SettlementRecord) -> Books:
    """Books of a period that begins on that day of March 2026."""
    earlier, found = split_at(records, Period(dt.date(2026, 3, day)))
    return msgspec.structs.replace(books_of(*found), earlier=earlier)


def sold(item: str, price_fen: int, count: int = 1) -> LineRecord:
    """A charge line."""
    return LineRecord(
        feedetl_sn="1", chrg_bchno="", med_list_codg="", medins_list_codg="", item=item,
        quantity_e4=count * 10_000, price_micro=price_fen * 10_000, amount_fen=price_fen * count,
        fee_date=dt.date(2026, 3, 12),
    )  # fmt: skip
