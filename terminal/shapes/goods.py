"""What is told of the shop's goods."""

import msgspec

from terminal.texts import Told


class GoodsView(msgspec.Struct, frozen=True):
    """One article."""

    barcode: str
    name: str
    spec: str
    price: str
    national_code: str
    """Empty = sold beside the insurance only."""
    selected: bool
    two_disease: bool
    stock: int | None
    listed_until: str
    warnings: tuple[Told, ...]
