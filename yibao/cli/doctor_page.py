"""The doctor's report for people: one paragraph for each part, faults and warnings with their next step."""

import sys
from typing import Final

from yibao.cli.output import label, tell
from yibao.cli.streams import speaks_chinese
from yibao.doctor.report import NAMES, Both, Part, Report, State
from yibao.words import say

_STATES: Final = {
    State.OK: ("正常", "ok"),
    State.WARNING: ("注意", "warning"),
    State.FAULT: ("故障", "fault"),
    State.ABSENT: ("没有", "absent"),
    State.UNKNOWN: ("未知", "unknown"),
}
_INDENT: Final = " " * 4
_ARROW: Final = "  > "


def show(report: Report) -> None:
    """Print the report."""
    for part in report.parts:
        _show_part(part)
    faults = sum(part.state is State.FAULT for part in report.parts)
    warnings = str(sum(part.state is State.WARNING for part in report.parts))
    print()
    if faults:
        tell(say("doctor_ill", faults=str(faults), warnings=warnings))
    else:
        tell(say("doctor_well", warnings=warnings))


def _show_part(part: Part) -> None:
    name = NAMES[part.name]
    print(f"[{label(*_STATES[part.state])}] {label(name.zh, name.en)}")
    _show_text(part.reason, _INDENT)
    _show_text(part.next_step, _ARROW)


def _show_text(text: Both, head: str) -> None:
    """A text in both languages, each on its line; nothing when there is nothing to say."""
    if not text.en:
        return
    lines = [text.zh, text.en] if speaks_chinese(sys.stdout) and text.zh != text.en else [text.en]
    print(f"{head}{lines[0]}")
    for line in lines[1:]:
        print(f"{_INDENT}{line}")
