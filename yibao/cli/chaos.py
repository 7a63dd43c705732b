"""`yibao sim chaos`: a TCP proxy that spoils what passes through it, between any two programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import JsonOption, run_async
from yibao.cli.errors import WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    import ssl

    from simulators.chaos.faults import Plan
    from simulators.chaos.proxy import Fired


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chaos", help=help_of("sim.chaos"), short_help=help_of("sim.chaos"))(chaos)


def chaos(
    listen: Annotated[
        str, typer.Argument(metavar="LISTEN", help=help_of("sim.chaos.listen"), show_default=False)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help=help_of("sim.chaos.target"), show_default=False)
    ],
    script: Annotated[
        Path | None,
        typer.Option("--script", metavar="FILE", help=help_of("sim.chaos.script"), show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help=help_of("sim.chaos.seed"))] = 0,
    rate: Annotated[float, typer.Option("--rate", min=0, max=1, help=help_of("sim.chaos.rate"))] = 0.0,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", metavar="FILE", help=help_of("sim.chaos.certificate"), show_default=False
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help=help_of("sim.chaos.ca"), show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Stand between a caller and a target until Ctrl-C."""
    from drivers.http.tls import TrustUnusable, client_context
    from simulators.certificates import server_context
    from simulators.chaos.faults import Plan, parse_script

    here, there = _address(listen, "127.0.0.1"), _address(target, "127.0.0.1")
    try:
        orders = () if script is None else parse_script(script.read_text(encoding="utf-8"))
        near = None if certificate is None else server_context(certificate)
        far = None if ca is None else client_context(ca)
    except TrustUnusable as wrong:
        raise WrongUse(say("file_wrong", reason=str(wrong))) from None
    except (ValueError, OSError) as wrong:
        where = script if isinstance(wrong, ValueError) else getattr(wrong, "filename", None) or certificate
        raise WrongUse(
            say("file_wrong", reason=f"{where}: {getattr(wrong, 'strerror', None) or wrong}")
        ) from None
    run_async(_stand_between(here, there, Plan(orders, seed=seed, rate=rate), near, far, json))


async def _stand_between(
    listen: tuple[str, int],
    target: tuple[str, int],
    plan: "Plan",
    near: "ssl.SSLContext | None",
    far: "ssl.SSLContext | None",
    json: bool,
) -> None:
    import asyncio
    import signal

    from simulators.chaos.proxy import ChaosProxy

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    proxy = ChaosProxy(*target, plan, near=near, far=far, tell=_print_json if json else _print)
    try:
        await proxy.listen(*listen)
        if not json:
            tell(say("chaos_ready", listen=f"{proxy.host}:{proxy.port}", target=f"{target[0]}:{target[1]}"))
        await stop.wait()
    finally:
        await proxy.close()
    if not json:
        tell(say("chaos_ended", exchanges=str(proxy.exchanges), faults=str(len(proxy.fired))))


def _print(fired: "Fired") -> None:
    from simulators.chaos.faults import text_of

    print(f"{fired.exchange} {text_of(fired.fault)}", flush=True)


def _print_json(fired: "Fired") -> None:
    print_json(fired, compact=True)


def _address(text: str, host: str) -> tuple[str, int]:
    """`HOST:PORT`, `[IPV6]:PORT` or a port alone."""
    name, colon, port = text.rpartition(":")
    if not port.isdecimal() or not int(port) < 65536 or (colon and not name):
        raise WrongUse(say("wrong_address", text=text))
    return name.strip("[]") or host, int(port)
