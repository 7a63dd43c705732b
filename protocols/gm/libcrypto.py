"""SM2 through the system's OpenSSL 3 (`libcrypto`), called with ctypes through its EVP interface.

The one native module of `protocols`: it opens no files and keeps no state but the loaded library. Everything here
takes and gives bytes; `protocols.gm.sm2` is the door for the rest of the code.

Five habits, all of them learned from ways in which this goes wrong:

* The signer id is always set. libcrypto's own default is an *empty* id, which is not the usual 1234567812345678.
* A key is asked whether it is SM2. P-256 keys load through the same calls and would sign with the wrong curve.
* A password is given by a callback that never asks anybody. Without one, libcrypto may prompt on the terminal.
* Only the answer 1 of a verification is "yes": 0 is "no" and -1 is "not even a signature".
* Every failing call leaves this thread's error queue empty and frees what it made.

A key is freed once, when the last reference to its `KeyHandle` goes; there is no `close`, so no other thread can
pull a key away from under a running signature. Calls that take long (sign, verify, opening an encrypted key) release
the interpreter lock; the short ones keep it, because taking it back can cost more than the call.
"""

import ctypes
import ctypes.util
import functools
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from protocols.gm.errors import InvalidKey, LibraryUnavailable, NativeFailure, PasswordRefused

MAX_SIGNER_ID_BYTES: Final = 8190
"""The id's length in bits must fit in two bytes (GB/T 32918.2, 5.5: ENTL); libcrypto allows one byte less."""

_MAX_DER_SIGNATURE_BYTES: Final = 72

# SubjectPublicKeyInfo { id-ecPublicKey, sm2 (1.2.156.10197.1.301) } up to the 65 bytes of the point.
SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
# PKCS#8 { version 0, id-ecPublicKey, sm2, ECPrivateKey { version 1, ... up to the 32 bytes of the number.
_PKCS8_PREFIX: Final = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420")

_VOID: Final = ctypes.c_void_p
_BYTES: Final = ctypes.c_char_p
_INT: Final = ctypes.c_int
_SIZE: Final = ctypes.c_size_t
_LONG: Final = ctypes.c_long
_PASSWORD_CALLBACK: Final = ctypes.CFUNCTYPE(_INT, _VOID, _INT, _INT, _VOID)

# Result, then BIO, where to put it, password callback, what to hand to the callback.
_PEM_READER: Final = (_VOID, _VOID, _VOID, _PASSWORD_CALLBACK, _VOID)

_Function = Callable[..., Any]


class KeyHandle:
    """One `EVP_PKEY`, private or public: freed (a private one wiped) once, when nobody refers to it any more."""

    __slots__ = ("__weakref__", "pointer")

    def __init__(self, pointer: int, free: Callable[[int], object]) -> None:
        self.pointer = pointer
        # Not at interpreter exit: a thread may still be signing then, and the memory goes with the process anyway.
        weakref.finalize(self, free, pointer).atexit = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key handle cannot be copied or pickled")


class Libcrypto:
    """The functions of one loaded libcrypto, with their prototypes prepared once."""

    def __init__(self, path: str) -> None:
        """Load the library at `path` (a file name or a soname); raises `LibraryUnavailable` if it cannot do SM2."""
        self.path = path
        try:
            # The same library twice: `slow` releases the interpreter lock during a call, `quick` does not.
            slow, quick = ctypes.CDLL(path), ctypes.PyDLL(path)
            self._bind(slow, quick)
        except (OSError, AttributeError) as error:
            raise LibraryUnavailable(f"{path}: {error}") from None
        self.version: str = self._version_text(0).decode("ascii", "replace")
        self._sm3 = self._md_fetch(None, b"SM3", None)
        context = self._pkey_ctx_new_from_name(None, b"SM2", None)
        self._pkey_ctx_free(context)
        if not self._sm3 or not context:
            self._clear_errors()
            raise LibraryUnavailable(f"{path} ({self.version}) was built without SM2 or SM3")

    def _bind(self, slow: ctypes.CDLL, quick: ctypes.CDLL) -> None:
        def function(dll: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> _Function:
            found = dll[name]
            found.restype, found.argtypes = result, arguments
            return found

        # Absent before OpenSSL 3.0, so asked first: an old library fails here with a name that says why.
        self._md_fetch = function(quick, "EVP_MD_fetch", _VOID, _VOID, _BYTES, _BYTES)
        self._is_a = function(quick, "EVP_PKEY_is_a", _INT, _VOID, _BYTES)
        self._get_bn = function(quick, "EVP_PKEY_get_bn_param", _INT, _VOID, _BYTES, _VOID)
        self._version_text = function(quick, "OpenSSL_version", _BYTES, _INT)
        self._clear_errors = function(quick, "ERR_clear_error", None)
        self._get_error = function(quick, "ERR_get_error", ctypes.c_ulong)
        self._reason_text = function(quick, "ERR_reason_error_string", _BYTES, ctypes.c_ulong)

        self._pkey_free = function(quick, "EVP_PKEY_free", None, _VOID)
        self._pkey_ctx_new = function(quick, "EVP_PKEY_CTX_new", _VOID, _VOID, _VOID)
        self._pkey_ctx_new_from_name = function(
            quick, "EVP_PKEY_CTX_new_from_name", _VOID, _VOID, _BYTES, _BYTES
        )
        self._pkey_ctx_free = function(quick, "EVP_PKEY_CTX_free", None, _VOID)
        self._pkey_check = function(slow, "EVP_PKEY_check", _INT, _VOID)
        self._set_signer_id = function(quick, "EVP_PKEY_CTX_set1_id", _INT, _VOID, _BYTES, _INT)
        self._md_ctx_new = function(quick, "EVP_MD_CTX_new", _VOID)
        self._md_ctx_free = function(quick, "EVP_MD_CTX_free", None, _VOID)
        self._set_pkey_ctx = function(quick, "EVP_MD_CTX_set_pkey_ctx", None, _VOID, _VOID)
        self._sign_init = function(quick, "EVP_DigestSignInit", _INT, _VOID, _VOID, _VOID, _VOID, _VOID)
        self._verify_init = function(quick, "EVP_DigestVerifyInit", _INT, _VOID, _VOID, _VOID, _VOID, _VOID)
        self._sign = function(slow, "EVP_DigestSign", _INT, _VOID, _VOID, _VOID, _BYTES, _SIZE)
        self._verify = function(slow, "EVP_DigestVerify", _INT, _VOID, _BYTES, _SIZE, _BYTES, _SIZE)

        self._bio_from = function(quick, "BIO_new_mem_buf", _VOID, _BYTES, _INT)
        self._bio_free = function(quick, "BIO_free", _INT, _VOID)
        self._read_private_pem = function(slow, "PEM_read_bio_PrivateKey", *_PEM_READER)
        self._read_public_pem = function(slow, "PEM_read_bio_PUBKEY", *_PEM_READER)
        self._read_certificate_pem = function(slow, "PEM_read_bio_X509", *_PEM_READER)
        self._read_private_der = function(slow, "d2i_AutoPrivateKey", _VOID, _VOID, _VOID, _LONG)
        self._read_public_der = function(slow, "d2i_PUBKEY", _VOID, _VOID, _VOID, _LONG)
        self._read_certificate_der = function(slow, "d2i_X509", _VOID, _VOID, _VOID, _LONG)
        self._certificate_key = function(quick, "X509_get_pubkey", _VOID, _VOID)
        self._certificate_free = function(quick, "X509_free", None, _VOID)

        self._bn_new = function(quick, "BN_new", _VOID)
        self._bn_free = function(quick, "BN_free", None, _VOID)
        self._bn_to_bytes = function(quick, "BN_bn2binpad", _INT, _VOID, _VOID, _INT)

        self._sm4_cbc = function(quick, "EVP_sm4_cbc", _VOID)
        self._new_pbe2 = function(quick, "PKCS5_pbe2_set_iv", _VOID, _VOID, _INT, _BYTES, _INT, _BYTES, _INT)
        self._free_algorithm = function(quick, "X509_ALGOR_free", None, _VOID)
        self._to_pkcs8 = function(quick, "EVP_PKEY2PKCS8", _VOID, _VOID)
        self._free_pkcs8 = function(quick, "PKCS8_PRIV_KEY_INFO_free", None, _VOID)
        self._encrypt_pkcs8 = function(slow, "PKCS8_set0_pbe", _VOID, _BYTES, _INT, _VOID, _VOID)
        self._free_encrypted = function(quick, "X509_SIG_free", None, _VOID)
        self._write_encrypted = function(quick, "i2d_X509_SIG", _INT, _VOID, _VOID)

    # Keys -----------------------------------------------------------------------------------------------------

    def private_key_from_pem(self, pem: bytes, password: bytes | None) -> KeyHandle:
        """Load PKCS#8 (plain or encrypted) or SEC1, in PEM. `password` None means: the key must not be encrypted.

        Raises `PasswordRefused` when the key is encrypted and does not open, `InvalidKey` for anything else that is
        not a consistent SM2 private key.
        """
        asked = False

        def give_password(buffer: int, size: int, _writing: int, _data: object) -> int:
            nonlocal asked
            asked = True
            if password is None or len(password) > size:
                return -1
            ctypes.memmove(buffer, password, len(password))
            return len(password)

        callback = _PASSWORD_CALLBACK(give_password)
        pointer = self._read_pem(self._read_private_pem, pem, callback)
        if not pointer and asked:
            raise PasswordRefused("the private key is encrypted and this password does not open it")
        return self._checked(self._sm2_handle(pointer, "private key"))

    def private_key_from_scalar(self, scalar: bytes) -> KeyHandle:
        """Make the key of the 32-byte big-endian number `scalar`; raises `InvalidKey` outside 1 .. n-2."""
        if len(scalar) != 32:
            raise InvalidKey("an SM2 private number has 32 bytes")
        pointer = self._read_der(self._read_private_der, _PKCS8_PREFIX + scalar)
        return self._checked(self._sm2_handle(pointer, "private key"))

    def public_key_from_point(self, point: bytes) -> KeyHandle:
        """Make the key of 04 || x || y; raises `InvalidKey` for compressed, hybrid, cut, or off the curve."""
        if len(point) != 65 or point[0] != 4:
            raise InvalidKey("an SM2 public key is 65 bytes, 04 || x || y")
        return self._sm2_handle(self._read_der(self._read_public_der, SPKI_PREFIX + point), "public key")

    def public_key_from_pem(self, pem: bytes) -> KeyHandle:
        """Load a SubjectPublicKeyInfo in PEM; raises `InvalidKey`."""
        return self._sm2_handle(self._read_pem(self._read_public_pem, pem, _REFUSE_PASSWORD), "public key")

    def public_key_from_certificate(self, certificate: bytes) -> KeyHandle:
        """Take the key out of an X.509 certificate, PEM or DER, without judging it; raises `InvalidKey`."""
        if b"-----BEGIN" in certificate:
            x509 = self._read_pem(self._read_certificate_pem, certificate, _REFUSE_PASSWORD)
        else:
            x509 = self._read_der(self._read_certificate_der, certificate, self._certificate_free)
        if not x509:
            raise InvalidKey("this is not an X.509 certificate")
        try:
            pointer = self._certificate_key(x509)
        finally:
            self._certificate_free(x509)
        return self._sm2_handle(pointer, "certificate's key")

    def public_point(self, key: KeyHandle) -> bytes:
        """Return 04 || x || y, 65 bytes, of a private or public key."""
        return b"\x04" + self._coordinate(key, b"qx") + self._coordinate(key, b"qy")

    def encrypted_pkcs8(
        self, key: KeyHandle, password: bytes, salt: bytes, iv: bytes, iterations: int
    ) -> bytes:
        """Return EncryptedPrivateKeyInfo in DER: PBES2, PBKDF2 with HMAC-SHA-256, SM4-CBC (RFC 8018, RFC 5958).

        The salt and the 16-byte `iv` come from the caller, so that the result is a function of the arguments.
        SHA-256 and not SM3 inside this standard container, because OpenSSL 3.0 has no identifier for SM3 there.
        """
        algorithm = self._new_pbe2(self._sm4_cbc(), iterations, salt, len(salt), iv, -1)
        plain = self._to_pkcs8(key.pointer)
        encrypted = algorithm and plain and self._encrypt_pkcs8(password, len(password), plain, algorithm)
        try:
            if not encrypted:
                self._free_algorithm(algorithm)  # taken over by a successful encryption only
                self._fail("encrypting a private key")
            length = self._write_encrypted(encrypted, None)
            if length <= 0:
                self._fail("encoding an encrypted private key")
            buffer = ctypes.create_string_buffer(length)
            self._write_encrypted(encrypted, ctypes.byref(ctypes.c_void_p(ctypes.addressof(buffer))))
            return buffer.raw
        finally:
            self._free_encrypted(encrypted)
            self._free_pkcs8(plain)

    # Signatures -----------------------------------------------------------------------------------------------

    def sign(self, key: KeyHandle, data: bytes, signer_id: bytes) -> bytes:
        """Return a DER signature (SM2 with SM3) over `data`. The nonce is libcrypto's own: two calls differ."""
        pkey_context, context = self._start(self._sign_init, key, signer_id)
        try:
            signature = ctypes.create_string_buffer(_MAX_DER_SIGNATURE_BYTES)
            length = _SIZE(_MAX_DER_SIGNATURE_BYTES)
            if self._sign(context, signature, ctypes.byref(length), data, len(data)) != 1:
                self._fail("signing")
            return signature.raw[: length.value]
        finally:
            self._md_ctx_free(context)
            self._pkey_ctx_free(pkey_context)

    def verify(self, key: KeyHandle, data: bytes, signature: bytes, signer_id: bytes) -> bool:
        """True only when the DER `signature` is this key's over `data` under this signer id."""
        pkey_context, context = self._start(self._verify_init, key, signer_id)
        try:
            if self._verify(context, signature, len(signature), data, len(data)) == 1:
                return True
            self._clear_errors()
            return False
        finally:
            self._md_ctx_free(context)
            self._pkey_ctx_free(pkey_context)

    def _start(self, init: _Function, key: KeyHandle, signer_id: bytes) -> tuple[int, int]:
        """Make both contexts, with the signer id set; the caller frees them, the digest context first."""
        if len(signer_id) > MAX_SIGNER_ID_BYTES:
            raise ValueError(f"a signer id has at most {MAX_SIGNER_ID_BYTES} bytes")
        pkey_context = self._pkey_ctx_new(key.pointer, None)
        context = self._md_ctx_new()
        if pkey_context and context and self._set_signer_id(pkey_context, signer_id, len(signer_id)) == 1:
            self._set_pkey_ctx(context, pkey_context)
            if init(context, None, self._sm3, None, key.pointer) == 1:
                return pkey_context, context
        self._md_ctx_free(context)
        self._pkey_ctx_free(pkey_context)
        self._fail("preparing a signature")

    # Helpers --------------------------------------------------------------------------------------------------

    def _read_pem(self, reader: _Function, pem: bytes, callback: object) -> int | None:
        bio = self._bio_from(pem, len(pem))
        if not bio:
            self._fail("reading PEM")
        try:
            found: int | None = reader(bio, None, callback, None)
        finally:
            self._bio_free(bio)
        self._clear_errors()
        return found

    def _read_der(self, reader: _Function, der: bytes, free: _Function | None = None) -> int | None:
        """Decode the whole of `der`; None when it is not that, or when bytes are left over."""
        buffer = ctypes.create_string_buffer(der, len(der))
        start = ctypes.addressof(buffer)
        cursor = ctypes.c_void_p(start)
        found: int | None = reader(None, ctypes.byref(cursor), len(der))
        self._clear_errors()
        if found and cursor.value != start + len(der):
            (free or self._pkey_free)(found)
            return None
        return found

    def _sm2_handle(self, pointer: int | None, what: str) -> KeyHandle:
        if not pointer:
            self._clear_errors()
            raise InvalidKey(f"the {what} cannot be read: damaged, or not an SM2 key")
        handle = KeyHandle(pointer, self._pkey_free)
        if self._is_a(pointer, b"SM2") != 1:
            raise InvalidKey(f"the {what} is not an SM2 key")
        return handle

    def _checked(self, key: KeyHandle) -> KeyHandle:
        """Refuse a private number out of range, and a file whose private and public halves do not belong together."""
        context = self._pkey_ctx_new(key.pointer, None)
        result = self._pkey_check(context) if context else 0
        self._pkey_ctx_free(context)
        self._clear_errors()
        if result != 1:
            raise InvalidKey(
                "the private key is not consistent: number out of range, or another key's public half"
            )
        return key

    def _coordinate(self, key: KeyHandle, name: bytes) -> bytes:
        number = ctypes.c_void_p(self._bn_new())
        try:
            buffer = ctypes.create_string_buffer(32)
            if self._get_bn(key.pointer, name, ctypes.byref(number)) != 1:
                self._fail("reading a public point")
            if self._bn_to_bytes(number, buffer, 32) != 32:
                self._fail("reading a public point")
            return buffer.raw
        finally:
            self._bn_free(number)

    def _fail(self, doing: str) -> NoReturn:
        """Raise with libcrypto's own reason (a fixed phrase, never data) and leave the error queue empty."""
        reason = self._reason_text(self._get_error())
        self._clear_errors()
        raise NativeFailure(
            f"libcrypto failed while {doing}: {(reason or b'no reason given').decode('ascii', 'replace')}"
        )


# Refuses at once, so that an encrypted file is an error and never a question on the terminal.
_REFUSE_PASSWORD: Final = _PASSWORD_CALLBACK(lambda _buffer, _size, _writing, _data: -1)


def _candidates() -> Iterator[str]:
    """Where to look, the system's own library first: this Python may be linked with another one of the same name."""
    architecture = sysconfig.get_config_var("MULTIARCH")
    if architecture:
        yield f"/usr/lib/{architecture}/libcrypto.so.3"
    yield "libcrypto.so.3"
    # Last, because it starts other programs to find out.
    found = ctypes.util.find_library("crypto")
    if found:
        yield found


@functools.cache
def libcrypto() -> Libcrypto:
    """Return the loaded library, the same for the whole process; raises `LibraryUnavailable` with what was tried."""
    tried = []
    for path in _candidates():
        try:
            return Libcrypto(path)
        except LibraryUnavailable as error:
            tried.append(str(error))
    raise LibraryUnavailable(
        "SM2 needs libcrypto of OpenSSL 3 (Debian, Ubuntu: apt install libssl3). Tried: "
        + "; ".join(tried or ["nothing"])
    )
