"""The cheap keys of simulations: the shape of SM2 signatures, deterministic, bound to key and content."""

from simulators.cheap_signing import CheapKey


def test_a_signature_is_64_bytes_and_always_the_same() -> None:
    first, second = CheapKey("hub 1"), CheapKey("hub 1")
    assert first.sign(b"data") == second.sign(b"data")
    assert len(first.sign(b"data")) == 64
    assert first.description == second.description
    assert len(first.description.public_point) == 65


def test_only_this_keys_signature_over_this_content_verifies() -> None:
    key = CheapKey("hub 1")
    signature = key.sign(b"data")
    assert key.verify(b"data", signature)
    assert not key.verify(b"date", signature)
    assert not CheapKey("hub 2").verify(b"data", signature)
    assert not key.verify(b"data", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not key.verify(b"data", b"")
