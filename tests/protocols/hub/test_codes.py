"""Names of codes; an unknown code stays printable."""

import pytest

from protocols.hub import codes
from protocols.hub.profile import Profile

DICTIONARIES = {
    "mdtrt_cert_type": codes.MDTRT_CERT_TYPE,
    "gend": codes.GEND,
    "insutype": codes.INSUTYPE,
    "psn_type": codes.PSN_TYPE,
    "med_type": codes.MED_TYPE,
    "clr_type": codes.CLR_TYPE,
    "fund_pay_type": codes.FUND_PAY_TYPE,
}


@pytest.mark.parametrize(
    ("dictionary", "code", "zh", "en"),
    [
        ("mdtrt_cert_type", "01", "医保电子凭证", "e-certificate"),
        ("gend", "2", "女", "female"),
        ("insutype", "310", "职工基本医疗保险", "employee basic medical insurance"),
        ("psn_type", "12", "退休", "retired"),
        ("med_type", "41", "定点药店购药", "designated pharmacy purchase"),
        ("clr_type", "53", "生育门诊", "maternity out-patient"),
        ("fund_pay_type", "310100", "城镇职工基本医疗保险统筹基金", "employee pooled fund"),
    ],
)
def test_a_code_has_a_name_in_both_languages(dictionary: str, code: str, zh: str, en: str) -> None:
    assert codes.name(DICTIONARIES[dictionary], code) == zh
    assert codes.name(DICTIONARIES[dictionary], code, "en") == en


def test_the_same_digits_mean_different_things_in_different_dictionaries() -> None:
    assert codes.name(codes.MED_TYPE, "53") == "计划生育手术"
    assert codes.name(codes.CLR_TYPE, "53") == "生育门诊"
    assert codes.name(codes.MED_TYPE, "1103") == "癌症筛查"
    assert codes.name(codes.CLR_TYPE, "1103") == "意外伤害门诊"


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES.keys())
def test_an_unknown_code_is_its_own_name(dictionary: codes.Dictionary) -> None:
    assert codes.name(dictionary, "88888801") == "88888801"
    assert codes.name(dictionary, "", "en") == ""


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES.keys())
def test_every_term_is_filled_in(dictionary: codes.Dictionary) -> None:
    assert all(term.zh and term.en and term.en.isascii() for term in dictionary.values())


def test_the_codes_of_the_default_profile_have_names() -> None:
    profile = Profile(name="national")
    assert all(code in codes.MED_TYPE for code in profile.codes.med_type.values())
    assert all(code in codes.CLR_TYPE for code in profile.codes.clr_type.values())
    assert all(code in codes.FUND_PAY_TYPE for code in profile.codes.fund_class)
    assert profile.codes.fund_other in codes.FUND_PAY_TYPE
