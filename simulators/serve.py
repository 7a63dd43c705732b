"""A whole simulated far side: hub, certificate centre, phone and people as one `SimulatedWorld`, and its servers.

`build_world` makes the objects (no sockets, for tests and the simulation); `serve_world` puts them on free loopback
ports. The same seed gives the same hub key, so a counter's configuration stays good when its world is started again;
it also gives the same ids, codes and tokens, unless another source of numbers is handed in.
"""

import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random

import msgspec
from aiohttp import web

from drivers.interfaces.signer import Signer, Verifier
from protocols.ecertificate.open_interface import style_of
from protocols.gm.sm2 import PrivateKey
from protocols.hub.addresses import decode_path
from protocols.hub.gateway import Credentials
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.wire_time import WIRE_ZONE
from simulators.benefit import policies
from simulators.certificate_centre import (
    Activation,
    CentreSettings,
    CertificateCentre,
    CodeBook,
    Lives,
    OpenDesk,
)
from simulators.certificate_centre import server as centre_server
from simulators.certificate_centre.control import centre_routes
from simulators.hub import bare_decode
from simulators.hub import server as hub_server
from simulators.hub.core import HubCore
from simulators.hub.desk import HubSettings
from simulators.hub.door import HubDoor
from simulators.hub.faulty import FaultyHub, NextKey
from simulators.hub.keys import Sm2Signer, Sm2Verifier, TerminalKeys
from simulators.hub.ledger import Ledger
from simulators.people import Person, find, load_people
from simulators.phone import Phone
from simulators.phone import server as phone_server
from simulators.world import World, load_world

Clock = Callable[[], dt.datetime]


class SimulatedWorld(msgspec.Struct, frozen=True):
    """Everything behind the counter, ready to be asked directly or put on sockets."""

    people: tuple[Person, ...]
    world: World
    profile: Profile
    ledger: Ledger
    book: CodeBook
    centre: CertificateCentre
    open_desk: OpenDesk
    """The centre's signed and encrypted door."""
    activation: Activation
    phone: Phone
    keys: TerminalKeys
    signer: Signer
    """The hub's answer key."""
    hub: FaultyHub
    door: HubDoor
    """What stands before the hub on a socket: address, gateway, packing."""

    def person(self, who: str) -> Person:
        """Somebody by name, slug or `psn_no`. Raises KeyError."""
        return find(self.people, who)


class RunningWorld(msgspec.Struct, frozen=True):
    """A world on sockets."""

    world: SimulatedWorld
    endpoints: dict[str, str]
    """Base URLs `hub`, `certificate_centre`, `control`, `phone`; besides `hub_path`, `certificate_path`, `profile` (its name),
    and `hub_public_point` (hex)."""


def now() -> dt.datetime:
    """Present time in UTC+8, the only clock of the servers."""
    return dt.datetime.now(WIRE_ZONE)


@cache
def shipped_profile(name: str = "national") -> Profile:
    """One of the shipped province profiles, read once. Raises FileNotFoundError."""
    file = f"{name}.toml"
    return parse_profile((resources.files("protocols.hub.profiles") / file).read_text("utf-8"), file)


def build_world(
    *,
    seed: int,
    profile: Profile | None = None,
    settings: HubSettings | None = None,
    ledger_path: Path | None = None,
    signer: Signer | None = None,
    people: Sequence[Person] | None = None,
    world: World | None = None,
    book: policies.PolicyBook | None = None,
    lives: Lives | None = None,
    centre_settings: CentreSettings | None = None,
    single_use_code: bool = False,
    numbers: Random | None = None,
    next_key: NextKey | None = None,
    credentials: Credentials | None = None,
) -> SimulatedWorld:
    """A fresh world from a seed; what is not handed in is the shipped one.

    `ledger_path` None keeps the books in memory. `signer` replaces the hub's SM2 key (a simulation's cheap one),
    `next_key` those that it rotates to. `credentials` are what its gateway and its encryption ask of every institution.
    `numbers` draws ids, codes and tokens instead of the seed: hand in `random.SystemRandom()` where a counter outlives
    its world, or the restarted phone would show codes which that counter has used before and must refuse.
    """
    rng = Random(seed)
    hub_signer = signer if signer is not None else Sm2Signer(PrivateKey.generate(rng.randbytes))
    everybody = tuple(people) if people is not None else load_people()
    places = world if world is not None else load_world()
    ways = profile if profile is not None else shipped_profile()
    ledger = Ledger(ledger_path)
    ledger.seed(everybody)
    code_numbers, hub_numbers = numbers or Random(rng.getrandbits(64)), numbers or Random(rng.getrandbits(64))
    codes = CodeBook(everybody, code_numbers, lives or _lives(ways), single_use=single_use_code)
    centre = CertificateCentre(
        codes, places.institutions, centre_settings or CentreSettings(operator_len=ways.ecert.operator_len)
    )
    keys = TerminalKeys()
    core = HubCore(
        people=everybody,
        world=places,
        policies=book if book is not None else policies.load_shipped(),
        ledger=ledger,
        tokens=codes,
        profile=ways,
        signer=hub_signer,
        verifiers=keys.find,
        rng=hub_numbers,
        settings=settings,
    )
    return SimulatedWorld(
        people=everybody,
        world=places,
        profile=ways,
        ledger=ledger,
        book=codes,
        centre=centre,
        open_desk=OpenDesk(centre, style_of(ways.open)),
        activation=Activation(codes, everybody),
        phone=Phone(codes),
        keys=keys,
        signer=hub_signer,
        hub=FaultyHub(core, ways, hub_signer, next_key),
        door=HubDoor(ways, credentials or Credentials(), Random(seed)),
    )


def _lives(profile: Profile) -> Lives:
    ecert = profile.ecert
    return Lives(ecert.code_life_s, ecert.grace_s, ecert.token_life_s, ecert.authno_life_s)


@contextlib.asynccontextmanager
async def serve_world(
    world: SimulatedWorld,
    *,
    clock: Clock = now,
    verifier_of: Callable[[bytes], Verifier] = Sm2Verifier,
    hub_port: int = 0,
    centre_port: int = 0,
    phone_port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[RunningWorld]:
    """Serve `world` on loopback until the block ends; port 0 takes a free one. The ledger is closed with it.

    With `tls` (see `simulators.certificates`) hub and centre are https; the control API then has a plain port of its own.
    """
    control = hub_server.ControlDesk(
        hub=world.hub,
        people=world.people,
        book=world.book,
        keys=world.keys,
        verifier_of=verifier_of,
        clock=clock,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(world.ledger.close)
        at_the_centre = centre_routes(world.centre, world.people)
        hub_app = hub_server.build_control_app(control, at_the_centre)
        if world.profile.ecert.path == "hub_1162":
            decode = bare_decode.handler(world.hub.core.desk, world.centre, world.door, clock)
            hub_app.router.add_post(decode_path(world.profile), decode)
        hub_server.add_hub_routes(hub_app, control, world.door)
        hub_url = await _listen(stack, hub_app, hub_port, tls)
        query_path = world.profile.ecert.url_path
        centre_app = centre_server.build_app(world.centre, clock, world.open_desk, query_path)
        centre_url = await _listen(stack, centre_app, centre_port, tls, handler_cancellation=True)
        control_url = hub_url
        if tls is not None:
            control_url = await _listen(stack, hub_server.build_control_app(control, at_the_centre), 0)
        phone = phone_server.PhoneDesk(world.people, world.book, world.activation, clock)
        phone_url = await _listen(stack, phone_server.build_app(phone), phone_port)
        yield RunningWorld(
            world,
            {
                "hub": hub_url,
                "hub_path": world.profile.hub.path,
                "certificate_centre": centre_url,
                "certificate_path": query_path,
                "control": f"{control_url}/control",
                "phone": f"{phone_url}/",
                "hub_public_point": world.signer.description.public_point.hex(),
                "profile": world.profile.name,
            },
        )


async def _listen(
    stack: contextlib.AsyncExitStack,
    app: web.Application,
    port: int,
    tls: ssl.SSLContext | None = None,
    *,
    handler_cancellation: bool = False,
) -> str:
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=1.0, handler_cancellation=handler_cancellation
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    bound = runner.addresses[0][1]
    return f"{'http' if tls is None else 'https'}://127.0.0.1:{bound}"
