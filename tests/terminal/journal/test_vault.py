"""The vault: what it seals opens in its place only, and its stand-ins say nothing."""

import pytest

from terminal.journal.vault import BlobDamaged
from tests.terminal.journal.samples import vault

PLACE = "attempt.request:M1"
PLAIN = "测试甲 999999199001010016".encode()


def test_what_is_sealed_opens_in_its_place() -> None:
    safe = vault()
    sealed = safe.seal(PLACE, PLAIN)
    assert safe.open(PLACE, sealed) == PLAIN
    assert safe.open(PLACE, safe.seal(PLACE, b"")) == b""


def test_the_same_content_never_looks_the_same() -> None:
    safe = vault()
    assert safe.seal(PLACE, PLAIN) != safe.seal(PLACE, PLAIN)


def test_nothing_of_the_content_shows() -> None:
    sealed = vault().seal(PLACE, PLAIN)
    assert b"999999" not in sealed
    assert "测试".encode() not in sealed


@pytest.mark.parametrize("place", ["attempt.request:M2", "attempt.answer:M1", "settlement.sheet:M1", ""])
def test_it_does_not_open_in_another_place(place: str) -> None:
    safe = vault()
    with pytest.raises(BlobDamaged):
        safe.open(place, safe.seal(PLACE, PLAIN))


def test_every_changed_bit_is_noticed() -> None:
    safe = vault()
    sealed = safe.seal(PLACE, PLAIN)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(BlobDamaged):
            safe.open(PLACE, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 12, 28])
def test_a_blob_that_is_too_short_is_damaged(length: int) -> None:
    safe = vault()
    with pytest.raises(BlobDamaged):
        safe.open(PLACE, safe.seal(PLACE, PLAIN)[:length])


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BlobDamaged):
        vault(b"\x01" * 16).open(PLACE, vault().seal(PLACE, PLAIN))


def test_the_error_names_the_kind_of_place_and_no_content() -> None:
    with pytest.raises(BlobDamaged) as damaged:
        vault().open("settlement.sheet:S1", b"rubbish")
    assert str(damaged.value) == "settlement.sheet"


def test_stand_ins_are_stable_different_and_keyed() -> None:
    safe, other = vault(), vault(b"\x01" * 16)
    assert safe.pseudonym("99990000000000000001") == safe.pseudonym("99990000000000000001")
    assert safe.pseudonym("99990000000000000001") != safe.pseudonym("99990000000000000002")
    assert safe.pseudonym("99990000000000000001") != other.pseudonym("99990000000000000001")
    assert safe.pseudonym("1") != safe.code_mark("1")[:24]
    assert len(safe.pseudonym("1")) == 24
    assert len(safe.code_mark("1")) == 64
    assert safe.mac(b"row") != other.mac(b"row")
