"""Every message code that the terminal can utter has a text, in two languages, with what the code gives it."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import terminal
from drivers.interfaces.printer import PrinterStatus
from terminal.core.machine import REFUSALS
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.workroom import Phase
from terminal.hub.centre import _WORDS as CENTRE_WORDS
from terminal.texts import REASONS, STATES, TEXTS, tell, tell_notice

ROOT = Path(terminal.__file__).parent
CATALOGUE = ROOT / "locale/zh_CN/LC_MESSAGES/terminal.po"
UTTERING = {
    "Notice": 0,
    "Misuse": 0,
    "Misfit": 0,
    "JournalRefused": 0,
    "CentreRefused": 0,
    "ComposeFailed": 1,
    "tell": 0,
}
"""Which argument of which call is a message code."""
REASON_CALLS = {"NotSent": 0, "NoAnswer": 0, "NotAuthentic": 0}


def _calls(names: dict[str, int], *folders: Path) -> Iterator[tuple[str, ast.Call, ast.expr]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    place = names[node.func.id]
                    if len(node.args) > place:
                        yield f"{path.relative_to(ROOT.parent)}:{node.lineno}", node, node.args[place]


def _texts_of(expression: ast.expr) -> list[str]:
    """The literal texts an expression can be; [] when it is worked out elsewhere."""
    match expression:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return _texts_of(body) + _texts_of(orelse)
        case _:
            return []


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


UTTERED = [(where, call, text) for where, call, code in _calls(UTTERING, ROOT) for text in _texts_of(code)]


def test_codes_are_found_in_the_source_at_all() -> None:
    assert {"doubt", "settled", "lane_gate", "busy", "code_used", "printer_waits"} <= {
        text for *_, text in UTTERED
    }


def test_every_code_in_the_source_has_a_text() -> None:
    assert [f"{where}: {code}" for where, _, code in UTTERED if code not in TEXTS] == []


def test_codes_that_are_worked_out_have_texts() -> None:
    assert set(CENTRE_WORDS.values()) <= TEXTS.keys()
    for series in ("reversal", "cancel"):
        assert {f"{series}_waits", f"{series}_alarm"} <= TEXTS.keys()


def _given(call: ast.Call) -> set[str] | None:
    """Names of the parameters a call hands over; None when they cannot be read off."""
    names = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    for extra in call.args[1:]:
        match extra:
            case ast.Dict(keys=keys):
                names |= {
                    key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            case _:
                return None
    return names


def test_every_code_is_uttered_with_what_its_text_asks_for() -> None:
    missing = []
    for where, call, code in UTTERED:
        given = _given(call)
        named = isinstance(call.func, ast.Name) and call.func.id not in ("JournalRefused", "ComposeFailed")
        if named and given is not None and not _placeholders(TEXTS.get(code, "")) <= given:
            missing.append(f"{where}: {code}")
    assert missing == []


def test_every_text_has_a_chinese_translation_with_the_same_placeholders() -> None:
    catalogue, wrong = _catalogue(), []
    for english in (*TEXTS.values(), *REASONS.values(), *STATES.values()):
        chinese = catalogue.get(english, "")
        is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
        if not is_chinese or _placeholders(chinese) != _placeholders(english):
            wrong.append(english)
    assert wrong == []


def test_the_catalogue_holds_nothing_that_is_no_longer_said() -> None:
    assert _catalogue().keys() == {*TEXTS.values(), *REASONS.values(), *STATES.values()}


def test_no_two_codes_share_a_text() -> None:
    """The catalogue is keyed by the English text: two meanings under one text would get one translation."""
    assert len({*TEXTS.values()}) == len(TEXTS)
    assert not {*REASONS.values()} & {*STATES.values()}


def _catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def test_every_reason_of_the_drivers_and_of_the_client_has_words() -> None:
    drivers = ROOT.parent / "drivers"
    found = {text for _, _, reason in _calls(REASON_CALLS, ROOT, drivers) for text in _texts_of(reason)}
    assert {"timeout", "connect_timeout", "bad signature", "key_locked", "internal"} <= found
    assert found <= REASONS.keys()
    assert {"refused", "unreachable", "restart", "malformed output"} <= REASONS.keys()


def test_every_problem_of_a_printer_has_words() -> None:
    for name in ("paper_out", "cover_open", "cutter_fault", "offline"):
        assert PrinterStatus(**{name: True}).problem == name
        assert name in REASONS
    results = {
        text
        for _, _, reason in _calls({"PrintResult": 2}, ROOT.parent / "drivers")
        for text in _texts_of(reason)
    }
    assert results
    assert results <= REASONS.keys()


def test_every_state_and_phase_has_words() -> None:
    assert {state.value for state in State} | {phase.value for phase in Phase} <= STATES.keys()


def test_machine_words_are_shown_in_words() -> None:
    told = tell("doubt", {"reason": "timeout"})
    assert told.zh.startswith("结果未知（超时未答复）")
    assert told.en.startswith("Outcome unknown (no answer in time)")
    assert "HTTP 状态 502" in tell("doubt", {"reason": "http 502"}).zh
    assert "answer code -7" in tell("doubt", {"reason": "infcode -7"}).en
    assert "（状态 已冲正）" in tell("nothing_to_cancel", {"state": "REVERSED"}).zh


@pytest.mark.parametrize(
    ("reason", "zh"),
    [
        ("line 2: quantity and price must be above zero", "第 2 行：数量和单价必须大于零"),
        ("line 1: out of range", "第 1 行：数值过大"),
        ("line 12: more than 4 decimals", "第 12 行：小数不能超过 4 位"),
        ("line 3: barcode, or national_code, own_code, name and price", "第 3 行：须有条码，或医保编码、本店编码、名称和单价"),
        ("line 3: 奇怪", "第 3 行：奇怪"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_told_in_chinese_to_whoever_reads_chinese(reason: str, zh: str) -> None:
    told = tell("bad_request", {"reason": reason})
    assert told.zh == f"请求无法读取：{zh}。未执行。"
    assert told.en == f"The request cannot be read: {reason}. Nothing was done."


def test_the_hubs_own_words_are_shown_as_they_came() -> None:
    """Also when they look like one of ours, or like a placeholder."""
    for text in ("timeout", "settled", "", "{text}", "余额不足 [X]"):
        told = tell("refused", {"text": text})
        assert text in told.zh
        assert text in told.en
        assert "Content-Type" not in told.zh


def test_an_unknown_reason_and_an_unknown_code_are_shown_as_they_are() -> None:
    assert "（奇怪）" in tell("doubt", {"reason": "奇怪"}).zh
    assert tell("not a code").both() == "not a code\nnot a code"


def test_a_notice_is_told_and_none_is_nothing() -> None:
    assert tell_notice(None) is None
    told = tell_notice(Notice("reversal_waits", {"tries": "3"}))
    assert told is not None
    assert "第 3 次" in told.zh
    assert "(try 3)" in told.en


MONEY = {
    "settled": (("收取现金",), ("booked at the hub", "pays the cash part")),
    "settled_cash": (("现金部分 1 元",), ("booked at the hub", "collect the cash part, 1 yuan")),
    "settled_no_cash": (("无需收取现金",), ("booked at the hub", "nothing to collect in cash")),
    "settled_differently": (("已结算", "撤销"), ("Settled", "cancel")),
    "refused": (("未入账", "均无欠款", "重新结算"), ("Nothing was booked", "nobody owes", "settle again")),
    "not_sent": (("未入账", "再次确认", "放弃"), ("Nothing was booked", "Confirm again", "give the sale up")),
    "doubt": (("可能已入账", "勿重新结算", "不要收款"), ("may or may not have booked", "Do not settle again", "take no money")),
    "quarantined": (("不符", "勿收款", "不要交付"), ("does not fit", "take no money", "hand nothing over")),
    "reversal_waits": (("可能已入账", "勿收款"), ("may hold a booking", "Take no money")),
    "reversal_alarm": (("可能已入账", "通知主管", "勿收款"), ("may hold a booking", "Call the supervisor", "take no money")),
    "reversal_quiet": (("查无此笔", "勿收款"), ("no such settlement", "take no money")),
    "reversed": (("均无欠款", "重新结算"), ("nobody owes", "settled again")),
    "reversed_unseen": (("未入账", "对账"), ("nothing was booked", "reconciliation")),
    "cancelled": (("退回", "退还顾客现金"), ("money back", "return the cash")),
    "cancelled_before": (
        ("此前已撤销", "已退回", "尚未退还"), ("cancelled before", "is back", "only if it has not been returned"),
    ),
    "refund_cancelled_before": (
        ("此前已撤销", "尚未退还", "可能已重新结算", "yibao reconcile", "新的流水号"),
        ("cancelled before", "only if it has not been returned", "may be settled already", "yibao reconcile", "a new number"),
    ),
    "cancel_refused": (("维持不变",), ("stands as before",)),
    "cancel_not_sent": (("维持不变", "再次撤销"), ("stands as before", "cancel again")),
    "cancel_doubt": (("结果未知", "勿退现金"), ("unknown", "do not return cash")),
    "cancel_quiet": (("再次确认", "勿退现金"), ("may still arrive", "Do not return cash")),
    "cancel_waits": (("勿退现金",), ("Do not return cash",)),
    "cancel_alarm": (("通知主管", "勿退现金"), ("supervisor", "do not return cash")),
    "manual": (("人工", "锁定"), ("A person", "blocked")),
}  # fmt: skip


def test_every_refusal_that_can_be_explained_on_paper_has_a_text() -> None:
    assert set(TEXTS) >= REFUSALS


@pytest.mark.parametrize("code", MONEY)
def test_a_message_about_money_says_who_holds_it_and_what_to_do(code: str) -> None:
    told = tell(code, dict.fromkeys(("reason", "text", "tries", "number", "cash"), "1"))
    chinese, english = MONEY[code]
    assert [phrase for phrase in chinese if phrase not in told.zh] == []
    assert [phrase for phrase in english if phrase not in told.en] == []
