"""The shipped personas, and what a wrong persona file is refused with."""

import datetime as dt
from pathlib import Path

import pytest

import simulators.people
from simulators.people import PersonaError, find, identity_check_character, load_people, parse_person

PEOPLE = load_people()
JIA = (Path(simulators.people.__file__).parent / "jia.toml").read_text(encoding="utf-8")


def test_the_first_ten_are_shipped_in_the_order_of_their_numbers() -> None:
    assert [person.slug for person in PEOPLE[:10]] == [
        *("jia", "yi", "bing", "ding", "wu"),
        *("ji", "geng", "xin", "ren", "gui"),
    ]
    numbers = [*range(1, 11), *range(501, 501 + len(PEOPLE) - 10)]
    assert [person.psn_no for person in PEOPLE] == [f"9999{n:016d}" for n in numbers]


def test_every_identity_number_lies_in_the_area_of_nobody_and_checks() -> None:
    for person in PEOPLE:
        assert person.certno.startswith("999999")
        assert identity_check_character(person.certno[:17]) == person.certno[17]


def test_jia_is_an_employee_with_sixty_yuan() -> None:
    jia = find(PEOPLE, "测试甲")
    row = jia.enrolled("310")
    assert row is not None
    assert (row.division, row.psn_type, row.balance_fen) == ("999900", "11", 6000)
    assert jia.card is not None
    assert jia.card.identification_code == "999999D15600000500000001FFFFFFFF"
    assert jia.card.reset_information == "00815445538660999900000001"


def test_yi_has_diabetes_filed_and_lives_in_another_district() -> None:
    yi = find(PEOPLE, "yi")
    assert [(row.kind, row.code) for row in yi.registration] == [("chronic", "M01600")]
    assert yi.enrolment[0].division == "999901"


def test_gui_has_one_active_and_one_paused_enrolment_and_a_blocked_card() -> None:
    gui = find(PEOPLE, "99990000000000000010")
    assert [(row.insutype, row.active) for row in gui.enrolment] == [("310", True), ("390", False)]
    assert gui.enrolled("390") is None
    assert gui.card is not None
    assert gui.card.blocked


def test_bing_may_use_the_account_of_jia() -> None:
    relative = find(PEOPLE, "bing").relative[0]
    assert (relative.slug, relative.mutual_aid, relative.family_certificate) == ("jia", True, True)


def test_age_is_in_tenths_of_a_year() -> None:
    assert find(PEOPLE, "jia").age(dt.date(2026, 1, 5)) == 360
    assert find(PEOPLE, "xin").age(dt.date(2026, 3, 1)) == 0


def test_the_text_of_a_person_names_nobody() -> None:
    assert repr(find(PEOPLE, "jia")) == "Person('jia')"


def test_an_unknown_name_is_a_key_error_that_lists_who_there_is() -> None:
    with pytest.raises(KeyError, match="known: jia, yi"):
        find(PEOPLE, "nobody")


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('certno = "999999199001010016"', 'certno = "999999199001010017"', "certno", "check character"),
        ("born = 1990-01-01", "born = 1990-01-02", "born", "differs"),
        ('sex = "1"', 'sex = "2"', "sex", "differs"),
        ('insutype = "310"', "insutype = 310", "enrolment[0].insutype", "Expected"),
        ('insutype = "310"\n', "", "enrolment[0].insutype", "missing"),
        ('slug = "jia"\n', 'slug = "jia"\nshoe_size = 43\n', "shoe_size", "unknown"),
        ('balance = "60.00"', 'balance = "60"', "enrolment[0].balance", "regex"),
        ('version = "3.00"', 'version = "2.00"', "card.version", "generation"),
        ('insutype = "310"', 'insutype = "510"', "enrolment[0].insutype", "none of"),
        ('psn_type = "11"', 'psn_type = "11"\nlayers = ["GX_TILT"]', "enrolment[0].layers", "can be joined"),
        ("[certificate]", '[[category]]\nkind = "poor"\n\n[certificate]', "category[0].kind", "none of"),
        (
            "[certificate]",
            '[[approval]]\ncode = "XTEST000000000000000D01"\nbegin = 2026-01-01\nend = 2026-12-31\n\n[certificate]',
            "approval[0].code",
            "negotiated",
        ),
        (
            "[certificate]",
            '[[registration]]\nkind = "chronic"\ncode = "M03900"\nname = "糖尿病"\nbegin = 2026-01-01\n\n[certificate]',
            "registration[0].code",
            "disease list",
        ),
        (
            "[certificate]",
            "[pregnancy]\nfiled = 2026-09-01\nexpected = 2027-04-10\n\n[certificate]",
            "pregnancy",
            "man",
        ),
        (
            'employer = "测试单位"',
            'employer = "测试单位"\n[enrolment.joined]\npaid_on = 2026-01-01\nexempt = "employee_gap"',
            "enrolment[0].joined.employee_gap_months",
            "employee_gap",
        ),
        ("00815445538660999900000001", "00815445538660999900000002", "card.reset_information", "serial"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_reason(old: str, new: str, key: str, reason: str) -> None:
    assert old in JIA
    with pytest.raises(PersonaError) as refused:
        parse_person(JIA.replace(old, new, 1), "wrong.toml")
    assert refused.value.file == "wrong.toml"
    assert refused.value.key == key
    assert reason in refused.value.reason


def test_the_enrolment_that_pays_comes_first() -> None:
    again = JIA.replace(
        "[certificate]",
        '[[enrolment]]\ninsutype = "390"\npsn_type = "15"\ndivision = "999900"\nsince = 2010-01-01\n\n[certificate]',
    )
    assert len(parse_person(again, "twice.toml").enrolment) == 2
    with pytest.raises(PersonaError, match=r"late\.toml: enrolment: the one that pays must come first"):
        parse_person(again.replace('status = "1"', 'status = "2"'), "late.toml")


def test_text_that_is_not_toml_is_refused() -> None:
    with pytest.raises(PersonaError, match=r"wrong\.toml: \(whole file\): not TOML"):
        parse_person("slug = ", "wrong.toml")


def test_two_people_with_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(JIA, encoding="utf-8")
    (tmp_path / "b.toml").write_text(JIA.replace('slug = "jia"', 'slug = "twin"'), encoding="utf-8")
    with pytest.raises(PersonaError, match="already used"):
        load_people(tmp_path)
