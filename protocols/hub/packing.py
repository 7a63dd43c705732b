"""How `input` and `output` travel inside the envelope: as they are, as text, or encrypted.

The signature always covers the plain JSON, before it is packed (as the one published implementation of both does it);
so whoever reads unpacks first and verifies then. Three forms:

    plain     the JSON object itself
    as text   `input` alone: the JSON as one JSON string (`env.input_as_text`)
    sm4       Base64 text of SM4/ECB/PKCS#7 over the JSON; the key is the client id, 16 bytes of text (`crypt.payload`).
              `output` too, where `crypt.answers` says so; a missing or null one stays what it is.

ECB shows equal blocks and protects nothing against change: integrity is the signature's.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Final

import msgspec

from protocols.errors import MalformedMessage
from protocols.gm.errors import DecryptionFailed
from protocols.gm.sm4 import ecb_pkcs7_decrypt, ecb_pkcs7_encrypt
from protocols.hub import envelope
from protocols.hub.gateway import Credentials
from protocols.hub.profile import Profile
from protocols.secret import Secret

_EMPTY: Final = (b"", b"null")


class Packing(msgspec.Struct, frozen=True, kw_only=True):
    """One hub's way of packing; `key` is empty where nothing is encrypted."""

    encrypted: bool = False
    answers_encrypted: bool = False
    as_text: bool = False
    key: Secret = Secret()

    @property
    def is_plain(self) -> bool:
        """Nothing is packed."""
        return not self.encrypted and not self.as_text

    def pack_input(self, plain: bytes) -> bytes:
        """Write `input` as it travels."""
        if self.encrypted:
            return self._encrypt(plain)
        return msgspec.json.encode(plain.decode("utf-8")) if self.as_text else plain

    def unpack_input(self, packed: bytes) -> bytes:
        """Undo `pack_input`; raises `MalformedMessage` for anything packed in another way."""
        if self.encrypted:
            return self._decrypt(packed, "$.input")
        return _text(packed, "$.input").encode("utf-8") if self.as_text else packed

    def pack_output(self, plain: bytes) -> bytes:
        """Write `output` as it travels; nothing and null stay as they are."""
        return self._encrypt(plain) if self.answers_encrypted and plain not in _EMPTY else plain

    def unpack_output(self, packed: bytes) -> bytes:
        """Undo `pack_output`; raises `MalformedMessage` for an answer that should be encrypted and is not."""
        if self.answers_encrypted and packed not in _EMPTY:
            return self._decrypt(packed, "$.output")
        return packed

    def plain_request(self, body: bytes) -> bytes:
        """Return a whole request with its `input` unpacked; raises `MalformedMessage`."""
        if self.is_plain:
            return body
        request = envelope.decode_request(body)
        return envelope.encode_request(
            msgspec.structs.replace(request, input=self.unpack_input(request.input))
        )

    def packed_request(self, body: bytes) -> bytes:
        """Return a whole plain request as it travels; raises `MalformedMessage`."""
        if self.is_plain:
            return body
        request = envelope.decode_request(body)
        return envelope.encode_request(msgspec.structs.replace(request, input=self.pack_input(request.input)))

    def plain_answer(self, body: bytes) -> bytes:
        """Return a whole answer with its `output` unpacked; raises `MalformedMessage`."""
        return self._answer(body, self.unpack_output)

    def packed_answer(self, body: bytes) -> bytes:
        """Return a whole plain answer as it travels; raises `MalformedMessage`."""
        return self._answer(body, self.pack_output)

    def _answer(self, body: bytes, change: Callable[[bytes], bytes]) -> bytes:
        if not self.answers_encrypted:
            return body
        answer = envelope.decode_answer(body)
        return envelope.encode_answer(msgspec.structs.replace(answer, output=change(answer.output)))

    def _encrypt(self, plain: bytes) -> bytes:
        sealed = ecb_pkcs7_encrypt(self.key.reveal().encode("utf-8"), plain)
        return b'"' + base64.b64encode(sealed) + b'"'

    def _decrypt(self, packed: bytes, where: str) -> bytes:
        try:
            sealed = base64.b64decode(_text(packed, where).encode("ascii"), validate=True)
            return ecb_pkcs7_decrypt(self.key.reveal().encode("utf-8"), sealed)
        except (UnicodeEncodeError, binascii.Error, DecryptionFailed):
            raise MalformedMessage("cannot be decrypted", where) from None


PLAIN: Final = Packing()
"""Nothing is packed."""


def packing_of(profile: Profile, credentials: Credentials) -> Packing:
    """The packing this profile describes, under this institution's client id."""
    encrypted = profile.crypt.payload == "sm4_ecb_client_id"
    return Packing(
        encrypted=encrypted,
        answers_encrypted=encrypted and profile.crypt.answers,
        as_text=profile.env.input_as_text,
        key=credentials.client_id if encrypted else Secret(),
    )


def _text(packed: bytes, where: str) -> str:
    try:
        return msgspec.json.decode(packed, type=str)
    except msgspec.DecodeError:
        raise MalformedMessage("not a text", where) from None
