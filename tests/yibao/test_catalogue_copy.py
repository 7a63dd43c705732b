"""A catalogue on its way into a file: whole pages stay, whatever cuts it off, and are never mixed with others."""

import os
from pathlib import Path

import msgspec
import pytest

from yibao.catalogue_copy import CatalogueChanged, CatalogueCopy, CatalogueUncounted, Heading, Question

QUESTION = Question("items", "2026-11-21", "", 3)
ROWS = [{"hilist_code": f"X{number}", "hilist_name": "测试"} for number in range(8)]


class Cut(Exception):
    """The line to the hub is gone."""


def page(number: int) -> list[dict[str, str]]:
    return ROWS[(number - 1) * 3 : number * 3]


def fetch(path: Path, question: Question = QUESTION, pages: int = 99, counted: int = len(ROWS)) -> list[int]:
    """Fetch until it is whole, or until so many pages are here and the line is cut; return the pages asked for."""
    asked: list[int] = []
    with CatalogueCopy(path, question) as copy:
        while not copy.is_whole:
            if len(asked) == pages:
                raise Cut
            asked.append(copy.next_page)
            copy.add(page(copy.next_page), counted)
        copy.finish()
    return asked


def written(path: Path) -> tuple[Heading, list[dict[str, str]]]:
    first, *rows = path.read_bytes().splitlines()
    return msgspec.json.decode(first, type=Heading), [msgspec.json.decode(row) for row in rows]


def cut_after(path: Path, pages: int) -> None:
    with pytest.raises(Cut):
        fetch(path, pages=pages)
    assert not path.exists()


def test_a_whole_copy_has_every_row_once_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    assert fetch(path) == [1, 2, 3]
    assert written(path) == (Heading(QUESTION, 8), ROWS)
    assert os.listdir(tmp_path) == ["items.jsonl"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_after_a_cut_only_what_is_missing_is_asked_for(tmp_path: Path, pages: int) -> None:
    path = tmp_path / "items.jsonl"
    cut_after(path, pages)
    assert fetch(path) == [1, 2, 3][pages:]
    assert written(path) == (Heading(QUESTION, 8), ROWS)


def test_whatever_byte_the_power_went_at_the_copy_comes_out_the_same(tmp_path: Path) -> None:
    cut_after(tmp_path / "whole", 2)
    content = (tmp_path / "whole.part").read_bytes()
    for length in range(len(content)):
        path = tmp_path / f"{length}"
        (tmp_path / f"{length}.part").write_bytes(content[:length])
        fetch(path)
        assert written(path) == (Heading(QUESTION, 8), ROWS)


def test_all_rows_on_disk_but_not_yet_its_name_needs_no_question(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    fetch(tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "items.jsonl.part")
    assert fetch(path) == []
    assert written(path) == (Heading(QUESTION, 8), ROWS)


@pytest.mark.parametrize(
    "changes", [{"catalogue": "own"}, {"as_of": "2026-11-22"}, {"since": "2026-01-01"}, {"page_rows": 4}]
)
def test_a_part_of_another_question_is_not_continued(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "items.jsonl"
    cut_after(path, 2)
    other = msgspec.structs.replace(QUESTION, **changes)
    with CatalogueCopy(path, other) as copy:
        assert (copy.next_page, copy.rows, copy.is_whole) == (1, 0, False)


@pytest.mark.parametrize("counted", [7, 9])
def test_a_catalogue_that_changed_under_way_is_given_up(tmp_path: Path, counted: int) -> None:
    path = tmp_path / "items.jsonl"
    cut_after(path, 1)
    with pytest.raises(CatalogueChanged):
        fetch(path, counted=counted)
    assert os.listdir(tmp_path) == []


def test_a_page_with_too_few_rows_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(CatalogueChanged), CatalogueCopy(tmp_path / "x", QUESTION) as copy:
        copy.add(ROWS[:2], 8)


def test_a_catalogue_that_nobody_has_counted_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUncounted), CatalogueCopy(tmp_path / "x", QUESTION) as copy:
        copy.add(page(1), None)
    assert os.listdir(tmp_path) == []


def test_a_catalogue_without_rows_is_whole_at_once(tmp_path: Path) -> None:
    with CatalogueCopy(tmp_path / "x", QUESTION) as copy:
        copy.add([], 0)
        assert copy.is_whole
        copy.finish()
    assert written(tmp_path / "x") == (Heading(QUESTION, 0), [])


def test_a_file_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        CatalogueCopy(path, QUESTION)
    path.unlink()
    with CatalogueCopy(path, QUESTION) as copy:
        copy.add(page(1), 3)
        path.write_text("mine")
        with pytest.raises(FileExistsError):
            copy.finish()
    assert path.read_text() == "mine"
    assert (tmp_path / "items.jsonl.part").exists()


def test_what_has_not_begun_leaves_nothing_behind(tmp_path: Path) -> None:
    cut_after(tmp_path / "items.jsonl", 0)
    assert os.listdir(tmp_path) == [], "a question that the counter refuses is no part to go on with"
