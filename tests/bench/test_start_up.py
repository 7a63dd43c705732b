"""Starts of whole processes, at tiny size."""

import os
import sys
from pathlib import Path

import pytest

from bench import help_page, imports_only, start_up
from bench.commands import run_ms


@pytest.mark.timeout(90)
async def test_the_service_is_started_beside_its_imports(tmp_path: Path) -> None:
    ready, memory = await start_up.measure(tmp_path, rounds=1, idle_s=0.0)
    assert (ready.unit, ready.limit) == ("ms", 500.0)
    assert (memory.unit, memory.limit) == ("MiB", 25.0)
    assert ready.ours > 0
    assert ready.floor > 0
    assert memory.ours > 1
    assert memory.floor > 1


async def test_the_help_page_is_started_beside_an_empty_program(tmp_path: Path) -> None:
    page = await help_page.measure(tmp_path, rounds=1)
    assert (page.unit, page.limit) == ("ms", 150.0)
    assert page.ours > 0
    assert page.floor > 0


async def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        await run_ms(sys.executable, "-c", "raise SystemExit(3)")


def test_imports_are_made_in_order_and_what_cannot_be_imported_is_named() -> None:
    assert imports_only.import_all(["json", "no_such_module_anywhere", "json.decoder"]) == [
        "no_such_module_anywhere"
    ]


def test_the_interpreters_own_list_of_imports_is_read() -> None:
    listed = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       122 |        122 |   _io\n"
        "import time:        64 |        300 | encodings.aliases\n"
        "Some other line\n"
    )
    assert start_up.listed_modules(listed) == ["_io", "encodings.aliases"]


def test_the_memory_of_a_process_is_read_in_mebibytes() -> None:
    memory = start_up.memory_of(os.getpid())
    assert 1 < memory.pss <= memory.rss < 10_000
