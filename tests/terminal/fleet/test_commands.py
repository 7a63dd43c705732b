"""The gate for commands: fault F67, abuse cases T25 and T42, with real SM2 signatures."""

import base64
import datetime as dt
import random
from collections.abc import Callable

import msgspec
import pytest

from drivers.interfaces.fleet_transport import FleetMessage
from drivers.signers import Sm2Verifier
from protocols.fleet.commands import Command, Ping, SignedCommand, unsigned, with_signature
from protocols.gm.sm2 import PrivateKey
from terminal.fleet.commands import CommandGate, CommandRefused
from tests.faults import fired
from tests.terminal.stood_clock import NOON, StoodClock

TERMINAL, BOOT = "P99990000001-01", "boot1"
FLEET_KEY = PrivateKey.generate(random.Random(1).randbytes)
OTHER_KEY = PrivateKey.generate(random.Random(2).randbytes)


def command(**changes: object) -> Command:
    """A command that would be executed now."""
    base = Command("c1", TERMINAL, BOOT, NOON, NOON + dt.timedelta(seconds=60), Ping())
    return msgspec.structs.replace(base, **changes)


def sign(order: Command, key: PrivateKey = FLEET_KEY) -> SignedCommand:
    """As the fleet does it."""
    envelope = unsigned(order)
    return with_signature(envelope, key.sign(envelope.signed_bytes()))


def arriving(envelope: SignedCommand, retained: bool = False) -> FleetMessage:
    """The message as it comes from the broker."""
    return FleetMessage("topic", msgspec.json.encode(envelope), retained)


@pytest.fixture
def clock() -> StoodClock:
    """Noon."""
    return StoodClock()


@pytest.fixture
def gate(clock: StoodClock) -> CommandGate:
    """The gate of the terminal at noon."""
    return CommandGate(TERMINAL, BOOT, Sm2Verifier(FLEET_KEY.public_key), clock)


def refusal(gate: CommandGate, message: FleetMessage) -> CommandRefused:
    """Why the gate refuses."""
    with pytest.raises(CommandRefused) as refused:
        gate.admit(message)
    return refused.value


def test_a_good_command_passes_once(gate: CommandGate) -> None:
    """The network delivers it twice: QoS 1 may."""
    message = arriving(sign(command()))
    assert gate.admit(message) == command()
    again = refusal(gate, message)
    assert (again.reason, again.command_id) == ("repeated", "c1")
    fired("F67")
    assert gate.refused == 1


def test_the_same_id_with_another_content_is_a_repetition(gate: CommandGate) -> None:
    """Only the id counts."""
    gate.admit(arriving(sign(command())))
    later = command(issued_at=NOON + dt.timedelta(seconds=1))
    assert refusal(gate, arriving(sign(later))).reason == "repeated"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"terminal": "P99990000001-02"}, "other_terminal"),
        ({"boot_id": "boot0"}, "other_boot"),
        ({"expires_at": NOON}, "expired"),
        ({"issued_at": NOON - dt.timedelta(days=7), "expires_at": NOON - dt.timedelta(days=7, seconds=-60)}, "expired"),
        ({"issued_at": NOON + dt.timedelta(seconds=121), "expires_at": NOON + dt.timedelta(seconds=180)}, "too_early"),
        ({"expires_at": NOON + dt.timedelta(seconds=601)}, "too_long_lived"),
    ],
)  # fmt: skip
def test_signed_commands_that_are_not_for_here_and_now(
    gate: CommandGate, change: dict[str, object], reason: str
) -> None:
    """Another terminal's, one from before the restart, one replayed after a week, one with a wrong clock."""
    refused = refusal(gate, arriving(sign(command(**change))))
    assert (refused.reason, refused.command_id) == (reason, "c1")
    fired("F67")


def test_a_retained_command_is_refused(gate: CommandGate) -> None:
    """An attacker at the broker keeps an order for whoever subscribes next."""
    assert refusal(gate, arriving(sign(command()), retained=True)).reason == "retained"
    fired("F67")


def _without_signature(envelope: SignedCommand) -> SignedCommand:
    return SignedCommand(envelope.body)


def _with_changed_body(envelope: SignedCommand) -> SignedCommand:
    return SignedCommand(envelope.body.replace("c1", "c2"), envelope.signature)


def _with_a_bit_flipped(envelope: SignedCommand) -> SignedCommand:
    signature = bytearray(envelope.signature_bytes())
    signature[5] ^= 1
    return SignedCommand(envelope.body, base64.b64encode(signature).decode())


def _with_odd_base64(envelope: SignedCommand) -> SignedCommand:
    return SignedCommand(envelope.body, "*" + envelope.signature[1:])


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (_without_signature, "unsigned"),
        (_with_changed_body, "bad_signature"),
        (_with_a_bit_flipped, "bad_signature"),
        (_with_odd_base64, "bad_signature"),
    ],
)
def test_what_the_fleet_did_not_sign_is_refused_without_an_answer(
    gate: CommandGate, forge: Callable[[SignedCommand], SignedCommand], reason: str
) -> None:
    """No id in the refusal: nothing of an unproved message is answered. The real one still passes afterwards."""
    refused = refusal(gate, arriving(forge(sign(command()))))
    assert (refused.reason, refused.command_id) == (reason, "")
    fired("F67")
    gate.admit(arriving(sign(command())))


def test_another_key_is_not_the_fleets(gate: CommandGate) -> None:
    """The broker's operator has keys too."""
    assert refusal(gate, arriving(sign(command(), OTHER_KEY))).reason == "bad_signature"


def test_without_a_fleet_key_every_command_is_refused(clock: StoodClock) -> None:
    """A counter whose owner named no key obeys nobody."""
    gate = CommandGate(TERMINAL, BOOT, None, clock)
    assert refusal(gate, arriving(sign(command()))).reason == "no_fleet_key"


@pytest.mark.parametrize("payload", [b"", b"\xff\x00", b"{}", b"[" * 20_000, b'{"body":7}'])
def test_garbage_is_malformed(gate: CommandGate, payload: bytes) -> None:
    """G17: a known refusal for any bytes."""
    assert refusal(gate, FleetMessage("topic", payload)).reason == "malformed"


def test_a_signed_body_that_is_no_command_is_malformed(gate: CommandGate) -> None:
    """The fleet itself may be wrong, or newer than we are."""
    envelope = SignedCommand('{"id":"c1"}')
    signed = with_signature(envelope, FLEET_KEY.sign(envelope.signed_bytes()))
    assert refusal(gate, arriving(signed)).reason == "malformed"


def test_a_wall_clock_that_is_set_back_revives_nothing(gate: CommandGate, clock: StoodClock) -> None:
    """Long after the id was forgotten, an older or equal time of issue is still a repetition."""
    message = arriving(sign(command()))
    gate.admit(message)
    clock.move(3600)
    later = command(id="c2", issued_at=clock.now(), expires_at=clock.now() + dt.timedelta(seconds=60))
    gate.admit(arriving(sign(later)))
    clock.set_back(3600)
    assert refusal(gate, message).reason == "repeated"
    fired("F67")
    fresh = command(id="c3", issued_at=NOON + dt.timedelta(seconds=2))
    gate.admit(arriving(sign(fresh)))
