"""Every field of every input, spoiled in every way: the hub names the field, signs its refusal and books nothing.

The questions about registers and records are spoiled the same way in `test_questions`, `test_records` and
`test_catalogue_files`.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path as File
from typing import Any

import msgspec
import pytest

from protocols.hub import envelope
from simulators.hub import tables
from simulators.hub.core import HANDLERS, MEMBERS
from simulators.hub.fields import Field
from simulators.hub.in_patient import IN_PATIENT
from tests.simulators.hub.good_inputs import NODES, Path, Story
from tests.simulators.hub.spoiled import spoiled

SIGNS = frozenset({"cainfo", "signtype"})
"""Members of the envelope that belong to the signature itself."""


@pytest.fixture(scope="module")
def story() -> Story:
    """One day, spoiled afterwards; a refusal leaves nothing behind but its message id, so it may be shared."""
    return Story()


def wire_name(path: Path) -> str:
    """The path as the hub names it, `drugdetail[1]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def inputs(
    nodes: Mapping[str, Any], path: Path, table: tuple[Field, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(the field that is wrong, the whole input with it) for every field of the node at `path`."""
    good: Any = nodes
    for step in path:
        good = good[step]
    for name, wrong in spoiled(table, good):
        whole: Any = deepcopy(dict(nodes))
        above = whole
        for step in path[:-1]:
            above = above[step]
        above[path[-1]] = wrong
        yield name, whole


@pytest.mark.parametrize("infno", NODES)
def test_every_wrong_field_is_refused_by_its_name_and_nothing_is_booked(story: Story, infno: str) -> None:
    counter, nodes, insured = story.accepted(infno)
    before = story.books()
    tried = 0
    for path, table in NODES[infno].items():
        for name, whole in inputs(nodes, path, table):
            reply = counter.ask_unrecorded(infno, whole, insured)
            assert (reply.infcode, reply.code) == (-1, "FIELD"), (path, name, reply.err_msg)
            assert f"{wire_name(path)}.{name} " in reply.err_msg
            tried += 1
    assert tried >= 3 * sum(len(table) for table in NODES[infno].values())
    assert story.books() == before


@pytest.mark.parametrize("infno", NODES)
@pytest.mark.parametrize("wrong", [None, "text", 7, [[]], []], ids=repr)
def test_a_node_that_is_missing_or_no_node_is_refused_by_its_name(
    story: Story, infno: str, wrong: object
) -> None:
    counter, nodes, insured = story.accepted(infno)
    before = story.books()
    optional = {"drug_trac_info"} if wrong in (None, []) else set()
    for member in {path[0] for path in NODES[infno]} - optional:
        reply = counter.ask_unrecorded(infno, {**nodes, str(member): wrong}, insured)
        assert (reply.infcode, reply.code) == (-1, "FIELD"), (member, reply.err_msg)
        assert str(member) in reply.err_msg
    assert story.books() == before


def test_every_transaction_is_spoiled_somewhere() -> None:
    """A new transaction has its node in `NODES`, or spoils its own inputs with the same tool in a test beside this one."""
    beside = "".join(
        text
        for file in File(__file__).parent.glob("test_*.py")
        if "from tests.simulators.hub.spoiled import" in (text := file.read_text("utf-8"))
    )
    forgotten = {
        infno for infno in HANDLERS.keys() - NODES.keys() - IN_PATIENT.keys() if f'"{infno}"' not in beside
    }
    assert not forgotten


# -- the envelope ---------------------------------------------------------------------------------------


def refusal(story: Story, body: bytes) -> str:
    """What the hub says to these bytes."""
    answer = msgspec.json.decode(story.world.hub.respond(body, story.till.now).body)
    assert answer["infcode"] == -1
    text: str = answer["err_msg"]
    return text


def request(story: Story, **changes: str) -> bytes:
    """A question that would be answered, with members replaced before it is signed."""
    nodes, insured = story.till.accepted["5301"]
    good = story.till.request("5301", nodes, insured)
    return envelope.encode_request(story.till.sign(msgspec.structs.replace(good, **changes)))


@pytest.mark.parametrize("field", [*tables.ENVELOPE, Field("input", required=True)], ids=lambda one: one.name)
def test_an_envelope_with_a_member_missing_or_of_the_wrong_kind_is_refused_by_its_name(
    story: Story, field: Field
) -> None:
    before = story.books()
    wrong: list[object] = [[], {}, 7, True] if field.name != "input" else [[], 7, "text", None, ""]
    if field.required and field.name != "input":
        wrong.append(None)
    for value in wrong:
        good = msgspec.json.decode(request(story))
        assert field.name in refusal(story, msgspec.json.encode(good | {field.name: value})) or (
            field.name == "input"
            and "[SIGNATURE]" in refusal(story, msgspec.json.encode(good | {"input": value}))
        )
    if field.required:
        without = msgspec.json.decode(request(story))
        del without[field.name]
        assert field.name in refusal(story, msgspec.json.encode(without))
    assert story.books() == before


@pytest.mark.parametrize(
    "field", [field for field in tables.ENVELOPE if field.name not in SIGNS], ids=lambda one: one.name
)
def test_a_wrong_member_of_a_rightly_signed_envelope_is_refused_by_its_name(
    story: Story, field: Field
) -> None:
    wrong = ["X" * (field.length + 1)] if field.length else ["2026-02-30 10:00:00", "2026-11-21"]
    if field.required:
        wrong.append("")
    if field.codes:
        wrong.append("?")
    for value in wrong:
        assert field.name in refusal(story, request(story, **{MEMBERS[field.name]: value}))


@pytest.mark.parametrize("name", sorted(SIGNS))
@pytest.mark.parametrize("value", ["", "X" * 1025])
def test_a_signature_that_is_missing_or_none_is_refused(story: Story, name: str, value: str) -> None:
    """`signtype` says nothing that decides; only its length is judged."""
    members = msgspec.json.decode(request(story)) | {name: value}
    if (name, value) == ("signtype", ""):
        assert (
            msgspec.json.decode(story.world.hub.respond(msgspec.json.encode(members), story.till.now).body)[
                "infcode"
            ]
            == 0
        )
    else:
        assert name in refusal(story, msgspec.json.encode(members))


def test_a_length_that_only_some_editions_print_is_not_asked_for(story: Story) -> None:
    """The larger length of two editions stands (K16): 20 characters are printed for the institution's name by one."""
    answer = msgspec.json.decode(
        story.world.hub.respond(request(story, institution_name="店" * 200), story.till.now).body
    )
    assert answer["infcode"] == 0
