"""Tables of the commands, drawn with rich: plain letters where the output is no terminal."""

import errno
import sys
from collections.abc import Sequence
from typing import Literal

from rich.box import ASCII, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from terminal.core.states import State
from terminal.shapes.benefits import DisclosureView
from terminal.shapes.service import DeviceView, StatusView
from terminal.shapes.settlements import (
    AmountsView,
    FilingView,
    FindingView,
    HistoryView,
    PersonView,
    SettlementView,
    SummaryView,
)
from terminal.texts import reason_in_words, state_in_words
from yibao.cli.output import addressed, label, without_controls, yuan
from yibao.cli.streams import speaks_chinese
from yibao.words import Words, say

_ENROLMENT = {"1": "有效 active", "2": "暂停 paused", "3": "无效 invalid", "4": "终止 ended"}
"""`psn_insu_stas` in words."""
_TIERS = {
    **dict.fromkeys(("1", "2", "3", "4", "12"), "三级 tier 3"),
    **dict.fromkeys(("5", "6", "7", "13"), "二级 tier 2"),
    **dict.fromkeys(("8", "9", "10", "14"), "一级 tier 1"),
    "11": "无等级 none",
}
"""`hosp_lv` in words."""
_PLAIN_WIDTH = 240
"""Wide enough that no number is ever broken where the output is a file or a pipe."""

_SEVERITIES = {
    "1": ("明确违规", "clear"),
    "2": ("高度可疑", "highly suspect"),
    "3": ("轻度可疑", "slightly suspect"),
}

_COLLECTED = frozenset({State.PRICED, State.ARMED, State.CONFIRMED, State.DELIVERED, State.CLOSED})
"""What is quoted may be collected, or is; of a doubt nobody knows, and what is undone is not collected."""
_NEVER_STOOD = frozenset({State.REFUSED, State.ABANDONED, State.REVERSED})
"""Nothing of what was quoted is booked anywhere."""

_WHO_PAYS = ("谁支付", "Who pays")
_QUOTED_ONLY = ("预结算，未成立", "Quoted only; nothing of it stands")
_OUTCOME_OPEN = ("结果未定，请勿收退现金", "Outcome open: take and return no cash")


_DEVICE_STATES = {"absent": "没有", "opening": "正在打开", "ready": "就绪", "fault": "故障"}


def _heading(sale: SettlementView) -> tuple[str, str]:
    """What stands above the amounts of a sale that is not cancelled: whether anybody pays them."""
    if sale.state in _NEVER_STOOD:
        return _QUOTED_ONLY
    stands = (sale.state in _COLLECTED or sale.state == State.DRAFT) and not sale.in_doubt
    return _WHO_PAYS if stands else _OUTCOME_OPEN


class _Console(Console):
    """A console whose reader may leave; rich itself would end the process, in the middle of a sale."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "nobody reads")


class Screen:
    """Where a command talks to a person: stdout, or stderr when stdout is for a program."""

    def __init__(self, *, beside_json: bool = False) -> None:
        self.stream = sys.stderr if beside_json else sys.stdout
        self._chinese = speaks_chinese(self.stream)
        is_terminal = self.stream.isatty()
        self._console = _Console(
            file=self.stream,
            force_terminal=is_terminal,
            no_color=not is_terminal,
            width=None if is_terminal else _PLAIN_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    @property
    def chinese(self) -> bool:
        """Whether the stream carries Chinese."""
        return self._chinese

    def say(self, words: Words) -> None:
        """A message, Chinese first, English on the next line."""
        words = addressed(words)
        self._console.print(words.both() if self._chinese else words.en, soft_wrap=True)

    def line(self, words: Words) -> None:
        """A message on one line."""
        words = addressed(words)
        self._console.print(words.one_line() if self._chinese else words.en, soft_wrap=True)

    def ask(self, words: Words) -> None:
        """A question; the answer is typed behind it."""
        self._console.print(words.one_line() if self._chinese else words.en, end=" ", soft_wrap=True)
        self.stream.flush()

    def label(self, chinese: str, english: str) -> str:
        """A label in both languages."""
        return label(chinese, english, self.stream)

    def state(self, state: str) -> str:
        """The state of a sale: in words, and as programs know it."""
        return self.label(state_in_words(state)[0], state)

    def rows(
        self, heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], right: frozenset[int]
    ) -> None:
        """A table; the columns numbered in `right` are numbers."""
        table = Table(box=SIMPLE_HEAD if self._chinese else ASCII, pad_edge=False, show_edge=False)
        for place, (chinese, english) in enumerate(heads):
            justify: Literal["left", "right"] = "right" if place in right else "left"
            # A number is never broken: a narrow terminal gets it on a line of its own sooner.
            least = max((cell_len(row[place]) for row in rows), default=0) if place in right else None
            table.add_column(self.label(chinese, english), justify=justify, overflow="fold", min_width=least)
        for row in rows:
            table.add_row(*(Text(without_controls(cell)) for cell in row))
        self._console.print(table, crop=False)

    def pairs(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Labels with values."""
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(overflow="fold")
        for chinese, english, value in rows:
            table.add_row(self.label(chinese, english), Text(without_controls(value)))
        self._console.print(table)

    # -- what the counter tells -------------------------------------------------------------------

    def lines(self, sale: SettlementView) -> None:
        """The charge sheet."""
        rows = [
            (str(line.number), f"{line.name} {line.spec}".strip(), line.quantity, line.price, yuan(line.amount_fen),
             str(line.trace_codes))
            for line in sale.lines
        ]  # fmt: skip
        heads = (
            ("", "#"),
            ("商品", "Item"),
            ("数量", "Qty"),
            ("单价", "Price"),
            ("金额", "Amount"),
            ("追溯码", "Trace"),
        )
        self.rows(heads, rows, frozenset({0, 2, 3, 4, 5}))

    def money(self, sale: SettlementView) -> None:
        """The amounts of a sale, under words that say whether they stand."""
        amounts = sale.settled or sale.quote
        if sale.state == State.CANCELLED and amounts is not None:
            self._given_back(sale.cancellation or amounts, is_balance_known=sale.cancellation is not None)
        elif amounts is not None:
            self.amounts(amounts, _heading(sale))

    def _given_back(self, amounts: AmountsView, *, is_balance_known: bool) -> None:
        """What a cancellation gave back, and to whom."""
        rows = [
            (self.label("费用总额", "Total"), yuan(amounts.total_fen)),
            (self.label("退回基金", "Back to the funds"), yuan(amounts.fund_fen)),
            (self.label("退回个人账户", "Back to the personal account"), yuan(amounts.account_fen)),
        ]
        if amounts.mutual_aid_fen:
            rows.append((self.label("　其中共济", "  of it family mutual aid"), yuan(amounts.mutual_aid_fen)))
        if amounts.hospital_fen:
            rows.append(
                (self.label("冲回机构负担", "Institution bears no longer"), yuan(amounts.hospital_fen))
            )
        rows.append((self.label("退还顾客现金", "Cash back to the customer"), yuan(amounts.cash_fen)))
        if is_balance_known and amounts.balance_fen is not None:
            rows.append((self.label("撤销后账户余额", "Account after it"), yuan(amounts.balance_fen)))
        self.rows((("撤销退回", "Given back"), ("元", "Yuan")), rows, frozenset({1}))

    def amounts(self, amounts: AmountsView, heading: tuple[str, str] = _WHO_PAYS) -> None:
        """Who pays what; what is left on the account only of amounts that stand, or may be agreed to."""
        rows = [
            (self.label("费用总额", "Total"), yuan(amounts.total_fen)),
            (self.label("基金支付", "Funds pay"), yuan(amounts.fund_fen)),
            (self.label("个人账户支付", "Personal account pays"), yuan(amounts.account_fen)),
        ]
        if amounts.mutual_aid_fen:
            rows.append((self.label("　其中共济", "  of it family mutual aid"), yuan(amounts.mutual_aid_fen)))
        if amounts.hospital_fen:
            rows.append((self.label("机构负担", "Institution bears"), yuan(amounts.hospital_fen)))
        rows.append((self.label("现金支付", "Customer pays in cash"), yuan(amounts.cash_fen)))
        if amounts.balance_fen is not None and heading == _WHO_PAYS:
            rows.append((self.label("账户余额", "Account left"), yuan(amounts.balance_fen)))
        self.rows((heading, ("元", "Yuan")), rows, frozenset({1}))
        if amounts.disclosure is not None and heading == _WHO_PAYS:
            self._terms(amounts.disclosure)

    def beside(self, sale: SettlementView) -> None:
        """What is sold beside the insurance; with the cash of both where a quote or a settlement stands."""
        if not sale.self_pay:
            return
        named = "、".join(line.name for line in sale.self_pay)
        rows = [("自费商品", "Beside the insurance", f"{named} {yuan(sale.self_pay_fen)}")]
        amounts = sale.settled or sale.quote
        if amounts is not None and sale.state in _COLLECTED and not sale.in_doubt:
            all_fen = amounts.cash_fen + sale.self_pay_fen
            rows.append(("应收现金合计", "Cash to take in all", yuan(all_fen)))
        self.pairs(rows)

    def _terms(self, told: DisclosureView) -> None:
        """On what terms: ratio, limits left, the hub's own words, lines above their price limit."""
        rows = [("统筹支付比例", "Fund's ratio", told.ratio)] if told.ratio else []
        rows += [("限额余", "Limit left", f"{row.name} {yuan(row.left_fen)}") for row in told.limits]
        rows += [("平台说明", "Hub says", row.text) for row in told.workings]
        rows += [
            ("超限价", "Above limit", f"#{number} {yuan(line.over_limit_fen)} (≤ {line.price_limit})")
            for number, line in enumerate(told.lines, start=1)
            if line.over_limit_fen
        ]
        if rows:
            self.pairs(rows)

    def filings(self, filings: Sequence[FilingView]) -> None:
        """The diseases filed for a person."""
        closed = self.label("外省人员未开放", "not open to other provinces")
        rows = [
            (str(place), filing.code, filing.name, filing.until if filing.open_here else closed)
            for place, filing in enumerate(filings, start=1)
        ]
        heads = (("", "#"), ("备案病种", "Filed disease"), ("名称", "Name"), ("有效期至", "Valid until"))
        self.rows(heads, rows, frozenset({0}))

    def person(self, person: PersonView) -> None:
        """Who has come: masked, where insured since when, what is on the account, categories on record."""
        rows = [
            ("参保人", "Person", f"{person.name} {person.certno}"),
            (
                "参保地",
                "Insured at",
                f"{person.insured_division} ({person.insutype}, {person.insured_since})",
            ),
            ("账户余额", "Account", yuan(person.balance_fen)),
        ]
        others = [row for row in person.enrolments if not row.used]
        rows += [
            (
                "其他参保",
                "Also enrolled",
                f"{row.insutype} {row.division} ({_ENROLMENT.get(row.status, row.status)})",
            )
            for row in others
        ]
        rows += [
            ("救助身份", "Category", f"{row.name or row.code} ({row.until[:10]})")
            for row in person.categories
        ]
        self.pairs(rows)

    def findings(self, findings: Sequence[FindingView]) -> None:
        """What the hub's review found: number of the rule, how sure, the hub's own words, lines, amount."""
        rows = [
            (
                found.rule,
                self.label(*_SEVERITIES.get(found.severity, (found.severity, found.severity))),
                f"{found.name}：{found.text}",
                ", ".join(map(str, found.lines)),
                yuan(found.amount_fen),
            )
            for found in findings
        ]
        heads = (
            ("规则", "Rule"),
            ("程度", "Severity"),
            ("内容", "What"),
            ("行", "Lines"),
            ("金额", "Amount"),
        )
        self.rows(heads, rows, frozenset({4}))

    def sale(self, sale: SettlementView) -> None:
        """One sale: where it stands, who, what, and who pays."""
        rows = [
            ("编号", "Id", sale.id),
            ("单号", "Receipt", sale.receipt_number),
            ("状态", "State", f"{self.state(sale.state)}{' (?)' if sale.in_doubt else ''}"),
        ]
        if sale.msgid:
            rows.append(("报文编号", "Message id", sale.msgid))
        if sale.person is not None:
            shown = f"{sale.person.name} {sale.person.certno}"
            rows.append(
                (
                    "参保人",
                    "Person",
                    "已过保存期，已删除 past term, deleted" if sale.person.past_term else shown,
                )
            )
        if sale.prescription:
            rows.append(("处方", "Prescription", f"{sale.prescription} ({sale.pharmacist})"))
        self.pairs(rows)
        if sale.lines:
            self.lines(sale)
        self.money(sale)
        self.beside(sale)
        self.notice(sale)

    def notice(self, sale: SettlementView) -> None:
        """What the counter last said about a sale, and of one that is undone what is not."""
        if sale.notice is not None:
            self.say(Words(sale.notice.code, sale.notice.zh, sale.notice.en))
        if sale.state == State.CANCELLED:
            self.not_undone(sale)

    def cancelled_before(self, sale: SettlementView) -> None:
        """Somebody cancels a sale that is cancelled: its cash must not go back a second time."""
        if sale.settled is not None:
            cash = yuan(sale.settled.cash_fen)
            self.say(say("cancelled_before", number=sale.receipt_number, cash=cash))
        self.not_undone(sale)

    def not_undone(self, sale: SettlementView) -> None:
        """Goods beside the insurance are the shop's own matter: cancelling at the hub gives nothing of them back."""
        if sale.self_pay:
            self.say(say("self_pay_not_undone", amount=yuan(sale.self_pay_fen)))

    def history(self, history: HistoryView) -> None:
        """One sale with its messages and slips."""
        self.sale(history.settlement)
        if history.attempts:
            heads = (("交易", "infno"), ("报文编号", "Message id"), ("目的", "Purpose"), ("状态", "State"),
                     ("结果", "Verdict"), ("发出", "Sent"))  # fmt: skip
            rows = [
                (one.infno, one.msgid, one.purpose, one.state, one.verdict, one.sent_at)
                for one in history.attempts
            ]
            self.rows(heads, rows, frozenset())
        if history.receipts:
            slips = [(one.kind, str(one.copy_number), one.state) for one in history.receipts]
            self.rows((("小票", "Slip"), ("份", "Copy"), ("状态", "State")), slips, frozenset({1}))

    def summaries(self, rows: Sequence[SummaryView]) -> None:
        """A list of sales."""
        heads = (
            ("单号", "Receipt"),
            ("状态", "State"),
            ("总额", "Total"),
            ("时间", "Changed"),
            ("编号", "Id"),
        )
        cells = [
            (
                row.receipt_number,
                self.state(row.state),
                "" if row.total_fen is None else yuan(row.total_fen),
                row.changed_at,
                row.id,
            )
            for row in rows
        ]
        self.rows(heads, cells, frozenset({2}))

    def doubts(self, sales: Sequence[SettlementView]) -> None:
        """Sales whose outcome is open."""
        for sale in sales:
            self.sale(sale)

    def devices(self, devices: Sequence[DeviceView]) -> None:
        """The devices."""
        heads = (("设备", "Device"), ("状态", "State"), ("原因", "Reason"))
        rows = [(one.name, self._device_state(one.state), self._reason(one.reason)) for one in devices]
        self.rows(heads, rows, frozenset())

    def _device_state(self, state: str) -> str:
        chinese = _DEVICE_STATES.get(state)
        return state if chinese is None else self.label(chinese, state)

    def _reason(self, reason: str) -> str:
        chinese, english = reason_in_words(reason)
        return english if chinese == english else self.label(chinese, english)

    def status(self, status: StatusView) -> None:
        """The service at a glance."""
        self.pairs(
            [
                ("服务", "Service", f"{status.phase}  (yibao {status.version})"),
                ("机构", "Institution", f"{status.institution} {status.institution_name}"),
                ("机构等级", "Level", _TIERS.get(status.institution_level, status.institution_level)),
                ("收银台", "Till", f"{status.till} / {status.lane}"),
                ("省份配置", "Profile", status.profile),
                ("密钥", "Keys", status.keys),
                ("签到", "Sign-in", f"{status.sign_in} {status.sign_in_reason}".strip()),
                ("未决", "Doubts", str(status.doubts)),
                ("待人工报送", "Held submissions", str(status.submissions_held)),
                *(
                    (("协议到期", "Agreement until", status.agreement_until),)
                    if status.agreement_until
                    else ()
                ),
                *((("信用等级", "Credit level", status.credit_level),) if status.credit_level else ()),
            ]
        )
        self.devices(status.devices)
        beside = tuple(told for told in (status.reason, status.agreement) if told is not None)
        for told in (*beside, *status.holds):
            self.say(Words(told.code, told.zh, told.en))
