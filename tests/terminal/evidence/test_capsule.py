"""The capsule proves what was sent and answered, to plain OpenSSL, and proves nothing else once a byte has changed."""

import io
import json
import random
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import sm3
from protocols.hub.envelope import Answer, decode_request, encode_answer, encode_request
from protocols.hub.gateway import Credentials
from protocols.hub.packing import packing_of
from protocols.hub.profile_reading import parse_profile
from protocols.hub.signing import answer_signing_bytes, encode_signature, request_signing_bytes
from protocols.secret import Secret
from terminal.core.states import State
from terminal.evidence.capsule import EvidenceKeys, build_capsule
from tests.protocols.hub import examples
from tests.real_parts import require_real
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, Till, counter_config, virtual

STRANGER = PrivateKey.generate(random.Random("a stranger").randbytes).public_key.point


def keys_of(shop: Shop) -> EvidenceKeys:
    """The public keys of both sides."""
    return EvidenceKeys(shop.signer.description.public_point, shop.world.signer.description.public_point)


async def capsule_of(till: Till, settlement_id: str, keys: EvidenceKeys | None = None) -> bytes:
    """Ask the API for it; `keys` None = those of today."""
    api = Api(till, counter_config())
    api.service.evidence_keys = keys or keys_of(till.shop)
    answer = await api.call("GET", f"/sales/{settlement_id}/evidence")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def files_in(capsule: bytes) -> dict[str, bytes]:
    """Every file of a capsule."""
    with zipfile.ZipFile(io.BytesIO(capsule)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def manifest_in(capsule: bytes) -> dict[str, Any]:
    """Its contents."""
    found: dict[str, Any] = json.loads(files_in(capsule)["manifest.json"])
    return found


def verify(capsule: bytes, folder: Path, **spoiled: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run the commands of a capsule as they stand in it; `spoiled` replaces files, `/` written as `__`."""
    require_real("openssl")
    with zipfile.ZipFile(io.BytesIO(capsule)) as opened:
        opened.extractall(folder)
    for name, content in spoiled.items():
        (folder / name.replace("__", "/")).write_bytes(content)
    return subprocess.run(["sh", "verify.sh"], cwd=folder, capture_output=True, timeout=25, check=False)


@virtual
async def test_a_settlement_is_proved_to_plain_openssl(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    assert settled.state is State.CONFIRMED
    capsule = await capsule_of(till, settled.id)
    files, manifest = files_in(capsule), manifest_in(capsule)
    (attempt,) = till.journal.attempts.of(settled.id)
    assert files["messages/1-2102-settle/request.body"] == attempt.request
    assert files["messages/1-2102-settle/answer.body"] == attempt.answer
    request = decode_request(attempt.request)
    head = f"{request.message_id}\n2102\n{request.sent_at}\n".encode()
    assert files["messages/1-2102-settle/request.signed"] == head + request.input
    assert manifest["settlement"] == settled.id
    assert manifest["state"] == "CONFIRMED"
    assert manifest["amounts"]["total_fen"] == 3750
    (message,) = manifest["messages"]
    assert (message["msgid"], message["verified"]) == (attempt.msgid, {"request": True, "answer": True})
    done = verify(capsule, tmp_path / "unpacked")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"Signature Verified Successfully") == 2
    await till.stop()


@virtual
async def test_a_reversal_and_a_cancellation_stand_in_it_in_their_order(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    reversed_ = await till.settle("0001")
    await till.quiet()
    cancelled = await till.settle("0002")
    await till.counter.sales.cancel(cancelled.id, "T01", "test")
    for settlement_id, folders in (
        (reversed_.id, ["1-2102-settle", "2-2601-reverse"]),
        (cancelled.id, ["1-2102-settle", "2-2103-cancel"]),
    ):
        capsule = await capsule_of(till, settlement_id)
        messages = manifest_in(capsule)["messages"]
        assert [message["folder"] for message in messages] == [f"messages/{name}" for name in folders]
        done = verify(capsule, tmp_path / settlement_id)
        assert done.returncode == 0, done.stderr
    lost = files_in(await capsule_of(till, reversed_.id))
    assert "messages/1-2102-settle/answer.body" not in lost
    assert "messages/2-2601-reverse/answer.signed" in lost
    await till.stop()


@virtual
async def test_one_changed_byte_anywhere_is_found(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    capsule = await capsule_of(till, settled.id)
    files = files_in(capsule)
    record = next(name for name in files if name.startswith("chain/"))
    names = [
        f"messages/1-2102-settle/{part}"
        for part in ("request.signed", "request.body", "request.der", "answer.signed", "answer.body")
    ]
    for number, name in enumerate([*names, record, "keys/hub.pem"]):
        content = files[name]
        wrong = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
        if name == "keys/hub.pem":
            wrong = PublicKey(STRANGER).to_pem()
        done = verify(capsule, tmp_path / str(number), **{name.replace("/", "__"): wrong})
        assert done.returncode != 0, name
    await till.stop()


@virtual
async def test_the_chain_files_are_the_audit_records_of_the_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    other = await till.settle("0001")
    settled = await till.settle("0002")
    capsule = await capsule_of(till, settled.id)
    files, chain = files_in(capsule), manifest_in(capsule)["chain"]
    stored = [record for record in till.audit() if record.get("object") == settled.id]
    assert [one["sequence"] for one in chain] == [record["sequence"] for record in stored]
    assert len(chain) >= 5
    for one in chain:
        content = files[f"chain/{one['sequence']:012d}.bin"]
        assert content[:32].hex() == one["previous"]
        assert sm3(content).hex() == one["hash"]
        assert json.loads(content[32:])["object"] == settled.id
    assert other.id not in b"".join(files.values()).decode(errors="replace")
    await till.stop()


@virtual
async def test_an_answer_that_proves_nothing_is_kept_and_gets_no_command(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    shop.arm("html", "2102")
    sale = await till.settle()
    await till.quiet()
    capsule = await capsule_of(till, sale.id)
    files, message = files_in(capsule), manifest_in(capsule)["messages"][0]
    assert message["verified"] == {"request": True, "answer": False}
    assert files["messages/1-2102-settle/answer.body"].startswith(b"<html>")
    assert "messages/1-2102-settle/answer.signed" not in files
    assert b"1-2102-settle/answer" not in files["verify.sh"]
    await till.stop()


@virtual
async def test_a_request_of_an_earlier_key_is_said_to_be_unproved(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    api = Api(till, counter_config())
    api.service.evidence_keys = EvidenceKeys(STRANGER, shop.world.signer.description.public_point)
    capsule = (await api.call("GET", f"/sales/{settled.id}/evidence")).content
    (message,) = manifest_in(capsule)["messages"]
    assert message["verified"] == {"request": False, "answer": True}
    assert b"request.der" not in files_in(capsule)["verify.sh"]
    assert verify(capsule, tmp_path / "unpacked").returncode == 0
    await till.stop()


@virtual
async def test_the_same_settlement_gives_the_same_bytes_with_fixed_times_and_private_modes(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    first = await capsule_of(till, settled.id)
    await till.wait(100)
    assert await capsule_of(till, settled.id) == first
    with zipfile.ZipFile(io.BytesIO(first)) as opened:
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o600}
    await till.stop()


@virtual
async def test_taking_evidence_is_noted_and_changes_nothing_of_the_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    await capsule_of(till, settled.id)
    (note,) = [record for record in till.audit() if record["action"] == "evidence_taken"]
    assert (note["actor"], note["note"]) == ("test", settled.id)
    assert (await till.get(settled.id)).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_sale_that_sent_nothing_and_one_that_is_not_there_have_no_evidence(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    priced = await till.quote()
    api = Api(till, counter_config())
    not_ready = await api.call("GET", f"/sales/{priced.id}/evidence")
    assert (not_ready.status_code, not_ready.json()["code"]) == (503, "not_ready")
    api.service.evidence_keys = keys_of(shop)
    nothing = await api.call("GET", f"/sales/{priced.id}/evidence")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "no_evidence")
    unknown = await api.call("GET", "/sales/S000000000000000000000000/evidence")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_settlement")
    assert [record for record in till.audit() if record["action"] == "evidence_taken"] == []
    await till.stop()


@virtual
async def test_what_travels_encrypted_is_proved_by_its_plain_text(tmp_path: Path) -> None:
    """The signature covers the plain text; the body shows what travelled, and only the plain bytes are in the signed file."""
    profile = parse_profile(
        '[crypt]\npayload = "sm4_ecb_client_id"\n[sign]\nform = "der"\nencoding = "hex"', "x.toml"
    )
    packing = packing_of(profile, Credentials(client_id=Secret("demo-client-0001")))
    ours, hub = (PrivateKey.generate(random.Random(name).randbytes) for name in ("ours", "hub"))
    plain = examples.body("a-2102-request.json")
    request = decode_request(plain)
    signature = encode_signature(ours.sign(request_signing_bytes(profile, request)), profile.sign)
    sent = packing.packed_request(encode_request(msgspec.structs.replace(request, signature=signature)))
    answer = Answer(infcode=0, output=b'{"setlinfo":{}}')
    covered = answer_signing_bytes(profile, request.message_id, answer)
    signed = msgspec.structs.replace(answer, signature=encode_signature(hub.sign(covered), profile.sign))
    heard = packing.packed_answer(encode_answer(signed))
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    (row,) = till.rows()
    (attempt,) = till.journal.attempts.of(settled.id)
    attempt = msgspec.structs.replace(
        attempt, msgid=request.message_id, request=sent, answer=heard, key_id="k"
    )
    keys = EvidenceKeys(ours.public_key.point, hub.public_key.point)
    capsule = build_capsule(row, [attempt], [], keys, profile, packing)
    (message,) = manifest_in(capsule)["messages"]
    assert message["verified"] == {"request": True, "answer": True}
    files = files_in(capsule)
    assert files[f"{message['folder']}/request.signed"].endswith(request.input)
    assert request.input not in files[f"{message['folder']}/request.body"]
    assert verify(capsule, tmp_path / "opened").returncode == 0
    await till.stop()


@virtual
async def test_a_row_that_somebody_changed_puts_no_words_into_the_commands(tmp_path: Path) -> None:
    """Whoever verifies a capsule runs its commands: a number of a message out of the journal's file must not become one."""
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    settled = await till.settle()
    (row,) = till.rows()
    (attempt,) = till.journal.attempts.of(settled.id)
    changed = msgspec.structs.replace(attempt, infno="2102 x; touch /tmp/../../x")
    capsule = build_capsule(row, [changed], [], keys_of(shop), shop.profile)
    (message,) = manifest_in(capsule)["messages"]
    assert message["folder"] == "messages/1-2102xtouchtm-settle"
    assert {name.split("/")[1] for name in files_in(capsule) if name.startswith("messages/")} == {
        "1-2102xtouchtm-settle"
    }
    assert b"touch /" not in files_in(capsule)["verify.sh"]
    await till.stop()
