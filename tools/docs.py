"""Write the documents that are drawn from the code, so that they cannot drift: `python -m tools.docs [--check]`.

Each document is a function that returns its text; `DOCUMENTS` says where it lies. `--check` writes nothing and fails
when a file is not up to date; a test does the same.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from simulators.hub.in_patient import IN_PATIENT
from terminal.core import flows, outcome, states
from terminal.core.flows import CANCELLATIONS, FLOWS, REVERSAL, Flow, Step
from terminal.core.states import BOOKED, OPEN_DOUBT, TRANSITIONS, UNSENT, State
from tools import capabilities, invented_world, profiles, reliability
from tools import transactions as hub
from tools.markdown import GENERATED, table

ROOT = Path(__file__).resolve().parent.parent


# -- reading the code's own words --------------------------------------------------------------------


def prose(module: ModuleType) -> str:
    """The docstring of a module without its first sentence, its line breaks as they are."""
    return inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]


def summary(module: ModuleType) -> str:
    """The first paragraph of a module's docstring."""
    return inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0]


def member_words(module: ModuleType, class_name: str) -> dict[str, str]:
    """What stands under each member of an enum, by the member's name."""
    tree = ast.parse(inspect.getsource(module))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    words = {}
    for node, following in pairwise(body):
        match node, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                words[name] = " ".join(text.split())
    return words


def constant_words(module: ModuleType) -> dict[str, str]:
    """What stands under each constant of a module, by its name."""
    body = ast.parse(inspect.getsource(module)).body
    words = {}
    for node, following in pairwise(body):
        match node, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                words[name] = inspect.cleandoc(text)
    return words


# -- docs/SETTLEMENT.md ------------------------------------------------------------------------------

_GROUPS: tuple[tuple[str, str, frozenset[State]], ...] = (
    ("unsent", "nothing that moves money has left this machine", UNSENT),
    ("unknown", "something has left and nobody knows yet", OPEN_DOUBT | {State.SENDING, State.CANCELLING}),
    (
        "known",
        "an authenticated fact",
        frozenset(State) - UNSENT - OPEN_DOUBT - {State.SENDING, State.CANCELLING},
    ),
)


def settlement() -> str:
    """How a settlement moves: states, moves, flows, rules of the outcome."""
    parts = [
        GENERATED,
        "# How a settlement moves",
        "The money path as the code has it: `terminal/core/states.py`, `flows.py` and `outcome.py`. A journal in SQL"
        " keeps a copy of the table of moves and refuses every other one.",
        "## How to think about it",
        prose(states).removeprefix("How to think about it. "),
        "## The picture",
        _picture(),
        "Colours: " + "; ".join(f"*{name}*: {meaning}" for name, meaning, _ in _GROUPS) + ".",
        "## The states",
        _state_table(),
        "## The moves",
        table(("from", "to", "when"), ((t.source.value, t.target.value, t.when) for t in TRANSITIONS)),
        "## The flows",
        prose(flows),
        table(("act", "what running the step means"), member_words_of_acts()),
        *_flow_parts(),
        "## What an answer proves",
        prose(outcome),
        "## When a reversal is tried",
        _tries(),
    ]
    return "\n\n".join(parts) + "\n"


def _picture() -> str:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> DRAFT"]
    lines += [f"    {t.source.value} --> {t.target.value}" for t in TRANSITIONS]
    for name, _, members in _GROUPS:
        names = ", ".join(state.value for state in State if state in members)
        lines.append(f"    class {names} {name}")
    lines += [
        "    classDef unsent fill:#eeeeee,stroke:#777777,color:#000000",
        "    classDef unknown fill:#ffe0b0,stroke:#b06000,color:#000000",
        "    classDef known fill:#d5edd5,stroke:#2e7d32,color:#000000",
        "```",
    ]
    return "\n".join(lines)


def _state_table() -> str:
    words = member_words(states, "State")
    group = {state: name for name, _, members in _GROUPS for state in members}

    def notes(state: State) -> str:
        found = []
        if state in BOOKED:
            found.append("stands at the hub")
        if state in OPEN_DOUBT:
            found.append("has its next try in the queue")
        if state in states.SALE_KEY_FREE:
            found.append("frees the sale number")
        return ", ".join(found)

    return table(
        ("state", "group", "meaning", ""),
        ((state.value, group[state], words[state.name], notes(state)) for state in State),
    )


def member_words_of_acts() -> list[tuple[str, str]]:
    """Each act with its meaning."""
    words = member_words(flows, "Act")
    return [(act.value, words[act.name]) for act in flows.Act]


def _flow_parts() -> list[str]:
    named: Mapping[str, Flow] = {
        name: value for name, value in vars(flows).items() if isinstance(value, Flow)
    }
    shown = [*FLOWS.values(), *CANCELLATIONS.values(), REVERSAL]
    if sorted(flow.name for flow in named.values()) != sorted(flow.name for flow in shown):
        raise AssertionError("a flow of flows.py is in none of its registers")
    words = constant_words(flows)
    parts = []
    for constant, flow in named.items():
        parts.append(f"### {flow.name.replace('_', ' ')}")
        if constant in words:
            parts.append(words[constant])
        parts.append(
            table(
                ("step", "act", "message", "needs", "gives", "reaches", "durable", "undo"),
                map(_row, flow.steps),
            )
        )
    return parts


def _row(step: Step) -> tuple[str, ...]:
    return (
        step.name,
        step.act.value,
        step.message,
        ", ".join(step.needs),
        ", ".join(step.gives),
        "" if step.reaches is None else step.reaches.value,
        step.durable,
        step.undo,
    )


def _tries() -> str:
    pauses = ", ".join(f"{delay:g}" for delay in outcome.FIRST_DELAYS_S[1:])
    return (
        f"At once, then after {pauses} seconds, then every {outcome.SLOW_DELAY_S:g} seconds for ever, each pause varied by"
        f" up to {outcome.JITTER:.0%}. After {outcome.ALARM_AFTER_TRIES} tries without a usable answer a person is called in"
        f" addition; after {outcome.MANUAL_AFTER_S / 3600:g} hours the settlement is MANUAL and the tries go on. A"
        ' "not found" counts only the second time, after the quiet time of the profile, and so does a refused repeat of a'
        " cancellation of which a try has no answer; after a restart the quiet time"
        " begins anew, because no clock can say how much of it has passed."
    )


# -- docs/transactions.md ----------------------------------------------------------------------------


def transactions() -> str:
    """Every transaction of the interface: built, not there yet, out of scope."""
    in_patient = hub.simulator_module(next(iter(IN_PATIENT)))
    parts = [
        GENERATED,
        "# Transactions",
        "The national transactions that a counter uses, by number: `protocols/hub/catalogue.py`, the flows of the terminal"
        " and the hub simulator. Words are in the [glossary](glossary.md), choices in"
        " [profile-decisions.md](profile-decisions.md).",
        "## Built",
        "*Changes*: `no` asks only, `yes` changes records at the hub, `money` decides who holds money. What changes the hub"
        " is on disk, signed, before its first byte leaves. *A lost answer* is ended so; [SETTLEMENT.md](SETTLEMENT.md) has the details.",
        table(
            ("number", "中文", "English", "changes", "a lost answer", "asked by", "simulator", "test"),
            hub.built_rows(),
        ),
        "Beside these, 1162 (certificate code decoded at the hub) goes without the envelope:"
        " `protocols/ecertificate/hub_1162.py`, answered by `simulators/hub/bare_decode.py`.",
        "## Not there yet",
        "The simulator answers them as a number it does not know (INFNO_UNKNOWN), but for the plain forms of the out-patient"
        " messages, which it takes like the A forms.",
        table(("number", "what it is for"), hub.missing().items()),
        "## Out of scope: in-patients",
        "The simulator answers them with the national error shape, code NOT_OPEN (该交易未开通, this transaction is not open"
        f" here): `{in_patient}`.",
        table(
            ("number", "中文", "English"),
            ((infno, chinese, english) for infno, (chinese, english) in IN_PATIENT.items()),
        ),
    ]
    return "\n\n".join(parts) + "\n"


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "docs/SETTLEMENT.md": settlement,
    "docs/reliability.md": reliability.document,
    "docs/test-world.md": invented_world.document,
    "docs/profiles.md": profiles.document,
    "docs/transactions.md": transactions,
    "docs/capabilities.md": capabilities.document,
}


def main() -> int:
    """Write or check every document; return the exit status."""
    stale = 0
    if "--check" not in sys.argv[1:]:
        reliability.take()
        capabilities.take()
    for name, text in DOCUMENTS.items():
        path = ROOT / name
        content = text()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        if "--check" in sys.argv[1:]:
            print(f"{name} is not up to date: make docs")
            stale = 1
        else:
            path.write_text(content, encoding="utf-8")
            print(f"{name} written")
    return stale


if __name__ == "__main__":
    sys.exit(main())
