"""Write docs/transactions.md: every transaction with what it changes, who asks it, who answers it and which test says so."""

import tomllib
from pathlib import Path

import msgspec

from protocols.hub.catalogue import MESSAGES, Message
from simulators.hub.core import HANDLERS
from terminal.core.flows import CANCELLATIONS, FLOWS, REVERSAL

DATA = Path(__file__).parent / "transactions.toml"


class Built(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the terminal comes to send one transaction, and the test that shows both ends."""

    test: str
    command: str = ""
    way: str = ""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the code does not say."""

    built: dict[str, Built]
    not_yet: dict[str, str]
    """What each number that is not built is for."""


def words() -> Words:
    """Read the words; raises `msgspec.ValidationError`."""
    return msgspec.convert(tomllib.loads(DATA.read_text(encoding="utf-8")), Words)


def flows_with(infno: str) -> list[str]:
    """Names of the flows that send this transaction."""
    every = (*FLOWS.values(), *CANCELLATIONS.values(), REVERSAL)
    return [flow.name for flow in every if any(step.message == infno for step in flow.steps)]


def simulator_module(infno: str) -> str:
    """The file that answers it."""
    return HANDLERS[infno].__module__.replace(".", "/") + ".py"


def by_number(infno: str) -> tuple[int, str]:
    """Sorts transactions by their number, the forms with a letter behind the plain one."""
    return int(infno.rstrip("AB")), infno


def changes(message: Message) -> str:
    """What a transaction changes at the hub, in a word."""
    return "money" if message.moves_money else "yes" if message.changes_hub else "no"


def missing() -> dict[str, str]:
    """Numbers that are not built, in order, with what they are for."""
    known = words().not_yet
    return {infno: known[infno] for infno in sorted(known, key=by_number) if infno not in MESSAGES}


def built_rows() -> list[tuple[str, ...]]:
    """One row for each transaction that the terminal speaks, by number."""
    known = words().built
    rows: list[tuple[str, ...]] = []
    for infno in sorted(MESSAGES, key=by_number):
        message, place = MESSAGES[infno], known[infno]
        asked = [f"flow {name.replace('_', ' ')}" for name in flows_with(infno)]
        asked += [f"`{place.command}`"] if place.command else []
        asked += [place.way] if place.way else []
        simulator, test = simulator_module(infno), place.test
        rows.append(
            (
                infno,
                message.title_zh,
                message.title_en,
                changes(message),
                message.remedy.value.replace("_", " "),
                "; ".join(asked),
                f"`{simulator}`",
                f"`{test}`",
            )
        )
    return rows
