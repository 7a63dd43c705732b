"""Every reason the doctor gives has its state, its next step where something is to be done, and its Chinese."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import yibao
from yibao.doctor.report import NAMES, Both, State, in_order, part
from yibao.doctor.words import KINDS

FOLDER = Path(yibao.__file__).parent
CATALOGUE = FOLDER / "locale/zh_CN/LC_MESSAGES/doctor.po"
TEXTS = {text for kind in KINDS.values() for text in (kind.reason, kind.step) if text}


def _catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _texts_in_code() -> Iterator[str]:
    for path in sorted((FOLDER / "doctor").glob("*.py")):
        if path.name != "words.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_text_has_a_chinese_translation_with_the_same_placeholders() -> None:
    catalogue = _catalogue()
    for english in TEXTS - {"{reason}"}:
        chinese = catalogue.get(english, "")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), english
        assert _placeholders(chinese) == _placeholders(english), english


def test_the_catalogue_holds_nothing_that_is_no_longer_said() -> None:
    assert set(_catalogue()) == TEXTS - {"{reason}"}


def test_every_reason_is_given_somewhere() -> None:
    built = {
        "service_silent",
        "service_forbidden",
        "service_not_running",
    }  # worked out from the kind of service
    assert KINDS.keys() - built - set(_texts_in_code()) == set()


@pytest.mark.parametrize("code", KINDS)
def test_whoever_has_to_do_something_is_told_what(code: str) -> None:
    kind = KINDS[code]
    if kind.state in (State.FAULT, State.WARNING):
        assert kind.step, "a fault without a next step helps nobody"
    assert kind.state in set(State)


def test_a_part_is_told_in_both_languages_with_its_values() -> None:
    made = part("hub", "hub_not_signed_in", {"sign_in": "failed"}, reason=Both("超时", "no answer"))
    assert (made.state, made.code, made.facts) == (State.FAULT, "hub_not_signed_in", {"sign_in": "failed"})
    assert made.reason == Both(
        "医保平台已连通，但签到失败：超时", "The hub is reached, but the sign-in fails: no answer"
    )
    assert part("doubts", "doubts_none").next_step == Both()


def test_a_value_with_braces_is_no_placeholder() -> None:
    assert part("config", "config_wrong", reason="{x}", path="{y}").reason.en.endswith("{x}")


def test_parts_are_told_with_what_others_depend_on_first() -> None:
    parts = {name: part(name, "not_looked_at") for name in reversed(list(NAMES))}
    assert [one.name for one in in_order(parts)] == list(NAMES)
