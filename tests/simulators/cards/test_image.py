"""Card images as TOML."""

import msgspec
import pytest

from simulators.cards import CardImage, ImageError, image_for, load_image, save_image
from simulators.people import Person, find, load_people
from tests.protocols.cards.helpers import persona_image

PEOPLE = load_people()


@pytest.mark.parametrize(
    "person", [person for person in PEOPLE if person.card], ids=lambda person: person.slug
)
def test_the_image_of_every_persona_survives_the_file(person: Person) -> None:
    image = image_for(person)
    assert load_image(save_image(image)) == image


def test_a_person_without_a_card_has_no_image() -> None:
    with pytest.raises(ImageError, match="xin has no card"):
        image_for(find(PEOPLE, "xin"))


def test_an_image_is_labelled_by_slug_and_shows_nothing_else() -> None:
    assert repr(persona_image("yi")) == "CardImage('yi')"


def test_a_card_of_a_real_area_is_refused_unless_asked_for() -> None:
    text = save_image(msgspec.structs.replace(persona_image("yi"), area="430100"))
    with pytest.raises(ImageError, match="only 999999"):
        load_image(text)
    assert load_image(text, any_area=True).area == "430100"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("= not toml", "Invalid"),
        ("surprise = 1", "surprise"),
        ('[[application]]\nfid = "DDF1"\nname = "xyz"', "application DDF1: not hexadecimal"),
        (
            '[[application]]\nfid = "DDF1"\nname = "00"\n[[application.file]]\nfid = "EF05"\nrecords = ["0"]',
            "file EF05",
        ),
        (
            '[[application]]\nfid = "DDF1"\nname = "00"\n[[application.file]]\nfid = "EF05"\nrecords = ["00"]\ncontent = "00"',
            "exclude each other",
        ),
    ],
)
def test_a_wrong_image_is_refused_by_file_and_key(change: str, reason: str) -> None:
    text = save_image(CardImage("lab", "999999", "00" * 13)) + change
    with pytest.raises(ImageError, match=reason):
        load_image(text)
