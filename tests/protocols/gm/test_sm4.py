"""SM4 agrees with the standard, and refuses what was changed or cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.gm import sm4
from protocols.gm.errors import DecryptionFailed
from tests.vectors.gm.load import vectors

VECTORS = vectors("sm4")
BLOCK = {name: bytes.fromhex(text) for name, text in VECTORS["block"].items() if name != "origin"}
GCM = {name: bytes.fromhex(text) for name, text in VECTORS["gcm"].items() if name != "origin"}
KEY = BLOCK["key"]
IV = bytes(range(16))


def test_one_block_equals_the_standard() -> None:
    assert sm4.ecb_encrypt(KEY, BLOCK["plain"]) == BLOCK["encrypted"]
    assert sm4.ecb_decrypt(KEY, BLOCK["encrypted"]) == BLOCK["plain"]


def test_a_million_encryptions_in_a_row_equal_the_standard() -> None:
    """Chaining blocks of zeros from an initial value encrypts that value again and again."""
    chained = sm4.cbc_encrypt(KEY, BLOCK["plain"], bytes(16 * 1_000_000))
    assert chained[:16] == BLOCK["encrypted"]
    assert chained[-16:] == BLOCK["encrypted_1000000_times"]


def test_the_check_value_of_a_pin_pad_key() -> None:
    example = VECTORS["check_value"]
    assert (
        sm4.ecb_encrypt(bytes.fromhex(example["key"]), bytes(16))[:3].hex().upper() == example["check_value"]
    )


def test_gcm_equals_rfc_8998() -> None:
    sealed = sm4.gcm_seal(GCM["key"], GCM["nonce"], GCM["plain"], GCM["associated"])
    assert sealed == GCM["encrypted"] + GCM["tag"]
    assert sm4.gcm_open(GCM["key"], GCM["nonce"], sealed, GCM["associated"]) == GCM["plain"]


@given(data=st.binary(max_size=70))
def test_what_is_encrypted_comes_back(data: bytes) -> None:
    assert sm4.ecb_pkcs7_decrypt(KEY, sm4.ecb_pkcs7_encrypt(KEY, data)) == data
    assert sm4.cbc_pkcs7_decrypt(KEY, IV, sm4.cbc_pkcs7_encrypt(KEY, IV, data)) == data
    assert sm4.gcm_open(KEY, bytes(12), sm4.gcm_seal(KEY, bytes(12), data, b"row"), b"row") == data


def test_padding_adds_a_whole_block_to_whole_blocks() -> None:
    assert len(sm4.ecb_pkcs7_encrypt(KEY, bytes(16))) == 32
    assert len(sm4.cbc_pkcs7_encrypt(KEY, IV, b"")) == 16


def test_cbc_without_padding_is_the_same_chain() -> None:
    padded = sm4.cbc_pkcs7_encrypt(KEY, IV, bytes(32))
    assert sm4.cbc_encrypt(KEY, IV, bytes(32)) == padded[:32]
    assert sm4.cbc_decrypt(KEY, IV, padded[:32]) == bytes(32)


def test_every_flipped_bit_breaks_a_seal() -> None:
    sealed = sm4.gcm_seal(KEY, bytes(12), b"data", b"row 1")
    for position in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(DecryptionFailed):
            sm4.gcm_open(KEY, bytes(12), bytes(changed), b"row 1")


@pytest.mark.parametrize(
    ("key", "nonce", "associated", "cut"),
    [
        (bytes(16), bytes(12), b"row 1", None),
        (KEY, b"\1" * 12, b"row 1", None),
        (KEY, bytes(12), b"row 2", None),
        (KEY, bytes(12), b"", None),
        (KEY, bytes(12), b"row 1", -1),
        (KEY, bytes(12), b"row 1", 15),
        (KEY, bytes(12), b"row 1", 0),
    ],
    ids=["key", "nonce", "associated", "no associated", "last byte", "less than a tag", "nothing"],
)
def test_a_seal_opens_only_whole_and_in_its_place(
    key: bytes, nonce: bytes, associated: bytes, cut: int | None
) -> None:
    sealed = sm4.gcm_seal(KEY, bytes(12), b"data", b"row 1")
    with pytest.raises(DecryptionFailed):
        sm4.gcm_open(key, nonce, sealed[:cut], associated)


@pytest.mark.parametrize("encrypted", [b"", bytes(15), bytes(17)], ids=["empty", "cut", "extra byte"])
def test_broken_lengths_are_refused(encrypted: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        sm4.ecb_pkcs7_decrypt(KEY, encrypted)
    with pytest.raises(DecryptionFailed):
        sm4.cbc_pkcs7_decrypt(KEY, IV, encrypted)


@pytest.mark.parametrize(
    "ending", ["00", "11", "0302", "020202030303ff03"], ids=["zero", "17", "unlike", "mixed"]
)
def test_broken_padding_is_refused(ending: str) -> None:
    block = bytes.fromhex(ending).rjust(16, b"\xee")
    with pytest.raises(DecryptionFailed):
        sm4.ecb_pkcs7_decrypt(KEY, sm4.ecb_encrypt(KEY, block))


def test_wrong_sizes_of_keys_ivs_and_nonces_are_mistakes_of_ours() -> None:
    with pytest.raises(ValueError, match="key"):
        sm4.ecb_encrypt(bytes(15), bytes(16))
    with pytest.raises(ValueError, match="IV"):
        sm4.cbc_encrypt(KEY, bytes(15), bytes(16))
    for nonce in (b"", bytes(11), bytes(16)):
        with pytest.raises(ValueError, match="nonce"):
            sm4.gcm_seal(KEY, nonce, b"")
        with pytest.raises(ValueError, match="nonce"):
            sm4.gcm_open(KEY, nonce, bytes(16))
    with pytest.raises(ValueError, match="block"):
        sm4.ecb_encrypt(KEY, bytes(17))
