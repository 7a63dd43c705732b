"""Settlements, answers and events for tests of the core: one sale of 37.50 yuan by 测试甲."""

import datetime as dt
from typing import Any

import msgspec

from protocols.hub.person import BaseInfo, Insurance, PersonOutput
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.settlement import FundPart, SettlementInfo, SettlementOutput
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret
from simulators.serve import shipped_profile
from terminal.core.events import (
    Answered,
    Ask,
    CentreSaid,
    CodeGiven,
    Compose,
    Composed,
    Confirmed,
    Decision,
    Decode,
    Event,
    Heard,
    HubSaid,
    LinesSet,
    NoAnswer,
    NotAuthentic,
    NotSent,
    Transmit,
    Wake,
)
from terminal.core.flows import PHARMACY_PURCHASE
from terminal.core.machine import step
from terminal.core.states import State
from terminal.core.values import ChargeLine, Medium, SaleKey, Settlement

PROFILE = shipped_profile()
PERSON_NO = Secret("99990000000000000001")
CERTNO = Secret("999999199001010016")
SETTLE_ID = "P99990000001202611230900000107"
"""Message id of the settlement."""
REVERSE_ID = "P99990000001202611230900000108"
CANCEL_ID = "P99990000001202611230900000109"
TOTAL = Fen(3750)
LINE = ChargeLine(
    1, "XTEST000000000000000D03", "SKU0003", "测试降糖片", "", Quantity(30_000), Price(12_500_000), int(TOTAL)
)
MEDIUM = Medium("01", Secret("999900ecsim000000000000000000000000001"), certno=CERTNO, name=Secret("测试甲"))

REFUSED = Answered(-1, "账户余额不足 [X]", None, b"raw")
OTHER_CODE = Answered(-7, "内部错误", None, b"raw")
SEEN = Answered(-1, "报文ID重复 (message id seen before) [MSGID_SEEN]", None, b"raw")
SUBSYSTEM = Answered(-1, "调用业务子系统失败", None, b"raw")
SHAPELESS = Answered(0, "", None, b"raw")
"""Signed success whose output has not the shape its transaction prescribes."""
DONE_2601 = Answered(0, "", None, b"raw")
ALREADY = Answered(
    -1, "原结算退费标志不是未退费，不能再次撤销或冲正 (already undone) [ALREADY_REVERSED]", None, b"raw"
)
NOT_FOUND = Answered(-1, "未找到该笔结算记录 (no such settlement) [SETL_NOT_FOUND]", None, b"raw")
UNSENT = NotSent("refused")
SILENT = NoAnswer("timeout")
HTML = NotAuthentic("unreadable", b"<html>")
GATEWAY = NotAuthentic("http 401", b"{}")
FORGED = NotAuthentic("bad signature", b"{}")
NOTHING_PROVED: tuple[Heard, ...] = (SILENT, HTML, GATEWAY, FORGED)


def draft(**changes: Any) -> Settlement:
    """A sale that was just opened, with its one line."""
    settlement = Settlement(
        id="S1",
        key=SaleKey("P99990000001", "T01", "0001", dt.date(2026, 11, 23)),
        lane="1",
        flow=PHARMACY_PURCHASE.name,
        state=State.DRAFT,
        operator="T01",
        began_at="2026-11-23 09:00:00",
        lines=(LINE,),
    )
    return msgspec.structs.replace(settlement, **changes)


def after(*events: Event, start: Settlement | None = None) -> Settlement:
    """Let events happen one after the other to `start` (a draft), and return what has become of it."""
    settlement = start or draft()
    for event in events:
        settlement = step(settlement, event, PROFILE).settlement
    return settlement


def decide(settlement: Settlement, event: Event) -> Decision:
    """What the core decides, under the default profile."""
    return step(settlement, event, PROFILE)


def person_output(certno: Secret = CERTNO, status: str = "1") -> PersonOutput:
    """The answer to 1101."""
    return PersonOutput(
        base=BaseInfo(person_no=PERSON_NO, document_no=certno, name=Secret("测试甲"), document_type="01"),
        insurances=(
            Insurance(
                insurance_type="310", person_type="11", status=status, insured_division="999900", balance_fen=Fen(6000)
            ),
        ),
    )  # fmt: skip


def info(account: int = 3750, fund: int = 0, sign: int = 1, **changes: Any) -> SettlementInfo:
    """`setlinfo` of a purchase of 37.50 yuan, or with sign -1 of its cancellation; the rest is cash."""
    whole = SettlementInfo(
        visit_id="M1",
        settlement_id="H1",
        person_no=PERSON_NO,
        total_fen=Fen(sign * TOTAL),
        self_paid_fen=Fen(0),
        over_limit_fen=Fen(0),
        class_b_share_fen=Fen(0),
        policy_scope_fen=Fen(sign * TOTAL),
        pooled_fund_fen=Fen(sign * fund),
        fund_total_fen=Fen(sign * fund),
        psn_part_fen=Fen(sign * (TOTAL - fund)),
        account_fen=Fen(sign * account),
        psn_cash_fen=Fen(sign * (TOTAL - fund - account)),
        echoed_message_id=SETTLE_ID if sign > 0 else CANCEL_ID,
    )
    return msgspec.structs.replace(whole, **changes)


def sale_output(account: int = 3750, fund: int = 0, **changes: Any) -> PharmacyOutput:
    """The answer to 2101 or 2102."""
    funds = (FundPart(fund_pay_type="310100", paid_fen=Fen(fund)),) if fund else ()
    return PharmacyOutput(info=info(account, fund, **changes), funds=funds)


def cancelled_output(**changes: Any) -> SettlementOutput:
    """The answer to 2103."""
    return SettlementOutput(info=info(sign=-1, **changes))


def query_output(refunded: str, **changes: Any) -> SettlementOutput:
    """The answer to 5203."""
    return SettlementOutput(info=info(refunded=refunded, **changes))


def good(output: object) -> Answered:
    """A signed success."""
    return Answered(0, "", output, b"raw")


CODE = CodeGiven(Secret("4240000000000000001707990000"), "mark")
DECODED = CentreSaid(MEDIUM)
IDENTIFIED = HubSaid("1101", good(person_output()))
QUOTED = HubSaid("2101", good(sale_output(echoed_message_id="")))
CONFIRM = Confirmed("T01")
COMPOSED = Composed("SETTLE", "2102", SETTLE_ID, "key", b'{"infno":"2102"}')
SETTLED = HubSaid("2102", good(sale_output()))
COMPOSED_2601 = Composed("REVERSE", "2601", REVERSE_ID, "key", b'{"infno":"2601"}')
COMPOSED_2103 = Composed("CANCEL", "2103", CANCEL_ID, "key", b'{"infno":"2103"}')
TO_PRICED: tuple[Event, ...] = (CODE, DECODED, IDENTIFIED, QUOTED)
TO_SENDING: tuple[Event, ...] = (*TO_PRICED, CONFIRM, COMPOSED)
TO_CONFIRMED: tuple[Event, ...] = (*TO_SENDING, SETTLED)
CHANGED_LINES = LinesSet((LINE, msgspec.structs.replace(LINE, number=2)))


def said_2102(heard: Heard) -> Decision:
    """What a settlement that is on its way becomes by this answer."""
    return decide(after(*TO_SENDING), HubSaid("2102", heard))


def begun(decision: Decision) -> list[str]:
    """What a decision sets going, such as "ask 5203" or "compose REVERSE 2601"; a wake is left out."""
    found = []
    for effect in decision.effects:
        match effect:
            case Ask(infno):
                found.append(f"ask {infno}")
            case Compose(purpose, infno):
                found.append(f"compose {purpose} {infno}")
            case Transmit(infno):
                found.append(f"transmit {infno}")
            case Decode():
                found.append("decode")
            case Wake():
                continue
    return found


def notice_of(settlement: Settlement) -> str:
    """The code of what the operator is told, or ""."""
    return "" if settlement.notice is None else settlement.notice.code
