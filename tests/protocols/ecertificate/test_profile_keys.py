"""The profile's tables `[ecert]` and `[open]`: values that can be followed, and those refused with their reason."""

import pytest

from protocols.errors import ProfileError
from protocols.hub.profile_reading import parse_profile
from protocols.hub.profile_sections import Ecert, Open


def test_the_defaults_are_the_decided_ones() -> None:
    profile = parse_profile("", "x.toml")
    ecert = profile.ecert
    assert (profile.ecert, profile.open) == (Ecert(), Open())
    assert (ecert.code_life_s, ecert.grace_s, ecert.token_life_s, ecert.authno_life_s) == (60, 15, 1800, 300)
    assert (ecert.path, ecert.settle_notify, ecert.check_terminal_sn) == ("middle_office", True, False)
    opened = profile.open
    assert (opened.user_id, opened.timestamp, opened.version) == ("app_secret", "ms", "2.0.1")
    assert (opened.hex, opened.escape_unicode) == ("upper", False)


@pytest.mark.parametrize("path", ["middle_office", "hub_1162"])
def test_a_path_that_is_described_is_taken(path: str) -> None:
    assert parse_profile(f'[ecert]\npath = "{path}"\n', "x.toml").ecert.path == path


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('[ecert]\npath = "library"', "ecert.path", "native library opens its own scan window"),
        ('[ecert]\npath = "province_own"', "ecert.path", "none is published far enough"),
        (
            '[ecert]\npath = "fax"',
            "ecert.path",
            "supported: 'middle_office', 'hub_1162', 'library', 'province_own'",
        ),
        ("[ecert]\ncheck_terminal_sn = true", "ecert.check_terminal_sn", "not published"),
        ("[ecert]\nauthno_life_s = 0", "ecert.authno_life_s", "seconds above zero"),
        ('[ecert]\nhub_path = "x"', "ecert.hub_path", "slash"),
        ("[ecert]\noperator_len = 30", "ecert.operator_len", "supported: 20, 64"),
        ('[ecert]\nsettle_notify = "yes"', "ecert.settle_notify", "expected `bool`"),
        ('[open]\nuser_id = ""', "open.user_id", "supported: 'app_secret', 'default16'"),
        ('[open]\ntimestamp = "us"', "open.timestamp", "supported: 'ms', 's', 'text'"),
        ('[open]\nversion = "2"', "open.version", "supported: '2.0.1', '1.0.0'"),
        ('[open]\nhex = "mixed"', "open.hex", "supported: 'upper', 'lower'"),
        ("[open]\nescape = true", "open.escape", "unknown key"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_key_and_reason(text: str, key: str, reason: str) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(text, "x.toml")
    assert refused.value.key == key
    assert reason in refused.value.reason
