"""A catalogue of 200,000 items from the hub into a file with `yibao hub fetch`, the line cut half-way.

The real command asks a real `yibao run`, which asks the simulated hub over HTTP: 1312 by page, every page a signed
question and a verified answer, on disk before the next is asked for. Half-way the hub's answer is lost, the command
ends with its complaint, and the same command goes on. The time is that of both commands together, from the start of
the first process to the end of the second; the search of the hub for its first page is inside.
"""

import asyncio
import json
import re
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench import far_end
from bench.commands import YIBAO
from bench.excess import Excess
from bench.far_end import Addresses
from bench.start_up import prepare, process_of, signed_in

ITEMS = 200_000
ROWS_PER_PAGE = 1000
LIMIT_S = 60.0
_PROGRESS = re.compile(r"(\d+) of \d+ rows are here")


async def cut_next_page(addresses: Addresses) -> None:
    """Let the hub lose its next answer."""
    order = {"fault": "lose-answer", "infno": "1312"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{addresses.control}/faults", json=order) as answer,
    ):
        answer.raise_for_status()


async def fetch(counter: Path, file: Path, addresses: Addresses, cut_at: int) -> tuple[int, list[int]]:
    """Run the command; the line is cut once `cut_at` rows are here (0 = never). Return its exit code and its progress."""
    seen: list[int] = []
    async with process_of(
        str(YIBAO), "hub", "fetch", "items", "--rows", str(ROWS_PER_PAGE),
        "--out", str(file), "--counter", str(counter), stderr=PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        async for line in process.stderr:
            if (told := _PROGRESS.search(line.decode())) is not None:
                seen.append(int(told[1]))
                if cut_at and seen[-1] >= cut_at:
                    cut_at = 0
                    await cut_next_page(addresses)
        return await process.wait(), seen


def rows_in(file: Path) -> int:
    """Count the different items in the file."""
    with file.open("rb") as lines:
        next(lines)
        return len({json.loads(line)["hilist_code"] for line in lines})


async def measure(folder: Path, items: int = ITEMS) -> Excess:
    """Measure with a counter in `folder`."""
    async with far_end.running(items) as addresses:
        counter, file = await prepare(folder, addresses), folder / "items.jsonl"
        async with process_of(str(YIBAO), "run", "--counter", str(counter)):
            await signed_in(counter)
            start = time.perf_counter()
            cut, before = await fetch(counter, file, addresses, items // 2)
            whole, after = await fetch(counter, file, addresses, 0)
            took_s = time.perf_counter() - start
    found = await asyncio.to_thread(rows_in, file)
    if (cut, whole) != (1, 0) or found < items or not before or after[0] != before[-1] + ROWS_PER_PAGE:
        raise RuntimeError(f"fetched {found} rows, exit codes {cut} and {whole}; the time would mean nothing")
    note = (
        f"{found:,} rows in {len(before) + len(after)} pages, cut after {before[-1]:,} and gone on behind them; progress"
        f" told with every page; {file.stat().st_size / 1e6:.0f} MB stored"
    )
    return Excess("catalogue, 200,000 items", took_s, 0.0, LIMIT_S, "s", note)


def run() -> list[Excess]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return [asyncio.run(measure(Path(folder)))]
