"""Space kept aside in a file: really there, of its size, given back at a start that has too little room."""

import errno
import os
import stat
from pathlib import Path

import pytest

from terminal.journal.reserve import (
    MEGABYTE,
    NEEDED_BYTES,
    Reserve,
    Space,
    look_at_space,
    make_room_for_start,
)
from tests.terminal.journal.log_lines import heard

SIZE = 2 * MEGABYTE


def test_the_reserve_is_really_allocated(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not reserve.is_whole()
    assert reserve.make()
    status = (tmp_path / "reserve").stat()
    assert (status.st_size, status.st_mode & 0o777) == (SIZE, 0o600)
    assert status.st_blocks * 512 >= SIZE
    assert reserve.make(), "once more changes nothing"
    assert reserve.release()
    assert not reserve.release()
    assert not reserve.is_whole()


def test_a_sparse_file_is_no_reserve(tmp_path: Path) -> None:
    with (tmp_path / "reserve").open("wb") as file:
        file.truncate(SIZE)
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not reserve.is_whole()
    assert reserve.make()
    assert reserve.is_whole()


def test_where_none_is_wanted_none_is_missed(tmp_path: Path) -> None:
    assert Reserve(tmp_path / "reserve", 0).is_whole()
    assert Reserve(tmp_path / "reserve", 0).make()
    assert not (tmp_path / "reserve").exists()


@pytest.mark.parametrize("wanted", [0, SIZE])
def test_what_an_older_larger_reserve_took_is_given_back_at_the_next_start(
    tmp_path: Path, wanted: int
) -> None:
    assert Reserve(tmp_path / "reserve", 2 * SIZE).make()
    reserve = Reserve(tmp_path / "reserve", wanted)
    assert not make_room_for_start(reserve), "trimmed, not given up"
    assert reserve.is_whole()
    blocks = sum(file.stat().st_blocks for file in tmp_path.iterdir()) * 512
    assert wanted <= blocks < wanted + MEGABYTE


def test_a_larger_reserve_on_a_disk_that_refuses_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Reserve(tmp_path / "reserve", 2 * SIZE).make()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "truncate", refuse)
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not make_room_for_start(reserve)
    assert reserve.is_whole()


def test_space_that_was_given_back_stays_given_back_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert reserve.make()
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(stat.S_ISDIR(os.fstat(file).st_mode)))
    assert reserve.release()
    assert synced == [True], "the folder, so that the removal itself is on disk"
    assert not reserve.release(), "there is nothing left to give"


def test_a_folder_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not Reserve(tmp_path / "not there" / "reserve", SIZE).make()
    assert look_at_space(tmp_path / "not there") == Space(0, True)


@pytest.mark.parametrize("where", ["open", "allocate", "trim"])
def test_a_disk_that_refuses_is_logged_with_the_name_of_its_error(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    reserve = Reserve(tmp_path / "reserve", SIZE)
    if where == "trim":
        assert Reserve(tmp_path / "reserve", 2 * SIZE).make()
    name = {"open": "open", "allocate": "posix_fallocate", "trim": "truncate"}[where]
    with monkeypatch.context() as broken, heard() as lines:
        broken.setattr(os, name, refuse)
        if where == "trim":
            reserve.trim()
        else:
            assert reserve.make() is False
    event = "reserve_not_trimmed" if where == "trim" else "reserve_not_made"
    assert lines == [("terminal.reserve", {"event": event, "reason": "ENOSPC"})]
    assert (tmp_path / "reserve").exists() is (where == "trim")


def test_the_bounds_of_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert (MEGABYTE, NEEDED_BYTES) == (1024 * 1024, 2 * 1024 * 1024)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    assert reserve.make() is True
    assert (tmp_path / "reserve").stat().st_mode & 0o777 == 0o600
    space = {"now": Space(NEEDED_BYTES, False)}
    monkeypatch.setattr("terminal.journal.reserve.look_at_space", lambda _: space["now"])
    assert make_room_for_start(reserve) is False, "just enough"
    space["now"] = Space(NEEDED_BYTES - 1, True)
    assert make_room_for_start(reserve) is False, "nothing can be given back there"
    space["now"] = Space(NEEDED_BYTES - 1, False)
    assert make_room_for_start(reserve) is True
    assert make_room_for_start(reserve) is False, "it is gone"
    assert reserve.release() is False
    assert Reserve(tmp_path / "nowhere" / "reserve", MEGABYTE).make() is False


def test_reserve_of_a_size_and_a_byte(tmp_path: Path) -> None:
    """One that is a byte short is made whole, one that is a byte too long is trimmed, one of its size is left alone."""
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert reserve.make()
    os.truncate(reserve.path, MEGABYTE - 1)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    with reserve.path.open("ab") as file:
        file.write(b"x")
    assert reserve.is_whole() is True
    reserve.trim()
    assert reserve.path.stat().st_size == MEGABYTE
    before = reserve.path.stat().st_mtime_ns
    reserve.trim()
    assert reserve.path.stat().st_mtime_ns == before
    Reserve(reserve.path, 0).trim()
    assert not reserve.path.exists()
    reserve.trim()
