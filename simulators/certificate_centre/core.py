"""The e-certificate middle office, without socket or clock: `handle(body, now) -> body`.

Answers `ec.query` (decode a code) and the token check. Reply envelope: `code` (0 = done), `message`, `data`; `data`
is an object or, in some deployments, a text that holds the object: the setting `data_as_text` picks.
"""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from simulators.certificate_centre.codebook import CentreRefusal, CodeBook

QUERY_PATH: Final = "/localcfc/api/hsecfc/localQrCodeQuery"
CHECK_PATH: Final = "/localcfc/api/hsecfc/localEcTokenCheck"

_CODE: Final = re.compile(r"424\d{25}")
_HOSPITAL_STEPS: Final = frozenset(
    f"01{group}{step:02d}" for group, steps in ((1, 4), (2, 4), (3, 5)) for step in range(1, steps + 1)
)
_PHARMACY_STEPS: Final = frozenset({"02121", "02122"})
_LENGTHS: Final = {
    "orgId": 40,
    "businessType": 5,
    "operatorId": 64,
    "operatorName": 64,
    "officeId": 20,
    "officeName": 30,
}
"""Mandatory fields of `data` and their lengths (the larger figure where sources differ)."""


class CertificateCentre:
    """One middle office for the institutions it knows."""

    def __init__(self, book: CodeBook, institutions: Collection[str], *, data_as_text: bool = False) -> None:
        """`institutions` are the institution codes that may decode."""
        self.book = book
        self._institutions = frozenset(institutions)
        self.data_as_text = data_as_text
        self._scanned: list[str] = []

    def push_scan(self, code: str) -> None:
        """Lay a code into the scan queue, from which a request without `ecQrCode` takes it (PD-4)."""
        self._scanned.append(code)

    def handle(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one `localQrCodeQuery`."""
        try:
            request = _object(body)
            return self._query(request, now)
        except CentreRefusal as refusal:
            reply = {"code": refusal.code, "message": refusal.message, "success": False}
            return msgspec.json.encode(reply)

    def check_token(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one `localEcTokenCheck`: flag 1 when the token is in its life and belongs to that identity."""
        try:
            request = _object(body)
            person = self.book.owner(_text(request, "ecToken"), now)
        except CentreRefusal as refusal:
            return msgspec.json.encode({"code": refusal.code, "message": refusal.message, "success": False})
        valid = (
            person is not None
            and request.get("idNo") == person.certno
            and request.get("userName") == person.name
        )
        name = person.name if valid and person is not None else None
        data = {"flag": "1" if valid else "0", "userName": name}
        return msgspec.json.encode({"code": 0, "message": "成功", "data": data})

    def _query(self, request: Mapping[str, object], now: dt.datetime) -> bytes:
        if request.get("transType") != "ec.query":
            raise _malformed("transType")
        data = request.get("data")
        if not isinstance(data, dict):
            raise _malformed("data")
        for name, length in _LENGTHS.items():
            if len(_text(data, name)) > length:
                raise _malformed(name)
        institution = _text(data, "orgId")
        if request.get("orgId") != institution or institution not in self._institutions:
            raise _malformed("orgId")
        allowed = _PHARMACY_STEPS if institution.startswith("P") else _HOSPITAL_STEPS
        if data["businessType"] not in allowed:
            raise CentreRefusal(990008, "用码业务类型不允许 (businessType not allowed here)")
        code = data.get("ecQrCode") or (self._scanned.pop(0) if self._scanned else None)
        if code is None:
            raise CentreRefusal(990010, "扫码取消或超时 (no code was scanned)")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise CentreRefusal(500159, "请使用医保电子凭证二维码 (not an e-certificate code)")
        person, token = self.book.decode(code, institution, now)
        answer = {
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
            "authNo": None,
            "extra": '{"sim":true}',
        }
        return msgspec.json.encode(
            {
                "code": 0,
                "message": "成功",
                "orgId": institution,
                "data": msgspec.json.encode(answer).decode() if self.data_as_text else answer,
            }
        )


def _object(body: bytes) -> Mapping[str, object]:
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise _malformed("body") from None
    if not isinstance(request, dict):
        raise _malformed("body")
    return request


def _text(node: Mapping[str, object], name: str) -> str:
    value = node.get(name)
    if not isinstance(value, str) or value in ("", "null"):
        raise _malformed(name)
    return value


def _malformed(name: str) -> CentreRefusal:
    return CentreRefusal(990009, f"字段缺失或格式错误：{name} (field missing or malformed)")
