"""The evidence capsule of one settlement: a zip file that plain OpenSSL verifies, years later and without this program.

    manifest.json                 what is in it, and which signatures verified when it was made
    verify.sh                     the OpenSSL commands; every one must succeed
    README.txt                    what the files are, in Chinese and English
    keys/terminal.pem, hub.pem    the public halves; hub-certificate.pem where one is configured; terminal-ID.pem and
                                  hub-ID.pem where a message was signed by another key than today's
    messages/N-INFNO-PURPOSE/     of every message that could change the hub, in the order they were sent:
        request.body              the exact bytes of the POST
        request.signed            the bytes its signature covers
        request.der, request.raw  the signature as DER (for OpenSSL) and as r || s (as on the wire)
        answer.*                  the same of the answer, where one came; whatever came, if it was no national envelope
    chain/SEQUENCE.bin            previous hash || audit record, of every audit record of the settlement

The same settlement gives the same bytes: no time of making is in it, the files' times are fixed. The chain files show
that no record was altered after the next one was written; that none is missing is proved by the whole journal and an
anchor kept outside (`yibao journal verify --anchor`).

It holds names and identity numbers, because they are part of what was signed.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from protocols.errors import MalformedMessage
from protocols.gm.errors import GmError
from protocols.gm.sm2 import DEFAULT_SIGNER_ID, PublicKey, raw_to_der
from protocols.gm.sm3 import sm3
from protocols.hub.envelope import decode_answer, decode_request
from protocols.hub.packing import PLAIN, Packing
from protocols.hub.profile import Profile
from protocols.hub.signing import answer_signing_bytes, decode_signature, request_signing_bytes
from terminal.evidence.words import README
from terminal.journal.records import AttemptRow, AuditRow, SettlementRow

FORMAT: Final = "yibao-evidence"
VERSION: Final = 1
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_FILE_MODE: Final = 0o600


class EvidenceKeys(msgspec.Struct, frozen=True):
    """The public keys of both sides."""

    terminal: bytes
    """04 || x || y of the key that signs now; its id stands in every attempt."""
    hub: bytes
    """04 || x || y."""
    hub_certificate: bytes = b""
    """PEM, where the hub's key was configured as a certificate."""
    terminal_keys: Mapping[str, bytes] = {}
    """04 || x || y of every key that has ever signed here, by key id."""
    more_hub_keys: tuple[bytes, ...] = ()
    """04 || x || y of the keys that the hub signs with besides, while it rotates them."""

    def of_attempt(self, key_id: str) -> "_Key":
        """The key that signed an attempt; today's where its id is not known."""
        point = self.terminal_keys.get(key_id, self.terminal)
        return _Key("terminal" if point == self.terminal else f"terminal-{key_id}", point)

    def of_hub(self, answer: "_Signed") -> "_Key":
        """The key of the hub that signed an answer; the first one where none did."""
        for point in self.more_hub_keys:
            if point != self.hub and answer.verifies_under(point):
                return _Key(f"hub-{sm3(point).hex()[:16]}", point)
        return _Key("hub", self.hub)


class _Key(NamedTuple):
    """A public key and its name in the capsule."""

    name: str
    point: bytes


class _Signed(msgspec.Struct, frozen=True):
    """One signed text: a request or an answer."""

    body: bytes
    covered: bytes
    """The signed bytes; empty when there is no signature to speak of."""
    raw: bytes
    """r || s, empty likewise."""
    tail: bytes
    """The part of the body that stands in the signed bytes as it was sent: `input` or `output`."""

    def verifies_under(self, point: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            return bool(self.raw) and PublicKey(point).verify(self.covered, self.raw)
        except GmError:
            return False


def build_capsule(
    row: SettlementRow,
    attempts: Sequence[AttemptRow],
    chain: Sequence[AuditRow],
    keys: EvidenceKeys,
    profile: Profile,
    packing: Packing = PLAIN,
) -> bytes:
    """Return the capsule's bytes; pure. `packing` opens what travelled encrypted: the signature covers the plain text."""
    files: dict[str, bytes] = {"keys/terminal.pem": _pem(keys.terminal), "keys/hub.pem": _pem(keys.hub)}
    if keys.hub_certificate:
        files["keys/hub-certificate.pem"] = keys.hub_certificate
    commands: list[str] = []
    messages = []
    for number, attempt in enumerate(attempts, start=1):
        folder = f"messages/{number}-{_plain(attempt.infno)}-{_plain(attempt.purpose.lower())}"
        request = _request(attempt, profile, packing)
        signed_by = keys.of_attempt(attempt.key_id)
        verdicts = {"request": _add(files, commands, f"{folder}/request", request, signed_by)}
        if attempt.answer:
            answer = _answer(attempt, profile, packing)
            verdicts["answer"] = _add(files, commands, f"{folder}/answer", answer, keys.of_hub(answer))
        messages.append(_message(attempt, folder, verdicts))
    for record in chain:
        name = f"chain/{record.sequence:012d}.bin"
        files[name] = record.previous + record.record
        commands.append(_digest_command(name, record.hash))
    files["README.txt"] = README.encode()
    files["verify.sh"] = ("set -e\n" + "".join(f"{line}\n" for line in commands)).encode()
    files["manifest.json"] = _json(_manifest(row, messages, chain, profile, files))
    return _zip(files)


def _plain(word: str) -> str:
    """A word of a row as a part of a name: whoever verifies runs commands with it, and the row may have been changed."""
    return "".join(letter for letter in word if letter.isascii() and letter.isalnum())[:12]


def _message(attempt: AttemptRow, folder: str, verdicts: dict[str, bool]) -> dict[str, Any]:
    return {
        "folder": folder,
        "msgid": attempt.msgid,
        "infno": attempt.infno,
        "purpose": attempt.purpose,
        "state": attempt.state,
        "verdict": attempt.verdict,
        "key_id": attempt.key_id,
        "sent_at": attempt.sent_at,
        "ended_at": attempt.ended_at,
        "request_sm3": sm3(attempt.request).hex(),
        "answer_sm3": sm3(attempt.answer).hex() if attempt.answer else None,
        "verified": verdicts,
    }


def _manifest(
    row: SettlementRow,
    messages: list[dict[str, Any]],
    chain: Sequence[AuditRow],
    profile: Profile,
    files: dict[str, bytes],
) -> dict[str, Any]:
    key = row.key
    return {
        "format": FORMAT,
        "version": VERSION,
        "settlement": row.id,
        "state": row.state.value,
        "sale": {
            "institution": key.institution, "till": key.till, "number": key.sale_number,
            "business_date": key.business_date.isoformat(), "generation": key.generation,
        },
        "amounts": None if row.amounts is None else msgspec.structs.asdict(row.amounts),
        "signing": {
            "algorithm": "SM2 with SM3 (GB/T 32918.2)", "signer_id": DEFAULT_SIGNER_ID.decode(),
            "covered": profile.sign.profile, "profile": profile.name,
        },
        "messages": messages,
        "chain": [
            {"sequence": one.sequence, "previous": one.previous.hex(), "hash": one.hash.hex()} for one in chain
        ],
        "sm3": {name: sm3(content).hex() for name, content in sorted(files.items())},
    }  # fmt: skip


# -- what was signed -------------------------------------------------------------------------------


def _request(attempt: AttemptRow, profile: Profile, packing: Packing) -> _Signed:
    try:
        request = decode_request(packing.plain_request(attempt.request))
        raw = decode_signature(request.signature, profile.sign)
        covered = request_signing_bytes(profile, request)
    except MalformedMessage:
        return _Signed(attempt.request, b"", b"", b"")
    return _Signed(attempt.request, covered, raw, request.input if packing.is_plain else b"")


def _answer(attempt: AttemptRow, profile: Profile, packing: Packing) -> _Signed:
    body = attempt.answer or b""
    try:
        answer = decode_answer(packing.plain_answer(body))
        covered = answer_signing_bytes(profile, attempt.msgid, answer)
        raw = decode_signature(answer.signature, profile.sign)
    except MalformedMessage:  # a page of a gateway, an unsigned answer: kept as it came
        return _Signed(body, b"", b"", b"")
    return _Signed(body, covered, raw, b"" if packing.answers_encrypted else answer.output)


def _add(files: dict[str, bytes], commands: list[str], name: str, signed: _Signed, key: _Key) -> bool:
    """Add one signed text; a command only for what verifies. Return whether it does."""
    files[f"{name}.body"] = signed.body
    if not signed.raw:
        return False
    files[f"{name}.signed"] = signed.covered
    files[f"{name}.raw"] = signed.raw
    try:
        files[f"{name}.der"] = raw_to_der(signed.raw)
    except GmError:
        return False
    is_good = signed.verifies_under(key.point)
    if is_good:
        files.setdefault(f"keys/{key.name}.pem", _pem(key.point))
        commands += _commands(name, key.name, signed)
    return is_good


# -- what OpenSSL is asked -------------------------------------------------------------------------


def _commands(name: str, who: str, signed: _Signed) -> Iterator[str]:
    yield (
        f"openssl pkeyutl -verify -pubin -inkey keys/{who}.pem -rawin -digest sm3"
        f" -pkeyopt distid:{DEFAULT_SIGNER_ID.decode()} -in {name}.signed -sigfile {name}.der"
    )
    if signed.tail:
        # The signed bytes end with the bytes that stood in the message, not with somebody's copy of them.
        at, size = signed.body.rindex(signed.tail) + 1, len(signed.tail)
        yield (
            f'test "$(tail -c +{at} {name}.body | head -c {size} | openssl dgst -sm3 -r)" ='
            f' "$(tail -c {size} {name}.signed | openssl dgst -sm3 -r)"'
        )


def _digest_command(name: str, digest: bytes) -> str:
    return f'test "$(openssl dgst -sm3 -r {name})" = "{digest.hex()} *{name}"'


# -- bytes -----------------------------------------------------------------------------------------


def _pem(point: bytes) -> bytes:
    return PublicKey(point).to_pem()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def _zip(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as capsule:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = _FILE_MODE << 16
            capsule.writestr(entry, content)
    return whole.getvalue()
