"""The extension member is text that anybody may have written: what is not understood says nothing."""

import pytest

from simulators.hub.extension import extension, is_epidemic
from simulators.hub.fields import Node


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "[" * 2000 + "]" * 2000, '{"a":' * 700 + "1" + "}" * 700]
)
def test_what_is_no_readable_object_has_no_members_that_matter(text: str) -> None:
    assert not is_epidemic(Node({"exp_content": text}))


@pytest.mark.parametrize("value", ['["1"]', '{"1": 1}', "1", "null", '"5"', '""'])
def test_a_group_of_another_type_or_list_marks_no_epidemic(value: str) -> None:
    node = Node({"exp_content": f'{{"MDTRT_GRP_TYPE": {value}}}'})
    assert "MDTRT_GRP_TYPE" in extension(node)
    assert not is_epidemic(node)


def test_a_published_group_does() -> None:
    assert is_epidemic(Node({"exp_content": '{"MDTRT_GRP_TYPE": "3"}'}))
