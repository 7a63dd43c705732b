"""Cards for tests: the personas' images, and images with one thing changed."""

from typing import TypeVar

import msgspec

from protocols.iso7816.exchange import Dialogue
from simulators.cards import CardImage, CardMachine, File, image_for
from simulators.people import find, load_people

Result = TypeVar("Result")

PEOPLE = load_people()


def persona_image(who: str) -> CardImage:
    """The card of a shipped persona, by slug."""
    return image_for(find(PEOPLE, who))


def with_records(image: CardImage, fid: str, records: tuple[str, ...]) -> CardImage:
    """The same card with other records in one file of the social-security application."""
    application = image.application[0]
    files = tuple(File(file.fid, records) if file.fid == fid else file for file in application.file)
    changed = msgspec.structs.replace(application, file=files)
    return msgspec.structs.replace(image, application=(changed, *image.application[1:]))


def with_record(image: CardImage, fid: str, tag: str, record: str | None) -> CardImage:
    """The same card with one record replaced, or left out (None)."""
    (file,) = [file for file in image.application[0].file if file.fid == fid]
    kept = [record if old.startswith(tag) else old for old in file.records]
    return with_records(image, fid, tuple(text for text in kept if text is not None))


def run_dialogue(dialogue: Dialogue[Result], card: CardMachine) -> Result:
    """Run a dialogue against a simulated card, with nothing in between."""
    try:
        command = next(dialogue)
        while True:
            command = dialogue.send(card.process(command))
    except StopIteration as end:
        result: Result = end.value
        return result
