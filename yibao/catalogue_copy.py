"""A catalogue of the hub on its way into a file, page by page: whatever cuts it off, the next try goes on behind it.

The first line of the file says what was asked (`Heading`), every other line is one row, JSON both. Until the last page is
there the file is called `NAME.part`; a page counts once it is on disk as a whole. The hub numbers rows by the question
and the page, so a part is continued only for the very same question, and given up when the hub's count has changed.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec


class Question(msgspec.Struct, frozen=True):
    """What decides which row stands on which page."""

    catalogue: str
    as_of: str
    """In force on that day, yyyy-MM-dd."""
    since: str
    """Changed on or after that day; "" = all."""
    page_rows: int


class Heading(msgspec.Struct, frozen=True):
    """First line of the file."""

    question: Question
    rows: int
    """How many the hub counts."""


class CatalogueChanged(Exception):
    """The hub counts other rows than when the copy began; what was here is gone."""


class CatalogueUncounted(Exception):
    """The hub does not say how many rows there are, so nobody could tell when all are here."""


class CatalogueCopy:
    """Use as a context; what is whole stays when the block fails."""

    def __init__(self, path: Path, question: Question) -> None:
        """`path` is where the whole copy will be. Raises `FileExistsError` when it is there already, OSError."""
        if path.exists():
            raise FileExistsError(path)
        self._path, self._question = path, question
        self._part = path.with_name(f"{path.name}.part")
        self._heading: Heading | None = None
        self.rows = 0
        """How many are on disk."""
        self._file: BinaryIO = os.fdopen(
            os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b"
        )
        self._file.truncate(self._whole_pages())
        self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        """See the class."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; a copy that has been given up, or has not begun, is gone."""
        self._file.close()
        if self._heading is None or isinstance(error, CatalogueChanged | CatalogueUncounted):
            self._part.unlink(missing_ok=True)

    @property
    def next_page(self) -> int:
        """Which page to ask for, counted from 1."""
        return self.rows // self._question.page_rows + 1

    @property
    def is_whole(self) -> bool:
        """Whether every row is here."""
        return self._heading is not None and self.rows == self._heading.rows

    def add(self, rows: Sequence[Mapping[str, str]], counted: int | None) -> None:
        """Put the next page on disk; `counted` is how many rows the hub says there are.

        Raises `CatalogueChanged`, `CatalogueUncounted`.
        """
        if counted is None:
            raise CatalogueUncounted
        pieces = []
        if self._heading is None:
            self._heading = Heading(self._question, counted)
            pieces.append(msgspec.json.encode(self._heading))
        expected = min(self._question.page_rows, self._heading.rows - self.rows)
        if counted != self._heading.rows or len(rows) != expected:
            raise CatalogueChanged
        pieces += [msgspec.json.encode(row) for row in rows]
        self._file.write(b"".join(piece + b"\n" for piece in pieces))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.rows += len(rows)

    def finish(self) -> None:
        """Give the whole copy its name. Raises `FileExistsError` when somebody else has taken it meanwhile."""
        os.link(self._part, self._path)
        self._part.unlink()

    def _whole_pages(self) -> int:
        """Read what is here of the same question; return where its last whole page ends."""
        end = len(first := self._file.readline())
        try:
            heading = msgspec.json.decode(first, type=Heading)
        except msgspec.DecodeError:
            return 0
        if heading.question != self._question or not first.endswith(b"\n"):
            return 0
        self._heading = heading
        rows, place = 0, end
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            rows, place = rows + 1, place + len(line)
            if rows % self._question.page_rows == 0 or rows == heading.rows:
                self.rows, end = rows, place
        return end
