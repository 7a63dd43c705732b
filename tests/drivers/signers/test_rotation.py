"""A signing key is rotated in one step, the former one is kept for a week, its public half for ever."""

import datetime as dt
import os
from pathlib import Path

import pytest

from drivers.signers import (
    KeyFolderUnusable,
    PinnedKey,
    Sm2Verifier,
    SoftwareKeyStore,
    VerifierRing,
    WrongPassword,
    describe,
)
from drivers.signers.key_store import KEEP_FORMER, MANIFEST_NAME
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.wire_time import WIRE_ZONE

PASSWORD = b"a password"
NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)


@pytest.fixture
def keys(tmp_path: Path) -> SoftwareKeyStore:
    made = SoftwareKeyStore(tmp_path / "keys", iterations=10)
    made.create(PASSWORD)
    return made


def test_the_new_key_signs_and_the_former_one_is_at_hand_for_a_week(keys: SoftwareKeyStore) -> None:
    before = keys.unlock(PASSWORD)
    rotated = keys.rotate(PASSWORD, NOW)
    after = keys.unlock(PASSWORD, NOW)
    assert after.signer.description == rotated != before.signer.description
    assert after.field_key == before.field_key, "the journal stays readable"
    assert list(after.former) == [before.signer.description.key_id]
    signature = after.former[before.signer.description.key_id].sign(b"a reversal")
    assert Sm2Verifier(PublicKey(before.signer.description.public_point)).verify(b"a reversal", signature)
    assert list(keys.unlock(PASSWORD, NOW + KEEP_FORMER - dt.timedelta(seconds=1)).former)
    assert keys.unlock(PASSWORD, NOW + KEEP_FORMER).former == {}
    assert keys.unlock(PASSWORD).former == {}, "without a time nobody can say what is kept"


def test_public_halves_are_kept_for_ever_and_need_no_password(keys: SoftwareKeyStore) -> None:
    points = [keys.public_key().point]
    for week in range(3):
        keys.rotate(PASSWORD, NOW + week * dt.timedelta(days=30))
        points.append(keys.public_key().point)
    known = keys.public_points()
    assert known == {describe(PublicKey(point)).key_id: point for point in points}
    assert keys.public_key_file.read_bytes() == keys.public_key().to_pem()


def test_private_halves_of_long_ago_are_deleted_with_the_next_rotation(keys: SoftwareKeyStore) -> None:
    keys.rotate(PASSWORD, NOW)
    keys.rotate(PASSWORD, NOW + dt.timedelta(days=3))
    assert len(list(keys.folder.glob("signing-key*.pem"))) == 3
    assert len(keys.unlock(PASSWORD, NOW + dt.timedelta(days=4)).former) == 2
    keys.rotate(PASSWORD, NOW + dt.timedelta(days=9))
    assert len(list(keys.folder.glob("signing-key*.pem"))) == 3
    assert len(keys.public_points()) == 4
    assert keys.unlock(PASSWORD, NOW + dt.timedelta(days=9)).unreadable == ()


def test_a_key_is_kept_longer_while_something_it_signed_is_open(keys: SoftwareKeyStore) -> None:
    first = keys.unlock(PASSWORD).signer.description.key_id
    second = keys.rotate(PASSWORD, NOW).key_id
    later = NOW + KEEP_FORMER
    opened = keys.unlock(PASSWORD, later)
    assert (dict(opened.former), list(opened.aged)) == ({}, [first])
    assert opened.former_for(()) == {}, "nothing is signed with it any more but what undoes"
    assert list(opened.former_for({first, second})) == [first]
    keys.rotate(PASSWORD, later, in_use={first})
    assert list(keys.unlock(PASSWORD, later + KEEP_FORMER).aged) == [first, second]
    keys.rotate(PASSWORD, later + KEEP_FORMER)
    assert first not in keys.unlock(PASSWORD, later + KEEP_FORMER).aged, "nothing is open: deleted"


def test_all_files_are_ours_alone(keys: SoftwareKeyStore) -> None:
    keys.rotate(PASSWORD, NOW)
    assert {path.stat().st_mode & 0o777 for path in keys.folder.iterdir()} == {0o600}


@pytest.mark.parametrize("later", [dt.timedelta(), KEEP_FORMER], ids=["kept", "aged"])
def test_a_former_key_that_is_damaged_is_named_and_the_present_one_works(
    keys: SoftwareKeyStore, later: dt.timedelta
) -> None:
    before = keys.public_key()
    keys.rotate(PASSWORD, NOW)
    (keys.folder / "signing-key.pem").write_bytes(b"nothing")
    opened = keys.unlock(PASSWORD, NOW + later)
    assert (opened.former, opened.aged, opened.unreadable) == ({}, {}, (describe(before).key_id,))
    assert len(opened.signer.sign(b"x")) == 64


def test_a_wrong_password_rotates_nothing(keys: SoftwareKeyStore) -> None:
    before = sorted(path.name for path in keys.folder.iterdir())
    with pytest.raises(WrongPassword):
        keys.rotate(b"another", NOW)
    assert sorted(path.name for path in keys.folder.iterdir()) == before


@pytest.mark.parametrize("fails", range(1, 8))
def test_a_disk_that_fails_at_any_sync_leaves_a_whole_key_in_use(
    fails: int, keys: SoftwareKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, count, real = keys.public_key().point, 0, os.fsync

    def sync(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == fails:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    syncs = 5
    if fails > syncs:
        assert keys.rotate(PASSWORD, NOW).public_point != before
        return
    with pytest.raises(KeyFolderUnusable, match="No space left"):
        keys.rotate(PASSWORD, NOW)
    opened = keys.unlock(PASSWORD, NOW)
    is_new = opened.signer.description.public_point != before
    assert is_new is (fails == syncs), "only the last one comes after the new keys.json"
    assert bool(opened.former) is is_new
    if not is_new:
        assert sorted(path.name for path in keys.folder.iterdir()) == [
            MANIFEST_NAME,
            "public-key.pem",
            "signing-key.pem",
        ]


# -- the keys of the far side ----------------------------------------------------------------------


def test_a_ring_believes_each_key_in_its_time_only() -> None:
    old, new = (PrivateKey.generate(bytes([number]).__mul__) for number in (1, 2))
    now = NOW
    ring = VerifierRing(
        [
            PinnedKey(Sm2Verifier(old.public_key), valid_to=NOW + dt.timedelta(days=7)),
            PinnedKey(Sm2Verifier(new.public_key), valid_from=NOW),
        ],
        lambda: now,
    )
    by_old, by_new = old.sign(b"answer"), new.sign(b"answer")
    believed = []
    for day in (-1, 0, 6, 7):
        now = NOW + dt.timedelta(days=day)
        believed.append((ring.verify(b"answer", by_old), ring.verify(b"answer", by_new)))
    assert believed == [(True, False), (True, True), (True, True), (False, True)]
    assert not ring.verify(b"other", by_new)
    assert not ring.verify(b"answer", b"")
