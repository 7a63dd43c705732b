"""The end of a term: the keys are really gone, the chain stands, nothing open loses anything."""

import asyncio
import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from simulators.hub.link import HubLink
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import AttemptSent, Move, Notice
from terminal.counter.wishes import RefundWish, ReturnWish
from terminal.journal.day_keys import DayKeys, PastTerm, Purpose
from terminal.journal.journal import Journal, open_journal, row_mac
from terminal.journal.migrations import COPY_KEPT, copy_path
from terminal.journal.records import Commit, JournalFailed, JournalRefused, Stamp
from terminal.journal.retention import MOST_DAYS, Due, Expired, Held, Terms
from terminal.journal.sheet import SheetGone, decode_sheet, encode_sheet, identity_is_gone, settlement_of
from terminal.journal.vault import BlobDamaged
from terminal.journal.verify import verify_journal
from tests.terminal.core.samples import TO_CONFIRMED, after, draft
from tests.terminal.harness import Shop, virtual
from tests.terminal.journal.old_journals import old_vault, unpack
from tests.terminal.journal.samples import (
    KEY,
    MSGID,
    NINE,
    begin,
    doubt,
    open_at,
    path_of,
    raw,
    row,
    send,
    settle,
    stamp,
    vault,
)

TERMS = Terms()
DAY = NINE.date()
IDENTITY, EVIDENCE = Purpose.IDENTITY, Purpose.EVIDENCE
PERSON = after(*TO_CONFIRMED, start=draft(id="S1")).person


def _later(days: float) -> Stamp:
    return Stamp(NINE + dt.timedelta(days=days), 1000.0)


def _close(journal: Journal, settlement_id: str = "S1") -> None:
    """Bring a confirmed sale to its end, its slip printed."""
    stored = journal.settlement(settlement_id)
    assert stored is not None
    for receipt in journal.receipts(settlement_id):
        journal.receipt_moves(receipt.id, "printing", "printer", stamp(3))
        journal.receipt_moves(receipt.id, "printed", "printer", stamp(4))
    closed = msgspec.structs.replace(
        stored, state=State.CLOSED, changed_at=NINE + dt.timedelta(seconds=5),
        sheet=encode_sheet(msgspec.structs.replace(decode_sheet(stored.sheet), state=State.CLOSED)),
    )  # fmt: skip
    journal.commit(Commit(closed, path_of(State.CONFIRMED, State.DELIVERED, State.CLOSED), "T01", stamp(5)))


def _closed_sale(path: Path) -> Journal:
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    _close(journal)
    return journal


def _run(journal: Journal, at: Stamp, terms: Terms = TERMS) -> list[tuple[str, str]]:
    found = []
    for due in journal.retention.outlook(terms, at.wall).due:
        expired = journal.retention.expire(due, "schedule", at)
        assert expired is not None
        found.append((expired.day.isoformat(), expired.purpose.value))
    assert journal.retention.purge(at.wall)
    return found


def _wrapped(path: Path) -> dict[str, bytes]:
    connection = raw(path)
    rows = connection.execute("SELECT purpose, wrapped FROM day_key WHERE wrapped IS NOT NULL").fetchall()
    connection.close()
    return {str(purpose): bytes(wrapped) for purpose, wrapped in rows}  # type: ignore[arg-type]  # BLOB column


def _anywhere(folder: Path, wanted: bytes) -> list[str]:
    return [file.name for file in sorted(folder.iterdir()) if file.is_file() and wanted in file.read_bytes()]


def test_a_day_has_one_key_for_each_purpose_made_with_its_first_blob(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    begin(journal)
    connection = raw(path)
    query = "SELECT day, purpose, made_at, deleted_at FROM day_key ORDER BY purpose"
    assert connection.execute(query).fetchall() == [
        (DAY.isoformat(), "evidence", "2026-11-23 09:00:00.000000", None)
    ]
    opened = journal.settlement("S1")
    assert opened is not None
    settle(journal, send(journal, opened))
    begin(journal, "S2", "0002", lane="2")
    assert [purpose for _, purpose, _, _ in connection.execute(query)] == ["evidence", "identity"]
    connection.close()
    journal.close()


def test_a_key_made_in_a_transaction_that_was_rolled_back_is_not_used(tmp_path: Path) -> None:
    """Else blobs would be sealed under a key that stands on no disk."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    with pytest.raises(apsw.ConstraintError):
        journal.open_sale(row(lane=None), None, "till", stamp())
    assert _wrapped(path) == {}
    settle(journal, send(journal, begin(journal)))
    journal.close()
    again = open_at(path)
    (attempt,) = again.attempts("S1")
    assert MSGID.encode() in attempt.request
    again.close()


def test_names_are_kept_thirty_days_after_the_end_and_the_rest_two_years(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    assert _run(journal, _later(29.9)) == []
    assert _run(journal, _later(30.1)) == [(DAY.isoformat(), "identity")]
    assert _run(journal, _later(30.2)) == [], "once"
    kept = journal.settlement("S1")
    assert kept is not None
    shown = settlement_of(kept)
    assert identity_is_gone(shown)
    assert PERSON is not None
    assert shown.person is not None
    assert shown.person.psn_no == PERSON.psn_no, "what the machine needs for a cancellation is no name"
    assert (shown.person.name.reveal(), shown.person.certno.reveal()) == ("", "")
    assert shown.lines == draft().lines
    (attempt,) = journal.attempts("S1")
    assert (attempt.answer, attempt.past_term) == (b"the answer", False)

    assert _run(journal, _later(729.9)) == []
    assert _run(journal, _later(730.1)) == [(DAY.isoformat(), "evidence")]
    gone = journal.settlement("S1")
    assert gone is not None
    assert (gone.sheet, gone.state, gone.person, gone.amounts) == (
        b"",
        State.CLOSED,
        "pseudonym",
        kept.amounts,
    )
    (attempt,) = journal.attempts("S1")
    assert (attempt.request, attempt.answer, attempt.past_term, attempt.verdict) == (b"", None, True, "done")
    with pytest.raises(SheetGone):
        decode_sheet(gone.sheet)
    bare = settlement_of(gone)
    assert bare.notice is not None
    assert (bare.notice.code, bare.state, bare.key) == ("evidence_past_term", State.CLOSED, gone.key)
    assert bare.booking is not None
    assert bare.booking.split.total_fen == 3750
    journal.close()
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings


@pytest.mark.parametrize("days", [31, 731])
def test_a_deleted_key_stands_in_no_file_any_more(days: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    for number in range(2, 40):  # the table of keys fills several pages
        day = DAY + dt.timedelta(days=number)
        key = msgspec.structs.replace(KEY, sale_number=str(number), business_date=day)
        journal.open_sale(
            row(id=f"S{number}", key=key, sheet=encode_sheet(draft(id=f"S{number}"))), None, "till", stamp()
        )
    wrapped = _wrapped_of(path, DAY)
    assert all(_anywhere(tmp_path, key) for key in wrapped.values())
    journal.checkpoint()
    _run(journal, _later(days))
    gone = {"identity": 31, "evidence": 731}
    for purpose, stood in wrapped.items():
        assert bool(_anywhere(tmp_path, stood)) is (days < gone[purpose])
    assert Path(f"{path}-wal").stat().st_size < 60_000, "cut, and then only the note that it was"
    journal.close()
    assert verify_journal(str(path), vault()).ok


def _wrapped_of(path: Path, day: dt.date) -> dict[str, bytes]:
    connection = raw(path)
    rows = connection.execute(
        "SELECT purpose, wrapped FROM day_key WHERE day = ?", (day.isoformat(),)
    ).fetchall()
    connection.close()
    return {str(purpose): bytes(wrapped) for purpose, wrapped in rows}  # type: ignore[arg-type]  # BLOB column


def test_a_reader_in_the_way_puts_off_the_cutting_and_the_next_run_makes_up_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    key = _wrapped(path)["identity"]
    reader = raw(path)
    reader.execute("BEGIN; SELECT COUNT(*) FROM settlement").fetchall()
    (due,) = journal.retention.outlook(TERMS, _later(31).wall).due
    assert journal.retention.expire(due, "schedule", _later(31)) == Expired(DAY, IDENTITY, 1)
    assert not journal.retention.purge(_later(31).wall)
    assert _anywhere(tmp_path, key), "the log still holds it"
    reader.execute("COMMIT")
    reader.close()
    assert journal.retention.purge(_later(31).wall)
    assert not _anywhere(tmp_path, key)
    journal.close()


def test_the_deletion_is_audited_and_the_chain_stands(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    _run(journal, _later(31))
    journal.close()
    connection = raw(path)
    (record,) = connection.execute("SELECT record FROM audit ORDER BY sequence DESC LIMIT 1").fetchall()[0]
    connection.close()
    told = msgspec.json.decode(bytes(record))  # type: ignore[arg-type]  # BLOB column
    assert {name: told[name] for name in ("action", "actor", "day", "purpose", "settlements")} == {
        "action": "expire", "actor": "schedule", "day": DAY.isoformat(), "purpose": "identity", "settlements": 1,
    }  # fmt: skip
    assert verify_journal(str(path), vault()).ok


def test_nothing_of_a_day_is_deleted_while_a_sale_of_it_is_open_or_waits_for_its_slip(tmp_path: Path) -> None:
    journal = _closed_sale(tmp_path / "journal.db")
    doubtful = doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    outlook = journal.retention.outlook(TERMS, _later(2000).wall)
    assert outlook.due == ()
    assert outlook.held == (Held(DAY, IDENTITY, ("S2",)), Held(DAY, EVIDENCE, ("S2",)))
    assert journal.retention.expire(Due(DAY, EVIDENCE), "T01", _later(2000)) is None, (
        "also when it is asked for by name"
    )

    moves = (State.DOUBT, State.REVERSING, State.REVERSED)
    over = msgspec.structs.replace(doubtful, state=State.REVERSED, changed_at=NINE + dt.timedelta(days=40))
    journal.commit(Commit(over, path_of(*moves), "T01", _later(40), leave_queue=True))
    assert [held.settlements for held in journal.retention.outlook(TERMS, _later(2000).wall).held] == [
        ("S2",)
    ] * 2, "its slip"
    (slip,) = journal.receipts("S2")
    journal.receipt_moves(slip.id, "unknown", "T01", _later(40))
    assert journal.retention.outlook(TERMS, _later(69).wall).due == (), (
        "counted from the end of the last sale of the day"
    )
    assert [due.purpose for due in journal.retention.outlook(TERMS, _later(71).wall).due] == [IDENTITY]
    journal.close()


def test_one_run_deletes_at_most_a_month_of_days(tmp_path: Path) -> None:
    """A clock that jumps by years does not empty the journal at once."""
    journal = open_at(tmp_path / "journal.db")
    for number in range(40):
        key = msgspec.structs.replace(
            KEY, sale_number=str(number), business_date=DAY + dt.timedelta(days=number)
        )
        opened = journal.open_sale(
            row(id=f"S{number}", key=key, sheet=encode_sheet(draft(id=f"S{number}"))), None, "till", stamp()
        )
        gone = msgspec.structs.replace(opened, state=State.ABANDONED)
        journal.commit(Commit(gone, (Move(State.DRAFT, State.ABANDONED, "test"),), "T01", stamp(1)))
    due = journal.retention.outlook(TERMS, _later(5000).wall).due
    assert len(due) == 2 * MOST_DAYS
    assert [one.purpose for one in due] == [IDENTITY] * MOST_DAYS + [EVIDENCE] * MOST_DAYS
    assert due[0].day == DAY
    journal.close()


def test_a_sale_taken_up_again_after_its_names_are_gone_keeps_no_names(tmp_path: Path) -> None:
    """A cancellation after 31 days: sent and answered, and the names do not come back with it."""
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    _run(journal, _later(31))
    stored = journal.settlement("S1")
    assert stored is not None
    known = decode_sheet(stored.sheet)
    assert known.person is not None
    named = msgspec.structs.replace(known, person=PERSON, state=State.CANCELLING)
    cancelling = msgspec.structs.replace(
        stored, state=State.CANCELLING, sheet=encode_sheet(named), changed_at=_later(31).wall
    )
    sent = AttemptSent(
        MSGID[:-2] + "77", "CANCEL", "2103", "key 1", b'{"msgid":"' + MSGID[:-2].encode() + b'77"}'
    )
    journal.commit(Commit(cancelling, path_of(State.CLOSED, State.CANCELLING), "T01", _later(31), sent=sent))
    again = journal.settlement("S1")
    assert again is not None
    assert identity_is_gone(decode_sheet(again.sheet))
    assert journal.retention.outlook(TERMS, _later(800).wall).due == (), "it is open again"
    journal.close()
    assert verify_journal(str(path), vault()).ok


def test_a_sale_past_its_evidence_term_takes_no_more_messages(tmp_path: Path) -> None:
    journal = _closed_sale(tmp_path / "journal.db")
    before = journal.settlement("S1")
    assert before is not None
    _run(journal, _later(731))
    head = journal.audit_head()
    cancelling = msgspec.structs.replace(before, state=State.CANCELLING)
    with pytest.raises(JournalRefused, match="evidence_past_term"):
        journal.commit(Commit(cancelling, path_of(State.CLOSED, State.CANCELLING), "T01", _later(732)))
    assert journal.audit_head() == head
    assert journal.failed == ""
    journal.close()


def test_old_sheets_and_messages_are_overwritten_at_the_end_of_their_terms(tmp_path: Path) -> None:
    """Schema 1 sealed them under the counter's key, so deleting a day's key would not do."""
    path = unpack("schema-1-clinic", tmp_path)
    open_journal(str(path), old_vault(), "boot", NINE).close()
    journal = open_journal(str(path), old_vault(), "boot", NINE)
    closed, gone = [found.id for found in reversed(journal.recent(10))]
    _finish_withdrawal(journal, gone)
    last = journal.settlement(gone)
    assert last is not None
    assert _run(journal, Stamp(last.changed_at + dt.timedelta(days=31), 1.0)) == [
        (DAY.isoformat(), "identity")
    ]
    stored = journal.settlement(closed)
    assert stored is not None
    shown = settlement_of(stored)
    assert identity_is_gone(shown)
    assert shown.booking is not None
    assert shown.booking.info.name.reveal() == ""
    assert shown.lines
    assert _of_schema_1(path) == (0, 2), "no sheet, both visits with messages"
    assert journal.attempts(closed)[0].request

    assert _run(journal, Stamp(last.changed_at + dt.timedelta(days=731), 1.0)) == [
        (DAY.isoformat(), "evidence")
    ]
    assert all(attempt.past_term and not attempt.request for attempt in journal.attempts(closed))
    assert _of_schema_1(path) == (0, 0)
    journal.close()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings


def test_of_an_old_sheet_nothing_is_left_when_its_evidence_goes_before_its_names(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    journal = open_journal(str(path), old_vault(), "boot", NINE)
    closed, gone = [found.id for found in reversed(journal.recent(10))]
    _finish_withdrawal(journal, gone)
    at = Stamp(NINE + dt.timedelta(days=3000), 1.0)
    expired = journal.retention.expire(Due(DAY, EVIDENCE), "schedule", at)
    assert expired == Expired(DAY, EVIDENCE, 2)
    assert _of_schema_1(path) == (0, 0)
    for name in (closed, gone):
        stored = journal.settlement(name)
        assert stored is not None
        assert stored.sheet == b""
        assert settlement_of(stored).person is None
    journal.close()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings


def _of_schema_1(path: Path) -> tuple[int, int]:
    """How many sheets, and how many settlements' messages, are still sealed as schema 1 did."""
    connection = raw(path)
    ((sheets,),) = connection.execute(
        "SELECT COUNT(*) FROM settlement WHERE substr(sheet, 1, 1) = x'01'"
    ).fetchall()
    ((sent,),) = connection.execute(
        "SELECT COUNT(DISTINCT settlement) FROM attempt WHERE substr(request, 1, 1) = x'01' OR substr(answer, 1, 1) = x'01'"
    ).fetchall()
    connection.close()
    return int(str(sheets)), int(str(sent))


def _finish_withdrawal(journal: Journal, settlement_id: str) -> None:
    stored = journal.settlement(settlement_id)
    assert stored is not None
    settled = msgspec.structs.replace(decode_sheet(stored.sheet), owed=())
    journal.commit(
        Commit(
            msgspec.structs.replace(stored, sheet=encode_sheet(settled)),
            (),
            "T01",
            stamp(9),
            leave_queue=True,
        )
    )
    for receipt in journal.open_receipts():
        journal.receipt_moves(receipt.id, "unknown", "T01", stamp(9))


def test_what_was_removed_before_its_term_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    _closed_sale(path).close()
    connection = raw(path)
    connection.execute("DELETE FROM day_key WHERE purpose = 'evidence'")
    connection.close()
    assert {finding.code for finding in verify_journal(str(path), vault()).findings} == {"blob"}
    with pytest.raises(JournalFailed, match="does not open in its place"):
        open_at(path).settlement("S1")


@pytest.mark.parametrize("purpose", [EVIDENCE, IDENTITY])
def test_a_damaged_day_key_stops_the_journal_before_it_writes(purpose: Purpose, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    sending = send(journal, begin(journal))
    journal.close()
    connection = raw(path)
    connection.execute("DELETE FROM day_key WHERE purpose = ?", (purpose.value,))
    connection.execute(
        "INSERT INTO day_key VALUES (?, ?, zeroblob(44), 't', NULL)", (DAY.isoformat(), purpose.value)
    )
    connection.close()
    journal = open_at(path)
    with pytest.raises(JournalFailed, match="a day key does not open in its place"):
        settle(journal, sending)
    assert journal.failed
    journal.close()
    connection = raw(path)
    assert connection.execute("SELECT state FROM settlement").fetchall() == [("SENDING",)]
    connection.close()


def test_what_is_missing_before_its_term_is_found(tmp_path: Path) -> None:
    """Whoever has the counter's key could empty a blob and make the row's code fit: the term says it is too early."""
    path = tmp_path / "journal.db"
    _closed_sale(path).close()
    connection = raw(path)
    (trigger,) = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE name = 'attempt_bytes_are_fixed'"
    ).fetchall()[0]
    connection.execute("DROP TRIGGER attempt_bytes_are_fixed")
    connection.execute("UPDATE attempt SET request = x'', answer = NULL")
    connection.execute(str(trigger))
    columns = (
        "id, institution, till, sale_number, business_date, generation, terminal_sequence, lane, flow, state, person, total_fen,"
        " fund_fen, account_fen, mutual_aid_fen, cash_fen, hospital_fen, mutual_aid_beside, quarantine, opened_at, changed_at, doubt_since"
    )
    (values,) = connection.execute(f"SELECT {columns} FROM settlement").fetchall()
    code = row_mac(vault(), values, b"", None)
    connection.execute("UPDATE settlement SET sheet = x'', identity = NULL, row_mac = ?", (code,))
    connection.close()
    findings = [(finding.code, finding.text) for finding in verify_journal(str(path), vault()).findings]
    assert findings == [
        ("blob", "the sheet is missing before its term"), ("blob", "the request is missing before its term")
    ]  # fmt: skip


def test_a_sale_without_amounts_past_its_term_is_only_its_row(tmp_path: Path) -> None:
    bare = settlement_of(row(sheet=b"", state=State.ABANDONED))
    assert (bare.state, bare.booking, bare.lines) == (State.ABANDONED, None, ())


def test_many_sales_at_once_keep_their_own_names(tmp_path: Path) -> None:
    """More than the journal remembers sealed."""
    journal = open_at(tmp_path / "journal.db")
    sent = {}
    for number in range(12):
        opened = begin(journal, f"S{number}", f"{number:04d}", lane=str(number))
        sent[number] = send(journal, opened, f"{MSGID[:-2]}{number:02d}")
    for number, sending in sent.items():
        settled = settle(journal, sending, f"{MSGID[:-2]}{number:02d}")
        stored = journal.settlement(f"S{number}")
        assert stored is not None
        assert decode_sheet(stored.sheet) == decode_sheet(settled.sheet)
        assert not identity_is_gone(decode_sheet(stored.sheet))
    journal.close()


def test_blobs_name_the_key_they_need(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    _closed_sale(path).close()
    connection = raw(path)
    keys = DayKeys(connection, vault())
    ((sealed, identity),) = connection.execute("SELECT sheet, identity FROM settlement").fetchall()
    assert isinstance(sealed, bytes)
    assert isinstance(identity, bytes)
    assert sealed[:5] == b"\x02e" + DAY.toordinal().to_bytes(3)
    assert identity[:5] == b"\x02i" + DAY.toordinal().to_bytes(3)
    assert keys.open("settlement.sheet:S1", sealed)
    for wrong in (
        b"\x02x" + sealed[2:], b"\x02i" + sealed[2:], b"\x02e\xff\xff\xff" + sealed[5:], b"\x02e\x00\x00\x00" + sealed[5:],
        b"\x02e" + (DAY.toordinal() + 1).to_bytes(3) + sealed[5:], sealed[:-1], sealed[:20], b"\x02", b"",
    ):  # fmt: skip
        with pytest.raises(BlobDamaged):
            keys.open("settlement.sheet:S1", wrong)
    with pytest.raises(BlobDamaged):
        keys.open("settlement.sheet:S2", sealed)
    connection.close()


def test_a_wrapped_key_opens_only_for_its_day_and_purpose() -> None:
    keeper = vault()
    key, wrapped = keeper.new_key("day_key:2026-11-23:identity")
    assert len(key) == 16
    assert keeper.unwrap_key("day_key:2026-11-23:identity", wrapped) == key
    for place in ("day_key:2026-11-24:identity", "day_key:2026-11-23:evidence"):
        with pytest.raises(BlobDamaged):
            keeper.unwrap_key(place, wrapped)
    assert keeper.new_key("day_key:2026-11-24:identity")[0] != key


def test_sealing_for_a_deleted_day_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = _closed_sale(path)
    _run(journal, _later(31))
    journal.close()
    connection = raw(path)
    keys = DayKeys(connection, vault())
    with pytest.raises(PastTerm) as past:
        keys.seal(IDENTITY, DAY, "settlement.identity:S1", b"x", "t")
    assert (past.value.day, past.value.purpose) == (DAY, IDENTITY)
    connection.close()


class _BrokenDisk:
    """A connection whose file can no longer be read or written."""

    def __getattr__(self, name: str) -> Any:
        def fail(*args: object, **options: object) -> None:
            raise apsw.IOError("disk I/O error")

        return fail


@pytest.mark.parametrize("act", ["outlook", "expire", "purge"])
def test_a_disk_that_fails_while_deleting_stops_the_journal_like_everywhere(act: str, tmp_path: Path) -> None:
    journal = _closed_sale(tmp_path / "journal.db")
    working = journal.retention._connection
    journal.retention._connection = cast(apsw.Connection, _BrokenDisk())
    at = _later(100)
    acts: dict[str, Callable[[], object]] = {
        "outlook": lambda: journal.retention.outlook(TERMS, at.wall),
        "expire": lambda: journal.retention.expire(Due(DAY, IDENTITY), "schedule", at),
        "purge": lambda: journal.retention.purge(at.wall),
    }
    with pytest.raises(JournalFailed):
        acts[act]()
    assert journal.failed == "IOError"
    journal.retention._connection = working
    journal.close()


# -- with a whole counter ---------------------------------------------------------------------------


@virtual
async def test_the_running_counter_deletes_by_itself_once_a_day(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.acknowledge(settled.id, "T01")
    await till.quiet()
    shop.clock.jump(31 * 86_400)
    await till.wait(3 * 3600)
    assert [record["purpose"] for record in till.audit() if record["action"] == "expire"] == ["identity"]
    shown = await till.get(settled.id)
    assert identity_is_gone(shown)
    cancelled = await till.counter.cancel(settled.id, "T01", "退货")
    assert cancelled.state is State.CANCELLED, (
        "the person number is not a name: the hub is asked all the same"
    )
    await till.quiet()
    assert shop.live() == []
    assert "测" not in "".join(line for line in shop.printer.texts()[-1].splitlines() if "姓名" in line)
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()


@virtual
async def test_nothing_is_deleted_while_something_is_wrong_with_clock_or_disk(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.acknowledge(settled.id, "T01")
    await till.quiet()
    till.counter.holds.set(Notice("clock_behind"))
    shop.clock.jump(31 * 86_400)
    assert till.counter.expiry is not None
    with pytest.raises(Misuse, match="clock_behind"):
        await till.counter.expiry.run("T01")
    await till.wait(3 * 3600)
    assert [record for record in till.audit() if record["action"] == "expire"] == []
    till.counter.holds.lift("clock_behind")
    await till.wait(3600)
    assert [record["purpose"] for record in till.audit() if record["action"] == "expire"] == ["identity"]
    await till.stop()


@virtual
async def test_the_rest_of_an_old_sale_knows_its_person_after_a_restart(tmp_path: Path) -> None:
    """The names of its day are gone; the person number stands with the evidence, also before the person is asked for."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.acknowledge(settled.id, "T01")
    await till.quiet()
    shop.clock.jump(31 * 86_400)
    assert till.counter.expiry is not None
    assert [one.purpose for one in (await till.counter.expiry.run("T01")).deleted] == [IDENTITY]
    cancelled = await till.counter.refund(settled.id, RefundWish((ReturnWish(1, "1"),)), "T01")
    assert cancelled.refund is not None
    await till.kill()
    till = await shop.start()
    priced = await till.counter.give_code(cancelled.refund.rest_id, shop.code("jia"))
    assert priced.state is State.PRICED, priced.notice
    await till.stop()


@virtual
async def test_nothing_is_deleted_by_a_clock_that_the_hub_contradicts(tmp_path: Path) -> None:
    """A machine that starts with its clock years ahead raises no suspicion of its own; what it deleted would be gone."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.acknowledge(settled.id, "T01")
    await till.quiet()
    await till.stop()
    ahead = dt.timedelta(days=1095)
    shop.hub_link = HubLink(
        shop.world.hub, lambda: shop.clock.now() - ahead, asyncio.sleep, shop.profile.hub.path
    )
    shop.clock.jump(ahead.total_seconds())
    till = await shop.start()
    assert till.counter.expiry is not None
    with pytest.raises(Misuse) as refused:
        await till.counter.expiry.run("T01")
    assert (refused.value.code, refused.value.params["hub"][:10]) == ("clock_not_the_hubs", "2026-11-23")
    await till.wait(3 * 3600)
    assert [record for record in till.audit() if record["action"] == "expire"] == []
    await till.stop()


@virtual
async def test_a_sale_past_both_terms_is_shown_with_its_amounts_and_nothing_else_is_done_with_it(
    tmp_path: Path,
) -> None:
    from terminal.api.views import settlement_view, summary_view
    from terminal.slips.masking import MaskRule

    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.acknowledge(settled.id, "T01")
    await till.quiet()
    shop.clock.jump(800 * 86_400)
    assert till.counter.expiry is not None
    report = await till.counter.expiry.run("T01")
    assert ([one.purpose for one in report.deleted], report.held, report.purged) == (
        [IDENTITY, EVIDENCE],
        (),
        True,
    )
    shown = settlement_view(await till.get(settled.id), MaskRule())
    assert (shown.state, shown.total_fen, shown.person, shown.lines) == ("CLOSED", 3750, None, ())
    assert shown.settled is not None
    assert (shown.settled.account_fen, shown.settled.setlinfo) == (3750, {})
    assert shown.notice is not None
    assert "已过保存期" in shown.notice.zh
    assert summary_view(till.rows()[0]).total_fen == 3750
    for act in (
        till.counter.cancel(settled.id, "T01", "退货"),
        till.counter.copy(settled.id, "T01"),
        till.counter.refund(settled.id, RefundWish(everything=True), "T01"),
        till.counter.evidence(settled.id, "T01"),
    ):
        with pytest.raises(Misuse) as misuse:
            await act
        assert misuse.value.code == "evidence_past_term"
    assert till.counter.reconciliation is not None
    with pytest.raises(Misuse) as misuse:
        await till.counter.reconciliation.run(DAY, "T01")
    assert (misuse.value.code, misuse.value.params) == ("day_past_term", {"date": "2026-11-23"})
    assert len(shop.live()) == 1
    assert verify_journal(str(shop.journal_path), shop.vault).ok
    await till.stop()


def test_terms_count_from_the_end_whatever_zone_the_clock_has(tmp_path: Path) -> None:
    journal = _closed_sale(tmp_path / "journal.db")
    end = NINE + dt.timedelta(seconds=5)
    for zone in (WIRE_ZONE, dt.UTC, dt.timezone(dt.timedelta(hours=-5))):
        just = (end + dt.timedelta(days=30)).astimezone(zone)
        assert len(journal.retention.outlook(TERMS, just).due) == 1
        assert journal.retention.outlook(TERMS, just - dt.timedelta(seconds=1)).due == ()
    journal.close()


def test_sheets_of_many_shapes_come_back_whole_and_without_names() -> None:
    """The split of the sheet loses nothing while both parts are there."""
    rng = random.Random(5)
    full = after(*TO_CONFIRMED, start=draft(id="S1"))
    assert full.person is not None
    for _ in range(50):
        name = rng.choice(["", "\x00", "\x000", "\x0012", "测试", full.person.psn_no.reveal()])
        person = msgspec.structs.replace(full.person, name=type(full.person.name)(name))
        changed = msgspec.structs.replace(
            full, person=person, medium=None, code=None, running="", attempt=None
        )
        assert decode_sheet(encode_sheet(changed)) == changed


def test_the_copy_of_an_older_schema_goes_some_days_after_the_migration_though_nobody_starts_again(
    tmp_path: Path,
) -> None:
    """It opens under the counter's key alone: what is reported as deleted must not live on in it."""
    path = unpack("schema-1-pharmacy", tmp_path)
    journal = open_journal(str(path), old_vault(), "boot", NINE)
    copy = Path(copy_path(str(path), 1))
    assert copy.exists()
    assert not journal.retention.purge((NINE + COPY_KEPT - dt.timedelta(hours=1)).astimezone(dt.UTC))
    assert copy.exists(), "the way back for the first days"
    assert journal.retention.purge(NINE + COPY_KEPT)
    assert not copy.exists()
    assert journal.retention.purge(NINE + COPY_KEPT)
    journal.close()
