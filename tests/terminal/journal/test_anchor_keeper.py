"""The keeper of anchors: when one is made, where it then stands, and what it does without key, broker or witness file."""

import datetime as dt

import msgspec
import pytest

from drivers.signers import Sm2Verifier
from protocols.fleet.messages import Anchor, Evidence, decode
from protocols.gm.sm2 import PublicKey
from terminal.counter.anchor_keeper import (
    ANCHOR_EVERY_S,
    ANCHOR_RECORDS,
    DAYS_ASKED,
    LOOK_EVERY_S,
    TAIL_RECORDS,
)
from terminal.shapes.anchors import AnchorView
from tests.terminal.journal.anchor_place import OTHER, SIGNER, TERMINAL, Place, locked_signer, signed_anchor
from tests.terminal.journal.log_lines import heard
from tests.terminal.journal.samples import NINE, stamp

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and the tests look at its files")


def test_the_bounds_of_anchors() -> None:
    assert (ANCHOR_RECORDS, ANCHOR_EVERY_S, LOOK_EVERY_S, TAIL_RECORDS, DAYS_ASKED) == (
        256,
        900.0,
        2.0,
        1000,
        31,
    )
    assert AnchorView.__struct_config__.frozen


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
    place.clock.move(ANCHOR_EVERY_S)
    assert not await keeper.anchor_if_due(), "nothing new"
    place.write(1)
    assert await keeper.anchor_if_due()
    place.write(1)
    place.clock.wall += dt.timedelta(days=1)
    assert await keeper.anchor_if_due()
    assert place.anchors() == [1, 257, 258, 259]


async def test_an_anchor_is_due_to_the_second_and_to_the_record(place: Place) -> None:
    keeper = place.keeper()
    place.write(1)
    assert await keeper.anchor_if_due() is True
    place.write(1)
    place.clock.move(ANCHOR_EVERY_S - 0.5)
    assert await keeper.anchor_if_due() is False
    place.clock.move(0.5)
    assert await keeper.anchor_if_due() is True
    assert await keeper.make() is False
    place.write(ANCHOR_RECORDS)
    assert await keeper.anchor_if_due() is True
    assert place.anchors() == [1, 2, 2 + ANCHOR_RECORDS]


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
    keeper = place.keeper(locked_signer())
    place.write(1)
    assert not await keeper.make()
    assert place.anchors() == []


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


async def test_a_witness_that_cannot_be_written_does_not_stop_anything(place: Place) -> None:
    keeper = place.keeper()
    place.write(2)
    place.witness.path = place.folder / "not there" / "anchor.json"
    assert await keeper.make()
    assert place.anchors() == [2]


async def test_what_the_keeper_cannot_use_is_logged(place: Place) -> None:
    keeper = place.keeper(locked_signer())
    place.write(1)
    with heard() as lines:
        await keeper.check_at_start()
        place.witness.path.write_bytes(b"{")
        await keeper.check_at_start()
        await keeper.echoed(signed_anchor(9, OTHER))
        assert await keeper.make() is False
    assert {name for name, _ in lines} == {"terminal.anchors"}
    assert [facts["event"] for _, facts in lines] == [
        "no_witness_file", "witness_damaged", "echo_not_ours", "anchor_not_signed",
    ]  # fmt: skip
