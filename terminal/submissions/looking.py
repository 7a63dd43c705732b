"""After a lost answer: which question tells whether the hub has it, and what its answer proves.

5304, 5301 and 5302 list what is filed for a person; 3512 and 3513 list trace codes. Goods without trace codes, and the
transactions whose questions (3508 to 3511) are known by their key fields only, are a person's to look up.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from protocols.hub import filings, goods, queries, records, trace_codes
from terminal.core.submission import Found


class Question(msgspec.Struct, frozen=True):
    """One question to the hub."""

    infno: str
    content: msgspec.Struct


_TracedRow = goods.StockTake | goods.StockChangeA | goods.Sale


def questions(
    content: msgspec.Struct, institution: str, first: dt.date, last: dt.date
) -> tuple[Question, ...]:
    """What to ask, over the days from opening until today; nothing = no question can tell."""
    match content:
        case filings.TransferInput(filing=filing):
            day = filing.transferred_on
            query = filings.TransfersQuery(person_no=filing.person_no, began_at=f"{day} 00:00:00")
            return (Question("5304", filings.TransfersQueryInput(query=query)),)
        case filings.ChronicApplicationInput(filing=filing):
            asked = queries.ChronicQuery(person_no=filing.person_no)
            return (Question("5301", queries.ChronicQueryInput(query=asked)),)
        case filings.InstitutionChoiceInput(filing=filing):
            chosen = records.DesignatedQuery(person_no=filing.person_no, business=filing.business)
            return (Question("5302", records.DesignatedQueryInput(query=chosen)),)
        case _:
            return _of_goods(content, institution, first, last)


def _of_goods(
    content: msgspec.Struct, institution: str, first: dt.date, last: dt.date
) -> tuple[Question, ...]:
    rows = _traced(content)
    if not rows or not all(_codes(row) for row in rows):
        return ()
    batches = dict.fromkeys(row.batch for row in rows)
    began, ended = first.isoformat(), last.isoformat()
    if isinstance(content, goods.SaleInput | goods.SaleAInput):
        return tuple(
            Question(
                "3513",
                trace_codes.SoldCodesQueryInput(
                    query=trace_codes.SoldCodesQuery(
                        institution_code=institution, batch=batch, began_on=began, ended_on=ended
                    )
                ),
            )
            for batch in batches
        )
    return tuple(
        Question(
            "3512",
            trace_codes.StockedCodesQueryInput(
                query=trace_codes.StockedCodesQuery(
                    institution_code=institution, batch=batch, began_on=began, ended_on=ended
                )
            ),
        )
        for batch in batches
    )


def judge_looks(content: msgspec.Struct, outputs: Sequence[object]) -> Found:
    """What the answers prove together. `outputs` are those of `questions`, in order, all of them answered."""
    match content, outputs:
        case filings.TransferInput(filing=filing), [filings.TransfersQueryOutput(rows=rows)]:
            wanted = (filing.receiving_code, filing.transferred_on)
            return _found(wanted in {(row.receiving_code, row.transferred_on[:10]) for row in rows})
        case filings.ChronicApplicationInput(filing=filing), [queries.ChronicQueryOutput(filings=rows)]:
            begun = [row.began_on[:10] for row in rows if row.disease_code == filing.disease_code]
            if begun and filing.began_on not in begun:
                return (
                    Found.UNCLEAR
                )  # an older filing of the same disease, or ours with another date: a person compares
            return _found(bool(begun))
        case filings.InstitutionChoiceInput(filing=filing), [records.DesignatedQueryOutput(rows=rows)]:
            chosen = (filing.institution_code, filing.began_on)
            return _found(chosen in {(row.institution_code, row.began_on[:10]) for row in rows})
    if not outputs or not all(isinstance(one, trace_codes.HeldCodesOutput) for one in outputs):
        return Found.UNCLEAR
    held = {
        (row.batch, row.code, row.visit_id)
        for one in outputs
        if isinstance(one, trace_codes.HeldCodesOutput)
        for row in one.rows
        if row.valid != "0"
    }
    there = [_is_held(row, code, held) for row in _traced(content) for code in _codes(row)]
    if all(there):
        return Found.THERE
    return Found.UNCLEAR if any(there) else Found.NOT_THERE


def _found(there: bool) -> Found:
    return Found.THERE if there else Found.NOT_THERE


def _is_held(row: _TracedRow, code: str, held: set[tuple[str, str, str]]) -> bool:
    """Under its batch, and a sold one under its visit: a code that was sold before proves nothing."""
    visits = {row.visit_serial, ""} if isinstance(row, goods.Sale) else {""}
    return any((row.batch, code, visit) in held for visit in visits)


def _traced(content: msgspec.Struct) -> tuple[_TracedRow, ...]:
    match content:
        case goods.StockTakeInput(row=row) | goods.SaleInput(row=row):
            return (row,)
        case goods.StockChangeAInput(rows=rows) | goods.SaleAInput(rows=rows):
            return rows
        case _:
            return ()


def _codes(row: _TracedRow) -> tuple[str, ...]:
    return () if row.trace_codes is UNSET else tuple(one.code for one in row.trace_codes)
