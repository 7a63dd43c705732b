"""What the hub keeps beside its books of money, one document each: findings of the review, clearing applications, prescriptions."""

from typing import Final, TypeVar

import apsw
import msgspec

Document = TypeVar("Document", bound=msgspec.Struct)
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS document (kind TEXT NOT NULL, number TEXT NOT NULL, fixmedins_code TEXT NOT NULL,"
    " content BLOB NOT NULL, PRIMARY KEY (kind, number)) STRICT"
)


class Documents:
    """The documents of one ledger: they are written in its transactions, and a refused request leaves none."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        database.execute(_TABLE)

    def put(self, kind: str, number: str, fixmedins_code: str, document: msgspec.Struct) -> None:
        """Keep a document of an institution, replacing the one of the same kind and number."""
        self._database.execute(
            "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)",
            (kind, number, fixmedins_code, msgspec.json.encode(document)),
        )

    def get(self, kind: str, number: str, fixmedins_code: str, wanted: type[Document]) -> Document | None:
        """One document of an institution, None when there is none."""
        row = self._database.execute(
            "SELECT content FROM document WHERE kind = ? AND number = ? AND fixmedins_code = ?",
            (kind, number, fixmedins_code),
        ).fetchone()
        return None if row is None else _read(row[0], wanted)

    def all(self, kind: str, fixmedins_code: str, wanted: type[Document]) -> tuple[Document, ...]:
        """All documents of a kind of one institution, in the order in which they were last written."""
        rows = self._database.execute(
            "SELECT content FROM document WHERE kind = ? AND fixmedins_code = ? ORDER BY rowid",
            (kind, fixmedins_code),
        ).fetchall()
        return tuple(_read(row[0], wanted) for row in rows)

    def remove(self, kind: str, number: str) -> None:
        """Forget a document."""
        self._database.execute("DELETE FROM document WHERE kind = ? AND number = ?", (kind, number))


def _read(content: object, wanted: type[Document]) -> Document:
    assert isinstance(content, bytes)
    return msgspec.json.decode(content, type=wanted)
