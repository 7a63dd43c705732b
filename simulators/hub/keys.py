"""Whose signatures the hub accepts: one public key per terminal slot of an institution."""

from drivers.interfaces.signer import KeyDescription, Verifier
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import sm3


class TerminalKeys:
    """Registered terminal keys, several for one slot only while one is rotated.

    The slot is the one in the message id (institution, second, slot, counter).
    """

    def __init__(self) -> None:
        self._verifiers: dict[tuple[str, str], tuple[Verifier, ...]] = {}

    def register(self, institution: str, slot: str, verifier: Verifier) -> None:
        """Accept this key for a slot of two digits, or for every slot without a key of its own (slot "")."""
        self._verifiers[institution, slot] = (verifier,)

    def add(self, institution: str, slot: str, verifier: Verifier) -> None:
        """Accept this key too, besides those there are: the overlap while a terminal's key is rotated."""
        self._verifiers[institution, slot] = (verifier, *self._verifiers.get((institution, slot), ()))

    def forget(self, institution: str, slot: str) -> None:
        """Accept the key of that slot no longer; nothing happens when there is none."""
        self._verifiers.pop((institution, slot), None)

    def find(self, institution: str, slot: str) -> Verifier | None:
        """The key of a slot, else that of the whole institution, else None."""
        found = self._verifiers.get((institution, slot)) or self._verifiers.get((institution, ""))
        return AnyOf(found) if found else None

    def registered(self) -> tuple[tuple[str, str], ...]:
        """Institution and slot of every key."""
        return tuple(sorted(self._verifiers))


class AnyOf:
    """Several keys, each as good as the other. Implements `Verifier`."""

    def __init__(self, verifiers: tuple[Verifier, ...]) -> None:
        """The newest first: it is tried first."""
        self._verifiers = verifiers

    def verify(self, data: bytes, signature: bytes) -> bool:
        """True for a signature of any of them."""
        return any(one.verify(data, signature) for one in self._verifiers)


class Sm2Signer:
    """A software key in memory: the simulated hub's answer key, or a test terminal's. Implements `Signer`."""

    def __init__(self, key: PrivateKey) -> None:
        """`key` stays in this process."""
        self._key = key
        point = key.public_key.point
        self._description = KeyDescription(sm3(point).hex()[:16], point)

    @property
    def description(self) -> KeyDescription:
        """The key in use."""
        return self._description

    def sign(self, data: bytes) -> bytes:
        """r || s over `data`."""
        return self._key.sign(data)


class Sm2Verifier:
    """A public key of a terminal. Implements `Verifier`."""

    def __init__(self, point: bytes) -> None:
        """`point` is 04 || x || y. Raises `protocols.gm.errors.InvalidKey`."""
        self._key = PublicKey(point)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """True only for this key's signature over `data`."""
        return self._key.verify(data, signature)
