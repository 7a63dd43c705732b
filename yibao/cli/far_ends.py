"""What the commands of the simulated counter share: its folder, and talking to its far ends."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from yibao.cli.common import run_async
from yibao.cli.help import help_of

if TYPE_CHECKING:
    from yibao.simulated.control import SimClient

Result = TypeVar("Result")

SIM_DIR: Final = Path("sim")
DirOption = Annotated[
    Path, typer.Option("--dir", metavar="DIR", envvar="YIBAO_SIM_DIR", help=help_of("sim.dir"))
]


def with_sim(
    folder: Path, work: "Callable[[SimClient], Awaitable[Result]]", *, clinic: bool = False
) -> Result:
    """Do something with the running simulated world of a folder; `clinic` = with the clinic's counter."""
    from yibao.simulated.control import SimClient
    from yibao.simulated.endpoints import CLINIC, MAIN, read_endpoints

    endpoints = read_endpoints(folder).at(CLINIC if clinic else MAIN)

    async def talk() -> Result:
        async with SimClient(endpoints) as sim:
            return await work(sim)

    return run_async(talk())
