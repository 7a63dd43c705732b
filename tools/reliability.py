"""docs/reliability.md: what must hold, and how often each fault fired when it was put to the test.

`make test` and `make soak` leave what fired in `build/faults/` (tests/faults.py, tests/conftest.py). `make docs` takes the
counts of the last whole run into `docs/reliability-record.toml`, which is committed, and draws the document from it; so
a run of the tests changes no file of the tree.
"""

import datetime as dt
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER_VARIABLE: Final = "YIBAO_FAULT_RECORD"
"""Names the folder into which a run of the tests writes what fired."""
RECORDS: Final = ROOT / "build" / "faults"
RECORD_FILE: Final = ROOT / "docs" / "reliability-record.toml"
NOTES: Final = ROOT / "docs" / "reliability-notes.md"
SESSION: Final = "session.json"
"""Written beside the counts when a run of pytest ends (tests/conftest.py)."""
SOAK_PARTS: Final = ("simulation.json", "images.json", "kills.json")
"""What each part of `make soak` prints at its end, the simulation first."""
SOAK_TOTALS: Final = {
    "simulated_settlements": "settlements", "simulated_hit": "faulted", "simulated_cuts": "cuts", "simulated_breaks": "breaks",
    "doubts_after_hub": "doubts", "doubts_late": "late",
}  # fmt: skip
"""What the simulation's own totals are called in FIGURES."""
SOAK_STATUS: Final = "status"
"""Written by `make soak` when all its parts have come to their end: 0 when none of them failed."""

FIGURES: Final[Mapping[str, str]] = {
    "simulated_settlements": "settlements simulated",
    "simulated_hit": "of those, hit by a fault between S3 and the final state",
    "doubts_after_hub": "doubts in them that saw the hub answer again",
    "doubts_late": "of those, final more than 30 s after that (virtual time, without quiet time and gate)",
    "simulated_cuts": "kills and power cuts inside the simulation",
    "simulated_breaks": "invariants broken in the simulation",
    "power_cut_images": "distinct disk images after a power cut",
    "real_kills": "kills of the real process",
    "twins_caught": "bad twins caught",
    "storm_requests": "equal requests in a storm",
}
"""Figures that have words of their own; others are shown by name."""


class Run(msgspec.Struct, frozen=True):
    """The last whole run of one kind."""

    date: str = ""
    """ISO date, "" before the first recorded run."""
    tests: int = 0
    seconds: int = 0
    proof_seconds: int = 0
    """Of these, what the settlements, images, kills and twins took; 0 where it was not measured."""
    rows: dict[str, int] = {}
    figures: dict[str, int] = {}


class Recorded(msgspec.Struct, frozen=True):
    """What docs/reliability-record.toml holds."""

    test: Run = Run()
    soak: Run = Run()


class Means(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of tools/fault_rows.toml."""

    how: str
    absent: str = ""
    simulated: tuple[str, ...] = ()


@cache
def means() -> Mapping[str, Means]:
    """How each row and each invariant is put to the test, by mark."""
    text = (ROOT / "tools" / "fault_rows.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Means])


def rows_of(simulated: str) -> list[str]:
    """The rows to which a fault of the simulated site belongs, by the name under which it is counted there."""
    kind, _, infno = simulated.partition(" ")
    names = {kind, simulated, f"* {infno}"}
    return [row for row, entry in means().items() if names.intersection(entry.simulated)]


# -- taking in what the last runs left ---------------------------------------------------------------


def count(lines: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Add up lines of a record: counts by row, counts by figure."""
    rows, figures = Counter[str](), Counter[str]()
    for line in lines:
        noted = json.loads(line)
        if "row" in noted:
            rows[noted["row"]] += noted["count"]
        else:
            figures[noted["figure"]] += noted["count"]
    return dict(sorted(rows.items())), dict(sorted(figures.items()))


def _lines(folder: Path) -> list[str]:
    return [
        line
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def taken_test(folder: Path) -> Run | None:
    """The run that `make test` left in `folder`; None when there is none, or it was not green, or only a part."""
    path = folder / SESSION
    if not path.is_file():
        return None
    session = json.loads(path.read_text(encoding="utf-8"))
    if not session["whole"] or session["exit_status"] != 0:
        return None
    rows, figures = count(_lines(folder))
    return Run(
        session["date"], session["tests"], session["seconds"], session.get("proof_seconds", 0), rows, figures
    )


def taken_soak(folder: Path) -> Run | None:
    """The run that `make soak` left in `folder`; None when there is none, it was broken off, or a part of it failed."""
    status = folder / SOAK_STATUS
    if not status.is_file() or status.read_text(encoding="utf-8").strip() != "0":
        return None
    parts = [_last_line(folder / name) for name in SOAK_PARTS]
    if not all(parts):
        return None
    said = [json.loads(part) for part in parts]
    totals = said[0]
    rows, figures = (Counter(counts) for counts in count(_lines(folder)))
    for name, times in totals["faults"].items():
        rows.update(dict.fromkeys(rows_of(name), times))
    figures.update({name: totals[key] for name, key in SOAK_TOTALS.items() if key in totals})
    date = dt.datetime.fromtimestamp(status.stat().st_mtime, dt.UTC).date().isoformat()
    return Run(
        date,
        0,
        round(sum(part["seconds"] for part in said)),
        0,
        dict(sorted(rows.items())),
        dict(sorted(figures.items())),
    )


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), "")


def recorded() -> Recorded:
    """What is committed."""
    if not RECORD_FILE.exists():
        return Recorded()
    return msgspec.convert(tomllib.loads(RECORD_FILE.read_text(encoding="utf-8")), Recorded)


def take() -> None:
    """Take what the last whole runs left in `build/faults/` into the committed record."""
    known = recorded()
    found = Recorded(
        taken_test(RECORDS / "test") or known.test,
        taken_soak(RECORDS / "soak") or known.soak,
    )
    if found != known or not RECORD_FILE.exists():
        RECORD_FILE.write_text(_as_toml(found), encoding="utf-8")
    for row in unexplained(found):
        print(f"{row} did not fire in the last make test, and tools/fault_rows.toml has no reason for it")


def _as_toml(record: Recorded) -> str:
    parts = ["# Written by `make docs` from the last whole `make test` and `make soak`. Do not edit by hand."]
    for name in ("test", "soak"):
        run: Run = getattr(record, name)
        parts += ["", f"[{name}]", f'date = "{run.date}"', f"tests = {run.tests}", f"seconds = {run.seconds}"]
        parts += [f"proof_seconds = {run.proof_seconds}"]
        for kind in ("rows", "figures"):
            counts: Mapping[str, int] = getattr(run, kind)
            parts += ["", f"[{name}.{kind}]", *(f"{key} = {value}" for key, value in counts.items())]
    return "\n".join(parts) + "\n"


def unexplained(record: Recorded) -> list[str]:
    """Rows that did not fire in the recorded run of the tests and have no reason; none before the first run."""
    if not record.test.date:
        return []
    return [row for row in fault_rows() if not record.test.rows.get(row) and not means()[row].absent]


# -- the document ------------------------------------------------------------------------------------


def _noted(pattern: str) -> dict[str, list[str]]:
    """Rows of the tables of docs/reliability-notes.md whose mark matches, by mark."""
    rows = {}
    for line in NOTES.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and re.fullmatch(pattern, cells[0]):
            rows[cells[0]] = cells[1:]
    return rows


def fault_rows() -> dict[str, list[str]]:
    """F01 to F74: the fault and what must hold, by mark."""
    return _noted(r"F\d\d")


def invariants() -> dict[str, list[str]]:
    """I1 to I12: what must always hold, by mark."""
    return _noted(r"I\d+")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(counts: Mapping[str, int], name: str) -> str:
    return f"{counts.get(name, 0):,}"


def _figure(counts: Mapping[str, int], name: str) -> str:
    """A figure that a run does not count is no 0."""
    return f"{counts[name]:,}" if name in counts else "–"


def _covered(record: Recorded, row: str) -> str:
    if record.test.rows.get(row):
        return _shown(record.test.rows, row)
    if not record.test.date:
        return "no run recorded"
    return f"0, **not covered**: {means()[row].absent or 'the test is missing'}"


def _when(name: str, run: Run) -> str:
    if not run.date:
        return f"No `make {name}` has been recorded yet."
    tests = f"{run.tests:,} tests, " if run.tests else ""
    length = f"{run.seconds / 3600:.1f} hours" if run.seconds >= 3600 else f"{run.seconds:,} seconds"
    proof = (
        f", of which {run.proof_seconds:,} for settlements, images, kills and twins"
        if run.proof_seconds
        else ""
    )
    return f"Last recorded `make {name}`: {run.date}, {tests}{length}{proof}."


def _answer(run: Run) -> list[str]:
    """The one question of a shop's owner, in both languages."""
    if not run.date:
        counts_zh, counts_en = "还没有记录过完整的测试。", "No whole run of the tests has been recorded yet."
    else:
        of = Counter(run.figures)
        breaks = of["simulated_breaks"]
        counts_zh = (
            f"最近一次完整测试（{run.date}）：模拟结算 {of['simulated_settlements']:,} 笔，其中 {of['simulated_hit']:,}"
            f" 笔在途中遇到故障；断电后的磁盘映像 {of['power_cut_images']:,} 份；真实进程被强行杀死"
            f" {of['real_kills']:,} 次。重复扣款或漏账：{breaks} 笔。故意做错的程序查出 {of['twins_caught']} 种。"
        )
        counts_en = (
            f"In the last whole run of the tests ({run.date}) {of['simulated_settlements']:,} settlements were simulated and"
            f" {of['simulated_hit']:,} of them met a fault on their way; {of['power_cut_images']:,} disk images after a power cut were"
            f" opened again; the real program was killed {of['real_kills']:,} times. Charged twice or lost:"
            f" {breaks}. Programs made wrong on purpose and found out: {of['twins_caught']}."
        )
    return [
        "## Can a customer be charged twice, or can we go unpaid?",
        "**会不会重复扣款，会不会收不到钱？** 按下面的设计和检验，不会，除非医保中心自己的账记错：报文发出之前，编号和原文已经写进磁盘；"
        "没有得到签名正确的答复，就不当作成功，也不当作失败，更不会换一个编号再结一次，而是按原编号冲正，直到中心明确答复；超过六次没有答复，就提示"
        "人来处理，同时继续冲正。每天与中心对账，账上多一笔、少一笔、金额不同，都会列出原因和处理办法。"
        + counts_zh,
        "**In English.** By design no, unless the hub's own books are wrong: before a message leaves, its number and bytes are on disk;"
        " without an answer under the hub's signature nothing is taken for done or for refused, and never settled again under"
        " another number, but withdrawn by its own number until the hub says how that ended. After six tries a person is called and"
        " the tries go on. Every day is reconciled with the hub, and a row too many, too few or different is named with its"
        " cause and what to do. " + counts_en,
        "What these counts are not: no settlement here went to a real hub, and no board lost real power. The far ends are our"
        " simulators with books of their own ([testing.md](testing.md)); a proof for one province needs that province's test hub.",
    ]


def _figures(record: Recorded) -> str:
    names = [*FIGURES, *sorted({*record.test.figures, *record.soak.figures} - set(FIGURES))]
    return _table(
        ("figure", "last make test", "last make soak"),
        (
            (
                FIGURES.get(name, name.replace("_", " ")),
                _figure(record.test.figures, name),
                _figure(record.soak.figures, name),
            )
            for name in names
        ),
    )


def document(record: Recorded | None = None) -> str:
    """The text of docs/reliability.md."""
    known = recorded() if record is None else record
    parts = [
        "<!-- Written by `make docs` from docs/reliability-record.toml; a test fails when it is not up to date. -->",
        "# Reliability: what must hold, and how often it was tried",
        *_answer(known.test),
        "## Counts",
        f"{_when('test', known.test)} {_when('soak', known.soak)} `make docs` takes the counts of the last whole, green run."
        " A – is what such a run does not count.",
        _figures(known),
        "## Invariants",
        _table(
            ("mark", "what must always hold", "how it is checked"),
            ((mark, cells[0], means()[mark].how) for mark, cells in invariants().items()),
        ),
        "## Faults",
        "A fault is counted at the moment a test or the simulation knows that it has fired; a label on a test counts nothing. A 0"
        " is a row that is not covered, with the reason. The marks are those of [reliability-notes.md](reliability-notes.md).",
        _table(
            ("mark", "fault", "what must hold", "how it is injected", "last make test", "last make soak"),
            (
                (mark, *cells, means()[mark].how, _covered(known, mark), _shown(known.soak.rows, mark))
                for mark, cells in fault_rows().items()
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def session_record(
    *, whole: bool, exit_status: int, tests: int, seconds: float, proof_seconds: float, date: dt.date
) -> Mapping[str, Any]:
    """What a run of pytest leaves beside its counts; `proof_seconds` is the share of its time that went into FIGURES."""
    return {
        "whole": whole, "exit_status": exit_status, "tests": tests, "seconds": round(seconds),
        "proof_seconds": round(proof_seconds), "date": date.isoformat(),
    }  # fmt: skip
