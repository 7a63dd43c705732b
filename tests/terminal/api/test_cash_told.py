"""Who has settled is told how much cash to collect; "collect the cash part" sends a cashier looking for a part that is none."""

from pathlib import Path

import msgspec
import pytest

from tests.terminal.api.calling import Api
from tests.terminal.harness import PILLS, Shop, counter_config, virtual

ALL_BY_ACCOUNT = ("无需收取现金", "nothing to collect in cash")


@virtual
@pytest.mark.parametrize(
    ("quantity", "words"),
    [("3", ALL_BY_ACCOUNT), ("6", ("现金部分 15.00 元", "cash part, 15.00 yuan"))],
)
async def test_the_cash_to_collect_is_named(quantity: str, words: tuple[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    line = {**msgspec.to_builtins(PILLS), "quantity": quantity}
    opened = await api.post("/sales", {"sale_number": "1", "lines": [line]}, Idempotency_Key="k")
    await api.post(f"/sales/{opened['id']}/medium", {"code": shop.code()})
    for wish in ("confirm", "acknowledge"):
        sale = await api.post(f"/sales/{opened['id']}/{wish}")
        notice = sale["notice"]
        assert (sale["settled"]["cash_fen"] == 0, notice["code"]) == (words is ALL_BY_ACCOUNT, "settled")
        assert (words[0] in notice["zh"], words[1] in notice["en"]) == (True, True), notice
    await till.stop()
