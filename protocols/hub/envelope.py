"""The envelope around every transaction (national interface, Hunan edition V1.1.27, request and response tables).

`input` and `output` are the exact bytes that stood on the wire, cut out and never serialised again: signatures are
made and checked over them. Everything else is text, where null, missing and empty are the same.

What a decoded answer proves: nothing, until its signature has been verified (see `signing`). A body without an
`infcode` (a gateway's own JSON, HTML) is `MalformedMessage`.
"""

import datetime as dt
import re
from typing import Any, Final, TypeVar

import msgspec

from protocols import wire_time
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.hub.profile_sections import ExtraField

_Read = TypeVar("_Read")

_STATUS_CODE: Final = re.compile(r"-?[0-9]{1,9}")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Wire names in the order of the table stand in `_WireRequest`; `input` is raw JSON."""

    infno: str  # transaction number such as 2102
    message_id: str  # institution + time + slot + counter, never repeated; the handle of a reversal
    care_division: str  # place of care, six digits
    insured_division: str = ""  # the person's insured place, from 1101; empty in 9001 and 1101
    receiver: str  # receiving system
    device_no: str = ""
    device_safe_info: str = ""
    signature: str = ""  # Base64 of r || s, see `signing`
    signature_type: str = ""
    version: str  # interface version handed out by the hub
    operator_type: str  # 1 operator, 2 self-service terminal, 3 mobile terminal
    operator: str
    operator_name: str
    sent_at: str  # yyyy-MM-dd HH:mm:ss, UTC+8
    institution_code: str  # 12 characters, H.. hospital or clinic, P.. pharmacy
    institution_name: str
    sign_in_no: str = ""  # serial from 9001
    extra: tuple[
        tuple[ExtraField, str], ...
    ] = ()  # further members of one province, in the order of `_WireRequest`
    input: bytes

    def __repr__(self) -> str:
        return (
            f"Request(infno={self.infno!r}, message_id={self.message_id!r}, input=<{len(self.input)} bytes>)"
        )


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `output` is b"" when the member is missing and b"null" when it is null."""

    infcode: int  # 0 = done; every other value is judged by the profile's refusal codes
    hub_message_id: str = ""
    received_at: str = ""  # yyyyMMddHHmmssSSS, UTC+8
    answered_at: str = ""  # same form
    error_text: str = ""  # shown to people; may end in internal codes, so never compared as a whole
    warning_text: str = ""
    signature: str = ""
    signature_type: str = ""
    output: bytes = b""

    @property
    def ok(self) -> bool:
        """The hub says it did what was asked (only worth something once authenticated)."""
        return self.infcode == 0

    def __repr__(self) -> str:
        size = len(self.output)
        return (
            f"Answer(infcode={self.infcode}, hub_message_id={self.hub_message_id!r}, output=<{size} bytes>)"
        )


class _WireRequest(msgspec.Struct, kw_only=True):
    infno: str  # 交易编号
    msgid: str  # 发送方报文ID
    mdtrtarea_admvs: str  # 就医地医保区划 (spelt without d)
    insuplc_admdvs: str | None = None  # 参保地医保区划
    recer_sys_code: str  # 接收方系统代码
    dev_no: str | None = None  # 设备编号
    dev_safe_info: str | None = None  # 设备安全信息
    cainfo: str | None = None  # 数字签名信息
    signtype: str | None = None  # 签名类型
    infver: str  # 接口版本号
    opter_type: str  # 经办人类别
    opter: str  # 经办人
    opter_name: str  # 经办人姓名
    inf_time: str  # 交易时间
    fixmedins_code: str  # 定点医药机构编号
    fixmedins_name: str  # 定点医药机构名称
    sign_no: str | None = None  # 交易签到流水号
    enc_type: str | msgspec.UnsetType | None = msgspec.UNSET  # the payload's encryption, one province
    serv_code: str | msgspec.UnsetType | None = msgspec.UNSET  # vendor, one province
    serv_sign: str | msgspec.UnsetType | None = msgspec.UNSET  # vendor, one province
    recer_admdvs: str | msgspec.UnsetType | None = msgspec.UNSET  # receiver's division, one early build
    input: msgspec.Raw  # 交易输入


class _WireAnswer(msgspec.Struct, kw_only=True):
    infcode: int | str  # 交易状态码; some hubs send text
    inf_refmsgid: str | None = None  # 接收方报文ID
    refmsg_time: str | None = None  # 接收报文时间
    respond_time: str | None = None  # 响应报文时间
    err_msg: str | None = None  # 错误信息
    warn_msg: str | None = None  # 警告信息
    cainfo: str | None = None  # 数字签名信息
    signtype: str | None = None  # 签名类型
    output: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # 交易输出


class _Numbered(msgspec.Struct):
    infno: str


_EXTRA: Final[tuple[ExtraField, ...]] = ("enc_type", "serv_code", "serv_sign", "recer_admdvs")
_ENCODER: Final = msgspec.json.Encoder()
_REQUEST: Final = msgspec.json.Decoder(_WireRequest)
_NUMBERED: Final = msgspec.json.Decoder(_Numbered)
_ANSWER: Final = msgspec.json.Decoder(_WireAnswer)


def encode_request(request: Request) -> bytes:
    """Write the body of one POST; the bytes of `input` stand in it unchanged."""
    return _ENCODER.encode(
        _WireRequest(
            infno=request.infno,
            msgid=request.message_id,
            mdtrtarea_admvs=request.care_division,
            insuplc_admdvs=request.insured_division,
            recer_sys_code=request.receiver,
            dev_no=request.device_no,
            dev_safe_info=request.device_safe_info,
            cainfo=request.signature,
            signtype=request.signature_type,
            infver=request.version,
            opter_type=request.operator_type,
            opter=request.operator,
            opter_name=request.operator_name,
            inf_time=request.sent_at,
            fixmedins_code=request.institution_code,
            fixmedins_name=request.institution_name,
            sign_no=request.sign_in_no,
            **dict(request.extra),
            input=msgspec.Raw(request.input),
        )
    )


def decode_request(body: bytes) -> Request:
    """Read a request body; raises `MalformedMessage` for anything that is not one unambiguous national envelope."""
    wire.check_json(body)
    read = _decode(_REQUEST, body)
    return Request(
        infno=read.infno,
        message_id=read.msgid,
        care_division=read.mdtrtarea_admvs,
        insured_division=read.insuplc_admdvs or "",
        receiver=read.recer_sys_code,
        device_no=read.dev_no or "",
        device_safe_info=read.dev_safe_info or "",
        signature=read.cainfo or "",
        signature_type=read.signtype or "",
        version=read.infver,
        operator_type=read.opter_type,
        operator=read.opter,
        operator_name=read.opter_name,
        sent_at=read.inf_time,
        institution_code=read.fixmedins_code,
        institution_name=read.fixmedins_name,
        sign_in_no=read.sign_no or "",
        extra=tuple((name, text) for name in _EXTRA if isinstance(text := getattr(read, name), str) and text),
        input=bytes(read.input),
    )


def number_of(body: bytes) -> str:
    """Return the `infno` of a request, packed or not; raises `MalformedMessage`."""
    return _decode(_NUMBERED, body).infno


def encode_answer(answer: Answer) -> bytes:
    """Write the body of one reply; empty texts become null, an output of b"" is left out."""
    return _ENCODER.encode(
        _WireAnswer(
            infcode=answer.infcode,
            inf_refmsgid=answer.hub_message_id or None,
            refmsg_time=answer.received_at or None,
            respond_time=answer.answered_at or None,
            err_msg=answer.error_text or None,
            warn_msg=answer.warning_text or None,
            cainfo=answer.signature or None,
            signtype=answer.signature_type or None,
            output=msgspec.Raw(answer.output) if answer.output else msgspec.UNSET,
        )
    )


def decode_answer(body: bytes) -> Answer:
    """Read a reply body; raises `MalformedMessage` for anything that is not one unambiguous national envelope."""
    wire.check_json(body)
    return _answer(body)


def read_answer(body: bytes) -> tuple[Answer, Any]:
    """Read a reply body as `decode_answer` does, and its `output` as `wire.read_json` would, in one pass over the JSON.

    The second value is None when `output` is missing or null; `wire.convert` types it. For whoever reads both.
    """
    tree = wire.read_json(body)
    return _answer(body), tree.get("output") if isinstance(tree, dict) else None


def _answer(body: bytes) -> Answer:
    read = _decode(_ANSWER, body)
    return Answer(
        infcode=_infcode(read.infcode),
        hub_message_id=read.inf_refmsgid or "",
        received_at=read.refmsg_time or "",
        answered_at=read.respond_time or "",
        error_text=read.err_msg or "",
        warning_text=read.warn_msg or "",
        signature=read.cainfo or "",
        signature_type=read.signtype or "",
        output=b"" if isinstance(read.output, msgspec.UnsetType) else bytes(read.output),
    )


def message_id(institution_code: str, at: dt.datetime, terminal_slot: int, counter: int) -> str:
    """Build a message id: institution (12) + yyyyMMddHHmmss (14) + terminal slot (2) + counter (2), decision K11.

    Slot 0 is for examples and tools. Uniqueness is the caller's: counters of one second are reserved durably and
    never go back.
    """
    if len(institution_code) != 12 or not 0 <= terminal_slot <= 99 or not 0 <= counter <= 99:
        raise ValueError("institution code of 12 characters, slot and counter from 0 to 99")
    return f"{institution_code}{wire_time.format_stamp(at)}{terminal_slot:02d}{counter:02d}"


def hub_message_id(division: str, at: dt.datetime, sequence: int) -> str:
    """Build the hub's own id of an answer: division (6) + yyyyMMddHHmmss (14) + sequence (10)."""
    return f"{division}{wire_time.format_stamp(at)}{sequence:010d}"


def _infcode(value: int | str) -> int:
    text = str(value)
    if _STATUS_CODE.fullmatch(text) is None:
        raise MalformedMessage("not a status code", "$.infcode")
    return int(text)


def _decode(decoder: msgspec.json.Decoder[_Read], body: bytes) -> _Read:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        raise MalformedMessage(reason, where.rstrip("`")) from None
    except (msgspec.DecodeError, RecursionError):
        raise MalformedMessage("not JSON") from None
