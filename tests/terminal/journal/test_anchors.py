"""Signed anchors: made as the chain grows, kept outside, and a journal that was put back or cut is found (F29, T29, T30)."""

import datetime as dt
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.interfaces.signer import Signer, SignerUnavailable
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.fleet.messages import Anchor, Evidence, decode
from protocols.gm.sm2 import PrivateKey, PublicKey
from terminal.core.contradiction import Contradiction
from terminal.core.events import Misuse
from terminal.core.values import Notice
from terminal.counter.anchor_keeper import (
    ANCHOR_EVERY_S,
    ANCHOR_RECORDS,
    DAYS_ASKED,
    LOOK_EVERY_S,
    TAIL_RECORDS,
    AnchorKeeper,
)
from terminal.counter.holds import Holds
from terminal.journal.anchors import Noted, WitnessFile, parse_noted
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed, Stamp
from terminal.journal.thread import InlineJournal
from terminal.journal.verify import verify_journal
from terminal.shapes.anchors import AnchorView
from tests.faults import fired
from tests.terminal.journal.samples import NINE, begin, open_at, raw, stamp, vault
from tests.terminal.journal.test_reserve import heard

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")

TERMINAL = "P99990000001-01"
SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(11).randbytes))
OTHER = SoftwareSigner(PrivateKey.generate(random.Random(12).randbytes))


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.wall = NINE
        self.mono_s = 1000.0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return self.wall

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.mono_s

    def pass_s(self, seconds: float) -> None:
        """Time passes on both."""
        self.wall += dt.timedelta(seconds=seconds)
        self.mono_s += seconds


class Place:
    """A terminal's disk: journal and witness file; `keeper` is a new start of the service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal_path = folder / "journal.db"
        self.witness = WitnessFile(folder / "anchor.json")
        self.clock = Hands()
        self.told: list[Notice] = []
        self.holds = Holds(self.told.append)
        self.journal: Journal | None = None

    def keeper(
        self,
        signer: Signer | None = SIGNER,
        *,
        to_fleet: bool = True,
        with_witness: bool = True,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> AnchorKeeper:
        """Open the journal anew."""
        if self.journal is not None:
            self.journal.close()
        self.journal = open_at(self.journal_path)
        self.told.clear()
        self.holds = Holds(self.told.append)
        return AnchorKeeper(
            terminal=TERMINAL, boot_id="boot1", journal=InlineJournal(self.journal), clock=self.clock, sleep=sleep or _no_sleep,
            holds=self.holds, signer=signer, verifier=Sm2Verifier(PublicKey(SIGNER.description.public_point)),
            witness=self.witness if with_witness else None, to_fleet=to_fleet,
        )  # fmt: skip

    def close(self) -> None:
        """The service ends."""
        assert self.journal is not None
        self.journal.close()
        self.journal = None

    def write(self, count: int, actor: str = "test") -> None:
        """Append audit records."""
        assert self.journal is not None
        for _ in range(count):
            self.journal.audit.note(actor, "noted", "", Stamp(self.clock.now(), self.clock.monotonic_s()))

    def anchors(self) -> list[int]:
        """Records of every anchor kept in the journal."""
        rows = raw(self.journal_path).execute("SELECT sequence FROM anchor ORDER BY sequence")
        return [sequence for (sequence,) in rows]


async def _no_sleep(seconds: float) -> None:
    raise AssertionError("nothing sleeps here")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty disk."""
    return Place(tmp_path)


async def test_an_anchor_is_due_at_the_start_after_256_records_after_15_minutes_and_on_a_new_day(
    place: Place,
) -> None:
    keeper = place.keeper()
    assert not await keeper.anchor_if_due(), "an empty chain has nothing to anchor"
    place.write(1)
    assert await keeper.anchor_if_due()
    place.write(ANCHOR_RECORDS - 1)
    assert not await keeper.anchor_if_due()
    place.write(1)
    assert await keeper.anchor_if_due()
    place.clock.pass_s(ANCHOR_EVERY_S)
    assert not await keeper.anchor_if_due(), "nothing new"
    place.write(1)
    assert await keeper.anchor_if_due()
    place.write(1)
    place.clock.wall += dt.timedelta(days=1)
    assert await keeper.anchor_if_due()
    assert place.anchors() == [1, 257, 258, 259]


async def test_an_anchor_is_signed_kept_sent_and_witnessed(place: Place) -> None:
    keeper = place.keeper()
    place.write(3)
    assert await keeper.make()
    assert not await keeper.make(), "the same head is not anchored twice"
    assert place.journal is not None
    anchor = place.journal.anchors.newest()
    assert anchor is not None
    records, head = place.journal.audit.head
    assert (anchor.records, anchor.head, anchor.boot_id) == (records, head.hex(), "boot1")
    assert anchor.key_id == SIGNER.description.key_id
    signed = (
        f"yibao anchor 1\n{TERMINAL}\n3\n{head.hex()}\n2026-11-23T09:00:00.000000+08:00\nboot1\n".encode()
    )
    assert Sm2Verifier(PublicKey(SIGNER.description.public_point)).verify(
        signed, bytes.fromhex(anchor.signature)
    )
    assert place.witness.read() == anchor
    assert place.witness.path.stat().st_mode & 0o777 == 0o600
    waiting = place.journal.outbox.next(0)
    assert waiting is not None
    assert (waiting.kind, waiting.message_id) == ("evidence", "anchor-boot1-3")
    assert decode(Evidence, waiting.payload).content == anchor
    assert keeper.view().newest == f"3:{head.hex()[:16]}"


async def test_without_a_broker_nothing_is_left_in_the_outbox(place: Place) -> None:
    keeper = place.keeper(to_fleet=False)
    place.write(1)
    assert await keeper.make()
    assert place.journal is not None
    assert place.journal.outbox.next(0) is None


async def test_without_an_audit_key_there_are_no_anchors_and_the_view_says_so(place: Place) -> None:
    keeper = place.keeper(signer=None)
    place.write(1)
    assert not await keeper.anchor_if_due()
    assert (keeper.view().key_id, place.anchors()) == ("", [])


async def test_a_key_that_cannot_sign_leaves_no_anchor_and_breaks_nothing(place: Place) -> None:
    class Locked(SoftwareSigner):
        def sign(self, data: bytes) -> bytes:
            raise SignerUnavailable("locked")

    keeper = place.keeper(Locked(PrivateKey.generate(random.Random(1).randbytes)))
    place.write(1)
    assert not await keeper.make()
    assert place.anchors() == []


async def test_the_next_start_fits_its_witness(place: Place) -> None:
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    place.write(4)
    again = place.keeper()
    await again.check_at_start()
    assert (again.view().witnesses, again.view().contradictions) == (("journal", "file"), ())
    place.holds.require_none()


async def test_an_old_copy_put_back_is_found_and_no_new_sale_starts(place: Place) -> None:
    """F29, T29: yesterday's file in the place of today's."""
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    assert place.journal is not None
    place.journal.close()
    shutil.copy(place.journal_path, place.folder / "old.db")
    place.journal = None
    keeper = place.keeper()
    place.write(20)
    await keeper.make()
    place.close()
    shutil.copy(place.folder / "old.db", place.journal_path)
    fired("F29")
    place.clock.pass_s(86_400)

    keeper = place.keeper()
    await keeper.check_at_start()
    (found,) = keeper.view().contradictions
    assert (found.witness, found.verdict, found.journal_records, found.records) == ("file", "shorter", 5, 25)
    assert [notice.code for notice in place.told] == ["journal_rolled_back"]
    with pytest.raises(Misuse) as refused:
        place.holds.require_none()
    assert refused.value.params == {"count": "5", "noted": "25"}
    assert keeper.view().days == ("2026-11-23", "2026-11-24"), "from the newest record to today"
    place.write(1)
    assert not await keeper.make(), "the witness that found it must not be overwritten"
    witness = place.witness.read()
    assert witness is not None
    assert witness.records == 25
    days, keeper = keeper.view().days, place.keeper()
    await keeper.check_at_start()
    assert keeper.view().days == days, "a second start does not take its own records for the newest"

    await keeper.accept("T01+T02", "2026-11-24 level")
    place.holds.require_none()
    query = "SELECT CAST(record AS TEXT) FROM audit ORDER BY sequence DESC LIMIT 1"
    entry = msgspec.json.decode(str(raw(place.journal_path).execute(query).fetchall()[0][0]))
    assert (entry["action"], entry["actor"]) == ("anchors_accepted", "T01+T02")
    again = place.keeper()
    await again.check_at_start()
    await again.echoed(witness)
    assert again.view().contradictions == (), "what two people have accepted is not asked again"


async def test_a_journal_that_was_removed_is_found_by_its_witness(place: Place) -> None:
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    fired("F29")
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [one.verdict for one in keeper.view().contradictions] == ["shorter"]
    assert keeper.view().days == ("2026-11-23",)


async def test_another_history_of_the_same_length_is_found(place: Place) -> None:
    """T30: records written anew by somebody with the machine; the chain itself is whole."""
    keeper = place.keeper()
    place.write(6)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    place.keeper()
    place.write(8, "somebody else")
    assert verify_journal(str(place.journal_path), vault()).ok, "nothing is wrong with the file by itself"
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [one.verdict for one in keeper.view().contradictions] == ["differs"]


async def test_the_fleets_echo_is_believed_when_our_key_signed_it(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    echo = place.witness.read()
    assert echo is not None
    await keeper.echoed(echo)
    assert keeper.view().witnesses == ("fleet",)
    assert keeper.view().contradictions == ()
    ahead = _anchor(400)
    await keeper.echoed(msgspec.structs.replace(ahead, signature="00" * 64))
    await keeper.echoed(_anchor(400, OTHER))
    assert keeper.view().contradictions == (), "whoever has the broker cannot stop a shop"
    await keeper.echoed(ahead)
    assert [(one.witness, one.records) for one in keeper.view().contradictions] == [("fleet", 400)]
    fired("F29")
    with pytest.raises(Misuse):
        place.holds.require_none()


def _anchor(records: int, signer: Signer = SIGNER) -> Anchor:
    unsigned = Anchor(
        records, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "b0", signer.description.key_id, ""
    )
    return msgspec.structs.replace(unsigned, signature=signer.sign(unsigned.signed_bytes(TERMINAL)).hex())


async def test_a_number_that_a_person_noted_is_compared_too(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    noted = parse_noted(keeper.view().newest)
    again = place.keeper()
    await again.check_at_start(noted)
    assert again.view().witnesses == ("journal", "person", "file")
    assert again.view().contradictions == ()
    wrong = place.keeper()
    await wrong.check_at_start(Noted(4, "0" * 16))
    assert [(one.witness, one.verdict) for one in wrong.view().contradictions] == [("person", "differs")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "4:",
        "4:abc",
        "0:" + "a" * 16,
        "4:" + "g" * 16,
        "4:" + "a" * 65,
        "x:" + "a" * 16,
        "9" * 20 + ":" + "a" * 16,
    ],
)
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_noted(text)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"type":"anchor"}', b"x" * 10_000])
async def test_a_damaged_witness_proves_nothing_and_is_written_anew(place: Place, content: bytes) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.path.write_bytes(content)
    fired("F26")
    await keeper.check_at_start()
    assert (keeper.view().witnesses, keeper.view().contradictions) == ((), ())
    assert await keeper.make()
    assert place.witness.read() is not None


async def test_without_a_witness_file_anchors_are_made_and_compared_with_the_journals_own(
    place: Place,
) -> None:
    keeper = place.keeper(with_witness=False)
    place.write(3)
    assert await keeper.make()
    assert not place.witness.path.exists()
    again = place.keeper(with_witness=False)
    await again.check_at_start()
    assert again.view().witnesses == ("journal",)
    assert place.anchors() == [3]


async def test_a_witness_that_our_key_did_not_sign_proves_nothing(place: Place) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.write(_anchor(9, OTHER))
    await keeper.check_at_start()
    assert (keeper.view().witnesses, keeper.view().contradictions) == ((), ())
    place.witness.write(_anchor(9))
    again = place.keeper()
    await again.check_at_start()
    assert [(one.witness, one.verdict) for one in again.view().contradictions] == [("file", "shorter")]


async def test_anchors_are_looked_after_again_and_again_until_the_journal_fails(place: Place) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        place.write(ANCHOR_RECORDS)
        if len(pauses) == 2:
            assert place.journal is not None
            place.journal.close()

    keeper = place.keeper(sleep=sleep)
    place.write(1)
    await keeper.run()
    assert pauses == [LOOK_EVERY_S] * 2
    place.journal = None
    assert place.anchors() == [1, 1 + ANCHOR_RECORDS]


async def test_a_witness_that_cannot_be_written_does_not_stop_anything(place: Place) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.path = place.folder / "not there" / "anchor.json"
    assert await keeper.make()
    assert place.anchors() == [2]


def test_anchors_are_guarded_in_sql_and_verify_compares_them(place: Place) -> None:
    place.keeper()
    assert place.journal is not None
    begin(place.journal)
    records, head = place.journal.audit.head
    anchor = _anchor(records)
    place.journal.anchors.put(msgspec.structs.replace(anchor, head=head.hex()), stamp(), to_fleet=False)
    place.close()
    assert verify_journal(str(place.journal_path), vault()).ok
    file = raw(place.journal_path)
    for statement in ("UPDATE anchor SET boot_id = 'x'", "DELETE FROM anchor"):
        with pytest.raises(Exception, match="anchors are never"):
            file.execute(statement)
    file.execute("INSERT INTO anchor VALUES (77, zeroblob(32), 'x', 'x', 'x', zeroblob(64))")
    report = verify_journal(str(place.journal_path), vault())
    assert [(one.code, one.where) for one in report.findings] == [("chain", "77")]


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit SET record = CAST(replace(CAST(record AS TEXT), 'noted', 'noded') AS BLOB) WHERE sequence = 6",
        "DELETE FROM audit WHERE sequence = 6",
        "UPDATE audit SET hash = zeroblob(32) WHERE sequence = 8",
    ],
)
async def test_the_newest_part_of_the_log_is_hashed_anew_at_every_start(place: Place, harm: str) -> None:
    """T30: what was changed since the newest anchor stops the start; nothing is written behind it."""
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    place.write(4)
    place.close()
    file = raw(place.journal_path)
    file.execute(f"DROP TRIGGER audit_is_kept; DROP TRIGGER audit_is_written_once; {harm}").fetchall()
    file.close()
    fired("F26")
    keeper = place.keeper()
    with pytest.raises(JournalFailed, match="the audit log was changed"):
        await keeper.check_at_start()


async def test_an_end_cut_off_inside_the_journal_contradicts_its_own_anchor(place: Place) -> None:
    """T30: rows removed from the table, the witness file too; the anchor in the journal still knows."""
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    file = raw(place.journal_path)
    file.execute("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence > 5").fetchall()
    file.close()
    place.witness.path.unlink()
    keeper = place.keeper()
    await keeper.check_at_start()
    assert [(one.witness, one.verdict) for one in keeper.view().contradictions] == [("journal", "shorter")]


SATURDAY = dt.datetime(2026, 11, 21, 18, 0, tzinfo=NINE.tzinfo)
MONDAY = SATURDAY + dt.timedelta(days=2)


async def test_the_days_that_may_be_missing_do_not_shrink_with_the_next_start(place: Place) -> None:
    """F29: a journal lost on Saturday; by Monday evening the service has been started three times."""
    place.clock.wall = SATURDAY
    keeper = place.keeper()
    place.write(9)
    await keeper.make()
    place.close()
    os.unlink(place.journal_path)
    place.clock.wall = MONDAY
    asked = []
    for _ in range(3):
        keeper = place.keeper()
        await keeper.check_at_start()
        asked.append(keeper.view().days)
        place.write(1)  # what a start notes; no anchor is made
    assert asked == [("2026-11-21", "2026-11-22", "2026-11-23")] * 3


async def test_an_echo_that_comes_after_a_start_asks_for_the_days_before_that_start(place: Place) -> None:
    """Journal and witness file were put back together; the broker was away at the first start."""
    place.clock.wall = SATURDAY - dt.timedelta(days=2)
    keeper = place.keeper()
    place.write(5)
    await keeper.make()
    place.close()
    shutil.copy(place.journal_path, place.folder / "old.db")
    old_witness = place.witness.read()
    assert old_witness is not None
    place.clock.wall = SATURDAY
    keeper = place.keeper()
    place.write(20)
    await keeper.make()
    echo = place.witness.read()
    assert echo is not None
    place.close()
    shutil.copy(place.folder / "old.db", place.journal_path)
    place.witness.write(old_witness)
    fired("F29")
    place.clock.wall = MONDAY
    for _ in range(2):
        keeper = place.keeper()
        await keeper.check_at_start()
        assert keeper.view().contradictions == (), "only the fleet knows better"
        place.write(1)
        assert await keeper.anchor_if_due()
    await keeper.echoed(echo)
    assert keeper.view().days[0] == "2026-11-19", "from the newest record that is no newer than the witness"


@pytest.mark.parametrize("witness", ["person", "fleet"])
async def test_what_was_found_once_holds_over_every_start_until_people_accept_it(
    place: Place, witness: str
) -> None:
    """F29: a start without `--anchor`, or without a broker, must not sell and reverse with an old copy."""
    keeper = place.keeper()
    place.write(4)
    await keeper.make()
    place.write(1)
    again = place.keeper()
    if witness == "person":
        await again.check_at_start(Noted(400, "0" * 16))
    else:
        await again.check_at_start()
        await again.echoed(_anchor(400))
    days = again.view().days
    place.clock.pass_s(86_400)
    later = place.keeper()
    await later.check_at_start()
    assert [(one.witness, one.records) for one in later.view().contradictions] == [(witness, 400)]
    assert later.view().days == (*days, "2026-11-24")
    assert place.holds.is_old_copy
    assert not await later.make()
    await later.accept("T01+T02", "level")
    last = place.keeper()
    await last.check_at_start()
    assert last.view().contradictions == ()
    place.holds.require_none()


async def test_accepting_one_contradiction_does_not_accept_another_that_comes_meanwhile(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.check_at_start(Noted(400, "0" * 16))

    class Meanwhile(InlineJournal):
        async def call(self, work: Callable[[Journal], Any]) -> Any:
            done = work(self._journal)
            keeper._journal = InlineJournal(self._journal)
            await keeper.echoed(_anchor(500))
            return done

    assert place.journal is not None
    keeper._journal = Meanwhile(place.journal)
    await keeper.accept("T01+T02", "level")
    assert [(one.witness, one.records) for one in keeper.view().contradictions] == [("fleet", 500)]
    with pytest.raises(Misuse) as held:
        place.holds.require_newest()
    assert held.value.params == {"count": "5", "noted": "500"}
    assert not await keeper.make()
    again = place.keeper()
    await again.check_at_start()
    assert [one.records for one in again.view().contradictions] == [500]


async def test_two_witnesses_of_one_kind_are_both_accepted(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    await keeper.check_at_start(Noted(400, "0" * 16))
    again = place.keeper()
    await again.check_at_start(Noted(300, "1" * 16))
    assert sorted(one.records for one in again.view().contradictions) == [300, 400]
    await again.accept("T01+T02", "level")
    last = place.keeper()
    await last.check_at_start(Noted(400, "0" * 16))
    assert last.view().contradictions == ()


def test_what_people_have_accepted_meanwhile_is_not_kept_as_a_contradiction_again(tmp_path: Path) -> None:
    """A witness may be compared while two people accept it; a line late to the journal changes nothing."""
    journal = open_at(tmp_path / "journal.db")
    found = Contradiction("fleet", 400, "0" * 16, "", "shorter", 4, "2026-11-23")
    other = msgspec.structs.replace(found, records=500)
    journal.anchors.contradicted(found)
    journal.anchors.accept(frozenset({found.name}), "T01+T02", "level", stamp())
    assert journal.anchors.contradictions() == ()
    journal.anchors.contradicted(found)
    assert journal.anchors.contradictions() == ()
    journal.anchors.contradicted(other)
    assert journal.anchors.contradictions() == (other,)
    journal.close()


def test_the_bounds_of_anchors() -> None:
    assert (ANCHOR_RECORDS, ANCHOR_EVERY_S, LOOK_EVERY_S, TAIL_RECORDS, DAYS_ASKED) == (
        256,
        900.0,
        2.0,
        1000,
        31,
    )
    assert AnchorView.__struct_config__.frozen


async def test_what_a_new_anchor_leaves_everywhere(place: Place) -> None:
    keeper, made = place.keeper(), list[str]()
    keeper.made = lambda: made.append(keeper.view().newest)
    assert keeper.view() == AnchorView("", "", SIGNER.description.key_id, (), (), ())
    place.write(2)
    assert await keeper.make()
    assert place.journal is not None
    head = place.journal.audit.head[1].hex()
    at = "2026-11-23T09:00:00.000000+08:00"
    assert made == [f"2:{head[:16]}"]
    assert keeper.view() == AnchorView(f"2:{head[:16]}", at, SIGNER.description.key_id, (), (), ())
    anchor = place.journal.anchors.newest()
    assert anchor is not None
    assert anchor == Anchor(2, head, at, "boot1", SIGNER.description.key_id, anchor.signature)
    rows = place.journal.store.rows("SELECT sequence, head, made_at, boot_id, key_id, signature FROM anchor")
    assert rows == [
        (2, bytes.fromhex(head), at, "boot1", SIGNER.description.key_id, bytes.fromhex(anchor.signature))
    ]
    evidence = Evidence("anchor-boot1-2", NINE, "boot1", anchor)
    ((kind, message_id, channel, payload, created_at),) = place.journal.store.rows(
        "SELECT class, message_id, channel, payload, created_at FROM outbox"
    )
    assert (kind, message_id, channel, created_at) == (
        "evidence",
        "anchor-boot1-2",
        "evidence",
        "2026-11-23 09:00:00",
    )
    assert decode(Evidence, payload) == evidence
    place.journal.anchors.put(msgspec.structs.replace(anchor, at="later"), stamp(), to_fleet=True)
    assert place.journal.anchors.newest() == anchor, "the first one stands"


async def test_what_a_contradiction_holds_and_what_accepting_it_leaves(place: Place) -> None:
    keeper = place.keeper()
    place.write(4)
    noted = Noted(400, "0" * 16)
    await keeper.check_at_start(noted)
    found = Contradiction("person", 400, "0" * 16, "", "shorter", 4, "2026-11-23")
    assert keeper.view().contradictions == (found,)
    assert place.told == [Notice("journal_rolled_back", {"count": "4", "noted": "400"})]
    assert (keeper.known_until, keeper.missing_days()) == (NINE, (NINE.date(),))
    assert place.journal is not None
    assert place.journal.anchors.contradictions() == (found,)
    await keeper.echoed(_anchor(500))
    fleet = Contradiction(
        "fleet", 500, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "shorter", 4, "2026-11-23"
    )
    assert keeper.view().contradictions == (found, fleet)
    await keeper.echoed(_anchor(500))
    assert place.journal.anchors.contradictions() == (found, fleet), "each once"
    assert (keeper.view().witnesses, len(place.told)) == (("person", "fleet"), 1)
    await keeper.accept("T01+T02", "2026-11-23 level")
    names = f"400:{'0' * 16} 500:{'ab' * 32}"
    ((record,),) = place.journal.store.rows("SELECT record FROM audit WHERE sequence = 5")
    assert msgspec.json.decode(record) == {
        "v": 1, "sequence": 5, "boot": "boot", "wall": "2026-11-23 09:00:00.000000", "monotonic": 1000.0,
        "action": "anchors_accepted", "actor": "T01+T02", "note": f"{names} 2026-11-23 level",
    }  # fmt: skip
    assert place.journal.anchors.accepted() == frozenset(names.split())
    assert (keeper.view().contradictions, keeper.missing_days(), place.anchors()) == ((), (), [5])
    assert place.holds.standing == ()


async def test_no_more_than_a_month_of_days_is_asked_for(place: Place) -> None:
    keeper = place.keeper()
    place.write(1)
    place.clock.pass_s(60 * 86_400)
    await keeper.check_at_start(Noted(400, "0" * 16))
    days = keeper.missing_days()
    assert (days[0], days[-1], len(days)) == (dt.date(2026, 12, 23), dt.date(2027, 1, 22), 31)
    place.clock.wall = NINE - dt.timedelta(days=3)
    assert keeper.missing_days() == (dt.date(2026, 11, 20),), "a clock that went back asks for today"


@pytest.mark.parametrize(("changed", "is_whole"), [(2, True), (3, False)])
async def test_at_a_start_the_newest_thousand_records_are_hashed_anew(
    place: Place, changed: int, is_whole: bool
) -> None:
    """Of 1,002 records the second lies just before the newest thousand, the third is the first of them."""
    keeper = place.keeper(signer=None)
    assert place.journal is not None
    with place.journal.store.transaction():
        for _ in range(1002):
            place.journal.audit.append({"action": "x"}, stamp())
    place.close()
    file = raw(place.journal_path)
    file.execute(
        f"DROP TRIGGER audit_is_written_once; UPDATE audit SET record = CAST('x' AS BLOB) WHERE sequence = {changed}"
    ).fetchall()
    file.close()
    keeper = place.keeper(signer=None)
    if is_whole:
        await keeper.check_at_start()
    else:
        with pytest.raises(JournalFailed, match="the audit log was changed"):
            await keeper.check_at_start()


async def test_an_anchor_is_due_to_the_second_and_to_the_record(place: Place) -> None:
    keeper = place.keeper()
    place.write(1)
    assert await keeper.anchor_if_due() is True
    place.write(1)
    place.clock.pass_s(ANCHOR_EVERY_S - 0.5)
    assert await keeper.anchor_if_due() is False
    place.clock.pass_s(0.5)
    assert await keeper.anchor_if_due() is True
    assert await keeper.make() is False
    place.write(ANCHOR_RECORDS)
    assert await keeper.anchor_if_due() is True
    assert place.anchors() == [1, 2, 2 + ANCHOR_RECORDS]


async def test_what_the_keeper_cannot_use_is_logged(place: Place) -> None:
    class Locked(SoftwareSigner):
        def sign(self, data: bytes) -> bytes:
            raise SignerUnavailable("locked")

    keeper = place.keeper(Locked(PrivateKey.generate(random.Random(1).randbytes)))
    place.write(1)
    with heard() as lines:
        await keeper.check_at_start()
        place.witness.path.write_bytes(b"{")
        await keeper.check_at_start()
        await keeper.echoed(_anchor(9, OTHER))
        assert await keeper.make() is False
    assert {name for name, _ in lines} == {"terminal.anchors"}
    assert [facts["event"] for _, facts in lines] == [
        "no_witness_file", "witness_damaged", "echo_not_ours", "anchor_not_signed",
    ]  # fmt: skip
