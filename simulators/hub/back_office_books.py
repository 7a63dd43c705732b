"""What the hub's back office keeps beside the money: monthly credits that were made, and quotes for a rehearsal."""

import apsw
import msgspec

from simulators.benefit.rehearsal import Quote

_TABLES = (
    "CREATE TABLE IF NOT EXISTS credit (psn_no TEXT, month TEXT, amount_fen INTEGER NOT NULL, PRIMARY KEY (psn_no, month)) STRICT",
    "CREATE TABLE IF NOT EXISTS quote (number INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT",
)


class BackOfficeBooks:
    """Two tables in the ledger's database, so that they are booked in its transactions."""

    def __init__(self, database: apsw.Connection) -> None:
        """Make the tables where they are missing."""
        self._database = database
        for table in _TABLES:
            database.execute(table)

    def note_credit(self, psn_no: str, month: str, amount_fen: int) -> bool:
        """Note that an account has its credit of a month (YYYY-MM); False when it had one already."""
        self._database.execute("INSERT OR IGNORE INTO credit VALUES (?, ?, ?)", (psn_no, month, amount_fen))
        return self._database.changes() == 1

    def keep_quote(self, quote: Quote, most: int) -> None:
        """Keep a quote and, with it, the `most` newest."""
        self._database.execute("INSERT INTO quote (document) VALUES (?)", (msgspec.json.encode(quote),))
        self._database.execute("DELETE FROM quote WHERE number <= last_insert_rowid() - ?", (most,))

    def quotes(self) -> tuple[Quote, ...]:
        """The quotes that were kept, oldest first."""
        rows = self._database.execute("SELECT document FROM quote ORDER BY number").fetchall()
        documents = [row[0] for row in rows]
        return tuple(msgspec.json.decode(text, type=Quote) for text in documents if isinstance(text, bytes))
