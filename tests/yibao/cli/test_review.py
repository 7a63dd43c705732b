"""The review in the conversation of `yibao sale`: a real counter and its API in this process, no sockets, virtual time."""

import asyncio
from pathlib import Path

import pytest

from terminal.counter.wishes import LineWish
from tests.profiles.rig import profile_of
from tests.profiles.test_review import kept
from tests.terminal.harness import Shop, Till, virtual
from tests.yibao.cli.direct_client import DirectClient
from yibao.cli.dialogue import Order, sell


async def sold(folder: Path, reason: str, blocking: str = "[]") -> tuple[Shop, int, Till]:
    """Four boxes sold by command, with a reason given beforehand or none; the keyboard has ended."""
    shop = Shop(folder, profile=profile_of(f'[review]\nbefore_quote = "3101"\nblocking = {blocking}'))
    till = await shop.start()
    line = LineWish(
        national_code="XTEST000000000000000D03",
        own_code="SKU0003",
        name="测试降糖片",
        price="12.50",
        quantity="4",
    )
    order = Order(
        lines=(line,), code=shop.code(), number="7", confirmed=True, follow_s=0.0, interactive=False, reason=reason
    )  # fmt: skip
    client = DirectClient(till)
    code = await asyncio.wait_for(sell(client, order, as_json=False), 30)
    return shop, code, till


@virtual
async def test_a_sale_with_its_reason_is_settled_and_shows_rule_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, code, till = await sold(tmp_path, "患者长期出差")
    out = capsys.readouterr().out
    assert code == 0
    assert "R67-01" in out
    assert "最近 10 天内累计 40 天用量" in out
    assert "review warns of 1 points" in out
    assert "has no answer yet" not in out, "the quote is not asked for while the review waits"
    assert "Settled." in out
    assert kept(shop) == [("R67-01", "1", "患者长期出差")]
    await till.stop()


@pytest.mark.parametrize(("reason", "blocking"), [("", "[]"), ("患者长期出差", '["2"]')])
def test_without_a_reason_or_where_nobody_may_carry_on_nothing_is_settled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reason: str, blocking: str
) -> None:
    @virtual
    async def run() -> None:
        shop, code, till = await sold(tmp_path, reason, blocking)
        assert code == 1
        assert ("forbids to carry on (rule R67-01)" in capsys.readouterr().out) is bool(reason)
        assert shop.live() == []
        assert kept(shop) == [("R67-01", "", "")]
        await till.stop()

    run()
