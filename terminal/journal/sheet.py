"""A settlement as bytes for the journal's encrypted sheet, and back.

What lives in memory only is left out: the scanned code, the medium with its token, the step in flight, and the request
bytes (they stand in the attempt row, once).

The bytes have two parts, because they have two terms: what people are shown of a person (name, identity number, date of
birth: every `Secret` but the person number), and the rest. Inside the rest a number stands where such a value was. The
journal seals the parts under two keys; when the first is gone, the settlement still decodes, without those values.

    02 | length of the first part (4 bytes) | first part: MessagePack list of texts | the rest: MessagePack

Sheets of schema 1 are one MessagePack map with everything in it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from protocols.hub.settlement import SettlementInfo
from protocols.money import Fen, Scaled, Split
from protocols.secret import Secret
from terminal.core.values import Booking, Notice, Settlement
from terminal.journal.records import SettlementRow

_replace = msgspec.structs.replace
_VERSION = b"\x02"
_MARK = "\x00"
PAST_TERM = "evidence_past_term"
"""Code of the notice of a settlement whose sheet is past its term."""


class SheetGone(Exception):
    """The sheet is past its term: only the row is left."""


def encode_sheet(settlement: Settlement) -> bytes:
    """Encode everything that must survive a restart."""
    attempt = settlement.attempt
    if attempt is not None:
        attempt = _replace(attempt, request=b"")
    # Until the person of a refund's rest has been asked for, the number stands only in what it is the rest of.
    person = settlement.person or settlement.refund_of
    shown: list[str] = []
    hide = _hider("" if person is None else person.psn_no.reveal(), shown)
    stored = _replace(settlement, code=None, medium=None, running="", attempt=attempt)
    rest = msgspec.msgpack.Encoder(enc_hook=hide).encode(stored)
    return join_sheet(msgspec.msgpack.encode(shown) if shown else b"", rest)


def decode_sheet(sheet: bytes) -> Settlement:
    """Decode a sheet written by `encode_sheet`, also of schema 1; raises `SheetGone` for an empty one."""
    if not sheet:
        raise SheetGone
    identity, rest = split_sheet(sheet)
    shown = msgspec.msgpack.decode(identity, type=list[str]) if identity else []
    return msgspec.msgpack.Decoder(Settlement, dec_hook=_finder(shown)).decode(rest)


def split_sheet(sheet: bytes) -> tuple[bytes, bytes]:
    """Return what people are shown (may be empty) and the rest; all of a sheet of schema 1 is the rest."""
    if not sheet.startswith(_VERSION):
        return b"", sheet
    end = 5 + int.from_bytes(sheet[1:5])
    return sheet[5:end], sheet[end:]


def join_sheet(identity: bytes, rest: bytes) -> bytes:
    """Put the two parts together again; an empty first part leaves the values out that stood in it."""
    return _VERSION + len(identity).to_bytes(4) + identity + rest


def settlement_of(row: SettlementRow) -> Settlement:
    """Rebuild a settlement from its row; the row's state is the truth, the sheet holds the rest.

    When the sheet is past its term, what the row itself knows is left: key, state, amounts, and a notice that says so.
    """
    if row.sheet:
        return _replace(decode_sheet(row.sheet), key=row.key, state=row.state)
    bare = Settlement(
        id=row.id, key=row.key, lane=row.lane, flow=row.flow, state=row.state, operator="", quarantine=row.quarantine,
        notice=Notice(PAST_TERM),
    )  # fmt: skip
    amounts = row.amounts
    if amounts is None:
        return bare
    split = Split(
        total_fen=amounts.total_fen, fund_fen=amounts.fund_fen, account_fen=amounts.account_fen, cash_fen=amounts.cash_fen,
        mutual_aid_fen=amounts.mutual_aid_fen, hospital_fen=amounts.hospital_fen,
    )  # fmt: skip
    info = SettlementInfo(
        visit_id="", total_fen=Fen(amounts.total_fen), fund_total_fen=Fen(amounts.fund_fen), account_fen=Fen(amounts.account_fen),
        mutual_aid_fen=Fen(amounts.mutual_aid_fen), psn_cash_fen=Fen(amounts.cash_fen), hospital_fen=Fen(amounts.hospital_fen),
        self_paid_fen=Fen(0), over_limit_fen=Fen(0), class_b_share_fen=Fen(0), policy_scope_fen=Fen(0),
    )  # fmt: skip
    return _replace(bare, booking=Booking(split, info))


def identity_is_gone(settlement: Settlement) -> bool:
    """True when the person's name and identity number are past their term."""
    person = settlement.person
    return person is not None and not person.name and not person.certno


def _hider(psn_no: str, shown: list[str]) -> Callable[[Any], Any]:
    """Return the hook that puts every secret but the person number into `shown` and a number in its place."""

    def hide(value: Any) -> Any:
        if isinstance(value, Scaled):
            return int(value)
        if not isinstance(value, Secret):
            raise TypeError(type(value).__name__)
        text = value.reveal()
        if not text or (text == psn_no and not text.startswith(_MARK)):
            return text
        if text not in shown:
            shown.append(text)
        return f"{_MARK}{shown.index(text)}"

    return hide


def _finder(shown: list[str]) -> Callable[[type, Any], Any]:
    """Return the hook that puts the values back, or nothing where they are gone."""

    def find(type_: type, value: Any) -> Any:
        if issubclass(type_, Scaled):
            return type_(value)
        if not issubclass(type_, Secret):
            raise TypeError(type_.__name__)
        if value.startswith(_MARK):
            number = int(value[1:])
            return type_(shown[number] if number < len(shown) else "")
        return type_(value)

    return find
