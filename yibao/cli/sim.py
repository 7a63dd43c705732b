"""`yibao sim`: starts a simulated counter and moves the things behind it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from yibao.cli import benefit
from yibao.cli.common import JsonOption, run_async
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, yuan
from yibao.words import say

if TYPE_CHECKING:
    from simulators.desk.desk import DeskView
    from yibao.simulated.control import SimClient
    from yibao.simulated.folder import SimFolder

Result = TypeVar("Result")

DirOption = Annotated[
    Path, typer.Option("--dir", metavar="DIR", envvar="YIBAO_SIM_DIR", help=help_of("sim.dir"))
]
SIM_DIR = Path("sim")
PRINTER_VERBS = (
    "load", "cover-open", "cover-close", "offline", "online", "mute", "unmute", "power-on",
)  # fmt: skip
PRINTER_VERBS_WITH_LINES = ("paper-out", "power-off")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    sim = _group("sim")
    sim.command("up", help=help_of("sim.up"), short_help=help_of("sim.up"))(up)
    sim.command("people", help=help_of("sim.people"), short_help=help_of("sim.people"))(people)
    sim.command("scan", help=help_of("sim.scan"), short_help=help_of("sim.scan"))(scan)
    phone = _group("sim.phone")
    phone.command("code", help=help_of("sim.phone.code"), short_help=help_of("sim.phone.code"))(phone_code)
    sim.add_typer(phone, name="phone")
    printer = _group("sim.printer")
    for verb in PRINTER_VERBS:
        printer.command(verb, help=help_of(f"sim.printer.{verb}"), short_help=help_of(f"sim.printer.{verb}"))(
            _printer_verb(verb)
        )
    for verb in PRINTER_VERBS_WITH_LINES:
        printer.command(verb, help=help_of(f"sim.printer.{verb}"), short_help=help_of(f"sim.printer.{verb}"))(
            _printer_verb_with_lines(verb)
        )
    printer.command("status", help=help_of("sim.printer.status"), short_help=help_of("sim.printer.status"))(
        printer_status
    )
    printer.command("paper", help=help_of("sim.printer.paper"), short_help=help_of("sim.printer.paper"))(
        printer_paper
    )
    sim.add_typer(printer, name="printer")
    hub = _group("sim.hub")
    hub.command("fault", help=help_of("sim.hub.fault"), short_help=help_of("sim.hub.fault"))(hub_fault)
    hub.command("faults", help=help_of("sim.hub.faults"), short_help=help_of("sim.hub.faults"))(hub_faults)
    hub.command("clear", help=help_of("sim.hub.clear"), short_help=help_of("sim.hub.clear"))(hub_clear)
    hub.command("ledger", help=help_of("sim.hub.ledger"), short_help=help_of("sim.hub.ledger"))(hub_ledger)
    sim.add_typer(hub, name="hub")
    sim.add_typer(benefit.group(), name="benefit")
    app.add_typer(sim, name="sim")


def _group(name: str) -> typer.Typer:
    return typer.Typer(
        help=help_of(name), short_help=help_of(name), no_args_is_help=True, rich_markup_mode=None
    )


def with_sim(folder: Path, work: "Callable[[SimClient], Awaitable[Result]]") -> Result:
    """Do something with the running simulated counter of a folder."""
    from yibao.simulated.control import SimClient
    from yibao.simulated.folder import SimFolder

    endpoints = SimFolder(folder).endpoints()

    async def talk() -> Result:
        async with SimClient(endpoints) as sim:
            return await work(sim)

    return run_async(talk())


# -- starting -------------------------------------------------------------------------------------


def up(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", envvar="YIBAO_SIM_DIR", help=help_of("sim.dir"))
    ] = SIM_DIR,
    institution: Annotated[
        str,
        typer.Option("--institution", metavar="CODE", help=help_of("sim.institution"), show_default=False),
    ] = "",
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help=help_of("sim.seed"), show_default=False)
    ] = None,
) -> None:
    """Start every far end and stay."""
    from yibao.simulated.folder import SimFolder

    run_async(_stay_up(SimFolder(folder), institution, seed))


async def _stay_up(folder: "SimFolder", institution: str, seed: int | None) -> None:
    import asyncio
    import signal

    from yibao.simulated.running import simulated_counter

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with simulated_counter(folder, institution=institution, seed=seed):
        tell(say("sim_ready", path=str(folder.path)))
        for command in next_commands(folder):
            print(f"    {command}", flush=True)
        await stop.wait()
    tell(say("sim_ended"))


def next_commands(folder: "SimFolder") -> tuple[str, ...]:
    """The next three commands to try."""
    is_default = folder.path == SIM_DIR.resolve()
    counter = "" if is_default else f" --counter {folder.counter_file}"
    where = "" if is_default else f" --dir {folder.path}"
    return (
        f"yibao run{counter}",
        f"yibao sim phone code jia{where}",
        f"yibao sale --item 6901234567892{counter}",
    )


# -- people and scanner ---------------------------------------------------------------------------


def people(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """List the invented people."""
    rows = with_sim(folder, lambda sim: sim.people())
    if json:
        print_json(rows)
        return
    from yibao.cli.tables import Screen

    heads = (
        ("", "slug"),
        ("姓名", "Name"),
        ("人员编号", "psn_no"),
        ("电子凭证", "Certificate"),
        ("账户", "Account"),
    )
    cells = [(row.slug, row.name, row.psn_no, row.certificate, yuan(row.balance_fen)) for row in rows]
    Screen().rows(heads, cells, frozenset({4}))


def phone_code(
    person: Annotated[str, typer.Argument(metavar="PERSON", help=help_of("sim.person"), show_default=False)],
    folder: DirOption = SIM_DIR,
) -> None:
    """Print the code on a phone, and nothing else."""
    print(with_sim(folder, lambda sim: sim.phone_code(person)))


def scan(
    text: Annotated[str, typer.Argument(metavar="TEXT", help=help_of("sim.scan.text"), show_default=False)],
    symbology: Annotated[
        str,
        typer.Option("--symbology", metavar="KIND", help=help_of("sim.scan.symbology"), show_default=False),
    ] = "",
    folder: DirOption = SIM_DIR,
) -> None:
    """Scan a code."""
    with_sim(folder, lambda sim: sim.scan(text, symbology or None))
    tell(say("sim_done"))


# -- printer --------------------------------------------------------------------------------------


def _printer_verb(verb: str) -> Callable[..., None]:
    def act(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
        _show_printer(with_sim(folder, lambda sim: sim.printer(verb)), json)

    return act


def _printer_verb_with_lines(verb: str) -> Callable[..., None]:
    def act(
        after_lines: Annotated[
            int, typer.Option("--after-lines", min=0, help=help_of("sim.printer.after"), show_default=False)
        ] = 0,
        json: JsonOption = False,
        folder: DirOption = SIM_DIR,
    ) -> None:
        _show_printer(with_sim(folder, lambda sim: sim.printer(verb, after_lines)), json)

    return act


def printer_status(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Show the printer's true condition."""
    _show_printer(with_sim(folder, lambda sim: sim.desk()), json)


def _show_printer(desk: "DeskView", json: bool) -> None:
    printer = desk.printer
    if json:
        print_json(printer)
        return
    from yibao.cli.tables import Screen

    yes_no = {True: "是 yes", False: "否 no"}
    Screen().pairs(
        [
            ("通电", "Powered", yes_no[printer.powered]),
            ("已连接", "Connected", yes_no[printer.connected]),
            ("缺纸", "Paper out", yes_no[printer.paper_out]),
            ("开盖", "Cover open", yes_no[printer.cover_open]),
            ("脱机", "Offline", yes_no[printer.offline]),
            ("不应答", "Mute", yes_no[printer.muted]),
            ("已出纸", "Printed", str(printer.printed)),
        ]
    )


def printer_paper(
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FILE", help=help_of("sim.printer.png"), show_default=False),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", min=0, help=help_of("sim.printer.number"), show_default=False)
    ] = 0,
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Show a piece of paper."""
    if png is not None:
        png.write_bytes(with_sim(folder, lambda sim: sim.picture(number)))
        return
    paper = with_sim(folder, lambda sim: sim.paper(number))
    if json:
        print_json(paper)
    else:
        print(paper.text)


# -- hub ------------------------------------------------------------------------------------------


def hub_fault(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=help_of("sim.hub.fault.name"), show_default=False)
    ],
    argument: Annotated[
        str, typer.Argument(metavar="[ARGUMENT]", help=help_of("sim.hub.fault.argument"), show_default=False)
    ] = "",
    infno: Annotated[
        str, typer.Option("--infno", metavar="INFNO", help=help_of("sim.hub.fault.infno"), show_default=False)
    ] = "",
    count: Annotated[int, typer.Option("--count", min=1, help=help_of("sim.hub.fault.count"))] = 1,
    folder: DirOption = SIM_DIR,
) -> None:
    """Arm a fault."""
    fault = f"{name} {argument}".strip()
    with_sim(folder, lambda sim: sim.arm(fault, infno, count))
    tell(say("sim_armed", fault=f"{fault} {infno or '*'} x{count}"))


def hub_faults(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """List the faults."""
    found = with_sim(folder, lambda sim: sim.faults())
    if json:
        print_json(found)
        return
    from yibao.cli.tables import Screen

    screen = Screen()
    waiting = [(str(one.fault.get("kind", "")), one.infno or "*", str(one.left)) for one in found.armed]
    screen.rows((("等待", "Armed"), ("交易", "infno"), ("次", "Left")), waiting, frozenset({2}))
    fired = [(one.kind, one.infno, one.msgid) for one in found.fired]
    screen.rows((("已发生", "Fired"), ("交易", "infno"), ("报文编号", "Message id")), fired, frozenset())


def hub_clear(folder: DirOption = SIM_DIR) -> None:
    """Disarm all."""
    with_sim(folder, lambda sim: sim.clear_faults())
    tell(say("sim_cleared"))


def hub_ledger(
    msgid: Annotated[
        str, typer.Option("--msgid", metavar="MSGID", help=help_of("sim.hub.msgid"), show_default=False)
    ] = "",
    psn: Annotated[
        str, typer.Option("--psn", metavar="PSN_NO", help=help_of("sim.hub.psn"), show_default=False)
    ] = "",
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Show the hub's books."""
    rows = with_sim(folder, lambda sim: sim.ledger(msgid=msgid, psn_no=psn))
    if json:
        print_json(rows)
        return
    from yibao.cli.tables import Screen

    heads = (
        ("结算编号", "setl_id"), ("交易", "infno"), ("总额", "Total"), ("基金", "Funds"), ("账户", "Account"),
        ("现金", "Cash"), ("状态", "State"),
    )  # fmt: skip
    cells = [
        (
            row.setl_id,
            row.infno,
            yuan(row.total_fen),
            yuan(row.fund_fen),
            yuan(row.account_fen),
            yuan(row.cash_fen),
            "live" if row.live else row.how_undone or f"undoes {row.undoes}",
        )
        for row in rows
    ]
    Screen().rows(heads, cells, frozenset({2, 3, 4, 5}))
