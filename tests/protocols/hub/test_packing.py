"""How the payload is packed: the vector made elsewhere, both ways, and what is refused."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.hub.envelope import Answer, decode_answer, decode_request, encode_answer
from protocols.hub.gateway import Credentials
from protocols.hub.packing import PLAIN, Packing, packing_of
from protocols.hub.profile_reading import parse_profile
from protocols.secret import Secret
from tests.profiles.switches import switch
from tests.protocols.hub import examples

VECTORS = tomllib.loads((Path(__file__).parents[2] / "vectors/profiles/payload.toml").read_text("utf-8"))
CLIENT = Credentials(client_id=Secret("demo-client-0001"))
SM4 = packing_of(parse_profile('[crypt]\npayload = "sm4_ecb_client_id"', "x.toml"), CLIENT)
SM4_REQUESTS = packing_of(
    parse_profile('[crypt]\npayload = "sm4_ecb_client_id"\nanswers = false', "x.toml"), CLIENT
)
TEXT = packing_of(parse_profile("[env]\ninput_as_text = true", "x.toml"), CLIENT)
REQUEST = examples.body("a-2102-request.json")


@pytest.mark.parametrize("vector", VECTORS["sm4"])
@switch("crypt.payload", "sm4_ecb_client_id")
def test_sm4(vector: dict[str, Any]) -> None:
    packing = Packing(encrypted=True, key=Secret(vector["client_id"]))
    packed = b'"%s"' % vector["packed"].encode()
    assert packing.pack_input(vector["plain"].encode()) == packed
    assert packing.unpack_input(packed) == vector["plain"].encode()


def test_the_profile_says_how() -> None:
    assert packing_of(parse_profile("", "x.toml"), CLIENT) == PLAIN
    assert (SM4.encrypted, SM4.answers_encrypted, SM4.as_text) == (True, True, False)
    assert (SM4_REQUESTS.encrypted, SM4_REQUESTS.answers_encrypted) == (True, False)
    assert (TEXT.encrypted, TEXT.as_text, TEXT.key) == (False, True, Secret())


@given(st.binary(max_size=200), st.sampled_from([SM4, PLAIN]))
def test_whatever_is_packed_comes_out_again(plain: bytes, packing: Packing) -> None:
    assert packing.unpack_input(packing.pack_input(plain)) == plain
    assert packing.unpack_output(packing.pack_output(plain)) == plain


@pytest.mark.parametrize("packing", [PLAIN, SM4, SM4_REQUESTS, TEXT])
def test_a_whole_request_and_back(packing: Packing) -> None:
    packed = packing.packed_request(REQUEST)
    assert decode_request(packing.plain_request(packed)) == decode_request(REQUEST)
    assert packing.is_plain == (packed == REQUEST)


@switch("env.input_as_text", False, True)
def test_as_text_the_input_is_one_json_text() -> None:
    plain = decode_request(REQUEST).input
    assert decode_request(PLAIN.packed_request(REQUEST)).input == plain
    packed = decode_request(TEXT.packed_request(REQUEST)).input
    assert msgspec.json.decode(packed, type=str).encode() == plain


@pytest.mark.parametrize("output", [b"", b"null", b'{"a":1}'])
@switch("crypt.answers", True, False)
def test_answers_are_encrypted_where_the_flag_says_so_and_nothing_stays_nothing(output: bytes) -> None:
    whole = encode_answer(Answer(infcode=0, output=output))
    assert SM4_REQUESTS.packed_answer(whole) == SM4_REQUESTS.plain_answer(whole) == whole
    packed = SM4.packed_answer(whole)
    assert (decode_answer(packed).output[:1] == b'"') == (output == b'{"a":1}')
    assert decode_answer(SM4.plain_answer(packed)).output == output


@pytest.mark.parametrize(
    ("packing", "packed"),
    [
        (SM4, b'{"data":{}}'),
        (SM4, b'"not base64!"'),
        (SM4, '"测"'.encode()),
        (SM4, b'"AAAA"'),
        (SM4, b'"AAAAAAAAAAAAAAAAAAAAAA=="'),
        (TEXT, b'{"data":{}}'),
    ],
)
def test_an_input_packed_in_another_way_is_refused(packing: Packing, packed: bytes) -> None:
    with pytest.raises(MalformedMessage) as refused:
        packing.unpack_input(packed)
    assert refused.value.where == "$.input"


def test_an_answer_that_should_be_encrypted_and_is_not_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        SM4.plain_answer(encode_answer(Answer(infcode=0, output=b'{"a":1}')))


def test_the_key_does_not_show() -> None:
    assert "demo-client" not in repr(SM4)
