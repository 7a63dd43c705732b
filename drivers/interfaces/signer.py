"""Signing and verifying: the seam behind which a key file, a card or a whole signer process may stand."""

from typing import Protocol

import msgspec


class SignerUnavailable(Exception):
    """The key cannot be used now (locked, missing, device gone). Nothing was signed."""


class KeyDescription(msgspec.Struct, frozen=True):
    """What may be told of a key."""

    key_id: str
    """First 16 hex digits of the SM3 of the public point; stands in every attempt row."""
    public_point: bytes
    """04 || x || y, 65 bytes."""


class Signer(Protocol):
    """Signs for one identity (SM2 with SM3, signer id 1234567812345678)."""

    @property
    def description(self) -> KeyDescription:
        """The key in use."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return r || s, 64 bytes, over `data`; verified before it is returned. Raises `SignerUnavailable`."""
        ...


class Verifier(Protocol):
    """Verifies for one known public key."""

    def verify(self, data: bytes, signature: bytes) -> bool:
        """True only when `signature` (r || s, 64 bytes) is this key's over `data`; any malformed input is False, never an exception."""
        ...
