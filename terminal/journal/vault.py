"""Encryption of what names people or goods in the journal: SM4-GCM under a field key, bound to its place.

The nonce comes from a random source that is handed in; the associated data is the table, column and row key, so that a
blob moved to another row does not open. Day keys and their deletion will sit behind the same two methods.
"""

from collections.abc import Callable

from protocols.gm.errors import DecryptionFailed
from protocols.gm.sm3 import hmac_sm3
from protocols.gm.sm4 import gcm_open, gcm_seal

_VERSION = b"\x01"
_NONCE_LENGTH = 12


class BlobDamaged(Exception):
    """A stored blob does not open: wrong key, damaged or moved. Names the place, never the content."""


class Vault:
    """Seals and opens blobs; also makes the keyed hashes that stand for people and codes."""

    def __init__(self, field_key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        self._sealing_key = hmac_sm3(field_key, b"journal sealing")[:16]
        self._pseudonym_key = hmac_sm3(field_key, b"journal pseudonym")
        self._mac_key = hmac_sm3(field_key, b"journal row mac")
        self._random_bytes = random_bytes

    def seal(self, place: str, plain: bytes) -> bytes:
        """Encrypt `plain` for `place` (for example `attempt.request:<msgid>`)."""
        nonce = self._random_bytes(_NONCE_LENGTH)
        return _VERSION + nonce + gcm_seal(self._sealing_key, nonce, plain, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt; raises `BlobDamaged`."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE_LENGTH + 16:
            raise BlobDamaged(place.split(":")[0])
        nonce, body = sealed[1 : 1 + _NONCE_LENGTH], sealed[1 + _NONCE_LENGTH :]
        try:
            return gcm_open(self._sealing_key, nonce, body, place.encode())
        except DecryptionFailed as damaged:
            raise BlobDamaged(place.split(":")[0]) from damaged

    def pseudonym(self, person_number: str) -> str:
        """Stand-in for a person number: 24 hex digits, the same for the same person on this counter only."""
        return hmac_sm3(self._pseudonym_key, b"person:" + person_number.encode())[:12].hex()

    def code_mark(self, code: str) -> str:
        """Keyed hash of a scanned certificate code (abuse case T02), 64 hex digits."""
        return hmac_sm3(self._pseudonym_key, b"code:" + code.encode()).hex()

    def mac(self, data: bytes) -> bytes:
        """Message authentication code over a row's canonical columns (HMAC-SM3, 32 bytes)."""
        return hmac_sm3(self._mac_key, data)
