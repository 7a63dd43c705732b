"""docs/asyncapi.yaml and docs/fleet.md say what the code says."""

import re
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]  # no stubs among the locked packages

from drivers.interfaces.fleet_transport import FleetProblem
from protocols.fleet.topics import CHANNELS, Side
from tools.asyncapi import FILE, document


def _shipped() -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return shipped


def test_the_shipped_document_is_the_one_the_tool_writes() -> None:
    """After a change of protocols/fleet: `python -m tools.asyncapi`."""
    assert _shipped() == document()


def test_topics_directions_and_fields_stand_in_the_document() -> None:
    """Asked of the file itself, without the tool."""
    shipped = _shipped()
    schemas, channels, operations = (
        shipped["components"]["schemas"],
        shipped["channels"],
        shipped["operations"],
    )
    assert len(channels) == len(operations) == len(CHANNELS)
    for channel in CHANNELS:
        assert channels[channel.name]["address"] == channel.address
        operation = operations[channel.name]
        assert operation["action"] == ("send" if channel.writer is Side.TERMINAL else "receive")
        assert operation["bindings"]["mqtt"]["retain"] is channel.retained
        schema = schemas[channel.payload.__name__]
        fields = msgspec.structs.fields(channel.payload)
        assert set(schema["properties"]) == {field.encode_name for field in fields}
        assert set(schema["required"]) == {field.encode_name for field in fields if field.required}


def test_every_reference_leads_somewhere() -> None:
    """No dangling `$ref`."""
    shipped = _shipped()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return here + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    for reference in references(shipped):
        node: Any = shipped
        for level in reference.removeprefix("#/").split("/"):
            node = node[level]


def test_the_prose_lists_the_same_topics() -> None:
    """Topic, writer, payload and retained flag of every row."""
    text = FILE.with_name("fleet.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(yibao/[^`]+)` \| (\w+) \| `(\w+)` \| (yes|no) \|$", text, flags=re.MULTILINE)
    assert rows == [
        (channel.address, channel.writer.value, channel.payload.__name__, "yes" if channel.retained else "no")
        for channel in CHANNELS
    ]


def test_the_prose_explains_every_problem() -> None:
    """What a technician reads on the devices page can be looked up."""
    text = FILE.with_name("fleet.md").read_text(encoding="utf-8")
    assert all(f"`{problem.value}`" in text for problem in FleetProblem)
