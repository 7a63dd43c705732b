"""The stories: what happens in each, told while it happens, and how it ends, worked out by hand.

A story acts only through doors that anybody has: the counter's API, the hub simulator's control API (the phone, the
faults), the scanner, the card reader and the printer of the desk, the fleet's own server. It never looks into a process.

At the pharmacy the person is always 测试甲, with 60.00 in the account; what the hub pays follows the rules of a designated
pharmacy: nothing from the pooled fund, the account as far as it goes, the rest in cash. At the clinic it is 测试乙.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from protocols.money import format_yuan
from simulators.people import find, load_people
from simulators.printer.reading import CANCELLED, REVERSAL_PENDING, REVERSED, SETTLED
from yibao.client import DiseaseWish, LineWish, SettlementView
from yibao.demo.checks import Told
from yibao.demo.facts import Split
from yibao.demo.fleet import ready_devices
from yibao.demo.narration import Sentence
from yibao.demo.scene import WHO, Scene, StoryBroke, pieces
from yibao.simulated.endpoints import CLINIC, MAIN

HYPOGLYCAEMIC = "6901234567892"
"""测试降糖片, class A, 12.50 a box, at its ceiling."""
COLD_REMEDY = "6901234500059"
"""测试感冒颗粒, class B with 10 % own share, 45.80 a box."""
ANTIBIOTIC = "6901234500042"
"""测试抗菌胶囊, class B with 5 % own share, 28.60 a box."""
VITAMINS = "6901234500080"
"""测试维生素片, class C, 39.90 a bottle."""

TRACE_CODE = "89999990000000000003"
"""On the box of 测试降糖片."""

INSULIN = LineWish(barcode="6901234500097", quantity="8", trace_codes=("89999990000000000009",))
"""测试胰岛素笔, class B with 5 % own share, 48.71 each, at its ceiling."""
TABLETS = LineWish(barcode=HYPOGLYCAEMIC, quantity="4")
CONSULTATION = LineWish(
    national_code="TTEST000000000000S01", own_code="SRV0001", name="门诊诊察费", price="10.00"
)
"""Class A, at the ceiling of a primary institution."""
DIABETES = DiseaseWish("M01600", "E11.900", "2型糖尿病")

FULL_ACCOUNT_FEN = 60_00

# Story 1: 12.50 + 12.50 + 12.50 + 45.80 = 83.30; the account has 60.00, so 60.00 and 23.30 in cash.
_SALE = Split(total_fen=83_30, fund_fen=0, account_fen=60_00, cash_fen=23_30)
# Story 2: 测试乙 is a retired employee with M01600 (class II) filed, at a primary clinic of the home city.
#   8 x 48.71 = 389.68, own share 5 % = 19.48, in the policy's scope 370.20
#   4 x 12.50 =  50.00, class A, in scope                             50.00
#   1 x 10.00 =  10.00, class A, in scope                             10.00
# Total 449.68, in scope 430.20. No deductible for class II in this set; retired at a primary institution 85 %:
# 430.20 x 0.85 = 365.67 from the pooled fund, below the yearly 6000.00 of M01600. The person's 64.53 in scope are far
# below the large-amount threshold. 449.68 - 365.67 = 84.01: the account has 50.00, so 50.00 and 34.01 in cash.
_VISIT = Split(total_fen=449_68, fund_fen=365_67, account_fen=50_00, cash_fen=34_01)
# Story 4: one box at 28.60; the account has its 60.00 back from story 3 and covers it.
_LOST = Split(total_fen=28_60, fund_fen=0, account_fen=28_60, cash_fen=0)
# Story 5: 39.90 + 28.60 = 68.50; 60.00 from the account, 8.50 in cash.
_KILLED = Split(total_fen=68_50, fund_fen=0, account_fen=60_00, cash_fen=8_50)

_ANSWER_DELAY_S = 8
"""How long the hub keeps its answer back in story 5: long enough that the counter is dead before it could come."""


class Tale(msgspec.Struct, frozen=True):
    """One story."""

    number: int
    name: str
    title: Sentence
    tell: Callable[[Scene], Awaitable[str]]
    """Acts and narrates; returns the settlement's id."""
    told: Told
    """How it ends."""
    place: str = MAIN
    """Name of the counter it happens at."""


async def _sale(scene: Scene) -> str:
    person = await scene.customer()
    balance = format_yuan(person.balance_fen)
    await scene.say(
        f"顾客{person.name}，个人账户余额 {balance} 元。",
        f"The customer has {balance} in the personal account.",
    )
    sale = await scene.open_sale("1001")
    await scene.say(f"收银台开单，单号 {sale.receipt_number}。", "The till opens a sale.")
    await scene.until_scanner_ready()
    await scene.scan_until(sale, HYPOGLYCAEMIC, "ean13", _has(HYPOGLYCAEMIC, "1"))
    await scene.say(
        "扫描枪读到商品条码：测试降糖片。", f"The scanner reads an EAN-13, {HYPOGLYCAEMIC}: a box of tablets."
    )
    await scene.counter.set_lines(sale.id, (LineWish(barcode=HYPOGLYCAEMIC, quantity="3"),))
    await scene.say(
        "顾客要 3 盒，收银员改数量。", "The customer wants three boxes; the cashier keys the quantity."
    )
    await scene.scan_until(
        sale, TRACE_CODE, "code128", lambda seen: any(line.trace_codes for line in seen.lines)
    )
    await scene.say(
        "扫药品追溯码，记在这一行上。", f"A drug trace code, {TRACE_CODE}: it belongs to that line."
    )
    await scene.scan_until(sale, COLD_REMEDY, "ean13", _has(COLD_REMEDY, "1"))
    await scene.say("再扫一种药：测试感冒颗粒。", f"A second article, {COLD_REMEDY}.")
    code = await scene.far_ends.phone_code(WHO)
    await scene.say(
        "顾客在手机上亮出医保码，扫描枪读码：解码、查人、预结算。",
        "The phone shows a fresh certificate code; scanned, it is decoded, the person is found, the hub quotes.",
    )
    sale = await scene.scan_until(sale, code, "qr", _priced)
    await scene.show_quote(sale)
    sale = await scene.counter.confirm(sale.id)
    await scene.say("顾客同意，收银员按下确认。", "The customer agrees, the cashier confirms.")
    await scene.show_notice(sale)
    await scene.until_printed(sale.id, "original")
    await scene.counter.acknowledge(sale.id)
    await scene.until(
        sale.id, lambda seen: seen.state == "CLOSED", Sentence("销售单没有结束", "the sale did not close")
    )
    await scene.say("凭条已打印，收银台已确认收款。", "The slip is printed, the till has taken note.")
    await scene.show_slips(sale.id)
    return sale.id


async def _clinic(scene: Scene) -> str:
    patient = await scene.customer()
    balance = format_yuan(patient.balance_fen)
    await scene.say(
        f"诊所来了{patient.name}：退休职工，糖尿病已备案为门诊慢特病，个人账户余额 {balance} 元。",
        f"At the clinic: a retired employee, diabetes filed as a chronic disease, {balance} in the personal account.",
    )
    has_reader = await scene.has_card_reader()
    await _tell_what_the_fleet_sees(scene, has_reader)
    visit = await scene.open_visit("2001", INSULIN, TABLETS, CONSULTATION)
    await scene.say(
        f"前台开就诊单 {visit.receipt_number}，录入处方：胰岛素 8 支、降糖片 4 盒、诊察费。",
        "The front desk opens a visit with the prescription: eight insulin pens, four boxes of tablets, the consultation.",
    )
    visit = await (_card_read if has_reader else _number_typed)(scene, visit)
    if not visit.filings:
        await scene.show_notice(visit)
        raise StoryBroke("没有查到备案病种", "no filed disease was found")
    filed = ", ".join(f"{filing.code} {filing.name}" for filing in visit.filings)
    codes = ", ".join(filing.code for filing in visit.filings)
    await scene.say(
        f"2001 有待遇，5301 备案病种：{filed}。医师诊断 {DIABETES.diagnosis_code} {DIABETES.diagnosis_name}。",
        f"2001: entitled; 5301: filed disease {codes}. The doctor's diagnosis is {DIABETES.diagnosis_code}.",
    )
    visit = await scene.counter.pick_disease(visit.id, DIABETES)
    if not _priced(visit):
        await scene.show_notice(visit)
        raise StoryBroke("没有预结算结果", "there is no quote")
    await scene.say(
        "选定病种：登记 2201，就诊信息 2203A，上传明细 2204，预结算 2206A。",
        "The disease is picked: registered (2201), diagnosis sent (2203A), lines uploaded (2204), quoted (2206A).",
    )
    await scene.show_quote(visit)
    visit = await scene.counter.confirm(visit.id)
    await scene.say(
        "病人同意，前台确认，结算 2207A。", "The patient agrees, the desk confirms: settled by 2207A."
    )
    await scene.show_notice(visit)
    await scene.until_printed(visit.id, "original")
    await scene.counter.acknowledge(visit.id)
    await scene.until(
        visit.id, lambda seen: seen.state == "CLOSED", Sentence("就诊单没有结束", "the visit did not close")
    )
    await scene.say("凭条已打印，前台已确认收款。", "The slip is printed, the front desk has taken note.")
    if has_reader:
        await scene.far_ends.remove_card()
        await scene.say("病人取回社保卡。", "The patient takes the card back.")
    await scene.show_slips(visit.id)
    return visit.id


async def _card_read(scene: Scene, visit: SettlementView) -> SettlementView:
    """Medium 03: the card goes into the reader, the terminal reads it through PC/SC."""
    desk = await scene.far_ends.insert_card(scene.who)
    await scene.say(
        f"社保卡插入读卡器，读卡服务看到卡片，ATR {desk.card.atr}。",
        f"The social-security card is inserted; the PC/SC service sees it, ATR {desk.card.atr}.",
    )
    visit = await scene.counter.read_card(visit.id)
    await scene.say(
        "终端读卡，得到卡号和卡识别码：查人 1101，凭证类型 03，带 card_sn。",
        "The terminal reads number and identification code from the card: 1101 with medium 03 and card_sn.",
    )
    return visit


async def _number_typed(scene: Scene, visit: SettlementView) -> SettlementView:
    """Medium 02, where no card can be read."""
    visit = await scene.counter.give_identity_number(visit.id, find(load_people(), scene.who).certno)
    await scene.say(
        "这台机器没有读卡服务，前台改为录入身份证号：查人 1101，凭证类型 02。",
        "This machine reads no cards: the front desk types the identity number, 1101 with medium 02.",
    )
    return visit


async def _tell_what_the_fleet_sees(scene: Scene, has_reader: bool) -> None:
    if scene.fleet is None:
        return
    await scene.fleet.online()
    health = await scene.fleet.health("scanner", "printer", "broker", *(["reader"] if has_reader else []))
    ready = ready_devices(health.devices)
    await scene.say(
        f"机构运维端通过 MQTT 看到终端 {scene.fleet.terminal} 在线，就绪的有：{ready.zh}。",
        f"The fleet's server sees terminal {scene.fleet.terminal} online over MQTT, ready: {ready.en}.",
    )


async def _cancellation(scene: Scene) -> str:
    found = await scene.counter.find("1001")
    if found is None:
        raise StoryBroke("找不到故事 1 的销售单", "the sale of story 1 is not there")
    await scene.say(
        "顾客把药全部退回。这笔结算是已知的，所以用撤销（2103），不用冲正。",
        "The customer brings everything back. The settlement is known, so it is cancelled (2103), not reversed.",
    )
    sale = await scene.counter.cancel(found.id, "顾客退药 goods returned")
    await scene.show_notice(sale)
    await scene.until_printed(found.id, "cancellation")
    balance = format_yuan((await scene.customer()).balance_fen)
    await scene.say(
        f"平台记了一笔负数记录，账户余额又是 {balance} 元；撤销凭条已打印。",
        f"The hub has a record of its own with negative amounts, the account holds {balance} again; the slip is printed.",
    )
    await scene.show_slips(found.id)
    return found.id


async def _lost_answer(scene: Scene) -> str:
    sale = await _priced_by_till(scene, "1002", ANTIBIOTIC)
    await scene.far_ends.arm("lose-answer", "2102")
    await scene.say(
        "故障：平台收到 2102 并入账，但应答在路上丢了。",
        "Fault: the hub takes 2102 and books it, the answer is lost on the way.",
    )
    doubt = await scene.counter.confirm(sale.id)
    if doubt.notice is None or doubt.notice.code != "doubt":
        raise StoryBroke(
            f"终端没有说“结果未知”（{doubt.state}）",
            f"the terminal did not say that it does not know ({doubt.state})",
        )
    await scene.show_notice(doubt)
    await scene.say(
        "终端不重发，也不猜：打印“未结算，冲正处理中”，用原报文号发冲正 2601。",
        "The terminal neither sends again nor guesses: it prints a doubt slip and sends 2601 with the original message id.",
    )
    return await _reversed_in_the_end(scene, sale.id)


async def _killed(scene: Scene) -> str:
    sale = await _priced_by_till(scene, "1003", VITAMINS, ANTIBIOTIC)
    before = len(await scene.far_ends.ledger())
    boot = (await scene.fleet.online()).boot_id if scene.fleet else ""
    await scene.far_ends.arm(f"delay {_ANSWER_DELAY_S}", "2102")
    # The till's client outlives the service: it never repeats the confirmation, it asks until somebody answers.
    confirming = asyncio.create_task(scene.counter.confirm(sale.id))
    try:
        await scene.until_booked(before)
        waiting = await scene.counter.sale(sale.id)
        if waiting.state != "SENDING":
            raise StoryBroke(
                f"终端没有在等应答（{waiting.state}）",
                f"the terminal was not waiting for the answer ({waiting.state})",
            )
        pid = await scene.kill_counter()
        await scene.say(
            f"平台刚入账，应答未到，终端进程 {pid} 被杀（SIGKILL）。",
            f"The hub has booked, no answer has come: process {pid} of the terminal is killed (SIGKILL).",
        )
        if scene.fleet:
            await scene.fleet.offline(boot)
            await scene.say(
                f"消息代理替它发出遗嘱：机构运维端看到终端 {scene.fleet.terminal} 离线。",
                f"The broker publishes its last will: the fleet sees terminal {scene.fleet.terminal} offline.",
            )
        pid = await scene.start_counter()
        await scene.say(
            f"重新启动，新进程 {pid}：日志里有一笔“已发送、无结果”，它自己去了结。",
            f"Started again as process {pid}: its journal holds one sent and unanswered settlement, which it ends by itself.",
        )
        if scene.fleet:
            await scene.fleet.online(not_boot=boot)
            await scene.say("机构运维端看到它重新上线。", "The fleet sees it online again.")
        await confirming
    finally:
        confirming.cancel()
        await asyncio.gather(confirming, return_exceptions=True)
    return await _reversed_in_the_end(scene, sale.id)


async def _priced_by_till(scene: Scene, sale_number: str, *barcodes: str) -> SettlementView:
    """A till that has its own scanner gives articles and code through the API."""
    sale = await scene.open_sale(sale_number, *barcodes)
    sale = await scene.counter.give_code(sale.id, await scene.far_ends.phone_code(WHO))
    if not _priced(sale):
        await scene.show_notice(sale)
        raise StoryBroke("没有预结算结果", "there is no quote")
    await scene.say(
        f"又一笔销售 {sale.receipt_number}，这次由收银台通过接口送来药品和新的医保码。",
        "Another sale; this time the till hands articles and a fresh code over by the API.",
    )
    await scene.show_quote(sale)
    return sale


async def _reversed_in_the_end(scene: Scene, settlement_id: str) -> str:
    sale = await scene.until(
        settlement_id, lambda seen: seen.state == "REVERSED", Sentence("没有冲正成功", "it was not reversed")
    )
    await scene.until_printed(settlement_id, "doubt", "reversed")
    await scene.show_notice(sale)
    balance = format_yuan((await scene.customer()).balance_fen)
    await scene.say(
        f"平台已冲正，账户余额 {balance} 元；两张凭条：先“未结算，冲正处理中”，后“已冲正”。",
        f"Reversed at the hub, the account holds {balance}; two slips: first in doubt, then reversed.",
    )
    await scene.show_slips(settlement_id, newest=2)
    return settlement_id


def _has(barcode: str, quantity: str) -> Callable[[SettlementView], bool]:
    def seen(sale: SettlementView) -> bool:
        return any(line.barcode == barcode and pieces(line.quantity) == quantity for line in sale.lines)

    return seen


def _priced(sale: SettlementView) -> bool:
    return sale.state == "PRICED"


_SETTLE = ("SETTLE", "2102")
_REVERSE = ("REVERSE", "2601")
_VISIT_MESSAGES = (("STEP", "2201"), ("STEP", "2203A"), ("STEP", "2204"), ("SETTLE", "2207A"))

SALE = Tale(
    1,
    "sale",
    Sentence("药店购药，医保码结算", "a pharmacy sale by e-certificate"),
    _sale,
    Told("CLOSED", _SALE, (_SETTLE,), "", (SETTLED,), balance_fen=0, live_total_fen=83_30),
)
CLINIC_VISIT = Tale(
    2,
    "clinic",
    Sentence("诊所慢特病就诊，社保卡结算", "a clinic visit for a chronic disease, by social-security card"),
    _clinic,
    Told("CLOSED", _VISIT, _VISIT_MESSAGES, "", (SETTLED,), balance_fen=0, live_total_fen=449_68),
    CLINIC,
)
CANCELLATION = Tale(
    3,
    "cancellation",
    Sentence("撤销一笔已知的结算", "a known settlement is cancelled"),
    _cancellation,
    Told(
        "CANCELLED",
        _SALE,
        (_SETTLE, ("CANCEL", "2103")),
        "cancelled",
        (SETTLED, CANCELLED),
        balance_fen=FULL_ACCOUNT_FEN,
        live_total_fen=0,
    ),
)
LOST_ANSWER = Tale(
    4,
    "lost_answer",
    Sentence("应答丢失，自动冲正", "the answer is lost and the doubt is reversed"),
    _lost_answer,
    Told(
        "REVERSED",
        _LOST,
        (_SETTLE, _REVERSE),
        "reversed",
        (REVERSAL_PENDING, REVERSED),
        balance_fen=FULL_ACCOUNT_FEN,
        live_total_fen=0,
    ),
)
KILLED = Tale(
    5,
    "killed",
    Sentence("进程被杀，重启后自行了结", "the process is killed, and ends the doubt after its restart"),
    _killed,
    Told(
        "REVERSED",
        _KILLED,
        (_SETTLE, _REVERSE),
        "reversed",
        (REVERSAL_PENDING, REVERSED),
        balance_fen=FULL_ACCOUNT_FEN,
        live_total_fen=0,
    ),
)

TALES = (SALE, CLINIC_VISIT, CANCELLATION, LOST_ANSWER, KILLED)
"""In the order they are told."""
