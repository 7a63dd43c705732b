"""The border to libcrypto: foreign keys refused, nothing leaked, nothing asked, nothing left in the error queue."""

import base64
import ctypes
import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from protocols.gm import libcrypto as module
from protocols.gm.errors import InvalidKey, LibraryUnavailable, NativeFailure, PasswordRefused
from protocols.gm.libcrypto import SPKI_PREFIX, Libcrypto, libcrypto
from protocols.gm.sm2 import PrivateKey, PublicKey
from tests.protocols.gm import reference_sm2
from tests.vectors.gm.load import vector_bytes, vectors

SCALAR = b"\x11" * 32
POINT = bytes.fromhex(vectors("sm2")["certificate"]["point"])
CERTIFICATE = vector_bytes(vectors("sm2")["certificate"]["file"])
SM2_OID = "06082a811ccf5501822d"
SALT, IV = bytes(range(8)), bytes(range(16))


def pem(label: str, der: bytes) -> bytes:
    return (
        f"-----BEGIN {label}-----\n{base64.b64encode(der).decode('ascii')}\n-----END {label}-----\n".encode(
            "ascii"
        )
    )


def element(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes((tag, len(body)) if len(body) < 128 else (tag, 0x81, len(body))) + body


def sec1(scalar: bytes, point: bytes | None) -> bytes:
    public = element(0xA1, element(0x03, b"\0", point)) if point else b""
    curve = element(0xA0, bytes.fromhex(SM2_OID))
    return pem("EC PRIVATE KEY", element(0x30, element(2, b"\1"), element(4, scalar), curve, public))


FOREIGN_KEYS: dict[
    str, Callable[[], ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]
] = {
    "P-256": lambda: ec.derive_private_key(7, ec.SECP256R1()),
    "secp256k1": lambda: ec.derive_private_key(7, ec.SECP256K1()),
    "Ed25519": lambda: ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def foreign_private_key(name: str) -> bytes:
    return FOREIGN_KEYS[name]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def key() -> PrivateKey:
    return PrivateKey.from_scalar(SCALAR)


@pytest.fixture(autouse=True)
def error_queue_stays_empty() -> Any:
    """After every test of this file, whatever it provoked."""
    yield
    peek = ctypes.CDLL(libcrypto().path)["ERR_peek_error"]
    peek.restype = ctypes.c_ulong
    assert peek() == 0


class CallCounter:
    """Counts what is made and what is freed in one Libcrypto, and can make one call fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.counts: Counter[str] = Counter()
        self.failing = ""
        for name in names:
            monkeypatch.setattr(libcrypto(), name, self._counted(name, getattr(libcrypto(), name)))

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            if name == self.failing:
                return None if name.endswith(("_new", "_from", "_pbe2", "_pkcs8")) else 0
            # Freeing nothing is allowed and frees nothing.
            if "free" not in name or arguments[0]:
                self.counts[name] += 1
            return function(*arguments)

        return counted


SIGNING_CALLS = ("_pkey_ctx_new", "_pkey_ctx_free", "_md_ctx_new", "_md_ctx_free", "_set_signer_id")


# Private keys --------------------------------------------------------------------------------------------------


def test_pkcs8_encrypted_is_a_function_of_its_arguments_and_comes_back(key: PrivateKey) -> None:
    written = key.to_encrypted_pem(b"pass\0word", SALT, IV, 1000)
    assert written == key.to_encrypted_pem(b"pass\0word", SALT, IV, 1000)
    assert PrivateKey.from_pem(written, b"pass\0word").public_key == key.public_key
    assert SCALAR not in base64.b64decode(b"".join(written.splitlines()[1:-1]))


@pytest.mark.parametrize("password", [None, b"", b"wrong", b"pass", b"pass\0", b"x" * 5000])
def test_an_encrypted_key_does_not_open_without_its_password(key: PrivateKey, password: bytes | None) -> None:
    written = key.to_encrypted_pem(b"pass\0word", SALT, IV, 1000)
    with pytest.raises(PasswordRefused) as caught:
        PrivateKey.from_pem(written, password)
    assert "pass\0word" not in str(caught.value)


def test_a_key_is_never_written_without_password_salt_or_iv(key: PrivateKey) -> None:
    for password, salt, iv, iterations in [
        (b"", SALT, IV, 1),
        (b"x", b"", IV, 1),
        (b"x", SALT, b"", 1),
        (b"x", SALT, IV, 0),
    ]:
        with pytest.raises(ValueError, match=r"password|iteration"):
            key.to_encrypted_pem(password, salt, iv, iterations)


@pytest.mark.parametrize("password", [None, b"", b"not needed"])
def test_plain_pkcs8_and_sec1_load_whatever_the_password(key: PrivateKey, password: bytes | None) -> None:
    inner = element(0x30, element(2, b"\1"), element(4, SCALAR))
    algorithm = element(0x30, bytes.fromhex("06072a8648ce3d0201" + SM2_OID))
    pkcs8 = pem("PRIVATE KEY", element(0x30, element(2, b"\0"), algorithm, element(4, inner)))
    for written in (pkcs8, sec1(SCALAR, POINT), sec1(SCALAR, None), b"text before\n" + pkcs8):
        assert PrivateKey.from_pem(written, password).public_key == key.public_key


def test_a_key_file_with_another_keys_public_half_is_refused() -> None:
    """Signing with such a file can give the private number away."""
    with pytest.raises(InvalidKey):
        PrivateKey.from_pem(sec1(SCALAR, reference_sm2.public_point(5)))


@pytest.mark.parametrize("name", FOREIGN_KEYS)
def test_private_keys_of_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(InvalidKey, match="SM2"):
        PrivateKey.from_pem(foreign_private_key(name))


def test_an_encrypted_key_of_another_kind_is_refused_with_its_right_password() -> None:
    foreign = ec.derive_private_key(7, ec.SECP256R1())
    written = foreign.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    with pytest.raises(InvalidKey, match="SM2") as caught:
        PrivateKey.from_pem(written, b"pw")
    assert not isinstance(caught.value, PasswordRefused)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"-----BEGIN PRIVATE KEY-----\n", CERTIFICATE])
def test_what_is_no_private_key_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidKey):
        PrivateKey.from_pem(content)


def test_a_cut_key_file_is_refused_at_every_length(key: PrivateKey) -> None:
    written = sec1(SCALAR, POINT).rstrip()
    for length in range(0, len(written), 7):
        with pytest.raises(InvalidKey):
            PrivateKey.from_pem(written[:length])


# Public keys ---------------------------------------------------------------------------------------------------


def test_a_public_key_comes_back_from_pem(key: PrivateKey) -> None:
    assert PublicKey.from_pem(key.public_key.to_pem()) == key.public_key
    assert PublicKey.from_pem(pem("PUBLIC KEY", SPKI_PREFIX + POINT)).point == POINT


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP256K1()], ids=["P-256", "secp256k1"])
def test_public_keys_of_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    foreign = ec.derive_private_key(7, curve).public_key()
    with pytest.raises(InvalidKey, match="SM2"):
        PublicKey.from_pem(foreign.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_public_pem_off_the_curve_or_of_something_else_is_refused() -> None:
    off = POINT[:-1] + bytes((POINT[-1] ^ 1,))
    for content in (
        b"",
        b"junk",
        pem("PUBLIC KEY", SPKI_PREFIX + off),
        pem("PUBLIC KEY", SPKI_PREFIX),
        CERTIFICATE,
    ):
        with pytest.raises(InvalidKey):
            PublicKey.from_pem(content)


def test_a_certificate_gives_its_key_in_pem_and_der() -> None:
    der = base64.b64decode(b"".join(CERTIFICATE.splitlines()[1:-1]))
    assert PublicKey.from_certificate(CERTIFICATE).point == POINT
    assert PublicKey.from_certificate(der).point == POINT


def test_broken_certificates_are_refused() -> None:
    der = base64.b64decode(b"".join(CERTIFICATE.splitlines()[1:-1]))
    swapped = der.replace(POINT, reference_sm2.P.to_bytes(32, "big").rjust(65, b"\4"))
    for content in (
        b"",
        b"junk",
        der[:-1],
        der + b"\0",
        swapped,
        pem("CERTIFICATE", b"junk"),
        pem("PUBLIC KEY", der),
    ):
        with pytest.raises(InvalidKey):
            PublicKey.from_certificate(content)


# What is made is freed -----------------------------------------------------------------------------------------


def test_a_key_is_freed_once_when_the_last_reference_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = CallCounter(monkeypatch, "_pkey_free")
    handle = libcrypto().private_key_from_scalar(SCALAR)
    other = handle
    del handle
    gc.collect()
    assert calls.counts["_pkey_free"] == 0
    del other
    gc.collect()
    assert calls.counts["_pkey_free"] == 1


def test_a_refused_key_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = foreign_private_key("P-256")
    calls = CallCounter(monkeypatch, "_pkey_free")
    with pytest.raises(InvalidKey):
        PrivateKey.from_pem(foreign)
    gc.collect()
    assert calls.counts["_pkey_free"] == 1


def test_a_decoded_key_with_bytes_left_over_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    der = base64.b64decode(b"".join(CERTIFICATE.splitlines()[1:-1]))
    calls = CallCounter(monkeypatch, "_certificate_free")
    with pytest.raises(InvalidKey):
        PublicKey.from_certificate(der + b"\0")
    assert calls.counts["_certificate_free"] == 1


def test_both_contexts_are_freed_after_success_and_after_a_refused_signature(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey
) -> None:
    calls = CallCounter(monkeypatch, *SIGNING_CALLS)
    signature = key.sign(b"data")
    assert key.public_key.verify(b"data", signature)
    assert not key.public_key.verify(b"other", signature)
    assert not libcrypto().verify(key.public_key._handle, b"data", b"junk", b"")
    assert set(calls.counts.values()) == {4}


@pytest.mark.parametrize("failing", ["_pkey_ctx_new", "_md_ctx_new", "_set_signer_id", "_sign_init", "_sign"])
def test_both_contexts_are_freed_whichever_call_of_a_signature_fails(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey, failing: str
) -> None:
    calls = CallCounter(monkeypatch, *SIGNING_CALLS, "_sign_init", "_sign")
    calls.failing = failing
    with pytest.raises(NativeFailure, match="sign"):
        key.sign(b"data")
    assert calls.counts["_pkey_ctx_new"] == calls.counts["_pkey_ctx_free"]
    assert calls.counts["_md_ctx_new"] == calls.counts["_md_ctx_free"]


@pytest.mark.parametrize("failing", ["", "_new_pbe2", "_to_pkcs8", "_encrypt_pkcs8", "_write_encrypted"])
def test_writing_a_key_frees_everything_whichever_call_fails(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey, failing: str
) -> None:
    made_and_freed = {"_to_pkcs8": "_free_pkcs8", "_encrypt_pkcs8": "_free_encrypted"}
    calls = CallCounter(
        monkeypatch,
        "_new_pbe2",
        "_free_algorithm",
        *made_and_freed,
        *made_and_freed.values(),
        "_write_encrypted",
    )
    calls.failing = failing
    if failing:
        with pytest.raises(NativeFailure, match="private key"):
            key.to_encrypted_pem(b"pw", SALT, IV, 1)
    else:
        key.to_encrypted_pem(b"pw", SALT, IV, 1)
    for made, freed in made_and_freed.items():
        assert calls.counts[made] == calls.counts[freed]
    # The algorithm goes over to the encrypted key, and is ours to free only when there is none.
    handed_over = calls.counts["_encrypt_pkcs8"]
    assert calls.counts["_new_pbe2"] == calls.counts["_free_algorithm"] + handed_over


def test_a_real_failure_says_the_librarys_reason_and_no_data(key: PrivateKey) -> None:
    public_only = libcrypto().public_key_from_point(POINT)
    with pytest.raises(NativeFailure, match=r"libcrypto failed while signing: .+") as caught:
        libcrypto().sign(public_only, b"secret text", b"id")
    assert "secret" not in str(caught.value)


# The library itself --------------------------------------------------------------------------------------------


def test_the_library_is_loaded_once_and_says_its_version() -> None:
    assert libcrypto() is libcrypto()
    assert libcrypto().version.startswith("OpenSSL 3.")


def test_a_missing_or_foreign_library_is_named() -> None:
    with pytest.raises(LibraryUnavailable, match=r"no-such-libcrypto\.so"):
        Libcrypto("no-such-libcrypto.so")
    with pytest.raises(LibraryUnavailable, match="EVP_MD_fetch"):
        Libcrypto("libc.so.6")


def test_a_library_without_sm2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = Libcrypto._bind

    def bind_without_sm2(self: Libcrypto, slow: ctypes.CDLL, quick: ctypes.CDLL) -> None:
        bind(self, slow, quick)
        monkeypatch.setattr(self, "_pkey_ctx_new_from_name", lambda *_arguments: None)

    monkeypatch.setattr(Libcrypto, "_bind", bind_without_sm2)
    with pytest.raises(LibraryUnavailable, match="built without SM2"):
        Libcrypto(libcrypto().path)


def test_without_any_library_the_error_says_what_to_install_and_what_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_candidates", lambda: iter(["one.so", "two.so"]))
    with pytest.raises(LibraryUnavailable, match=r"libssl3.*one\.so.*two\.so"):
        libcrypto.__wrapped__()


def test_the_limit_of_the_signer_id_is_the_librarys_own(
    monkeypatch: pytest.MonkeyPatch, key: PrivateKey
) -> None:
    too_long = b"x" * (module.MAX_SIGNER_ID_BYTES + 1)
    monkeypatch.setattr(module, "MAX_SIGNER_ID_BYTES", len(too_long))
    with pytest.raises(NativeFailure):
        key.sign(b"", too_long)
