"""SM2 through our code against the OpenSSL call itself.

The floor is a bare ctypes call into the same library with everything prepared that can be: contexts made, signer id
set, buffers allocated, DER taken as it comes. Both sides run in turn in small batches, so that a slow moment of the
machine meets both.
"""

import ctypes
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.result import Result
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.gm.libcrypto import libcrypto
from protocols.gm.sm2 import DEFAULT_SIGNER_ID, PrivateKey, PublicKey, raw_to_der

DATA = bytes(range(256)) * 3
"""As long as a settlement request of one drug."""

BATCHES = 40
CALLS_PER_BATCH = 10
LIMIT_RATIO = 1.2


class BareCall:
    """One prepared EVP context pair for one key, used again and again."""

    def __init__(self, init: str, key: Any) -> None:
        """`init` is EVP_DigestSignInit or EVP_DigestVerifyInit; `key` a pointer to an EVP_PKEY."""
        self._dll = ctypes.CDLL(libcrypto().path)
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self._key = key
        self._sm3 = self._function("EVP_sm3", pointer)()
        self._context = self._function("EVP_MD_CTX_new", pointer)()
        self._pkey_context = self._function("EVP_PKEY_CTX_new", pointer, pointer, pointer)(key, None)
        set_id = self._function("EVP_PKEY_CTX_set1_id", ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_int)
        set_id(self._pkey_context, DEFAULT_SIGNER_ID, len(DEFAULT_SIGNER_ID))
        self._function("EVP_MD_CTX_set_pkey_ctx", None, pointer, pointer)(self._context, self._pkey_context)
        self._init = self._function(init, ctypes.c_int, *[pointer] * 5)
        self._sign = self._function(
            "EVP_DigestSign", ctypes.c_int, pointer, pointer, pointer, ctypes.c_char_p, size
        )
        self._verify = self._function(
            "EVP_DigestVerify", ctypes.c_int, pointer, ctypes.c_char_p, size, ctypes.c_char_p, size
        )
        self._buffer = ctypes.create_string_buffer(72)
        self._length = size(72)
        self._length_reference = ctypes.byref(self._length)

    def close(self) -> None:
        """Free both contexts."""
        self._function("EVP_MD_CTX_free", None, ctypes.c_void_p)(self._context)
        self._function("EVP_PKEY_CTX_free", None, ctypes.c_void_p)(self._pkey_context)

    def sign(self) -> bytes:
        """Sign DATA and return the DER."""
        self._init(self._context, None, self._sm3, None, self._key)
        self._length.value = 72
        self._sign(self._context, self._buffer, self._length_reference, DATA, len(DATA))
        return self._buffer.raw[: self._length.value]

    def verify(self, der: bytes) -> bool:
        """Verify DER over DATA."""
        self._init(self._context, None, self._sm3, None, self._key)
        return bool(self._verify(self._context, der, len(der), DATA, len(DATA)) == 1)

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        found = self._dll[name]
        found.restype, found.argtypes = result, arguments
        return found


def run() -> list[Result]:
    """Measure sign, verify, and the signer as the application uses it (which verifies what it signed)."""
    key = PrivateKey.from_scalar(b"\x11" * 32)
    handle = libcrypto().private_key_from_scalar(b"\x11" * 32)
    bare_signer = BareCall("EVP_DigestSignInit", handle.pointer)
    bare_verifier = BareCall("EVP_DigestVerifyInit", handle.pointer)
    try:
        return _measure(key, bare_signer, bare_verifier)
    finally:
        bare_signer.close()
        bare_verifier.close()


def main() -> None:
    """Print the figures."""
    for result in run():
        limit = "" if result.limit_ratio is None else f" (limit {result.limit_ratio:.2f})"
        print(
            f"{result.name:28} {result.ours_ms:7.3f} ms  floor {result.floor_ms:7.3f} ms  x {result.ratio:.2f}{limit}"
        )


def _measure(key: PrivateKey, bare_signer: BareCall, bare_verifier: BareCall) -> list[Result]:
    signer, verifier = SoftwareSigner(key), Sm2Verifier(key.public_key)
    signature = key.sign(DATA)
    der = raw_to_der(signature)
    public: PublicKey = key.public_key
    # A floor that fails fast would flatter nobody: prove that both sides do the same work.
    if not (
        bare_verifier.verify(der)
        and public.verify(DATA, signature)
        and bare_verifier.verify(bare_signer.sign())
    ):
        raise RuntimeError("the bare call and ours do not agree; the figures would mean nothing")
    sign = _in_turn(lambda: key.sign(DATA), bare_signer.sign)
    verify = _in_turn(lambda: verifier.verify(DATA, signature), lambda: bare_verifier.verify(der))
    both = _in_turn(lambda: signer.sign(DATA), lambda: bare_verifier.verify(bare_signer.sign()))
    return [
        Result("SM2 sign", *sign, LIMIT_RATIO, "r || s out of a fresh context, against EVP_DigestSign"),
        Result("SM2 verify", *verify, LIMIT_RATIO, "strict r || s, against EVP_DigestVerify"),
        Result(
            "SM2 sign, verified after",
            *both,
            LIMIT_RATIO,
            "the application's signer, against both bare calls",
        ),
    ]


def _in_turn(ours: Callable[[], object], floor: Callable[[], object]) -> tuple[float, float]:
    """Return the medians over the batches, in milliseconds per call."""
    our_times, floor_times = [], []
    for _ in range(BATCHES):
        our_times.append(_batch_ms(ours))
        floor_times.append(_batch_ms(floor))
    return statistics.median(our_times), statistics.median(floor_times)


def _batch_ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS_PER_BATCH):
        call()
    return (time.perf_counter() - start) * 1000 / CALLS_PER_BATCH


if __name__ == "__main__":
    main()
