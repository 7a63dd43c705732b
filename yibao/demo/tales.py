"""The stories: what happens in each, told while it happens, and how it ends, worked out by hand.

A story acts only through doors that anybody has: the counter's API, the hub simulator's control API (the phone, the
faults), the scanner and the printer of the desk. It never looks into a process.

The person of all of them is 测试甲, with 60.00 in the account; what the hub pays follows the rules of a designated
pharmacy: nothing from the pooled fund, the account as far as it goes, the rest in cash.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from protocols.money import format_yuan
from simulators.printer.reading import CANCELLED, REVERSAL_PENDING, REVERSED, SETTLED
from yibao.client import LineWish, SettlementView
from yibao.demo.checks import Told
from yibao.demo.facts import Split
from yibao.demo.narration import Sentence
from yibao.demo.scene import WHO, Scene, StoryBroke, pieces

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

FULL_ACCOUNT_FEN = 60_00

# Story 1: 12.50 + 12.50 + 12.50 + 45.80 = 83.30; the account has 60.00, so 60.00 and 23.30 in cash.
_SALE = Split(total_fen=83_30, fund_fen=0, account_fen=60_00, cash_fen=23_30)
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
    await scene.acknowledge(sale.id)
    await scene.until(
        sale.id, lambda seen: seen.state == "CLOSED", Sentence("销售单没有结束", "the sale did not close")
    )
    await scene.say("凭条已打印，收银台已确认收款。", "The slip is printed, the till has taken note.")
    await scene.show_slips(sale.id)
    return sale.id


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
        pid = await scene.start_counter()
        await scene.say(
            f"重新启动，新进程 {pid}：日志里有一笔“已发送、无结果”，它自己去了结。",
            f"Started again as process {pid}: its journal holds one sent and unanswered settlement, which it ends by itself.",
        )
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

SALE = Tale(
    1,
    "sale",
    Sentence("药店购药，医保码结算", "a pharmacy sale by e-certificate"),
    _sale,
    Told("CLOSED", _SALE, (_SETTLE,), "", (SETTLED,), balance_fen=0, live_total_fen=83_30),
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

TALES = (SALE, CANCELLATION, LOST_ANSWER, KILLED)
"""In the order they are told; 2, the clinic with the card, comes with the card's own flow."""
