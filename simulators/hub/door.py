"""The way into the hub: address, gateway and packing of one profile. Behind it everything is a plain envelope.

A request that does not come as the profile says is turned away here, in the shape such a request meets outside: 404 for
a path nobody listens on, the gateway's own JSON (`code`, no `infcode`, no signature) for headers it does not accept,
the short unsigned error for a payload packed in another way. None of it reaches the hub, so none of it books anything,
and none of it proves that to anybody.
"""

import datetime as dt
import hmac
import re
from collections.abc import Mapping
from random import Random
from typing import Final
from urllib.parse import parse_qs

import msgspec

from protocols.errors import MalformedMessage
from protocols.hub import addresses, gateway
from protocols.hub.gateway import Credentials
from protocols.hub.packing import packing_of
from protocols.hub.profile import Profile
from protocols.secret import Secret
from simulators.hub.exchange import Delivery
from simulators.hub.reading import read_request

_WINDOW_S: Final = 30 * 60.0
"""How far the clock in a gateway's header may be off (published for G2, taken for all that send one)."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_TOKEN_LIFE_S: Final = 600
_G2_HEADERS: Final = ("_api_name", "_api_version", "_api_timestamp", "_api_access_key", "_api_signature")


class TurnedAway(Exception):
    """A request that does not get in; `delivery` is what its sender hears."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.status)
        self.delivery = delivery


class HubDoor:
    """One profile's door. Knows every institution by one set of credentials."""

    def __init__(self, profile: Profile, credentials: Credentials, rng: Random) -> None:
        """`rng` draws the digits of tokens (G4)."""
        self._profile = profile
        self._credentials = credentials
        self._packing = packing_of(profile, credentials)
        self._rng = rng
        self._tokens: dict[str, dt.datetime] = {}

    def token(self, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> Delivery:
        """Answer a POST to the token path (G4)."""
        right_headers, right_body = gateway.token_request(self._profile.hub, self._credentials)
        given = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True)
        known = given == parse_qs(right_body.decode("ascii"), keep_blank_values=True)
        if not known or _of(headers, "Authorization") != right_headers["Authorization"]:
            return _refusal("unknown user or client")
        token = f"{self._rng.getrandbits(128):032x}"
        self._tokens[token] = now + dt.timedelta(seconds=_TOKEN_LIFE_S)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": _TOKEN_LIFE_S}
        return Delivery(msgspec.json.encode(answer))

    @property
    def only_path(self) -> str:
        """The one path that every transaction comes to, "" where each has its own."""
        hub = self._profile.hub
        return hub.proxy_prefix + hub.path if hub.url_shape in ("U1", "U4") else ""

    def is_token_path(self, path: str) -> bool:
        """Whether tokens are fetched here."""
        hub = self._profile.hub
        return hub.gateway == "G4" and path == hub.proxy_prefix + hub.token_path

    def enter(self, path: str, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> bytes:
        """Return the plain envelope of a request. Raises `TurnedAway`."""
        infno = addresses.infno_at(self._profile.hub, path)
        if infno is None:
            raise TurnedAway(Delivery(b"", 404, "text/plain"))
        self.check_headers(infno or _infno_in(body), headers, body, now)
        try:
            plain = self._packing.plain_request(body)
            named = read_request(plain).infno
        except MalformedMessage as malformed:
            if self._packing.is_plain and not infno:
                return body  # the hub itself has an answer for what is no envelope
            raise TurnedAway(_short(f"报文格式错误 (cannot be read: {malformed.where})")) from None
        if infno not in ("", named):
            raise TurnedAway(_short("交易编号与服务地址不符 (infno of another service)"))
        return plain

    def check_headers(self, infno: str, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> None:
        """Judge content type and gateway headers of a request for one transaction. Raises `TurnedAway`.

        A hub of `application/json` looks at the body alone; one of `text/plain` wants to be told so.
        """
        wanted = _plain_type(self._profile.hub.content_type)
        if wanted != "application/json" and wanted != _plain_type(_of(headers, "Content-Type")):
            raise TurnedAway(Delivery(b"", 415, "text/plain"))
        if self._profile.hub.gateway != "none":
            reason = self._wrong_headers(infno, headers, body, now)
            if reason:
                raise TurnedAway(_refusal(reason))

    def leave(self, delivery: Delivery) -> Delivery:
        """Pack the answer as it travels; what a fault has left of one stays as it is."""
        try:
            return msgspec.structs.replace(delivery, body=self._packing.packed_answer(delivery.body))
        except MalformedMessage:
            return delivery

    def _wrong_headers(self, infno: str, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> str:
        hub, ours = self._profile.hub, self._credentials
        given = {name.lower(): text for name, text in headers.items() if _is_utf8(text)}
        unix_s = now.timestamp()

        def missing(*names: str) -> bool:
            return any(not given.get(name) for name in names)

        match hub.gateway:
            case "G1":
                if missing("x-tif-paasid", "x-tif-timestamp", "x-tif-nonce", "x-tif-signature"):
                    return "header missing"
                key_id, timestamp = given["x-tif-paasid"], given["x-tif-timestamp"]
                signature = given["x-tif-signature"]
                right = gateway.g1_signature(timestamp, ours.secret, given["x-tif-nonce"], hub.gateway_hex)
            case "G2":
                if missing(*_G2_HEADERS):
                    return "header missing"
                key_id, signature = given["_api_access_key"], given["_api_signature"]
                timestamp = given["_api_timestamp"][:-3]
                right = gateway.g2_signature({name: given[name] for name in _G2_HEADERS}, ours.secret)
                if (given["_api_name"], given["_api_version"]) != (infno, hub.gateway_version):
                    return "unknown interface or version"
            case "G3":
                if missing("x-ca-key", "x-ca-signature"):
                    return "header missing"
                key_id, signature = given["x-ca-key"], given["x-ca-signature"]
                timestamp = signature.partition(":")[0]
                right = gateway.g3_signature(timestamp, ours.secret, body)
            case "G4":
                ends = self._tokens.get(given.get("authorization", "").removeprefix("Bearer "))
                return "" if ends is not None and now < ends else "token unknown or ended"
            case "G5":
                return "" if Secret(given.get("apikey", "")) == ours.secret else "unknown api key"
            case _:
                raise AssertionError(hub.gateway)
        if Secret(key_id) != ours.account:
            return "unknown access key"
        if _SECONDS.fullmatch(timestamp) is None or abs(unix_s - int(timestamp)) > _WINDOW_S:
            return "timestamp outside 30 minutes"
        return "" if hmac.compare_digest(signature.encode(), right.encode()) else "signature mismatch"


def _of(headers: Mapping[str, str], name: str) -> str:
    return next((text for given, text in headers.items() if given.lower() == name.lower()), "")


def _is_utf8(text: str) -> bool:
    """Whether a header was text: the server hands on other bytes as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _plain_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _infno_in(body: bytes) -> str:
    try:
        return read_request(body).infno
    except MalformedMessage:
        return ""


def _refusal(reason: str) -> Delivery:
    return Delivery(msgspec.json.encode({"code": 401, "message": reason}), 401)


def _short(text: str) -> Delivery:
    return Delivery(msgspec.json.encode({"type": "error", "infcode": -1, "err_msg": text}))
