"""Tokens of a gateway, and what a profile asks of a counter before anything runs."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from protocols.hub.gateway import NO_CREDENTIALS
from protocols.secret import Secret
from terminal.app import Application, load_credentials
from terminal.config import ConfigError, CounterFiles, read_config
from terminal.hub.fitting import misfit
from terminal.hub.gate import HubGate
from tests.profiles.rig import CREDENTIALS, profile_of
from tests.terminal.harness import NINE
from tests.terminal.test_trust import COUNTER

G4 = profile_of('[hub]\ngateway = "G4"')


class Clock:
    """Time that moves by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.passed_s


class Gateway:
    """Hands out one token after the other, or whatever it is told to."""

    def __init__(self, life_s: float = 600, answer: RawAnswer | Exception | None = None) -> None:
        self.life_s = life_s
        self.answer = answer
        self.count = 0

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        assert path == "/auth/oauth/token"
        self.count += 1
        await asyncio.sleep(0)  # whoever asks meanwhile does so now
        if isinstance(self.answer, Exception):
            raise self.answer
        told = f'{{"access_token":"t{self.count}","expires_in":{self.life_s}}}'.encode()
        return self.answer or RawAnswer(200, told, "application/json")

    async def close(self) -> None:
        """Nothing is open."""


def shown(gate: HubGate) -> str:
    """The token that the next request shows."""
    return asyncio.run(_headers(gate))["Authorization"]


async def _headers(gate: HubGate) -> Mapping[str, str]:
    return await gate.headers("2102", b"{}")


@pytest.mark.parametrize(("life_s", "kept_s"), [(600, 540), (90, 45)])
def test_a_token_is_kept_and_renewed_before_it_ends(life_s: float, kept_s: float) -> None:
    clock, gateway = Clock(), Gateway(life_s)
    gate = HubGate(G4, CREDENTIALS, gateway, clock, lambda bits: 0)
    assert shown(gate) == "Bearer t1"
    clock.passed_s = kept_s - 1
    assert shown(gate) == "Bearer t1"
    clock.passed_s = kept_s
    assert shown(gate) == "Bearer t2"
    assert gateway.count == 2


def test_after_a_refusal_the_next_request_has_a_new_token() -> None:
    gate = HubGate(G4, CREDENTIALS, Gateway(), Clock(), lambda bits: 0)
    assert shown(gate) == "Bearer t1"
    gate.refused()
    assert shown(gate) == "Bearer t2"


def test_a_renewal_that_fails_does_not_make_the_old_token_new() -> None:
    clock, gateway = Clock(), Gateway(600)
    gate = HubGate(G4, CREDENTIALS, gateway, clock, lambda bits: 0)
    assert shown(gate) == "Bearer t1"
    clock.passed_s, gateway.answer = 540, NoAnswer("timeout")
    with pytest.raises(NotSent):
        shown(gate)
    with pytest.raises(NotSent):
        shown(gate)
    gateway.answer = None
    assert shown(gate) == "Bearer t4"


def test_two_lanes_that_ask_at_once_get_one_new_token() -> None:
    clock, gateway = Clock(), Gateway(600)
    gate = HubGate(G4, CREDENTIALS, gateway, clock, lambda bits: 0)
    assert shown(gate) == "Bearer t1"
    clock.passed_s = 540

    async def both() -> list[str]:
        asked = await asyncio.gather(_headers(gate), _headers(gate))
        return [headers["Authorization"] for headers in asked]

    assert asyncio.run(both()) == ["Bearer t2", "Bearer t2"]
    assert gateway.count == 2


@pytest.mark.parametrize(
    "answer",
    [RawAnswer(401, b"{}", ""), RawAnswer(200, b"<html>", ""), RawAnswer(404, b"", ""), NoAnswer("timeout")],
)
def test_without_a_token_the_request_was_never_sent(answer: RawAnswer | Exception) -> None:
    gate = HubGate(G4, CREDENTIALS, Gateway(answer=answer), Clock(), lambda bits: 0)
    with pytest.raises(NotSent) as refused:
        shown(gate)
    assert refused.value.reason == "gateway_token"


def test_a_gateway_that_is_not_reached_says_how() -> None:
    gate = HubGate(G4, CREDENTIALS, Gateway(answer=NotSent("refused")), Clock(), lambda bits: 0)
    with pytest.raises(NotSent) as refused:
        shown(gate)
    assert refused.value.reason == "refused"


# -- does the profile fit? -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "institution", "url", "reason"),
    [
        ("", "P99990000001", "http://127.0.0.1:1", ""),
        (
            '[hub]\nurl_shape = "U3"',
            "P99990000001",
            "https://hub",
            "no path is published for 5201, 2101, 2102, 2103;",
        ),
        ('[hub]\nurl_shape = "U3"', "H99990000002", "https://hub", "no path is published for 5201;"),
        (
            '[hub]\nurl_shape = "U3"\n[hub.paths]\n5201 = "a/b"\n[form]\noutpatient = "plain"',
            "H99990000002",
            "https://hub",
            "",
        ),
        ('[sign]\nprofile = "unsigned-answers"', "P99990000001", "http://127.0.0.1:1", "hub.url: "),
        (
            '[sign]\nprofile = "input-only"',
            "P99990000001",
            "http://127.0.0.1:1",
            "https with a pinned authority",
        ),
        ('[sign]\nprofile = "input-only"', "P99990000001", "https://hub", ""),
        (
            '[outcome]\nreversible = ["2102", "2207"]',
            "H99990000002",
            "https://hub",
            "x does not name 2207A under outcome.reversible;",
        ),
        ('[outcome]\nreversible = ["2207A"]', "P99990000001", "https://hub", "does not name 2102 under"),
        ('[outcome]\nreversible = ["2102"]', "P99990000001", "https://hub", ""),
        (
            '[outcome]\nreversible = ["2207"]\n[form]\noutpatient = "plain"',
            "H99990000002",
            "https://hub",
            "",
        ),
    ],
)
def test_what_a_profile_asks_of_the_site(text: str, institution: str, url: str, reason: str) -> None:
    told = misfit(profile_of(text), CREDENTIALS, institution, url)
    assert reason in told
    assert bool(told) == bool(reason)


def test_credentials_that_a_profile_needs_are_asked_for() -> None:
    told = misfit(profile_of('[hub]\ngateway = "G1"'), NO_CREDENTIALS, "P99990000001", "https://hub")
    assert told == "hub.credentials: the profile x needs account, secret"


def files(folder: Path, credentials: str, profile: str = "national") -> CounterFiles:
    """A counter's file with these lines in [hub]."""
    text = COUNTER.format(hub="http://127.0.0.1:1", hub_ca="", centre="http://127.0.0.1:1", centre_ca="")
    text = text.replace("[hub]\n", f'[hub]\ncredentials = "{credentials}"\nprofile = "{profile}"\n')
    (folder / "counter.toml").write_text(text)
    return read_config(folder / "counter.toml")


def private(folder: Path, text: str, mode: int = 0o600) -> Path:
    """The credentials' file."""
    path = folder / "hub.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_credentials_are_read_from_a_file_of_their_own(tmp_path: Path) -> None:
    private(tmp_path, 'account = "demo-ak"\nsecret = "demo-sk"')
    found = load_credentials(files(tmp_path, "hub.toml"))
    assert (found.account, found.secret) == (Secret("demo-ak"), Secret("demo-sk"))
    assert load_credentials(files(tmp_path, "")) is NO_CREDENTIALS


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ('secret = "hidden"', 0o644, "hub.credentials: "),
        ('secret = "hidden', 0o600, "TOMLDecodeError"),
        ('secrets = "hidden"', 0o600, "hub.credentials: hub.toml: "),
        ("secret = 31337", 0o600, "hub.credentials: hub.toml: "),
    ],
)
def test_a_wrong_credentials_file_is_refused_and_never_quoted(
    tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    private(tmp_path, text, mode)
    with pytest.raises(ConfigError) as refused:
        load_credentials(files(tmp_path, "hub.toml"))
    assert reason in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert "31337" not in str(refused.value)


def test_a_missing_credentials_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        load_credentials(files(tmp_path, "nowhere.toml"))


def test_a_counter_that_does_not_fit_its_profile_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[hub]\ngateway = "G5"')
    with pytest.raises(ConfigError, match=r"hub\.credentials: the profile own needs secret"):
        Application(files(tmp_path, "", "own.toml"))
