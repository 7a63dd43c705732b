"""`yibao sale` opens what its options say: the kind of purchase, and the enrolment."""

from pathlib import Path

import pytest

from tests.terminal.harness import Shop, virtual
from tests.yibao.cli.direct_client import DirectClient
from tests.yibao.cli.test_beside import PILLS
from yibao.cli.dialogue import Order, sell
from yibao.client import CounterProblem


@virtual
async def test_the_enrolment_that_was_chosen_is_the_one_used(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    for number, insutype in (("1", "310"), ("2", "390")):
        order = Order(
            lines=(PILLS,), code=shop.code("shuangcan"), number=number, confirmed=False, follow_s=0.0,
            interactive=False, insutype=insutype,
        )  # fmt: skip
        await sell(DirectClient(till), order, as_json=False)
        sale = await DirectClient(till).sale((await DirectClient(till).recent(1))[0].id)
        assert sale.person is not None
        assert sale.person.insutype == insutype
    await till.stop()


@virtual
async def test_a_kind_of_purchase_that_is_not_offered_is_refused_by_the_counter(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    order = Order(
        lines=(PILLS,),
        code="",
        number="1",
        confirmed=False,
        follow_s=0.0,
        interactive=False,
        benefit="lottery",
    )
    with pytest.raises(CounterProblem, match="benefit: one of pharmacy, dual_channel"):
        await sell(DirectClient(till), order, as_json=False)
    await till.stop()
