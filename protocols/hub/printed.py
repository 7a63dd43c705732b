"""Printed lengths, where editions print different ones and a hub insists on the smaller (decision K16).

What is stored and read may always be longer; nothing is ever cut. Only a profile that names a field has it checked, and
then a message that holds a longer one is not sent: a hub that cuts or refuses it would be worse. What ends a doubt or
undoes is not held back (the terminal's part): never asking would be worse still.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from protocols.hub import wire
from protocols.hub.envelope import Request
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import PrintedField

PRINTED: Final[Mapping[PrintedField, int]] = MappingProxyType(
    {
        "infno": 4,
        "fixmedins_code": 12,
        "fixmedins_name": 20,
        "opter_name": 50,
        "psn_type": 3,
        "psn_cert_type": 3,
        "psn_name": 20,
        "certno": 20,
        "caty": 6,
        "diag_code": 20,
        "drug_trac_codg": 30,
        "oinfno": 4,
        "file_qury_no": 30,
    }
)
"""The smallest length that any edition prints, in characters (national interface, Hunan edition V1.1.27 and others)."""


def first_too_long(profile: Profile, request: Request) -> str:
    """Return the first checked field of a plain request that is longer than printed, "" when none is."""
    checked = profile.limits.check_printed
    if not checked:
        return ""
    of_envelope = {
        "infno": request.infno,
        "fixmedins_code": request.institution_code,
        "fixmedins_name": request.institution_name,
        "opter_name": request.operator_name,
    }
    return next((name for name in checked if _is_longer(of_envelope, name, PRINTED[name])), "") or next(
        (name for name in checked if _is_longer(wire.read_json(request.input), name, PRINTED[name])), ""
    )


def _is_longer(node: Any, name: str, length: int) -> bool:
    """Whether a member of that name anywhere in the node is longer."""
    if isinstance(node, list):
        return any(_is_longer(row, name, length) for row in node)
    if not isinstance(node, dict):
        return False
    value = node.get(name)
    here = isinstance(value, str) and len(value) > length
    return here or any(_is_longer(child, name, length) for child in node.values())
