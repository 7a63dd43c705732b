"""The hub, without socket or clock: `HubCore.handle(request, now) -> answer`.

Order of judgement. It matters, because a signed refusal tells the counter that nothing was booked:

1. the bytes are one national envelope; 2. the signature is the terminal's; 3. the message id was never seen
(`strict`); 4. envelope fields; 5. sign-in; 6. the transaction itself. Whatever fails at 1 or 2 is answered in the
short, *unsigned* national error shape: it proves nothing to anybody, so an outsider who sends rubbish under a
counter's message id cannot make the hub sign a refusal for a settlement it has booked. From 3 on every answer is
signed over the request's message id. A seen message id is refused before anything else could refuse it, for the
same reason.

One request is one transaction of the ledger: handlers book inside it, and a refusal leaves only the message id.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

import msgspec

from drivers.interfaces.signer import Signer, Verifier
from protocols.errors import MalformedMessage
from protocols.hub import envelope, signing
from protocols.hub.envelope import Answer, Request
from protocols.hub.profile import Profile
from protocols.wire_time import WIRE_ZONE, format_stamp_ms
from simulators.benefit.policies import PolicyBook
from simulators.hub import (
    accounts,
    catalogue_files,
    clearing,
    clinic,
    filing_desk,
    goods_desk,
    in_patient,
    listings,
    person_desk,
    pharmacy,
    prescriptions,
    queries,
    records,
    registers,
    reversal,
    review,
    tables,
)
from simulators.hub.desk import Call, Desk, Handler, HubSettings, Output, Tokens, rules_of
from simulators.hub.fields import check, decode_input
from simulators.hub.ledger import Ledger, MessageSeen
from simulators.hub.reading import read_request
from simulators.hub.refusals import FieldRefused, Refused
from simulators.people import Person
from simulators.world import World

VerifierLookup = Callable[[str, str], Verifier | None]
"""(institution code, terminal slot) -> the terminal's key, None when unknown."""

HANDLERS: Final[Mapping[str, Handler]] = {
    "9001": person_desk.sign_in,
    "9002": person_desk.sign_out,
    "1101": person_desk.person_information,
    "2001": person_desk.benefit_check,
    "1201": registers.institutions,
    "1304": listings.ethnic,
    "1312": listings.items,
    "1316": listings.national_mappings,
    "1317": listings.own_mappings,
    "1318": listings.ceilings,
    "1319": listings.shares,
    "1901": registers.dictionary,
    "5301": person_desk.filings,
    "2101": pharmacy.quote,
    "2102": pharmacy.settle,
    "2103": pharmacy.cancel,
    "2201": clinic.register,
    "2202": clinic.withdraw_registration,
    "2203": clinic.upload_visit,
    "2203A": clinic.upload_visit,
    "2204": clinic.upload_lines,
    "2205": clinic.withdraw_lines,
    "2206": clinic.quote,
    "2206A": clinic.quote,
    "2207": clinic.settle,
    "2207A": clinic.settle,
    "2208": clinic.cancel,
    "2601": reversal.reverse,
    "3101": review.analyse,
    "3102": review.analyse,
    "3103": review.feedback,
    "3201": accounts.totals,
    "3202": accounts.detail,
    "3203": clearing.apply,
    "3204": clearing.withdraw,
    "3260": clearing.far_records,
    "3261": clearing.confirm,
    "3262": clearing.take_back,
    "5201": queries.visits,
    "5202": records.diagnoses,
    "5203": queries.settlement,
    "5204": records.fee_lines,
    "5205": records.chronic_drugs,
    "5206": records.totals,
    "5302": records.designated,
    "100001": records.policy_items,
    "2501": filing_desk.file_transfer,
    "2502": filing_desk.withdraw_filing,
    "2503": filing_desk.file_chronic,
    "2504": filing_desk.withdraw_filing,
    "2505": filing_desk.choose_institution,
    "2506": filing_desk.withdraw_filing,
    "5304": filing_desk.transfers,
    "3301": goods_desk.upload_mapping,
    "3302": goods_desk.withdraw_mapping,
    **dict.fromkeys(("3501", "3502", "3503", "3504", "3505", "3506"), goods_desk.upload),
    **dict.fromkeys(("3501A", "3502A", "3503A", "3504A", "3505A", "3506A"), goods_desk.upload),
    "3507": goods_desk.delete,
    "3507A": goods_desk.delete,
    "3512": goods_desk.stocked_codes,
    "3513": goods_desk.sold_codes,
    "3592B": goods_desk.substitute_code,
    "990101": prescriptions.query,
    "990102": prescriptions.lock,
    "990103": prescriptions.release,
    "9101": accounts.upload,
    "9102": accounts.download,
    **dict.fromkeys(catalogue_files.NUMBERS, catalogue_files.catalogue_file),
    **dict.fromkeys(in_patient.IN_PATIENT, in_patient.not_open),
}
"""Transactions this hub answers."""

MEMBERS: Final = {
    "infno": "infno",
    "msgid": "message_id",
    "mdtrtarea_admvs": "care_division",
    "insuplc_admdvs": "insured_division",
    "recer_sys_code": "receiver",
    "dev_no": "device_no",
    "dev_safe_info": "device_safe_info",
    "cainfo": "signature",
    "signtype": "signature_type",
    "infver": "version",
    "opter_type": "operator_type",
    "opter": "operator",
    "opter_name": "operator_name",
    "inf_time": "sent_at",
    "fixmedins_code": "institution_code",
    "fixmedins_name": "institution_name",
    "sign_no": "sign_in_no",
}
"""Members of a decoded envelope by wire name: the field tables and every refusal speak in wire names."""

_MSGID: Final = re.compile(r"(?P<institution>[HP]\d{11})(?P<time>\d{14})(?P<slot>\d{2})(?P<counter>\d{2})")
_MISSING: Final = re.compile(r"missing required field `(\w+)`")


class Unsealed(msgspec.Struct, frozen=True):
    """An answer that is not signed yet, with the message id it answers."""

    msgid: str
    answer: Answer


class HubCore:
    """One hub. Not thread-safe."""

    def __init__(
        self,
        *,
        people: Sequence[Person],
        world: World,
        policies: PolicyBook,
        ledger: Ledger,
        tokens: Tokens,
        profile: Profile,
        signer: Signer,
        verifiers: VerifierLookup,
        rng: Random,
        settings: HubSettings | None = None,
    ) -> None:
        """Everything handed in; `signer` is the hub's answer key, `rng` draws the digits of its ids."""
        switches = HubSettings() if settings is None else settings
        rules = rules_of(profile) if switches.rules is None else switches.rules
        self._desk = Desk(list(people), world, ledger, policies, tokens, profile, switches, rng, rules)
        self._signer = signer
        self._verifiers = verifiers

    @property
    def ledger(self) -> Ledger:
        """The books, for auditors."""
        return self._desk.ledger

    @property
    def desk(self) -> Desk:
        """The records, for the doors beside the envelope."""
        return self._desk

    def sign_with(self, signer: Signer) -> None:
        """Take another answer key into use."""
        self._signer = signer

    def handle(self, request: bytes, now: dt.datetime) -> bytes:
        """Answer one request body. `now` must know its zone. Never raises for anything a request may hold."""
        return self.seal(self.book(self.admit(self.read(request)), now))

    def read(self, request: bytes) -> Request | bytes:
        """First step of `handle`: read the envelope. Bytes, here and below, are the answer to what is not let in."""
        try:
            return read_request(request)
        except MalformedMessage as error:
            return _unsigned(_field_of(error))

    def admit(self, request: Request | bytes) -> Request | bytes:
        """Second step: verify the signature."""
        if isinstance(request, bytes):
            return request
        verifier = self._verifiers(request.institution_code, request.message_id[26:28])
        if verifier is None:
            return _unsigned(
                Refused("SIGNATURE", detail="未登记终端公钥 fixmedins_code, msgid (no key registered)")
            )
        return (
            request
            if self._authentic(request, verifier)
            else _unsigned(Refused("SIGNATURE", detail="cainfo"))
        )

    def book(self, admitted: Request | bytes, now: dt.datetime) -> Unsealed | bytes:
        """Third step: judge what was let in and book it, in a transaction of its own."""
        if isinstance(admitted, bytes):
            return admitted
        return self._answer(admitted, now.astimezone(WIRE_ZONE))

    def seal(self, booked: Unsealed | bytes) -> bytes:
        """Last step: sign the answer. It touches no books, so it may wait for their commit."""
        if isinstance(booked, bytes):
            return booked
        sign, answer = self._desk.profile.sign, booked.answer
        if sign.profile == "unsigned-answers":
            return envelope.encode_answer(msgspec.structs.replace(answer, signature_type=""))
        covered = signing.answer_signing_bytes(self._desk.profile, booked.msgid, answer)
        signature = signing.encode_signature(self._signer.sign(covered), sign)
        return envelope.encode_answer(msgspec.structs.replace(answer, signature=signature))

    def _authentic(self, request: Request, verifier: Verifier) -> bool:
        try:
            covered = signing.request_signing_bytes(self._desk.profile, request)
            signature = signing.decode_signature(request.signature, self._desk.profile.sign)
        except MalformedMessage:
            return False
        return verifier.verify(covered, signature)

    def _answer(self, request: Request, at: dt.datetime) -> Unsealed | bytes:
        desk = self._desk
        error_text, output, file = "", b"null", None
        checked = desk.settings.msgid_check
        strict = checked == "strict" or (checked == "profile" and desk.profile.msgid_check == "strict")
        infcode = 0
        try:
            if strict and desk.ledger.message(request.message_id) is not None:
                raise Refused("MSGID_SEEN")
            with desk.ledger.transaction():
                nodes = self._transact(request, at)
                file = nodes if isinstance(nodes, bytes) else None
                output = b"null" if file is not None else msgspec.json.encode(nodes)
                desk.ledger.note_message(MessageSeen(request.message_id, request.infno, infcode))
        except Refused as refusal:
            error_text, infcode = refusal.err_msg, -1
            desk.ledger.note_message(MessageSeen(request.message_id, request.infno, infcode))
        if file is not None:
            return file
        stamp = format_stamp_ms(at)
        answer = Answer(
            infcode=infcode,
            hub_message_id=envelope.hub_message_id(self._division(request), at, desk.rng.randrange(10**10)),
            received_at=stamp,
            answered_at=stamp,
            error_text=error_text,
            signature_type=desk.profile.sign.signtype,
            output=output,
        )
        return Unsealed(request.message_id, answer)

    def _transact(self, request: Request, at: dt.datetime) -> Output:
        call = self._call(request, at)
        handler = HANDLERS.get(request.infno)
        if handler is None or self._desk.profile.wire_number(request.infno) != request.infno:
            raise Refused("INFNO_UNKNOWN", detail="infno")
        if self._desk.wants_sign_in and request.infno != "9001":
            signed_in = self._desk.ledger.sign_in(request.sign_in_no)
            if (
                signed_in is None
                or signed_in.fixmedins_code != call.institution.code
                or signed_in.operator != call.operator
            ):
                raise Refused("SIGN_IN", detail="sign_no")
        return handler(self._desk, call)

    def _call(self, request: Request, at: dt.datetime) -> Call:
        """Check the envelope's own fields. Raises `FieldRefused` naming the field."""
        node = check(
            {name: getattr(request, member) for name, member in MEMBERS.items()}, tables.ENVELOPE, ""
        )
        institution = self._desk.world.institutions.get(request.institution_code)
        if institution is None:
            raise FieldRefused("fixmedins_code", "机构不存在 (unknown institution)", "ENVELOPE")
        found = _MSGID.fullmatch(request.message_id)
        if found is None or found["institution"] != institution.code or not _is_time(found["time"]):
            raise FieldRefused(
                "msgid", "应为机构编号+时间+4 位顺序号 (not institution + time + 4 digits)", "ENVELOPE"
            )
        if node.text("mdtrtarea_admvs") != institution.division:
            raise FieldRefused(
                "mdtrtarea_admvs", "与机构所在区划不符 (not the institution's place)", "ENVELOPE"
            )
        return Call(
            infno=request.infno,
            msgid=request.message_id,
            now=at,
            institution=institution,
            operator=node.text("opter"),
            operator_name=node.text("opter_name"),
            insured_division=node.text("insuplc_admdvs"),
            input=decode_input(request.input),
        )

    def _division(self, request: Request) -> str:
        institution = self._desk.world.institutions.get(request.institution_code)
        return institution.division if institution else "999900"


def _is_time(stamp: str) -> bool:
    try:
        dt.datetime.fromisoformat(f"{stamp[:8]}T{stamp[8:]}")
    except ValueError:
        return False
    return True


def _field_of(error: MalformedMessage) -> Refused:
    missing = _MISSING.search(error.reason)
    name = missing[1] if missing else error.where.removeprefix("$.") or "body"
    return FieldRefused(name, f"({error.reason})", "ENVELOPE")


def _unsigned(refusal: Refused) -> bytes:
    """The short error shape of a request that was never let in: no reference number, no signature."""
    return msgspec.json.encode({"type": "error", "infcode": -1, "err_msg": refusal.err_msg})
