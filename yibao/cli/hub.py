"""`yibao hub`: what a person asks the hub through a running counter, beside any sale."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yibao.cli.common import (
    CounterOption,
    JsonOption,
    Result,
    SaleArgument,
    find_counter,
    run_async,
    with_client,
)
from yibao.cli.errors import CommandFailed
from yibao.cli.help import help_of
from yibao.cli.output import new_file, print_json, tell, tell_line, without_controls
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.catalogue_copy import CatalogueCopy
    from yibao.client import CounterClient, RowsView
    from yibao.doctor.report import Part

Code = Annotated[str, typer.Option("--code", help=help_of("hub.institution.code"), show_default=False)]
Name = Annotated[str, typer.Option("--name", help=help_of("hub.institution.name"), show_default=False)]
Kind = Annotated[str, typer.Option("--kind", help=help_of("hub.institution.kind"), show_default=False)]
Dictionary = Annotated[
    str, typer.Argument(metavar="DICTIONARY", help=help_of("hub.dictionary.name"), show_default=False)
]
Parent = Annotated[str, typer.Option("--parent", help=help_of("hub.dictionary.parent"))]
Date = Annotated[str, typer.Option("--date", metavar="DATE", help=help_of("hub.date"), show_default=False)]
Catalogue = Annotated[
    str,
    typer.Argument(
        metavar="items|ethnic|national|own|ceilings|shares",
        help=help_of("hub.catalogue.name"),
        show_default=False,
    ),
]
ItemCode = Annotated[str, typer.Option("--code", help=help_of("hub.catalogue.code"), show_default=False)]
NationalCode = Annotated[
    str, typer.Option("--national-code", help=help_of("hub.catalogue.national_code"), show_default=False)
]
OwnCode = Annotated[
    str, typer.Option("--own-code", help=help_of("hub.catalogue.own_code"), show_default=False)
]
ItemName = Annotated[str, typer.Option("--name", help=help_of("hub.catalogue.item_name"), show_default=False)]
Since = Annotated[
    str, typer.Option("--since", metavar="DATE", help=help_of("hub.catalogue.since"), show_default=False)
]
Page = Annotated[int, typer.Option("--page", min=1, max=9999, help=help_of("hub.catalogue.page"))]
Rows = Annotated[int, typer.Option("--rows", min=1, max=9999, help=help_of("hub.catalogue.rows"))]
Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help=help_of("hub.download.number"), show_default=False)
]
Version = Annotated[str, typer.Option("--since", metavar="VERSION", help=help_of("hub.download.since"))]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help=help_of("hub.download.out"), show_default=False),
]
FetchOut = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help=help_of("hub.fetch.out"), show_default=False),
]
Record = Annotated[
    str,
    typer.Argument(
        metavar="diagnoses|lines|items|drugs|totals|institutions|transfers",
        help=help_of("hub.record.name"),
        show_default=False,
    ),
]

COLUMNS: Final = {
    "1201": (("fixmedins_code", "编号", "Code"), ("fixmedins_name", "名称", "Name"), ("fixmedins_type", "类型", "Kind"),
             ("hosp_lv", "等级", "Grade")),
    "1312": (("hilist_code", "医保目录编码", "Code"), ("hilist_name", "名称", "Name"), ("chrgitm_lv", "等级", "Class"),
             ("list_type", "目录类别", "List"), ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "1304": (("med_list_codg", "医疗目录编码", "National code"), ("prodname", "名称", "Name"), ("updt_time", "更新", "Changed")),
    "1316": (("med_list_codg", "医疗目录编码", "National code"), ("hilist_code", "医保目录编码", "Code"),
             ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "1317": (("medins_list_codg", "机构目录编码", "Own code"), ("medins_list_name", "名称", "Name"), ("spec", "规格", "Spec"),
             ("med_list_codg", "医疗目录编码", "National code"), ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "1318": (("hilist_code", "医保目录编码", "Code"), ("hilist_pric_uplmt_amt", "限价", "Ceiling"),
             ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "1319": (("hilist_code", "医保目录编码", "Code"), ("selfpay_prop", "先自付比例", "First-borne"),
             ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "5202": (("diag_srt_no", "序号", "#"), ("diag_code", "诊断代码", "Code"), ("diag_name", "诊断名称", "Diagnosis"),
             ("dise_dor_name", "医生", "Doctor"), ("diag_time", "时间", "Time")),
    "5204": (("feedetl_sn", "流水号", "Line"), ("medins_list_name", "名称", "Name"), ("cnt", "数量", "Qty"), ("pric", "单价", "Price"),
             ("det_item_fee_sumamt", "金额", "Amount"), ("chrgitm_lv", "等级", "Class"), ("inscp_scp_amt", "政策范围内", "In scope")),
    "5205": (("fee_ocur_time", "时间", "Time"), ("fixmedins_name", "机构", "Institution"), ("medins_list_name", "名称", "Name"),
             ("cnt", "数量", "Qty"), ("pric", "单价", "Price")),
    "5206": (("insutype", "险种", "Scheme"), ("year", "年度", "Year"), ("cum_type_code", "累计类别", "Kind"), ("cum", "累计值", "Total")),
    "5302": (("fix_srt_no", "序号", "#"), ("fixmedins_code", "编号", "Code"), ("fixmedins_name", "机构", "Institution"),
             ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "5304": (("reflin_medins_no", "编号", "Code"), ("reflin_medins_name", "转往机构", "Institution"), ("refl_date", "日期", "Date"),
             ("begndate", "开始", "From"), ("enddate", "结束", "To")),
    "3512": (("fixmedinsBchno", "批次", "Batch"), ("medinsListCodg", "机构目录编码", "Own code"), ("medinsListName", "名称", "Name"),
             ("drugTracCodg", "追溯码", "Trace code"), ("valiFlag", "有效", "Valid")),
    "3513": (("fixmedinsBchno", "批次", "Batch"), ("medinsListCodg", "机构目录编码", "Own code"), ("medinsListName", "名称", "Name"),
             ("drugTracCodg", "追溯码", "Trace code"), ("mdtrtId", "就诊", "Visit")),
    "100001": (("polItemCode", "政策项", "Item"), ("polItemName", "名称", "Name"), ("polItemPaySum", "合计", "Sum"),
               ("fundPayProp", "基金比例", "Fund ratio"), ("fundPayAmt", "基金支付", "Fund pays"), ("selfPayAmt", "自付", "Person pays")),
    "1901": (("value", "键值", "Value"), ("label", "标签", "Label"), ("parentValue", "父键值", "Parent")),
}  # fmt: skip
"""What is shown to a person of the rows of an answer; --json has every member."""

AGREEMENTS: Final = {
    "not_begun": "未生效 not begun",
    "in_force": "有效 in force",
    "suspended": "暂停 suspended",
    "ended": "已终止 ended",
}
"""`agreement` of the own institution's standing in words."""
SERVICE_LEVELS: Final = {
    "province": "省级 province",
    "city": "市级 city",
    "county": "县级 county",
    "township": "乡级 township",
    "village": "村级 village",
}
"""`service_level` of the own institution's standing in words."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("hub"), short_help=help_of("hub"), no_args_is_help=True, rich_markup_mode=None
    )
    for name, run in (
        ("ping", ping_hub),
        ("sign-out", sign_out),
        ("institution", institution),
        ("standing", standing),
        ("dictionary", dictionary),
        ("catalogue", catalogue),
        ("download", download),
        ("fetch", fetch),
        ("record", record),
    ):
        group.command(name, help=help_of(f"hub.{name}"), short_help=help_of(f"hub.{name}"))(run)
    app.add_typer(group, name="hub")


def institution(
    code: Code = "", name: Name = "", kind: Kind = "", json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Look institutions up."""
    from yibao.client import InstitutionWish

    wish = InstitutionWish(code=code, name=name, kind=kind)
    show_rows(_ask(counter, lambda client: client.institutions(wish)), json)


def standing(json: JsonOption = False, counter: CounterOption = None) -> None:
    """Show how the own institution stands."""
    from yibao.cli.tables import Screen

    found = _ask(counter, lambda client: client.standing())
    if json:
        print_json(found)
        return
    flags = {True: "是 yes", False: "否 no", None: ""}
    Screen().pairs(
        [
            ("机构", "Institution", f"{found.code} {found.name} ({found.level})"),
            (
                "服务协议",
                "Agreement",
                f"{AGREEMENTS.get(found.agreement, '')} {found.agreement_until}".strip(),
            ),
            ("暂停至", "Suspended until", found.suspended_until),
            ("服务层级", "Service level", SERVICE_LEVELS.get(found.service_level, found.service_level)),
            ("信用等级", "Credit level", found.credit_level),
            ("跨省联网", "Networked", flags[found.networked]),
            ("双通道", "Dual channel", flags[found.dual_channel]),
        ]
    )


def dictionary(
    dictionary: Dictionary,
    parent: Parent = "0",
    date: Date = "",
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """List a dictionary."""
    from yibao.client import DictionaryWish

    wish = DictionaryWish(type=dictionary, parent=parent, date=date)
    show_rows(_ask(counter, lambda client: client.dictionary(wish)), json)


def catalogue(
    catalogue: Catalogue,
    code: ItemCode = "",
    national_code: NationalCode = "",
    own_code: OwnCode = "",
    name: ItemName = "",
    date: Date = "",
    since: Since = "",
    page: Page = 1,
    rows: Rows = 100,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Look into a catalogue."""
    from yibao.client import CatalogueWish

    wish = CatalogueWish(
        code=code,
        national_code=national_code,
        own_code=own_code,
        name=name,
        date=date,
        since=since,
        page=page,
        rows=rows,
    )
    show_rows(_ask(counter, lambda client: client.catalogue(catalogue, wish)), json)


def download(
    number: Number,
    since: Version = "v0000",
    out: Out = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Fetch a catalogue as a file."""
    from protocols.errors import MalformedMessage
    from protocols.hub.catalogue_files import file_facts
    from terminal.app import load_profile
    from terminal.config import read_config

    files = read_config(find_counter(counter))
    content = _ask(counter, lambda client: client.catalogue_file(number, since))
    try:
        facts = file_facts(number, content, load_profile(files.config.hub.profile, files))
    except MalformedMessage:
        raise CommandFailed(say("hub_file_unreadable")) from None
    path = out or Path(f"{number}-{since}.zip")
    with new_file(path) as file:
        file.write(content)
    if json:
        print_json({"path": str(path), "rows": facts.rows, "newest_version": facts.newest_version})
        return
    version = without_controls(facts.newest_version) or "-"
    tell(say("hub_file_written", path=str(path), rows=str(facts.rows), version=version))


def fetch(
    catalogue: Catalogue,
    date: Date = "",
    since: Since = "",
    rows: Rows = 1000,
    out: FetchOut = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Fetch a whole catalogue, page by page."""
    from datetime import datetime

    from protocols.wire_time import WIRE_ZONE
    from yibao.catalogue_copy import CatalogueChanged, CatalogueCopy, CatalogueUncounted, Question

    as_of = date or f"{datetime.now(WIRE_ZONE):%Y-%m-%d}"
    path = out or Path(f"{catalogue}-{as_of}.jsonl")
    try:
        with CatalogueCopy(path, Question(catalogue, as_of, since, rows)) as copy:
            _ask(counter, lambda client: _fetch_pages(client, copy, catalogue, as_of, since, rows))
            copy.finish()
            told = copy.rows
    except FileExistsError:
        raise CommandFailed(say("file_exists", path=str(path))) from None
    except CatalogueChanged:
        raise CommandFailed(say("hub_fetch_changed")) from None
    except CatalogueUncounted:
        raise CommandFailed(say("hub_fetch_uncounted")) from None
    if json:
        print_json({"path": str(path), "rows": told, "as_of": as_of})
        return
    tell(say("hub_fetched", path=str(path), rows=str(told)))


async def _fetch_pages(
    client: "CounterClient", copy: "CatalogueCopy", catalogue: str, as_of: str, since: str, rows: int
) -> None:
    """Ask for the pages that are not here yet and say how far it is; what is here stays whatever happens."""
    import asyncio

    from yibao.catalogue_copy import CatalogueChanged, CatalogueUncounted
    from yibao.client import CatalogueWish

    if copy.rows:
        tell_line(say("hub_fetch_goes_on", rows=str(copy.rows)), sys.stderr)
    try:
        while not copy.is_whole:
            wish = CatalogueWish(date=as_of, since=since, page=copy.next_page, rows=rows)
            page = await client.catalogue(catalogue, wish)
            await asyncio.to_thread(copy.add, page.rows, page.records)
            tell_line(say("hub_fetching", rows=str(copy.rows), all=str(page.records or 0)), sys.stderr)
    except (CatalogueChanged, CatalogueUncounted):
        raise
    except BaseException:
        if copy.rows:
            tell_line(say("hub_fetch_kept", rows=str(copy.rows)), sys.stderr)
        raise


def record(
    record: Record, sale: SaleArgument, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Ask what the hub keeps of a sale, or of its person."""

    async def ask(client: "CounterClient") -> "RowsView":
        return await client.records(await client.resolve(sale), record)

    show_rows(_ask(counter, ask), json)


def _ask(counter: Path | None, work: "Callable[[CounterClient], Awaitable[Result]]") -> Result:
    """Ask as soon as the counter is ready: a service that has just been started still signs in."""

    async def when_ready(client: "CounterClient") -> Result:
        await client.wait_ready()
        return await work(client)

    return with_client(counter, when_ready)


def show_rows(answer: "RowsView", json: bool = False) -> None:
    """Show an answer of the hub."""
    if json:
        print_json(answer)
        return
    from yibao.cli.tables import Screen

    columns = COLUMNS[answer.infno]
    rows = [[row.get(member, "-") for member, _, _ in columns] for row in answer.rows]
    Screen().rows([(chinese, english) for _, chinese, english in columns], rows, frozenset())
    if not rows:
        tell(say("hub_knows_none"))
    elif (answer.pages or 0) > 1:
        page, records = ("-" if number is None else str(number) for number in (answer.page, answer.records))
        tell(say("hub_page", page=page, pages=str(answer.pages), records=records))


def sign_out(json: JsonOption = False, counter: CounterOption = None) -> None:
    """Sign the operator out."""
    done = with_client(counter, lambda client: client.sign_out())
    print_json(done) if json else tell(say("signed_out" if done.signed_out else "not_signed_in"))


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
