"""Goods as the insurance sees them: unmapped, leaving the list, above the standard, sold out, centrally procured."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.money import Price
from terminal.api.views import settlement_view
from terminal.config import ConfigError
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.counter.goods import Listed, in_order, listed_warnings, own_warnings
from terminal.counter.wishes import LineWish
from terminal.shop_items import ShopItem, parse_items
from terminal.slips.masking import MaskRule
from tests.capabilities import asserted
from tests.terminal.api.calling import Api
from tests.terminal.benefit.paper import flat
from tests.terminal.harness import PILLS, Shop, counter_config, virtual

TODAY = dt.date(2026, 11, 23)
PLAIN = ShopItem(
    "6901234567892", "测试降糖片", "0.5g", Price(12_500_000), "XTEST000000000000000D03", "SKU0003"
)
BRAND = msgspec.structs.replace(
    PLAIN,
    barcode="6901234500028",
    name="测试降压片(原研)",
    price=Price(15_000_000),
    national_code="XTEST000000000000000D02",
)
SELECTED = msgspec.structs.replace(
    PLAIN, barcode="6901234500011", name="测试降压片", price=Price(3_000_000), national_code="XTEST000000000000000D01",
    selected=True, two_disease=True, stock=0,
)  # fmt: skip
TONIC = msgspec.structs.replace(
    PLAIN, barcode="6901234500127", name="测试滋补品", national_code="", price=Price(50_000_000)
)
STRANGER = msgspec.structs.replace(
    PLAIN, barcode="6901234500134", name="测试错码", national_code="XTEST0000000000000000XX"
)


def codes(item: ShopItem, today: dt.date = TODAY) -> list[str]:
    """What the shop's own file warns of."""
    return [notice.code for notice in own_warnings(item, today)]


def test_r53_the_end_on_the_list_is_told_two_months_ahead_and_afterwards() -> None:
    item = msgspec.structs.replace(PLAIN, listed_until=dt.date(2026, 12, 31))
    assert codes(item, dt.date(2026, 10, 31)) == []
    assert codes(item, dt.date(2026, 11, 1)) == ["goods_leaves_list"]
    assert codes(item, dt.date(2026, 12, 31)) == ["goods_leaves_list"]
    assert codes(item, dt.date(2027, 1, 1)) == ["goods_left_list"]


def test_r29_an_empty_shelf_of_a_two_disease_drug_warns_and_a_counted_one_does_not() -> None:
    asserted("R29", ["goods_two_disease_out"], codes(SELECTED), what="warning")
    for stock in (1, None):
        assert codes(msgspec.structs.replace(SELECTED, stock=stock)) == []
    assert codes(msgspec.structs.replace(SELECTED, two_disease=False)) == []


def test_r56_centrally_procured_products_come_first() -> None:
    items = {item.barcode: item for item in (PLAIN, BRAND, SELECTED)}
    assert next(item.name for item in in_order(items)) == "测试降压片"


def test_r55_r24_what_the_hub_says_of_an_item() -> None:
    dear = listed_warnings(BRAND, Listed(True, "01", ceiling=Price(3_000_000)))
    assert [(notice.code, notice.params["above"]) for notice in dear] == [("goods_above_standard", "12.00")]
    assert listed_warnings(PLAIN, Listed(True, "01", ceiling=Price(12_500_000))) == ()
    assert [notice.code for notice in listed_warnings(STRANGER, Listed(False))] == ["goods_not_listed"]


def test_an_item_file_may_say_all_of_it_and_nothing_wrong() -> None:
    row = 'barcode = "6901234567892"\nname = "X"\nprice = "1.00"\nown_code = "S"\n'
    (item,) = parse_items(
        f"[[item]]\n{row}stock = 0\ntwo_disease = true\nselected = true\nlisted_until = 2026-12-31\n", "i"
    ).values()
    assert (item.national_code, item.stock, item.listed_until) == ("", 0, dt.date(2026, 12, 31))
    with pytest.raises(ConfigError):
        parse_items(f"[[item]]\n{row}stock = -1\n", "i")


ITEMS = {item.barcode: item for item in (PLAIN, BRAND, SELECTED, TONIC, STRANGER)}


@virtual
async def test_r78_unmapped_goods_are_refused_for_the_insurance_and_sold_beside_it(tmp_path: Path) -> None:
    """37.50 go to the insurance; 50.00 never do, and stand on the same slip."""
    shop = Shop(tmp_path)
    till = await shop.start(items=ITEMS)
    priced = await till.quote()
    for wish in (
        LineWish(barcode=TONIC.barcode),
        LineWish(name="测试滋补品", own_code="S", price="50.00"),
    ):
        with pytest.raises(Misuse) as refused:
            await till.counter.sales.add_line(priced.id, wish)
        asserted("R78", "item_unmapped", refused.value.code, what="refused")
    beside = await till.counter.sales.add_line(priced.id, LineWish(barcode=TONIC.barcode, self_pay=True))
    assert (beside.state, beside.quote) == (State.PRICED, priced.quote), "none of it is asked of the hub"
    settled = await till.counter.sales.confirm(priced.id, "T01")
    assert settled.booking is not None
    assert settled.booking.split.total_fen == 3750
    view = settlement_view(settled, MaskRule())
    asserted("R78", (3750, 5000), (view.total_fen, view.self_pay_fen), what="self-pay")
    await till.quiet()
    paper = flat(shop.printer.texts()[0])
    assert "费用总额37.50" in paper
    assert "自费商品（未进医保）测试滋补品" in paper
    assert "应收现金合计50.00" in paper
    await till.counter.sales.cancel(settled.id, "T01", "退药")
    await till.quiet()
    undone = flat(shop.printer.texts()[1])
    assert "自费商品合计50.00自费商品不在本次医保撤销范围内，是否退货退款由本店办理。" in undone
    assert "应收现金合计" not in undone
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_r78_self_pay_goods_come_with_the_sheet_and_survive_a_restart(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start(items=ITEMS)
    settled = await till.settle(lines=(PILLS, LineWish(barcode=TONIC.barcode, quantity="2", self_pay=True)))
    await till.kill()
    again = await shop.start(items=ITEMS)
    kept = await again.get(settled.id)
    assert [(line.name, line.amount_fen) for line in kept.self_pay] == [("测试滋补品", 10000)]
    await again.stop()


@virtual
async def test_r53_r55_r24_the_hub_is_asked_about_every_article_and_the_marks_reach_the_slip(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    config = counter_config()
    till = await shop.start(items=ITEMS, config=config)
    api = Api(till, config)
    before = {row["barcode"]: row for row in await api.get("/goods")}
    assert [told["code"] for told in before[TONIC.barcode]["warnings"]] == ["goods_unmapped"]
    assert before[BRAND.barcode]["warnings"] == []
    after = {
        row["barcode"]: [told["code"] for told in row["warnings"]] for row in await api.post("/goods/check")
    }
    assert after == {
        PLAIN.barcode: [],
        BRAND.barcode: ["goods_above_standard"],
        SELECTED.barcode: ["goods_two_disease_out"],
        TONIC.barcode: ["goods_unmapped"],
        STRANGER.barcode: ["goods_not_listed"],
    }
    await till.settle(lines=(LineWish(barcode=SELECTED.barcode),))
    await till.quiet()
    assert "集采中选" in flat(shop.printer.texts()[0])
    await till.stop()
