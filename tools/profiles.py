"""docs/profiles.md: every switch of a province profile, what it allows, and which test is its witness.

Drawn from `protocols/hub/profile.py` and its sections (keys, allowed values, the comment beside each key) and from the marks `switch` on
the tests. A value counts as tested when a test that asserts the differing bytes or state carries its mark.
"""

import ast
import inspect
import io
import tokenize
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from protocols.hub.profile import Profile
from protocols.hub.profile_reading import NOT_DESCRIBED

ROOT: Final = Path(__file__).resolve().parent.parent
_OUTSIDE: Final = frozenset({"name"})
"""Keys that switch nothing."""


class Switch(msgspec.Struct, frozen=True):
    """One key of the profile."""

    key: str
    values: tuple[object, ...]
    """What it may be; () for a text, a number, a list or a table."""
    default: object
    words: str
    """The comment beside it."""

    @property
    def refused(self) -> dict[object, str]:
        """Values that are known by name only, with the reason."""
        return {value: reason for (key, value), reason in NOT_DESCRIBED.items() if key == self.key}

    @property
    def followed(self) -> tuple[object, ...]:
        """Values that a profile may hold."""
        return tuple(value for value in self.values if value not in self.refused)


class Witness(msgspec.Struct, frozen=True):
    """One test that carries the mark of a key; no values = the key as such."""

    test: str
    values: tuple[object, ...]


def switches() -> list[Switch]:
    """Every switch, in the order of the file."""
    return list(_of(Profile, ""))


def _of(section: type[msgspec.Struct], path: str) -> Iterator[Switch]:
    words = _comments(section)
    for member in msgspec.structs.fields(section):
        key = f"{path}{member.name}"
        if isinstance(member.type, type) and issubclass(member.type, msgspec.Struct):
            yield from _of(member.type, f"{key}.")
        elif key not in _OUTSIDE:
            default = member.default if member.default is not msgspec.NODEFAULT else member.default_factory()
            yield Switch(key, _values(member.type), default, words.get(member.name, ""))


def _values(type_: Any) -> tuple[object, ...]:
    if type_ is bool:
        return (True, False)
    return typing.get_args(type_) if typing.get_origin(type_) is typing.Literal else ()


def _comments(section: type[msgspec.Struct]) -> dict[str, str]:
    source = inspect.getsource(section)
    comments = {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (body,) = (node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {
        node.target.id: " ".join(words)
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if (words := [comments[n] for n in range(node.lineno, (node.end_lineno or 0) + 1) if n in comments])
    }


@cache
def witnesses() -> Mapping[str, tuple[Witness, ...]]:
    """The marked tests by key, over the whole of tests/."""
    found: dict[str, list[Witness]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "@switch(" not in source:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for key, *values in _marks(node):
                    name = f"{path.relative_to(ROOT / 'tests')}::{node.name}"
                    found.setdefault(str(key), []).append(Witness(name, tuple(values)))
    return {key: tuple(tests) for key, tests in found.items()}


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[list[object]]:
    for mark in node.decorator_list:
        match mark:
            case ast.Call(func=ast.Name(id="switch"), args=args):
                yield [ast.literal_eval(argument) for argument in args]


def untested() -> list[str]:
    """Values and keys that no marked test stands for."""
    missing = []
    for one in switches():
        marked = witnesses().get(one.key, ())
        seen = {(type(value), value) for witness in marked for value in witness.values}
        if len(one.followed) > 1:
            missing += [f"{one.key} = {v!r}" for v in one.followed if (type(v), v) not in seen]
        elif not one.values and not marked:
            missing.append(one.key)
    return missing


def unknown() -> list[str]:
    """Marks of keys or values that there are not."""
    known = {one.key: one for one in switches()}
    wrong = []
    for key, tests in witnesses().items():
        for witness in tests:
            wrong += [
                f"{witness.test}: {key} = {value!r}"
                for value in witness.values
                if key in known and value not in known[key].values
            ]
        if key not in known:
            wrong.append(key)
    return wrong


def document() -> str:
    """The page."""
    sections: dict[str, list[Switch]] = {}
    for one in switches():
        sections.setdefault(one.key.rpartition(".")[0], []).append(one)
    parts = [
        "<!-- Written by `make docs` from the code; a test fails when it is not up to date. Do not edit by hand. -->",
        "# Province profiles",
        "A profile is a TOML file that says in which ways one hub differs from another; no province's name stands in code."
        " The default is `national` (`protocols/hub/profiles/national.toml`); a file of one's own names only what differs:"
        " `[hub] profile = \"mine.toml\"` in the counter's configuration. What the province handed out for its gateway and its"
        " encryption stands in a file of its own, mode 0600: `[hub] credentials`. Numbers K.. and PD-.. are explained in"
        " [profile-decisions.md](profile-decisions.md).",
        "A value counts as tested when a test that asserts the differing bytes or state carries its mark"
        " (`tests/profiles/switches.py`); where a key allows one value only there is nothing to tell apart. Values known by"
        " name only are refused when the profile is loaded, with the reason given here. `tests/profiles/test_stories.py`"
        " tells the five stories of the demo on four profiles, and each of them at the hubs of the others.",
    ]  # fmt: skip
    for section, members in sections.items():
        parts.append(f"## {section or 'whole file'}")
        words = inspect.getdoc(type(getattr(Profile(name=""), section))) if section else ""
        if words:
            parts.append(words.split("\n\n")[0])
        rows = ["| key | values (default first) | what it is | tests |", "|---|---|---|---|"]
        rows += [_row(one) for one in members]
        parts.append("\n".join(rows))
        parts += [
            f"Refused: `{one.key} = {_shown(value)}`: {reason}."
            for one in members
            for value, reason in one.refused.items()
        ]
    return "\n\n".join(parts) + "\n"


def _row(one: Switch) -> str:
    values = sorted(one.followed, key=lambda value: value != one.default)
    shown = ", ".join(f"`{_shown(value)}`" for value in values) or _free(one.default)
    tests = "<br>".join(dict.fromkeys(f"`{_short(each.test)}`" for each in witnesses().get(one.key, ())))
    words = one.words.replace("|", "\\|")
    return f"| `{one.key.rpartition('.')[2]}` | {shown} | {words} | {tests or '-'} |"


def _short(test: str) -> str:
    path, _, name = test.partition("::")
    return f"{path.removeprefix('profiles/').removesuffix('.py')}::{name.removeprefix('test_')}"


def _shown(value: object) -> str:
    return (
        {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value) or '""'
    )


def _free(default: object) -> str:
    if isinstance(default, dict | tuple):
        return (
            f"a {'table' if isinstance(default, dict) else 'list'} of {len(default)}" if default else "empty"
        )
    return f"`{default}`" if default != "" else "empty"
