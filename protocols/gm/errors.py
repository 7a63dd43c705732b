"""What can go wrong in the Chinese commercial ciphers (SM2, SM3, SM4).

    GmError
    ├── LibraryUnavailable      no usable OpenSSL 3 libcrypto on this machine
    ├── NativeFailure           libcrypto refused a call that should have worked
    ├── InvalidKey              these bytes are not an SM2 key
    │   └── PasswordRefused     the key is encrypted and this password does not open it
    ├── InvalidSignatureEncoding  not one of the two strict forms of a signature
    └── DecryptionFailed        wrong key, or the bytes were changed

No message ever carries key bytes, passwords, plain text or signature bytes.
"""


class GmError(Exception):
    """Base of every error of this package."""


class LibraryUnavailable(GmError):
    """libcrypto of OpenSSL 3 with SM2 was not found; nothing can be signed or verified on this machine."""


class NativeFailure(GmError):
    """A call into libcrypto failed for no reason of ours (out of memory, broken provider). Nothing was produced."""


class InvalidKey(GmError):
    """The bytes handed in are not a whole SM2 key on the curve of GB/T 32918.5."""


class PasswordRefused(InvalidKey):
    """The private key is encrypted, and the password is missing, wrong, or the file is damaged."""


class InvalidSignatureEncoding(GmError):
    """Not r || s of 64 bytes and not strict DER, or r or s outside 1 .. n-1."""


class DecryptionFailed(GmError):
    """The bytes do not decrypt with this key: wrong key, changed, cut, or badly padded. No plain text is given out."""
