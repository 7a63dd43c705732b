"""Starting this project's command and the interpreter it runs in."""

import asyncio
import sys
import time
from pathlib import Path

PYTHON = Path(sys.executable)
YIBAO = Path(sys.executable).with_name("yibao")
"""The command as it is installed beside this interpreter."""


async def run_ms(*command: str | Path) -> float:
    """Run a command to its end and return the milliseconds it took; raises RuntimeError when it fails."""
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.DEVNULL)
    code = await process.wait()
    took_ms = (time.perf_counter() - start) * 1000
    if code != 0:
        raise RuntimeError(f"{command[0]} ended with {code}; its time would mean nothing")
    return took_ms
