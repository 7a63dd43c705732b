"""The sections of a province profile: every switch with its default, the values it may have, and one comment on what it is.

The defaults are those of the profile `national`. The decision numbers (K..) are explained in docs/profile-decisions.md.
"""

from typing import Final, Literal

import msgspec
from msgspec import field

ExtraField = Literal["enc_type", "serv_code", "serv_sign", "recer_admdvs"]
ReversalClass = Literal["done", "already", "not_found"]
ExtensionSpelling = Literal["exp_content", "expContent"]
FundClass = Literal["fund", "account", "hospital"]
Category = Literal[
    "extremely_poor", "orphan", "de_facto_unattended", "low_income", "low_margin", "return_poverty",
    "poverty_monitored", "lifted_poverty",
]  # fmt: skip
PrintedField = Literal[
    "infno", "fixmedins_code", "fixmedins_name", "opter_name", "psn_type", "psn_cert_type", "psn_name", "certno", "caty",
    "diag_code", "drug_trac_codg", "oinfno", "file_qury_no",
]  # fmt: skip
DiseaseGroup = Literal["hypertension", "diabetes", "tumour", "dialysis", "anti_rejection"]
UrlShape = Literal["U1", "U2", "U3", "U4"]
GatewayScheme = Literal["none", "G1", "G2", "G3", "G4", "G5"]
NonceForm = Literal["guid", "guid_dashes", "digits"]
ReviewedKind = Literal["pharmacy", "clinic"]
BenefitKind = Literal[
    "pharmacy", "ordinary", "registration", "emergency", "chronic", "two_disease", "maternity", "dual_channel"
]


PATHS: Final[dict[UrlShape, str]] = {
    "U1": "/uif-hsaf-med-api/api/medical/service",
    "U2": "/",
    "U3": "/fsi/api/",
    "U4": "/mbs/fmi/fsi/api/callFsiService/callService",
}
"""The published paths; a file that names another shape and no path gets that shape's."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file."""


class Hub(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the hub (transport; host and keys are settings of the site). See `addresses` and `gateway`."""

    url_shape: UrlShape = (
        "U1"  # U1 one path, U2 base and number, U3 a service path for each, U4 one dispatcher (`addresses`)
    )
    path: str = PATHS["U1"]  # U1, U4: the one path; U2, U3: what stands before the number or the service
    proxy_prefix: str = ""  # of a reverse proxy, before everything
    paths: dict[str, str] = field(default_factory=dict)  # U3: further services by infno, below `path`
    gateway: GatewayScheme = "none"  # how requests show to the gateway who we are (`gateway`)
    gateway_nonce: NonceForm = "guid"  # form of the nonce of G1
    gateway_hex: Literal["lower", "upper"] = "lower"  # letters of the signature of G1
    gateway_version: str = "1.0.0"  # G2: `_api_version`
    token_path: str = "/auth/oauth/token"  # G4, below `proxy_prefix`
    token_scope: str = ""  # G4: `scope` of the token
    content_type: Literal["application/json", "text/plain; charset=utf-8"] = (
        "application/json"  # of every request
    )
    connect_timeout_s: float = 5.0  # to the hub (K67)
    total_timeout_s: float = 30.0  # of one exchange (K67)


class Env(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fixed members of the envelope."""

    recer_sys_code: str = "MBS_LOCAL"  # receiving system, up to 10 characters
    infver: str = "V1.0"  # interface version handed out by the hub
    opter_type: Literal["1", "2", "3"] = "1"  # 1 operator, 2 self-service terminal, 3 mobile terminal
    sign_in: Literal["daily", "none"] = "daily"  # 9001 once per operator and day, or never
    own_insuplc: Literal["empty", "own"] = "empty"  # what 9001 and 1101 carry as insuplc_admdvs
    input_as_text: bool = False  # `input` as one JSON text; see `packing`
    extra_fields: dict[ExtraField, str] = field(
        default_factory=dict
    )  # further members; serv_sign is refused, nobody says how it is made


class Sign(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bytes are signed and how the signature is written; see `signing`."""

    profile: Literal["envelope", "input-only", "unsigned-answers", "sorted-fields"] = (
        "envelope"  # bytes covered
    )
    signtype: Literal["SM2", "SM3", "", "PRCSSC", "MOCK"] = (
        "SM2"  # a label; what is signed does not follow it
    )
    user_id: Literal["1234567812345678", "client_id"] = "1234567812345678"  # signer id inside the SM2 digest
    form: Literal["raw", "der"] = "raw"  # r || s, or the ASN.1 sequence of both
    encoding: Literal["base64", "hex"] = "base64"  # of the signature in `cainfo`


class Crypt(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Encryption of the payload; see `packing`."""

    payload: Literal["none", "sm4_ecb_client_id"] = "none"  # SM4/ECB/PKCS#7 under the client id, in Base64
    answers: bool = True  # the hub encrypts `output` too (a flag it keeps for each institution)


class Password(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The card's or certificate's password."""

    cainfo: Literal["no", "rsa"] = "no"  # rsa: in the place of the signature


class Form(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spellings and optional members."""

    ext_field: ExtensionSpelling = (
        "expContent"  # spelling of the extension member, where `ext_fields` says nothing else (K19)
    )
    ext_fields: dict[str, ExtensionSpelling] = field(default_factory=dict)  # its spelling by infno
    outpatient: Literal["A", "plain", "2260"] = "A"  # K20: 2203A, 2206A, 2207A, or 2203, 2206, 2207
    identity_fields: Literal["optional", "required"] = "optional"  # in 2206 and 2207 too (one edition)
    diseinfo: Literal["diag_", "dise_"] = "diag_"  # first syllable of the diagnosis members of 2203(A)
    area_keys: bool = True  # extension keys of a person from another province (2203, 2206, 2207)
    naty_width: Literal[2, 3] = 2  # digits of `naty` in answers
    card_sn: Literal[32, 24] = 32  # hex digits of the card identification code, K30
    identity_with_token: Literal["send", "empty"] = (
        "send"  # identity document beside an e-certificate token (K29)
    )
    dict_query: Literal["snake", "camel"] = "snake"  # 1901: parent_value, Vali_Flag or parentValue, valiFlag
    setl_type_case: Literal["upper", "lower"] = "upper"  # 3505: MDTRT_SETL_TYPE or mdtrt_setl_type
    own_code_1316: Literal["medins_list_codg", "med_list_codg"] = (
        "medins_list_codg"  # 1316: spelling of the own code
    )


class Trace(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name of the traceability node; its place follows from the transaction (K13)."""

    pharmacy_node: Literal["durg_trac_info", "drug_trac_info"] = "durg_trac_info"  # 2102, inside the line
    outpatient_node: Literal["drug_trac_info", "durg_trac_info"] = "drug_trac_info"  # 2207A, beside `data`
    required: Literal["2102_and_3505", "3505", "none"] = "2102_and_3505"  # where a pack needs its trace code


class Stock(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Uploads of stock and sales (35xx)."""

    generation: Literal["plain", "A"] = (
        "plain"  # one row a call without answer, or many with one for each row
    )


class Money(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conventions about amounts."""

    mutual_aid: Literal["inside", "beside"] = "inside"  # acct_pay with relatives' money, or without (K41)
    fund_sum: Literal["without_account", "with_account"] = (
        "without_account"  # `fund_pay_sumamt` with the account in it or not (K42)
    )
    hifdm: Literal["either", "beside", "inside"] = (
        "either"  # `hifdm_pay` beside or inside `oth_pay`; either = both are taken (K43)
    )
    acct_used_flag_mode: Literal["auto", "explicit"] = (
        "auto"  # own account, then relatives': written 1, or 2 (K40)
    )


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


_IDENTITY_CATEGORIES: Final[dict[Category, str]] = {
    "extremely_poor": "2304",
    "orphan": "2361",
    "de_facto_unattended": "2370",
    "low_income": "2303",
    "low_margin": "236074",
    "return_poverty": "226104",
    "poverty_monitored": "226101",
    "lifted_poverty": "2302",
}
_DISEASE_GROUPS: Final[dict[DiseaseGroup, tuple[str, ...]]] = {
    "hypertension": ("M03900",),
    "diabetes": ("M01600",),
    "tumour": ("M00500", "M00503", "M00504"),
    "dialysis": ("M07801", "M07803", "M07804"),
    "anti_rejection": ("M08300",),
}


class Limits(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lengths; see `printed`."""

    check_printed: tuple[
        PrintedField, ...
    ] = ()  # fields whose printed length is checked before sending (K16)


class Codes(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Code tables (K23, K26, K27). A table in a file replaces the whole table here."""

    med_type: dict[BenefitKind, str] = field(
        default_factory=_MED_TYPES.copy
    )  # kind of visit to `med_type` (K23)
    clr_type: dict[BenefitKind, str] = field(
        default_factory=_CLR_TYPES.copy
    )  # kind of visit to clearing category (K23)
    fund_class: dict[str, FundClass] = field(default_factory=_FUND_CLASSES.copy)  # all others are fund money
    fund_other: str = "999109"  # further layers
    idet: dict[Category, str] = field(default_factory=_IDENTITY_CATEGORIES.copy)  # psn_idet_type (K22)
    disease_groups: dict[DiseaseGroup, tuple[str, ...]] = field(default_factory=_DISEASE_GROUPS.copy)  # K25
    xprov_groups: tuple[DiseaseGroup, ...] = tuple(
        _DISEASE_GROUPS
    )  # chronic diseases open across provinces (K25b)
    two_disease: Literal["M", "HBLB"] = (
        "M"  # codes of the two-diseases scheme: those of the chronic list, or HBLB101 and HBLB201 (K86)
    )
    pharmacy_pooled: Literal["2102", "chain_2203A"] = (
        "2102"  # how a pooled prescription is settled at a pharmacy (K24)
    )
    locality: Literal["four_digits", "two_digits"] = (
        "four_digits"  # how many digits of two divisions agree where a person is local (K27)
    )


class ReversalAnswer(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text pattern of an answer to 2601 (a regular expression, searched anywhere in `err_msg`)."""

    pattern: str
    means: ReversalClass
    says: str = ""  # the hub's whole text, where it is known: the simulator answers with it


class Outcome(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    reversible: tuple[str, ...] = ("2102", "2207", "2207A", "2304", "2401")  # what 2601 undoes (K65)
    by_message_query: str = (
        "none"  # transaction that looks a message id up: none is published, any other value is refused (K63)
    )
    resend_is_idempotent: bool = False  # whether the hub has promised to book one message id once
    quiet_floor_s: float = 120.0  # before a "not found" is final; see `Profile.quiet_s`
    gate_s: float = 120.0  # a lane starts no new settlement while a doubt is younger


class Policy(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules of the hub about settlements that no benefit policy carries; followed by the hub simulator."""

    cancel_order: bool = True  # an earlier settlement is not cancelled while a later one stands (K46)
    year_close: str = "03-31"  # last day on which fee dates and cancellations of the year before are taken
    quote_check_2207: bool = True  # 2207 is refused when its four amounts are not the hub's (K45)
    mutual_aid_outside_province: bool = False  # relatives' accounts pay in another province


class Review(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hub's review of a sale before its quote (K83)."""

    before_quote: Literal["none", "3101", "3102"] = (
        "none"  # which review is asked; findings wait for the operator and are answered with 3103
    )
    scene: dict[ReviewedKind, str] = field(
        default_factory=dict
    )  # `trig_scen` by kind of sale, where the hub selects its rules by it
    blocking: tuple[Literal["1", "2", "3"], ...] = ()  # severities with which no operator may carry on


class Recon(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reconciliation of a day (K49)."""

    columns: Literal["ten_cells", "seven_cells", "eleven_cells"] = "ten_cells"  # of the result file of 3202
    daily: Literal["3201_3202", "3211_3212", "13203"] = "3201_3202"  # how a day is compared
    cancel_is_record: bool = (
        True  # an undone settlement stays, with a record of its own beside it; or both are left out
    )
    clearing: Literal["portal", "3203"] = (
        "portal"  # how a month's clearing is applied for: on the institution's portal, or by 3203 (K84)
    )
    refd_flag_on_original: bool = True  # `refd_setl_flag` of the original turns to 1 when it is undone


class Columns(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of one catalogue file are cut, where an edition differs from the printed one."""

    cells: int  # in a row
    version: int  # which of them, from 1, says of which version the row is


class Catalogue(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The catalogues that come as files."""

    columns: dict[str, Columns] = field(
        default_factory=dict
    )  # by infno, where they are not the printed ones (K85)


class FarDrug(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Purchases of people insured in another province."""

    chain_2161: bool = False  # by the older chain 2161 to 2181 instead of 2101 and 2102


class Slip(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a slip may show of a person."""

    mask_certno_first: int = 3  # shown at the beginning of an identity number
    mask_certno_last: int = 4  # shown at its end


class Retention(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days the terminal keeps what names people, counted from the end of a day's last settlement (PD-61)."""

    identity_days: int = 30  # what people are shown: names, identity numbers, dates of birth
    evidence_days: int = 730  # sealed requests and answers, charge sheets; not shorter than the other

    def __post_init__(self) -> None:
        if not 1 <= self.identity_days <= self.evidence_days:
            raise ValueError("identity_days must be at least 1 and at most evidence_days")


class Ecert(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The e-certificate centre."""

    path: Literal["middle_office", "hub_1162", "library", "province_own"] = "middle_office"  # K32
    url_path: str = "/localcfc/api/hsecfc/localQrCodeQuery"  # at the centre
    hub_path: str = "/fsi/api/hsecfc/localQrCodeQuery"  # at the hub, for hub_1162, below `hub.proxy_prefix`
    operator_len: Literal[20, 64] = 20  # characters of `operatorId` that the centre takes
    code_life_s: float = 60.0  # PD-1
    grace_s: float = 15.0  # PD-1
    token_life_s: float = 1800.0  # PD-7
    authno_life_s: float = 300.0  # PD-7
    settle_notify: bool = True  # tell the certified terminal how a sale ended (K38)
    check_terminal_sn: bool = False  # the register it would be compared with is not published
    business_type_pharmacy: str = "02121"  # what a code is shown for at a pharmacy
    business_type_registration: str = "01101"  # and at a clinic
    connect_timeout_s: float = 5.0  # to the centre
    total_timeout_s: float = 10.0  # of one question


class Open(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How we write messages of the signed and encrypted open interface; reading accepts all but the signer id (PD-8)."""

    user_id: Literal["app_secret", "default16"] = "app_secret"  # signer id inside the SM2 digest
    timestamp: Literal["ms", "s", "text"] = (
        "ms"  # milliseconds as text, seconds as a number, or yyyyMMddHHmmss
    )
    version: Literal["2.0.1", "1.0.0"] = "2.0.1"  # of the outer envelope
    hex: Literal["upper", "lower"] = "upper"  # of `encData`
    escape_unicode: bool = False  # Chinese as JSON escapes (\\u533b) before encrypting
