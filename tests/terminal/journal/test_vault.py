"""The vault: what it seals opens in its place only, and its stand-ins say nothing."""

import random

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
