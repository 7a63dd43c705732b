"""The gateway before a hub: how an institution shows who it is, in headers of each request. Pure; nothing is sent here.

Five schemes are in use. None of them is the signature in the body (`signing`), and none replaces it.

    G1  x-tif-*       hex SHA-256 over  timestamp + secret + nonce + timestamp   (Unix seconds; the body is not covered)
    G2  _api_*        Base64 HMAC-SHA1 over the `k=v` of the four other headers, sorted, joined by &  (not the body)
    G3  x-ca-*        `<Unix seconds>:<HEX>`, HMAC-SM3 over  seconds LF body
    G4  Authorization Bearer token, fetched with user, password, client id and client secret and kept until it ends
    G5  apikey        the key itself

Every part is text in UTF-8. A gateway's refusal is JSON with `code` and `message` and without `infcode`; it proves
nothing about what the hub has done (K61).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec

from protocols.errors import MalformedMessage, ProfileError
from protocols.gm.sm3 import hmac_sm3
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import GatewayScheme, Hub, NonceForm
from protocols.hub.wire import check_json
from protocols.secret import Secret

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_TOKEN_LIFE_S: Final = 300.0
"""How long a token is used whose answer names no end."""
SM4_KEY_BYTES: Final = 16
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BEARER: Final = re.compile(r"[\x21-\x7e]+")
"""A token that a header can carry; RFC 6750, 2.1 allows some of these letters, servers use more."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a province hands to an institution besides its certificate. Which of it is needed, the profile decides."""

    account: Secret = Secret()
    """G1 `x-tif-paasid`, G2 access key, G3 `x-ca-key`."""
    secret: Secret = Secret()
    """G1 to G3 signing secret; G5 the API key."""
    username: Secret = Secret()
    password: Secret = Secret()
    client_id: Secret = Secret()
    """G4; its 16 bytes are also the key of the payload's SM4."""
    client_secret: Secret = Secret()


NO_CREDENTIALS: Final = Credentials()
"""For a hub without gateway and encryption."""


class Token(msgspec.Struct, frozen=True):
    """A bearer token of G4 and how long it may be used, in seconds from its arrival."""

    text: Secret
    life_s: float


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float = _TOKEN_LIFE_S


_NEEDS: Final[Mapping[GatewayScheme, tuple[str, ...]]] = {
    "none": (),
    "G1": ("account", "secret"),
    "G2": ("account", "secret"),
    "G3": ("account", "secret"),
    "G4": ("username", "password", "client_id", "client_secret"),
    "G5": ("secret",),
}


def missing_credentials(profile: Profile, credentials: Credentials) -> tuple[str, ...]:
    """Return the names of the credentials this profile needs and does not find; a client id of another length too."""
    needed = _NEEDS[profile.hub.gateway]
    missing = [name for name in needed if not getattr(credentials, name)]
    encrypted = profile.crypt.payload == "sm4_ecb_client_id"
    if encrypted and len(credentials.client_id.reveal().encode()) != SM4_KEY_BYTES:
        missing.append("client_id (16 bytes)")
    return tuple(missing)


def parse_credentials(tree: Mapping[str, Any], name: str) -> Credentials:
    """Read the table of a credentials file; `name` is the file's. Raises `ProfileError` without quoting a value."""
    try:
        return msgspec.convert(tree, Credentials, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise ProfileError(name, "", str(error)) from None


def _secret(type_: type, value: Any) -> Any:
    """What cannot stand in a header would end every request in a connection without an answer: a doubt for nothing."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    if _CONTROL.search(value):
        raise ValueError("must be one line without control characters")
    return type_(value)


# -- signatures ------------------------------------------------------------------------------------


def g1_signature(timestamp: str, secret: Secret, nonce: str, case: Literal["lower", "upper"]) -> str:
    """Return `x-tif-signature`; `timestamp` is Unix seconds as text."""
    digest = hashlib.sha256(f"{timestamp}{secret.reveal()}{nonce}{timestamp}".encode()).hexdigest()
    return digest.upper() if case == "upper" else digest


def g2_signature(headers: Mapping[str, str], secret: Secret) -> str:
    """Return `_api_signature` over the four other `_api_` headers."""
    covered = "&".join(
        f"{name}={value}" for name, value in sorted(headers.items()) if name != "_api_signature"
    )
    mac = hmac.digest(secret.reveal().encode(), covered.encode(), "sha1")
    return base64.b64encode(mac).decode("ascii")


def g3_signature(timestamp: str, secret: Secret, body: bytes) -> str:
    """Return `x-ca-signature`; `timestamp` is Unix seconds as text."""
    mac = hmac_sm3(secret.reveal().encode(), timestamp.encode() + b"\n" + body)
    return f"{timestamp}:{mac.hex().upper()}"


def nonce_of(form: NonceForm, number: int) -> str:
    """Write a random number (128 bits, the caller's) as this gateway wants its nonce."""
    digits = f"{number:032x}"
    match form:
        case "guid":
            return digits
        case "guid_dashes":
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        case "digits":
            return str(number % 10**10)
        case _:
            raise AssertionError(form)


# -- headers ---------------------------------------------------------------------------------------


def headers_of(
    hub: Hub, credentials: Credentials, infno: str, body: bytes, unix_ms: int, number: int, token: Secret
) -> dict[str, str]:
    """Return the gateway's headers for one request, made now (`unix_ms`) with a fresh random `number` of 128 bits.

    `token` is that of G4, empty elsewhere.
    """
    seconds = str(unix_ms // 1000)
    match hub.gateway:
        case "none":
            return {}
        case "G1":
            nonce = nonce_of(hub.gateway_nonce, number)
            return {
                "x-tif-paasid": credentials.account.reveal(),
                "x-tif-timestamp": seconds,
                "x-tif-nonce": nonce,
                "x-tif-signature": g1_signature(seconds, credentials.secret, nonce, hub.gateway_hex),
            }
        case "G2":
            shown = {
                "_api_access_key": credentials.account.reveal(),
                "_api_name": infno,
                "_api_timestamp": str(unix_ms),
                "_api_version": hub.gateway_version,
            }
            return {**shown, "_api_signature": g2_signature(shown, credentials.secret)}
        case "G3":
            return {
                "x-ca-key": credentials.account.reveal(),
                "x-ca-signature": g3_signature(seconds, credentials.secret, body),
            }
        case "G4":
            return {"Authorization": f"Bearer {token.reveal()}"}
        case "G5":
            return {"apikey": credentials.secret.reveal()}
        case _:
            raise AssertionError(hub.gateway)


def token_request(hub: Hub, credentials: Credentials) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the POST to `hub.token_path` that fetches a token (G4)."""
    fields = {
        "username": credentials.username.reveal(),
        "password": credentials.password.reveal(),
        "scope": hub.token_scope,
        "grant_type": "password",
    }
    pair = f"{credentials.client_id.reveal()}:{credentials.client_secret.reveal()}".encode()
    headers = {
        "Content-Type": FORM_TYPE,
        "Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}",
    }
    return headers, urlencode(fields).encode("ascii")


def read_token(body: bytes) -> Token:
    """Read the answer to `token_request`; raises `MalformedMessage`."""
    check_json(body)
    try:
        answer = msgspec.json.decode(body, type=_TokenAnswer)
    except msgspec.ValidationError:
        raise MalformedMessage("not a token") from None
    if _BEARER.fullmatch(answer.access_token) is None or answer.expires_in <= 0:
        raise MalformedMessage("not a token")
    return Token(Secret(answer.access_token), answer.expires_in)
