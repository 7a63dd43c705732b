"""What must not be found, where it is looked for, and how: the parts of the leak canary.

A `Sieve` knows every secret of the invented people and of the day (codes shown, tokens handed out, PINs, passwords) in
the forms in which it could stand in a text or a file. `Emissions` keeps what the terminal wrote or sent, by channel.
"""

import base64
import json
import urllib.parse
from collections.abc import Iterable, Mapping

from simulators.people import Person


class Emissions:
    """Everything that left the terminal for anybody but the hub, the card and the certificate centre."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], None] = {}

    def add(self, channel: str, content: bytes | str) -> None:
        """Keep something that was written to or sent over `channel`."""
        self._kept[channel, content.encode() if isinstance(content, str) else content] = None

    def channels(self) -> set[str]:
        """Every channel that carried anything at all."""
        return {channel for channel, content in self._kept if content}

    def kept(self) -> list[tuple[str, bytes]]:
        """Channel and content of everything."""
        return list(self._kept)

    def leaks(self, sieve: "Sieve") -> list[str]:
        """Channel and name of every secret found; the secret itself is not repeated."""
        found = {f"{channel}: {name}" for channel, content in self._kept for name in sieve.found_in(content)}
        return sorted(found)


class Sieve:
    """Finds secrets in bytes."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms: dict[bytes, str] = {}
        for name, secret in secrets.items():
            for form in forms_of(secret):
                self._forms.setdefault(form, name)  # two secrets may be equal: the first name tells

    def found_in(self, content: bytes) -> list[str]:
        """The names of the secrets that stand in these bytes, in whatever form."""
        return [name for form, name in self._forms.items() if form in content]


def forms_of(secret: str) -> set[bytes]:
    """A secret as it could stand in a text or file: plain, escaped, in other encodings, as hex, Base64 or packed digits."""
    utf8 = secret.encode()
    forms = {
        utf8,
        json.dumps(secret).strip('"').encode(),
        urllib.parse.quote(secret).encode(),
        secret.encode("utf-16-le"),
        secret.encode("gb18030"),
        utf8.hex().encode(),
        utf8.hex().upper().encode(),
        utf8.hex(" ").upper().encode(),
        secret.encode("gb18030").hex(" ").upper().encode(),
    }
    if len(secret) % 2 == 0 and all(letter in "0123456789abcdefABCDEF" for letter in secret):
        packed = bytes.fromhex(secret)
        if len(set(packed)) >= 4:  # a run of zero bytes is in every database
            forms |= {packed, packed.hex(" ").upper().encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + utf8)
        forms.add(encoded[4 if offset else 0 : -4])
    # Five bytes of digits would be found in any long file by chance.
    return {form for form in forms if len(form) >= 6}


def secrets_of(people: Iterable[Person]) -> dict[str, str]:
    """Everything about the invented people that must stay inside, by a name that may be printed."""
    secrets: dict[str, str] = {}
    for person in people:
        own = {
            "name": person.name, "identity number": person.certno, "person number": person.psn_no,
            "example code": person.certificate.example_code, "example token": person.certificate.example_token,
            "certificate index": person.certificate.index,
        }  # fmt: skip
        if person.card is not None:
            own |= {
                "card number": person.card.number, "card_sn": person.card.identification_code,
                "social security number": person.card.social_security_number,
                "reset information": person.card.reset_information,
            }  # fmt: skip
        secrets |= {f"{person.slug} {what}": secret for what, secret in own.items() if secret}
    return secrets
