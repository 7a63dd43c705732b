"""Goods beside the insurance in the conversation of `yibao sale`: the cashier sees them, and what is to be collected in all."""

import asyncio
import dataclasses
from pathlib import Path

import msgspec
import pytest

from terminal.counter.wishes import LineWish
from tests.terminal.harness import Shop, virtual
from tests.yibao.cli.direct_client import DirectClient
from yibao.cli.dialogue import Order, sell
from yibao.cli.tables import Screen

PILLS = LineWish(
    national_code="XTEST000000000000000D03",
    own_code="SKU0003",
    name="测试降糖片",
    price="12.50",
    quantity="6",
)
SOAP = LineWish(own_code="SKU0012", name="测试洗手液", price="19.90", quantity="2", self_pay=True)


@virtual
async def test_the_cashier_sees_what_is_collected_beside_the_insurance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    order = Order(
        lines=(PILLS, SOAP), code=shop.code(), number="7", confirmed=True, follow_s=0.0, interactive=False
    )
    client = DirectClient(till)
    assert await asyncio.wait_for(sell(client, order, as_json=False), 30) == 0
    out = capsys.readouterr().out
    assert "测试洗手液 39.80" in out
    row = next(line for line in out.splitlines() if "Cash to take in all" in line)
    assert row.split()[-1] == "54.80", "15.00 of the insurance's sale and 39.80 beside it"
    assert out.index("Cash to take in all") < out.index("Settled."), "before the person agrees"

    sale = await client.sale((await client.recent(1))[0].id)
    Screen().sale(sale)
    assert "54.80" in capsys.readouterr().out
    held = msgspec.structs.replace(sale, quarantine=True, in_doubt=True)
    Screen().beside(held)
    assert "Cash to take in all" not in capsys.readouterr().out, (
        "an answer that does not fit is being reversed"
    )
    cancelled = await client.cancel(sale.id, "test")
    assert cancelled.state == "CANCELLED"
    Screen().sale(cancelled)
    shown = capsys.readouterr().out
    assert "Cash to take in all" not in shown, "nothing is taken for a sale that is undone"
    assert "Goods sold beside the insurance (39.80 yuan) are not undone at the hub" in shown
    again = dataclasses.replace(order, code=shop.code(), number="8")
    assert await asyncio.wait_for(sell(client, again, as_json=False), 30) == 0
    capsys.readouterr()
    refunded = await client.refund((await client.recent(1))[0].id, (), everything=True, reason="test")
    Screen().notice(refunded)
    assert "(39.80 yuan) are not undone" in capsys.readouterr().out
    await till.stop()


@virtual
async def test_a_sale_of_such_goods_alone_is_given_up_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is the hub's: the shop sells it like anything else."""
    shop = Shop(tmp_path)
    till = await shop.start()
    order = Order(
        lines=(SOAP,), code=shop.code(), number="9", confirmed=True, follow_s=0.0, interactive=False
    )
    client = DirectClient(till)
    assert await asyncio.wait_for(sell(client, order, as_json=False), 30) == 1
    out = capsys.readouterr().out
    assert "Sale 9 has goods beside the insurance only (39.80 yuan): nothing of it goes to the hub." in out
    assert (await client.recent(1))[0].state == "ABANDONED"
    await till.stop()
