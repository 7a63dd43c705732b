"""The OpenSSL command line agrees with us on signatures, keys and certificates, in both directions."""

import secrets
import subprocess
from pathlib import Path

import pytest

from drivers.signers import SoftwareKeyStore
from protocols.gm import sm4
from protocols.gm.errors import InvalidKey, PasswordRefused
from protocols.gm.sm2 import DEFAULT_SIGNER_ID, PrivateKey, PublicKey, der_to_raw, raw_to_der
from protocols.gm.sm3 import hmac_sm3, pbkdf2_hmac_sm3, sm3
from tests.real_parts import require_real

PASSWORD = b"witness password"
DATA = "P99990000001202611211011050103\n2102\n合计 83.30 元".encode()


class OpenSsl:
    """The command line, run in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = require_real("openssl")

    def run(self, *arguments: str, ok: bool = True, text: bytes = b"") -> bytes:
        """Run one command and return what it printed; `ok` says whether it should succeed."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            input=text,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr.decode()
        return done.stdout

    def write(self, name: str, content: bytes) -> str:
        self.folder.joinpath(name).write_bytes(content)
        return name

    def read(self, name: str) -> bytes:
        return self.folder.joinpath(name).read_bytes()

    def new_key(self) -> PrivateKey:
        """Let OpenSSL make a key, key.pem, and load it."""
        self.run("genpkey", "-algorithm", "SM2", "-out", "key.pem")
        return PrivateKey.from_pem(self.read("key.pem"))


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    return OpenSsl(tmp_path)


@pytest.fixture
def our_key() -> PrivateKey:
    return PrivateKey.generate(secrets.token_bytes)


def verify_arguments(signer_id: bytes) -> list[str]:
    return [
        *("pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-digest", "sm3", "-in", "data"),
        *("-sigfile", "signature", "-pkeyopt", f"distid:{signer_id.decode('ascii')}"),
    ]


@pytest.mark.parametrize("signer_id", [DEFAULT_SIGNER_ID, b"SIMSECRET00000000SIMSECRET000000"])
def test_openssl_verifies_our_signature_and_only_as_it_is(
    openssl: OpenSsl, our_key: PrivateKey, signer_id: bytes
) -> None:
    openssl.write("data", DATA)
    openssl.write("public.pem", our_key.public_key.to_pem())
    openssl.write("signature", raw_to_der(our_key.sign(DATA, signer_id)))
    openssl.run(*verify_arguments(signer_id))
    openssl.run(*verify_arguments(b"8765432187654321"), ok=False)
    openssl.write("data", DATA + b"\n")
    openssl.run(*verify_arguments(signer_id), ok=False)


def test_dgst_verifies_our_signature_too(openssl: OpenSsl, our_key: PrivateKey) -> None:
    openssl.write("data", DATA)
    openssl.write("public.pem", our_key.public_key.to_pem())
    openssl.write("signature", raw_to_der(our_key.sign(DATA)))
    told = openssl.run(
        *("dgst", "-sm3", "-verify", "public.pem", "-signature", "signature"),
        *("-sigopt", "distid:1234567812345678", "data"),
    )
    assert told == b"Verified OK\n"


@pytest.mark.parametrize("signer_id", [DEFAULT_SIGNER_ID, b"SIMSECRET00000000SIMSECRET000000"])
def test_we_verify_the_signature_of_openssl(openssl: OpenSsl, signer_id: bytes) -> None:
    key = openssl.new_key()
    openssl.write("data", DATA)
    distid = f"distid:{signer_id.decode('ascii')}"
    openssl.run(
        *("pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-digest", "sm3", "-in", "data"),
        *("-out", "signature", "-pkeyopt", distid),
    )
    signature = der_to_raw(openssl.read("signature"))
    assert key.public_key.verify(DATA, signature, signer_id)
    assert not key.public_key.verify(DATA, signature, b"")
    assert not key.public_key.verify(DATA + b" ", signature, signer_id)


def test_openssl_without_an_id_signs_under_the_empty_one(openssl: OpenSsl) -> None:
    """The trap this project steps around: forget the id, and no hub accepts the signature."""
    key = openssl.new_key()
    openssl.write("data", DATA)
    openssl.run("dgst", "-sm3", "-sign", "key.pem", "-out", "signature", "data")
    signature = der_to_raw(openssl.read("signature"))
    assert not key.public_key.verify(DATA, signature)
    assert key.public_key.verify(DATA, signature, b"")


def test_openssl_reads_the_key_we_store_with_its_password_file(openssl: OpenSsl, tmp_path: Path) -> None:
    store = SoftwareKeyStore(tmp_path / "keys", iterations=100)
    point = store.create(PASSWORD).public_point
    openssl.write("password", PASSWORD + b"\n")
    openssl.write("wrong", b"wrong\n")
    told = openssl.run(
        "pkey", "-in", "keys/signing-key.pem", "-passin", "file:password", "-pubout", "-outform", "DER"
    )
    assert told.endswith(point)
    assert openssl.run("pkey", "-pubin", "-in", "keys/public-key.pem", "-outform", "DER") == told
    openssl.run("pkey", "-in", "keys/signing-key.pem", "-passin", "file:wrong", "-noout", ok=False)
    openssl.run("pkey", "-in", "keys/signing-key.pem", "-passin", "file:password", "-noout", "-check")


@pytest.mark.parametrize(
    "options",
    [
        ["pkcs8", "-topk8", "-v2", "sm4-cbc"],
        ["pkcs8", "-topk8", "-v2", "aes-256-cbc"],
        ["ec", "-aes256"],
    ],
    ids=["PKCS8 with SM4", "PKCS8 with AES", "SEC1 with AES"],
)
def test_we_read_the_encrypted_keys_of_openssl(openssl: OpenSsl, options: list[str]) -> None:
    key = openssl.new_key()
    openssl.write("password", PASSWORD)
    openssl.run(*options, "-in", "key.pem", "-passout", "file:password", "-out", "encrypted.pem")
    encrypted = openssl.read("encrypted.pem")
    assert b"ENCRYPTED" in encrypted
    assert PrivateKey.from_pem(encrypted, PASSWORD).public_key == key.public_key
    for wrong in (None, b"", b"wrong"):
        with pytest.raises(PasswordRefused):
            PrivateKey.from_pem(encrypted, wrong)


def test_we_read_a_key_with_curve_parameters_before_it(openssl: OpenSsl) -> None:
    openssl.run("ecparam", "-name", "SM2", "-genkey", "-out", "sec1.pem")
    written = openssl.read("sec1.pem")
    assert b"PARAMETERS-----" in written
    public = openssl.run("pkey", "-in", "sec1.pem", "-pubout")
    assert PrivateKey.from_pem(written).public_key == PublicKey.from_pem(public)


def test_a_compressed_public_key_in_pem_is_the_same_key(openssl: OpenSsl) -> None:
    key = openssl.new_key()
    compressed = openssl.run("ec", "-in", "key.pem", "-pubout", "-conv_form", "compressed")
    assert len(compressed) < len(key.public_key.to_pem())
    assert PublicKey.from_pem(compressed) == key.public_key


def test_a_p_256_key_of_openssl_is_refused(openssl: OpenSsl) -> None:
    openssl.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p256.pem")
    with pytest.raises(InvalidKey, match="SM2"):
        PrivateKey.from_pem(openssl.read("p256.pem"))
    with pytest.raises(InvalidKey, match="SM2"):
        PublicKey.from_pem(openssl.run("pkey", "-in", "p256.pem", "-pubout"))


def test_a_self_signed_certificate_gives_its_key_and_its_signature_verifies(openssl: OpenSsl) -> None:
    key = openssl.new_key()
    openssl.run(
        *("req", "-new", "-x509", "-key", "key.pem", "-sm3", "-sigopt", "distid:1234567812345678"),
        *("-subj", "/CN=yibao test only", "-out", "certificate.pem"),
    )
    openssl.run(
        "verify", "-CAfile", "certificate.pem", "-vfyopt", "distid:1234567812345678", "certificate.pem"
    )
    der = openssl.run("x509", "-in", "certificate.pem", "-outform", "DER")
    assert PublicKey.from_certificate(openssl.read("certificate.pem")) == key.public_key
    assert PublicKey.from_certificate(der) == key.public_key
    body, signature = signed_parts(der)
    assert key.public_key.verify(body, der_to_raw(signature))


def test_a_p_256_certificate_is_refused(openssl: OpenSsl) -> None:
    openssl.run(
        *("req", "-new", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", "p256.pem", "-subj", "/CN=yibao test only", "-out", "certificate.pem"),
    )
    with pytest.raises(InvalidKey, match="SM2"):
        PublicKey.from_certificate(openssl.read("certificate.pem"))


def test_digest_mac_and_cipher_agree(openssl: OpenSsl) -> None:
    key, iv = bytes(range(16)), bytes(range(16, 32))
    assert openssl.run("dgst", "-sm3", "-binary", text=DATA) == sm3(DATA)
    assert openssl.run(
        "dgst", "-sm3", "-mac", "HMAC", "-macopt", "key:secret", "-binary", text=DATA
    ) == hmac_sm3(b"secret", DATA)
    assert openssl.run("enc", "-sm4-ecb", "-K", key.hex(), text=DATA) == sm4.ecb_pkcs7_encrypt(key, DATA)
    assert openssl.run(
        "enc", "-sm4-cbc", "-K", key.hex(), "-iv", iv.hex(), text=DATA
    ) == sm4.cbc_pkcs7_encrypt(key, iv, DATA)
    derived = openssl.run(
        *(
            "kdf",
            "-keylen",
            "16",
            "-kdfopt",
            "digest:SM3",
            "-kdfopt",
            "pass:secret",
            "-kdfopt",
            "salt:saltsalt",
        ),
        *("-kdfopt", "iter:1000", "-binary", "PBKDF2"),
    )
    assert derived == pbkdf2_hmac_sm3(b"secret", b"saltsalt", 1000, 16)


def signed_parts(der: bytes) -> tuple[bytes, bytes]:
    """Cut the signed body and the signature out of a certificate (RFC 5280, 4.1)."""
    body, rest = element(contents(der))
    _algorithm, rest = element(rest)
    signature, rest = element(rest)
    assert not rest
    # A bit string begins with the number of unused bits.
    return body, contents(signature)[1:]


def element(der: bytes) -> tuple[bytes, bytes]:
    """Split the first DER element, header included, from what follows."""
    header, length = header_and_length(der)
    return der[: header + length], der[header + length :]


def contents(der: bytes) -> bytes:
    """Return the contents of the first DER element."""
    header, length = header_and_length(der)
    return der[header : header + length]


def header_and_length(der: bytes) -> tuple[int, int]:
    if der[1] < 0x80:
        return 2, der[1]
    count = der[1] & 0x7F
    return 2 + count, int.from_bytes(der[2 : 2 + count], "big")
