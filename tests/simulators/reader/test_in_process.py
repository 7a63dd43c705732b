"""The reader without pcscd keeps the contract of the real one."""

import asyncio

import msgspec
import pytest

from drivers.interfaces.card_reader import (
    CardPresence,
    CardReader,
    CardRemoved,
    MuteCard,
    NoCard,
    NoReader,
    NoService,
    ReaderBusy,
    ReaderFault,
    ReaderTimeout,
)
from protocols.cards.social_security import SocialSecurityCard, read_card
from protocols.iso7816.exchange import Dialogue
from simulators.cards import CardMachine
from simulators.reader import InProcessReader, Tear, TearPoint
from tests.protocols.cards.helpers import persona_image

SELECT_MF = bytes.fromhex("00A40000023F00")


def card(who: str = "yi") -> CardMachine:
    """A persona's card."""
    return CardMachine(persona_image(who))


@pytest.fixture
def reader() -> InProcessReader:
    """A reader with the card of 测试乙."""
    ours = InProcessReader()
    ours.insert(card())
    return ours


async def read(reader: CardReader, timeout_s: float = 5.0) -> SocialSecurityCard:
    """Read the card; the parameter's type also shows that the contract fits."""
    return await reader.run(read_card(), timeout_s)


async def test_a_card_is_read(reader: InProcessReader) -> None:
    found = await read(reader)
    assert found.name is not None
    assert found.name.reveal() == "测试乙"


@pytest.mark.parametrize("apdu", range(4))
@pytest.mark.parametrize("point", list(TearPoint))
async def test_a_card_pulled_at_any_command_is_a_removed_card(apdu: int, point: TearPoint) -> None:
    reader = InProcessReader()
    machine = card()
    reader.insert(machine, Tear(apdu, point))
    if (apdu, point) == (3, TearPoint.AFTER):
        assert (await read(reader)).certno
    else:
        with pytest.raises(CardRemoved):
            await read(reader)
    assert machine.commands == apdu + (point is not TearPoint.BEFORE)
    with pytest.raises(NoCard):
        await read(reader)


async def test_nothing_is_continued_on_another_card(reader: InProcessReader) -> None:
    other = card("ren")

    def swapped() -> Dialogue[None]:
        yield SELECT_MF
        reader.insert(other)
        yield SELECT_MF

    with pytest.raises(CardRemoved):
        await reader.run(swapped(), 5.0)
    assert other.commands == 0


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        (lambda reader: reader.remove(), NoCard),
        (lambda reader: reader.set_attached(False), NoReader),
        (lambda reader: reader.set_service(False), NoService),
        (lambda reader: reader.hold(), ReaderBusy),
        (lambda reader: reader.freeze(), ReaderTimeout),
        (
            lambda reader: reader.insert(
                CardMachine(msgspec.structs.replace(persona_image("yi"), mute=True))
            ),
            MuteCard,
        ),
    ],
)
async def test_every_fault_can_be_asked_for(
    reader: InProcessReader, action: object, fault: type[ReaderFault]
) -> None:
    assert callable(action)
    action(reader)
    with pytest.raises(fault):
        await read(reader, 0.05)
    reader.set_attached(True)
    reader.set_service(True)
    reader.release()
    reader.thaw()
    reader.insert(card())
    assert (await read(reader)).certno


async def test_a_cancelled_dialogue_is_finished_and_the_card_is_reset(reader: InProcessReader) -> None:
    machine = card()
    reader.insert(machine)
    reader.freeze()
    running = asyncio.ensure_future(read(reader))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    reader.thaw()

    def whats_selected() -> Dialogue[bytes]:
        return (yield bytes.fromhex("00B2072C0B"))

    assert await reader.run(whats_selected(), 5.0) == bytes.fromhex("6A82")
    assert machine.commands == 4 + 1


async def test_presence_is_told_at_once_and_then_every_change() -> None:
    reader = InProcessReader()
    changes = reader.presence()
    seen: list[CardPresence] = [await anext(changes)]
    machine = card()
    reader.insert(machine)
    reader.insert(machine)
    reader.set_service(False)
    seen += [await anext(changes) for _ in range(4)]
    assert [presence.present for presence in seen] == [False, True, False, True, False]
    assert (seen[1].atr, seen[2].atr) == (machine.atr, b"")
    assert [presence.event_count for presence in seen] == [0, 1, 2, 3, 3]
    late = reader.presence()
    assert await anext(late) == seen[-1]


async def test_commands_take_the_time_asked_for() -> None:
    reader = InProcessReader(apdu_s=0.01)
    reader.insert(card())
    begun_at = asyncio.get_running_loop().time()
    await read(reader)
    assert asyncio.get_running_loop().time() - begun_at >= 4 * 0.01
