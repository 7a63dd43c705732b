"""What a report gives: columns with a name for programs and two for people, and rows."""

import msgspec

Cell = str | int


class Column(msgspec.Struct, frozen=True):
    """One column; a key that ends in `_fen` holds money, one in `_bp` a ratio in 1/10000."""

    key: str
    zh: str
    en: str


class Report(msgspec.Struct, frozen=True):
    """One report."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        """The rows by the keys of their columns."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


class ReportRefused(ValueError):
    """A report that is not given, with the reason."""
