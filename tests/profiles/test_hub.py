"""Address and gateway: where a request goes and what its headers show, asserted on the wire of a real line."""

import re
from pathlib import Path

import pytest

from protocols.hub.profile import Profile
from terminal.counter.session import SignInState
from tests.profiles.rig import Crossed, Line, hub_of, profile_of
from tests.profiles.switches import switch
from tests.terminal.fast_loop import fast

pytestmark = pytest.mark.blocking_allowed("the journal is called in line")


async def signed_in(folder: Path, profile: Profile) -> Line:
    """What crossed the line while a counter of this profile signed in at a hub of the same."""
    async with hub_of(profile) as hub, hub.counter(folder, profile) as till:
        for _ in range(200):
            if till.counter.session.state is not SignInState.NOT_YET:
                break
            await hub.clock.sleep(0.1)
        assert till.counter.session.state is SignInState.SIGNED_IN, till.counter.session.reason
        return till.line


async def only(folder: Path, profile: Profile) -> Crossed:
    """The sign-in alone."""
    (crossed,) = (await signed_in(folder, profile)).of("9001")
    return crossed


@switch("hub.url_shape", "U1")
@fast
async def test_u1_is_one_path_for_all(tmp_path: Path) -> None:
    assert (await only(tmp_path, profile_of(""))).path == "/uif-hsaf-med-api/api/medical/service"


@switch("hub.url_shape", "U2")
@switch("hub.path")
@fast
async def test_u2_is_the_base_and_the_number(tmp_path: Path) -> None:
    profile = profile_of('[hub]\nurl_shape = "U2"\npath = "/base/"')
    assert (await only(tmp_path, profile)).path == "/base/9001"


@switch("hub.url_shape", "U3")
@switch("hub.proxy_prefix")
@fast
async def test_u3_is_a_service_path_behind_the_proxys_prefix(tmp_path: Path) -> None:
    profile = profile_of('[hub]\nurl_shape = "U3"\nproxy_prefix = "/ebus/demo"')
    assert (await only(tmp_path, profile)).path == "/ebus/demo/fsi/api/signInSignOutService/signIn"


@switch("hub.paths")
@fast
async def test_u3_takes_further_paths_from_the_profile(tmp_path: Path) -> None:
    profile = profile_of('[hub]\nurl_shape = "U3"\n[hub.paths]\n9001 = "elsewhere/in"')
    assert (await only(tmp_path, profile)).path == "/fsi/api/elsewhere/in"


@switch("hub.url_shape", "U4")
@fast
async def test_u4_is_one_dispatcher(tmp_path: Path) -> None:
    crossed = await only(tmp_path, profile_of('[hub]\nurl_shape = "U4"'))
    assert crossed.path == "/mbs/fmi/fsi/api/callFsiService/callService"


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8"])
@switch("hub.content_type", "application/json", "text/plain; charset=utf-8")
def test_the_content_type_is_the_profiles(tmp_path: Path, kind: str) -> None:
    @fast
    async def run() -> None:
        crossed = await only(tmp_path, profile_of(f'[hub]\ncontent_type = "{kind}"'))
        assert crossed.headers == {"Content-Type": kind}

    run()


@switch("hub.gateway", "none")
@fast
async def test_without_a_gateway_there_is_nothing_but_the_content_type(tmp_path: Path) -> None:
    assert set((await only(tmp_path, profile_of(""))).headers) == {"Content-Type"}


@pytest.mark.parametrize(
    ("extra", "nonce", "signature"),
    [
        ("", "[0-9a-f]{32}", "[0-9a-f]{64}"),
        ('gateway_nonce = "guid_dashes"', "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[0-9a-f]{64}"),
        ('gateway_nonce = "digits"', "[0-9]{1,10}", "[0-9a-f]{64}"),
        ('gateway_hex = "upper"', "[0-9a-f]{32}", "(?=.*[A-F])[0-9A-F]{64}"),
    ],
)
@switch("hub.gateway", "G1")
@switch("hub.gateway_nonce", "guid", "guid_dashes", "digits")
@switch("hub.gateway_hex", "lower", "upper")
def test_g1_signs_time_and_nonce(tmp_path: Path, extra: str, nonce: str, signature: str) -> None:
    @fast
    async def run() -> None:
        headers = (await only(tmp_path, profile_of(f'[hub]\ngateway = "G1"\n{extra}'))).headers
        assert headers["x-tif-paasid"] == "demo-ak"
        assert re.fullmatch("[0-9]{10}", headers["x-tif-timestamp"])
        assert re.fullmatch(nonce, headers["x-tif-nonce"])
        assert re.fullmatch(signature, headers["x-tif-signature"])

    run()


@switch("hub.gateway", "G2")
@switch("hub.gateway_version")
@fast
async def test_g2_signs_the_number_and_milliseconds(tmp_path: Path) -> None:
    profile = profile_of('[hub]\ngateway = "G2"\ngateway_version = "2.1"')
    headers = (await only(tmp_path, profile)).headers
    assert (headers["_api_name"], headers["_api_version"], headers["_api_access_key"]) == (
        "9001",
        "2.1",
        "demo-ak",
    )
    assert re.fullmatch("[0-9]{13}", headers["_api_timestamp"])
    assert re.fullmatch("[A-Za-z0-9+/]{27}=", headers["_api_signature"])


@switch("hub.gateway", "G3")
@fast
async def test_g3_signs_the_body(tmp_path: Path) -> None:
    headers = (await only(tmp_path, profile_of('[hub]\ngateway = "G3"'))).headers
    assert headers["x-ca-key"] == "demo-ak"
    assert re.fullmatch("[0-9]{10}:[0-9A-F]{64}", headers["x-ca-signature"])


@switch("hub.gateway", "G4")
@switch("hub.token_path")
@switch("hub.token_scope")
@fast
async def test_g4_fetches_a_token_once_and_shows_it(tmp_path: Path) -> None:
    profile = profile_of('[hub]\ngateway = "G4"\ntoken_path = "/oauth/demo"\ntoken_scope = "all"')
    line = await signed_in(tmp_path, profile)
    fetched, signed = line.crossed
    assert fetched.path == "/oauth/demo"
    assert fetched.body == b"username=demo-user&password=demo-password&scope=all&grant_type=password"
    assert fetched.headers["Authorization"] == "Basic ZGVtby1jbGllbnQtMDAwMTpkZW1vLWNsaWVudC1zZWNyZXQ="
    assert signed.headers["Authorization"] == f"Bearer {fetched.answered['access_token']}"


@switch("hub.gateway", "G5")
@fast
async def test_g5_shows_its_key(tmp_path: Path) -> None:
    assert (await only(tmp_path, profile_of('[hub]\ngateway = "G5"'))).headers["apikey"] == "demo-secret"
