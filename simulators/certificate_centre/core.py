"""The e-certificate middle office with its certified terminal, without socket or clock: `handle(body, now) -> body`.

Answers everything that stands in the plain envelope: decoding a code, a face check and its exchange, the settle notice,
and the token check beside them. What a person does at the terminal (hold up a code, look into the camera) is laid into
two queues beforehand. Every answer says in `extra` that it is simulated (PD-9).
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
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
CHECK_PATH: Final = "/localcfc/api/hsecfc/localEcTokenCheck"
TERMINAL_SN: Final = "SIM000000000001"
"""Serial number of the simulated certified terminal (PD-9)."""

FaceOutcome = Literal["match", "mismatch", "not_alive", "cancelled", "timeout"]
"""What the terminal's camera makes of whoever stands there."""

_CODE: Final = re.compile(r"424\d{25}")
_HOSPITAL_STEPS: Final = frozenset(
    f"01{group}{step:02d}" for group, steps in ((1, 4), (2, 4), (3, 5)) for step in range(1, steps + 1)
)
_PHARMACY_STEPS: Final = frozenset({"02121", "02122"})
_EXTRA: Final = f'{{"sim":true,"sn":"{TERMINAL_SN}"}}'
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
        """Whether this request needs a code or a face that is not there yet."""
        try:
            request = _object(body)
            kind = envelope.trans_type(_text(request, "transType"))
        except CentreRefusal:
            return False
        data = request.get("data")
        fields = data if isinstance(data, dict) else {}
        return (
            (kind is TransType.QUERY and not fields.get("ecQrCode") and not self._scanned)
            or (kind is TransType.TERMINAL_SCAN and not self._scanned)
            or (kind is TransType.FACE and not self._faces)
            or (kind is TransType.OLD_IDENTITY and not self._scanned and not self._faces)
        )

    def handle(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one request in the plain envelope."""
        try:
            return self._answer(body, now)
        except CentreRefusal as refusal:
            return refusal_body(refusal)

    def ask(self, body: bytes, now: dt.datetime) -> bytes:
        """The JSON bytes of a success's data alone; raises `CentreRefusal`."""
        request = _object(body)
        kind = envelope.trans_type(_text(request, "transType"))
        data = request.get("data")
        if kind is None:
            raise malformed("transType")
        if not isinstance(data, dict):
            raise malformed("data")
        institution = self._institution(request, data)
        match kind:
            case TransType.QUERY | TransType.TERMINAL_SCAN:
                self._check_business_type(data, institution)
                return self._decode(data, kind, institution, now)
            case TransType.FACE:
                self._check_business_type(data, institution)
                self._take_number(data, institution)
                return self._face(institution, now)
            case TransType.FACE_EXCHANGE:
                self._take_number(data, institution)
                auth_no = _text(data, "authNo", 64)
                person, token = self.book.exchange(auth_no, institution, now)
                return _identity(person, token, auth_no=auth_no)
            case TransType.OLD_IDENTITY:
                self._check_business_type(data, institution)
                self._take_number(data, institution)
                return self._old_identity(data, institution, now)
            case TransType.NOTICE | TransType.OLD_NOTICE:
                return self._show(body)

    def check_token(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one `localEcTokenCheck`: flag 1 when the token is in its life and belongs to that identity."""
        try:
            request = _object(body)
            person = self.book.owner(_text(request, "ecToken"), now)
        except CentreRefusal as refusal:
            return refusal_body(refusal)
        valid = (
            person is not None
            and request.get("idNo") == person.certno
            and request.get("userName") == person.name
        )
        name = person.name if valid and person is not None else None
        data = {"flag": "1" if valid else "0", "userName": name}
        return msgspec.json.encode({"code": 0, "message": "成功", "data": data})

    def _answer(self, body: bytes, now: dt.datetime) -> bytes:
        data = self.ask(body, now)
        return envelope.encode_reply(
            data, self.settings.reply_shape, institution_code=str(_object(body)["orgId"])
        )

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

    def _take_number(self, data: Mapping[str, object], institution: str) -> None:
        number = (institution, _text(data, "outBizNo", 64))
        if number in self._numbers:
            raise CentreRefusal(990014, "业务流水号重复 (outBizNo repeated)")
        self._numbers.add(number)

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
        return msgspec.json.encode({"authNo": auth_no, "extra": _EXTRA})

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
        way = data.get("gainWay")
        if way not in ("MOBILE", "FACE", "ALL"):
            raise malformed("gainWay")
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
        return msgspec.json.encode({"extra": _EXTRA})


def refusal_body(refusal: CentreRefusal) -> bytes:
    """A refusal as the centre writes it."""
    return envelope.encode_refusal(RefusalMessage(refusal.code, refusal.message))


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
            "extra": _EXTRA,
        }
    )


def _object(body: bytes) -> Mapping[str, object]:
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise malformed("body") from None
    if not isinstance(request, dict):
        raise malformed("body")
    return request


def _text(node: Mapping[str, object], name: str, length: int = 0) -> str:
    value = node.get(name)
    if not isinstance(value, str) or value in ("", "null") or (length and len(value) > length):
        raise malformed(name)
    return value
