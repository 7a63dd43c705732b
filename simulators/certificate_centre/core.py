"""The e-certificate middle office with its certified terminal, without socket or clock: `handle(body, now) -> body`.

Answers everything that stands in the plain envelope: decoding a code, a face check and its exchange, the settle notice,
and the token check beside them. What a person does at the terminal (hold up a code, look into the camera) is laid into
two queues beforehand. Every answer says in `extra` that it is simulated (PD-9): inside its data, or in a refusal beside the code.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal

import msgspec

from protocols.ecertificate import envelope
from protocols.ecertificate.envelope import ReplyShape, TransType
from protocols.ecertificate.notice import SettleNotice, parse_notice
from protocols.ecertificate.refusals import CentreRefusal as RefusalMessage
from protocols.errors import MalformedMessage, MoneyError
from protocols.money import Fen
from simulators.certificate_centre.codebook import CentreRefusal, CodeBook
from simulators.people import Person

QUERY_PATH: Final = "/localcfc/api/hsecfc/localQrCodeQuery"
CHECK_NAME: Final = "localEcTokenCheck"
"""The token check, in the same folder as the queries."""
CHECK_PATH: Final = f"/localcfc/api/hsecfc/{CHECK_NAME}"
TERMINAL_SN: Final = "SIM000000000001"
"""Serial number of the simulated certified terminal (PD-9)."""

FaceOutcome = Literal["match", "mismatch", "not_alive", "cancelled", "timeout"]
"""What the terminal's camera makes of whoever stands there."""

_CODE: Final = re.compile(r"424[0-9]{25}")
_HOSPITAL_STEPS: Final = frozenset(
    f"01{group}{step:02d}" for group, steps in ((1, 4), (2, 4), (3, 5)) for step in range(1, steps + 1)
)
_PHARMACY_STEPS: Final = frozenset({"02121", "02122"})
_AT_A_STEP: Final = frozenset(
    {TransType.QUERY, TransType.TERMINAL_SCAN, TransType.FACE, TransType.OLD_IDENTITY}
)
"""These say with `businessType` at which step of the visit they are asked."""
_NUMBERED: Final = frozenset({TransType.FACE, TransType.FACE_EXCHANGE, TransType.OLD_IDENTITY})
"""These carry an `outBizNo` of their own."""
EXTRA: Final = f'{{"sim":true,"sn":"{TERMINAL_SN}"}}'
"""What every answer says of itself (PD-9)."""
_KEPT_NOTICES: Final = 200
_AMOUNTS: Final = (
    "total", "own", "balance", "fund", "account", "pooled", "serious_illness", "civil_servant", "assistance", "hospital",
)  # fmt: skip


class CentreSettings(msgspec.Struct, frozen=True):
    """How this centre differs from another."""

    reply_shape: ReplyShape = "object"
    operator_len: Literal[20, 64] = 20
    """Characters of `operatorId`; with 64 also of `operatorName`, else 30 there."""
    scan_wait_s: float = 30.0
    """How long a request that needs a code or a face waits for one (PD-4); the server waits, not this."""


class _Question(msgspec.Struct, frozen=True):
    """A request with which nothing is wrong; what it asks for may still be refused."""

    kind: TransType
    institution: str
    data: Mapping[str, object]
    body: bytes
    number: str
    """Its own business number, not yet taken; "" = the kind has none."""
    queues: tuple[Sequence[object], ...]
    """Where whoever it needs may stand: somebody in one of them is enough. None = it needs nobody."""


class CertificateCentre:
    """One middle office for the institutions it knows, with one certified terminal in front."""

    def __init__(
        self, book: CodeBook, institutions: Collection[str], settings: CentreSettings | None = None
    ) -> None:
        """`institutions` are the institution codes that may ask."""
        self.book = book
        self.institutions = frozenset(institutions)
        self.settings = settings or CentreSettings()
        self.on_arrival: Callable[[], None] = lambda: None
        """Called when a code or face has been laid into its queue."""
        self.on_wait: Callable[[], None] = lambda: None
        """Called when a request begins to wait for one."""
        self._scanned: list[str] = []
        self._faces: list[tuple[Person, FaceOutcome]] = []
        self._numbers: set[tuple[str, str]] = set()
        self._notices: list[SettleNotice] = []

    @property
    def notices(self) -> tuple[SettleNotice, ...]:
        """Settle notices shown at the terminal, oldest first."""
        return tuple(self._notices)

    def push_scan(self, code: str) -> None:
        """Hold a code to the terminal's own scanner: a request without `ecQrCode` takes it (PD-4)."""
        self._scanned.append(code)
        self.on_arrival()

    def push_face(self, person: Person, outcome: FaceOutcome = "match") -> None:
        """Stand before the terminal's camera: the next face check has this outcome."""
        self._faces.append((person, outcome))
        self.on_arrival()

    def waits_for_somebody(self, body: bytes) -> bool:
        """Whether this request needs a code or a face that is not there yet. One that is refused anyway needs nobody."""
        try:
            queues = self._read(body).queues
        except CentreRefusal:
            return False
        return bool(queues) and not any(queues)

    def handle(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one request in the plain envelope."""
        try:
            question = self._read(body)
            data = self._answer(question, now)
        except CentreRefusal as refusal:
            return refusal_body(refusal)
        return envelope.encode_reply(data, self.settings.reply_shape, institution_code=question.institution)

    def ask(self, body: bytes, now: dt.datetime) -> bytes:
        """The JSON bytes of a success's data alone; raises `CentreRefusal`."""
        return self._answer(self._read(body), now)

    def check_token(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one `localEcTokenCheck`: flag 1 when the token is in its life and belongs to that identity."""
        try:
            request = _object(body)
            token, *identity = [_text(request, name) for name in ("ecToken", "idType", "idNo", "userName")]
        except CentreRefusal as refusal:
            return refusal_body(refusal)
        person = self.book.owner(token, now)
        valid = person is not None and identity == [person.psn_cert_type, person.certno, person.name]
        name = person.name if valid and person is not None else None
        data = {"flag": "1" if valid else "0", "userName": name, "extra": EXTRA}
        return msgspec.json.encode({"code": 0, "message": "成功", "data": data})

    def _read(self, body: bytes) -> _Question:
        """Look at everything that can be wrong with a request; changes nothing. Raises `CentreRefusal`."""
        request = _object(body)
        kind = envelope.trans_type(_text(request, "transType"))
        data = request.get("data")
        if kind is None:
            raise malformed("transType")
        if not isinstance(data, dict):
            raise malformed("data")
        institution = self._institution(request, data)
        if kind in _AT_A_STEP:
            self._check_business_type(data, institution)
        number = _text(data, "outBizNo", 64) if kind in _NUMBERED else ""
        if (institution, number) in self._numbers:
            raise CentreRefusal(990014, "业务流水号重复 (outBizNo repeated)")
        if kind is TransType.FACE_EXCHANGE:
            _text(data, "authNo", 64)
        return _Question(kind, institution, data, body, number, self._queues(kind, data))

    def _queues(self, kind: TransType, data: Mapping[str, object]) -> tuple[Sequence[object], ...]:
        match kind, data.get("gainWay"):
            case TransType.QUERY, _:
                return () if data.get("ecQrCode") else (self._scanned,)
            case (TransType.TERMINAL_SCAN, _) | (TransType.OLD_IDENTITY, "MOBILE"):
                return (self._scanned,)
            case (TransType.FACE, _) | (TransType.OLD_IDENTITY, "FACE"):
                return (self._faces,)
            case TransType.OLD_IDENTITY, "ALL":
                return (self._scanned, self._faces)
            case TransType.OLD_IDENTITY, _:
                raise malformed("gainWay")
        return ()

    def _answer(self, question: _Question, now: dt.datetime) -> bytes:
        institution, data = question.institution, question.data
        if question.number:
            self._numbers.add((institution, question.number))
        match question.kind:
            case TransType.QUERY | TransType.TERMINAL_SCAN:
                return self._decode(data, question.kind, institution, now)
            case TransType.FACE:
                return self._face(institution, now)
            case TransType.FACE_EXCHANGE:
                auth_no = _text(data, "authNo")
                person, token = self.book.exchange(auth_no, institution, now)
                return _identity(person, token, auth_no=auth_no)
            case TransType.OLD_IDENTITY:
                return self._old_identity(data, institution, now)
            case TransType.NOTICE | TransType.OLD_NOTICE:
                return self._show(question.body)

    def _institution(self, request: Mapping[str, object], data: Mapping[str, object]) -> str:
        """The institution that asks, its operator and office looked at too."""
        operator = self.settings.operator_len
        lengths = {
            "orgId": 40, "operatorId": operator, "operatorName": 30 if operator == 20 else operator, "officeId": 20,
            "officeName": 30,
        }  # fmt: skip
        for name, length in lengths.items():
            _text(data, name, length)
        institution = _text(data, "orgId")
        if request.get("orgId") != institution or institution not in self.institutions:
            raise malformed("orgId")
        return institution

    def _check_business_type(self, data: Mapping[str, object], institution: str) -> None:
        allowed = _PHARMACY_STEPS if institution.startswith("P") else _HOSPITAL_STEPS
        if _text(data, "businessType", 5) not in allowed:
            raise CentreRefusal(990008, "用码业务类型不允许 (businessType not allowed here)")

    def _decode(
        self, data: Mapping[str, object], kind: TransType, institution: str, now: dt.datetime
    ) -> bytes:
        code = data.get("ecQrCode") if kind is TransType.QUERY else None
        if not code:
            code = self._next_scan()
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise CentreRefusal(500159, "请使用医保电子凭证二维码 (not an e-certificate code)")
        person, token = self.book.decode(code, institution, now)
        return _identity(person, token, code=code)

    def _next_scan(self) -> str:
        if not self._scanned:
            raise CentreRefusal(990010, "扫码取消或超时 (no code was scanned)")
        return self._scanned.pop(0)

    def _face(self, institution: str, now: dt.datetime) -> bytes:
        auth_no = self.book.recognise(self._next_face(), institution, now)
        return msgspec.json.encode({"authNo": auth_no, "extra": EXTRA})

    def _next_face(self) -> Person:
        if not self._faces:
            raise CentreRefusal(990010, "刷脸取消或超时 (nobody looked into the camera)")
        person, outcome = self._faces.pop(0)
        match outcome:
            case "match":
                return person
            case "mismatch":
                raise CentreRefusal(990011, "人脸不匹配 (face does not match)")
            case "not_alive":
                raise CentreRefusal(990012, "活体检测未通过 (liveness failed)")
            case "cancelled" | "timeout":
                raise CentreRefusal(990010, "刷脸取消或超时 (face check cancelled or timed out)")

    def _old_identity(self, data: Mapping[str, object], institution: str, now: dt.datetime) -> bytes:
        way = data["gainWay"]
        if way == "FACE" or (way == "ALL" and not self._scanned):
            person = self._next_face()
            return _identity(person, self.book.identify(person, institution, now))
        return self._decode({}, TransType.TERMINAL_SCAN, institution, now)

    def _show(self, body: bytes) -> bytes:
        try:
            notice = parse_notice(body)
        except MalformedMessage as error:
            raise malformed(error.where.removeprefix("$.data.") or "data") from None
        wire_names = {one.name: one.encode_name for one in msgspec.structs.fields(notice)}
        for name in _AMOUNTS:
            text = getattr(notice, name)
            try:
                Fen.parse(text or "0.00")
            except MoneyError:
                raise malformed(wire_names[name]) from None
        self._notices = [*self._notices, notice][-_KEPT_NOTICES:]
        return msgspec.json.encode({"extra": EXTRA})


def refusal_body(refusal: CentreRefusal) -> bytes:
    """A refusal as the centre writes it."""
    return envelope.encode_refusal(RefusalMessage(refusal.code, refusal.message), EXTRA)


def malformed(name: str) -> CentreRefusal:
    """A field is missing, too long or not what it should be."""
    return CentreRefusal(990009, f"字段缺失或格式错误：{name} (field missing or malformed)")


def _identity(person: Person, token: str, *, code: str | None = None, auth_no: str | None = None) -> bytes:
    return msgspec.json.encode(
        {
            "userName": person.name,
            "idNo": person.certno,
            "idType": person.psn_cert_type,
            "ecToken": token,
            "insuOrg": person.enrolment[0].division,
            "ecIndexNo": person.certificate.index,
            "gender": None,
            "birthday": None,
            "nationality": None,
            "email": None,
            "chnlId": None,
            "ecQrCode": code,
            "authNo": auth_no,
            "extra": EXTRA,
        }
    )


def _object(body: bytes) -> Mapping[str, object]:
    try:
        request = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # ValueError: not JSON, and also UTF-8 that breaks off inside a text
        raise malformed("body") from None
    if not isinstance(request, dict):
        raise malformed("body")
    return request


def _text(node: Mapping[str, object], name: str, length: int = 0) -> str:
    value = node.get(name)
    if not isinstance(value, str) or value in ("", "null") or (length and len(value) > length):
        raise malformed(name)
    return value
