"""Profiles: the shipped ones, the defaults, and what is refused."""

from importlib import resources

import pytest

from protocols.errors import ProfileError
from protocols.hub import profiles
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.profile_sections import Retention

NATIONAL = Profile(name="national")
FILES = sorted(entry.name for entry in resources.files(profiles).iterdir() if entry.name.endswith(".toml"))


def _shipped(name: str) -> Profile:
    return parse_profile(resources.files(profiles).joinpath(name).read_text("utf-8"), name)


def test_the_shipped_profiles_are_read() -> None:
    assert FILES == ["input_only.toml", "national.toml"]
    for name in FILES:
        _shipped(name)


def test_national_spells_out_the_defaults() -> None:
    assert _shipped("national.toml") == NATIONAL == parse_profile("", "national.toml")


def test_input_only_differs_in_the_signature_alone() -> None:
    profile = _shipped("input_only.toml")
    assert profile.sign.profile == "input-only"
    assert profile.outcome == NATIONAL.outcome


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('surprise = "x"', "surprise", "unknown key"),
        ('[hub]\nurlshape = "U1"', "hub.urlshape", "unknown key; known here: connect_timeout_s,"),
        ('[env.extra_fields]\nvendor = "x"', "env.extra_fields", "supported: 'enc_type', 'serv_code'"),
        ('[codes.idet]\nrich = "1"', "codes.idet", "supported: 'extremely_poor'"),
        ('[codes]\nxprov_groups = ["cold"]', "codes.xprov_groups", "supported: 'hypertension'"),
        ('[policy]\nyear_close = "31-03"', "policy.year_close", "month and day"),
        ('[outcome]\nby_message_query = "5299"', "outcome.by_message_query", "5299: no transaction"),
        ("[outcome]\nresend_is_idempotent = true", "outcome.resend_is_idempotent", "promised in writing"),
        ('[recon]\ncolumns = "eleven_cells"', "recon.columns", "only the numbers"),
        ('[recon]\ndaily = "3211_3212"', "recon.daily", "3211_3212: which states"),
        ('[recon]\ndaily = "13203"', "recon.daily", "by name only"),
        ("[far_drug]\nchain_2161 = true", "far_drug.chain_2161", "by member names only"),
        ('[form]\noutpatient = "2260"', "form.outpatient", "2260: its four nodes"),
        ('[form]\ndiseinfo = "dise_"', "form.diseinfo", "dise_: five of its members"),
        ('[trace]\noutpatient_node = "durg_trac_info"', "trace.outpatient_node", "printed for 2102 only"),
        (
            '[form]\nidentity_fields = "required"\nidentity_with_token = "empty"',
            "form.identity_with_token",
            "takes no empty ones",
        ),
        (
            '[[outcome.reversal_answers]]\npattern = "x"\nmeans = "already"\nsays = "y"',
            "outcome.reversal_answers",
            "or none does",
        ),
        ('[hub]\nurl_shape = "U9"', "hub.url_shape", "not supported; supported: 'U1', 'U2', 'U3', 'U4'"),
        ('[hub]\nurl_shape = ["U3"]', "hub.url_shape", "expected `str`"),
        ("[hub]\nurl_shape = {U3 = 1}", "hub.url_shape", "expected `str`"),
        ('hub = "U2"', "hub", "expected a table"),
        (
            '[sign]\nprofile = "none"',
            "sign.profile",
            "supported: 'envelope', 'input-only', 'unsigned-answers'",
        ),
        ('[sign]\nprofile = "sorted-fields"', "sign.profile", "its own test server only"),
        ('[sign]\nuser_id = ""', "sign.user_id", "supported: '1234567812345678'"),
        ('[sign]\nuser_id = "client_id"', "sign.user_id", "has that line disabled"),
        ('[password]\ncainfo = "rsa"', "password.cainfo", "padding and text form"),
        ('[env.extra_fields]\nserv_sign = "x"', "env.extra_fields", "serv_sign: how it is computed"),
        ('[env.extra_fields]\nenc_type = "SM4"', "env.extra_fields", "absent elsewhere"),
        (
            '[crypt]\npayload = "sm4_ecb_client_id"\n[env.extra_fields]\nenc_type = "AES"',
            "env.extra_fields",
            "enc_type is SM4",
        ),
        (
            '[crypt]\npayload = "sm4_ecb_client_id"\n[env]\ninput_as_text = true',
            "env.input_as_text",
            "text already",
        ),
        ('[limits]\ncheck_printed = ["oinfno"]', "limits.check_printed", "form A are longer"),
        ('[limits]\ncheck_printed = ["psn_name", "infno"]', "limits.check_printed", "form A are longer"),
        ('[hub.paths]\n2102 = "x"', "hub.paths", "shape U3 only"),
        ('[hub]\nproxy_prefix = "ebus"', "hub.proxy_prefix", "begin with a slash"),
        ('[hub]\nproxy_prefix = "/ebus/"', "hub.proxy_prefix", "end without one"),
        ('[hub]\ntoken_path = "oauth"', "hub.token_path", "slash"),
        ("[form]\ncard_sn = 12", "form.card_sn", "supported: 32, 24"),
        (
            '[form.ext_fields]\n2101 = "extContent"',
            "form.ext_fields",
            "supported: 'exp_content', 'expContent'",
        ),
        ('[hub]\nconnect_timeout_s = "5"', "hub.connect_timeout_s", "expected `float`, got `str`"),
        ("[hub]\nconnect_timeout_s = 0", "hub.connect_timeout_s", "seconds above zero"),
        ("[hub]\ntotal_timeout_s = inf", "hub.total_timeout_s", "seconds above zero"),
        ("[hub]\ntotal_timeout_s = nan", "hub.total_timeout_s", "seconds above zero"),
        ('[hub]\npath = "fsi"', "hub.path", "slash"),
        ('[hub]\npath = "//fsi/api/"', "hub.path", "not with two"),
        ('[hub]\ntoken_path = "//oauth"', "hub.token_path", "not with two"),
        ('[hub]\nproxy_prefix = "//ebus"', "hub.proxy_prefix", "not with two"),
        (
            '[hub]\nurl_shape = "U3"\npath = "/"\n[hub.paths]\n2102 = "/evil/x"',
            "hub.paths",
            "begins without a slash",
        ),
        ('[ecert]\nurl_path = "x"', "ecert.url_path", "slash"),
        ('[ecert]\nurl_path = "//x"', "ecert.url_path", "not with two"),
        ('[ecert]\nhub_path = "//x"', "ecert.hub_path", "not with two"),
        ("[ecert]\ngrace_s = -1", "ecert.grace_s", "from zero up"),
        ("[slip]\nmask_certno_first = -1", "slip.mask_certno_first", "from zero up"),
        ("hub = 1", "hub", "expected a table"),
        ("name = 3", "name", "expected `str`"),
        ("[outcome]\nrefusal_codes = []", "outcome.refusal_codes", "at least one"),
        ("[outcome]\nrefusal_codes = [0, -1]", "outcome.refusal_codes", "never 0"),
        ('[outcome]\nrefusal_codes = ["-1"]', "outcome.refusal_codes", "expected `int`"),
        ('[outcome]\nmessage_seen = "("', "outcome.message_seen", "regular expression"),
        ('[outcome]\nmessage_seen = ""', "outcome.message_seen", "matches everything"),
        ('[outcome]\ndoubt_texts = ["x*"]', "outcome.doubt_texts", "matches everything"),
        (
            '[[outcome.reversal_answers]]\npattern = "x"\nmeans = "undone"',
            "outcome.reversal_answers.means",
            "supported: 'done', 'already', 'not_found'",
        ),
        (
            '[[outcome.reversal_answers]]\npattern = "["\nmeans = "done"',
            "outcome.reversal_answers",
            "regular expression",
        ),
        (
            '[[outcome.reversal_answers]]\npattern = "x"\nmeans = "done"\nmore = 1',
            "outcome.reversal_answers",
            "unknown field `more`",
        ),
        ('[codes.med_type]\npharmacy = "41"', "codes.med_type", "no code for: chronic,"),
        ('[codes.clr_type]\ninpatient = "21"', "codes.clr_type", "supported: 'pharmacy'"),
        (
            '[codes.fund_class]\n310200 = "acct"',
            "codes.fund_class",
            "supported: 'fund', 'account', 'hospital'",
        ),
        ('msgid_check = "lenient"', "msgid_check", "supported: 'strict', 'none'"),
    ],
)
def test_a_profile_that_cannot_be_followed_is_refused_with_file_key_and_reason(
    text: str, key: str, reason: str
) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(text, "some.toml")
    assert refused.value.file == "some.toml"
    assert refused.value.key == key
    assert reason in refused.value.reason
    assert str(refused.value).startswith(f"some.toml: {key}: ")


def test_plain_numbers_may_be_checked_for_their_length() -> None:
    text = '[form]\noutpatient = "plain"\n[limits]\ncheck_printed = ["infno", "oinfno"]'
    assert parse_profile(text, "x.toml").limits.check_printed == ("infno", "oinfno")


def test_a_file_that_is_no_toml_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"^some\.toml: not TOML"):
        parse_profile("name =", "some.toml")


def test_the_extension_member_is_spelt_per_transaction() -> None:
    profile = parse_profile('[form.ext_fields]\n2102 = "exp_content"', "x.toml")
    assert profile.extension_spelling("2102") == "exp_content"
    assert profile.extension_spelling("2207A") == "expContent"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("FSI-冲正失败:原结算已退费,不能冲正[demo]", "already"),
        ("调用业务子系统冲正失败：退费结算标志不是“未退费”，不能冲正[E0001]", "already"),
        ("该结算已冲正[ALREADY_REVERSED]", "already"),
        ("未找到原交易[SETL_NOT_FOUND]", "not_found"),
        ("不能冲正[OTHER]", None),
        ("系统繁忙", None),
        ("", None),
        ("人员不存在", None),
    ],
)
def test_a_refused_reversal_is_read_by_the_ordered_patterns(text: str, means: str | None) -> None:
    assert NATIONAL.classify_reversal(text) == means


def test_the_first_matching_pattern_decides() -> None:
    profile = parse_profile(
        '[[outcome.reversal_answers]]\npattern = "冲正"\nmeans = "done"\n'
        '[[outcome.reversal_answers]]\npattern = "已冲正"\nmeans = "already"\n',
        "x.toml",
    )
    assert profile.classify_reversal("已冲正") == "done"


def test_texts_that_are_a_doubt_and_not_a_refusal() -> None:
    assert NATIONAL.is_doubtful_text("报文ID重复[MSGID_SEEN]")
    assert NATIONAL.is_doubtful_text("调用业务子系统结算失败[500]")
    assert not NATIONAL.is_doubtful_text("余额不足[BALANCE]")


def test_quiet_time_is_never_shorter_than_two_exchanges_or_the_floor() -> None:
    assert NATIONAL.quiet_s == 120
    assert parse_profile("[hub]\ntotal_timeout_s = 100", "x.toml").quiet_s == 200
    assert parse_profile("[hub]\ntotal_timeout_s = 0.2\n[outcome]\nquiet_floor_s = 1", "x.toml").quiet_s == 1


def test_only_settlements_are_reversible() -> None:
    assert [infno for infno in ("2102", "2103", "2207A", "2208") if NATIONAL.is_reversible(infno)] == [
        "2102",
        "2207A",
    ]


def test_fund_rows_are_classified_by_table_and_not_by_prefix() -> None:
    assert NATIONAL.fund_class("310100") == "fund"
    assert NATIONAL.fund_class("310200") == "account"
    assert NATIONAL.fund_class("999996") == "hospital"
    assert NATIONAL.fund_class(NATIONAL.codes.fund_other) == "fund"


def test_local_is_the_same_city() -> None:
    assert NATIONAL.is_local("999900", "999901")
    assert NATIONAL.is_local("999900", "")
    assert not NATIONAL.is_local("999900", "999800")
    by_province = parse_profile('[codes]\nlocality = "two_digits"', "x.toml")
    assert by_province.is_local("999900", "999800")
    assert not by_province.is_local("999900", "989900")


def test_names_are_never_kept_longer_than_the_evidence() -> None:
    assert (Retention().identity_days, Retention().evidence_days) == (30, 730)
    for identity_days, evidence_days in ((0, 730), (31, 30)):
        with pytest.raises(ValueError, match="identity_days"):
            Retention(identity_days=identity_days, evidence_days=evidence_days)
