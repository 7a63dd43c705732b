"""The read dialogue against simulated and scripted cards."""

from datetime import date

import msgspec
import pytest

from protocols.cards.errors import (
    CardBlocked,
    CardError,
    CardRefused,
    GarbledAnswer,
    MalformedRecord,
    NotSocialSecurityCard,
    RecordTooLong,
    TagMissing,
    UndecodableText,
)
from protocols.cards.social_security import SocialSecurityCard, read_card
from simulators.cards import Application, CardImage, CardMachine, Transport
from tests.protocols.cards.helpers import persona_image, run_dialogue, with_record, with_records


def read(image: CardImage, transport: Transport = Transport.T0) -> tuple[SocialSecurityCard, CardMachine]:
    """Read a card made of this image; return what was read and the machine with its command count."""
    card = CardMachine(image, transport)
    return run_dialogue(read_card(card.atr), card), card


def test_a_2x_card_is_read_with_four_commands() -> None:
    card, machine = read(persona_image("yi"))
    assert machine.commands == 4
    assert card.name is not None
    assert card.certno is not None
    assert (card.name.reveal(), card.certno.reveal()) == ("测试乙", "999999197006150043")
    assert card.card_number.reveal() == "T00000028"
    assert card.card_sn.reveal().startswith("999999D15600000500000002")
    assert len(card.card_sn.reveal()) == 32
    assert (card.generation, card.version, card.issuing_area, card.algorithm) == (2, "2.00", "999999", "3DES")
    assert (card.sex, card.born.reveal()) == ("2", "19700615")
    assert (card.issued, card.valid_until) == (date(2024, 1, 2), date(2034, 1, 2))
    assert card.reset_information.reveal() == "00815445538660999900000002"
    assert not card.holder_protected


def test_the_free_part_of_a_3x_card_has_no_holder() -> None:
    card, machine = read(persona_image("jia"))
    assert machine.commands == 3
    assert card.card_number.reveal() == "T0000001X"
    assert card.card_sn.reveal() == "999999D15600000500000001FFFFFFFF"
    assert (card.generation, card.algorithm, card.name, card.certno) == (3, "SM4", None, None)
    assert card.holder_protected


def test_a_1x_card_has_no_name_extension() -> None:
    card, machine = read(persona_image("ren"))
    assert machine.commands == 4
    assert card.generation == 1
    assert card.name is not None
    assert card.name.reveal() == "测试壬"


def test_over_a_contactless_reader_the_answers_come_at_once() -> None:
    card, machine = read(persona_image("yi"), Transport.T1)
    assert machine.commands == 3
    assert card.reset_information.reveal() == "00815445538660999900000002"


def test_without_an_answer_to_reset_only_the_reset_information_is_missing() -> None:
    machine = CardMachine(persona_image("yi"))
    card = run_dialogue(read_card(), machine)
    assert not card.reset_information
    assert card.name


def test_nothing_of_the_holder_is_seen_in_the_repr() -> None:
    text = repr(read(persona_image("yi"))[0])
    for value in ("测试", "999999197006150043", "T00000028", "D156", "19700615", "8660"):
        assert value not in text


def test_a_long_name_that_is_cut_inside_a_character_is_whole() -> None:
    name = "T" + "测试" * 8 + "乙"
    raw = name.encode("gb18030").hex().upper()
    image = with_record(persona_image("yi"), "EF06", "09", "091E" + raw[:60])
    card, _ = read(with_record(image, "EF06", "4E", "4E14" + raw[60:].ljust(40, "0")))
    assert card.name is not None
    assert card.name.reveal() == name


def test_a_card_with_other_record_lengths_is_read_with_two_commands_more() -> None:
    image = with_record(persona_image("yi"), "EF06", "0C", None)
    card, machine = read(with_record(image, "EF05", "02", None))
    assert machine.commands == 6
    assert card.category == ""


def test_a_card_that_does_not_offer_whole_files_is_read_item_by_item() -> None:
    machine = CardMachine(persona_image("yi"))
    card = run_dialogue(read_card(), Grudging(machine))
    assert card.certno is not None
    assert card.certno.reveal() == "999999197006150043"
    assert card.issued == date(2024, 1, 2)


def test_dates_of_a_3x_card_that_need_a_key_are_left_out() -> None:
    card = run_dialogue(read_card(), Grudging(CardMachine(persona_image("jia")), locked=(0x05, 0x06)))
    assert (card.card_number.reveal(), card.issued, card.valid_until) == ("T0000001X", None, None)


def test_another_kind_of_card_is_named_so() -> None:
    image = CardImage("bank", "999999", "00" * 13, (Application("ADF1", b"1PAY.SYS.DDF01".hex()),))
    with pytest.raises(NotSocialSecurityCard) as caught:
        read(image)
    assert caught.value.sw == 0x6A82


def test_a_card_that_does_not_know_select_by_name_but_selects_the_mf_is_not_taken_for_blocked() -> None:
    with pytest.raises(NotSocialSecurityCard):
        run_dialogue(read_card(), Scripted(["6A81", "9000"]))


def test_a_blocked_card_is_named_so() -> None:
    with pytest.raises(CardBlocked) as caught:
        read(persona_image("gui"))
    assert caught.value.kind == "card_blocked"


@pytest.mark.parametrize("answers", [["6283"], ["9303"], ["9000", "9303"]])
def test_a_blocked_application_is_a_blocked_card(answers: list[str]) -> None:
    with pytest.raises(CardBlocked):
        run_dialogue(read_card(), Scripted(answers))


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (["9000", "6581"], CardRefused),
        (["9000", "6A86", "6A82", "6A82"], CardRefused),
        (["9000", "6A86", "9000", "6581"], CardRefused),
        (["90"], GarbledAnswer),
        (["6101", "AA9000"], MalformedRecord),
        (["6F078405AABBCCDDEE9000"], NotSocialSecurityCard),
        (["9000", "AA9000"], MalformedRecord),
    ],
)
def test_a_strange_answer_ends_the_dialogue_with_a_typed_error(
    answers: list[str], error: type[CardError]
) -> None:
    with pytest.raises(error):
        run_dialogue(read_card(), Scripted(answers))


def test_a_2x_card_that_protects_its_holder_file_is_read_like_a_3x_card() -> None:
    image = persona_image("yi")
    application = image.application[0]
    files = tuple(
        msgspec.structs.replace(file, read="RKSSSE") if file.fid == "EF06" else file
        for file in application.file
    )
    locked = msgspec.structs.replace(image, application=(msgspec.structs.replace(application, file=files),))
    assert read(locked)[0].holder_protected


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (with_record(persona_image("jia"), "EF05", "07", None), TagMissing),
        (with_record(persona_image("yi"), "EF06", "08", None), TagMissing),
        (with_record(persona_image("yi"), "EF06", "09", "0928" + "41" * 40), RecordTooLong),
        (with_record(persona_image("yi"), "EF06", "09", "0902FF41"), UndecodableText),
        (with_records(persona_image("yi"), "EF05", ("0110AA",)), MalformedRecord),
    ],
)
def test_damaged_content_is_a_typed_error(image: CardImage, error: type[CardError]) -> None:
    with pytest.raises(error) as caught:
        read(image)
    assert caught.value.what_to_do.startswith("The content of the card is damaged")


class Scripted(CardMachine):
    """Answers from a list."""

    def __init__(self, answers: list[str]) -> None:
        super().__init__(persona_image("yi"))
        self._answers = iter(answers)

    def process(self, raw: bytes) -> bytes:
        """Give the next answer of the list."""
        return bytes.fromhex(next(self._answers))


class Grudging(CardMachine):
    """Refuses "all records" and items that are locked."""

    def __init__(self, card: CardMachine, locked: tuple[int, ...] = ()) -> None:
        super().__init__(card.image)
        self._locked = locked

    def process(self, raw: bytes) -> bytes:
        """Answer 6A86 to the whole-file form of READ RECORD, 6982 to locked tags."""
        if raw[1] == 0xB2 and raw[3] & 0x07 == 0x05:
            return bytes.fromhex("6982" if self._locked else "6A86")
        if raw[1] == 0xB2 and raw[2] in self._locked:
            return bytes.fromhex("6982")
        return super().process(raw)
