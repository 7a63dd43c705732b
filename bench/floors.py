"""The bare things underneath: one row committed, one body posted, nothing else.

Each is used by several measurements, so that the same floor stands under all of them.
"""

from pathlib import Path

import aiohttp
import apsw
from yarl import URL

from bench.far_end import put_ready


class BareJournal:
    """SQLite set up like the journal (WAL, FULL, checkpoints when told), with one table of one column."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        if self._connection.pragma("journal_mode", "wal") != "wal":
            raise RuntimeError("no write-ahead logging on this file system")
        self._connection.pragma("synchronous", 2)
        self._connection.pragma("wal_autocheckpoint", 0)
        self._connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")

    def commit(self, body: bytes) -> None:
        """Insert one row; on disk when this returns."""
        self._connection.execute("INSERT INTO bare (body) VALUES (?)", (body,))

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, as the journal does; its blocks are used again."""
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def rows(self) -> int:
        """Return how many rows have been committed."""
        return int(next(iter(self._connection.execute("SELECT count(*) FROM bare")))[0])

    def pragmas(self) -> dict[str, object]:
        """Return the settings in force."""
        names = ("journal_mode", "synchronous", "wal_autocheckpoint")
        return {name: self._connection.pragma(name) for name in names}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class BarePosts:
    """POSTs to the far end's ready-made answers over one kept connection."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base
        self.far_end_ms = 0.0
        """Time the far end says it took, since the start: in neither side of any ratio."""

    async def prepare(self, number: int, answer: bytes, thinks_ms: float = 0.0) -> URL:
        """Make `answer`, after `thinks_ms` of computing, the answer number `number`; return where to post for it."""
        url = URL(f"{self._base}/{number}")
        await put_ready(self._session, url, answer, thinks_ms)
        return url

    async def post(self, url: URL, body: bytes) -> bytes:
        """Post and read the whole answer."""
        async with self._session.post(url, data=body) as answer:
            whole = await answer.read()
            self.far_end_ms += float(answer.headers["Server-Timing"].removeprefix("ready;dur="))
            return whole
