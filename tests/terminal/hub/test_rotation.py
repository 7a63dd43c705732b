"""F53: the terminal's own key is rotated while a sale is open; what the old key signed is undone and proved with it."""

from pathlib import Path

import msgspec

from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.gm.sm2 import PrivateKey, PublicKey
from terminal.core.events import Reopened
from terminal.core.states import State
from terminal.core.values import Attempt
from terminal.counter.effects import key_of_what_is_undone
from terminal.evidence.capsule import EvidenceKeys
from terminal.journal.glance import keys_in_use
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.faults import fired
from tests.terminal.core.samples import TO_SENDING, after, decide
from tests.terminal.evidence.test_capsule import capsule_of, files_in, manifest_in, verify
from tests.terminal.harness import INSTITUTION, Shop, Till, virtual


def rotate(shop: Shop, *, kept: bool = True) -> tuple[str, str]:
    """Give the terminal another key; return the ids of both. The hub accepts both for a while."""
    key = PrivateKey.generate(lambda count: bytes([7]) * count)
    old = shop.signer
    if kept:
        shop.former_signers = {old.description.key_id: old}
    shop.signer = SoftwareSigner(key)
    shop.world.keys.add(INSTITUTION, "", Sm2Verifier(key.public_key))
    fired("F53")
    return old.description.key_id, shop.signer.description.key_id


def signed_by(till: Till, settlement_id: str) -> list[tuple[str, str]]:
    """Purpose and key of every message of a settlement."""
    return [(row.purpose, row.key_id) for row in till.journal.attempts.of(settlement_id)]


@virtual
async def test_a_doubt_of_the_old_key_is_reversed_with_the_old_key(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 2)
    doubtful = await till.settle("0001")
    await till.kill()
    old, new = rotate(shop)
    till = await shop.start()
    assert till.journal.attempts.keys_in_use() == keys_in_use(str(shop.journal_path)) == {old}, (
        "kept however old it is"
    )
    await till.quiet()
    assert till.journal.attempts.keys_in_use() == keys_in_use(str(shop.journal_path)) == set()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    purposes = signed_by(till, doubtful.id)
    assert len(purposes) >= 3
    assert {key for _, key in purposes} == {old}
    following = await till.settle("0002")
    assert following.state is State.CONFIRMED
    assert signed_by(till, following.id) == [("SETTLE", new)]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_doubt_that_outlives_its_key_is_reversed_with_the_present_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 2)
    doubtful = await till.settle()
    await till.kill()
    old, new = rotate(shop, kept=False)
    till = await shop.start()
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    purposes = signed_by(till, doubtful.id)
    assert purposes[0] == ("SETTLE", old)
    assert purposes[-1] == ("REVERSE", new)
    shop.assert_books_agree(till)
    await till.stop()


def test_a_reversal_taken_up_again_is_signed_by_the_key_of_the_settlement_it_undoes() -> None:
    """A visit that was withdrawn after the rotation has newer messages, of the new key."""
    sending = after(*TO_SENDING)
    assert sending.attempt is not None
    withdrawn = msgspec.structs.replace(
        sending, state=State.REVERSED, unseen=True, in_flight=False, running="",
        attempt=Attempt("M9", "STEP", "2202", "the new key", b""),
    )  # fmt: skip
    again = decide(decode_sheet(encode_sheet(withdrawn)), Reopened()).settlement
    assert key_of_what_is_undone("REVERSE", again) == sending.attempt.key_id
    assert key_of_what_is_undone("STEP", again) == ""
    old = msgspec.structs.replace(sending, settle_key_id="")
    assert key_of_what_is_undone("REVERSE", old) == sending.attempt.key_id, (
        "written before there was a member for it"
    )


@virtual
async def test_an_armed_sale_goes_out_with_the_bytes_the_old_key_signed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    before = till.journal.attempts.of(armed.id)[0].request
    await till.kill()
    old, _ = rotate(shop)
    shop.hub_link.down = False
    till = await shop.start()
    settled = await till.counter.sales.confirm(armed.id, "T01")
    assert settled.state is State.CONFIRMED
    (attempt,) = till.journal.attempts.of(armed.id)
    assert (attempt.request, attempt.key_id) == (before, old)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_cancellation_after_the_rotation_is_signed_by_the_new_key(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    await till.kill()
    old, new = rotate(shop)
    till = await shop.start()
    assert (await till.counter.sales.cancel(settled.id, "T01", "test")).state is State.CANCELLED
    assert signed_by(till, settled.id) == [("SETTLE", old), ("CANCEL", new)]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_evidence_of_both_keys_and_of_both_hub_keys_is_proved_to_openssl(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    await till.kill()
    hub_before = shop.world.hub.signer.description.public_point
    terminal_before = shop.signer.description
    old, new = rotate(shop)
    shop.world.hub.rotate_key()
    fired("F53")
    hub_after = shop.world.hub.signer.description.public_point
    shop.hub_verifier = Sm2Verifier(PublicKey(hub_after))
    till = await shop.start()
    assert (await till.counter.sales.cancel(settled.id, "T01", "test")).state is State.CANCELLED
    present = shop.signer.description
    keys = EvidenceKeys(
        present.public_point,
        hub_before,
        b"",
        {one.key_id: one.public_point for one in (terminal_before, present)},
        (hub_after,),
    )
    capsule = await capsule_of(till, settled.id, keys)
    assert [message["verified"] for message in manifest_in(capsule)["messages"]] == [
        {"request": True, "answer": True},
        {"request": True, "answer": True},
    ]
    named = {name for name in files_in(capsule) if name.startswith("keys/")}
    assert {f"keys/terminal-{old}.pem", "keys/terminal.pem", "keys/hub.pem"} < named
    assert len(named) == 4
    assert [message["key_id"] for message in manifest_in(capsule)["messages"]] == [old, new]
    done = verify(capsule, tmp_path / "unpacked")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"Signature Verified Successfully") == 4
    await till.stop()
