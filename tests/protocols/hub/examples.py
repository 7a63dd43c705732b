"""Loads the worked messages under tests/vectors/hub and compares JSON by meaning."""

import decimal
import json
from pathlib import Path
from typing import Any

import msgspec

from protocols.hub import wire
from protocols.hub.catalogue import MESSAGES
from protocols.hub.envelope import decode_answer, decode_request

FOLDER = Path(__file__).parents[2] / "vectors" / "hub"
NAMES = sorted(path.name for path in FOLDER.glob("*.json"))
REQUESTS = [name for name in NAMES if "-request" in name]
ANSWERS = [name for name in NAMES if "-response" in name]


def body(name: str) -> bytes:
    """The bytes of one example."""
    return (FOLDER / name).read_bytes()


def infno(name: str) -> str:
    """The transaction number in an example's name: a-2102-request.json -> 2102."""
    return name.split("-")[1]


def payload(name: str) -> bytes:
    """The raw `input` or `output` of one example."""
    return decode_request(body(name)).input if name in REQUESTS else decode_answer(body(name)).output


def payload_type(name: str) -> type[msgspec.Struct]:
    """The type the catalogue gives that payload."""
    message = MESSAGES[infno(name)]
    return message.input_type if name in REQUESTS else message.output_type


def typed(name: str) -> msgspec.Struct:
    """The payload as its type."""
    return wire.decode(payload(name), payload_type(name))


def meaning(data: bytes) -> Any:
    """JSON by meaning: exact numbers, absent members dropped."""
    return _drop_absent(json.loads(data, parse_float=decimal.Decimal, parse_int=decimal.Decimal))


def _drop_absent(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _drop_absent(member)
            for name, member in value.items()
            if member not in (None, "", "null", [])
        }
    if isinstance(value, list):
        return [_drop_absent(member) for member in value]
    return value
