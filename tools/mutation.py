"""Does a test notice when the money path is changed? `python -m tools.mutation --minutes 30 [--seed N] [--module PATH]`.

Each mutant is one small change of one module (a comparison, a condition, a number, a word, a returned value, a statement left
out). It is compiled in memory only, in a forked process that then runs the tests of that module until the first
failure: no module of the tree changes, so a run may be ended at any moment. Mutants come in an order drawn from the seed;
what has been tried stands in `build/mutation/` at once, and in `docs/mutation-record.toml` when a run ends; it counts as long as the
module is the same, so that runs add up, in other checkouts too; a survivor is tried again when tests have changed
(`--again`). docs/mutation-survivors.md says the score and lists what no test noticed;
changes that no test can notice stand with their reason in `tools/equivalent_mutants.toml` and still count as unnoticed.
The exit status is 1 when less than `GOAL` of what was tried was noticed. Why not a library: docs/testing.md.
"""

import argparse
import ast
import copy
import functools
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import marshal
import random
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, TypeVar, cast

from tools.mutation_host import ABSENT, FOLDER, OPTIONS, ROOT, Order, begin_host, changed_functions, in_child

RESULTS: Final = FOLDER / "results.jsonl"
DOCUMENT: Final = ROOT / "docs" / "mutation-survivors.md"
RECORD: Final = ROOT / "docs" / "mutation-record.toml"
EQUIVALENT: Final = ROOT / "tools" / "equivalent_mutants.toml"
GOAL: Final = 0.9
_COUNTER: Final = "tests/terminal/counter"
_STORIES: Final = (
    f"{_COUNTER}/test_retries.py", f"{_COUNTER}/test_outcomes.py", f"{_COUNTER}/test_cancellations.py", f"{_COUNTER}/test_questions.py",
    f"{_COUNTER}/test_old_copy.py", f"{_COUNTER}/test_life.py", f"{_COUNTER}/test_refund.py",
    f"{_COUNTER}/test_repeats.py", f"{_COUNTER}/test_people.py", f"{_COUNTER}/test_paper.py", f"{_COUNTER}/test_effects.py",
    f"{_COUNTER}/test_engine.py", f"{_COUNTER}/test_inner_errors.py", f"{_COUNTER}/test_network.py", f"{_COUNTER}/test_gate.py",
    f"{_COUNTER}/test_chronicle.py",
    "tests/terminal/clinic/test_story.py", "tests/terminal/clinic/test_lost.py", "tests/terminal/clinic/test_answers.py",
    "tests/terminal/clinic/test_collecting.py", "tests/terminal/clinic/test_composing_ahead.py",
)  # fmt: skip
_PURE: Final = ("tests/protocols/test_money.py", "tests/terminal/core")
_QUICK: Final = tuple(
    f"tests/terminal/core/test_{name}.py"
    for name in (
        "shapes",
        "messages",
        "visit",
        "building",
        "settlement_document",
        "outcome",
        "cancelling",
        "restart",
        "ruling",
    )
)
_ANCHORS: Final = tuple(
    f"tests/terminal/journal/test_{name}.py"
    for name in ("anchor_keeper", "anchor_witnesses", "old_copies", "contradictions")
)
TESTS: Final[Mapping[str, Sequence[str]]] = {
    "protocols/money.py": (*_PURE, *_STORIES),
    "terminal/core": (*_PURE, *_STORIES),
    "terminal/counter/retries.py": (*_PURE, *_STORIES),
    "terminal/counter/engine.py": (*_PURE, *_STORIES),
    "terminal/counter/effects.py": (*_PURE, *_STORIES),
    "terminal/counter/anchor_keeper.py": _ANCHORS,
    "terminal/counter/disk_watch.py": ("tests/terminal/counter/test_disk_watch.py",),
    "terminal/journal": ("tests/terminal/journal",),
}
"""Modules and folders that are mutated, with the tests that answer for them."""
AT_IMPORT: Final[Mapping[str, Sequence[str]]] = {
    "protocols/money.py": _PURE[:1],
    "terminal/core": (*_QUICK, "tests/terminal/core"),
    "terminal/counter/retries.py": _STORIES[:2],
    "terminal/counter/engine.py": _STORIES[:2],
    "terminal/counter/effects.py": _STORIES[:2],
    "terminal/counter/anchor_keeper.py": _ANCHORS,
    "terminal/counter/disk_watch.py": ("tests/terminal/counter/test_disk_watch.py",),
    "terminal/journal": ("tests/terminal/journal",),
}
"""The tests for changes that happen at import, which cost a whole start: only the nearest."""
_LOADED_ONCE: Final = (
    "aiohttp",
    "apsw",
    "cryptography.x509",
    "hypothesis",
    "litestar",
    "msgspec",
    "schemathesis",
    "structlog",
    "uvicorn",
)
"""Libraries that cost a second to load and know nothing of us: loaded before forking."""
Operator = TypeVar("Operator", bound=ast.AST)

_SWAPS: Final[Mapping[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


UNCHANGED: Final = -1


class Site(NamedTuple):
    """One possible change."""

    line: int
    what: str


class Mutator(ast.NodeTransformer):
    """Walks a module and changes its site number `wanted`; with `UNCHANGED` it only lists them."""

    def __init__(self, wanted: int = UNCHANGED) -> None:
        self.sites: list[Site] = []
        self._wanted = wanted

    def _is_here(self, node: ast.expr | ast.stmt, what: str) -> bool:
        self.sites.append(Site(node.lineno, what))
        return len(self.sites) - 1 == self._wanted

    def visit(self, node: ast.AST) -> ast.AST:
        """Leave out what says nothing at run time: annotations, docstrings, assertions, words of exceptions.

        `raise AssertionError` is an assertion too: it stands where nothing can lead, and no test can lead there either.
        What is only said in the program's log (`log.warning(...)`) decides nothing.
        """
        match node:
            case ast.AnnAssign():
                node.value = None if node.value is None else cast("ast.expr", self.visit(node.value))
                return node
            case ast.arg() | ast.Assert() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
                return node
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                node.returns, node.decorator_list, returns, decorators = (
                    None,
                    [],
                    node.returns,
                    node.decorator_list,
                )
                self.generic_visit(node)
                node.returns, node.decorator_list = returns, decorators
                return node
            case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
                return node
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log")))):
                return node
            case ast.Raise():
                return ast.copy_location(ast.Pass(), node) if self._is_here(node, "raise left out") else node
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
                if self._is_here(node, "statement left out"):
                    return ast.copy_location(ast.Pass(), node)
            case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
                if self._is_here(node, "returns None"):
                    return ast.copy_location(ast.Return(ast.Constant(None)), node)
            case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
                if self._is_here(test, "condition reversed"):
                    node.test = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
                    ast.fix_missing_locations(node.test)
                    return node
            case ast.Compare():
                for number, operator in enumerate(node.ops):
                    node.ops[number] = self._swapped(node, operator)
            case ast.BoolOp():
                node.op = self._swapped(node, node.op)
            case ast.BinOp():
                node.op = self._swapped(node, node.op)
            case ast.Constant(value=value):
                return self._constant(node, value)
        return self.generic_visit(node)

    def _swapped(self, node: ast.expr, operator: Operator) -> Operator:
        other = _SWAPS.get(type(operator))
        if other is None or not self._is_here(node, f"{type(operator).__name__} became {other.__name__}"):
            return operator
        return cast("Operator", other())  # each is swapped for one of its own family

    def _constant(self, node: ast.Constant, value: object) -> ast.AST:
        changed: object
        match value:
            case bool():
                changed = not value
            case int() | float():
                changed = value + 1
            case str() if value:
                changed = value + "x"
            case _:
                return node
        if self._is_here(node, f"{value!r} became {changed!r}"):
            return ast.copy_location(ast.Constant(changed), node)
        return node


def sites_of(source: str) -> list[Site]:
    """Every change that can be made to a module."""
    mutator = Mutator()
    mutator.visit(copy.deepcopy(ast.parse(source)))
    return mutator.sites


def mutated(source: str, number: int) -> ast.Module:
    """The module with one change."""
    tree = ast.parse(source)
    Mutator(number).visit(tree)
    return ast.fix_missing_locations(tree)


class MutantImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree, and leaves all others to their own importers."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name = name
        self._path = path
        self._code = compile(tree, str(path), "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See `MetaPathFinder`."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader`."""
        exec(self._code, module.__dict__)


class Mutant(NamedTuple):
    """One change of one module."""

    module: str
    number: int
    site: Site
    digest: str
    """Of the module's source and of the way it is changed here."""


def all_mutants(only: Sequence[str] = ("",)) -> list[Mutant]:
    """Every mutant there is, of some modules or folders or of all."""
    found, way = [], inspect.getsource(Mutator)
    for place in TESTS:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            source, name = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
            if name.startswith(tuple(only)):
                digest = hashlib.sha256(f"{way}{source}".encode()).hexdigest()[:16]
                found += [Mutant(name, number, site, digest) for number, site in enumerate(sites_of(source))]
    return found


def answering_tests(module: str, table: Mapping[str, Sequence[str]] = TESTS) -> Sequence[str]:
    """The tests that answer for a module."""
    return next(tests for place, tests in table.items() if module == place or module.startswith(place + "/"))


def statement_around(source: str, line: int) -> tuple[int, int]:
    """First and last line of the statement a line belongs to; of `if`, `for`, `match` ... only the head, up to that line."""
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line)
    ]
    innermost = max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
    simple = not hasattr(innermost, "body") and not isinstance(innermost, ast.Match)
    return innermost.lineno, innermost.end_lineno or line if simple else line


@functools.cache
def _source(module: str) -> str:
    return (ROOT / module).read_text(encoding="utf-8")


def _order(mutant: Mutant) -> Order | None:
    """What a host needs to try the mutant; None when the change happens at import."""
    source, path = _source(mutant.module), str(ROOT / mutant.module)
    before, after = (compile(mutated(source, number), path, "exec") for number in (UNCHANGED, mutant.number))
    functions = changed_functions(before, after)
    if functions is None:
        return None
    codes = {place: marshal.dumps(code) for place, code in functions.items()}
    return Order(mutant.module, statement_around(source, mutant.site.line), codes)


def try_by_import(mutant: Mutant, tests: Sequence[str]) -> str:
    """Run the tests on a mutant in a process that imports it: `killed`, `survived` or `timeout`."""

    def run() -> int:
        import pytest

        name = mutant.module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        tree = mutated(_source(mutant.module), mutant.number)
        sys.meta_path.insert(0, MutantImporter(name, ROOT / mutant.module, tree))
        return int(pytest.main([*OPTIONS, *tests]))

    status = in_child(run)
    return "timeout" if status is None else "survived" if status == 0 else "killed"


Results = Mapping[tuple[str, str, int], str]
"""What became of a mutant (`killed`, `survived`, `timeout`), by module, digest and number."""
_LETTERS: Final[Mapping[str, str]] = {"killed": "k", "survived": "s", "timeout": "t"}
_UNTRIED: Final = "."
_RECORD_HEAD: Final = """\
# Written by `make mutation`: what became of each change of a module, in the order of its lines. Do not edit by hand.
# k a test noticed, t it ran out of time (noticed too), s none noticed, . not tried. The digest is that of the module and of the
# way it is changed; when it is another one, the row counts no more.
"""


def record(mutants: Sequence[Mutant], results: Results) -> str:
    """The text of docs/mutation-record.toml; modules of which nothing was tried are not in it."""
    rows = [_RECORD_HEAD]
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        own = [mutant for mutant in mutants if mutant.module == module]
        tried = "".join(
            _LETTERS.get(results.get((one.module, one.digest, one.number), ""), _UNTRIED) for one in own
        )
        if tried.strip(_UNTRIED):
            rows.append(f'["{module}"]\ndigest = "{own[0].digest}"\ntried = "{tried}"\n')
    return "\n".join(rows)


def recorded(text: str) -> dict[tuple[str, str, int], str]:
    """What a record says."""
    meaning = {letter: result for result, letter in _LETTERS.items()}
    return {
        (module, row["digest"], number): meaning[letter]
        for module, row in tomllib.loads(text).items()
        for number, letter in enumerate(row["tried"])
        if letter != _UNTRIED
    }


def known_results() -> dict[tuple[str, str, int], str]:
    """What earlier runs found, here and, as far as it is recorded, elsewhere."""
    found = recorded(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    if RESULTS.exists():
        for text in RESULTS.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            found[line["module"], line["digest"], line["number"]] = line["result"]
    return found


class Tally(NamedTuple):
    """How many mutants there are, were tried, were noticed, and cannot be noticed."""

    all: int
    tried: int
    noticed: int
    equivalent: int

    def share(self) -> float:
        """Of what was tried, what was noticed; nothing tried is nothing noticed."""
        return self.noticed / self.tried if self.tried else 0.0


def tally(mutants: Sequence[Mutant], results: Results, reasons: Mapping[Mutant, str]) -> Tally:
    """Count."""
    found = [
        (one, results[key]) for one in mutants if (key := (one.module, one.digest, one.number)) in results
    ]
    alive = [one for one, result in found if result == "survived"]
    return Tally(len(mutants), len(found), len(found) - len(alive), sum(one in reasons for one in alive))


def equivalents(mutants: Sequence[Mutant]) -> dict[Mutant, str]:
    """The mutants that no test can notice, with the reason; found by the text of their line."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", ())
    known = {(row["module"], row["line"], what): row["why"] for row in rows for what in row["what"]}
    found = {}
    for mutant in mutants:
        line = _source(mutant.module).splitlines()[mutant.site.line - 1].strip()
        if (why := known.get((mutant.module, line, mutant.site.what))) is not None:
            found[mutant] = why
    return found


def document(mutants: Sequence[Mutant], results: Results, reasons: Mapping[Mutant, str]) -> str:
    """The text of docs/mutation-survivors.md."""
    whole = tally(mutants, results, reasons)
    rows = []
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        own = tally([mutant for mutant in mutants if mutant.module == module], results, reasons)
        share = f"{own.share():.0%}" if own.tried else "not tried"
        rows.append(f"| `{module}` | {own.all} | {own.tried} | {own.noticed} | {share} | {own.equivalent} |")
    alive = [one for one in mutants if results.get((one.module, one.digest, one.number)) == "survived"]
    score = f"{whole.share():.1%}" if whole.tried else "not measured"
    open_ones = [f"- `{one.module}:{one.site.line}` {one.site.what}" for one in alive if one not in reasons]
    closed = [
        f"- `{one.module}:{one.site.line}` {one.site.what}: {reasons[one]}" for one in alive if one in reasons
    ]
    return "\n".join([
        "<!-- Written by `make mutation`. -->", "# Mutants that no test noticed", "",
        f"Of {whole.all:,} possible changes {whole.tried:,} were tried, {whole.noticed:,} noticed: {score}. The goal is {GOAL:.0%}."
        f" {whole.equivalent:,} of the unnoticed ones cannot be noticed, for the reason given below; they are not taken out of the"
        " score. When a module changes, its results are measured anew. How: `tools/mutation.py`.", "",
        "| module | changes | tried | noticed | share | cannot be noticed |", "|---|---|---|---|---|---|", *rows, "",
        "## Cannot be noticed", "", *(closed or ["None."]), "", "## Survivors", "", *(open_ones or ["None."]),
    ]) + "\n"  # fmt: skip


def run(mutants: Sequence[Mutant], minutes: float) -> Iterator[tuple[Mutant, str]]:
    """Try mutants one after the other while there is time."""
    for name in ("pytest", "coverage", *_LOADED_ONCE):
        importlib.import_module(name)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    end_s = time.monotonic() + minutes * 60
    hosts: dict[Sequence[str], Connection] = {}
    for mutant in mutants:
        if time.monotonic() >= end_s:
            return
        tests = answering_tests(mutant.module)
        if tests not in hosts:
            modules = sorted({one.module for one in all_mutants() if answering_tests(one.module) == tests})
            hosts[tests] = begin_host(tests, modules)
        order, result = _order(mutant), ABSENT
        if order is not None:
            hosts[tests].send(order)
            result = hosts[tests].recv()
        if result in (ABSENT, "survived"):  # what the function did at import was done before it was changed
            result = try_by_import(mutant, answering_tests(mutant.module, AT_IMPORT))
        yield mutant, result


def main() -> int:
    """Try mutants, keep the results, write document and record, say the score."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", default="", help="only this file or folder; several with commas")
    parser.add_argument("--again", action="store_true", help="also try what survived before, first of all")
    given = parser.parse_args()
    results, mutants = known_results(), all_mutants(tuple(given.module.split(",")))
    before = {one: results.get((one.module, one.digest, one.number)) for one in mutants}
    waiting = [one for one in mutants if before[one] is None]
    random.Random(given.seed).shuffle(waiting)
    if given.again:
        hopeless = equivalents(mutants)
        waiting = [one for one in mutants if before[one] == "survived" and one not in hopeless] + waiting
    FOLDER.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as kept:
        for mutant, result in run(waiting, given.minutes):
            print(f"{result:8} {mutant.module}:{mutant.site.line} {mutant.site.what}", flush=True)
            line = {
                "module": mutant.module,
                "digest": mutant.digest,
                "number": mutant.number,
                "result": result,
            }
            kept.write(json.dumps(line) + "\n")
            kept.flush()
    _source.cache_clear()  # somebody may have gone on writing meanwhile
    everything, results = all_mutants(), known_results()
    reasons = equivalents(everything)
    DOCUMENT.write_text(document(everything, results, reasons), encoding="utf-8")
    RECORD.write_text(record(everything, results), encoding="utf-8")
    whole = tally(everything, results, reasons)
    print(
        f"{whole.tried} of {whole.all} changes tried, {whole.noticed} noticed ({whole.share():.1%}), "
        f"{whole.equivalent} of the others cannot be noticed; {DOCUMENT.relative_to(ROOT)}"
    )
    return 0 if whole.share() >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
