"""The card reader beside and inside a sale: what is read, what is refused, what is said when it does not work."""

from pathlib import Path

import pytest

from simulators.cards import CardMachine, image_for
from simulators.people import load_people
from simulators.reader import InProcessReader
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.devices.card_desk import MAX_COMMANDS, CardDesk, parse_apdu
from terminal.devices.no_binding import NoBindingReader
from terminal.devices.reader_state import ReaderState, reader_state
from terminal.texts import TEXTS
from tests.terminal.clinic.clinic import Clinic, Window, state_of, window_config
from tests.terminal.harness import virtual

SELECT = "00A4040009A00000000386980701"
PEOPLE = {person.slug: person for person in load_people()}


def reader_with(slug: str) -> InProcessReader:
    """A reader with somebody's card in it."""
    reader = InProcessReader()
    reader.insert(CardMachine(image_for(PEOPLE[slug])))
    return reader


async def refusal(desk: CardDesk, *commands: str) -> Misuse:
    """What the desk says instead of sending commands."""
    with pytest.raises(Misuse) as refused:
        await desk.talk(commands)
    return refused.value


@virtual
async def test_a_visit_is_settled_with_the_card_in_the_reader(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    till = await clinic.start(config=window_config(clinic.institution, clinic.slot), reader=reader_with("yi"))
    window = Window(clinic, till)
    visit = await window.open()
    await till.counter.media.read_card(visit.id)
    settled = await window.confirm(await window.pick(visit))
    assert state_of(settled) == (State.CONFIRMED, "settled")
    card = PEOPLE["yi"].card
    assert card is not None
    (asked,) = clinic.hub_link.inputs("1101")
    told = asked["data"]
    assert (told["mdtrt_cert_type"], told["mdtrt_cert_no"]) == ("03", card.number)
    assert told["card_sn"] == card.identification_code
    await window.till.stop()


@virtual
async def test_without_a_reader_or_with_an_empty_one_nothing_happens_to_the_sale(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    till = await clinic.start(config=window_config(clinic.institution, clinic.slot), reader=InProcessReader())
    visit = await Window(clinic, till).open()
    with pytest.raises(Misuse) as refused:
        await till.counter.media.read_card(visit.id)
    assert refused.value.code == "card_no_card"
    assert (await till.counter.settlements.get(visit.id)).state is State.DRAFT
    assert clinic.hub_link.transactions() == []
    await till.stop()
    with pytest.raises(Misuse) as refused:
        await CardDesk(None).read()
    assert refused.value.code == "card_no_reader_configured"


@virtual
async def test_commands_are_sent_in_one_conversation_and_the_card_is_reset_after_it(tmp_path: Path) -> None:
    desk = CardDesk(reader_with("yi"))
    select, ef05 = parse_apdu("00 A4 04 00 0F" + "7378312E73682E" + "C9E7BBE1B1A3D5CF"), "00B2012D00"
    first, second = await desk.talk([select.encode().hex(), ef05])
    assert first.response[-2] == 0x61 or first.response[-2:] == b"\x90\x00"
    assert len(second.response) > 100 or second.response[-2] == 0x6C
    (alone,) = await desk.talk([ef05])
    assert alone.response[-2:] != b"\x90\x00", "the selection did not outlive its conversation"


@pytest.mark.parametrize(
    "command",
    ["0020000003123456", "002000008", "805E010007123456FF654321", "84240000041122334455", "002C000003123456"],
)
@virtual
async def test_a_command_with_a_pin_is_refused_and_nothing_is_sent(command: str) -> None:
    """VERIFY, CHANGE, UNBLOCK, RESET RETRY COUNTER; also when other commands stand before it, and when it is garbled."""
    reader = InProcessReader()  # an empty one: anything sent would be card_no_card
    refused = await refusal(CardDesk(reader), SELECT, command)
    assert refused.code in ("apdu_pin", "apdu_malformed")
    assert "123456" not in str(refused.params)


@pytest.mark.parametrize("command", ["", "00", "00A40400", "zz", "00A4040009A0", "00A40400" + "00" * 400])
@virtual
async def test_what_is_no_short_apdu_is_refused_without_being_repeated(command: str) -> None:
    refused = await refusal(CardDesk(InProcessReader()), command)
    if command == "00A40400":
        assert refused.code == "card_no_card", "four bytes are a whole command"
    else:
        assert (refused.code, refused.params) == ("apdu_malformed", {})


@virtual
async def test_a_conversation_has_its_limits() -> None:
    desk = CardDesk(reader_with("yi"))
    assert (await refusal(desk)).code == "bad_request"
    assert (await refusal(desk, *[SELECT] * (MAX_COMMANDS + 1))).code == "bad_request"


@virtual
async def test_where_the_binding_is_missing_the_reader_says_so_at_once() -> None:
    reader = NoBindingReader("Some reader")
    assert (await refusal(CardDesk(reader), SELECT)).code == "card_no_binding"
    with pytest.raises(Misuse) as refused:
        await CardDesk(reader).read()
    assert refused.value.code == "card_no_binding"
    async for presence in reader.presence():
        assert not presence.present
        break
    assert {"card_no_binding", "apdu_pin", "apdu_malformed"} <= TEXTS.keys()


class Sight:
    """What a driver saw."""

    def __init__(self, service: bool, readers: tuple[str, ...], reader: InProcessReader | None) -> None:
        self.service = service
        self.readers = readers
        latest = (reader or InProcessReader("R 00"))._feed.latest
        assert latest is not None
        self.presence = latest


def test_the_state_of_the_reader_says_what_is_missing() -> None:
    def state(sight: Sight | None) -> ReaderState:
        return reader_state("R", lambda: sight)

    with_card = InProcessReader("R 00")
    with_card.insert(CardMachine(image_for(PEOPLE["jia"])))
    assert reader_state("", None) == ReaderState("absent", "not configured")
    assert reader_state("R", None) == ReaderState("fault", "no_binding")
    assert state(None) == ReaderState("opening")
    assert state(Sight(False, (), None)) == ReaderState("absent", "no_service")
    assert state(Sight(True, ("X",), None)) == ReaderState("absent", "no_reader", readers=("X",))
    assert state(Sight(True, ("R 00",), None)) == ReaderState("ready", reader="R 00", readers=("R 00",))
    assert state(Sight(True, ("R 00",), with_card)) == ReaderState(
        "ready", reader="R 00", readers=("R 00",), card=True, card_answers=True
    )
