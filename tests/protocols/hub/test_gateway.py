"""Gateway headers: the vectors, what is needed for which scheme, and tokens."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.errors import MalformedMessage, ProfileError
from protocols.hub.gateway import (
    NO_CREDENTIALS,
    Credentials,
    g1_signature,
    g2_signature,
    g3_signature,
    headers_of,
    missing_credentials,
    nonce_of,
    parse_credentials,
    read_token,
)
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.profile_sections import Hub
from protocols.secret import Secret
from tests.profiles.switches import switch

VECTORS = tomllib.loads((Path(__file__).parents[2] / "vectors/profiles/gateways.toml").read_text("utf-8"))
EVERYTHING = Credentials(**{name: Secret("0123456789abcdef") for name in Credentials.__struct_fields__})
MS = 1_700_000_000_123


@pytest.mark.parametrize("vector", VECTORS["g1"])
@switch("hub.gateway", "G1")
@switch("hub.gateway_hex", "lower", "upper")
def test_g1(vector: dict[str, Any]) -> None:
    secret = Secret(vector["secret"])
    assert g1_signature(vector["timestamp"], secret, vector["nonce"], vector["hex"]) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["g2"])
@switch("hub.gateway", "G2")
def test_g2(vector: dict[str, Any]) -> None:
    headers = {
        "_api_version": vector["version"],
        "_api_name": vector["name"],
        "_api_timestamp": vector["timestamp"],
        "_api_access_key": vector["access_key"],
        "_api_signature": "is not covered",
    }
    assert g2_signature(headers, Secret(vector["secret"])) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["g3"])
@switch("hub.gateway", "G3")
def test_g3(vector: dict[str, Any]) -> None:
    made = g3_signature(vector["timestamp"], Secret(vector["secret"]), vector["body"].encode())
    assert made == vector["signature"]


def test_the_nonce_has_the_gateways_form() -> None:
    number = 0x0123456789ABCDEF0123456789ABCDEF
    assert nonce_of("guid", number) == "0123456789abcdef0123456789abcdef"
    assert nonce_of("guid_dashes", number) == "01234567-89ab-cdef-0123-456789abcdef"
    assert nonce_of("digits", 98765432101) == "8765432101"
    assert nonce_of("digits", 7) == "7"


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("none", ()),
        ("G1", ("account", "secret")),
        ("G2", ("account", "secret")),
        ("G3", ("account", "secret")),
        ("G4", ("username", "password", "client_id", "client_secret")),
        ("G5", ("secret",)),
    ],
)
def test_each_scheme_needs_its_credentials(scheme: str, names: tuple[str, ...]) -> None:
    profile = parse_profile(f'[hub]\ngateway = "{scheme}"', "x.toml")
    assert missing_credentials(profile, NO_CREDENTIALS) == names
    assert missing_credentials(profile, EVERYTHING) == ()


def test_the_payloads_key_has_sixteen_bytes() -> None:
    profile = parse_profile('[crypt]\npayload = "sm4_ecb_client_id"', "x.toml")
    assert missing_credentials(profile, NO_CREDENTIALS) == ("client_id (16 bytes)",)
    assert missing_credentials(profile, Credentials(client_id=Secret("测试"))) == ("client_id (16 bytes)",)
    assert missing_credentials(profile, EVERYTHING) == ()


def test_headers_without_a_gateway_are_none() -> None:
    assert headers_of(Hub(), EVERYTHING, "9001", b"{}", MS, 1, Secret()) == {}


def test_credentials_are_read_and_never_quoted() -> None:
    assert parse_credentials({"account": "a"}, "c.toml").account == Secret("a")
    for tree in ({"acount": "hidden"}, {"account": 31337}, {"account": "hidden\n"}, {"secret": "hid\x00den"}):
        with pytest.raises(ProfileError, match=r"^c\.toml: ") as refused:
            parse_credentials(tree, "c.toml")
        assert "hidden" not in str(refused.value)
        assert "31337" not in str(refused.value)


def test_a_token_is_read_with_its_life() -> None:
    assert read_token(b'{"access_token":"t","token_type":"bearer","expires_in":60}').life_s == 60
    assert read_token(b'{"access_token":"t"}').life_s == 300
    assert read_token(b'{"access_token":"t"}').text == Secret("t")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"access_token":""}',
        b'{"access_token":"t","expires_in":0}',
        b'{"access_token":"t\\r\\nX: y"}',
        '{"access_token":"令牌"}'.encode(),
    ],
)
def test_anything_else_is_no_token(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_token(body)


def test_secrets_do_not_show() -> None:
    shown = repr(EVERYTHING) + repr(read_token(b'{"access_token":"hidden"}'))
    assert "0123456789abcdef" not in shown
    assert "hidden" not in shown
    with pytest.raises(TypeError):
        msgspec.json.encode(EVERYTHING)


def test_the_default_profile_needs_nothing() -> None:
    assert missing_credentials(Profile(name="national"), NO_CREDENTIALS) == ()
