"""Checks one input node against its printed field table and gives its values typed.

The tables (`tables.py`) and this check are the hub's own and share nothing with the client's messages, so that a
misspelt field on one side is found by the other. Wire rules: `null`, `""` and `"null"` are absent; a number may be
a JSON number or numeric text, without exponent; money has at most two decimals (our decision K18).
"""

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec

from simulators.hub.refusals import FieldRefused

FieldKind = Literal["S", "N", "D", "DT"]
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
_MOMENTS: Final = {"D": re.compile(r"\d{4}-\d\d-\d\d"), "DT": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")}
_MOMENT_LENGTH: Final = len("2026-01-01 00:00:00")
_ABSENT: Final = ("", "null")
_NOT_AN_OBJECT: Final = "不是 JSON 对象 (not a JSON object)"


class WireNumber(str):
    """A JSON number as it stood on the wire, not yet judged."""

    __slots__ = ()


_INPUT: Final = msgspec.json.Decoder(float_hook=WireNumber)


class Field(NamedTuple):
    """One row of a field table. `length` is characters, or digits for numbers (`decimals` of them after the point)."""

    name: str
    kind: FieldKind = "S"
    length: int = 0
    decimals: int = 0
    required: bool = False
    codes: frozenset[str] = frozenset()
    """Allowed values; empty = any."""
    also: tuple[str, ...] = ()
    """Other spellings that are taken for it, e.g. `expContent`."""


def decode_input(raw: bytes) -> Mapping[str, object]:
    """The `input` object with numbers left as text. Raises `FieldRefused` naming `input`."""
    try:
        value = _INPUT.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise FieldRefused("input", "不是合法 JSON (not JSON)") from None
    return as_node(value, "input")


def as_node(value: object, name: str) -> Mapping[str, object]:
    """`value` as a JSON object. Raises `FieldRefused` naming the node."""
    if not isinstance(value, dict):
        raise FieldRefused(name, "节点缺失 (node missing)" if absent(value) else _NOT_AN_OBJECT)
    return value


def as_list(value: object, name: str) -> list[object]:
    """`value` as a JSON list with at least one row. Raises `FieldRefused` naming the node."""
    if not isinstance(value, list):
        raise FieldRefused(name, "节点缺失或不是列表 (list missing)")
    if not value:
        raise FieldRefused(name, "列表为空 (empty list)")
    return value


def absent(value: object) -> bool:
    """True for everything that means "not given" on this wire."""
    return value is None or value in _ABSENT


class Node:
    """The checked values of one node; a field that was not given reads as empty text or None."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Text, "" when absent."""
        return self._values.get(name, "")

    def number(self, name: str) -> Decimal:
        """A number, 0 when absent."""
        return Decimal(self._values.get(name, "0"))

    def fen(self, name: str) -> int:
        """Money in fen, 0 when absent."""
        return int(self.number(name) * 100)

    def scaled(self, name: str, decimals: int) -> int:
        """A number times 10**decimals, exactly; the table has already limited its decimals."""
        return int(self.number(name).scaleb(decimals))

    def day(self, name: str) -> dt.date:
        """The date part of a D or DT field that was given."""
        return dt.date.fromisoformat(self._values[name][:10])


def check(node: Mapping[str, object], table: tuple[Field, ...], where: str) -> Node:
    """Check `node` against `table`; raises `FieldRefused` for the first field that is wrong, in table order."""
    values: dict[str, str] = {}
    for field in table:
        name, kind, length, _, required, codes, also = field
        given = node.get(name)
        if given is None or given in _ABSENT:
            given = _other_spelling(node, also) if also else None
            if given is None:
                if required:
                    raise FieldRefused(_path(where, field), "不能为空 (missing)")
                continue
        if (
            kind == "S"
            and type(given) is str
            and (not length or len(given) <= length)
            and (not codes or given in codes)
        ):
            values[name] = given  # nearly all there is; what may be wrong goes the long way to its words
        else:
            values[name] = _value(given, field, where)
    return Node(values)


def _other_spelling(node: Mapping[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        given = node.get(name)
        if not absent(given):
            return given
    return None


def _path(where: str, field: Field) -> str:
    return f"{where}.{field.name}" if where else field.name


def _value(given: object, field: Field, where: str) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise FieldRefused(_path(where, field), "类型错误 (wrong type)")
    text, kind = str(given), field.kind
    if kind == "N":
        return _number(text, field, where)
    if isinstance(given, WireNumber) or (isinstance(given, int) and kind != "S"):
        raise FieldRefused(_path(where, field), "类型错误 (wrong type)")
    if kind != "S":
        return _moment(text, field, where)
    if field.length and len(text) > field.length:
        raise FieldRefused(_path(where, field), f"长度超过 {field.length} (too long)")
    if field.codes and text not in field.codes:
        raise FieldRefused(_path(where, field), "代码值不在字典中 (unknown code)")
    return text


def _number(text: str, field: Field, where: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise FieldRefused(_path(where, field), "不是数值 (not a number)")
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(fraction.rstrip("0")) > field.decimals:
        raise FieldRefused(_path(where, field), f"小数位超过 {field.decimals} (too many decimals)")
    if field.length and len(whole.lstrip("0")) > field.length - field.decimals:
        raise FieldRefused(_path(where, field), f"长度超过 {field.length} (too long)")
    return text


def _moment(text: str, field: Field, where: str) -> str:
    if len(text) > _MOMENT_LENGTH or not _is_moment(text, field.kind):
        raise FieldRefused(_path(where, field), "日期格式错误 (not a date of that form)")
    return text


@lru_cache(maxsize=64)
def _is_moment(text: str, kind: str) -> bool:
    """One moment occurs in several fields of a request."""
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return _MOMENTS[kind].fullmatch(text) is not None
