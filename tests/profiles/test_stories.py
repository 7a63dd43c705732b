"""Four profiles, each at home: the five stories over HTTP. And each at each other's hub: a clear error, nothing booked."""

import ssl
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from drivers.http.tls import client_context
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.signing import is_bound_by_content
from simulators.certificates import SimulatedAuthority, server_context
from terminal.core.states import State
from tests.profiles.rig import CLINIC, hub_of, profile_of
from tests.profiles.stories import tell
from tests.terminal.fast_loop import fast

pytestmark = pytest.mark.blocking_allowed("the journal is called in line")

_FOLDER = Path(__file__).parent / "examples"
EXAMPLES = {path.stem: parse_profile(path.read_text("utf-8"), path.name) for path in _FOLDER.glob("*.toml")}
Tls = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """What a hub serves with, and what its counters trust."""
    authority = SimulatedAuthority(tmp_path_factory.mktemp("authority"))
    return server_context(authority.issue()), client_context(authority.file)


@pytest.mark.parametrize(
    "differs",
    [
        lambda profile: profile.hub.url_shape,
        lambda profile: profile.hub.gateway,
        lambda profile: profile.outcome.reversal_answers,
    ],
)
def test_the_four_differ_everywhere(differs: Callable[[Profile], object]) -> None:
    assert len({str(differs(profile)) for profile in EXAMPLES.values()}) == 4


@pytest.mark.parametrize(
    ("differs", "kinds"),
    [
        (lambda profile: profile.sign.profile, 3),
        (lambda profile: profile.crypt.payload, 2),
        (lambda profile: profile.form.outpatient, 2),
        (lambda profile: profile.trace.pharmacy_node, 2),
        (lambda profile: profile.money.mutual_aid, 2),
    ],
)
def test_where_there_are_fewer_ways_all_of_them_occur(
    differs: Callable[[Profile], object], kinds: int
) -> None:
    assert len({differs(profile) for profile in EXAMPLES.values()}) == kinds


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_five_stories(tmp_path: Path, tls: Tls, name: str) -> None:
    profile = EXAMPLES[name]

    @fast
    async def run() -> None:
        async with (
            hub_of(profile, tls=tls if is_bound_by_content(profile) else None) as hub,
            hub.counter(tmp_path, profile) as shop,
            hub.counter(tmp_path, profile, institution=CLINIC) as clinic,
        ):
            await tell(hub, shop, clinic)

    run()


@pytest.mark.parametrize(("at_the_counter", "at_the_hub"), sorted(permutations(EXAMPLES, 2)))
def test_another_profile_ends_in_a_clear_error_and_no_booking(
    tmp_path: Path, at_the_counter: str, at_the_hub: str
) -> None:
    @fast
    async def run() -> None:
        async with (
            hub_of(EXAMPLES[at_the_hub]) as hub,
            hub.counter(tmp_path, EXAMPLES[at_the_counter]) as shop,
        ):
            told = await shop.priced("1001")
            assert told.state is State.DRAFT
            assert told.notice is not None
            assert told.notice.code == "hub_not_understood"
            assert told.notice.params["profile"] == at_the_counter
            assert hub.live_fen() == []
            assert hub.world.ledger.messages() == ()

    run()


@fast
async def test_a_doubt_is_reversed_under_the_number_it_was_sent_by_whatever_the_profile_says_meanwhile(
    tmp_path: Path,
) -> None:
    """Somebody changes the out-patient form while a visit's settlement is in doubt: 2601 still names what was sent."""
    first = EXAMPLES["first"]
    async with hub_of(first) as hub, hub.counter(tmp_path, first, institution=CLINIC) as clinic:
        priced = await clinic.visit("1")
        hub.arm("lose-answer", "2207A")
        hub.arm("lose-request", "2601")
        await clinic.confirm(priced)
        assert hub.live_fen() == [449_68]
        clinic.profile = profile_of('[form]\noutpatient = "plain"')
        await clinic.kill()
        await clinic.until(priced, State.REVERSED)
        assert hub.live_fen() == []
        assert clinic.line.inputs("2601")[0]["data"]["oinfno"] == "2207A"


@pytest.mark.parametrize(
    ("at_the_counter", "at_the_hub", "who", "code"),
    [
        ("", '[sign]\nform = "der"', "jia", "hub_not_understood"),
        ('[sign]\nencoding = "hex"', "", "jia", "hub_not_understood"),
        ("", '[sign]\nprofile = "input-only"', "jia", "hub_not_understood"),
        ("", '[sign]\nprofile = "unsigned-answers"', "jia", "hub_not_understood"),
        ("", '[crypt]\npayload = "sm4_ecb_client_id"', "jia", "hub_not_understood"),
        ('[crypt]\npayload = "sm4_ecb_client_id"', "", "jia", "hub_not_understood"),
        ('[crypt]\npayload = "sm4_ecb_client_id"', '[crypt]\npayload = "sm4_ecb_client_id"\nanswers = false', "jia", "hub_not_understood"),
        ("", "[env]\ninput_as_text = true", "jia", "hub_not_understood"),
        ("", '[hub]\ngateway = "G5"', "jia", "hub_not_understood"),
        ("", '[hub]\ncontent_type = "text/plain; charset=utf-8"', "jia", "hub_not_understood"),
        ("", '[money]\nfund_sum = "with_account"', "jia", "hub_amounts_broken"),
        ('[money]\nfund_sum = "with_account"', "", "jia", "hub_amounts_broken"),
        ("", '[money]\nmutual_aid = "beside"', "bing", "hub_amounts_broken"),
        ('[money]\nmutual_aid = "beside"', "", "bing", "hub_amounts_broken"),
        ('[env]\nsign_in = "none"', "", "jia", "hub_refused_question"),
    ],
)  # fmt: skip
def test_one_switch_apart_ends_before_anything_is_booked(
    tmp_path: Path, at_the_counter: str, at_the_hub: str, who: str, code: str
) -> None:
    @fast
    async def run() -> None:
        async with (
            hub_of(profile_of(at_the_hub)) as hub,
            hub.counter(tmp_path, profile_of(at_the_counter)) as shop,
        ):
            told = await shop.priced("1001", who)
            assert told.notice is not None
            assert (told.state, told.notice.code) == (State.DRAFT, code)
            assert hub.live_fen() == []

    run()
