"""The vault: what it seals opens in its place only, and its stand-ins say nothing."""

import pytest

from protocols.gm.sm3 import hmac_sm3
from protocols.gm.sm4 import gcm_seal
from terminal.journal.vault import BlobDamaged, Vault
from tests.terminal.journal.samples import FIELD_KEY, vault

PLACE = "attempt.request:M1"
PLAIN = "测试甲 999999199001010016".encode()
KEY = bytes(range(16))
HEADER = b"\x02e\x0b\x4d\x8a"


def _seal(safe: Vault, plain: bytes = PLAIN) -> bytes:
    return safe.seal_under(KEY, HEADER, PLACE, plain)


def _open(safe: Vault, sealed: bytes, place: str = PLACE) -> bytes:
    return safe.open_under(KEY, len(HEADER), place, sealed)


def test_what_is_sealed_opens_in_its_place() -> None:
    safe = vault()
    sealed = _seal(safe)
    assert _open(safe, sealed) == PLAIN
    assert _open(safe, _seal(safe, b"")) == b""


def test_the_same_content_never_looks_the_same() -> None:
    safe = vault()
    assert _seal(safe) != _seal(safe)


def test_nothing_of_the_content_shows() -> None:
    sealed = _seal(vault())
    assert b"999999" not in sealed
    assert "测试".encode() not in sealed


@pytest.mark.parametrize("place", ["attempt.request:M2", "attempt.answer:M1", "settlement.sheet:M1", ""])
def test_it_does_not_open_in_another_place(place: str) -> None:
    safe = vault()
    with pytest.raises(BlobDamaged):
        _open(safe, _seal(safe), place)


def test_every_changed_bit_is_noticed() -> None:
    safe = vault()
    sealed = _seal(safe)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(BlobDamaged):
            _open(safe, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 12, 28])
def test_a_blob_that_is_too_short_is_damaged(length: int) -> None:
    safe = vault()
    with pytest.raises(BlobDamaged):
        _open(safe, _seal(safe)[:length])


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BlobDamaged):
        vault().open_under(bytes(16), len(HEADER), PLACE, _seal(vault()))
    with pytest.raises(BlobDamaged):
        vault(b"\x01" * 16).unwrap_key(
            "day_key:2026-11-23:identity", vault().new_key("day_key:2026-11-23:identity")[1]
        )


def test_a_blob_of_schema_1_opens_in_its_place_only() -> None:
    """Its header is not bound in, and its key comes from the field key."""
    key = hmac_sm3(FIELD_KEY, b"journal sealing")[:16]
    old = b"\x01" + bytes(12) + gcm_seal(key, bytes(12), PLAIN, PLACE.encode())
    assert vault().open(PLACE, old) == PLAIN
    for place, sealed in (
        ("attempt.request:M2", old),
        (PLACE, old[:-1]),
        (PLACE, old[:20]),
        (PLACE, b"\x02" + old[1:]),
    ):
        with pytest.raises(BlobDamaged):
            vault().open(place, sealed)


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
