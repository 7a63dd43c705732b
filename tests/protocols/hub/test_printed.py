"""Printed lengths: checked where a profile asks for it, in the envelope and anywhere in the input."""

import msgspec
import pytest

from protocols.hub.envelope import decode_request
from protocols.hub.printed import PRINTED, first_too_long
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Limits, PrintedField
from tests.protocols.hub import examples

REQUEST = decode_request(examples.body("a-2102-request.json"))


def profile(*fields: PrintedField) -> Profile:
    """A profile that checks these fields."""
    return Profile(name="x", limits=Limits(check_printed=fields))


def test_nothing_is_checked_by_default() -> None:
    assert (
        first_too_long(Profile(name="x"), msgspec.structs.replace(REQUEST, institution_name="店" * 99)) == ""
    )


@pytest.mark.parametrize(("length", "told"), [(20, ""), (21, "fixmedins_name")])
def test_the_envelope_is_looked_at(length: int, told: str) -> None:
    request = msgspec.structs.replace(REQUEST, institution_name="店" * length)
    assert first_too_long(profile("infno", "fixmedins_name"), request) == told
    assert first_too_long(profile("infno"), request) == ""


@pytest.mark.parametrize(("length", "told"), [(30, ""), (31, "drug_trac_codg")])
def test_so_is_every_node_of_the_input(length: int, told: str) -> None:
    nodes = msgspec.json.decode(REQUEST.input)
    nodes["drugdetail"][1]["durg_trac_info"][0]["drug_trac_codg"] = "8" * length
    request = msgspec.structs.replace(REQUEST, input=msgspec.json.encode(nodes))
    assert first_too_long(profile("psn_name", "drug_trac_codg"), request) == told


def test_a_form_a_is_longer_than_four() -> None:
    assert first_too_long(profile("infno"), msgspec.structs.replace(REQUEST, infno="2207A")) == "infno"
    assert PRINTED["oinfno"] == 4
