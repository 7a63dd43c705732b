"""Encryption of what names people or goods in the journal: SM4-GCM under a field key, bound to its place.

The nonce comes from a random source that is handed in; the associated data is the table, column and row key, so that a
blob moved to another row does not open. Only journals of schema 1 hold blobs sealed like this; since schema 2 they are
sealed under the keys of their day (`day_keys.py`), and what the vault itself seals are those keys.
"""

from collections.abc import Callable

from protocols.gm.errors import DecryptionFailed
from protocols.gm.sm3 import hmac_sm3
from protocols.gm.sm4 import gcm_open, gcm_seal

KEY_LENGTH = 16
_VERSION = b"\x01"
_NONCE_LENGTH = 12
_TAG_LENGTH = 16


class BlobDamaged(Exception):
    """A stored blob does not open: wrong key, damaged or moved. Names the place, never the content."""


class Vault:
    """Seals and opens blobs; also makes the keyed hashes that stand for people and codes."""

    def __init__(self, field_key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        self._sealing_key = hmac_sm3(field_key, b"journal sealing")[:KEY_LENGTH]
        self._wrapping_key = hmac_sm3(field_key, b"journal day keys")[:KEY_LENGTH]
        self._pseudonym_key = hmac_sm3(field_key, b"journal pseudonym")
        self._mac_key = hmac_sm3(field_key, b"journal row mac")
        self._random_bytes = random_bytes

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt a blob of schema 1 for `place` (for example `attempt.request:<msgid>`); raises `BlobDamaged`."""
        if not sealed.startswith(_VERSION):
            raise BlobDamaged(place.split(":")[0])
        return self.open_under(self._sealing_key, len(_VERSION), place, sealed, bound=False)

    def new_key(self, place: str) -> tuple[bytes, bytes]:
        """Return a fresh random SM4 key, and the same key wrapped for `place` (for example `day_key:<day>:identity`)."""
        key = self._random_bytes(KEY_LENGTH)
        return key, self.seal_under(self._wrapping_key, b"", place, key)

    def unwrap_key(self, place: str, wrapped: bytes) -> bytes:
        """Return a key wrapped by `new_key`; raises `BlobDamaged`."""
        return self.open_under(self._wrapping_key, 0, place, wrapped)

    def seal_under(self, key: bytes, header: bytes, place: str, plain: bytes) -> bytes:
        """Return `header`, nonce and `plain` encrypted under `key`, with header and place bound in."""
        nonce = self._random_bytes(_NONCE_LENGTH)
        return header + nonce + gcm_seal(key, nonce, plain, header + place.encode())

    def open_under(
        self, key: bytes, header_length: int, place: str, sealed: bytes, *, bound: bool = True
    ) -> bytes:
        """Decrypt what `seal_under` made with a header of this length; raises `BlobDamaged`.

        Schema 1 did not bind its header in.
        """
        begin = header_length + _NONCE_LENGTH
        if len(sealed) < begin + _TAG_LENGTH:
            raise BlobDamaged(place.split(":")[0])
        associated = (sealed[:header_length] if bound else b"") + place.encode()
        try:
            return gcm_open(key, sealed[header_length:begin], sealed[begin:], associated)
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
