"""SM2: signatures agree with the standard, and hostile signatures, ids and keys are refused."""

import copy
import pickle
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.gm import sm2
from protocols.gm.errors import InvalidKey, InvalidSignatureEncoding
from protocols.gm.sm2 import DEFAULT_SIGNER_ID, N, PrivateKey, PublicKey
from tests.protocols.gm import reference_sm2
from tests.vectors.gm.load import vectors

VECTORS = vectors("sm2")
STANDARD = VECTORS["standard"]
LENGTHS = VECTORS["der_lengths"]
DATA = "合计 83.30 元".encode()


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.from_scalar(bytes.fromhex(LENGTHS["d"]))


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


# Agreement -----------------------------------------------------------------------------------------------------


def test_the_worked_example_of_the_standard_verifies() -> None:
    public = PublicKey(bytes.fromhex(STANDARD["point"]))
    signature = bytes.fromhex(STANDARD["signature"])
    message = STANDARD["message"].encode("ascii")
    assert sm2.verify(public, message, signature)
    assert sm2.verify(public, message, signature, STANDARD["signer_id"].encode("ascii"))
    assert not sm2.verify(public, message + b".", signature)


def test_the_second_implementation_gives_the_standard_example() -> None:
    signer_id = STANDARD["signer_id"].encode("ascii")
    d, k = int(STANDARD["d"], 16), int(STANDARD["k"], 16)
    assert reference_sm2.public_point(d).hex().upper() == STANDARD["point"]
    assert reference_sm2.z_value(bytes.fromhex(STANDARD["point"]), signer_id).hex().upper() == STANDARD["z"]
    signature = reference_sm2.sign(d, k, STANDARD["message"].encode("ascii"), signer_id)
    assert signature.hex().upper() == STANDARD["signature"]


@pytest.mark.parametrize("signer_id", [DEFAULT_SIGNER_ID, b"", b"SIMSECRET00000000SIMSECRET000000", b"\0a\0"])
def test_our_signature_verifies_in_the_second_implementation(key: PrivateKey, signer_id: bytes) -> None:
    """Among the ids the empty one and one with zero bytes: the id is bytes with a length, not text."""
    signature = sm2.sign(key, DATA, signer_id)
    assert len(signature) == sm2.SIGNATURE_BYTES
    assert reference_sm2.verify(key.public_key.point, DATA, signature, signer_id)
    assert sm2.verify(key.public_key, DATA, signature, signer_id)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"a\0b", bytes(range(256)) * 300], ids=["empty", "zero", "inner", "long"]
)
def test_any_bytes_can_be_signed(key: PrivateKey, data: bytes) -> None:
    signature = sm2.sign(key, data)
    assert sm2.verify(key.public_key, data, signature)
    assert not sm2.verify(key.public_key, data + b"\0", signature)


def test_two_signatures_of_the_same_data_differ(key: PrivateKey) -> None:
    assert sm2.sign(key, DATA) != sm2.sign(key, DATA)


def test_signing_and_verifying_from_several_threads(key: PrivateKey) -> None:
    results: list[bool] = []

    def work(number: int) -> None:
        for turn in range(10):
            data = f"{number} {turn}".encode("ascii")
            results.append(sm2.verify(key.public_key, data, sm2.sign(key, data)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40


# Signer id -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [b"", b"1234567812345679", b"1234567812345678\0", b"12345678", b"ALICE123@YAHOO.COM"]
)
def test_a_signature_under_the_default_id_fails_under_any_other(key: PrivateKey, wrong: bytes) -> None:
    signature = sm2.sign(key, DATA)
    assert sm2.verify(key.public_key, DATA, signature, DEFAULT_SIGNER_ID)
    assert not sm2.verify(key.public_key, DATA, signature, wrong)


def test_an_empty_id_is_not_the_default_id(key: PrivateKey) -> None:
    signature = sm2.sign(key, DATA, b"")
    assert sm2.verify(key.public_key, DATA, signature, b"")
    assert not sm2.verify(key.public_key, DATA, signature)


def test_an_id_whose_length_does_not_fit_is_a_mistake_of_ours(key: PrivateKey) -> None:
    longest = b"x" * 8190
    assert sm2.verify(key.public_key, DATA, sm2.sign(key, DATA, longest), longest)
    with pytest.raises(ValueError, match="signer id"):
        sm2.sign(key, DATA, longest + b"x")


# Hostile signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", ["70", "71", "72"])
def test_signatures_whose_der_has_70_71_and_72_bytes_verify(key: PrivateKey, length: str) -> None:
    signature = bytes.fromhex(LENGTHS["signatures"][length])
    der = sm2.raw_to_der(signature)
    assert len(der) == int(length)
    assert sm2.der_to_raw(der) == signature
    assert sm2.verify(key.public_key, LENGTHS["message"].encode("ascii"), signature)


@pytest.mark.parametrize(
    ("r", "s", "length"),
    [
        (1, 1, 8),
        (0x7F, 0x80, 9),
        (1, N - 1, 40),
        (N - 1, N - 1, 72),
        (2**248 - 1, 2**247 - 1, 69),
        (256, 2**255, 41),
    ],
)
def test_small_and_large_numbers_have_one_shortest_der(r: int, s: int, length: int) -> None:
    der = sm2.raw_to_der(raw(r, s))
    assert len(der) == length
    assert sm2.der_to_raw(der) == raw(r, s)


OUT_OF_RANGE = {
    "r zero": (0, 1),
    "s zero": (1, 0),
    "both zero": (0, 0),
    "r is n": (N, 1),
    "s is n": (1, N),
    "r above n": (N + 1, 1),
    "s above n": (1, N + 1),
    "all ones": (2**256 - 1, 2**256 - 1),
}


@pytest.mark.parametrize(("r", "s"), OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_numbers_out_of_range_are_never_a_signature(key: PrivateKey, r: int, s: int) -> None:
    assert not sm2.verify(key.public_key, DATA, raw(r, s))
    with pytest.raises(InvalidSignatureEncoding):
        sm2.raw_to_der(raw(r, s))

    def integer(number: int) -> bytes:
        content = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return bytes((2, len(content))) + content

    body = integer(r) + integer(s)
    with pytest.raises(InvalidSignatureEncoding):
        sm2.der_to_raw(bytes((0x30, len(body))) + body)


def test_raw_signatures_of_any_other_length_are_refused(key: PrivateKey) -> None:
    signature = sm2.sign(key, DATA)
    der = sm2.raw_to_der(signature)
    others = [b"", signature[:63], signature + b"\0", b"\0" + signature, signature[:32], signature * 2, der]
    padded = b"\0" + signature[:32] + b"\0" + signature[32:]
    for other in [*others, padded, signature.hex().encode("ascii")]:
        assert not sm2.verify(key.public_key, DATA, other)
        with pytest.raises(InvalidSignatureEncoding):
            sm2.raw_to_der(other)


BAD_DER = {
    "empty": "",
    "cut after the tag": "30",
    "cut": "30060201010201",
    "trailing byte": "300602010102010100",
    "trailing byte counted in": "30070201010201010000",
    "third number": "3009020101020101020101",
    "r padded": "3007 02020001 020101",
    "s padded": "3007 020101 02020001",
    "r negative": "3006020181020101",
    "s negative": "3006020101020181",
    "r negative at full width": "3025 0220" + "ff" * 32 + "020101",
    "long form of the length": "308106020101020101",
    "long form inside": "300702810101020101",
    "indefinite length": "3080020101020101 0000",
    "set instead of sequence": "3106020101020101",
    "octets instead of a number": "3006040101020101",
    "octets instead of the second number": "3006020101040101",
    "empty number": "30050200020101",
    "length too small": "3005020101020101",
    "length too large": "3007020101020101",
    "r runs over the end": "3006020901020101",
    "r of 34 bytes": "3027 0222" + "01" * 34 + "020101",
    "r of 33 bytes above 2**256": "3026 0221" + "01" * 33 + "020101",
    "twice": "3006020101020101" * 2,
}


@pytest.mark.parametrize("text", BAD_DER.values(), ids=BAD_DER)
def test_der_that_is_not_the_shortest_form_is_refused(text: str) -> None:
    der = bytes.fromhex(text)
    with pytest.raises(InvalidSignatureEncoding):
        sm2.der_to_raw(der)


@given(der=st.binary(max_size=80))
@example(der=bytes.fromhex("3006020101020101"))
def test_random_bytes_are_refused_or_come_back_the_same(der: bytes) -> None:
    try:
        signature = sm2.der_to_raw(der)
    except InvalidSignatureEncoding:
        return
    assert sm2.raw_to_der(signature) == der


@given(r=st.integers(1, N - 1), s=st.integers(1, N - 1))
def test_every_pair_in_range_survives_the_way_through_der(r: int, s: int) -> None:
    assert sm2.der_to_raw(sm2.raw_to_der(raw(r, s))) == raw(r, s)


@pytest.mark.parametrize("seed", range(3))
def test_one_flipped_bit_anywhere_breaks_a_signature(key: PrivateKey, seed: int) -> None:
    signature = bytes.fromhex(LENGTHS["signatures"]["71"])
    for position in random.Random(seed).sample(range(512), 20):
        changed = bytearray(signature)
        changed[position // 8] ^= 1 << position % 8
        assert not sm2.verify(key.public_key, LENGTHS["message"].encode("ascii"), bytes(changed))


def test_another_key_does_not_verify(key: PrivateKey) -> None:
    other = PrivateKey.from_scalar(b"\x12" * 32)
    assert not sm2.verify(other.public_key, DATA, sm2.sign(key, DATA))


# Keys ----------------------------------------------------------------------------------------------------------


def bad_points(point: bytes) -> dict[str, bytes]:
    x, y = point[1:33], point[33:]
    p = reference_sm2.P
    return {
        "empty": b"",
        "infinity": b"\0",
        "compressed": bytes((2 + y[-1] % 2,)) + x,
        "hybrid": bytes((6 + y[-1] % 2,)) + x + y,
        "without the leading 04": x + y,
        "cut": point[:-1],
        "padded": point + b"\0",
        "off the curve": point[:-1] + bytes((point[-1] ^ 1,)),
        "zero": b"\4" + bytes(64),
        "x not below p": b"\4" + p.to_bytes(32, "big") + y,
        "all ones": b"\4" + b"\xff" * 64,
        "generator of P-256": bytes.fromhex(
            "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
            "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
        ),
    }


@pytest.mark.parametrize("name", bad_points(bytes(65)))
def test_points_that_are_no_whole_point_of_the_curve_are_refused(key: PrivateKey, name: str) -> None:
    with pytest.raises(InvalidKey):
        PublicKey(bad_points(key.public_key.point)[name])


@pytest.mark.parametrize("number", [0, N - 1, N, N + 1, 2**256 - 1])
def test_private_numbers_out_of_range_are_refused(number: int) -> None:
    with pytest.raises(InvalidKey):
        PrivateKey.from_scalar(number.to_bytes(32, "big"))


@pytest.mark.parametrize("number", [1, 2, N - 2])
def test_the_first_and_last_private_numbers_work(number: int) -> None:
    key = PrivateKey.from_scalar(number.to_bytes(32, "big"))
    assert key.public_key.point == reference_sm2.public_point(number)
    assert sm2.verify(key.public_key, DATA, sm2.sign(key, DATA))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_private_numbers_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(InvalidKey):
        PrivateKey.from_scalar(b"\x11" * size)


def test_a_new_key_is_a_function_of_the_randomness_handed_in() -> None:
    answers = iter([bytes(32), b"\xff" * 32, b"\x11" * 32])
    asked: list[int] = []

    def draw(count: int) -> bytes:
        asked.append(count)
        return next(answers)

    assert PrivateKey.generate(draw).public_key == PrivateKey.from_scalar(b"\x11" * 32).public_key
    assert asked == [32, 32, 32]


def test_public_keys_are_equal_by_their_bytes(key: PrivateKey) -> None:
    point = key.public_key.point
    assert PublicKey(point) == PublicKey(point)
    assert {PublicKey(point), PublicKey(point)} == {key.public_key}
    assert PublicKey(point) != PrivateKey.from_scalar(b"\x12" * 32).public_key
    assert PublicKey(point).__eq__(point) is False


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_private_key_cannot_be_copied_and_shows_nothing(
    key: PrivateKey, copier: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copier(key)
    assert LENGTHS["d"] not in repr(key)
