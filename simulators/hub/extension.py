"""The extension member of a node (`exp_content`, `expContent`): JSON text, which this hub reads only where it needs it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from simulators.hub.fields import Node

EPIDEMIC_GROUPS: Final = frozenset({"1", "2", "3", "4"})
"""`MDTRT_GRP_TYPE`: confirmed case, other national emergency, suspected case, without symptoms."""


def extension(node: Node) -> Mapping[str, object]:
    """The members of the extension; none where it is absent or no JSON object."""
    try:
        value = msgspec.json.decode(node.text("exp_content") or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_epidemic(node: Node) -> bool:
    """Whether a visit is for an epidemic (R76)."""
    group = extension(node).get("MDTRT_GRP_TYPE")
    return isinstance(group, str) and group in EPIDEMIC_GROUPS
