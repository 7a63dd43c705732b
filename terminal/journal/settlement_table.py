"""The settlements as rows: plain columns, a sealed sheet in two parts, and a code that authenticates all of it."""

import datetime as dt
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from protocols.gm.sm3 import sm3
from terminal.core.states import SALE_KEY_FREE, State
from terminal.core.values import Move, SaleKey
from terminal.journal.day_keys import Purpose
from terminal.journal.records import Amounts, JournalRefused, SettlementRow
from terminal.journal.schema import UNFINISHED
from terminal.journal.sealing import Sealing
from terminal.journal.store import Store
from terminal.journal.times import text_of, time_of
from terminal.journal.vault import Vault

_FIXED: Final = (
    "id", "institution", "till", "sale_number", "business_date", "generation", "terminal_sequence", "lane", "flow",
)  # fmt: skip
PLAIN_COLUMNS: Final = (
    *_FIXED, "state", "person", "total_fen", "fund_fen", "account_fen", "mutual_aid_fen", "cash_fen", "hospital_fen",
    "mutual_aid_beside", "quarantine", "opened_at", "changed_at", "doubt_since",
)  # fmt: skip
"""What is stored in the clear, in the order in which the row's code is made over it."""
_COLUMNS: Final = (*PLAIN_COLUMNS, "sheet", "row_mac", "identity")
_CHANGING: Final = tuple(name for name in _COLUMNS if name not in (*_FIXED, "opened_at"))
_changing_of = itemgetter(*map(_COLUMNS.index, _CHANGING))

_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM settlement"
_INSERT: Final = f"INSERT INTO settlement ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_UPDATE: Final = f"UPDATE settlement SET {', '.join(f'{name} = ?' for name in _CHANGING)} WHERE id = ?"
_OF_SALE: Final = "institution = ? AND till = ? AND sale_number = ? AND business_date = ?"

_canonical = msgspec.json.Encoder()


class SettlementTable:
    """The table, as a part of the journal. Whoever writes holds a transaction."""

    def __init__(self, store: Store, vault: Vault, sealing: Sealing) -> None:
        self._store = store
        self._vault = vault
        self._sealing = sealing

    # -- reading ----------------------------------------------------------------------------------

    def get(self, settlement_id: str) -> SettlementRow | None:
        """Return one settlement, its sheet decrypted, or None."""
        rows = self._read("WHERE id = ?", (settlement_id,))
        return rows[0] if rows else None

    def by_sale_number(self, key: SaleKey) -> SettlementRow | None:
        """Return the newest settlement of a sale number, or None."""
        rows = self._read(f"WHERE {_OF_SALE} ORDER BY generation DESC LIMIT 1", _sale_columns(key))
        return rows[0] if rows else None

    def unfinished(self) -> list[SettlementRow]:
        """Return every settlement that is not over, or over but with tries still in the queue, oldest first."""
        return self._read(f"WHERE id IN ({UNFINISHED}) ORDER BY terminal_sequence", ())

    def recent(self, limit: int, before_sequence: int | None = None) -> list[SettlementRow]:
        """Return the newest settlements, newest first; `before_sequence` pages on."""
        if before_sequence is None:
            return self._read("ORDER BY terminal_sequence DESC LIMIT ?", (limit,))
        return self._read(
            "WHERE terminal_sequence < ? ORDER BY terminal_sequence DESC LIMIT ?", (before_sequence, limit)
        )

    def _read(self, where: str, values: tuple[Any, ...]) -> list[SettlementRow]:
        return [self._row(columns) for columns in self._store.rows(f"{_SELECT} {where}", values)]

    def _row(self, columns: tuple[Any, ...]) -> SettlementRow:
        """Make a row of its columns; one whose code does not fit stops the journal."""
        *plain, sheet, mac, identity = columns
        if row_mac(self._vault, plain, sheet, identity) != mac:
            raise self._store.fail("row changed outside the terminal")
        id_, institution, till, number, date, generation, sequence, lane, flow, state, person, *rest = plain
        total, fund, account, mutual_aid, cash, hospital, beside, quarantine, opened, changed, doubt = rest
        amounts = None
        if total is not None:
            amounts = Amounts(total, fund, account, mutual_aid, cash, hospital, bool(beside))
        return SettlementRow(
            id_, SaleKey(institution, till, number, dt.date.fromisoformat(date), generation), sequence, lane, flow, State(state),
            person, amounts, bool(quarantine), time_of(opened), time_of(changed), time_of(doubt) if doubt else None,
            self._sealing.open_sheet(id_, sheet, identity),
        )  # fmt: skip

    # -- writing ----------------------------------------------------------------------------------

    def require_free(self, key: SaleKey) -> None:
        """Raise `JournalRefused` (`sale_number_open`) when the sale number has a sale that is under way or settled."""
        newest = self.by_sale_number(key)
        if newest is not None and newest.state not in SALE_KEY_FREE:
            raise JournalRefused("sale_number_open", newest.id, state=newest.state.value)

    def insert(self, row: SettlementRow) -> SettlementRow:
        """Store a new settlement as the next generation of its sale number; return it as stored."""
        generation = self._store.one(
            f"SELECT COALESCE(MAX(generation), 0) + 1 FROM settlement WHERE {_OF_SALE}",
            _sale_columns(row.key),
        )
        sequence = self._store.one(
            "UPDATE sequence SET value = value + 1 WHERE name = 'settlement' RETURNING value"
        )
        key = msgspec.structs.replace(row.key, generation=generation)
        stored = msgspec.structs.replace(row, key=key, terminal_sequence=int(sequence))
        self._store.execute(_INSERT, self._columns(stored))
        return stored

    def update(self, row: SettlementRow, moves: tuple[Move, ...]) -> None:
        """Store what has changed, going through each state of `moves`: the SQL guard asks about every single one.

        Raises `JournalRefused` (`unknown_settlement`).
        """
        for move in moves[:-1]:
            self._store.execute("UPDATE settlement SET state = ? WHERE id = ?", (move.target.value, row.id))
        self._store.execute(_UPDATE, (*_changing_of(self._columns(row)), row.id))
        if self._store.connection.changes() != 1:
            raise JournalRefused("unknown_settlement", row.id)

    def rewrite_sheet(self, settlement_id: str, past: Purpose) -> None:
        """Put what is left of a sheet of schema 1 in its place: everything but names, or nothing. No row moves by this."""
        for *plain, sheet, _mac, _identity in self._store.rows(f"{_SELECT} WHERE id = ?", (settlement_id,)):
            sealed = b""
            if past is Purpose.IDENTITY:
                stored = dict(zip(PLAIN_COLUMNS, plain, strict=True))
                day = dt.date.fromisoformat(stored["business_date"])
                sealed = self._sealing.without_names(settlement_id, day, sheet, time_of(stored["changed_at"]))
            self._store.execute(
                "UPDATE settlement SET sheet = ?, row_mac = ?, identity = NULL WHERE id = ?",
                (sealed, row_mac(self._vault, plain, sealed, None), settlement_id),
            )

    def _columns(self, row: SettlementRow) -> tuple[Any, ...]:
        amounts = row.amounts
        money: tuple[int | None, ...] = (None,) * 6
        if amounts is not None:
            money = (amounts.total_fen, amounts.fund_fen, amounts.account_fen, amounts.mutual_aid_fen, amounts.cash_fen,
                     amounts.hospital_fen)  # fmt: skip
        plain = (
            row.id, *_sale_columns(row.key), row.key.generation, row.terminal_sequence, row.lane, row.flow, row.state.value,
            row.person, *money, int(amounts.mutual_aid_beside) if amounts else 0, int(row.quarantine), text_of(row.opened_at),
            text_of(row.changed_at), text_of(row.doubt_since) if row.doubt_since else None,
        )  # fmt: skip
        sheet, identity = self._sealing.seal_sheet(row)
        return (*plain, sheet, row_mac(self._vault, plain, sheet, identity), identity)


def row_mac(vault: Vault, plain: Sequence[Any], sheet: bytes, identity: bytes | None) -> bytes:
    """Authentication code of a settlement: its plain columns in order, and the hashes of its sealed ones."""
    sealed = [sheet] if identity is None else [sheet, identity]
    return vault.mac(_canonical.encode([*plain, *(sm3(part).hex() for part in sealed)]))


def _sale_columns(key: SaleKey) -> tuple[str, str, str, str]:
    return key.institution, key.till, key.sale_number, key.business_date.isoformat()
