"""A profile read from the text of a TOML file: `parse_profile`, and everything that it refuses.

No files are opened here. A key nobody knows, a wrong type, or a value this version cannot follow is refused with the
file, the key and the reason: a profile half understood would lose money.
"""

import math
import re
import tomllib
import typing
from typing import Any, Final

import msgspec

from protocols.errors import ProfileError
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import PATHS, BenefitKind, Category, DiseaseGroup

_MONTH_AND_DAY: Final = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def parse_profile(text: str, name: str) -> Profile:
    """Read a profile file's text; `name` is the file's name and stands in every refusal.

    The profile is called what its key `name` says, or, without one, like its file. Raises `ProfileError`.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(name, "", f"not TOML: {error}") from None
    _refuse_unknown_keys(tree, Profile, name, "")
    tree.setdefault("name", name.removesuffix(".toml"))
    hub = tree.get("hub", {})
    if isinstance(hub, dict) and isinstance(hub.get("url_shape"), str) and hub["url_shape"] in PATHS:
        hub.setdefault("path", PATHS[hub["url_shape"]])
    try:
        profile = msgspec.convert(tree, Profile)
    except msgspec.ValidationError as error:
        reason, path, of_key = _explained(str(error))
        raise ProfileError(name, ".".join(path), _worded(reason, path, of_key)) from None
    _refuse_what_is_not_described(profile, name)
    _refuse_what_does_not_go_together(profile, name)
    _refuse_bad_values(profile, name)
    return profile


def _refuse_unknown_keys(tree: dict[str, Any], section: type[msgspec.Struct], file: str, path: str) -> None:
    known = {member.name: member.type for member in msgspec.structs.fields(section)}
    for key, value in tree.items():
        where = f"{path}{key}"
        if key not in known:
            raise ProfileError(file, where, f"unknown key; known here: {', '.join(sorted(known))}")
        type_ = known[key]
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct) and isinstance(value, dict):
            _refuse_unknown_keys(value, type_, file, f"{where}.")


def _explained(text: str) -> tuple[str, list[str], bool]:
    """Split the validator's text (`reason - at [key in] $.section.key[...]`) into reason, path, and whether a key is wrong."""
    reason, _, path = text.partition(" - at ")
    of_key = path.startswith("`key` in ")
    keys = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", path.removeprefix("`key` in ").replace("...", ""))
    return reason, keys, of_key


def _worded(reason: str, path: list[str], of_key: bool) -> str:
    if not reason.startswith("Invalid enum value"):
        return reason[:1].lower() + reason[1:].replace("`object`", "a table").replace("`array`", "a list")
    allowed = _allowed_values(path, of_key)
    return f"not supported; supported: {', '.join(map(repr, allowed))}"


def _allowed_values(path: list[str], of_key: bool) -> tuple[object, ...]:
    """Find the values of the Literal that the path ends at; of a table's keys or of its values."""
    type_: Any = Profile
    for key in path:
        (type_,) = (
            member.type for member in msgspec.structs.fields(_inner(type_, False)) if member.name == key
        )
    return typing.get_args(_inner(type_, of_key))


def _inner(type_: Any, of_key: bool) -> Any:
    """The type inside lists and tables; with `of_key` that of the keys of the innermost table."""
    while typing.get_origin(type_) in (dict, tuple):
        parts = [part for part in typing.get_args(type_) if part is not ...]
        type_ = parts[0] if of_key else parts[-1]
    return type_


NOT_DESCRIBED: Final[dict[tuple[str, object], str]] = {
    ("sign.profile", "sorted-fields"): "it was seen against its own test server only, and contradicts the one real build",
    ("sign.user_id", "client_id"): "the one build that names it has that line disabled; all others sign under the default id",
    ("form.outpatient", "2260"): "its four nodes and its flag are known by name only",
    ("form.diseinfo", "dise_"): "five of its members are known by name; what the diagnosis' own name is called is not",
    ("codes.pharmacy_pooled", "chain_2203A"): "which doctor, department and med_type a pharmacy sends in it is not published",
    ("trace.outpatient_node", "durg_trac_info"): "this spelling is printed for 2102 only",
    ("recon.columns", "eleven_cells"): "of its eight and eleven columns only the numbers are published",
    ("recon.daily", "3211_3212"): "which states of its task mean done, and what its three files hold, is not published",
    ("recon.daily", "13203"): "it is known by name only",
    ("far_drug.chain_2161", True): "its messages are known by member names only, and how a payment on the phone ends is not",
    ("outcome.resend_is_idempotent", True): "no hub has promised in writing to book one message id only once",
    ("password.cainfo", "rsa"): "padding and text form of the encrypted password are not published",
    ("ecert.path", "library"): "the region's native library opens its own scan window and takes no scanned code from us",
    ("ecert.path", "province_own"): "each such transaction is one province's own, and none is published far enough to write it",
    ("ecert.check_terminal_sn", True): "the register that the serial number is compared with is not published",
}  # fmt: skip
"""Values that are known by name only, and why they cannot be followed; refused when a profile is loaded."""


def value_of(profile: Profile, key: str) -> Any:
    """Return what a profile says under a dotted key; AttributeError for a key there is not."""
    value: Any = profile
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _refuse_what_is_not_described(profile: Profile, file: str) -> None:
    for (key, value), reason in NOT_DESCRIBED.items():
        if value_of(profile, key) == value:
            raise ProfileError(file, key, f"{value}: {reason}" if isinstance(value, str) else reason)
    query = profile.outcome.by_message_query
    if query != "none":
        raise ProfileError(
            file, "outcome.by_message_query", f"{query}: no transaction that finds a settlement by message id is published"
        )  # fmt: skip
    if "serv_sign" in profile.env.extra_fields:
        raise ProfileError(file, "env.extra_fields", "serv_sign: how it is computed is not published")


def _refuse_what_does_not_go_together(profile: Profile, file: str) -> None:
    hub = profile.hub
    encrypted = profile.crypt.payload != "none"
    for key, is_wrong, reason in (
        ("hub.paths", bool(hub.paths) and hub.url_shape != "U3", "services have paths of their own in shape U3 only"),
        (
            "limits.check_printed",
            profile.form.outpatient == "A" and not {"infno", "oinfno"}.isdisjoint(profile.limits.check_printed),
            "numbers of form A are longer than the four characters printed for infno and oinfno",
        ),
        ("env.input_as_text", profile.env.input_as_text and encrypted, "an encrypted input is text already"),
        (
            "form.identity_with_token",
            profile.form.identity_fields == "required" and profile.form.identity_with_token == "empty",
            "a hub that requires the identity fields takes no empty ones",
        ),
        (
            "env.extra_fields",
            profile.env.extra_fields.get("enc_type", "SM4" if encrypted else "") != ("SM4" if encrypted else ""),
            "enc_type is SM4 where the payload is encrypted, and absent elsewhere",
        ),
    ):  # fmt: skip
        if is_wrong:
            raise ProfileError(file, key, reason)


def _refuse_bad_values(profile: Profile, file: str) -> None:
    patterns = {
        "outcome.message_seen": (profile.outcome.message_seen,),
        "outcome.sign_in_lost": (profile.outcome.sign_in_lost,),
        "outcome.doubt_texts": profile.outcome.doubt_texts,
        "outcome.reversal_answers": tuple(answer.pattern for answer in profile.outcome.reversal_answers),
    }
    for key, texts in patterns.items():
        for text in texts:
            try:
                compiled = re.compile(text)
            except re.error as error:
                raise ProfileError(file, key, f"not a regular expression: {error}") from None
            if compiled.search(""):
                raise ProfileError(file, key, "the pattern matches everything, also no text at all")
    for answer in profile.outcome.reversal_answers:
        if answer.says and profile.classify_reversal(answer.says) != answer.means:
            raise ProfileError(
                file, "outcome.reversal_answers", "says: an earlier pattern reads it, or none does"
            )
    limits = {
        "hub.connect_timeout_s": profile.hub.connect_timeout_s,
        "hub.total_timeout_s": profile.hub.total_timeout_s,
        "ecert.connect_timeout_s": profile.ecert.connect_timeout_s,
        "ecert.total_timeout_s": profile.ecert.total_timeout_s,
        "ecert.code_life_s": profile.ecert.code_life_s,
        "ecert.token_life_s": profile.ecert.token_life_s,
        "ecert.authno_life_s": profile.ecert.authno_life_s,
    }
    for key, value in limits.items():
        if not 0 < value < math.inf:
            raise ProfileError(file, key, "must be a number of seconds above zero")
    not_negative = {
        "ecert.grace_s": profile.ecert.grace_s,
        "outcome.quiet_floor_s": profile.outcome.quiet_floor_s,
        "outcome.gate_s": profile.outcome.gate_s,
        "slip.mask_certno_first": profile.slip.mask_certno_first,
        "slip.mask_certno_last": profile.slip.mask_certno_last,
    }
    for key, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ProfileError(file, key, "must be a number from zero up")
    if _MONTH_AND_DAY.fullmatch(profile.policy.year_close) is None:
        raise ProfileError(file, "policy.year_close", "must be month and day like 03-31")
    if not profile.outcome.refusal_codes or 0 in profile.outcome.refusal_codes:
        raise ProfileError(file, "outcome.refusal_codes", "must name at least one code, and never 0")
    _refuse_bad_paths(profile, file)
    for infno, columns in profile.catalogue.columns.items():
        if not 1 <= columns.version <= columns.cells:
            raise ProfileError(
                file, f"catalogue.columns.{infno}", "version must be one of the cells, counted from 1"
            )
    tables: tuple[tuple[str, dict[Any, Any], Any], ...] = (
        ("codes.med_type", profile.codes.med_type, BenefitKind),
        ("codes.clr_type", profile.codes.clr_type, BenefitKind),
        ("codes.idet", profile.codes.idet, Category),
        ("codes.disease_groups", profile.codes.disease_groups, DiseaseGroup),
    )
    for key, table, kinds in tables:
        missing = set(typing.get_args(kinds)) - set(table)
        if missing:
            raise ProfileError(file, key, f"no code for: {', '.join(sorted(missing))}")


def _refuse_bad_paths(profile: Profile, file: str) -> None:
    """Two slashes at the beginning would name another host."""
    hub, ecert = profile.hub, profile.ecert
    paths = {
        "hub.path": hub.path,
        "hub.token_path": hub.token_path,
        "ecert.url_path": ecert.url_path,
        "ecert.hub_path": ecert.hub_path,
    }
    for key, path in paths.items():
        if not path.startswith("/") or path.startswith("//"):
            raise ProfileError(file, key, "must begin with a slash, and not with two")
    prefix = hub.proxy_prefix
    if prefix and (not prefix.startswith("/") or prefix.startswith("//") or prefix.endswith("/")):
        raise ProfileError(
            file, "hub.proxy_prefix", "must begin with a slash, not with two, and end without one"
        )
    if any(service.startswith("/") for service in hub.paths.values()):
        raise ProfileError(file, "hub.paths", "a service stands below hub.path and begins without a slash")
