"""Every word of the door stands in the catalogue, in both languages, with the same values to put in."""

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import yibao
from yibao.cli.help import HELP
from yibao.words import TEXTS, Words, say

CATALOGUE = Path(yibao.__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES" / "yibao.po"


def _chinese() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {
            message.id: str(message.string)
            for message in read_po(file)
            if isinstance(message.id, str) and message.id
        }


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_catalogue_has_exactly_the_texts_of_the_code() -> None:
    assert set(_chinese()) == set(TEXTS.values()) | set(HELP.values())


@pytest.mark.parametrize("code", TEXTS)
def test_a_text_and_its_translation_take_the_same_values(code: str) -> None:
    chinese = _chinese()[TEXTS[code]]
    assert _values(chinese) == _values(TEXTS[code])
    assert re.search("[一-鿿]", chinese)


@pytest.mark.parametrize("code", HELP)
def test_a_help_text_is_one_sentence_in_chinese_too(code: str) -> None:
    chinese = _chinese()[HELP[code]]
    assert re.search("[一-鿿]", chinese)
    assert "\n" not in chinese + HELP[code]


def test_words_are_said_in_chinese_first() -> None:
    words = say("service_ready", path="state/api.sock")
    assert words == Words(
        "service_ready", "服务已就绪：state/api.sock", "The service answers at state/api.sock"
    )
    assert words.both() == f"{words.zh}\n{words.en}"
    assert words.one_line() == f"{words.zh}  {words.en}"


def test_without_a_translation_a_text_is_said_once() -> None:
    assert Words("x", "same", "same").both() == "same"
    assert Words("x", "same", "same").one_line() == "same"
