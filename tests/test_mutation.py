"""The mutation tool changes one thing at a time, and nothing on disk."""

import ast
import hashlib
import signal
import tomllib
from pathlib import Path

import pytest

from tools import mutation, mutation_host
from tools.mutation import (
    AT_IMPORT,
    TESTS,
    UNCHANGED,
    Mutant,
    Site,
    all_mutants,
    answering_tests,
    document,
    equivalents,
    known_results,
    mutated,
    record,
    recorded,
    sites_of,
    statement_around,
    tally,
)
from tools.mutation_host import (
    Order,
    Place,
    Reach,
    changed_functions,
    changed_tests,
    in_child,
    live_functions,
)

SOURCE = '''"""Words."""
LIMIT: int = 6

def judge(tries: int, done: bool) -> str | None:
    """More words."""
    assert tries >= 0
    if tries > LIMIT and not done:
        raise ValueError(f"too many: {tries}")
    if done:
        return "over"
    return None
'''


def _behaves(number: int, tries: int, done: bool) -> object:
    names: dict[str, object] = {}
    exec(compile(mutated(SOURCE, number), "module", "exec"), names)
    judge = names["judge"]
    assert callable(judge)
    try:
        return judge(tries, done)
    except ValueError:
        return "raised"


def test_each_site_is_one_change() -> None:
    assert sites_of(SOURCE) == [
        Site(2, "6 became 7"),
        Site(7, "condition reversed"),
        Site(7, "And became Or"),
        Site(7, "Gt became GtE"),
        Site(8, "raise left out"),
        Site(9, "condition reversed"),
        Site(10, "returns None"),
        Site(10, "'over' became 'overx'"),
    ]


@pytest.mark.parametrize(
    ("number", "tries", "done", "before", "after"),
    [
        (0, 7, False, "raised", None),
        (2, 7, True, "over", "raised"),
        (3, 6, False, None, "raised"),
        (4, 7, False, "raised", None),
        (5, 1, True, "over", None),
        (6, 1, True, "over", None),
        (7, 1, True, "over", "overx"),
    ],
)
def test_a_change_does_what_it_says(
    number: int, tries: int, done: bool, before: object, after: object
) -> None:
    assert _behaves(UNCHANGED, tries, done) == before
    assert _behaves(number, tries, done) == after


def test_every_module_of_the_money_path_has_mutants_and_tests() -> None:
    modules = {mutant.module for mutant in all_mutants()}
    assert {
        "protocols/money.py",
        "terminal/core/outcome.py",
        "terminal/core/states.py",
        "terminal/journal/journal.py",
    } <= modules
    for module in modules:
        assert all((mutation_host.ROOT / test).exists() for test in answering_tests(module))


def test_every_mutant_compiles() -> None:
    source = (mutation_host.ROOT / "protocols" / "money.py").read_text(encoding="utf-8")
    trees = [mutated(source, number) for number in range(len(sites_of(source)))]
    assert len({ast.dump(tree) for tree in [*trees, ast.parse(source)]}) == len(trees) + 1


def test_assertions_and_words_for_the_log_are_left_alone() -> None:
    source = """def work(there):
    if there:
        raise AssertionError("a bug of ours")
    log.warning("something", number=1)
    tell("something")
"""
    assert sites_of(source) == [
        Site(2, "condition reversed"),
        Site(5, "statement left out"),
        Site(5, "'something' became 'somethingx'"),
    ]


FOUR = [Mutant("a.py", number, Site(number + 1, "x became y"), "d") for number in range(4)]
RESULTS = {
    ("a.py", "d", 0): "killed", ("a.py", "d", 1): "survived", ("a.py", "d", 2): "timeout", ("a.py", "d", 3): "survived",
    ("a.py", "older", 0): "survived",
}  # fmt: skip


def test_the_document_names_what_survived_and_why_some_cannot_be_noticed() -> None:
    text = document(FOUR, RESULTS, {FOUR[3]: "it is only quicker"})
    assert (
        "Of 4 possible changes 4 were tried, 2 noticed: 50.0%. The goal is 90%. 1 of the unnoticed ones"
        in text
    )
    assert "| `a.py` | 4 | 4 | 2 | 50% | 1 |" in text
    closed, open_ones = text.split("## Cannot be noticed\n\n")[1].split("\n\n## Survivors\n\n")
    assert closed == "- `a.py:4` x became y: it is only quicker"
    assert open_ones == "- `a.py:2` x became y\n"
    unmeasured = document(FOUR, {("a.py", "older", 0): "killed"}, {})
    assert "0 were tried, 0 noticed: not measured" in unmeasured
    assert "| `a.py` | 4 | 0 | 0 | not tried | 0 |" in unmeasured


def test_the_record_gives_back_what_was_tried_of_the_modules_as_they_are() -> None:
    text = record(
        [*FOUR, Mutant("b.py", 0, Site(1, "x became y"), "d")], {**RESULTS, ("a.py", "d", 1): "gone"}
    )
    assert text.endswith('["a.py"]\ndigest = "d"\ntried = "k.ts"\n'), "nothing was tried of b.py"
    assert recorded(text) == {
        ("a.py", "d", 0): "killed",
        ("a.py", "d", 2): "timeout",
        ("a.py", "d", 3): "survived",
    }
    assert recorded(record(FOUR, {})) == {}


def test_what_was_tried_here_counts_beside_the_record_and_is_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "RECORD", tmp_path / "record.toml")
    monkeypatch.setattr(mutation, "RESULTS", tmp_path / "results.jsonl")
    assert known_results() == {}
    mutation.RECORD.write_text(record(FOUR, RESULTS), encoding="utf-8")
    mutation.RESULTS.write_text(
        '{"module": "a.py", "digest": "d", "number": 3, "result": "killed"}\n', encoding="utf-8"
    )
    assert [known_results()["a.py", "d", number] for number in range(4)] == [
        "killed",
        "survived",
        "timeout",
        "killed",
    ]


def test_what_cannot_be_noticed_still_counts_as_unnoticed() -> None:
    counts = tally(
        FOUR, RESULTS, {FOUR[3]: "why", FOUR[0]: "a reason for one that was noticed counts nothing"}
    )
    assert counts == (4, 4, 2, 1)
    assert counts.share() == 0.5
    assert tally(FOUR, {}, {}).share() == 0.0


def test_every_reason_names_a_change_that_exists() -> None:
    mutants = all_mutants()
    found = equivalents(mutants)
    rows = tomllib.loads(mutation.EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    named = {(row["module"], row["line"], what) for row in rows for what in row["what"]}
    lines = {
        (one.module, mutation._source(one.module).splitlines()[one.site.line - 1].strip(), one.site.what)
        for one in found
    }
    assert lines == named
    assert all(why.strip() for why in found.values())


@pytest.mark.parametrize(
    ("line", "statement"), [(1, (1, 1)), (2, (2, 2)), (3, (3, 3)), (4, (4, 6)), (5, (4, 6)), (7, (7, 7)), (8, (7, 8)), (9, (9, 9))]
)  # fmt: skip
def test_the_statement_around_a_line(line: int, statement: tuple[int, int]) -> None:
    source = "A = 1\ndef f(x):\n    if x:\n        return g(\n            1,\n        )\n"
    source += "    match x:\n        case 1 if x:\n            return 2\n"
    assert statement_around(source, line) == statement


def test_a_change_inside_a_function_is_told_from_one_that_happens_at_import() -> None:
    def changed(number: int) -> list[str] | None:
        before, after = (compile(mutated(SOURCE, one), "module", "exec") for one in (UNCHANGED, number))
        functions = changed_functions(before, after)
        return None if functions is None else [place.name for place in functions]

    assert changed(0) is None, "a constant of the module"
    assert [changed(number) for number in range(1, 8)] == [["judge"]] * 7
    assert changed(UNCHANGED) == []
    before, after = (
        compile(f"class A:\n    N = {number}\n    def f(self): return 1\n", "module", "exec")
        for number in (1, 2)
    )
    assert changed_functions(before, after) is None, "a class body runs at import"
    before, after = (
        compile(f"class A:\n    def f(self): return {number}\n", "module", "exec") for number in (1, 2)
    )
    functions = changed_functions(before, after)
    assert functions is not None
    assert list(functions) == [Place("A.f", 2)]


class _Item:
    """A collected test, as far as the measurement asks."""

    nodeid = "tests/test_mutation.py::test_x"
    path = mutation_host.ROOT / "tests" / "test_mutation.py"


def test_functions_are_found_although_the_tests_have_frozen_what_was_loaded() -> None:
    """A change of a function that is not found would change nothing, and count as unnoticed."""
    assert mutation.__file__ is not None
    live = live_functions({mutation.__file__: "tools/mutation.py"})
    tally_line = tally.__code__.co_firstlineno
    assert live["tools/mutation.py", Place("tally", tally_line)] == [tally]


def test_a_test_is_left_out_only_when_it_is_known_to_keep_away() -> None:
    digest = mutation_host._digest(_Item.path)
    measured = {
        "tests": {_Item.nodeid: digest},
        "seconds": {_Item.nodeid: 0.5},
        "lines": {_Item.nodeid: {"a.py": [3, 7]}},
    }
    reach = Reach(measured, ())
    assert [
        reach.may_pass(_Item, Order("a.py", lines, {})) for lines in ((1, 2), (2, 3), (7, 9), (8, 9))
    ] == [False, True, True, False]
    assert not reach.may_pass(_Item, Order("b.py", (3, 3), {}))
    assert reach.seconds(_Item) == 0.5
    assert Reach(measured, {"b.py"}).may_pass(_Item, Order("b.py", (3, 3), {})), (
        "the module has changed since"
    )
    edited = {**measured, "tests": {_Item.nodeid: "older"}}
    assert Reach(edited, ()).may_pass(_Item, Order("b.py", (3, 3), {})), "the test has changed since"


def test_tests_that_are_new_or_were_edited_are_known_as_such(tmp_path: Path) -> None:
    """Some hundred had been moved to other files: they used up the time of every mutant, and few were noticed."""
    for name in ("kept", "edited"):
        (tmp_path / f"{name}.py").write_text(name, encoding="utf-8")
    tests = {"a": tmp_path / "kept.py", "b": tmp_path / "edited.py", "c": tmp_path / "kept.py"}
    kept = hashlib.sha256(b"kept").hexdigest()[:16]
    assert changed_tests({"a": kept, "b": kept}, tests) == {"b", "c"}


def test_each_changed_module_has_tests_for_changes_at_import_too() -> None:
    assert AT_IMPORT.keys() == TESTS.keys()
    for tests in AT_IMPORT.values():
        assert all((mutation_host.ROOT / test).exists() for test in tests)


def test_a_child_says_how_it_ended() -> None:
    def waits() -> int:
        signal.pause()
        return 0

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    try:
        assert in_child(lambda: 0) == 0
        assert in_child(lambda: 3) == 3
        assert in_child(waits, limit_s=0.05) is None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
