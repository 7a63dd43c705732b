"""Fault scripts: which request meets what, the same for the same seed, and one clear refusal for a wrong one."""

import json

import pytest

from simulators.hub.faults import FAULT_NAMES, Cut, Delay, LoseAnswer
from simulators.hub.script import Script, ScriptError, Step, parse_script

TOML = """
seed = 7

[[step]]
fault = "lose-answer"
infno = "2102"
nth = 3
count = 2

[[step]]
fault = { kind = "cut", at = 40, close = true }

[[rate]]
fault = "delay 2"
infno = "2601"
share = 0.25
"""


def met(script: Script, infno: str, requests: int) -> list[str]:
    """The fault of each of so many requests of one transaction, "" for none."""
    faults = [script.fault_for(infno, nth, nth) for nth in range(1, requests + 1)]
    return ["" if fault is None else fault.kind for fault in faults]


def test_a_script_is_the_same_in_toml_and_in_json() -> None:
    script = parse_script(TOML, "storm.toml")
    assert script.seed == 7
    assert script.step == (Step(LoseAnswer(), "2102", 3, 2), Step(Cut(40, close=True)))
    assert (script.rate[0].fault, script.rate[0].share) == (Delay(2.0), 0.25)
    as_json = {
        "seed": 7,
        "step": [
            {"fault": "lose-answer", "infno": "2102", "nth": 3, "count": 2},
            {"fault": "cut 40 close"},
        ],
        "rate": [{"fault": "delay 2", "infno": "2601", "share": 0.25}],
    }
    assert parse_script(json.dumps(as_json), "storm.json") == script


def test_a_step_meets_the_nth_request_of_its_transaction_and_those_after_it() -> None:
    script = parse_script('[[step]]\nfault = "html"\ninfno = "2102"\nnth = 3\ncount = 2\n')
    assert met(script, "2102", 6) == ["", "", "html", "html", "", ""]
    assert met(script, "2601", 6) == [""] * 6


def test_a_step_without_a_transaction_counts_them_all() -> None:
    script = parse_script('[[step]]\nfault = "html"\nnth = 2\n')
    assert script.fault_for("2102", 1, 2) is not None
    assert script.fault_for("2102", 2, 3) is None


def test_a_rate_is_drawn_from_the_seed_and_meets_about_its_share() -> None:
    text = '[[rate]]\nfault = "html"\ninfno = "2102"\nshare = 0.25\n'
    first = met(parse_script(f"seed = 1\n{text}"), "2102", 2000)
    assert first == met(parse_script(f"seed = 1\n{text}"), "2102", 2000)
    assert first != met(parse_script(f"seed = 2\n{text}"), "2102", 2000)
    assert 420 < first.count("html") < 580


@pytest.mark.parametrize(
    ("text", "file", "said"),
    [
        ('[[step]]\nfault = "explode"', "a.toml", "a.toml: step[0].fault: no fault 'explode'; there are: lose-request"),
        ('[[step]]\nfault = "html"\n[[step]]\nfault = "cut"', "a.toml", "a.toml: step[1].fault: fault cut takes AT [close]"),
        ('[[step]]\nfault = "delay -1"', "a.toml", "a.toml: step[0].fault: fault delay: seconds is from 0 to"),
        ('[[step]]\nfault = { kind = "cut", at = -1 }', "a.toml", "a.toml: step[0].fault: fault cut: at is 0 or more"),
        ('[[step]]\nfault = "http-status 42"', "a.toml", "a.toml: step[0].fault: fault http-status: status is from"),
        ('[[step]]\nfault = "html"\nnth = 0', "a.toml", "a.toml: step[0].nth: must be 1 or more"),
        ('[[step]]\nfault = "html"\ncount = 0', "a.toml", "a.toml: step[0].count: must be 1 or more"),
        ('[[step]]\nfault = "html"\ninfno = "2102 "', "a.toml", "a.toml: step[0].infno: '2102 ' is no transaction number"),
        ('[[step]]\nfalt = "html"', "a.toml", "a.toml: step[0]: Object contains unknown field `falt`"),
        ('[[rate]]\nfault = "html"\nshare = 1.5', "a.toml", "a.toml: rate[0].share: must be from 0 to 1"),
        ('[[rate]]\nfault = "html"', "a.toml", "a.toml: rate[0]: Object missing required field `share`"),
        ('seed = "x"', "a.toml", "a.toml: seed: Expected `int`, got `str`"),
        ("[[step]", "a.toml", "a.toml: Expected"),
        ("{", "a.json", "a.json: "),
        ("[]", "a.json", "a.json: Expected `object`, got `array`"),
    ],
)  # fmt: skip
def test_a_script_that_cannot_be_understood_is_refused_with_file_key_and_reason(
    text: str, file: str, said: str
) -> None:
    with pytest.raises(ScriptError) as refused:
        parse_script(text, file)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_script_without_measure_is_refused() -> None:
    with pytest.raises(ScriptError, match="step, rate: more than 10000 entries"):
        parse_script(json.dumps({"step": [{"fault": "html"}] * 10_001}), "long.json")


def test_every_fault_of_the_issue_has_a_name() -> None:
    """Each kind of misbehaviour that a hub simulator must offer on request."""
    wanted = {
        "lose-request", "lose-answer", "delay", "duplicate", "reorder", "swap", "cut", "bad-signature", "other-key", "replay",
        "changed-infcode", "changed-text", "other-person", "other-amount", "other-terminal", "identity-broken", "late-request",
        "refuse", "not-found", "http-status", "html", "huge", "gzip-bomb", "trickle", "expire-sign-in", "down", "rotate-key",
    }  # fmt: skip
    assert wanted <= set(FAULT_NAMES)
