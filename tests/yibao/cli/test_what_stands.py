"""A sale on the screen: which of its amounts stand, which are undone, and how often cash goes back."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from terminal.shapes.settlements import SettlementView
from tests.terminal.harness import Shop, Till, virtual
from tests.yibao.cli.direct_client import DirectClient
from tests.yibao.cli.test_beside import PILLS
from yibao.cli import counter, tables
from yibao.cli.dialogue import Order, sell
from yibao.cli.tables import Screen


async def sold(shop: Shop, till: Till) -> tuple[DirectClient, SettlementView]:
    """A sale of 75.00, 60.00 of it from the account, that is settled."""
    order = Order(
        lines=(PILLS,), code=shop.code(), number="7", confirmed=True, follow_s=0.0, interactive=False
    )
    client = DirectClient(till)
    assert await asyncio.wait_for(sell(client, order, as_json=False), 30) == 0
    return client, await client.sale((await client.recent(1))[0].id)


def rows(shown: str) -> dict[str, str]:
    """The last word of each row under the rest of it."""
    return {line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in shown.splitlines() if line.strip()}


@virtual
async def test_of_a_cancelled_sale_the_amounts_that_go_back_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not those of the settlement, nor the balance that the account had after it."""
    shop = Shop(tmp_path)
    till = await shop.start()
    client, sale = await sold(shop, till)
    capsys.readouterr()
    Screen().sale(sale)
    shown = rows(capsys.readouterr().out)
    assert shown["现金支付 Customer pays in cash"] == "15.00"
    assert shown["账户余额 Account left"] == "0.00"
    assert any(row.startswith("状态 State") and "已结算" in row for row in shown)

    cancelled = await client.cancel(sale.id, "test")
    Screen().sale(cancelled)
    out = capsys.readouterr().out
    shown = rows(out)
    assert "Who pays" not in out
    assert "Customer pays in cash" not in out
    assert "撤销退回 Given back" in out
    assert shown["退还顾客现金 Cash back to the customer"] == "15.00"
    assert shown["退回个人账户 Back to the personal account"] == "60.00"
    assert shown["退回基金 Back to the funds"] == "0.00"
    assert shown["撤销后账户余额 Account after it"] == "60.00"
    assert "已撤销 CANCELLED" in out
    await till.stop()


@virtual
@pytest.mark.parametrize(
    ("change", "head"),
    [
        ({"state": "ABANDONED"}, "预结算，未成立 Quoted only; nothing of it stands"),
        ({"state": "REFUSED"}, "预结算，未成立 Quoted only; nothing of it stands"),
        ({"state": "REVERSED"}, "预结算，未成立 Quoted only; nothing of it stands"),
        (
            {"state": "DOUBT", "in_doubt": True},
            "结果未定，请勿收退现金 Outcome open: take and return no cash",
        ),
        (
            {"state": "CANCEL_DOUBT", "in_doubt": True},
            "结果未定，请勿收退现金 Outcome open: take and return no cash",
        ),
        (
            {"state": "CONFIRMED", "in_doubt": True, "quarantine": True},
            "结果未定，请勿收退现金 Outcome open: take and return no cash",
        ),
    ],
)
async def test_amounts_that_do_not_stand_are_not_shown_as_who_pays(
    change: dict[str, object], head: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    _, sale = await sold(shop, till)
    capsys.readouterr()
    Screen().sale(msgspec.structs.replace(sale, **change))
    out = capsys.readouterr().out
    assert head in out
    assert "Who pays" not in out
    assert "Account left" not in out, "what is left is known only of what stands"
    await till.stop()


@virtual
async def test_a_sale_that_is_cancelled_already_gives_its_cash_back_once_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever repeats the command is not told to pay out once more, and is not asked whether to cancel."""
    shop = Shop(tmp_path)
    till = await shop.start()
    client, sale = await sold(shop, till)
    first = await counter.cancel_sale(client, sale.id, "test", yes=True, wait_s=0.0, json=False)
    assert first.state == "CANCELLED"
    shown = rows(capsys.readouterr().out)
    assert shown["退还顾客现金 Cash back to the customer"] == "15.00"

    again = await counter.cancel_sale(client, sale.id, "test", yes=False, wait_s=0.0, json=False)
    out = capsys.readouterr().out
    assert again.state == "CANCELLED"
    assert "was cancelled before" in out
    assert "15.00" in out
    assert "此前已经撤销" in out
    assert "return the cash part" not in out
    assert "[y/N]" not in out
    await till.stop()


@pytest.mark.parametrize("columns", [20, 30, 40, 60])
def test_no_number_is_broken_on_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`12.5` above `0` reads as another amount."""
    monkeypatch.setattr(tables, "_PLAIN_WIDTH", columns)
    heads = (("", "#"), ("商品", "Item"), ("数量", "Qty"), ("单价", "Price"), ("金额", "Amount"))
    row = ("1", "测试胰岛素笔(集采) 3ml:300单位", "8.00", "1348.71", "10789.68")
    Screen().rows(heads, [row], frozenset({0, 2, 3, 4}))
    words = capsys.readouterr().out.split()
    assert {"8.00", "1348.71", "10789.68"} <= set(words)


def test_an_id_is_never_cut_short_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody types it into the next command."""
    monkeypatch.setattr(tables, "_PLAIN_WIDTH", 30)
    Screen().pairs([("编号", "Id", "S01c4ba9687808fab4675f902")])
    out = capsys.readouterr().out
    assert "…" not in out
    assert "".join(out.replace("编号 Id", "").split()) == "S01c4ba9687808fab4675f902"
