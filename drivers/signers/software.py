"""A signer whose key lies in this process's memory, and the verifier of one known public key."""

from drivers.interfaces.signer import KeyDescription, SignerUnavailable
from protocols.gm.errors import GmError
from protocols.gm.sm2 import DEFAULT_SIGNER_ID, PrivateKey, PublicKey
from protocols.gm.sm3 import sm3


def describe(key: PublicKey) -> KeyDescription:
    """Return what may be told of a key; its id is the first 16 hex digits of the SM3 of the public point."""
    return KeyDescription(key_id=sm3(key.point).hex()[:16], public_point=key.point)


class SoftwareSigner:
    """Implements `Signer`. Holds no lock: several threads may sign at once."""

    def __init__(self, key: PrivateKey, signer_id: bytes = DEFAULT_SIGNER_ID) -> None:
        self._key = key
        self._signer_id = signer_id
        self._description = describe(key.public_key)

    @property
    def description(self) -> KeyDescription:
        """The key in use."""
        return self._description

    def sign(self, data: bytes) -> bytes:
        """Return r || s, 64 bytes, over `data`; raises `SignerUnavailable`, and then nothing was given out.

        The signature is verified first: a single wrong computation (a flipped bit, a fault provoked from outside) can
        be enough to work out the private key from it.
        """
        try:
            signature = self._key.sign(data, self._signer_id)
            is_good = self._key.public_key.verify(data, signature, self._signer_id)
        except GmError as error:
            raise SignerUnavailable(str(error)) from error
        if not is_good:
            raise SignerUnavailable("a fresh signature did not verify; it was thrown away")
        return signature

    def __repr__(self) -> str:
        return f"SoftwareSigner(key_id={self._description.key_id!r})"


class Sm2Verifier:
    """Implements `Verifier` for one public key."""

    def __init__(self, key: PublicKey, signer_id: bytes = DEFAULT_SIGNER_ID) -> None:
        self._key = key
        self._signer_id = signer_id

    @property
    def description(self) -> KeyDescription:
        """The key whose signatures are accepted."""
        return describe(self._key)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """True only when `signature` (r || s, 64 bytes) is this key's over `data`; malformed input is False."""
        return self._key.verify(data, signature, self._signer_id)
