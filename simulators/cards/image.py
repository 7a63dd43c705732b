"""What is on a simulated card, as data: files with their raw records; a damaged card is an image like any other.

A card image is TOML. Applications and access rules follow the social-security card specification parts 3 and 6 (file
structure V2.0); `image_for` makes one from an invented person. Only area 999999, which is assigned to nobody, is taken
unless the caller asks otherwise (P-10): an image of a real person's card does not belong in a simulator.
"""

import tomllib
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from protocols.cards.files import SSSE_NAME, HolderData, IssuerData
from protocols.secret import Secret
from simulators.people import Person

TEST_AREA: Final = "999999"
AccessRule = Literal["free", "RKSSSE", "PIN"]
"""Who may read a file. No key or PIN can be presented to the simulated card yet: other than free answers 6982."""

_AID: Final = "D156000005"  # registered application provider of the social-security card


class ImageError(ValueError):
    """A card image that cannot be used; the text names file and key, never a value of the holder."""


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One elementary file: records (each a whole TLV, in hex) or transparent bytes."""

    fid: str
    """File id, four hex digits; the last five bits are its short id."""
    records: tuple[str, ...] = ()
    content: str = ""
    """Bytes of a transparent file, in hex; a file with neither records nor content is an empty record file."""
    read: AccessRule = "free"

    @property
    def sfi(self) -> int:
        """Short file id: EF05 has 5."""
        return int(self.fid, 16) & 0x1F


class Application(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One dedicated file with a name; `parent` is the file id of the one above it."""

    fid: str
    name: str
    """DF name in hex, 5 to 16 bytes."""
    parent: str = "3F00"
    issuer_data: str = ""
    """Proprietary template A5 of the FCI, in hex; empty for an application that answers with its name only."""
    file: tuple[File, ...] = ()


class CardImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole card. `repr` shows the label only."""

    label: str
    area: str
    """Issuing area, six digits."""
    historical: str
    """13 historical bytes in hex."""
    application: tuple[Application, ...] = ()
    blocked: bool = False
    """Answers 6A81 to every command."""
    mute: bool = False
    """Is in the reader and gives no answer to reset."""

    def __repr__(self) -> str:
        return f"CardImage({self.label!r})"


def load_image(text: str, *, any_area: bool = False) -> CardImage:
    """Read an image from TOML; raises ImageError for unknown keys, bad hex, or an area other than the test area."""
    try:
        image = msgspec.convert(tomllib.loads(text), CardImage)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ImageError(str(error)) from None
    if image.area != TEST_AREA and not any_area:
        raise ImageError(f"area: only {TEST_AREA} is allowed on simulated cards")
    for application in image.application:
        _check_hex(
            f"application {application.fid}", (application.fid, application.name, application.issuer_data)
        )
        for file in application.file:
            _check_hex(f"file {file.fid}", (file.fid, *file.records, file.content))
            if file.records and file.content:
                raise ImageError(f"file {file.fid}: records and content exclude each other")
    _check_hex("historical", (image.historical,))
    return image


def _check_hex(where: str, texts: Iterable[str]) -> None:
    for text in texts:
        try:
            bytes.fromhex(text)
        except ValueError:
            raise ImageError(f"{where}: not hexadecimal") from None


def save_image(image: CardImage) -> str:
    """Write an image as TOML that `load_image` reads back."""
    built = msgspec.to_builtins(image)
    applications = built.pop("application", [])
    lines = _lines(built)
    for application in applications:
        files = application.pop("file", [])
        lines += ["", "[[application]]", *_lines(application)]
        for file in files:
            lines += ["", "[[application.file]]", *_lines(file)]
    return "\n".join(lines) + "\n"


def _lines(table: dict[str, object]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    # JSON text of strings, booleans and lists of strings is TOML as well.
    return msgspec.json.encode(value).decode()


def image_for(person: Person) -> CardImage:
    """Build the card of an invented person; raises ImageError when the person has none."""
    card = person.card
    if card is None:
        raise ImageError(f"{person.slug} has no card")
    issuer = IssuerData(
        identification_code=Secret(card.identification_code),
        version=card.version,
        card_number=Secret(card.number),
        category=card.category,
        institution=card.initialising_institution,
        issued=f"{card.issued:%Y%m%d}",
        valid_until=f"{card.valid_until:%Y%m%d}",
    )
    holder = HolderData(
        certno=Secret(card.social_security_number),
        name=Secret(person.name),
        has_extension=card.generation != "1",
        sex=person.sex,
        ethnic_group=person.ethnic_group,
        birthplace=card.birthplace,
        born=Secret(f"{person.born:%Y%m%d}"),
    )
    return CardImage(
        label=person.slug,
        area=card.identification_code[:6],
        historical=card.reset_information,
        application=_applications(issuer, holder),
        blocked=card.blocked,
    )


def _applications(issuer: IssuerData, holder: HolderData) -> tuple[Application, ...]:
    third = issuer.generation == 3
    social_security = Application(
        fid="DDF1",
        name=SSSE_NAME.hex().upper(),
        # 88 = short id of a directory file (P-3: announced, not there); 9F0C/86 = algorithm, SM4 on 3.x.
        issuer_data="88011E9F0C03860103" if third else "88011E",
        file=(
            File("EF05", tuple(record.hex().upper() for record in issuer.encode())),
            File(
                "EF06",
                tuple(record.hex().upper() for record in holder.encode()),
                read="RKSSSE" if third else "free",
            ),
        ),
    )
    below = tuple(
        Application(fid=fid, name=_AID + index, parent="DDF1", file=files)
        for fid, index, files in (
            ("DF01", "00", ()),
            ("DF02", "01", ()),
            ("DF03", "02", ()),
            ("DF04", "03", (File("EF05", read="PIN"),)),
        )
    )
    return (social_security, *below)
