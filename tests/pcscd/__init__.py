"""A pcscd of our own for tests; the machine's is never touched.

The PC/SC library reads the name of the service's socket once per process. So the name is settled here, at import, for
the whole test process (each xdist worker is one), before anything can make a PC/SC call; the services that tests start
and stop follow one another on that socket.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from simulators.reader import PcscdInstance, VpcdSlot, missing_parts
from simulators.reader.pcscd_instance import SOCKET_VARIABLE
from tests.real_parts import real_part_missing, require_real_module

__all__ = ["FOLDER", "pcscd", "pcscd_parts", "slot", "stopped_pcscd"]

FOLDER: Final = Path(tempfile.mkdtemp(prefix="yibao-pcscd-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ[SOCKET_VARIABLE] = str(PcscdInstance(FOLDER).socket_path)


@pytest.fixture(scope="session")
def pcscd_parts() -> None:
    """End the test, skipped or failed, where pcscd, its virtual reader or pyscard are not there."""
    require_real_module("smartcard.scard")
    if missing := missing_parts():
        real_part_missing(", ".join(missing))


@pytest.fixture
async def stopped_pcscd(pcscd_parts: None) -> AsyncIterator[PcscdInstance]:
    """An instance that is not running yet."""
    instance = PcscdInstance(FOLDER)
    yield instance
    await instance.stop()


@pytest.fixture
async def pcscd(stopped_pcscd: PcscdInstance) -> PcscdInstance:
    """A running instance with two empty virtual slots."""
    await stopped_pcscd.start()
    return stopped_pcscd


@pytest.fixture
async def slot(pcscd: PcscdInstance) -> AsyncIterator[VpcdSlot]:
    """The first slot of the running instance, where the person's card goes."""
    async with VpcdSlot(pcscd.ports[0]) as first:
        yield first
