"""A minimal counter for tests of the hub: builds signed requests, verifies signed answers, knows nothing else."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

import msgspec

from drivers.interfaces.signer import Signer, Verifier
from protocols.gm.sm2 import PrivateKey
from protocols.hub import envelope, signing
from protocols.hub.envelope import Answer, Request
from protocols.wire_time import WIRE_ZONE, format_time
from simulators.benefit import policies
from simulators.cheap_signing import CheapKey
from simulators.hub import HubSettings
from simulators.hub.keys import Sm2Signer, Sm2Verifier
from simulators.people import Person
from simulators.serve import SimulatedWorld, build_world
from simulators.world import Institution

START = dt.datetime(2026, 11, 21, 10, 10, 1, tzinfo=WIRE_ZONE)


@cache
def _shipped_book() -> policies.PolicyBook:
    return policies.load_shipped()


def make_world(settings: HubSettings | None = None, **changes: Any) -> SimulatedWorld:
    """The shipped world in memory, from a fixed seed."""
    return build_world(seed=7, settings=settings, book=_shipped_book(), **changes)


class Reply:
    """An answer of the hub with its output read as JSON (numbers as text of their JSON)."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.infcode = answer.infcode
        self.err_msg = answer.error_text
        self.output: Any = _read(answer)

    @property
    def code(self) -> str:
        """The code in brackets at the end of `err_msg`."""
        return self.err_msg.rpartition("[")[2].rstrip("]")

    @property
    def setlinfo(self) -> dict[str, Any]:
        """`setlinfo` of a money answer."""
        node: dict[str, Any] = self.output["setlinfo"]
        return node


def _read(answer: Answer) -> Any:
    decoder = msgspec.json.Decoder(float_hook=str)
    return decoder.decode(answer.output or b"null")


class Counter:
    """One till of one institution, with its own SM2 key registered at the hub; a cheap one in a world of cheap keys."""

    def __init__(self, world: SimulatedWorld, institution: str, place: int = 0) -> None:
        self.world = world
        name = institution + str(place)
        self.institution: Institution = world.world.institutions[institution]
        self.place = self.institution.counter[place]
        self.signer: Signer
        self.hub_key: Verifier
        own: Verifier
        if isinstance(world.signer, CheapKey):
            self.signer = own = CheapKey(name)
            self.hub_key = world.signer
        else:
            self.signer = Sm2Signer(PrivateKey.generate(Random(name).randbytes))
            self.hub_key = Sm2Verifier(world.signer.description.public_point)
            own = Sm2Verifier(self.signer.description.public_point)
        self.now = START
        self.sign_no = ""
        self._counter = 0
        world.keys.register(institution, self.place.slot, own)

    def next_msgid(self) -> str:
        """A fresh message id; the clock moves on one second."""
        self.now += dt.timedelta(seconds=1)
        return f"{self.institution.code}{self.now:%Y%m%d%H%M%S}{self.place.slot}01"

    def request(self, infno: str, nodes: Mapping[str, object], insured: str = "", **changes: Any) -> Request:
        """A signed request. `changes` replace members before signing."""
        request = Request(
            infno=infno,
            message_id=self.next_msgid(),
            care_division=self.institution.division,
            insured_division=insured,
            receiver="MBS_LOCAL",
            version="V1.0",
            operator_type="1",
            operator=self.place.operator,
            operator_name=self.place.name,
            sent_at=format_time(self.now),
            institution_code=self.institution.code,
            institution_name=self.institution.name,
            sign_in_no=self.sign_no,
            input=msgspec.json.encode(nodes),
        )
        return self.sign(msgspec.structs.replace(request, **changes))

    def sign(self, request: Request) -> Request:
        """The request with our signature."""
        covered = signing.request_signing_bytes(self.world.profile, request)
        signature = signing.encode_signature(self.signer.sign(covered))
        return msgspec.structs.replace(request, signature=signature, signature_type="SM2")

    def send(self, request: Request) -> Reply:
        """Ask the hub (through its faults) and insist on an authentic answer."""
        delivery = self.world.hub.respond(envelope.encode_request(request), self.now)
        assert not delivery.closed
        assert delivery.status == 200
        return self.read(request, delivery.body)

    def read(self, request: Request, body: bytes) -> Reply:
        """Read an answer body; it must be signed over our message id."""
        answer = envelope.decode_answer(body)
        assert self.verifies(request, answer)
        return Reply(answer)

    def verifies(self, request: Request, answer: Answer) -> bool:
        """Whether the hub signed this answer to this request."""
        covered = signing.answer_signing_bytes(self.world.profile, request.message_id, answer)
        return self.hub_key.verify(covered, signing.decode_signature(answer.signature))

    def ask(self, infno: str, nodes: Mapping[str, object], insured: str = "", **changes: Any) -> Reply:
        """Send one request and return its authentic answer."""
        return self.send(self.request(infno, nodes, insured, **changes))

    def sign_in(self) -> None:
        """9001."""
        reply = self.ask(
            "9001",
            {"signIn": {"opter_no": self.place.operator, "mac": "00-00-00-00-00-01", "ip": "192.0.2.10"}},
        )
        assert reply.infcode == 0, reply.err_msg
        self.sign_no = reply.output["signinoutb"]["sign_no"]

    def token(self, person: Person) -> str:
        """Scan a fresh certificate code of the person and have it decoded."""
        code = self.world.phone.issue(person, self.now)
        return self.world.book.decode(code, self.institution.code, self.now)[1]

    def wire_now(self) -> str:
        """Present time on the wire."""
        return format_time(self.now)


def yuan(fen: int) -> str:
    """Amount as it stands on the wire."""
    return f"{fen // 100}.{fen % 100:02d}"


def drug_line(
    world: SimulatedWorld, item: str, count: int, price_fen: int, serial: int, when: str
) -> dict[str, Any]:
    """One line of a charge sheet."""
    code = next(code for code, key in _shipped_book().catalogue.item_of_code.items() if key == item)
    return {
        "feedetl_sn": str(serial),
        "rxno": "",
        "rx_circ_flag": "0",
        "fee_ocur_time": when,
        "med_list_codg": code,
        "medins_list_codg": f"SKU{serial:04d}",
        "det_item_fee_sumamt": yuan(count * price_fen),
        "cnt": count,
        "pric": yuan(price_fen),
        "prd_days": 0,
        "expContent": "",
    }


Lines = Sequence[tuple[str, int, int]]
"""(item, count, price in fen)"""

EXAMPLE_A: Lines = (("D03", 3, 1250), ("D05", 1, 4580))
"""83.30: the purchase of the interface's worked example A."""


def purchase(
    counter: Counter, person: Person, token: str, lines: Lines = EXAMPLE_A, **head: Any
) -> dict[str, Any]:
    """Input of 2101 and 2102."""
    when = counter.wire_now()
    insured = person.enrolment[0]
    return {
        "druginfo": {
            "psn_no": person.psn_no,
            "mdtrt_cert_type": "01",
            "mdtrt_cert_no": token,
            "psn_cert_type": "01",
            "certno": person.certno,
            "psn_type": insured.psn_type,
            "psn_name": person.name,
            "begntime": when,
            "medfee_sumamt": yuan(sum(count * price for _, count, price in lines)),
            "insutype": insured.insutype,
            "dise_codg": "",
            "acct_used_flag": "1",
            "med_type": "41",
            "expContent": "",
        }
        | head,
        "drugdetail": [
            drug_line(counter.world, item, count, price, serial, when)
            for serial, (item, count, price) in enumerate(lines, start=1)
        ],
    }
