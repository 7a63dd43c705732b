"""The number of an anchor that a person noted: what is none is refused."""

import pytest

from terminal.journal.anchors import parse_noted


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
