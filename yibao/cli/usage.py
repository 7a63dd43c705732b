"""What typer says of a command line that makes no sense, in both languages: it speaks English only."""

import re
from typing import Final

from yibao.words import say

_MESSAGES: Final = (
    (r"Missing option (?P<what>.+)", "usage_missing_option"),
    (r"Missing argument (?P<what>.+)", "usage_missing_argument"),
    (r"No such option: (?P<what>\S+)( \(Possible options: (?P<meant>.+)\))?", "usage_no_option"),
    (r"No such command (?P<what>'.*?')(\. Did you mean (?P<meant>.+)\?)?", "usage_no_command"),
    (r"Got unexpected extra argument\(s\) \((?P<what>.+)\)", "usage_extra"),
    (r"Option (?P<what>.+) requires an argument", "usage_needs_value"),
    (r"Option (?P<what>.+) does not take a value", "usage_takes_none"),
    (r"Invalid value for (?P<what>'.*?'): (?P<why>.+)", "usage_value"),
    (r"Input should be a valid number\b.*", "usage_no_number"),
    (r"Input should be a valid integer\b.*", "usage_no_integer"),
    (r"Input should be greater than or equal to (?P<what>.+)", "usage_too_small"),
    (r"Input should be less than or equal to (?P<what>.+)", "usage_too_large"),
)


def told_usage(message: str) -> tuple[str, str]:
    """Chinese and English of a message of typer, without the dot at its end; one that is not known is shown as it is."""
    plain = message.rstrip(".")
    for pattern, code in _MESSAGES:
        if (found := re.fullmatch(pattern, plain, re.DOTALL)) is not None:
            parts = {name: text for name, text in found.groupdict().items() if text}
            zh, en = _told(code, parts)
            if meant := parts.get("meant"):
                more = say("usage_meant", what=meant)
                return zh + more.zh, en + more.en
            return zh, en
    return plain, plain


def _told(code: str, parts: dict[str, str]) -> tuple[str, str]:
    why_zh, why_en = told_usage(parts["why"]) if "why" in parts else ("", "")
    return say(code, **{**parts, "why": why_zh}).zh, say(code, **{**parts, "why": why_en}).en
