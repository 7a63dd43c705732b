"""The shop's goods as the insurance sees them: marks and warnings, from the shop's file and, when wished, from the hub."""

from collections.abc import Sequence

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from terminal.api.service import Service
from terminal.counter.goods import Warned
from terminal.shapes.goods import GoodsView
from terminal.texts import tell


class GoodsWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say: all articles are looked up."""


class GoodsController(Controller):
    """The shop's goods."""

    path = "/goods"

    @get("/", sync_to_thread=False)
    def goods(self, service: NamedDependency[Service]) -> list[GoodsView]:
        """List the articles, centrally procured ones first, with what the shop's own file warns of."""
        return _views(service.require_counter().goods.warned())

    @post("/check", status_code=200)
    async def check(self, service: NamedDependency[Service], data: JSONBody[GoodsWish]) -> list[GoodsView]:
        """The same after asking the hub about every article (1312, 1318): end dates, payment standards, unknown codes."""
        return _views(await service.require_counter().goods.check())


def _views(rows: Sequence[Warned]) -> list[GoodsView]:
    return [
        GoodsView(
            item.barcode,
            item.name,
            item.spec,
            item.price.wire_text(),
            item.national_code,
            item.selected,
            item.two_disease,
            item.stock,
            "" if item.listed_until is None else item.listed_until.isoformat(),
            tuple(tell(notice.code, notice.params) for notice in notices),
        )
        for item, notices in rows
    ]
