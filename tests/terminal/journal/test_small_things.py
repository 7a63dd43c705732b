"""Bounds and corners of the journal's small parts: the last value on this side, and the first on the other."""

import datetime as dt
import os
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from protocols.fleet.messages import Anchor
from protocols.gm.sm3 import hmac_sm3
from protocols.hub.settlement import SettlementInfo
from protocols.money import Fen, Split
from terminal.core.contradiction import Contradiction
from terminal.core.states import State
from terminal.core.values import Booking, Notice, Settlement
from terminal.journal.anchors import MAX_WITNESS_BYTES, WitnessDamaged, WitnessFile, parse_noted
from terminal.journal.day_keys import DayKeys, PastTerm, Purpose
from terminal.journal.glance import Glance, glance_at_journal, keys_in_use
from terminal.journal.journal import Journal
from terminal.journal.outbox import TELEMETRY_LIMIT, OutboxRow, OutboxSize
from terminal.journal.records import Amounts, JournalFailed, JournalRefused
from terminal.journal.reserve import MEGABYTE, NEEDED_BYTES, Reserve, Space, make_room_for_start
from terminal.journal.retention import Due
from terminal.journal.sheet import identity_is_gone, join_sheet, settlement_of, split_sheet
from terminal.journal.store import Store
from terminal.journal.vault import BlobDamaged, Vault
from tests.terminal.core.samples import TO_CONFIRMED, after, draft
from tests.terminal.journal.samples import (
    FIELD_KEY,
    KEY,
    MSGID,
    NINE,
    begin,
    closed_sale,
    doubt,
    open_at,
    row,
    send,
    settle,
    stamp,
    vault,
)
from tests.terminal.journal.terms import DAY


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    opened = open_at(tmp_path / "journal.db")
    yield opened
    opened.close()


# -- the sheet -------------------------------------------------------------------------------------


def test_of_a_settlement_past_its_term_the_whole_row_is_left_and_nothing_else() -> None:
    amounts = Amounts(1000, 500, 300, 100, 150, 50)
    past = row(sheet=b"", state=State.CLOSED, amounts=amounts, quarantine=True, lane="3", terminal_sequence=9)
    info = SettlementInfo(
        visit_id="", total_fen=Fen(1000), fund_total_fen=Fen(500), account_fen=Fen(300), mutual_aid_fen=Fen(100),
        psn_cash_fen=Fen(150), hospital_fen=Fen(50), self_paid_fen=Fen(0), over_limit_fen=Fen(0), class_b_share_fen=Fen(0),
        policy_scope_fen=Fen(0),
    )  # fmt: skip
    split = Split(
        total_fen=1000, fund_fen=500, account_fen=300, cash_fen=150, mutual_aid_fen=100, hospital_fen=50
    )
    assert settlement_of(past) == Settlement(
        id="S1", key=KEY, lane="3", flow="pharmacy_purchase", state=State.CLOSED, operator="", quarantine=True,
        notice=Notice("evidence_past_term"), booking=Booking(split, info),
    )  # fmt: skip


def test_the_length_of_the_first_part_takes_four_bytes() -> None:
    assert join_sheet(b"ab", b"cd") == b"\x02\x00\x00\x00\x02abcd"
    assert split_sheet(b"\x02\x00\x00\x00\x02abcd") == (b"ab", b"cd")
    assert split_sheet(b"\x02\x01\x00\x00\x00abcd") == (b"abcd", b""), "16 MB that are not there"


def test_names_are_gone_only_when_name_and_number_are() -> None:
    full = after(*TO_CONFIRMED, start=draft(id="S1"))
    assert full.person is not None
    empty = type(full.person.name)("")
    assert not identity_is_gone(draft()), "there never were any"
    for changes, gone in (({}, False), ({"name": empty}, False), ({"certno": empty}, False),
                          ({"name": empty, "certno": empty}, True)):  # fmt: skip
        person = msgspec.structs.replace(full.person, **changes)
        assert identity_is_gone(msgspec.structs.replace(full, person=person)) is gone


# -- day keys and the vault ------------------------------------------------------------------------


def test_what_is_sealed_again_unchanged_is_the_same_and_the_last_sixteen_are_remembered(
    journal: Journal,
) -> None:
    keys = DayKeys(journal.store.connection, vault())

    def seal(place: str, plain: bytes = b"plain") -> bytes:
        return keys.seal_kept(Purpose.IDENTITY, DAY, place, plain, NINE)

    first = [seal(f"place {number}") for number in range(16)]
    assert [seal(f"place {number}") for number in range(16)] == first
    changed = seal("place 15", b"other")
    assert changed != first[15]
    assert seal("place 15", b"other") == changed
    assert keys.open("place 15", changed) == b"other"
    assert seal("place 0") == first[0], "asked for again: the newest now"
    seal("place 16")
    assert seal("place 0") == first[0]
    assert seal("place 1") != first[1], "the one sealed longest ago has gone"
    keys.forget()
    assert seal("place 5") != first[5], "after a transaction that was undone everything is sealed anew"


def test_a_blob_is_header_nonce_ciphertext_and_tag() -> None:
    keeper = Vault(bytes(16), random.Random(3).randbytes)
    key, wrapped = keeper.new_key("place")
    assert (len(key), len(wrapped)) == (16, 12 + 16 + 16)
    sealed = keeper.seal_under(key, b"head", "place:1", b"plain")
    assert (sealed[:4], len(sealed)) == (b"head", 4 + 12 + 5 + 16)
    assert keeper.open_under(key, 4, "place:1", sealed) == b"plain"
    nothing = keeper.seal_under(key, b"", "place:1", b"")
    assert keeper.open_under(key, 0, "place:1", nothing) == b"", "the shortest there is"
    for short in (nothing[:-1], b"", sealed[:31]):
        with pytest.raises(BlobDamaged, match=r"^place$"):
            keeper.open_under(key, 0, "place:1", short)
    with pytest.raises(BlobDamaged, match=r"^place$"):
        keeper.open_under(key, 4, "place:1", b"hexd" + sealed[4:])
    with pytest.raises(BlobDamaged, match=r"^place$"):
        keeper.open("place:1", b"\x02" + bytes(40))


def test_stand_ins_are_keyed_and_of_their_length() -> None:
    names, rows = hmac_sm3(FIELD_KEY, b"journal pseudonym"), hmac_sm3(FIELD_KEY, b"journal row mac")
    assert (
        vault().pseudonym("99990000000000000001")
        == hmac_sm3(names, b"person:99990000000000000001").hex()[:24]
    )
    assert vault().code_mark("code") == hmac_sm3(names, b"code:code").hex()
    assert vault().mac(b"row") == hmac_sm3(rows, b"row")


# -- witnesses -------------------------------------------------------------------------------------

ANCHOR = Anchor(5, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "boot", "0123456789abcdef", "cd" * 64)


def test_a_witness_file_is_read_up_to_its_greatest_size_and_not_beyond(tmp_path: Path) -> None:
    witness = WitnessFile(tmp_path / "anchor.json")
    content = msgspec.json.encode(ANCHOR)
    witness.path.write_bytes(content.rjust(4096))
    assert MAX_WITNESS_BYTES == 4096
    assert witness.read() == ANCHOR
    for size in (4097, 4098, 10_000):
        witness.path.write_bytes(content.rjust(size))
        with pytest.raises(WitnessDamaged, match=r"^too long$"):
            witness.read()
        witness.path.write_bytes(content.ljust(size))
        with pytest.raises(WitnessDamaged, match=r"^too long$"):
            witness.read()


def test_a_witness_file_is_replaced_in_one_step_and_is_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, synced = WitnessFile(tmp_path / "anchor.json"), list[tuple[list[str], int]]()

    def sync(handle: int) -> None:
        names = sorted(file.name for file in tmp_path.iterdir())
        synced.append(
            (names, os.fstat(handle).st_size if not os.path.isdir(f"/proc/self/fd/{handle}") else -1)
        )

    monkeypatch.setattr(os, "fsync", sync)
    (tmp_path / ".anchor.json.new").write_bytes(b"x" * 9999)
    witness.write(ANCHOR)
    content = msgspec.json.encode(ANCHOR) + b"\n"
    assert witness.path.read_bytes() == content
    assert synced == [([".anchor.json.new"], len(content)), (["anchor.json"], -1)], "the bytes, then the name"
    other = WitnessFile(tmp_path / "other.json")
    assert other.read() is None
    other.write(ANCHOR)
    assert (other.read(), other.path.stat().st_mode & 0o777) == (ANCHOR, 0o600)


@pytest.mark.parametrize(
    ("text", "records", "head"),
    [("1:" + "a" * 16, 1, "a" * 16), (f" {'9' * 18}:{'AB' * 32}\n", 10**18 - 1, "ab" * 32)],
)
def test_a_noted_anchor_is_read_from_one_record_on_and_from_sixteen_digits_on(
    text: str, records: int, head: str
) -> None:
    noted = parse_noted(text)
    assert (noted.records, noted.head, noted.at, noted.name) == (records, head, "", f"{records}:{head}")
    for wrong in (
        f"0:{head}",
        f"{records}:{head[:15]}",
        f"{records}:{'a' * 65}",
        f"{'1' * 19}:{head}",
        f"{records}{head}",
    ):
        with pytest.raises(ValueError, match=r"^not RECORDS:HASH$"):
            parse_noted(wrong)


def test_contradictions_are_kept_in_their_order_until_they_are_accepted(journal: Journal) -> None:
    one = Contradiction("file", 9, "ab", "", "shorter", 5, "2026-11-23")
    two = msgspec.structs.replace(one, witness="fleet", records=12)
    for found in (one, two):
        journal.anchors.contradicted(found)
    assert journal.anchors.contradictions() == (one, two)
    journal.anchors.accept(frozenset({one.name}), "T01", "both", stamp())
    assert journal.anchors.contradictions() == (two,)
    journal.anchors.contradicted(one)
    assert journal.anchors.contradictions() == (two,)
    journal.anchors.accept(frozenset({two.name}), "T01", "both", stamp())
    assert journal.anchors.contradictions() == ()
    assert journal.store.rows("SELECT name FROM meta WHERE name = 'contradictions'") == []


# -- what waits for the fleet ----------------------------------------------------------------------


def test_of_telemetry_five_hundred_rows_wait(journal: Journal) -> None:
    assert TELEMETRY_LIMIT == 500
    for number in range(501):
        journal.store.execute(
            "INSERT INTO outbox (class, message_id, channel, payload, created_at) VALUES ('telemetry', ?, 'health', x'00', ?)",
            (f"t{number}", "2026-11-23 09:00:00"),
        )
    journal.outbox.put("telemetry", "t501", "health", b"\1", stamp())
    assert journal.outbox.size() == OutboxSize(500, 0, NINE)
    assert journal.outbox.next(0) == OutboxRow(3, "telemetry", "t2", "health", b"\0")
    assert journal.outbox.next(501) == OutboxRow(502, "telemetry", "t501", "health", b"\1")
    assert journal.outbox.next(502) is None


# -- a look from outside ---------------------------------------------------------------------------


def test_a_glance_sees_doubts_slips_and_the_newest_change(tmp_path: Path, journal: Journal) -> None:
    path = str(tmp_path / "journal.db")
    assert glance_at_journal(path) == Glance((), 0, None)
    assert keys_in_use(path) == set()
    settle(journal, send(journal, begin(journal)))
    doubtful = doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    assert doubtful.doubt_since == NINE
    assert glance_at_journal(path) == Glance((NINE,), 2, NINE)
    assert keys_in_use(path) == {"key 1"} == journal.attempts.keys_in_use()


# -- the store -------------------------------------------------------------------------------------


def test_a_store_that_has_failed_refuses_with_the_same_word(journal: Journal) -> None:
    assert journal.failed == ""
    failed = journal.store.fail("a word")
    assert (failed.reason, str(failed), failed.code, failed.params, journal.failed) == (
        "a word",
        "a word",
        "",
        {},
        "a word",
    )
    for work in (lambda: journal.settlements.recent(1), lambda: begin(journal), journal.checkpoint):
        with pytest.raises(JournalFailed, match=r"^a word$"):
            work()


def test_what_a_transaction_is_told_when_it_begins_and_when_it_is_undone() -> None:
    connection = apsw.Connection(":memory:")
    store, told = Store(connection), list[str]()
    store.begun.append(lambda: told.append("begun"))
    store.rolled_back.append(lambda: told.append("undone"))
    with store.transaction():
        store.execute("CREATE TABLE one (x)")
    assert told == ["begun"]

    def refused() -> None:
        with store.transaction():
            store.execute("CREATE TABLE two (x)")
            raise JournalRefused("no", "S1", why="so")

    with pytest.raises(JournalRefused) as no:
        refused()
    assert (str(no.value), no.value.code, no.value.settlement_id, no.value.params) == (
        "no",
        "no",
        "S1",
        {"why": "so"},
    )
    assert told == ["begun", "begun", "undone"]
    assert (connection.in_transaction, store.failed) == (False, "")
    assert store.rows("SELECT name FROM sqlite_schema") == [("one",)]
    connection.close()


# -- space kept aside ------------------------------------------------------------------------------


def test_the_bounds_of_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert (MEGABYTE, NEEDED_BYTES) == (1024 * 1024, 2 * 1024 * 1024)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    assert reserve.make() is True
    assert (tmp_path / "reserve").stat().st_mode & 0o777 == 0o600
    space = {"now": Space(NEEDED_BYTES, False)}
    monkeypatch.setattr("terminal.journal.reserve.look_at_space", lambda _: space["now"])
    assert make_room_for_start(reserve) is False, "just enough"
    space["now"] = Space(NEEDED_BYTES - 1, True)
    assert make_room_for_start(reserve) is False, "nothing can be given back there"
    space["now"] = Space(NEEDED_BYTES - 1, False)
    assert make_room_for_start(reserve) is True
    assert make_room_for_start(reserve) is False, "it is gone"
    assert reserve.release() is False
    assert Reserve(tmp_path / "nowhere" / "reserve", MEGABYTE).make() is False


def test_times_are_kept_in_the_zone_of_the_wire(journal: Journal) -> None:
    elsewhere = (NINE + dt.timedelta(microseconds=7)).astimezone(dt.UTC)
    journal.outbox.put("evidence", "e", "evidence", b"", msgspec.structs.replace(stamp(), wall=elsewhere))
    journal.audit.note("T01", "look", "", msgspec.structs.replace(stamp(), wall=elsewhere))
    assert journal.outbox.size().oldest == NINE
    assert journal.anchors.newest_time() == NINE, "to the second"
    assert journal.anchors.newest_time_until(NINE) == NINE
    assert journal.anchors.newest_time_until(NINE - dt.timedelta(seconds=1)) is None


def test_what_is_written_beside_the_journal_is_synced_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    reserve, witness = Reserve(tmp_path / "reserve", MEGABYTE), WitnessFile(tmp_path / "anchor.json")
    assert reserve.make()
    assert reserve.release()
    witness.write(ANCHOR)
    assert witness.read() == ANCHOR
    with monkeypatch.context() as broken:
        broken.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError("no")))
        assert reserve.make() is False
    assert synced == ["reserve", tmp_path.name, ".anchor.json.new", tmp_path.name, tmp_path.name]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_reserve_of_a_size_and_a_byte(tmp_path: Path) -> None:
    """One that is a byte short is made whole, one that is a byte too long is trimmed, one of its size is left alone."""
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert reserve.make()
    os.truncate(reserve.path, MEGABYTE - 1)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    with reserve.path.open("ab") as file:
        file.write(b"x")
    assert reserve.is_whole() is True
    reserve.trim()
    assert reserve.path.stat().st_size == MEGABYTE
    before = reserve.path.stat().st_mtime_ns
    reserve.trim()
    assert reserve.path.stat().st_mtime_ns == before
    Reserve(reserve.path, 0).trim()
    assert not reserve.path.exists()
    reserve.trim()


def test_the_notes_of_a_deletion_have_their_names(tmp_path: Path) -> None:
    """An older or a newer program goes on with them."""
    journal = closed_sale(tmp_path / "journal.db")
    assert journal.retention.expire(Due(DAY, Purpose.IDENTITY), "schedule", stamp(31 * 86_400)) is not None
    journal.anchors.contradicted(Contradiction("file", 9, "ab", "", "shorter", 5, "2026-11-23"))
    assert journal.store.rows("SELECT name, value FROM meta ORDER BY name") == [
        ("contradictions", '[{"witness":"file","records":9,"head":"ab","at":"","verdict":"shorter","journal_records":5,'
         '"missing_from":"2026-11-23"}]'),
        ("message_numbers_until", "2026-11-23 09:00:00.000000"), ("purge_pending", "1"), ("readable_from", "2"),
    ]  # fmt: skip
    assert [str(purpose) for purpose in Purpose] == ["identity", "evidence"]
    journal.close()


def test_what_journal_errors_say() -> None:
    failed = JournalFailed("a reason", "a_code", why="so")
    assert (str(failed), failed.reason, failed.code, failed.params) == (
        "a reason",
        "a reason",
        "a_code",
        {"why": "so"},
    )
    past = PastTerm(DAY, Purpose.EVIDENCE)
    assert (str(past), past.day, past.purpose) == (
        "evidence of 2026-11-23 is past its term",
        DAY,
        Purpose.EVIDENCE,
    )


def test_the_message_numbers_go_on_from_the_last_reserved_second(journal: Journal) -> None:
    until = NINE + dt.timedelta(seconds=5)
    assert journal.reserve_message_numbers(until) == NINE
    assert journal.reserve_message_numbers(until) == until
    assert journal.store.rows("SELECT value FROM meta WHERE name = 'message_numbers_until'") == [
        ("2026-11-23 09:00:05.000000",)
    ]


def test_the_audit_log_is_asked_by_stretch(journal: Journal) -> None:
    for number in (1, 2):
        begin(journal, f"S{number}", f"000{number}")
    for action, text in (("look", "S1"), ("look", "S2"), ("hear", "S1")):
        journal.audit.note("T01", action, text, stamp())
    assert [one.sequence for one in journal.audit.of("S1", 0, 5)] == [1]
    assert journal.audit.of("S1", 1, 5) == journal.audit.of("S2", 0, 1) == []
    newest = journal.audit.newest_note
    assert newest("S1", ("look", "hear"), 0, 5) == "hear"
    assert newest("S1", ("look", "hear"), 0, 4) == "look"
    assert newest("S1", ("look",), 2, 5) == "look"
    assert newest("S1", ("look",), 3, 5) == ""
    assert newest("S1", ("none",), 0, 5) == "open"
    assert newest("S1", ("none",), 1, 5) == ""


def test_a_code_belongs_to_the_first_who_used_it(journal: Journal) -> None:
    send(journal, begin(journal), code_mark="m" * 64)
    second = begin(journal, "S2", "0002", lane="2")
    with pytest.raises(JournalRefused) as refused:
        send(journal, second, MSGID[:-2] + "02", code_mark="m" * 64)
    assert (refused.value.code, refused.value.settlement_id, refused.value.params) == ("code_used", "S1", {})
    assert (journal.code_used_by("m" * 64), journal.code_used_by("n" * 64)) == ("S1", None)
    assert journal.settlements.get("S2") == second
    assert journal.attempts.of("S2") == []


def test_a_sale_number_that_is_taken_says_by_whom_and_how_it_stands(journal: Journal) -> None:
    send(journal, begin(journal))
    with pytest.raises(JournalRefused) as refused:
        begin(journal, "S2")
    assert (refused.value.code, refused.value.settlement_id, refused.value.params) == (
        "sale_number_open", "S1", {"state": "SENDING"},
    )  # fmt: skip
    with pytest.raises(JournalRefused) as refused:
        send(journal, row(id="S9"))
    assert (refused.value.code, refused.value.settlement_id) == ("unknown_settlement", "S9")
