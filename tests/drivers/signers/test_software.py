"""The software signer keeps the contract: verified before it is given out, or nothing."""

import pytest

from drivers.interfaces.signer import Signer, SignerUnavailable, Verifier
from drivers.signers import Sm2Verifier, SoftwareSigner, describe
from protocols.gm.errors import NativeFailure
from protocols.gm.sm2 import N, PrivateKey, PublicKey
from protocols.gm.sm3 import sm3

DATA = b"data"


@pytest.fixture
def key() -> PrivateKey:
    return PrivateKey.from_scalar(b"\x11" * 32)


def test_a_signature_verifies_and_is_64_bytes(key: PrivateKey) -> None:
    signer: Signer = SoftwareSigner(key)
    verifier: Verifier = Sm2Verifier(key.public_key)
    signature = signer.sign(DATA)
    assert len(signature) == 64
    assert verifier.verify(DATA, signature)
    assert not verifier.verify(DATA + b".", signature)


def test_the_description_carries_point_and_key_id(key: PrivateKey) -> None:
    description = SoftwareSigner(key).description
    assert description.public_point == key.public_key.point
    assert description.key_id == sm3(key.public_key.point).hex()[:16]
    assert description == describe(key.public_key) == Sm2Verifier(key.public_key).description


def test_another_signer_id_is_another_signature(key: PrivateKey) -> None:
    signature = SoftwareSigner(key, b"app secret").sign(DATA)
    assert Sm2Verifier(key.public_key, b"app secret").verify(DATA, signature)
    assert not Sm2Verifier(key.public_key).verify(DATA, signature)


@pytest.mark.parametrize(
    "signature",
    [b"", b"x", bytes(64), b"\xff" * 64, bytes(65), N.to_bytes(32, "big") * 2, b"\x30" + bytes(71)],
)
def test_malformed_signatures_are_false_and_never_an_exception(key: PrivateKey, signature: bytes) -> None:
    assert Sm2Verifier(key.public_key).verify(DATA, signature) is False


def test_a_signature_that_does_not_verify_is_not_given_out(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey
) -> None:
    def fault(_self: PrivateKey, _data: bytes, _signer_id: bytes) -> bytes:
        return b"\x01" * 64

    monkeypatch.setattr(PrivateKey, "sign", fault)
    with pytest.raises(SignerUnavailable, match="thrown away"):
        SoftwareSigner(key).sign(DATA)


@pytest.mark.parametrize(("owner", "call"), [(PrivateKey, "sign"), (PublicKey, "verify")])
def test_a_failing_library_is_an_unavailable_signer(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey, owner: type, call: str
) -> None:
    def fail(*_arguments: object) -> bytes:
        raise NativeFailure("libcrypto failed while signing")

    monkeypatch.setattr(owner, call, fail)
    with pytest.raises(SignerUnavailable, match="libcrypto failed"):
        SoftwareSigner(key).sign(DATA)


def test_a_signer_shows_its_key_id_only(key: PrivateKey) -> None:
    assert repr(SoftwareSigner(key)) == f"SoftwareSigner(key_id='{describe(key.public_key).key_id}')"
