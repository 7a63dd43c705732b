"""Which bytes a hub signature covers. No keys here: a `Signer` signs these bytes, a `Verifier` checks them.

Profile `envelope` (default):

    request   UTF-8 of  msgid LF infno LF inf_time LF  + the raw bytes of `input`
    answer    UTF-8 of  request's msgid LF infcode LF inf_refmsgid LF err_msg LF  + the raw bytes of `output`

`infcode` is decimal text; `inf_refmsgid` and `err_msg` are the decoded texts, empty when null or missing; `output` is
as on the wire (`null` is four bytes, a missing member is empty). The answer is signed over *our* message id, which
binds it to our request: an answer to another message never verifies.

Profile `input-only`: the raw bytes of `input`, or of `output`, and nothing else (as one province does). It binds
nothing but the content, so the application must compare `medins_setl_id`, person and total.

Profile `unsigned-answers`: requests are signed as in `envelope`, answers carry no signature at all. Only pinned TLS with
one request on each connection binds an answer to its request (K15); `is_bound_by_content` says where that is so.

The signature is SM2 with SM3 (GB/T 32918.2, signer id 1234567812345678): r || s (64 bytes) or the DER sequence of both
(GM/T 0009, 7.3), in Base64 or hexadecimal, as the profile says.
The line feeds make the covered text unambiguous because no covered field before the last can hold one (refused here),
and because `output` is one whole JSON value, which cannot be split off the end of an `err_msg`.
"""

import base64
import binascii

from protocols.errors import MalformedMessage
from protocols.gm.errors import InvalidSignatureEncoding
from protocols.gm.sm2 import der_to_raw, raw_to_der
from protocols.hub.envelope import Answer, Request
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Sign

SIGNATURE_BYTES = 64
_NATIONAL = Sign()


def is_bound_by_content(profile: Profile) -> bool:
    """Whether a signature does not bind an answer to its request, so that the line and the content have to."""
    return profile.sign.profile != "envelope"


def request_signing_bytes(profile: Profile, request: Request) -> bytes:
    """Return the bytes our signature of `request` covers; `MalformedMessage` if a covered field has a line feed."""
    if profile.sign.profile == "input-only":
        return request.input
    head = _lines(request.message_id, request.infno, request.sent_at)
    return head.encode("utf-8") + b"\n" + request.input


def answer_signing_bytes(profile: Profile, request_message_id: str, answer: Answer) -> bytes:
    """Return the bytes the hub's signature of `answer` covers when it answers our `request_message_id`."""
    if profile.sign.profile == "input-only":
        return answer.output
    head = _lines(request_message_id, str(answer.infcode), answer.hub_message_id)
    return f"{head}\n{answer.error_text}\n".encode() + answer.output


def encode_signature(signature: bytes, sign: Sign = _NATIONAL) -> str:
    """Write r || s (64 bytes) as the text of `cainfo`; without `sign` as the default profile has it."""
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError("a raw SM2 signature has 64 bytes")
    shown = raw_to_der(signature) if sign.form == "der" else signature
    return shown.hex() if sign.encoding == "hex" else base64.b64encode(shown).decode("ascii")


def decode_signature(text: str, sign: Sign = _NATIONAL) -> bytes:
    """Read the text of `cainfo` as r || s; exactly one text stands for each signature. Raises `MalformedMessage`."""
    try:
        is_hex = sign.encoding == "hex"
        shown = bytes.fromhex(text) if is_hex else base64.b64decode(text.encode("ascii"), validate=True)
        signature = der_to_raw(shown) if sign.form == "der" else shown
        is_the_one_text = len(signature) == SIGNATURE_BYTES and encode_signature(signature, sign) == text
    except (UnicodeEncodeError, binascii.Error, ValueError, InvalidSignatureEncoding):
        raise MalformedMessage(f"the signature is not {_names(sign)}", "$.cainfo") from None
    if not is_the_one_text:
        raise MalformedMessage(f"the signature is not {_names(sign)}", "$.cainfo")
    return signature


def _names(sign: Sign) -> str:
    form = "DER" if sign.form == "der" else "64 bytes"
    return f"{form} in plain {'hexadecimal' if sign.encoding == 'hex' else 'Base64'}"


def _lines(*fields: str) -> str:
    if any("\n" in text for text in fields):
        raise MalformedMessage("a line feed in a signed field")
    return "\n".join(fields)
