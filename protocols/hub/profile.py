"""A province profile: every way in which one hub differs from another, as data.

`Profile` is the type; `parse_profile` reads the text of a TOML file into it (no files are opened here: the shipped
ones are package data of `protocols.hub.profiles`, a site may bring its own). Every key has the default of the profile
`national`, so a file names only what differs. A key nobody knows, a wrong type, or a value this version cannot follow
is refused with the file, the key and the reason: a profile half understood would lose money.

No province's name occurs in code; the decision numbers (K..) are explained in docs/profile-decisions.md.
"""

import math
import re
import tomllib
import typing
from typing import Any, Final, Literal

import msgspec
from msgspec import field

from protocols.errors import ProfileError

ReversalClass = Literal["done", "already", "not_found"]
ExtensionSpelling = Literal["exp_content", "expContent"]
FundClass = Literal["fund", "account", "hospital"]
BenefitKind = Literal[
    "pharmacy", "ordinary", "registration", "emergency", "chronic", "two_disease", "maternity", "dual_channel"
]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file."""


class Hub(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the hub (transport; the host itself is a setting of the site)."""

    url_shape: Literal["U1"] = "U1"  # U1: one URL, `infno` in the body decides
    path: str = "/uif-hsaf-med-api/api/medical/service"
    content_type: Literal["application/json", "text/plain; charset=utf-8"] = "application/json"
    connect_timeout_s: float = 5.0  # K67
    total_timeout_s: float = 30.0  # K67


class Env(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fixed members of the envelope."""

    recer_sys_code: str = "MBS_LOCAL"
    infver: str = "V1.0"
    opter_type: Literal["1", "2", "3"] = "1"
    sign_in: Literal["daily", "none"] = "daily"
    own_insuplc: Literal["empty", "own"] = "empty"  # what 9001 and 1101 carry as insuplc_admdvs


class Sign(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bytes are signed and how the signature is written; see `signing`."""

    profile: Literal["envelope", "input-only"] = "envelope"
    signtype: str = "SM2"
    user_id: Literal["1234567812345678"] = "1234567812345678"
    form: Literal["raw"] = "raw"
    encoding: Literal["base64"] = "base64"


class Form(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spellings and optional members."""

    ext_field: ExtensionSpelling = "expContent"  # K19, where `ext_fields` says nothing else
    ext_fields: dict[str, ExtensionSpelling] = field(default_factory=dict)  # by infno
    outpatient: Literal["A"] = "A"  # K20: 2203A, 2206A, 2207A
    diseinfo: Literal["diag_"] = "diag_"
    card_sn: Literal[32, 24] = 32  # hex digits of the card identification code, K30
    identity_with_token: Literal["send", "empty"] = "send"  # K29
    dict_query: Literal["snake", "camel"] = "snake"  # 1901: parent_value, Vali_Flag or parentValue, valiFlag
    own_code_1316: Literal["medins_list_codg", "med_list_codg"] = "medins_list_codg"


class Trace(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name of the traceability node; its place follows from the transaction (K13)."""

    pharmacy_node: Literal["durg_trac_info", "drug_trac_info"] = "durg_trac_info"  # 2102, inside the line
    outpatient_node: Literal["drug_trac_info"] = "drug_trac_info"  # 2207A, beside `data`
    required: Literal["2102_and_3505", "3505", "none"] = "2102_and_3505"


class Money(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conventions about amounts."""

    mutual_aid: Literal["inside"] = "inside"  # K41
    fund_sum: Literal["without_account", "with_account"] = "without_account"  # K42
    hifdm: Literal["either", "beside", "inside"] = "either"  # K43: accept both
    acct_used_flag_mode: Literal["auto", "explicit"] = "auto"  # K40


_MED_TYPES: Final[dict[BenefitKind, str]] = {
    "pharmacy": "41",
    "ordinary": "11",
    "registration": "12",
    "emergency": "13",
    "chronic": "14",
    "two_disease": "9901",
    "maternity": "51",
    "dual_channel": "9904",
}
_CLR_TYPES: Final[dict[BenefitKind, str]] = {
    "pharmacy": "41",
    "ordinary": "11",
    "registration": "12",
    "emergency": "13",
    "chronic": "14",
    "two_disease": "15",
    "maternity": "53",
    "dual_channel": "18",
}
_FUND_CLASSES: Final[dict[str, FundClass]] = {
    "310200": "account",
    "310201": "account",
    "390500": "account",
    "630100": "hospital",
    "640100": "hospital",
    "999900": "hospital",
    "999996": "hospital",
    "999997": "hospital",
}


class Codes(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Code tables (K23, K26, K27). A table in a file replaces the whole table here."""

    med_type: dict[BenefitKind, str] = field(default_factory=_MED_TYPES.copy)
    clr_type: dict[BenefitKind, str] = field(default_factory=_CLR_TYPES.copy)
    fund_class: dict[str, FundClass] = field(default_factory=_FUND_CLASSES.copy)  # all others are fund money
    fund_other: str = "999109"
    locality: Literal["four_digits", "two_digits"] = "four_digits"


class ReversalAnswer(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text pattern of an answer to 2601 (a regular expression, searched anywhere in `err_msg`)."""

    pattern: str
    means: ReversalClass


class Outcome(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How answers on the money path are read."""

    refusal_codes: tuple[int, ...] = (-1,)  # K62: any other non-zero code is a doubt
    message_seen: str = r"\[MSGID_SEEN\]"  # K12: a doubled delivery; the first copy may have booked
    sign_in_lost: str = r"\[SIGN_IN\]"  # the hub no longer knows our sign-in (fault F54): sign in anew before the next message
    doubt_texts: tuple[str, ...] = ("调用业务子系统.{0,20}失败", "调用.{0,10}业务系统.{0,10}异常")  # K62
    reversal_answers: tuple[ReversalAnswer, ...] = (  # K15, K64; first match wins, none = unknown
        ReversalAnswer(pattern=r"\[ALREADY_REVERSED\]", means="already"),
        ReversalAnswer(pattern=r"\[SETL_NOT_FOUND\]", means="not_found"),
        ReversalAnswer(pattern="原结算已退费", means="already"),
        ReversalAnswer(pattern="退费(结算)?标志.{0,12}未退费.{0,12}不(能|允许)冲正", means="already"),
    )
    reversible: tuple[str, ...] = ("2102", "2207", "2207A", "2304", "2401")  # K65
    by_message_query: Literal["none"] = "none"  # K63
    quiet_floor_s: float = 120.0  # before a "not found" is final; see `Profile.quiet_s`
    gate_s: float = 120.0  # a lane starts no new settlement while a doubt is younger


class Recon(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reconciliation of a day (K49)."""

    columns: Literal["ten_cells", "seven_cells"] = "ten_cells"  # of the result file of 3202


class Slip(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a slip may show of a person."""

    mask_certno_first: int = 3
    mask_certno_last: int = 4


class Retention(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days the terminal keeps what names people, counted from the end of a day's last settlement (PD-61)."""

    identity_days: int = 30  # what people are shown: names, identity numbers, dates of birth
    evidence_days: int = 730  # sealed requests and answers, charge sheets; not shorter than the other

    def __post_init__(self) -> None:
        if not 1 <= self.identity_days <= self.evidence_days:
            raise ValueError("identity_days must be at least 1 and at most evidence_days")


class Ecert(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The e-certificate centre."""

    path: Literal["middle_office", "hub_1162", "library", "province_own"] = "middle_office"  # K32
    url_path: str = "/localcfc/api/hsecfc/localQrCodeQuery"
    hub_path: str = "/fsi/api/hsecfc/localQrCodeQuery"  # at the hub, for hub_1162
    operator_len: Literal[20, 64] = 20
    code_life_s: float = 60.0  # PD-1
    grace_s: float = 15.0  # PD-1
    token_life_s: float = 1800.0  # PD-7
    authno_life_s: float = 300.0  # PD-7
    settle_notify: bool = True  # K38
    check_terminal_sn: bool = False  # the register it would be compared with is not published
    business_type_pharmacy: str = "02121"
    business_type_registration: str = "01101"
    business_type_settlement: str = "01301"
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 10.0


class Open(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How we write messages of the signed and encrypted open interface; reading accepts all but the signer id (PD-8)."""

    user_id: Literal["app_secret", "default16"] = "app_secret"
    timestamp: Literal["ms", "s", "text"] = "ms"
    version: Literal["2.0.1", "1.0.0"] = "2.0.1"
    hex: Literal["upper", "lower"] = "upper"
    escape_unicode: bool = False


class Profile(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hub's ways. `Profile(name="national")` is the default profile."""

    name: str
    hub: Hub = Hub()
    env: Env = Env()
    sign: Sign = Sign()
    form: Form = Form()
    trace: Trace = Trace()
    money: Money = Money()
    codes: Codes = Codes()
    outcome: Outcome = Outcome()
    recon: Recon = Recon()
    slip: Slip = Slip()
    retention: Retention = Retention()
    ecert: Ecert = Ecert()
    open: Open = Open()
    msgid_check: Literal["strict", "none"] = "strict"  # K12, followed by the hub simulator

    @property
    def quiet_s(self) -> float:
        """Quiet time Q: how long after a send a "no such record" may still be overtaken by the record."""
        return max(2 * self.hub.total_timeout_s, self.outcome.quiet_floor_s)

    def extension_spelling(self, infno: str) -> ExtensionSpelling:
        """How the extension member is spelt in the inputs of this transaction."""
        return self.form.ext_fields.get(infno, self.form.ext_field)

    def fund_class(self, fund_pay_type: str) -> FundClass:
        """Who a row of the fund breakdown is: fund money, personal account, or the institution (K26)."""
        return self.codes.fund_class.get(fund_pay_type, "fund")

    def is_reversible(self, infno: str) -> bool:
        """Whether 2601 may undo an unanswered transaction of this number (K65)."""
        return infno in self.outcome.reversible

    def classify_reversal(self, error_text: str) -> ReversalClass | None:
        """Read a refused 2601; None = no pattern matches = the outcome is still unknown."""
        for answer in self.outcome.reversal_answers:
            if re.search(answer.pattern, error_text):
                return answer.means
        return None

    def is_message_seen(self, error_text: str) -> bool:
        """The hub says this message id was there before: a doubt, never a refusal (K12)."""
        return re.search(self.outcome.message_seen, error_text) is not None

    def is_sign_in_lost(self, error_text: str) -> bool:
        """The hub does not know our sign-in any more; a refusal, after which the next message needs a new one."""
        return re.search(self.outcome.sign_in_lost, error_text) is not None

    def is_doubtful_text(self, error_text: str) -> bool:
        """A refusal whose text says that the hub does not know itself: a doubt (K12, K62)."""
        patterns = (self.outcome.message_seen, *self.outcome.doubt_texts)
        return any(re.search(pattern, error_text) for pattern in patterns)

    def is_local(self, care_division: str, insured_division: str) -> bool:
        """Whether a person is insured where the care is given (K27); an empty insured place counts as local."""
        digits = 4 if self.codes.locality == "four_digits" else 2
        return not insured_division or insured_division[:digits] == care_division[:digits]


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
    try:
        profile = msgspec.convert(tree, Profile)
    except msgspec.ValidationError as error:
        reason, path = _explained(str(error))
        raise ProfileError(name, ".".join(path), _worded(reason, path)) from None
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


def _explained(text: str) -> tuple[str, list[str]]:
    """Split the validator's text (`reason - at `$.section.key[...]``) into reason and the keys of the path."""
    reason, _, path = text.partition(" - at ")
    keys = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", path.replace("`key` in ", "").replace("...", ""))
    return reason, keys


def _worded(reason: str, path: list[str]) -> str:
    if not reason.startswith("Invalid enum value"):
        return reason[:1].lower() + reason[1:].replace("`object`", "a table").replace("`array`", "a list")
    allowed = _allowed_values(path) or typing.get_args(BenefitKind)
    return f"not supported; supported: {', '.join(map(repr, allowed))}"


def _allowed_values(path: list[str]) -> tuple[object, ...]:
    """Find the values of the Literal that the path ends at; () for the tables whose keys are benefit kinds."""
    type_: Any = Profile
    for key in path:
        while typing.get_origin(type_) in (dict, tuple):
            type_ = [part for part in typing.get_args(type_) if part is not ...][-1]
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
            type_ = {member.name: member.type for member in msgspec.structs.fields(type_)}.get(key)
    while typing.get_origin(type_) in (dict, tuple):
        type_ = [part for part in typing.get_args(type_) if part is not ...][-1]
    return typing.get_args(type_) if typing.get_origin(type_) is Literal else ()


_NO_PATH: Final = {
    "library": "the region's native library opens its own scan window and takes no scanned code from us",
    "province_own": "each such transaction is one province's own, and none is published far enough to write it",
}
"""Decode paths that are known by name only, and why they cannot be followed (K32)."""


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
    if not profile.outcome.refusal_codes or 0 in profile.outcome.refusal_codes:
        raise ProfileError(file, "outcome.refusal_codes", "must name at least one code, and never 0")
    if not profile.hub.path.startswith("/"):
        raise ProfileError(file, "hub.path", "must begin with a slash")
    for key, path in (("url_path", profile.ecert.url_path), ("hub_path", profile.ecert.hub_path)):
        if not path.startswith("/"):
            raise ProfileError(file, f"ecert.{key}", "must begin with a slash")
    if profile.ecert.path in _NO_PATH:
        raise ProfileError(file, "ecert.path", f"{profile.ecert.path}: {_NO_PATH[profile.ecert.path]}")
    if profile.ecert.check_terminal_sn:
        raise ProfileError(
            file,
            "ecert.check_terminal_sn",
            "the register that the serial number is compared with is not published",
        )
    for key, table in (
        ("codes.med_type", profile.codes.med_type),
        ("codes.clr_type", profile.codes.clr_type),
    ):
        missing = set(typing.get_args(BenefitKind)) - set(table)
        if missing:
            raise ProfileError(file, key, f"no code for: {', '.join(sorted(missing))}")
