"""The verifier for exports of the audit log: one file, the standard library only; whatever was done to an export is found."""

import io
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.signers import SoftwareSigner
from protocols.gm.sm2 import PrivateKey
from protocols.gm.sm3 import sm3
from terminal.journal.anchors import sign_anchor
from terminal.journal.export import Exported, export_audit
from terminal.journal.records import JournalFailed
from tests.faults import fired
from tests.terminal.journal.old_journals import unpack
from tests.terminal.journal.samples import NINE, begin, doubt, open_at, raw, send, settle, stamp
from yibao import verify_export

TERMINAL = "P99990000001-01"
SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(21).randbytes))
FORGER = SoftwareSigner(PrivateKey.generate(random.Random(22).randbytes))
TOOL = Path(verify_export.__file__)
Lines = list[dict[str, Any]]


def write_journal(path: Path) -> None:
    """A journal with some sales and two anchors."""
    journal = open_at(path)
    for number in range(1, 6):
        sale = begin(journal, f"S{number}", f"{number:04d}")
        sending = send(journal, sale, f"P999900000012026112309000{number:01d}0101")
        (settle if number % 2 else doubt)(journal, sending, f"P999900000012026112309000{number:01d}0101")
        if number in (2, 4):
            records, head = journal.audit_head()
            anchor = sign_anchor(records, head, NINE, "boot1", TERMINAL, SIGNER)
            journal.anchors.put(anchor, stamp(), to_fleet=False)
    journal.close()


def export(path: Path, signer: SoftwareSigner = SIGNER) -> tuple[Lines, Exported]:
    """Export a journal into lines."""
    target = io.BytesIO()
    done = export_audit(str(path), target, TERMINAL, signer, TOOL.read_bytes(), NINE)
    return [json.loads(line) for line in target.getvalue().splitlines()], done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lines, Exported]:
    """One good export."""
    path = tmp_path_factory.mktemp("export") / "journal.db"
    write_journal(path)
    return export(path)


def run(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The program as somebody else runs it: no packages of ours, nothing from the environment."""
    system = Path("/usr/bin/python3")
    python = str(system) if system.exists() else sys.executable
    return subprocess.run(
        [python, "-I", "-S", str(TOOL), str(path), *options], capture_output=True, text=True, cwd="/", timeout=25, check=False
    )  # fmt: skip


def put(path: Path, lines: Lines) -> Path:
    """Write lines as a file."""
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return path


def verdict(path: Path, key_id: str = "", noted: tuple[int, str] | None = None) -> list[str]:
    """What the program says, without a process of its own."""
    check = verify_export.Check(key_id, noted)
    check.run(str(path))
    return check.problems


def test_a_good_export_is_verified_by_the_systems_python_alone(
    made: tuple[Lines, Exported], tmp_path: Path
) -> None:
    lines, done = made
    result = run(
        put(tmp_path / "good", lines), "--key-id", done.key_id, "--anchor", f"{done.records}:{done.head[:16]}"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "验证通过 VERIFIED"
    assert f"{done.records} records, 2 anchors" in result.stdout
    assert done.tool_sm3 == sm3(TOOL.read_bytes()).hex()


def test_a_bad_one_ends_with_status_1_and_says_where(made: tuple[Lines, Exported], tmp_path: Path) -> None:
    lines = msgspec.json.decode(msgspec.json.encode(made[0]))
    lines[3]["record"] = lines[3]["record"].replace('"actor":"', '"actor":"x')
    result = run(put(tmp_path / "bad", lines))
    assert result.returncode == 1
    assert "record 3: was changed" in result.stdout
    assert "不可信 NOT VERIFIED: 1 problems" in result.stdout
    fired("F26")


@pytest.mark.parametrize(
    "options", [(), ("--what",), ("a", "b"), ("a", "--anchor"), ("a", "--anchor", "nonsense")]
)
def test_a_command_line_that_makes_no_sense_ends_with_status_2(options: tuple[str, ...]) -> None:
    assert verify_export.main(options) == 2


def at(lines: Lines, kind: str, number: int = 0) -> int:
    """Position of the line of a kind."""
    return [place for place, line in enumerate(lines) if line["type"] == kind][number]


def _tampered(lines: Lines) -> Lines:
    lines[5]["record"] = lines[5]["record"].replace('"actor":"', '"actor":"x')
    return lines


def _tampered_and_hashed_anew(lines: Lines) -> Lines:
    """Every hash from the changed record on is made again, as somebody without the key can."""
    _tampered(lines)
    previous = bytes(32)
    for line in lines:
        if line["type"] == "record":
            previous = sm3(previous + line["record"].encode())
            line["hash"] = previous.hex()
        elif line["type"] in ("anchor", "end"):
            line["head"] = previous.hex()
    return lines


def _cut(lines: Lines) -> Lines:
    return lines[:-4]


def _cut_with_end(lines: Lines) -> Lines:
    return [*lines[: at(lines, "anchor") + 1], lines[-1]]


def _cut_with_an_end_made_up(lines: Lines) -> Lines:
    kept = lines[: at(lines, "anchor") + 1]
    anchor = kept[-1]
    end = {
        "type": "end",
        "records": anchor["records"],
        "head": anchor["head"],
        "at": anchor["at"],
        "anchors": 1,
    }
    return [*kept, {**end, "signature": anchor["signature"]}]


def _middle_removed(lines: Lines) -> Lines:
    return lines[:4] + lines[6:]


def _middle_removed_and_renumbered(lines: Lines) -> Lines:
    del lines[4]
    number = 0
    for line in lines:
        if line["type"] == "record":
            number += 1
            line["sequence"] = number
    return lines


def _swapped_anchors(lines: Lines) -> Lines:
    one, two = at(lines, "anchor", 0), at(lines, "anchor", 1)
    lines[one]["signature"], lines[two]["signature"] = lines[two]["signature"], lines[one]["signature"]
    return lines


def _anchor_moved(lines: Lines) -> Lines:
    one, two = at(lines, "anchor", 0), at(lines, "anchor", 1)
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def _anchor_removed(lines: Lines) -> Lines:
    del lines[at(lines, "anchor")]
    return lines


def _foreign_key(lines: Lines) -> Lines:
    """The header names another key than the one that signed."""
    described = FORGER.description
    lines[0] |= {"audit_key": described.public_point.hex(), "audit_key_id": described.key_id}
    return lines


def _other_terminal(lines: Lines) -> Lines:
    lines[0]["terminal"] = "P99990000002-01"
    return lines


def _key_off_the_curve(lines: Lines) -> Lines:
    lines[0]["audit_key"] = "04" + "11" * 64
    return lines


def _signature_odd(lines: Lines) -> Lines:
    lines[-1]["signature"] = "00" * 64
    return lines


def _signature_short(lines: Lines) -> Lines:
    lines[-1]["signature"] = "ab"
    return lines


def _first_record_removed(lines: Lines) -> Lines:
    del lines[1]
    return lines


def _no_header(lines: Lines) -> Lines:
    return lines[1:]


def _behind_the_end(lines: Lines) -> Lines:
    return [*lines, lines[1]]


def _member_missing(lines: Lines) -> Lines:
    del lines[2]["hash"]
    return lines


def _unknown_line(lines: Lines) -> Lines:
    return [*lines[:3], {"type": "remark"}, *lines[3:]]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_tampered, "record 5: was changed"),
        (_tampered_and_hashed_anew, "is not signed by the audit key"),
        (_cut, "the end is missing"),
        (_cut_with_end, "the end: speaks of"),
        (_cut_with_an_end_made_up, "the end: is not signed"),
        (_middle_removed, "missing (the next one here is"),
        (_middle_removed_and_renumbered, "was changed, or what stood before it was"),
        (_swapped_anchors, "is not signed by the audit key"),
        (_anchor_moved, "names another record"),
        (_anchor_removed, "the end: speaks of 2 anchors, here are 1"),
        (_foreign_key, "is not signed by the audit key"),
        (_other_terminal, "is not signed by the audit key"),
        (_key_off_the_curve, "the audit key in the header is none"),
        (_signature_odd, "the end: is not signed"),
        (_signature_short, "the end: is not signed"),
        (_first_record_removed, "record 1: missing"),
        (_no_header, "the header is missing"),
        (_behind_the_end, "something stands behind the end"),
        (_member_missing, "cannot be read (KeyError)"),
        (_unknown_line, "unknown kind of line"),
    ],
)  # fmt: skip
def test_whatever_was_done_to_it_is_found(
    spoil: Callable[[Lines], Lines], said: str, made: tuple[Lines, Exported], tmp_path: Path
) -> None:
    lines: Lines = msgspec.json.decode(msgspec.json.encode(made[0]))
    problems = verdict(put(tmp_path / "spoiled", spoil(lines)))
    assert any(said in problem for problem in problems), problems


def test_a_forger_with_a_key_of_their_own_is_found_by_the_key_id_that_was_noted(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write_journal(path)
    file = raw(path)
    file.execute("DROP TRIGGER anchor_is_kept; DELETE FROM anchor").fetchall()
    lines, _ = export(path, FORGER)
    forged = put(tmp_path / "forged", lines)
    assert verdict(forged) == [], "by itself it is an export of somebody"
    assert verdict(forged, SIGNER.description.key_id) == [
        f"signed by another key: {FORGER.description.key_id}, wanted is {SIGNER.description.key_id}"
    ]


def test_a_later_part_that_was_never_exported_is_found_by_a_number_noted_elsewhere(
    made: tuple[Lines, Exported], tmp_path: Path
) -> None:
    lines, done = made
    path = put(tmp_path / "good", lines)
    assert verdict(path, noted=(done.records, done.head[:20])) == []
    assert verdict(path, noted=(done.records + 1, "ab" * 8)) == [
        f"record {done.records + 1}: was noted elsewhere and is not here"
    ]
    assert verdict(path, noted=(2, "ab" * 8)) == ["record 2: is not the one that was noted elsewhere"]


@pytest.mark.parametrize("size", [1, 100, 900])
def test_a_file_that_breaks_off_anywhere_is_found(
    size: int, made: tuple[Lines, Exported], tmp_path: Path
) -> None:
    path = put(tmp_path / "short", made[0])
    path.write_bytes(path.read_bytes()[:-size])
    assert verdict(path)
    assert verdict(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert verdict(tmp_path / "empty") == ["the file is empty"]


def test_a_line_nested_without_end_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_bytes(b"[" * 100_000 + b"\n")
    assert verdict(path) == ["line 1: not JSON"]


def test_a_record_nested_without_end_cannot_be_read(made: tuple[Lines, Exported], tmp_path: Path) -> None:
    lines = msgspec.json.decode(msgspec.json.encode(made[0]))
    lines[1]["record"] = "[" * 100_000
    assert verdict(put(tmp_path / "deep", lines))[-1] == "line 2: cannot be read (RecursionError)"


def test_an_anchor_whose_record_was_cut_off_is_exported_so_that_it_is_seen(tmp_path: Path) -> None:
    """T30: the end of the log and its rows cut off inside the journal; the anchor kept there tells."""
    path = tmp_path / "journal.db"
    write_journal(path)
    file = raw(path)
    file.execute("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence > 5").fetchall()
    lines, _ = export(path)
    problems = verdict(put(tmp_path / "cut", lines))
    assert any("names another record" in problem for problem in problems), problems


def test_an_export_names_nobody(made: tuple[Lines, Exported]) -> None:
    text = json.dumps(made[0], ensure_ascii=False)
    for canary in ("测试", "999999", "certno", "psn_no"):
        assert canary not in text


def test_a_journal_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    newer = raw(path)
    newer.pragma("user_version", 999)
    lines, _ = export(path)
    assert verdict(put(tmp_path / "newer", lines)) == [], "it has noted that this program may read it"
    newer.execute("UPDATE meta SET value = '999' WHERE name = 'readable_from'")
    with pytest.raises(JournalFailed, match="schema 999"):
        export(path)
    newer.close()
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(JournalFailed, match="NotADBError"):
        export(path)


def test_a_journal_of_the_version_before_is_exported_as_it_lies_there(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    before = path.read_bytes()
    lines, done = export(path)
    assert (verdict(put(tmp_path / "old", lines)), done.anchors) == ([], 0)
    assert done.records > 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("length", [0, 3, 55, 56, 63, 64, 65, 200])
def test_its_own_sm3_is_the_standards(length: int) -> None:
    data = bytes(range(length % 256)) if length < 256 else bytes(length)
    assert verify_export.own_sm3(data) == sm3(data)
    assert (
        verify_export.own_sm3(b"abc").hex()
        == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_it_works_without_the_interpreters_sm3(
    made: tuple[Lines, Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str, data: bytes = b"") -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", none)
    assert verify_export.choose_sm3() is verify_export.own_sm3
    monkeypatch.setattr(verify_export, "sm3", verify_export.own_sm3)
    assert verdict(put(tmp_path / "good", made[0])) == []


def test_its_own_sm2_agrees_with_ours() -> None:
    rng = random.Random(5)
    for _ in range(5):
        signer = SoftwareSigner(PrivateKey.generate(rng.randbytes))
        key = verify_export.read_point(signer.description.public_point.hex())
        data = rng.randbytes(70)
        signature = signer.sign(data)
        assert verify_export.verifies(key, data, signature)
        assert not verify_export.verifies(key, data + b"x", signature)
        broken = bytearray(signature)
        broken[rng.randrange(64)] ^= 1
        assert not verify_export.verifies(key, data, bytes(broken))
