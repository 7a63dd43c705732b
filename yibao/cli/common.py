"""What several commands share: their options, finding the counter's file, talking to its service."""

import contextlib
import gc
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from yibao.cli.errors import CommandFailed, Interrupted, WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import name_counter
from yibao.words import say

if TYPE_CHECKING:
    from terminal.journal.anchors import Noted
    from yibao.client import CounterClient

Result = TypeVar("Result")

COUNTER_FILES: Final = (Path("counter.toml"), Path("sim/counter.toml"))
OUTCOME_OPEN: Final = 3
"""Exit code of a command whose outcome is still open when it ends."""

CounterOption = Annotated[
    Path | None,
    typer.Option(
        "--counter", metavar="FILE", envvar="YIBAO_COUNTER", help=help_of("counter"), show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help=help_of("json"))]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help=help_of("yes"))]
WaitOption = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help=help_of("wait"))]
SaleArgument = Annotated[str, typer.Argument(metavar="SALE", help=help_of("sale_name"), show_default=False)]


def find_counter(given: Path | None) -> Path:
    """The counter's file: the one given (hints name it again), else ./counter.toml, else ./sim/counter.toml."""
    name_counter(given)
    if given is not None:
        return given
    for path in COUNTER_FILES:
        if path.is_file():
            return path
    raise CommandFailed(say("no_counter_file"))


def bytes_of(file: Path) -> bytes:
    """Content of a file that somebody named. Raises `WrongUse` when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as unreadable:
        raise WrongUse(say("file_wrong", reason=f"{file}: {unreadable.strerror}")) from None


def text_of(file: Path) -> str:
    """Text of a file that somebody named. Raises `WrongUse` when it cannot be read, or is no text."""
    try:
        return bytes_of(file).decode()
    except UnicodeDecodeError:
        raise WrongUse(say("file_wrong", reason=f"{file}: not UTF-8 text")) from None


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Around the imports of a process that stays: nobody looks for garbage among modules, now or later.

    Looking while they were loaded took a tenth of a start, and looking at them again is a pause of the loop.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run asynchronous work to its end; Ctrl-C becomes words."""
    import asyncio

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise Interrupted(say("interrupted")) from None


def with_client(counter: Path | None, work: "Callable[[CounterClient], Awaitable[Result]]") -> Result:
    """Do something with a client of the running service."""
    from terminal.config import read_config
    from yibao.client import CounterClient

    files = read_config(find_counter(counter))

    async def talk() -> Result:
        async with CounterClient(files.socket_path, name="yibao") as client:
            return await work(client)

    return run_async(talk())


def with_sale(
    counter: Path | None, name: str, work: "Callable[[CounterClient, str], Awaitable[Result]]"
) -> Result:
    """As `with_client`, with the id behind a sale's id, number or receipt number."""

    async def find(client: "CounterClient") -> Result:
        return await work(client, await client.resolve(name))

    return with_client(counter, find)


def noted_anchor(text: str) -> "Noted | None":
    """What `--anchor` says, None without it; raises `WrongUse`."""
    from terminal.journal.anchors import parse_noted

    try:
        return parse_noted(text) if text else None
    except ValueError:
        raise WrongUse(say("wrong_anchor", text=text)) from None


_ITEM: Final = re.compile(r"(?P<barcode>[0-9]+)(?:[*xX](?P<quantity>[0-9]+(?:\.[0-9]+)?))?")


def parse_item(text: str) -> tuple[str, str]:
    """Barcode and quantity of `6901234567892*2`."""
    found = _ITEM.fullmatch(text.strip())
    if found is None:
        raise WrongUse(say("wrong_item", text=_repeatable(text)))
    return found["barcode"], found["quantity"] or "1"


def _repeatable(text: str) -> str:
    """What was typed, fit to be shown again: a customer's number typed in the wrong place is hidden."""
    from protocols.secret import hide_numbers

    return hide_numbers(text)


def parse_line(text: str) -> tuple[str, str, str, str, str]:
    """National code, own code, name, price and quantity of `CODE,OWN,NAME,PRICE[,QUANTITY]`."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 4:
        parts.append("1")
    if len(parts) != 5 or not all(parts):
        raise WrongUse(say("wrong_line", text=_repeatable(text)))
    return parts[0], parts[1], parts[2], parts[3], parts[4]
