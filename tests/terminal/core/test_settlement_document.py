"""docs/SETTLEMENT.md is drawn from the code and says what the code says."""

import re

from terminal.core.flows import FLOWS
from terminal.core.states import ALLOWED, TRANSITIONS, State
from tools.docs import DOCUMENTS, ROOT, settlement


def test_every_drawn_document_is_up_to_date() -> None:
    stale = [name for name, text in DOCUMENTS.items() if (ROOT / name).read_text(encoding="utf-8") != text()]
    assert stale == [], "run `make docs`"


def test_the_picture_has_exactly_the_allowed_moves() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", settlement(), flags=re.DOTALL)
    arrows = set(re.findall(r"^    (\w+) --> (\w+)$", picture, flags=re.MULTILINE))
    assert arrows == {(source.value, target.value) for source, target in ALLOWED}


def test_every_state_is_in_one_group_and_explained() -> None:
    text = settlement()
    for state in State:
        (row,) = re.findall(
            rf"^\| {state.value} \| (unsent|unknown|known) \| (.+?) \|", text, flags=re.MULTILINE
        )
        assert row[1].endswith(".")


def test_every_move_and_every_step_stands_in_a_table() -> None:
    text = settlement()
    for move in TRANSITIONS:
        assert f"| {move.source.value} | {move.target.value} | {move.when} |" in text
    for flow in FLOWS.values():
        for step in flow.steps:
            assert f"| {step.name} | {step.act.value} | {step.message} |" in text
