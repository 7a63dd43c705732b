"""The simulated card against the command and answer pairs of the specification."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.cards import Application, CardImage, CardMachine, File, Transport
from tests.protocols.cards.helpers import persona_image
from tests.vectors.cards.load import card_vectors, vector


def ask(card: CardMachine, command: str) -> str:
    """Send one command in hex, return the answer in hex."""
    return card.process(bytes.fromhex(command)).hex().upper()


SELECT = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
LAB = CardImage(
    "lab",
    "999999",
    "00" * 13,
    (
        Application(
            "DDF1",
            b"LAB01".hex(),
            file=(
                File("EF05", ("0701AA", "0701BB", "0801CC")),
                File("EF07", content="00112233445566778899"),
                File("EF09"),
            ),
        ),
    ),
)


def lab(transport: Transport = Transport.T0) -> CardMachine:
    """A card with a few short records, its application selected."""
    card = CardMachine(LAB, transport)
    ask(card, "00A40400054C41423031")
    return card


def test_every_pair_of_the_vectors_in_their_order() -> None:
    card = CardMachine(persona_image("jia"))
    assert card.atr == vector("atr_contact")
    for pair in card_vectors()["exchange"]:
        assert ask(card, pair["command"]) == pair["answer"], pair["name"]


def test_the_answer_to_select_of_an_older_card_names_no_algorithm() -> None:
    card = CardMachine(persona_image("yi"))
    assert ask(card, SELECT) == "6118"
    assert ask(card, "00C0000018") == vector("fci_plain").hex().upper() + "9000"


def test_over_t1_select_and_length_zero_give_the_data_at_once() -> None:
    card = CardMachine(persona_image("jia"), Transport.T1)
    assert card.atr == vector("atr_contactless")
    assert ask(card, SELECT) == vector("fci_sm4").hex().upper() + "9000"
    assert ask(card, "00B2072C00") == "07095430303030303031589000"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00B2072803", "0701AA9000"),  # first of tag 07
        ("00B2072903", "0701BB9000"),  # last of tag 07
        ("00B2032C03", "0801CC9000"),  # number 3
        ("00B2022D06", "0701BB0801CC9000"),  # from 2 to the last
        ("00B2022E06", "0801CC0701BB9000"),  # from the last down to 2
        ("00B2022D40", "6C06"),
        ("00B2042C03", "6A83"),
        ("00B2072F03", "6A86"),
        ("00B2012C", "6700"),
        ("00B2013C03", "6981"),  # a transparent file
        ("00B0850001", "6981"),  # a record file
        ("00B0870004", "001122339000"),
        ("00B0870800", "6C02"),
        ("00B0870A01", "6B00"),
        ("00B00000", "6986"),
        ("00B2014C03", "6A83"),  # an empty file
        ("0084000005", "6700"),
        ("00A4010002EF05", "6A86"),
        ("00A404000441424344", "6700"),
        ("00A40402054C41423031", "6A82"),
        ("00A4000002DDF9", "6A82"),
        ("00A4020002EF77", "6A82"),
        ("00A40000", "9000"),
        ("00A4000009EF05", "6700"),
        ("00D68700021234", "6982"),
    ],
)
def test_commands_answer_as_the_specification_says(command: str, answer: str) -> None:
    assert ask(lab(), command) == answer


def test_next_and_previous_follow_the_record_pointer() -> None:
    card = lab()
    assert [ask(card, command) for command in ("00B2072A03", "00B2072A03", "00B2072A03", "00B2072B03")] == [
        "0701AA9000",
        "0701BB9000",
        "6A83",
        "0701AA9000",
    ]


def test_waiting_bytes_may_be_fetched_in_parts_and_are_lost_with_the_next_command() -> None:
    card = CardMachine(persona_image("yi"))
    ask(card, SELECT)
    assert ask(card, "00C0000020") == "6C18"
    assert ask(card, "00C0000008") == "6F16840F7378312E6110"
    assert ask(card, "00A40000") == "9000"
    assert ask(card, "00C0000010") == "6985"


def test_a_reset_forgets_the_selection() -> None:
    card = lab()
    assert ask(card, "00B2072803") == "0701AA9000"
    card.reset()
    assert ask(card, "00B2072803") == "6A82"


def test_child_applications_are_reached_by_file_id_and_by_name() -> None:
    card = CardMachine(persona_image("jia"))
    assert ask(card, "00A4000002DF04") == "6A82"
    ask(card, SELECT)
    assert ask(card, "00A4000002DF04") == "610A"
    assert ask(card, "00C000000A") == "6F088406D156000005039000"
    assert ask(card, "00B2812809") == "6982"  # medical insurance data needs the PIN
    ask(card, "00A4000002 3F00")
    assert ask(card, "00A4040006D15600000500") == "610A"


def test_challenges_come_from_the_random_source_handed_in() -> None:
    one, two = (CardMachine(LAB, random=Random(7)) for _ in range(2))
    assert ask(one, "0084000008") == ask(two, "0084000008")
    assert ask(one, "0084000008") != ask(one, "0084000008")


def test_a_blocked_card_refuses_everything_and_a_mute_one_has_no_atr() -> None:
    blocked = CardMachine(persona_image("gui"))
    assert {ask(blocked, command) for command in (SELECT, "00A40000", "0084000008", "00")} == {"6A81"}
    assert CardMachine(CardImage("mute", "999999", "00" * 13, mute=True)).atr == b""


@given(st.lists(st.binary(max_size=24), max_size=8))
def test_any_bytes_get_a_status_word(commands: list[bytes]) -> None:
    card = lab()
    assert all(len(card.process(command)) >= 2 for command in commands)
