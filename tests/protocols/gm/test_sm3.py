"""SM3, HMAC-SM3 and PBKDF2-HMAC-SM3 agree with published and worked values."""

import hashlib
import hmac

import pytest

from protocols.gm.sm3 import DIGEST_BYTES, hmac_sm3, pbkdf2_hmac_sm3, sm3
from tests.vectors.gm.load import vectors

VECTORS = vectors("sm3")


@pytest.mark.parametrize("example", VECTORS["digests"]["examples"], ids=["one block", "64 bytes"])
def test_digests_equal_those_of_the_standard(example: dict[str, str]) -> None:
    assert sm3(example["text"].encode("ascii")) == bytes.fromhex(example["digest"])


def test_the_empty_message_has_a_digest_of_the_usual_size() -> None:
    assert len(sm3(b"")) == DIGEST_BYTES


def test_hmac_equals_the_gateway_example() -> None:
    example = VECTORS["hmac"]
    mac = hmac_sm3(example["key"].encode("ascii"), example["text"].encode("ascii"))
    assert mac.hex().upper() == example["mac"]


@pytest.mark.parametrize("length", [0, 63, 64, 65, 200])
def test_hmac_is_rfc_2104_over_our_sm3_for_keys_around_the_block_size(length: int) -> None:
    key = bytes(range(200))[:length]
    block = (sm3(key) if length > 64 else key).ljust(64, b"\0")
    inner = sm3(bytes(byte ^ 0x36 for byte in block) + b"data")
    assert hmac_sm3(key, b"data") == sm3(bytes(byte ^ 0x5C for byte in block) + inner)


def test_key_derivation_is_rfc_8018_over_our_hmac() -> None:
    rounds = [hmac_sm3(b"password", b"salt" + bytes((0, 0, 0, 1)))]
    for _ in range(2):
        rounds.append(hmac_sm3(b"password", rounds[-1]))
    expected = bytes(a ^ b ^ c for a, b, c in zip(*rounds, strict=True))
    assert pbkdf2_hmac_sm3(b"password", b"salt", 3, 32) == expected
    assert pbkdf2_hmac_sm3(b"password", b"salt", 3, 16) == expected[:16]


def test_a_second_implementation_agrees() -> None:
    """hashlib's SM3 is that of the OpenSSL this Python is linked with, not the one `cryptography` brings."""
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("real part missing: SM3 in this Python's hashlib")
    data = bytes(range(256)) * 5
    assert sm3(data) == hashlib.new("sm3", data).digest()
    assert hmac_sm3(b"key", data) == hmac.new(b"key", data, "sm3").digest()
    assert pbkdf2_hmac_sm3(b"pw", b"salt", 100, 40) == hashlib.pbkdf2_hmac("sm3", b"pw", b"salt", 100, 40)
