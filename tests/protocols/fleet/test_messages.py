"""Payloads: what is written is read back, what is wrong is named by its place, and nothing has room for a person."""

import contextlib
import datetime as dt
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.fleet.commands import Command, Ping, ShowMessage, SignedCommand, unsigned, with_signature
from protocols.fleet.messages import (
    MAX_PAYLOAD_BYTES,
    Anchor,
    AnchorEcho,
    Evidence,
    EvidenceAck,
    FleetNotice,
    OperatorMessage,
    Presence,
    PresenceState,
    decode,
    encode,
)
from protocols.fleet.topics import CHANNELS
from protocols.wire_time import WIRE_ZONE

AT = dt.datetime(2026, 11, 21, 20, 0, 0, tzinfo=WIRE_ZONE)


def test_presence_on_the_wire() -> None:
    """The exact bytes, because the broker publishes them for us when we no longer can."""
    presence = Presence(PresenceState.OFFLINE, AT, None, "0.1.0", "b0")
    wire = b'{"state":"offline","connected_at":"2026-11-21T20:00:00+08:00","stopped_at":null,"version":"0.1.0","boot_id":"b0"}'
    assert encode(presence) == wire
    assert decode(Presence, wire) == presence


ANCHOR = Anchor(7, "ab" * 32, "2026-11-21T20:00:00.000000+08:00", "b0", "0123456789abcdef", "cd" * 64)


def test_an_anchor_is_signed_over_six_lines() -> None:
    """The terminal stands in what is signed: an anchor of another terminal is none of ours."""
    lines = ["yibao anchor 1", "P99990000001-01", "7", "ab" * 32, "2026-11-21T20:00:00.000000+08:00", "b0"]
    assert ANCHOR.signed_bytes("P99990000001-01") == "".join(f"{line}\n" for line in lines).encode()
    echo = AnchorEcho(ANCHOR)
    assert decode(AnchorEcho, encode(echo)) == echo


@pytest.mark.parametrize(
    "spoiled", [b'"records":0', b'"head":"AB', b'"at":"2026-11-21 20', b'"key_id":"x', b'"signature":"c"']
)
def test_an_anchor_of_another_form_is_refused(spoiled: bytes) -> None:
    """Lengths and alphabets are checked before anything is verified."""
    name = spoiled.partition(b":")[0]
    wire = encode(AnchorEcho(ANCHOR))
    start = wire.index(name)
    end = wire.index(b",", start) if b"," in wire[start:] else wire.index(b"}", start)
    with pytest.raises(MalformedMessage):
        decode(
            AnchorEcho,
            wire[:start] + spoiled + (b"" if spoiled.endswith((b"0", b'"c"')) else b'"') + wire[end:],
        )


def test_evidence_says_what_it_is() -> None:
    """Kinds are told apart by a tag."""
    evidence = Evidence("anchor-b0-7", AT, "b0", ANCHOR)
    assert b'"content":{"type":"anchor","records":7' in encode(evidence)
    assert decode(Evidence, encode(evidence)) == evidence


def test_members_of_a_newer_side_are_ignored_in_notices_and_refused_in_commands() -> None:
    """A notice may grow; an order is understood whole or not at all."""
    notice = FleetNotice("n1", AT, None, OperatorMessage("早上好"))
    assert decode(FleetNotice, encode(notice)[:-1] + b',"more":1}') == notice
    command = Command("c1", "P99990000001-01", "b0", AT, AT, Ping())
    assert SignedCommand(encode(command).decode()).command() == command
    with pytest.raises(MalformedMessage):
        SignedCommand(encode(command).decode()[:-1] + ',"more":1}').command()


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        (b"", ""),
        (b"\xff", ""),
        (b'{"ids":[],"at":"2026-11-21T20:00:00+08:00"}', "$.ids"),
        (b'{"ids":["+"],"at":"2026-11-21T20:00:00+08:00"}', "$.ids[0]"),
        (b'{"ids":["a"],"at":"2026-11-21T20:00:00"}', "$.at"),
        (b"[" * 100_000, ""),
        (b'"' + b"x" * MAX_PAYLOAD_BYTES + b'"', ""),
    ],
)
def test_bad_payloads_are_named_by_place_without_their_content(payload: bytes, where: str) -> None:
    """Wild bytes, too long, too deep, a time without zone, an id that is none."""
    with pytest.raises(MalformedMessage) as wrong:
        decode(EvidenceAck, payload)
    assert wrong.value.where == where
    assert "xxx" not in str(wrong.value)


@given(st.binary(max_size=300), st.sampled_from([channel.payload for channel in CHANNELS]))
def test_wild_bytes_are_a_known_error_in_every_channel(payload: bytes, kind: type[msgspec.Struct]) -> None:
    """Garbage in, a known error out."""
    with contextlib.suppress(MalformedMessage):
        decode(kind, payload)


def test_what_is_signed_is_the_text_of_the_body() -> None:
    """Prefix line, line feed, the bytes of the body as they stand in the envelope."""
    envelope = unsigned(Command("c1", "P99990000001-01", "b0", AT, AT, ShowMessage("请核对")))
    assert envelope.signed_bytes() == b"yibao fleet command 1\n" + envelope.body.encode()
    assert envelope.signature_bytes() == b""
    signature = random.Random(1).randbytes(64)
    signed = decode(SignedCommand, encode(with_signature(envelope, signature)))
    assert signed.signature_bytes() == signature
    assert signed.signed_bytes() == envelope.signed_bytes()
    with pytest.raises(MalformedMessage):
        with_signature(envelope, signature[:63])


def test_an_order_outside_the_closed_list_cannot_be_read() -> None:
    """T25: no arbitrary command."""
    body = encode(Command("c1", "P99990000001-01", "b0", AT, AT, Ping())).decode().replace("ping", "shell")
    with pytest.raises(MalformedMessage):
        SignedCommand(body).command()
