"""What the commands write for people: a file is there whole, or not at all."""

import resource
from pathlib import Path

import pytest

from yibao.cli.errors import CommandFailed, words_of
from yibao.cli.hub import show_rows
from yibao.cli.output import new_file, without_controls
from yibao.client import RowsView


def test_a_new_file_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "export"
    with new_file(path) as file:
        file.write(b"whole")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"whole", 0o600)
    for there in (path, tmp_path):
        with pytest.raises(CommandFailed) as refused, new_file(there):
            raise AssertionError("nothing is written")
        assert refused.value.words.code == "file_exists"
    assert path.read_bytes() == b"whole"


def test_a_file_that_the_disk_does_not_take_whole_leaves_nothing_behind_and_is_named(tmp_path: Path) -> None:
    """Else the next try would say that it exists already."""
    path = tmp_path / "export"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="large") as failed, new_file(path) as file:
            file.write(b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    words = words_of(failed.value)
    assert words is not None
    assert str(path) in words.en
    assert not path.exists()


def test_a_file_whose_content_cannot_be_had_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "export"
    with pytest.raises(KeyError), new_file(path):
        raise KeyError("no content")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v0001", "v0001"), ("测试　药房 1", "测试　药房 1"), ("a\x1b[31mb\x9bc\x07\r\nd\te", "a[31mbcde"), ("a\u202eb\u2028c", "abc"),
        ("\ud800", ""), ("", ""),
    ],
)  # fmt: skip
def test_words_from_far_move_no_cursor_and_turn_no_text_round(text: str, shown: str) -> None:
    assert without_controls(text) == shown


def test_a_cell_of_the_hubs_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(RowsView("1901", ({"value": "1", "label": "男\x1b]0;x\x07性\u202e"},)))
    out = capsys.readouterr().out
    assert "男]0;x性" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_hub_that_does_not_count_its_pages_is_not_quoted_with_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_rows(RowsView("1901", ({"value": "1"},), pages=3))
    assert "第 - 页，共 3 页、- 条" in capsys.readouterr().out
