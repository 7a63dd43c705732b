"""The documents say what is there: links, folders, commands, words, and every number that code cites."""

import ast
import io
import re
import shlex
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from protocols.hub.catalogue import MESSAGES
from terminal.core.states import State
from yibao.cli.main import build_app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
DOCUMENTS = (*READMES, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
CODE_FOLDERS = (
    "protocols", "drivers", "terminal", "simulators", "yibao", "tests", "hil_tests", "bench", "tools", "examples",
)  # fmt: skip
TOP_FOLDERS = (*CODE_FOLDERS, "docs", "locks")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _prose(path: Path) -> str:
    """A document without its fenced code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _links(path: Path) -> list[str]:
    """Targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", _prose(path))


def _anchor(heading: str) -> str:
    """The anchor that a heading gets when it is shown: lower case, no punctuation, hyphens for blanks."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", _prose(path), flags=re.MULTILINE)}


def _rows(path: Path) -> list[list[str]]:
    """Every row of every table, its cells stripped; headings and rules of tables included."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def _commands(path: Path) -> list[str]:
    """The command lines a document asks for."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [line for block in blocks for line in block.splitlines() if line.strip()]


# -- links and places ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_internal_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _links(path):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        found = (path.parent / target) if target else path
        if not found.exists() or (anchor and anchor not in _anchors(found)):
            broken.append(link)
    assert broken == []


_OWN_WORDS = (
    *READMES, DOCS / "ARCHITECTURE.md", DOCS / "glossary.md", DOCS / "profile-decisions.md", DOCS / "reliability-notes.md",
    DOCS / "testing.md",
)  # fmt: skip
"""Documents about the present state; a decision in docs/decisions may name what was there when it was taken."""


@pytest.mark.parametrize("path", _OWN_WORDS, ids=_name)
def test_every_file_and_folder_that_a_document_names_is_there(path: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(TOP_FOLDERS)})/[\w./-]*)`", _prose(path))
    named += re.findall(r"`([\w-]+\.(?:txt|md))`", _prose(path))
    assert [name for name in named if not (ROOT / name).exists() and not (DOCS / name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_no_document_names_a_place_outside_the_repository(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w/])(?:shared|/work|/root|/home|/tmp)/", text) == []
    assert [link for link in _links(path) if link.startswith("/")] == []


# -- the two READMEs -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", READMES, ids=_name)
def test_the_map_names_every_top_folder(path: Path) -> None:
    folders = {*TOP_FOLDERS, *_packages()}
    with_files = {name for name in folders if any(path.is_file() for path in (ROOT / name).rglob("*"))}
    mapped = {match[1] for row in _rows(path) if (match := re.fullmatch(r"`(\w+)/`", row[0]))}
    assert with_files - mapped == set()
    assert mapped - with_files == set()


def _packages() -> set[str]:
    """Every folder at the top that Python can import."""
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = (_commands(path) for path in READMES)
    assert english == chinese
    assert english[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("path", READMES, ids=_name)
def test_every_command_of_a_readme_is_one_of_ours(path: Path) -> None:
    """Each `yibao` line names a command that exists, with options that it takes."""
    for line in _commands(path):
        program, *words = shlex.split(line)
        if program == "make":
            continue
        assert program == ".venv/bin/yibao", line
        command: Any = get_command(build_app())
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not getattr(command, "commands", {}), f"{line}: no such command"
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_both_readmes_link_to_the_same_places_in_the_same_order() -> None:
    english, chinese = (_links(path) for path in READMES)
    assert english[0] == "README.zh-CN.md"
    assert chinese[0] == "README.md"
    assert english[1:] == chinese[1:]


def test_both_readmes_have_the_same_parts() -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in READMES)
    assert len(re.findall(r"^## ", english, flags=re.MULTILINE)) == len(
        re.findall(r"^## ", chinese, flags=re.MULTILINE)
    )
    assert [len(row) for row in _rows(READMES[0])] == [len(row) for row in _rows(READMES[1])]


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_make_target_that_a_document_names_is_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8")))
    named |= {command.split()[1] for command in _commands(path) if command.startswith("make ")}
    assert named - targets == set()


# -- words ---------------------------------------------------------------------------------------


def test_the_glossary_has_every_state() -> None:
    listed = {row[1] for row in _rows(DOCS / "glossary.md")}
    assert [state.value for state in State if f"`{state.value}`" not in listed] == []


def test_the_glossary_names_every_transaction_by_its_printed_title() -> None:
    rows = {row[2]: row for row in _rows(DOCS / "glossary.md") if len(row) == 4}
    for infno, message in MESSAGES.items():
        assert infno in rows, f"transaction {infno} is missing"
        kind = "money" if message.moves_money else "yes" if message.changes_hub else "no"
        assert (rows[infno][0], rows[infno][3]) == (message.title_zh, kind), infno


def test_cancellation_reversal_and_refund_are_told_apart() -> None:
    """撤销 is 2103 and 2208, 冲正 is 2601, 退货 is goods coming back: one row each, and no other word for them."""
    rows = {row[0]: row for row in _rows(DOCS / "glossary.md") if len(row) == 4 and not row[2].isdigit()}
    assert rows["撤销"][1] == "cancellation"
    assert rows["冲正"][1] == "reversal"
    assert rows["退货"][1] == "refund"
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8").lower()
        assert (
            re.findall(r"\bvoid(?:s|ed|ing)?\b|\brevers\w+ \((?:2103|2208)|\bcancel\w* \(2601", text) == []
        ), _name(path)


# -- numbers that code cites ---------------------------------------------------------------------

_MARKS = {
    "profile-decisions.md": r"\bK\d\d[a-z]?\b|\bPD-\d+\b|(?<![\w-])P-\d{1,2}\b|\bM[1-9]\d?\b",
    "capabilities.md": r"\bR\d\d\b",
    "reliability-notes.md": r"\b[FT]\d\d\b|\bI(?:[1-9]|1\d)\b|(?<!\w)S[1-8]\b",
}


_MARK_BEHIND_HASH = re.compile(r"#.*\b(?:PD?-|[FIKMRST])\d")
"""What a comment must hold to cite any of them."""


def _python_prose(source: str) -> Iterator[str]:
    """Comments that may cite a number, and docstrings, those of attributes included."""
    if _MARK_BEHIND_HASH.search(source):  # taking a file apart costs more than all the rest
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value


def _toml_prose(source: str) -> Iterator[str]:
    """Comments; none of our data holds a # inside a value."""
    tomllib.loads(source)
    for line in source.splitlines():
        yield line.partition("#")[2]


@cache
def _all_prose() -> tuple[tuple[str, str], ...]:
    """(file, text) for every comment and docstring of the code and the data files, and for every document."""
    readers = {".py": _python_prose, ".toml": _toml_prose}
    code = [
        (_name(path), text)
        for folder in CODE_FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in readers
        for text in readers[path.suffix](path.read_text(encoding="utf-8"))
    ]
    return (*code, *((_name(path), _prose(path)) for path in DOCUMENTS))


def _cited(pattern: str) -> dict[str, str]:
    """Every mark that is cited, with one place that cites it."""
    return {mark: place for place, text in _all_prose() for mark in re.findall(pattern, text)}


@pytest.mark.parametrize("document", _MARKS)
def test_every_number_that_is_cited_is_explained(document: str) -> None:
    explained = {row[0] for row in _rows(DOCS / document)}
    cited = _cited(_MARKS[document])
    assert {mark: place for mark, place in cited.items() if mark not in explained} == {}


@pytest.mark.parametrize("document", _MARKS)
def test_each_number_is_explained_once_and_with_words(document: str) -> None:
    rows = [row for row in _rows(DOCS / document) if re.fullmatch(_MARKS[document], row[0])]
    marks = [row[0] for row in rows]
    assert sorted(marks) == sorted(set(marks))
    assert [row[0] for row in rows if not all(row)] == []


def test_decisions_have_a_reason() -> None:
    """Of K, PD and P numbers; M are facts of the interface."""
    rows = [
        row
        for row in _rows(DOCS / "profile-decisions.md")
        if re.fullmatch(r"K\d\d[a-z]?|PD-\d+|P-\d+", row[0])
    ]
    assert [row[0] for row in rows if len(row) != 3 or not row[2]] == []
    assert len(rows) > 100
