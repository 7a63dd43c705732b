"""The journal and what is open in it, looked at from outside: read, never written."""

import os
from collections.abc import Iterable
from pathlib import Path

from protocols.fleet.messages import DoubtAges
from terminal.journal.glance import Glance
from yibao.doctor.machine import age_text
from yibao.doctor.report import Facts, Part, part


def glance(path: Path) -> Glance | None:
    """What is open and how new it is; None when the journal cannot be read."""
    import apsw

    from terminal.journal.glance import glance_at_journal

    if not os.path.exists(path):
        return Glance((), 0, None)
    try:
        return glance_at_journal(str(path))
    except apsw.Error:
        return None  # `look_at_journal` says what is wrong with it


def look_at_journal(path: Path) -> Part:
    """Check the whole file, without its key."""
    from terminal.journal.verify import verify_journal

    folder_closed = path.parent.is_dir() and not os.access(path.parent, os.X_OK)
    if not folder_closed and not os.path.exists(path):
        return part("journal", "journal_none")
    if folder_closed or not os.access(path, os.R_OK):
        return part("journal", "journal_forbidden")
    report = verify_journal(str(path))
    facts: Facts = {
        "settlements": report.settlements,
        "attempts": report.attempts,
        "audit_records": report.audit_records,
        "head": report.head,
        "findings": tuple(f"{one.code}: {one.where}: {one.text}" for one in report.findings[:20]),
    }
    if report.ok:
        return part(
            "journal", "journal_good", facts, settlements=str(report.settlements), records=str(report.audit_records)
        )  # fmt: skip
    first = report.findings[0]
    return part(
        "journal", "journal_bad", facts, count=str(len(report.findings)), first=f"{first.code}: {first.text}"
    )


def judge_doubts(ages: DoubtAges | None, *, worked_off: bool) -> Part:
    """Say how many outcomes are open and for how long; `worked_off` = a running service is at it."""
    if ages is None:
        return part("doubts", "doubts_unknown")
    count = ages.under_2_min + ages.under_1_h + ages.under_24_h + ages.over_24_h
    facts = {
        "open": count,
        "under_2_min": ages.under_2_min,
        "under_1_h": ages.under_1_h,
        "under_24_h": ages.under_24_h,
        "over_24_h": ages.over_24_h,
        "oldest_s": ages.oldest_s,
    }
    if not count:
        return part("doubts", "doubts_none", facts)
    age = age_text(ages.oldest_s)
    if ages.over_24_h:
        return part("doubts", "doubts_old", facts, count=str(count), old=str(ages.over_24_h), age=age)
    return part("doubts", "doubts_open" if worked_off else "doubts_idle", facts, count=str(count), age=age)


def names(of: Iterable[str]) -> str:
    """A list for people; a dash when there is none."""
    return ", ".join(of) or "-"
