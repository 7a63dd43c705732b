"""What the doctor finds: one `Part` after the other, for people and (as JSON) for programs."""

import enum
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from yibao.doctor.words import KINDS, translate

Fact = str | int | float | bool | tuple[str, ...] | None
Facts = Mapping[str, Fact]


class State(enum.StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    """Works, and somebody should do something before it does not."""
    FAULT = "fault"
    """Does not work, and the counter needs it."""
    ABSENT = "absent"
    """Not there, and not needed: not configured, not made yet."""
    UNKNOWN = "unknown"
    """Could not be looked at from here."""


class Both(msgspec.Struct, frozen=True):
    """A text in both languages; empty in both when there is nothing to say."""

    zh: str = ""
    en: str = ""


class Part(msgspec.Struct, frozen=True):
    """One part of the counter."""

    name: str
    """One of `NAMES`."""
    state: State
    code: str
    """Machine word of the reason."""
    reason: Both
    next_step: Both
    """Empty when nothing has to be done."""
    facts: Facts
    """Figures and names behind the reason, under names that stay; a program reads these, not the texts."""


class Report(msgspec.Struct, frozen=True):
    """Everything the doctor found."""

    at: str
    """When, ISO 8601 in UTC+8."""
    counter: str
    """Path of the configuration."""
    service: str
    """`ready`, `starting`, `failed`, `stopping`, `silent`, `forbidden` or `not_running`."""
    ok: bool
    """No part has a fault."""
    parts: tuple[Part, ...]


class Name(NamedTuple):
    """What a part is called."""

    zh: str
    en: str


NAMES: Mapping[str, Name] = {
    "service": Name("服务", "service"),
    "config": Name("配置", "configuration"),
    "program": Name("程序", "program"),
    "keys": Name("密钥", "keys"),
    "journal": Name("账本", "journal"),
    "doubts": Name("未决", "doubts"),
    "disk": Name("磁盘", "disk"),
    "clock": Name("时钟", "clock"),
    "fonts": Name("字体", "fonts"),
    "pcscd": Name("读卡服务", "card service"),
    "reader": Name("读卡器", "card reader"),
    "card": Name("卡片", "card"),
    "scanner": Name("扫码枪", "scanner"),
    "printer": Name("打印机", "printer"),
    "hub": Name("医保平台", "hub"),
    "centre": Name("凭证中心", "certificate centre"),
    "broker": Name("消息代理", "message broker"),
    "certificates": Name("证书", "certificates"),
}
"""Every part, in the order in which it is told: what others depend on comes first."""


def part(name: str, code: str, facts: Facts | None = None, /, **values: str | Both) -> Part:
    """Make a part; `code` decides state and texts, `values` fill them in."""
    kind = KINDS[code]
    zh = {key: value.zh if isinstance(value, Both) else value for key, value in values.items()}
    en = {key: value.en if isinstance(value, Both) else value for key, value in values.items()}

    def both(text: str) -> Both:
        return Both(translate(text).format(**zh), text.format(**en)) if text else Both()

    return Part(name, State(kind.state), code, both(kind.reason), both(kind.step), dict(facts or {}))


def in_order(parts: Mapping[str, Part]) -> tuple[Part, ...]:
    """The parts in the order in which they are told."""
    return tuple(parts[name] for name in NAMES if name in parts)
