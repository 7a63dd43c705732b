"""Cheap keys for simulations: 64 bytes of keyed BLAKE2b (RFC 7693) where the real thing is an SM2 signature.

Same shape and same seams (`Signer`, `Verifier`), a hundred times faster, and deterministic: the same bytes give the same
signature in every run. Whoever holds the key can both sign and verify, so this proves nothing outside a simulation.
"""

from hashlib import blake2b

from drivers.interfaces.signer import KeyDescription
from protocols.gm.sm3 import sm3


class CheapKey:
    """One key pair in one object. Implements `Signer` and `Verifier`."""

    def __init__(self, name: str) -> None:
        """Keys of the same name are the same key."""
        self._key = sm3(b"cheap key: " + name.encode())
        self._description = KeyDescription(self._key.hex()[:16], b"\x04" + self._key + sm3(self._key))

    @property
    def description(self) -> KeyDescription:
        """See `Signer`."""
        return self._description

    def sign(self, data: bytes) -> bytes:
        """See `Signer`: 64 bytes."""
        return blake2b(data, key=self._key).digest()

    def verify(self, data: bytes, signature: bytes) -> bool:
        """See `Verifier`."""
        return signature == self.sign(data)
