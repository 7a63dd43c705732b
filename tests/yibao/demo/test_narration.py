"""The same words suit a terminal, a pipe, and an output that cannot show Chinese."""

import io
from collections.abc import Callable

import pytest

from yibao.demo.narration import (
    Narrator,
    PlainNarrator,
    Sentence,
    TableRow,
    can_show_chinese,
    narrator_for,
)

ROWS = (
    TableRow(Sentence("个人账户支付", "personal account"), "60.00"),
    TableRow(Sentence("现金支付", "cash"), "23.30", strong=True),
)


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def _stream(encoding: str, kind: Callable[..., io.TextIOWrapper] = io.TextIOWrapper) -> io.TextIOWrapper:
    return kind(io.BytesIO(), encoding, errors="strict", newline="\n")


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


async def _tell_everything(narrator: Narrator) -> None:
    await narrator.chapter(4, 3, 4, Sentence("应答丢失", "the answer is lost"))
    await narrator.say("终端不重发，也不猜。", "The terminal neither sends again nor guesses.")
    await narrator.say("same", "same")
    await narrator.table(Sentence("谁付多少", "Who pays what"), ROWS)
    await narrator.paper(("未结算，冲正处理中", "单号：T01-1"))
    await narrator.raw(("a log line ✘",))
    await narrator.verdict(True, "如所讲结束", "ended as told")
    await narrator.verdict(False, "没有如所讲结束", "did not end as told")


async def test_a_pipe_gets_lines_with_both_languages() -> None:
    stream = _stream("utf-8")
    await _tell_everything(PlainNarrator(stream))
    assert _text(stream).splitlines() == [
        "",
        "== 故事 4（3/4）：应答丢失 | Story 4 (3/4): the answer is lost",
        "   终端不重发，也不猜。 | The terminal neither sends again nor guesses.",
        "   same",
        "   谁付多少 | Who pays what",
        "     个人账户支付 | personal account      60.00",
        "     现金支付 | cash                      23.30",
        "     | 未结算，冲正处理中",
        "     | 单号：T01-1",
        "   > a log line ✘",
        "OK: 如所讲结束 | ended as told",
        "FAILED: 没有如所讲结束 | did not end as told",
    ]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
async def test_an_output_without_chinese_gets_the_english_and_never_an_error(encoding: str) -> None:
    stream = _stream(encoding)
    await _tell_everything(PlainNarrator(stream))
    text = _text(stream)
    assert "== Story 4 (3/4): the answer is lost\n" in text
    assert "     personal account      60.00\n" in text
    assert "the slip is in Chinese" in text
    assert text.isascii()


async def test_a_chinese_code_page_gets_both_languages() -> None:
    stream = _stream("gbk")
    await _tell_everything(PlainNarrator(stream))
    assert "未结算，冲正处理中" in _text(stream)


def test_a_stream_that_knows_no_encoding_counts_as_ascii() -> None:
    assert not can_show_chinese(io.StringIO())


def test_a_pipe_a_dumb_terminal_and_one_without_chinese_get_plain_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for stream in (_stream("utf-8"), _stream("ascii", _Terminal)):
        with narrator_for(stream) as narrator:
            assert isinstance(narrator, PlainNarrator)
    monkeypatch.setenv("TERM", "dumb")
    with narrator_for(_stream("utf-8", _Terminal)) as narrator:
        assert isinstance(narrator, PlainNarrator)


@pytest.mark.parametrize("columns", ["60", "80", "132"])
async def test_a_terminal_gets_colours_a_table_and_progress(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", columns)
    stream = _stream("utf-8", _Terminal)
    with narrator_for(stream, pause_s=0.0) as narrator:
        await _tell_everything(narrator)
    text = _text(stream)
    assert "\x1b[" in text
    assert "个人账户支付" in text
    assert "│" in text
    assert "3/4" in text
    assert "…" not in text
