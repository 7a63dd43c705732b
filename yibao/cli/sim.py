"""`yibao sim`: starts a simulated counter and moves the things behind it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli import back_office, benefit, certificate, chaos, prescription, simulation
from yibao.cli.common import JsonOption, importing, run_async, text_of
from yibao.cli.errors import WrongUse
from yibao.cli.far_ends import SIM_DIR, DirOption, with_sim
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, write_picture, yuan
from yibao.cli.people import people
from yibao.words import Words, say

if TYPE_CHECKING:
    from simulators.control import CardReaderView, DeskView
    from yibao.simulated.control import SimClient
    from yibao.simulated.folder import SimFolder

ClinicOption = Annotated[bool, typer.Option("--clinic", help=help_of("sim.clinic"))]
PRINTER_VERBS = (
    "load", "cover-open", "cover-close", "offline", "online", "mute", "unmute", "power-on",
)  # fmt: skip
PRINTER_VERBS_WITH_LINES = ("paper-out", "power-off")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    sim = _group("sim")
    sim.command("up", help=help_of("sim.up"), short_help=help_of("sim.up"))(up)
    sim.command("run", help=help_of("sim.run"), short_help=help_of("sim.run"))(simulation.run)
    sim.command("people", help=help_of("sim.people"), short_help=help_of("sim.people"))(people)
    sim.command("scan", help=help_of("sim.scan"), short_help=help_of("sim.scan"))(scan)
    phone = _group("sim.phone")
    phone.command("code", help=help_of("sim.phone.code"), short_help=help_of("sim.phone.code"))(phone_code)
    certificate.register(sim, phone)
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
    card = _group("sim.card")
    card.command("insert", help=help_of("sim.card.insert"), short_help=help_of("sim.card.insert"))(
        card_insert
    )
    card.command("remove", help=help_of("sim.card.remove"), short_help=help_of("sim.card.remove"))(
        card_remove
    )
    card.command("state", help=help_of("sim.card.state"), short_help=help_of("sim.card.state"))(card_state)
    sim.add_typer(card, name="card")
    hub = _group("sim.hub")
    hub.command("fault", help=help_of("sim.hub.fault"), short_help=help_of("sim.hub.fault"))(hub_fault)
    hub.command("faults", help=help_of("sim.hub.faults"), short_help=help_of("sim.hub.faults"))(hub_faults)
    hub.command("script", help=help_of("sim.hub.script"), short_help=help_of("sim.hub.script"))(hub_script)
    hub.command("rotate-key", help=help_of("sim.hub.rotate_key"), short_help=help_of("sim.hub.rotate_key"))(
        hub_rotate_key
    )
    hub.command("enrol", help=help_of("sim.hub.enrol"), short_help=help_of("sim.hub.enrol"))(hub_enrol)
    hub.command("clear", help=help_of("sim.hub.clear"), short_help=help_of("sim.hub.clear"))(hub_clear)
    hub.command("ledger", help=help_of("sim.hub.ledger"), short_help=help_of("sim.hub.ledger"))(hub_ledger)
    back_office.register(hub)
    sim.add_typer(hub, name="hub")
    sim.add_typer(prescription.sim_group(), name="prescription")
    sim.add_typer(benefit.group(), name="benefit")
    chaos.register(sim)
    app.add_typer(sim, name="sim")


def _group(name: str) -> typer.Typer:
    return typer.Typer(
        help=help_of(name), short_help=help_of(name), no_args_is_help=True, rich_markup_mode=None
    )


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
    single_use_code: Annotated[
        bool, typer.Option("--single-use-code", help=help_of("sim.single_use"))
    ] = False,
    tls: Annotated[bool, typer.Option("--tls", help=help_of("sim.tls"))] = False,
    record_quotes: Annotated[
        int,
        typer.Option(
            "--record-quotes",
            min=0,
            max=100_000,
            metavar="N",
            help=help_of("sim.record_quotes"),
            show_default=False,
        ),
    ] = 0,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help=help_of("sim.profile"), show_default=False)
    ] = "",
) -> None:
    """Start every far end and stay."""
    from yibao.simulated.folder import SimFolder

    run_async(
        _stay_up(
            SimFolder(folder),
            institution,
            seed,
            single_use_code=single_use_code,
            tls=tls,
            record_quotes=record_quotes,
            profile=profile,
        )
    )


async def _stay_up(
    folder: "SimFolder",
    institution: str,
    seed: int | None,
    *,
    single_use_code: bool,
    tls: bool,
    record_quotes: int,
    profile: str,
) -> None:
    import asyncio
    import signal

    with importing():
        from yibao.simulated.running import simulated_counter

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with simulated_counter(
        folder,
        institution=institution,
        seed=seed,
        single_use_code=single_use_code,
        tls=tls,
        record_quotes=record_quotes,
        profile=profile,
    ) as world:
        for part in world.endpoints.left_out:
            chinese, english = say("sim_left_out", part=part.zh), say("sim_left_out", part=part.en)
            tell(Words(english.code, chinese.zh, english.en))
        tell(say("sim_ready", path=str(folder.path)))
        commands = next_commands(folder)
        if world.endpoints.clinic is not None:
            commands += next_clinic_commands(folder)
        for command in commands:
            print(f"    {command}", flush=True)
        tell(say("sim_phone", url=world.endpoints.phone))
        await stop.wait()
    tell(say("sim_ended"))


def next_commands(folder: "SimFolder") -> tuple[str, ...]:
    """The next three commands to try."""
    is_default = folder.path == SIM_DIR.absolute()
    counter = "" if is_default else f" --counter {folder.counter_file}"
    where = "" if is_default else f" --dir {folder.path}"
    return (
        f"yibao run{counter}",
        f"yibao sim phone code jia{where}",
        f"yibao sale --item 6901234567892{counter}",
    )


def next_clinic_commands(folder: "SimFolder") -> tuple[str, ...]:
    """The same for the clinic's counter."""
    is_default = folder.path == SIM_DIR.absolute()
    file = SIM_DIR / folder.clinic_file.name if is_default else folder.clinic_file
    where = "" if is_default else f" --dir {folder.path}"
    return (
        f"yibao run --counter {file}",
        f"yibao sim card insert yi{where}",
        f"yibao visit --card --item 6901234567892 --counter {file}",
    )


# -- phone and scanner ----------------------------------------------------------------------------


def phone_code(
    person: Annotated[str, typer.Argument(metavar="PERSON", help=help_of("sim.person"), show_default=False)],
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help=help_of("sim.phone.png"), show_default=False)
    ] = None,
    folder: DirOption = SIM_DIR,
) -> None:
    """Print the code on a phone, and nothing else; with `--png` also draw it as the phone does."""
    code = with_sim(folder, lambda sim: sim.phone_code(person))
    if png is not None:
        from simulators.phone import draw_code

        write_picture(png, draw_code(code))
    print(code)


def scan(
    text: Annotated[str, typer.Argument(metavar="TEXT", help=help_of("sim.scan.text"), show_default=False)],
    symbology: Annotated[
        str,
        typer.Option("--symbology", metavar="KIND", help=help_of("sim.scan.symbology"), show_default=False),
    ] = "",
    clinic: ClinicOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Scan a code."""
    with_sim(folder, lambda sim: sim.scan(text, symbology or None), clinic=clinic)
    tell(say("sim_done"))


# -- card -----------------------------------------------------------------------------------------


def card_insert(
    card: Annotated[str, typer.Argument(metavar="CARD", help=help_of("sim.card.which"), show_default=False)],
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Put a card into the clinic's reader."""
    image = text_of(Path(card)) if card.endswith(".toml") else ""
    _show_card(_with_reader(folder, lambda sim: sim.insert_card("" if image else card, image)), json)


def card_remove(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Take the card out."""
    _show_card(_with_reader(folder, lambda sim: sim.remove_card()), json)


def card_state(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Show the reader and the card in it."""
    _show_card(_with_reader(folder, lambda sim: sim.desk()), json)


def _with_reader(folder: Path, work: "Callable[[SimClient], Awaitable[DeskView]]") -> "CardReaderView":
    """Do something at the counter that has the card reader: the clinic's, which may be the only one."""
    from yibao.simulated.endpoints import read_endpoints

    has_two = read_endpoints(folder).clinic is not None
    return with_sim(folder, work, clinic=has_two).card


def _show_card(card: "CardReaderView", json: bool) -> None:
    if json:
        print_json(card)
        return
    from yibao.cli.tables import Screen

    rows = [("读卡器", "Reader", card.reader or card.missing)]
    if card.reader:
        rows += [("卡", "Card", card.card or "-"), ("复位应答", "ATR", card.atr or "-")]
    Screen().pairs(rows)


# -- printer --------------------------------------------------------------------------------------


def _printer_verb(verb: str) -> Callable[..., None]:
    def act(json: JsonOption = False, clinic: ClinicOption = False, folder: DirOption = SIM_DIR) -> None:
        _show_printer(with_sim(folder, lambda sim: sim.printer(verb), clinic=clinic), json)

    return act


def _printer_verb_with_lines(verb: str) -> Callable[..., None]:
    def act(
        after_lines: Annotated[
            int, typer.Option("--after-lines", min=0, help=help_of("sim.printer.after"), show_default=False)
        ] = 0,
        json: JsonOption = False,
        clinic: ClinicOption = False,
        folder: DirOption = SIM_DIR,
    ) -> None:
        _show_printer(with_sim(folder, lambda sim: sim.printer(verb, after_lines), clinic=clinic), json)

    return act


def printer_status(
    json: JsonOption = False, clinic: ClinicOption = False, folder: DirOption = SIM_DIR
) -> None:
    """Show the printer's true condition."""
    _show_printer(with_sim(folder, lambda sim: sim.desk(), clinic=clinic), json)


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
    clinic: ClinicOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Show a piece of paper."""
    if png is not None:
        write_picture(png, with_sim(folder, lambda sim: sim.picture(number), clinic=clinic))
        return
    paper = with_sim(folder, lambda sim: sim.paper(number), clinic=clinic)
    if json:
        print_json(paper)
    else:
        print(paper.text)


# -- hub ------------------------------------------------------------------------------------------


def hub_fault(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=help_of("sim.hub.fault.name"), show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENT]...", help=help_of("sim.hub.fault.argument"), show_default=False),
    ] = None,
    infno: Annotated[
        str, typer.Option("--infno", metavar="INFNO", help=help_of("sim.hub.fault.infno"), show_default=False)
    ] = "",
    count: Annotated[int, typer.Option("--count", min=1, help=help_of("sim.hub.fault.count"))] = 1,
    folder: DirOption = SIM_DIR,
) -> None:
    """Arm a fault."""
    fault = " ".join((name, *(arguments or ())))
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
    screen.rows(
        (("已发生", "Fired"), ("次", "Times")),
        [(kind, str(n)) for kind, n in found.counts.items()],
        frozenset({1}),
    )
    if found.script is not None:
        planned = {"seed": found.script.get("seed", 0), "step": len(found.script.get("step", ()))}
        planned["rate"] = len(found.script.get("rate", ()))
        tell(say("sim_script_in_force", **{key: str(value) for key, value in planned.items()}))


def hub_script(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=help_of("sim.hub.script.file"), show_default=False)
    ],
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Load a fault script."""
    from simulators.hub.script import ScriptError, parse_script

    try:
        script = parse_script(text_of(file), str(file))
    except ScriptError as wrong:
        raise WrongUse(say("file_wrong", reason=str(wrong))) from None
    found = with_sim(folder, lambda sim: sim.load_script(script))
    if json:
        print_json(found)
        return
    planned = {"seed": str(script.seed), "step": str(len(script.step)), "rate": str(len(script.rate))}
    tell(say("sim_script_in_force", **planned))


def hub_rotate_key(
    pem: Annotated[
        Path | None,
        typer.Option("--pem", metavar="FILE", help=help_of("sim.hub.rotate_key.pem"), show_default=False),
    ] = None,
    announce: Annotated[
        bool, typer.Option("--announce", help=help_of("sim.hub.rotate_key.announce"))
    ] = False,
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Change the hub's answer key, or only tell the next one."""
    from protocols.gm.sm2 import PublicKey
    from yibao.simulated.folder import write_file

    keys = with_sim(folder, lambda sim: sim.hub_keys() if announce else sim.rotate_hub_key())
    key = PublicKey(bytes.fromhex(keys.next if announce else keys.public_point))
    if pem is not None:
        write_file(pem, key.to_pem())
    if json:
        print_json(keys)
    elif pem is None:
        print(key.to_pem().decode(), end="", flush=True)
    else:
        tell(say("sim_done"))


def hub_enrol(clinic: ClinicOption = False, folder: DirOption = SIM_DIR) -> None:
    """Let the hub accept a counter's new key besides the old one."""
    from terminal.config import read_config
    from yibao.simulated.endpoints import CLINIC, MAIN
    from yibao.simulated.folder import SimFolder

    paths = SimFolder(folder).paths(CLINIC if clinic else MAIN)
    institution = read_config(paths.file).config.institution.code
    point = paths.keys.public_key().point
    with_sim(folder, lambda sim: sim.register_terminal(institution, point, keep=True))
    tell(say("sim_done"))


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
