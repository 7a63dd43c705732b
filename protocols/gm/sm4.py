"""SM4 (GB/T 32907) in the modes that occur at a counter: ECB, CBC and GCM (RFC 8998).

Keys and blocks are 16 bytes. Initial values and nonces are handed in: nothing here draws random numbers. ECB gives no
integrity and shows equal blocks; it is here because interfaces prescribe it.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from protocols.gm.errors import DecryptionFailed

KEY_BYTES: Final = 16
BLOCK_BYTES: Final = 16
GCM_NONCE_BYTES: Final = 12
GCM_TAG_BYTES: Final = 16


def ecb_encrypt(key: bytes, blocks: bytes) -> bytes:
    """Encrypt whole 16-byte blocks, each by itself, without padding; raises `ValueError` for a broken block or key."""
    return _encrypt(key, modes.ECB(), blocks)


def ecb_decrypt(key: bytes, blocks: bytes) -> bytes:
    """Undo `ecb_encrypt`; raises `ValueError` for a broken block or key."""
    return _decrypt(key, modes.ECB(), blocks)


def ecb_pkcs7_encrypt(key: bytes, data: bytes) -> bytes:
    """Pad `data` to whole blocks (PKCS#7; a full block when already whole) and encrypt them."""
    return _encrypt(key, modes.ECB(), _pad(data))


def ecb_pkcs7_decrypt(key: bytes, encrypted: bytes) -> bytes:
    """Undo `ecb_pkcs7_encrypt`; raises `DecryptionFailed` when length or padding is not right."""
    return _unpad(_decrypt(key, modes.ECB(), _whole(encrypted)))


def cbc_encrypt(key: bytes, iv: bytes, blocks: bytes) -> bytes:
    """Encrypt whole 16-byte blocks chained from the 16-byte `iv`, without padding (the last block serves as a MAC)."""
    return _encrypt(key, modes.CBC(iv), blocks)


def cbc_decrypt(key: bytes, iv: bytes, blocks: bytes) -> bytes:
    """Undo `cbc_encrypt`; raises `ValueError` for a broken block, iv or key."""
    return _decrypt(key, modes.CBC(iv), blocks)


def cbc_pkcs7_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Pad `data` (PKCS#7) and encrypt it chained from the 16-byte `iv`."""
    return _encrypt(key, modes.CBC(iv), _pad(data))


def cbc_pkcs7_decrypt(key: bytes, iv: bytes, encrypted: bytes) -> bytes:
    """Undo `cbc_pkcs7_encrypt`; raises `DecryptionFailed` when length or padding is not right."""
    return _unpad(_decrypt(key, modes.CBC(iv), _whole(encrypted)))


def gcm_seal(key: bytes, nonce: bytes, data: bytes, associated: bytes = b"") -> bytes:
    """Return ciphertext || 16-byte tag over `data` and `associated` (authenticated, not hidden).

    `nonce` is 12 bytes and must never serve twice with one key: a repeat gives the plain text away.
    """
    _check_nonce(nonce)
    encryptor = Cipher(SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
    """Return the plain text of `gcm_seal`; raises `DecryptionFailed` if key, nonce or any byte is not the same."""
    _check_nonce(nonce)
    if len(sealed) < GCM_TAG_BYTES:
        raise DecryptionFailed("shorter than its own tag")
    data, tag = sealed[:-GCM_TAG_BYTES], sealed[-GCM_TAG_BYTES:]
    decryptor = Cipher(SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(associated)
    plain = decryptor.update(data)
    try:
        return plain + decryptor.finalize()
    except InvalidTag:
        raise DecryptionFailed("wrong key, or the sealed bytes were changed") from None


def _encrypt(key: bytes, mode: modes.ECB | modes.CBC, blocks: bytes) -> bytes:
    encryptor = Cipher(SM4(key), mode).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def _decrypt(key: bytes, mode: modes.ECB | modes.CBC, blocks: bytes) -> bytes:
    decryptor = Cipher(SM4(key), mode).decryptor()
    return decryptor.update(blocks) + decryptor.finalize()


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != GCM_NONCE_BYTES:
        raise ValueError("an SM4-GCM nonce has 12 bytes")


def _pad(data: bytes) -> bytes:
    missing = BLOCK_BYTES - len(data) % BLOCK_BYTES
    return data + bytes([missing]) * missing


def _whole(encrypted: bytes) -> bytes:
    if not encrypted or len(encrypted) % BLOCK_BYTES:
        raise DecryptionFailed("not a whole number of blocks")
    return encrypted


def _unpad(padded: bytes) -> bytes:
    missing = padded[-1]
    if not 1 <= missing <= BLOCK_BYTES or padded[-missing:] != bytes([missing]) * missing:
        raise DecryptionFailed("wrong key, or the padding was changed")
    return padded[:-missing]
