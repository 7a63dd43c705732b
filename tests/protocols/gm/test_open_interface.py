"""The worked example of the e-certificate's signed and encrypted interface comes out to the byte."""

import base64

import pytest

from protocols.gm import sm2, sm4
from protocols.gm.sm3 import sm3
from tests.protocols.gm import reference_sm2
from tests.vectors.gm.load import vectors

EXAMPLE = vectors("open_interface")
TEXT = EXAMPLE["to_sign"].encode("utf-8")
POINT = bytes.fromhex(EXAMPLE["point"])
APP_SECRET = EXAMPLE["app_secret"].encode("ascii")
IDS = {"sign_data_app_secret": APP_SECRET, "sign_data_default": sm2.DEFAULT_SIGNER_ID}


def test_digest_and_z() -> None:
    assert sm3(TEXT).hex() == EXAMPLE["sm3"]
    assert reference_sm2.z_value(POINT, APP_SECRET).hex() == EXAMPLE["z_app_secret"]


def test_the_private_number_gives_the_public_point() -> None:
    assert sm2.PrivateKey.from_scalar(bytes.fromhex(EXAMPLE["d"])).public_key.point == POINT


@pytest.mark.parametrize("name", IDS)
def test_each_signature_verifies_under_its_own_id_only(name: str) -> None:
    signature = base64.b64decode(EXAMPLE[name])
    key = sm2.PublicKey(POINT)
    assert [sm2.verify(key, TEXT, signature, signer_id) for signer_id in IDS.values()] == [
        other == name for other in IDS
    ]
    assert not sm2.verify(key, TEXT + b" ", signature, IDS[name])


@pytest.mark.parametrize("name", IDS)
def test_each_signature_is_recomputed_from_its_nonce(name: str) -> None:
    signature = reference_sm2.sign(int(EXAMPLE["d"], 16), int(EXAMPLE["k"], 16), TEXT, IDS[name])
    assert base64.b64encode(signature).decode("ascii") == EXAMPLE[name]


def test_key_derivation_and_encryption() -> None:
    first = sm4.ecb_pkcs7_encrypt(EXAMPLE["app_id"][:16].encode("ascii"), APP_SECRET)
    key = first.hex().upper()[:16]
    assert key == EXAMPLE["sm4_key"]
    encrypted = sm4.ecb_pkcs7_encrypt(key.encode("ascii"), EXAMPLE["data"].encode("utf-8"))
    assert encrypted.hex().upper() == EXAMPLE["enc_data"]
    assert sm4.ecb_pkcs7_decrypt(key.encode("ascii"), encrypted).decode("utf-8") == EXAMPLE["data"]
