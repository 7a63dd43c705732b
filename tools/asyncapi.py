"""Writes docs/asyncapi.yaml from the table of channels and the payload types: `python -m tools.asyncapi`.

A test compares the file with `document()`, so that it cannot drift.
"""

from pathlib import Path
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]  # no stubs among the locked packages

from protocols.fleet.commands import Command
from protocols.fleet.topics import CHANNELS, Channel, Side

FILE = Path(__file__).parent.parent / "docs" / "asyncapi.yaml"
_HEADER = "# Written by `python -m tools.asyncapi` from protocols/fleet. Do not edit; see docs/fleet.md for the prose.\n"


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0.0 description of the fleet channel, from the terminal's point of view."""
    payloads = list(dict.fromkeys(channel.payload for channel in CHANNELS))
    # The body of a command is JSON inside a string, so no channel leads to its schema.
    _, schemas = msgspec.json.schema_components(
        [*payloads, Command], ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "yibao-terminal fleet channel",
            "version": "1.0.0",
            "description": "What a terminal and the fleet server say to each other over MQTT. See docs/fleet.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example:8883",
                "protocol": "secure-mqtt",
                "description": "mosquitto with the settings in deploy/mosquitto",
                "security": [
                    {"$ref": "#/components/securitySchemes/password"},
                    {"$ref": "#/components/securitySchemes/certificate"},
                ],
            }
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {channel.name: _operation(channel) for channel in CHANNELS},
        "components": {
            "messages": {payload.__name__: _message(payload) for payload in payloads},
            "schemas": _plain(schemas),
            "securitySchemes": {"password": {"type": "userPassword"}, "certificate": {"type": "X509"}},
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    name = channel.payload.__name__
    described: dict[str, Any] = {
        "address": channel.address,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }
    if "{terminal}" in channel.address:
        described["parameters"] = {
            "terminal": {"description": "Terminal id: institution code, hyphen, slot in two digits."}
        }
    return described


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel.writer is Side.TERMINAL else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "description": f"On the {channel.session.value} session.",
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(payload: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": payload.__name__,
        "summary": (payload.__doc__ or "").splitlines()[0],
        "payload": {"$ref": f"#/components/schemas/{payload.__name__}"},
    }


def _plain(value: Any) -> Any:
    """The same with lists for tuples and strings for anything exotic: what YAML can hold."""
    return msgspec.json.decode(msgspec.json.encode(value))


def main() -> None:
    """Write the file."""
    body = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    FILE.write_text(_HEADER + body, encoding="utf-8")
    print(FILE)


if __name__ == "__main__":
    main()
