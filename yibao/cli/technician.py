"""`yibao card read`, `yibao apdu` and `yibao hub ping`: what a technician asks a running counter."""

from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, find_counter, run_async, with_client
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.client import CardView, ExchangedView
    from yibao.doctor.report import Part

FullCard = Annotated[bool, typer.Option("--full", help=help_of("card.full"))]
FullApdu = Annotated[bool, typer.Option("--full", help=help_of("apdu.full"))]
Commands = Annotated[
    list[str], typer.Argument(metavar="APDU...", help=help_of("apdu.command"), show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command, run in (("card", "read", read_card), ("hub", "ping", ping_hub)):
        group = typer.Typer(
            help=help_of(name), short_help=help_of(name), no_args_is_help=True, rich_markup_mode=None
        )
        text = help_of(f"{name}.{command}")
        group.command(command, help=text, short_help=text)(run)
        app.add_typer(group, name=name)
    app.command("apdu", help=help_of("apdu"), short_help=help_of("apdu"))(apdu)


def read_card(full: FullCard = False, json: JsonOption = False, counter: CounterOption = None) -> None:
    """Read the card and show it."""
    card = with_client(counter, lambda client: client.show_card(full=full))
    if json:
        print_json(card)
        return
    _show_card(card)
    if card.masked:
        tell(say("card_is_masked"))


def _show_card(card: "CardView") -> None:
    from yibao.cli.tables import Screen

    rows = [
        ("卡号", "Card number", card.card_number),
        ("卡识别码", "Identification code", card.card_sn),
        ("姓名", "Name", card.name or "-"),
        ("身份证号", "Identity number", card.certno or "-"),
        ("出生日期", "Born", card.born or "-"),
        ("规范版本", "Version", card.version),
        ("发卡地区", "Issuing area", card.issuing_area),
        ("发卡日期", "Issued", card.issued or "-"),
        ("有效期至", "Valid until", card.valid_until or "-"),
        ("算法", "Algorithm", card.algorithm),
        ("未能读取", "Unreadable", ", ".join(card.unreadable) or "-"),
        ("用时", "Time", f"{card.read_ms:.0f} ms"),
    ]
    Screen().pairs(rows)


def apdu(
    commands: Commands, full: FullApdu = False, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Send raw commands to the card."""
    exchanged = with_client(counter, lambda client: client.apdu(commands, full=full))
    if json:
        print_json(exchanged)
        return
    _show_exchanged(exchanged)
    if not full:
        tell(say("apdu_is_masked"))


def _show_exchanged(exchanged: "list[ExchangedView]") -> None:
    for one in exchanged:
        print(f"> {one.command}")
        print(f"< {one.response}  {one.meaning}".rstrip())


def ping_hub(json: JsonOption = False, counter: CounterOption = None) -> int:
    """Look at the line to the hub, through the service when one is running."""
    from terminal.config import read_config
    from yibao.doctor.examine import look_at_hub
    from yibao.doctor.far_ends import judge_hub
    from yibao.doctor.report import State

    ping, running = run_async(look_at_hub(read_config(find_counter(counter))))
    found = judge_hub(ping.line, ping.hub if running else None, ping if running else None, running=running)
    if json:
        print_json({"service": running, "ok": found.state is State.OK, "ping": ping, "part": found})
    else:
        _show_ping(found)
    return 0 if found.state is State.OK else 1


def _show_ping(found: "Part") -> None:
    from yibao.cli.tables import Screen

    facts = found.facts
    rows = [
        ("地址", "Address", str(facts["address"])),
        ("连接", "Connect", _ms(facts["connect_ms"])),
        ("加密", "TLS", _ms(facts["tls_ms"])),
        ("HTTP 应答", "HTTP answer", _ms(facts["answer_ms"])),
    ]
    if "sign_in" in facts:
        age_s = facts["verified_age_s"]
        age = f", {age_s:.0f} s" if isinstance(age_s, int | float) else ""
        rows += [
            ("签到", "Sign-in", str(facts["sign_in"])),
            ("已验签的应答", "Signed answer", f"{_ms(facts['signed_answer_ms'])} ({facts['verified']}{age})"),
            ("验签", "Verified in", _ms(facts["verify_ms"])),
            ("时钟差", "Clock offset", "-" if facts["clock_offset_ms"] is None else f"{facts['clock_offset_ms']} ms"),
        ]  # fmt: skip
    Screen().pairs(rows)
    tell(Words(found.code, found.reason.zh, found.reason.en))
    if found.next_step.en:
        tell(Words(found.code, found.next_step.zh, found.next_step.en))


def _ms(value: object) -> str:
    return f"{value:.1f} ms" if isinstance(value, int | float) else "-"
