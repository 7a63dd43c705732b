"""Tills of an invented city, each with a key of its own: requests signed ready to leave, answers verified.

Both ends derive the same keys from the same names, so nothing has to be enrolled while we measure.
"""

import datetime as dt
from random import Random
from typing import Any

import msgspec

from drivers.interfaces.signer import Verifier
from protocols.gm.sm2 import PrivateKey
from protocols.hub import envelope, signing, wire
from protocols.hub.envelope import Request
from protocols.hub.person import PersonInput, PersonQuery
from protocols.hub.pharmacy import PharmacyInput, Purchase, PurchaseLine
from protocols.hub.profile import Profile
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret
from protocols.wire_time import format_time
from simulators.people import Person
from simulators.serve import shipped_profile
from simulators.world import CounterPlace, Institution, World, load_world

DIVISION = "999900"
INSTITUTIONS = 10
TILLS = 20
ITEM = "XTEST000000000000000D03"


def city() -> World:
    """Return the shipped places with ten pharmacies of twenty tills each beside them."""
    shipped = load_world()
    places = tuple(
        CounterPlace(operator=f"T{slot:02d}", name=f"收银终端{slot:02d}", slot=f"{slot:02d}")
        for slot in range(1, TILLS + 1)
    )
    example = shipped.institutions[f"P{DIVISION}00001"]
    pharmacies = [
        msgspec.structs.replace(
            example,
            code=f"P{DIVISION}{90000 + number:05d}",
            name=f"测试连锁大药房{number}店",
            counter=places,
        )
        for number in range(1, INSTITUTIONS + 1)
    ]
    return msgspec.structs.replace(
        shipped, institutions=shipped.institutions | {row.code: row for row in pharmacies}
    )


def pharmacies(world: World) -> list[Institution]:
    """Return the ten of `city`."""
    return [row for row in world.institutions.values() if row.code.startswith(f"P{DIVISION}9")]


def till_key(institution: Institution, place: CounterPlace) -> PrivateKey:
    """Return the one key of a till; worth nothing outside a measurement."""
    return PrivateKey.generate(Random(f"bench {institution.code} {place.slot}").randbytes)


class Ready(msgspec.Struct, frozen=True):
    """A signed request before it leaves."""

    infno: str
    msgid: str
    body: bytes
    covered: bytes
    """What its signature covers."""
    signature: bytes


class Till:
    """One till: makes requests ready and reads answers. It has no journal and no outcome rules."""

    def __init__(self, institution: Institution, place: CounterPlace, hub_key: Verifier) -> None:
        self.institution, self.place = institution, place
        self.sign_no = ""
        self._profile: Profile = shipped_profile()
        self._key = till_key(institution, place)
        self._hub_key = hub_key
        self._second: dt.datetime | None = None
        self._counter = 0

    def ready(self, infno: str, content: msgspec.Struct, at: dt.datetime, insured: str = "") -> Ready:
        """Sign one request. More than a hundred of one second go on into the seconds that follow."""
        request = Request(
            infno=infno,
            message_id=self._next_id(at.replace(microsecond=0)),
            care_division=self.institution.division,
            insured_division=insured,
            receiver=self._profile.env.recer_sys_code,
            signature_type="SM2",
            version=self._profile.env.infver,
            operator_type="1",
            operator=self.place.operator,
            operator_name=self.place.name,
            sent_at=format_time(at),
            institution_code=self.institution.code,
            institution_name=self.institution.name,
            sign_in_no=self.sign_no,
            input=wire.encode(content),
        )
        covered = signing.request_signing_bytes(self._profile, request)
        signature = self._key.sign(covered)
        signed = msgspec.structs.replace(request, signature=signing.encode_signature(signature))
        return Ready(infno, request.message_id, envelope.encode_request(signed), covered, signature)

    def answer_covered(self, sent: Ready, body: bytes) -> bytes:
        """Return what the hub's signature of an answer covers."""
        return signing.answer_signing_bytes(self._profile, sent.msgid, envelope.decode_answer(body))

    def output(self, sent: Ready, body: bytes) -> Any:
        """Return the output of an answer. Raises RuntimeError unless the hub itself says that all went well."""
        answer, output = envelope.read_answer(body)
        covered = signing.answer_signing_bytes(self._profile, sent.msgid, answer)
        if not self._hub_key.verify(covered, signing.decode_signature(answer.signature)):
            raise RuntimeError(f"{sent.infno}: the answer is not the hub's")
        if answer.infcode != 0:
            raise RuntimeError(f"{sent.infno}: {answer.error_text}")
        return output

    def _next_id(self, second: dt.datetime) -> str:
        if self._second is None or second > self._second:
            self._second, self._counter = second, 0
        elif self._counter == 100:
            self._second, self._counter = self._second + dt.timedelta(seconds=1), 0
        number = envelope.message_id(self.institution.code, self._second, int(self.place.slot), self._counter)
        self._counter += 1
        return number


def who(person: Person) -> PersonInput:
    """1101 by identity number, so that no token runs out while we measure."""
    number = Secret(person.certno)
    return PersonInput(
        query=PersonQuery(medium_type="02", medium_no=number, document_type="01", document_no=number)
    )


def purchase(person: Person, at: dt.datetime, quantity: int, account_used: str) -> PharmacyInput:
    """Input of 2101 and 2102: two lines of tablets."""
    when, price_fen = format_time(at), 1250
    lines = tuple(
        PurchaseLine(
            line_no=str(number),
            occurred_at=when,
            catalogue_code=ITEM,
            own_code=f"SKU{number:04d}",
            amount_fen=Fen(count * price_fen),
            quantity=Quantity(count * 10_000),
            price=Price(price_fen * 10_000),
        )
        for number, count in ((1, quantity), (2, 1))
    )
    return PharmacyInput(
        purchase=Purchase(
            person_no=Secret(person.psn_no),
            medium_type="02",
            medium_no=Secret(person.certno),
            document_type="01",
            document_no=Secret(person.certno),
            began_at=when,
            total_fen=Fen((quantity + 1) * price_fen),
            insurance_type=person.enrolment[0].insutype,
            account_used=account_used,
            medical_category="41",
        ),
        lines=lines,
    )
