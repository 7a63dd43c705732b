"""The repository keeps its own rules: locks, paths, folders, targets, import contracts, decisions."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("protocols", "drivers", "terminal", "simulators", "yibao")
TARGETS = (
    "setup",
    "demo",
    "test",
    "hil",
    "bench",
    "simulation",
    "soak",
    "coverage",
    "mutation",
    "lint",
    "docs",
)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


_MADE = {".git", ".venv", "__pycache__", "build", "dist", "sim", ".hypothesis", ".import_linter_cache"} | {
    f".{tool}_cache" for tool in ("mypy", "pytest", "ruff")
}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that git tracks or would track; in an unpacked archive all but what is made."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    paths = [path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in {".mo", ".pyc"}]
    return [path for path in paths if not _made(path)]


def _made(path: Path) -> bool:
    """Whether a path of the tree is made by tools and not kept."""
    parts = path.relative_to(ROOT).parts
    return bool(_MADE.intersection(parts)) or any(part.endswith(".egg-info") for part in parts)


def _lock_entries(name: str) -> dict[str, str]:
    """Package name -> the whole entry of lock `name`, with its hashes and markers."""
    text = (ROOT / "locks" / name).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {entry.split("==")[0]: entry for entry in entries if entry.strip()}


@pytest.mark.parametrize("name", ["base.txt", "pcsc.txt"])
def test_each_locked_package_has_one_version_and_its_hashes(name: str) -> None:
    entries = _lock_entries(name)
    assert entries
    for package, entry in entries.items():
        assert re.match(r"[a-z0-9-]+==\S+( ; .+)? \\\n", entry), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), package


@pytest.mark.parametrize("name", ["base.txt", "pcsc.txt"])
def test_locks_name_no_index_and_no_place(name: str) -> None:
    text = (ROOT / "locks" / name).read_text(encoding="utf-8")
    for option in (
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--trusted-host",
        "://",
        "file:",
        " @ ",
    ):
        assert option not in text, option


def test_both_locks_build_with_the_same_tools() -> None:
    base, pcsc = _lock_entries("base.txt"), _lock_entries("pcsc.txt")
    assert "wheel" in base
    assert {"pyscard", "swig"} <= pcsc.keys()
    assert "pyscard" not in base
    pinned = [re.match(r"setuptools==(\S+)", lock["setuptools"]) for lock in (base, pcsc)]
    assert pinned[0] is not None
    assert pinned[1] is not None
    assert pinned[0].group(1) == pinned[1].group(1)


def test_locks_satisfy_what_the_project_asks_for(project: dict[str, Any]) -> None:
    base, pcsc = _lock_entries("base.txt"), _lock_entries("pcsc.txt")
    wanted = [(line, base) for line in project["project"]["dependencies"]]
    wanted += [(line, base) for line in project["project"]["optional-dependencies"]["test"]]
    wanted += [(line, pcsc) for line in project["project"]["optional-dependencies"]["pcsc"]]
    for line, lock in wanted:
        requirement = Requirement(line)
        assert requirement.name in lock, f"{line}: run tools/lock"
        version = lock[requirement.name].split("==")[1].split()[0]
        assert requirement.specifier.contains(version), f"{line} is locked to {version}: run tools/lock"


# Each pattern is put together from two pieces, so that this file does not contain what it looks for.
_ELSEWHERE = re.compile(
    "|".join(
        [
            "/ro" + r"ot\b/",
            "/ho" + "me/[a-z]",
            "/wo" + "rk/",
            "/tm" + "p/[a-z]",
            "/Us" + "ers/",
            "py" + r"pi\.o" + "rg",
            r"files\.python" + "hosted",
            r"registry\.np" + "mjs",
            r"deb\.deb" + r"ian\.org",
        ]
    )
)


def test_no_file_names_a_place_on_somebodys_machine_or_a_registry(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        content = path.read_bytes()
        if b"\0" in content or path.suffix == ".svg":
            continue
        lines = content.decode("utf-8", errors="replace").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if _ELSEWHERE.search(line)
        ]
    assert found == []


def test_what_is_made_is_not_tracked(tracked: list[Path]) -> None:
    assert [path for path in tracked if _made(path) or path.suffix in {".mo", ".pyc"}] == []


def test_every_folder_of_tests_is_a_package() -> None:
    """Without __init__.py two test files of one name would hide each other."""
    for top in ("tests", "hil_tests"):
        folders = {path.parent for path in (ROOT / top).rglob("*.py")}
        assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_package_is_marked_as_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []


def test_every_promised_target_is_there_and_listed() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in TARGETS:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
        assert f"'make {target} " in makefile, f"{target} is missing from make help"


def test_a_target_with_nothing_behind_it_says_so_and_fails() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make")
    rule = "empty: ; $(call nothing_yet,this test)"
    empty = subprocess.run(
        ["make", "--eval", rule, "empty"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert empty.returncode != 0
    assert "make empty: nothing is behind this target yet" in empty.stderr


@pytest.mark.parametrize("name", [".ci/run", "tools/setup", "tools/lock", "tools/install-system-packages"])
def test_programs_can_be_run(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert path.read_text(encoding="utf-8").startswith("#!/bin/")


def test_ci_runs_make_test_with_every_real_part_required() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "export YIBAO_REQUIRE_REAL=1" in script
    assert re.search(r"^make .*\btest\b", script, flags=re.MULTILINE)


def test_system_packages_are_named_in_one_place_once() -> None:
    lines = (ROOT / "system-packages.txt").read_text(encoding="utf-8").splitlines()
    names = [name for line in lines if (name := line.split("#")[0].strip())]
    assert len(names) == len(set(names))
    assert {"python3-venv", "libpcsclite-dev", "pcscd", "mosquitto", "fonts-wqy-microhei", "openssl"} <= set(
        names
    )
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in names)


def _install_without_apt(folder: Path, *, required: str) -> subprocess.CompletedProcess[str]:
    """Runs the installer with a PATH that has the few tools it needs, but no apt."""
    for tool in ("dirname", "sed", "tr"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools" / "install-system-packages")],
        env={"PATH": str(folder), "YIBAO_REQUIRE_REAL": required},
        check=False,
        capture_output=True,
        text=True,
    )


def test_without_apt_the_installer_says_what_is_missing_and_goes_on(tmp_path: Path) -> None:
    run = _install_without_apt(tmp_path, required="0")
    assert run.returncode == 0
    assert "pcscd" in run.stderr
    assert "going on WITHOUT" in run.stderr


def test_without_apt_the_installer_fails_where_real_parts_are_required(tmp_path: Path) -> None:
    run = _install_without_apt(tmp_path, required="1")
    assert run.returncode == 1
    assert "MISSING" in run.stderr


def _contracts(project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {contract["id"]: contract for contract in project["tool"]["importlinter"]["contracts"]}


def test_the_import_contracts_of_the_architecture_are_there(project: dict[str, Any]) -> None:
    contracts = _contracts(project)
    assert set(contracts) == {
        "layers",
        "nothing-imports-yibao",
        "protocols-are-pure",
        "terminal-names-interfaces",
        "simulators-name-interfaces",
        "interfaces-name-no-driver",
        "core-is-pure",
        "journal-below-the-counter",
        "clients-load-no-server",
        "smartcard-in-one-place",
    }
    assert contracts["layers"]["layers"] == ["yibao", "terminal | simulators", "drivers", "protocols"]
    impure = {
        "asyncio",
        "socket",
        "aiohttp",
        "apsw",
        "time",
        "random",
        "secrets",
        "os",
        "pathlib",
        "logging",
        "ctypes",
    }
    assert impure <= set(contracts["protocols-are-pure"]["forbidden_modules"])
    assert impure <= set(contracts["core-is-pure"]["forbidden_modules"])
    assert contracts["protocols-are-pure"]["ignore_imports"] == ["protocols.gm.libcrypto -> ctypes"]


# Importing module, imported module, and the contract that must say so.
_FORBIDDEN_IMPORTS = [
    ("protocols.money", "drivers.http", "layers"),
    ("drivers.pcsc.monitor", "terminal.journal", "layers"),
    ("terminal.recovery", "simulators.hub", "layers"),
    ("simulators.hub", "terminal.recovery", "layers"),
    ("drivers.http", "yibao.cli", "nothing-imports-yibao"),
    ("protocols.money", "time", "protocols-are-pure"),
    ("protocols.money", "ctypes", "protocols-are-pure"),
    ("terminal.journal", "drivers.http", "terminal-names-interfaces"),
    ("simulators.hub", "drivers.http", "simulators-name-interfaces"),
    ("drivers.interfaces.signer", "drivers.http", "interfaces-name-no-driver"),
    ("terminal.core.flows", "terminal.journal", "core-is-pure"),
    ("terminal.core.flows", "drivers.interfaces.signer", "core-is-pure"),
    ("terminal.core.flows", "asyncio", "core-is-pure"),
    ("terminal.journal", "terminal.recovery", "journal-below-the-counter"),
    ("yibao.client", "terminal.api", "clients-load-no-server"),
    ("yibao.service_line", "terminal.api", "clients-load-no-server"),
    ("terminal.shapes", "terminal.journal", "clients-load-no-server"),
    ("terminal.counter.wishes", "structlog", "clients-load-no-server"),
    ("simulators.control", "simulators.hub", "clients-load-no-server"),
    ("yibao.simulated.control", "terminal.app", "clients-load-no-server"),
    ("drivers.http", "smartcard", "smartcard-in-one-place"),
    ("yibao.cli", "smartcard", "smartcard-in-one-place"),
]
_ALLOWED_IMPORTS = [
    ("protocols.gm.libcrypto", "ctypes"),
    ("terminal.app", "drivers.http"),
    ("terminal.app", "drivers.pcsc.monitor"),
    ("terminal.journal", "drivers.interfaces.signer"),
    ("terminal.journal", "terminal.core.flows"),
    ("terminal.core.flows", "protocols.money"),
    ("simulators.hub", "drivers.interfaces.signer"),
    ("drivers.pcsc.monitor", "smartcard"),
    ("yibao.cli", "simulators.hub"),
    ("yibao.cli", "terminal.app"),
    ("yibao.client", "terminal.shapes"),
    ("yibao.simulated.control", "simulators.control"),
]


def _lint_imports(folder: Path, imports: list[tuple[str, str]]) -> subprocess.CompletedProcess[str]:
    """Runs import-linter with the project's contracts over a tree that holds nothing but `imports`."""
    modules = {
        name for pair in [*_ALLOWED_IMPORTS, *((a, b) for a, b, _ in _FORBIDDEN_IMPORTS)] for name in pair
    }
    for module in modules:
        parts = module.split(".")
        if parts[0] not in PACKAGES:
            continue
        file = folder.joinpath(*parts).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for package in list(file.relative_to(folder).parents)[:-1]:
            (folder / package / "__init__.py").touch()
        file.write_text("".join(f"import {b}\n" for a, b in imports if a == module), encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "300"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_contracts_allow_what_the_architecture_allows(tmp_path: Path) -> None:
    run = _lint_imports(tmp_path, _ALLOWED_IMPORTS)
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_the_contracts_find_each_forbidden_import(tmp_path: Path, project: dict[str, Any]) -> None:
    run = _lint_imports(tmp_path, [(a, b) for a, b, _ in _FORBIDDEN_IMPORTS])
    assert run.returncode == 1
    broken = run.stdout.partition("Broken contracts")[2]
    for importing, imported, contract in _FORBIDDEN_IMPORTS:
        title = _contracts(project)[contract]["name"]
        section = re.search(
            rf"^{re.escape(title)}\n-+\n(.*?)(?=\n-+\n|\Z)", broken, flags=re.MULTILINE | re.DOTALL
        )
        assert section is not None, f"contract {contract} was kept"
        assert f"{importing} -> {imported} " in section.group(1), contract


_IMPURE_CALLS = {"open", "print", "input", "eval", "exec", "__import__", "now", "today", "utcnow"}


def _impure_calls(path: Path) -> Iterator[str]:
    """Calls in one source file that reach a file, a terminal or a clock without an import."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _IMPURE_CALLS:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}()"


@pytest.mark.parametrize("package", ["protocols", "terminal/core"])
def test_pure_packages_call_no_file_no_terminal_and_no_clock(package: str) -> None:
    """What the import contracts cannot see: builtins, and the clock inside datetime."""
    assert [call for path in sorted((ROOT / package).rglob("*.py")) for call in _impure_calls(path)] == []


def _names_and_texts(tree: ast.Module) -> Iterator[str]:
    """Every name and every text of a program; not its prose, which may say what source a rule has."""
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        for field in ("id", "attr", "name", "arg"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def test_no_province_is_named_in_code() -> None:
    """Provinces are data: profiles, policy sets, people."""
    provinces = re.compile("湖南|广西|四川|广东|浙江|hunan|guangxi|sichuan|guangdong|zhejiang", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for name in PACKAGES
        for path in sorted((ROOT / name).rglob("*.py"))
        for text in _names_and_texts(ast.parse(path.read_text(encoding="utf-8")))
        if provinces.search(text)
    ]
    assert found == []


def test_decisions_have_their_four_parts_and_their_numbers_in_order() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: "), path.name
        parts = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert parts == ["Question", "Choice", "Reason", "Cost"], path.name


def test_the_licence_is_there_and_declared(project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_has_its_place_in_the_changelog() -> None:
    assert re.search(
        r"^## (Unreleased|\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
