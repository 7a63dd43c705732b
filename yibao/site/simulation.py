"""`simulate`: one run of a whole site from a seed, on a virtual loop, in memory where there is some, without a word on the screen."""

import contextlib
import gc
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from yibao.site.auditor import Auditor
from yibao.site.site import Report, Site
from yibao.site.twins import TWINS, Twin, install
from yibao.site.virtual_loop import run_virtual

SALES_PER_RUN = 60


def simulate(seed: int, sales: int = SALES_PER_RUN, twin: str = "") -> Report:
    """Run one site from a seed, with the application's own counter or one of its bad twins."""
    chosen = TWINS[twin] if twin else Twin()
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="yibao-site-", dir=_memory_folder()))
        )
        install(chosen, stack)
        stack.enter_context(_seldom_collecting())
        stack.enter_context(_events_unheard())
        return run_virtual(lambda: _one(seed, sales, folder, chosen), seed)


async def _one(seed: int, sales: int, folder: Path, twin: Twin) -> Report:
    site = Site(seed, folder, twin)
    complaints = _Complaints(site.auditor)
    logger = logging.getLogger("terminal")
    logger.addHandler(complaints)
    spread, logger.propagate = logger.propagate, False
    try:
        await site.run(sales)
    except Exception as error:  # noqa: BLE001 - whatever the counter does is a finding of this seed, not of the program
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
        site.auditor.broken("I11", f"the run ended with {type(error).__name__} at {where}: {error}")
    finally:
        logger.removeHandler(complaints)
        logger.propagate = spread
    return site.report()


class _Complaints(logging.Handler):
    """An error that the counter did not expect is a break, however well it recovers from it."""

    def __init__(self, auditor: Auditor) -> None:
        super().__init__(logging.ERROR)
        self._auditor = auditor

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        if record.name == "terminal.clock":
            return  # a clock that jumped: it was us
        self._auditor.broken("I11", f"unexpected error: {record.getMessage()}")


@contextlib.contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for garbage seldom: a run makes millions of short-lived values, and looking cost a seventh of its time."""
    before, is_frozen = gc.get_threshold(), gc.get_freeze_count() > 0
    if not is_frozen:
        gc.freeze()
    gc.set_threshold(300_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not is_frozen:
            gc.unfreeze()


@contextlib.contextmanager
def _events_unheard() -> Iterator[None]:
    """Keep what the counter says about its clock off the screen: the standard output is for the report alone."""
    before = structlog.get_config()
    structlog.configure(processors=[_unheard])
    try:
        yield
    finally:
        structlog.configure(**before)


def _unheard(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent


def _memory_folder() -> str | None:
    """A folder that is memory, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
