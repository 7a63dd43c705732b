"""Envelope, signature and packing: what a profile changes in every message, asserted on the wire of a real line."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.gm.sm2 import der_to_raw
from protocols.hub.envelope import decode_answer, decode_request
from protocols.hub.signing import answer_signing_bytes, request_signing_bytes
from terminal.core.states import State
from tests.profiles.rig import Line, hub_of, profile_of
from tests.profiles.switches import switch
from tests.profiles.test_hub import only, signed_in
from tests.terminal.fast_loop import fast
from tests.terminal.harness import INSTITUTION, MacKey

pytestmark = pytest.mark.blocking_allowed("the journal is called in line")
OURS, HUB = MacKey(f"terminal {INSTITUTION}"), MacKey("hub")


async def priced(folder: Path, text: str) -> Line:
    """What crossed the line of a sale up to its quote."""
    profile = profile_of(text)
    async with hub_of(profile) as hub, hub.counter(folder, profile) as till:
        sale = await till.priced("1")
        assert sale.state is State.PRICED, sale.notice
        return till.line


def sign_in_of(folder: Path, text: str) -> Any:
    """The envelope of a sign-in, as it travelled."""
    found: list[Any] = []

    @fast
    async def run() -> None:
        found.append((await only(folder, profile_of(text))).envelope)

    run()
    return found[0]


# -- fixed members ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["MBS_LOCAL", "99", "FSI_LOCAL", "YBXT", "sys01", "MK"])
@switch("env.recer_sys_code")
def test_the_receivers_code_is_the_profiles(tmp_path: Path, code: str) -> None:
    assert sign_in_of(tmp_path, f'[env]\nrecer_sys_code = "{code}"')["recer_sys_code"] == code


@pytest.mark.parametrize("version", ["V1.0", "1.0", "1.0.0"])
@switch("env.infver")
def test_the_version_is_the_profiles(tmp_path: Path, version: str) -> None:
    assert sign_in_of(tmp_path, f'[env]\ninfver = "{version}"')["infver"] == version


@pytest.mark.parametrize("kind", ["1", "2", "3"])
@switch("env.opter_type", "1", "2", "3")
def test_the_kind_of_operator_is_the_profiles(tmp_path: Path, kind: str) -> None:
    assert sign_in_of(tmp_path, f'[env]\nopter_type = "{kind}"')["opter_type"] == kind


@switch("env.extra_fields")
def test_further_members_stand_in_the_envelope_only_where_the_profile_names_them(tmp_path: Path) -> None:
    for name in ("usual", "more"):
        (tmp_path / name).mkdir()
    usual = sign_in_of(tmp_path / "usual", "")
    more = sign_in_of(tmp_path / "more", '[env.extra_fields]\nserv_code = "V1"\nrecer_admdvs = "999900"')
    assert set(more) - set(usual) == {"serv_code", "recer_admdvs"}
    assert (more["serv_code"], more["recer_admdvs"]) == ("V1", "999900")


@pytest.mark.parametrize(("own", "division"), [("empty", ""), ("own", "999900")])
@switch("env.own_insuplc", "empty", "own")
def test_who_names_nobody_names_no_place_or_ones_own(tmp_path: Path, own: str, division: str) -> None:
    @fast
    async def run() -> None:
        line = await priced(tmp_path, f'[env]\nown_insuplc = "{own}"')
        assert [one.envelope["insuplc_admdvs"] for one in line.of("9001") + line.of("1101")] == [division] * 2
        assert line.of("2101")[0].envelope["insuplc_admdvs"] == "999900"

    run()


@pytest.mark.parametrize(
    ("how", "messages"), [("daily", ["9001", "1101", "2101"]), ("none", ["1101", "2101"])]
)
@switch("env.sign_in", "daily", "none")
def test_a_day_begins_with_a_sign_in_or_without(tmp_path: Path, how: str, messages: list[str]) -> None:
    @fast
    async def run() -> None:
        line = await priced(tmp_path, f'[env]\nsign_in = "{how}"')
        assert [one.envelope["infno"] for one in line.crossed] == messages
        assert bool(line.of("2101")[0].envelope["sign_no"]) == (how == "daily")

    run()


# -- signature -------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["SM2", "SM3", "", "PRCSSC", "MOCK"])
@switch("sign.signtype", "SM2", "SM3", "", "PRCSSC", "MOCK")
def test_the_signatures_label_is_the_profiles(tmp_path: Path, label: str) -> None:
    @fast
    async def run() -> None:
        crossed = await only(tmp_path, profile_of(f'[sign]\nsigntype = "{label}"'))
        assert crossed.envelope["signtype"] == label
        assert crossed.answered["signtype"] == (label or None)

    run()


@pytest.mark.parametrize("form", ["raw", "der"])
@pytest.mark.parametrize("encoding", ["base64", "hex"])
@switch("sign.form", "raw", "der")
@switch("sign.encoding", "base64", "hex")
@switch("sign.user_id", "1234567812345678")
def test_both_ends_write_the_signature_as_the_profile_says(tmp_path: Path, form: str, encoding: str) -> None:
    @fast
    async def run() -> None:
        profile = profile_of(f'[sign]\nform = "{form}"\nencoding = "{encoding}"')
        crossed = await only(tmp_path, profile)
        request, answer = decode_request(crossed.body), decode_answer(crossed.answer.body)
        read = bytes.fromhex if encoding == "hex" else base64.b64decode
        ours, theirs = read(request.signature), read(answer.signature)
        assert (len(ours) == len(theirs) == 64) == (form == "raw")
        if form == "der":
            ours, theirs = der_to_raw(ours), der_to_raw(theirs)
        assert OURS.verify(request_signing_bytes(profile, request), ours)
        assert HUB.verify(answer_signing_bytes(profile, request.message_id, answer), theirs)

    run()


@switch("sign.profile", "envelope")
@fast
async def test_the_envelope_is_covered(tmp_path: Path) -> None:
    request = decode_request((await only(tmp_path, profile_of(""))).body)
    head = f"{request.message_id}\n9001\n{request.sent_at}\n".encode()
    assert OURS.verify(head + request.input, base64.b64decode(request.signature))


@switch("sign.profile", "input-only")
@fast
async def test_input_and_output_alone_are_covered(tmp_path: Path) -> None:
    crossed = await only(tmp_path, profile_of('[sign]\nprofile = "input-only"'))
    request, answer = decode_request(crossed.body), decode_answer(crossed.answer.body)
    assert OURS.verify(request.input, base64.b64decode(request.signature))
    assert HUB.verify(answer.output, base64.b64decode(answer.signature))


@switch("sign.profile", "unsigned-answers")
@fast
async def test_the_request_is_signed_and_the_answer_is_not(tmp_path: Path) -> None:
    crossed = await only(tmp_path, profile_of('[sign]\nprofile = "unsigned-answers"'))
    assert crossed.envelope["cainfo"]
    assert crossed.answered["cainfo"] is None


# -- payload ---------------------------------------------------------------------------------------


@switch("crypt.payload", "none")
@switch("password.cainfo", "no")
@fast
async def test_the_payload_is_an_object(tmp_path: Path) -> None:
    crossed = await only(tmp_path, profile_of(""))
    assert set(crossed.envelope["input"]) == {"signIn"}
    assert set(crossed.answered["output"]) == {"signinoutb"}


@pytest.mark.parametrize("answers", [True, False])
@switch("crypt.payload", "sm4_ecb_client_id")
@switch("crypt.answers", True, False)
def test_the_payload_is_encrypted_and_the_answer_where_the_flag_says_so(
    tmp_path: Path, answers: bool
) -> None:
    text = f'[crypt]\npayload = "sm4_ecb_client_id"\nanswers = {str(answers).lower()}'

    @fast
    async def run() -> None:
        line = await signed_in(tmp_path, profile_of(text))
        (crossed,) = line.of("9001")
        assert isinstance(crossed.envelope["input"], str)
        assert isinstance(crossed.answered["output"], str) == answers
        assert set(line.inputs("9001")[0]) == {"signIn"}
        assert set(line.outputs("9001")[0]) == {"signinoutb"}

    run()


@switch("env.input_as_text", False, True)
def test_the_input_is_an_object_or_a_text(tmp_path: Path) -> None:
    for name, value in (("a", "false"), ("b", "true")):
        (tmp_path / name).mkdir()
        sent = sign_in_of(tmp_path / name, f"[env]\ninput_as_text = {value}")["input"]
        assert isinstance(sent, str) == (value == "true")
        told = msgspec.json.decode(sent) if isinstance(sent, str) else sent
        assert set(told) == {"signIn"}
