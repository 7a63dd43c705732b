"""Which province profile a simulated world speaks: a shipped one by its name, or one's own file, kept in the folder."""

from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from protocols.errors import ProfileError
from protocols.hub.gateway import NO_CREDENTIALS, Credentials, missing_credentials
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.signing import is_bound_by_content
from protocols.secret import Secret
from yibao.words import Words, say

NATIONAL: Final = "national"
OWN_FILE: Final = "profile.toml"
"""What a profile of one's own is called in the folder."""
CREDENTIALS_FILE: Final = "hub-credentials.toml"
_CREDENTIALS: Final = {
    "account": "sim-account",
    "secret": "sim-secret",
    "username": "sim-user",
    "password": "sim-password",
    "client_id": "sim-client-00001",
    "client_secret": "sim-client-secret",
}
"""TEST ONLY: what the simulated province hands out for its gateway and its encryption."""


class NoProvince(Exception):
    """There is no such profile, or it cannot be used; `words` says why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class Province(NamedTuple):
    """One profile as a simulated world needs it."""

    name: str
    """What stands under `hub.profile` of the counters' files: a shipped name, or `profile.toml`."""
    text: str
    profile: Profile

    @property
    def needs_tls(self) -> bool:
        """No signature binds its answers to a request, so its hub is https also on this machine."""
        return is_bound_by_content(self.profile)

    @property
    def credentials(self) -> Credentials:
        """What its gateway asks for; none where it asks for nothing."""
        if not missing_credentials(self.profile, NO_CREDENTIALS):
            return NO_CREDENTIALS
        return Credentials(**{name: Secret(value) for name, value in _CREDENTIALS.items()})

    @property
    def credentials_text(self) -> str:
        """The file for the terminal; "" where nothing is asked for."""
        if self.credentials == NO_CREDENTIALS:
            return ""
        lines = [f'{name} = "{value}"' for name, value in _CREDENTIALS.items()]
        return "\n".join(("# TEST ONLY", *lines, ""))


def shipped_names() -> tuple[str, ...]:
    """The shipped profiles by their names."""
    found = (entry.name for entry in files("protocols.hub.profiles").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def read_province(wanted: str, file: Path | None = None) -> Province:
    """Read a shipped profile by name, or a file: the one of that path, or the folder's own. Raises `NoProvince`."""
    if not wanted.endswith(".toml"):
        if wanted not in shipped_names():
            known = ", ".join((*shipped_names(), "FILE.toml"))
            raise NoProvince(say("sim_no_profile", profile=wanted, known=known))
        text = (files("protocols.hub.profiles") / f"{wanted}.toml").read_text(encoding="utf-8")
        return Province(wanted, text, _parsed(text, f"{wanted}.toml"))
    path = file or Path(wanted)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise NoProvince(
            say("sim_profile_unusable", path=str(path), reason=type(unreadable).__name__)
        ) from None
    return Province(OWN_FILE, text, _parsed(text, path.name))


def _parsed(text: str, name: str) -> Profile:
    try:
        return parse_profile(text, name)
    except ProfileError as wrong:
        raise NoProvince(say("sim_profile_unusable", path=name, reason=str(wrong))) from None
