"""SM2 signatures with SM3 (GB/T 32918.2, curve of GB/T 32918.5), as the hub and the e-certificate centre use them.

A signature is r || s, 64 bytes; DER exists only at the border to libcrypto and for profiles that send it. The signer
id (用户标识) is part of what is signed and always explicit: an empty id is a different id, not the default one.

Everything here is a function of its arguments except `sign`, which draws a fresh nonce inside libcrypto.
Keys may be used from several threads at once.
"""

import base64
from collections.abc import Callable
from typing import Final, NoReturn

from protocols.gm.errors import InvalidKey, InvalidSignatureEncoding
from protocols.gm.libcrypto import SPKI_PREFIX, KeyHandle, libcrypto

DEFAULT_SIGNER_ID: Final = b"1234567812345678"
"""The id everybody uses who was told no other (GM/T 0009)."""

N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""Order of the curve's base point (GB/T 32918.5)."""

SIGNATURE_BYTES: Final = 64
POINT_BYTES: Final = 65


class PublicKey:
    """A verified point of the curve. Equal and hashable by its bytes."""

    __slots__ = ("_handle", "point")

    point: bytes
    """04 || x || y, 65 bytes."""

    def __init__(self, point: bytes) -> None:
        """Take 04 || x || y; raises `InvalidKey` for a compressed, cut or padded point and one off the curve."""
        self._handle: KeyHandle = libcrypto().public_key_from_point(point)
        self.point = point

    @classmethod
    def from_pem(cls, pem: bytes) -> "PublicKey":
        """Load a SubjectPublicKeyInfo ("PUBLIC KEY") in PEM; raises `InvalidKey`, also for keys of other curves."""
        library = libcrypto()
        return cls(library.public_point(library.public_key_from_pem(pem)))

    @classmethod
    def from_certificate(cls, certificate: bytes) -> "PublicKey":
        """Take the key out of an X.509 certificate, PEM or DER; raises `InvalidKey`.

        Neither the certificate's signature nor its dates are judged: the caller trusts where it came from.
        """
        library = libcrypto()
        return cls(library.public_point(library.public_key_from_certificate(certificate)))

    def to_pem(self) -> bytes:
        """Return SubjectPublicKeyInfo in PEM."""
        return _pem("PUBLIC KEY", SPKI_PREFIX + self.point)

    def verify(self, data: bytes, signature: bytes, signer_id: bytes = DEFAULT_SIGNER_ID) -> bool:
        """True only when `signature` (r || s, 64 bytes) is this key's over `data` under `signer_id`.

        Anything else that may arrive as a signature is False, never an exception.
        """
        try:
            der = raw_to_der(signature)
        except InvalidSignatureEncoding:
            return False
        return libcrypto().verify(self._handle, data, der, signer_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.point == other.point

    def __hash__(self) -> int:
        return hash(self.point)

    def __repr__(self) -> str:
        return f"PublicKey({self.point.hex()})"


class PrivateKey:
    """A private key held by libcrypto, wiped when the last reference goes. Shows nothing of itself; not copyable."""

    __slots__ = ("_handle", "public_key")

    public_key: PublicKey

    def __init__(self, handle: KeyHandle) -> None:
        """Use `from_scalar`, `from_pem` or `generate`."""
        self._handle = handle
        self.public_key = PublicKey(libcrypto().public_point(handle))

    @classmethod
    def from_scalar(cls, scalar: bytes) -> "PrivateKey":
        """Make the key of a 32-byte big-endian number; raises `InvalidKey` outside 1 .. n-2."""
        return cls(libcrypto().private_key_from_scalar(scalar))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> "PrivateKey":
        """Load PKCS#8 (plain or encrypted) or SEC1 in PEM. Never asks for a password.

        Raises `PasswordRefused` when the key is encrypted and `password` is missing or wrong, `InvalidKey` when it is
        not an SM2 private key.
        """
        return cls(libcrypto().private_key_from_pem(pem, password))

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> "PrivateKey":
        """Make a new key from handed-in randomness (`secrets.token_bytes`, or a seeded source in a simulation).

        `random_bytes(32)` is asked again while the number falls outside 1 .. n-2, which happens once in 2**32.
        """
        while True:
            scalar = random_bytes(32)
            if 1 <= int.from_bytes(scalar, "big") <= N - 2:
                return cls.from_scalar(scalar)

    def to_encrypted_pem(self, password: bytes, salt: bytes, iv: bytes, iterations: int) -> bytes:
        """Return encrypted PKCS#8 in PEM (PBKDF2 with HMAC-SHA-256, SM4-CBC).

        `salt` (8 bytes or more) and `iv` (16 bytes) must be fresh random bytes. Raises `ValueError` for an empty
        password and for arguments out of range.
        """
        if not password:
            raise ValueError("a private key is never written without a password")
        if len(iv) != 16 or len(salt) < 8 or iterations < 1:
            raise ValueError("an iv of 16 bytes, a salt of 8 or more and at least one iteration are needed")
        der = libcrypto().encrypted_pkcs8(self._handle, password, salt, iv, iterations)
        return _pem("ENCRYPTED PRIVATE KEY", der)

    def sign(self, data: bytes, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """Return r || s, 64 bytes, over `data` under `signer_id`. Two calls give two different signatures."""
        return der_to_raw(libcrypto().sign(self._handle, data, signer_id))

    def __repr__(self) -> str:
        return f"PrivateKey(public_key={self.public_key!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be copied or pickled")


def sign(key: PrivateKey, data: bytes, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
    """Return r || s, 64 bytes, over `data`; the only function of `protocols` that is not deterministic."""
    return key.sign(data, signer_id)


def verify(key: PublicKey, data: bytes, signature: bytes, signer_id: bytes = DEFAULT_SIGNER_ID) -> bool:
    """True only when `signature` (r || s, 64 bytes) is the key's over `data`; malformed signatures are False."""
    return key.verify(data, signature, signer_id)


def raw_to_der(raw: bytes) -> bytes:
    """Turn r || s (64 bytes) into SEQUENCE { INTEGER r, INTEGER s } (GM/T 0009, 7.3): 8 to 72 bytes.

    Raises `InvalidSignatureEncoding` when the length is wrong or r or s is outside 1 .. n-1.
    """
    if len(raw) != SIGNATURE_BYTES:
        raise InvalidSignatureEncoding("a raw SM2 signature has 64 bytes")
    body = _der_integer(raw[:32]) + _der_integer(raw[32:])
    return bytes((0x30, len(body))) + body


def der_to_raw(der: bytes) -> bytes:
    """Turn a strict DER signature into r || s, 64 bytes.

    Only the one shortest encoding is accepted: raises `InvalidSignatureEncoding` for padded, negative, too large or
    zero numbers, long-form lengths and bytes left over.
    """
    if len(der) < 8 or der[0] != 0x30 or der[2] != 0x02:
        raise InvalidSignatureEncoding("not a DER sequence of two integers")
    r_end = 4 + der[3]
    if r_end + 2 > len(der):
        raise InvalidSignatureEncoding("the DER signature is cut")
    r, s = der[4:r_end], der[r_end + 2 :]
    raw = r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")
    # Whatever was odd in the input is not in its re-encoding: one comparison instead of a list of special cases.
    if raw_to_der(raw) != der:
        raise InvalidSignatureEncoding("the DER signature is not in its shortest form")
    return raw


def _der_integer(number: bytes) -> bytes:
    value = int.from_bytes(number, "big")
    if not 1 <= value < N:
        raise InvalidSignatureEncoding("r or s is outside 1 .. n-1")
    content = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((0x02, len(content))) + content


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")


__all__ = [
    "DEFAULT_SIGNER_ID",
    "POINT_BYTES",
    "SIGNATURE_BYTES",
    "InvalidKey",
    "InvalidSignatureEncoding",
    "N",
    "PrivateKey",
    "PublicKey",
    "der_to_raw",
    "raw_to_der",
    "sign",
    "verify",
]
