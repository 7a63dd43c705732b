"""The witness file and the number that a person noted: how they are written, and what is read as one."""

import os
from pathlib import Path

import msgspec
import pytest

from protocols.fleet.messages import Anchor
from terminal.journal.anchors import MAX_WITNESS_BYTES, WitnessDamaged, WitnessFile, parse_noted
from terminal.journal.reserve import MEGABYTE, Reserve

ANCHOR = Anchor(5, "ab" * 32, "2026-11-23T09:00:00.000000+08:00", "boot", "0123456789abcdef", "cd" * 64)


def test_a_witness_file_is_read_up_to_its_greatest_size_and_not_beyond(tmp_path: Path) -> None:
    witness = WitnessFile(tmp_path / "anchor.json")
    content = msgspec.json.encode(ANCHOR)
    witness.path.write_bytes(content.rjust(4096))
    assert MAX_WITNESS_BYTES == 4096
    assert witness.read() == ANCHOR
    for size in (4097, 4098, 10_000):
        witness.path.write_bytes(content.rjust(size))
        with pytest.raises(WitnessDamaged, match=r"^too long$"):
            witness.read()
        witness.path.write_bytes(content.ljust(size))
        with pytest.raises(WitnessDamaged, match=r"^too long$"):
            witness.read()


def test_a_witness_file_is_replaced_in_one_step_and_is_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, synced = WitnessFile(tmp_path / "anchor.json"), list[tuple[list[str], int]]()

    def sync(handle: int) -> None:
        names = sorted(file.name for file in tmp_path.iterdir())
        synced.append(
            (names, os.fstat(handle).st_size if not os.path.isdir(f"/proc/self/fd/{handle}") else -1)
        )

    monkeypatch.setattr(os, "fsync", sync)
    (tmp_path / ".anchor.json.new").write_bytes(b"x" * 9999)
    witness.write(ANCHOR)
    content = msgspec.json.encode(ANCHOR) + b"\n"
    assert witness.path.read_bytes() == content
    assert synced == [([".anchor.json.new"], len(content)), (["anchor.json"], -1)], "the bytes, then the name"
    other = WitnessFile(tmp_path / "other.json")
    assert other.read() is None
    other.write(ANCHOR)
    assert (other.read(), other.path.stat().st_mode & 0o777) == (ANCHOR, 0o600)


def test_what_is_written_beside_the_journal_is_synced_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    reserve, witness = Reserve(tmp_path / "reserve", MEGABYTE), WitnessFile(tmp_path / "anchor.json")
    assert reserve.make()
    assert reserve.release()
    witness.write(ANCHOR)
    assert witness.read() == ANCHOR
    with monkeypatch.context() as broken:
        broken.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError("no")))
        assert reserve.make() is False
    assert synced == ["reserve", tmp_path.name, ".anchor.json.new", tmp_path.name, tmp_path.name]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("text", "records", "head"),
    [("1:" + "a" * 16, 1, "a" * 16), (f" {'9' * 18}:{'AB' * 32}\n", 10**18 - 1, "ab" * 32)],
)
def test_a_noted_anchor_is_read_from_one_record_on_and_from_sixteen_digits_on(
    text: str, records: int, head: str
) -> None:
    noted = parse_noted(text)
    assert (noted.records, noted.head, noted.at, noted.name) == (records, head, "", f"{records}:{head}")
    for wrong in (
        f"0:{head}",
        f"{records}:{head[:15]}",
        f"{records}:{'a' * 65}",
        f"{'1' * 19}:{head}",
        f"{records}{head}",
    ):
        with pytest.raises(ValueError, match=r"^not RECORDS:HASH$"):
            parse_noted(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "4:",
        "4:abc",
        "0:" + "a" * 16,
        "4:" + "g" * 16,
        "4:" + "a" * 65,
        "x:" + "a" * 16,
        "9" * 20 + ":" + "a" * 16,
    ],
)
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_noted(text)
