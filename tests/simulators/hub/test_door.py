"""The hub's door: who does not come as the profile says is turned away, and the books stay as they are."""

import datetime as dt
from random import Random

import msgspec
import pytest

from protocols.hub.gateway import Credentials, headers_of, token_request
from protocols.hub.profile import Profile
from protocols.secret import Secret
from simulators.hub.door import HubDoor, TurnedAway
from tests.profiles.rig import CREDENTIALS, profile_of
from tests.protocols.hub import examples
from tests.simulators.hub.counter import START

BODY = examples.body("a-2102-request.json")
U2 = '[hub]\nurl_shape = "U2"\n'
JSON = {"Content-Type": "application/json"}


def door_of(profile: Profile) -> HubDoor:
    """A door of this profile."""
    return HubDoor(profile, CREDENTIALS, Random(1))


def shown(
    profile: Profile, at: dt.datetime = START, credentials: Credentials = CREDENTIALS
) -> dict[str, str]:
    """The headers a counter shows with `BODY`."""
    made = headers_of(profile.hub, credentials, "2102", BODY, int(at.timestamp() * 1000), 7, Secret())
    return {**JSON, **made}


def away(door: HubDoor, headers: dict[str, str], path: str = "/2102", body: bytes = BODY) -> tuple[int, str]:
    """Status and words of a refusal."""
    with pytest.raises(TurnedAway) as refused:
        door.enter(path, headers, body, START)
    told = refused.value.delivery
    answer = msgspec.json.decode(told.body) if told.body else {}
    assert "cainfo" not in answer
    assert "output" not in answer
    return told.status, answer.get("message", answer.get("err_msg", ""))


@pytest.mark.parametrize("scheme", ["G1", "G2", "G3"])
def test_four_refusals_of_a_gateway_that_checks_signatures(scheme: str) -> None:
    profile = profile_of(f'{U2}gateway = "{scheme}"')
    door, good = door_of(profile), shown(profile)
    assert door.enter("/2102", good, BODY, START) == BODY
    assert door.enter("/2102", {name.upper(): text for name, text in good.items()}, BODY, START) == BODY
    assert away(door, JSON) == (401, "header missing")
    late, early = (shown(profile, START + dt.timedelta(minutes=minutes)) for minutes in (31, -31))
    assert away(door, late) == away(door, early) == (401, "timestamp outside 30 minutes")
    stranger = Credentials(account=Secret("stranger"), secret=CREDENTIALS.secret)
    assert away(door, shown(profile, credentials=stranger)) == (401, "unknown access key")
    forger = Credentials(account=CREDENTIALS.account, secret=Secret("guessed"))
    assert away(door, shown(profile, credentials=forger)) == (401, "signature mismatch")


@pytest.mark.parametrize(
    ("scheme", "header", "text", "reason"),
    [
        ("G1", "x-tif-timestamp", "\u00b2", "timestamp outside 30 minutes"),
        ("G1", "x-tif-timestamp", "9" * 400, "timestamp outside 30 minutes"),
        ("G1", "x-tif-timestamp", "9" * 5000, "timestamp outside 30 minutes"),
        ("G1", "x-tif-signature", "\udcff", "header missing"),
        ("G2", "_api_access_key", "\udcff", "header missing"),
        ("G3", "x-ca-signature", "\udcff", "header missing"),
    ],
)
def test_headers_of_odd_letters_are_turned_away_like_all_wrong_ones(
    scheme: str, header: str, text: str, reason: str
) -> None:
    """An HTTP server hands on bytes that are no UTF-8 as lone surrogates."""
    profile = profile_of(f'{U2}gateway = "{scheme}"')
    assert away(door_of(profile), {**shown(profile), header: text}) == (401, reason)


def test_g2_names_the_transaction_and_g3_covers_the_body() -> None:
    other = BODY.replace(b'"2102"', b'"2103"')
    g2, g3 = profile_of(f'{U2}gateway = "G2"'), profile_of(f'{U2}gateway = "G3"')
    assert away(door_of(g2), shown(g2), "/2103", other) == (401, "unknown interface or version")
    assert away(door_of(g3), shown(g3), "/2103", other) == (401, "signature mismatch")


def test_a_token_is_good_until_it_ends_and_only_for_whom_it_was_made() -> None:
    profile = profile_of(f'{U2}gateway = "G4"')
    door = door_of(profile)
    headers, body = token_request(profile.hub, CREDENTIALS)
    assert door.is_token_path("/auth/oauth/token")
    assert not door.is_token_path("/2102")
    assert door.token({**headers, "Authorization": "Basic x"}, body, START).status == 401
    assert door.token(headers, body.replace(b"demo-user", b"x"), START).status == 401
    token = msgspec.json.decode(door.token(headers, body, START).body)["access_token"]
    bearer = {**JSON, "Authorization": f"Bearer {token}"}
    assert door.enter("/2102", bearer, BODY, START) == BODY
    assert (
        away(door, JSON)
        == away(door, {**JSON, "Authorization": "Bearer x"})
        == (401, "token unknown or ended")
    )
    with pytest.raises(TurnedAway):
        door.enter("/2102", bearer, BODY, START + dt.timedelta(seconds=600))


def test_an_api_key_is_known_or_not() -> None:
    door = door_of(profile_of(f'{U2}gateway = "G5"'))
    assert door.enter("/2102", {**JSON, "apikey": "demo-secret"}, BODY, START) == BODY
    assert away(door, JSON) == (401, "unknown api key")


def test_a_path_nobody_listens_on_and_a_transaction_of_another_path() -> None:
    door = door_of(profile_of(U2))
    assert away(door, JSON, "/elsewhere/2102") == (404, "")
    assert away(door, JSON, "/2103") == (200, "交易编号与服务地址不符 (infno of another service)")
    assert away(door_of(profile_of("")), JSON, "/2102") == (404, "")
    assert "cannot be read" in away(door, JSON, "/2102", b"<html>")[1]


def test_what_is_no_envelope_reaches_the_hub_where_the_path_says_nothing() -> None:
    door = door_of(profile_of(""))
    assert door.enter("/uif-hsaf-med-api/api/medical/service", JSON, b"<html>", START) == b"<html>"


def test_a_hub_of_plain_text_wants_to_be_told() -> None:
    door = door_of(profile_of(f'{U2}content_type = "text/plain; charset=utf-8"'))
    assert away(door, JSON) == (415, "")
    assert door.enter("/2102", {"Content-Type": "text/plain;charset=UTF-8"}, BODY, START) == BODY


def test_a_payload_packed_in_another_way_is_turned_away() -> None:
    encrypted = profile_of(f'{U2}[crypt]\npayload = "sm4_ecb_client_id"')
    assert "cannot be read" in away(door_of(encrypted), JSON)[1]
