"""An export line by line: what stands in it, in which order, and what its last line signs."""

import hashlib
import io
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import sm3
from terminal.journal.anchors import sign_anchor
from terminal.journal.export import Exported, export_audit
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from tests.faults import fired
from tests.terminal.journal.samples import NINE, begin, open_at, raw, stamp, three_sales
from tests.terminal.journal.tampering import untyped

TERMINAL = "P99990000001-01"
SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(21).randbytes))
KEY = SIGNER.description
TOOL = b"the tool"


def anchored(journal: Journal, records: int, head: bytes) -> dict[str, Any]:
    """Keep an anchor; return the line it becomes."""
    anchor = sign_anchor(records, head, NINE, "boot1", TERMINAL, SIGNER)
    journal.anchors.put(anchor, stamp(), to_fleet=False)
    return {
        "type": "anchor", "records": records, "head": head.hex(), "at": "2026-11-23T09:00:00.000000+08:00", "boot_id": "boot1",
        "signature": anchor.signature,
    }  # fmt: skip


def test_every_line_of_an_export(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    anchors = []
    for number in (1, 2):
        begin(journal, f"S{number}", f"000{number}")
        anchors.append(anchored(journal, *journal.audit.head))
    beyond = anchored(journal, 9, hashlib.sha256(b"gone").digest())
    journal.close()
    target = io.BytesIO()
    done = export_audit(str(path), target, TERMINAL, SIGNER, TOOL, NINE)
    lines = [msgspec.json.decode(line) for line in target.getvalue().splitlines()]

    stranger = raw(path)
    stored = [
        {"type": "record", "sequence": number, "hash": bytes(digest).hex(), "record": bytes(record).decode()}
        for number, digest, record in stranger.execute("SELECT sequence, hash, record FROM audit ORDER BY sequence")
    ]  # fmt: skip
    stranger.close()
    signature = lines[-1].pop("signature")
    assert lines == [
        {"type": "header", "format": "yibao-journal-export", "version": 1, "terminal": TERMINAL, "tool": "verify_export.py",
         "tool_sm3": sm3(TOOL).hex(), "audit_key": KEY.public_point.hex(), "audit_key_id": KEY.key_id},
        stored[0], anchors[0], stored[1], anchors[1], beyond,
        {"type": "end", "records": 2, "head": stored[1]["hash"], "at": "2026-11-23T09:00:00.000000+08:00", "anchors": 3},
    ]  # fmt: skip
    signed = f"yibao export 1\n{TERMINAL}\n2\n{stored[1]['hash']}\n2026-11-23T09:00:00.000000+08:00\n3\n"
    assert Sm2Verifier(PublicKey(KEY.public_point)).verify(signed.encode(), bytes.fromhex(signature))
    assert done == Exported(2, 3, stored[1]["hash"], KEY.key_id, sm3(TOOL).hex())


def test_an_export_of_nothing_has_a_first_and_a_last_line(tmp_path: Path) -> None:
    open_at(tmp_path / "journal.db").close()
    target = io.BytesIO()
    done = export_audit(str(tmp_path / "journal.db"), target, TERMINAL, SIGNER, TOOL, NINE)
    assert [msgspec.json.decode(line)["type"] for line in target.getvalue().splitlines()] == ["header", "end"]
    assert done == Exported(0, 0, bytes(32).hex(), KEY.key_id, sm3(TOOL).hex())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalFailed, match="CantOpenError"):
        export_audit(str(tmp_path / "journal.db"), io.BytesIO(), TERMINAL, SIGNER, TOOL, NINE)
    (tmp_path / "journal.db").write_bytes(b"no journal at all" * 100)
    with pytest.raises(JournalFailed, match="NotADBError"):
        export_audit(str(tmp_path / "journal.db"), io.BytesIO(), TERMINAL, SIGNER, TOOL, NINE)


@pytest.mark.parametrize("change", ["record = x'ff' WHERE sequence = 2", "hash = NULL WHERE sequence = 2"])
def test_a_record_of_which_a_bit_was_flipped_is_said_to_be_unreadable(change: str, tmp_path: Path) -> None:
    """F26. Nothing of the file is of use then; `yibao journal verify` says what is wrong with it."""
    path = three_sales(tmp_path / "journal.db")
    stranger = raw(path)
    untyped("audit", change)(stranger)
    stranger.close()
    with pytest.raises(JournalFailed):
        export_audit(str(path), io.BytesIO(), TERMINAL, SIGNER, TOOL, NINE)
    fired("F26")
