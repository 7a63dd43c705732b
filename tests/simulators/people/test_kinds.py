"""Every kind of person the benefit policy names exists, is one person on card, certificate and in the hub's books, and
is treated by the hub as the policy says."""

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from protocols.cards.errors import CardBlocked
from protocols.cards.social_security import read_card
from simulators.benefit.model import Accumulators, LayerAccumulator
from simulators.cards import CardMachine, image_for
from simulators.certificate_centre import CentreRefusal
from simulators.people import KINDS, Person, find, kinds_of, load_people, matching, of_kind
from simulators.serve import SimulatedWorld
from tests.capabilities import asserted
from tests.protocols.cards.helpers import run_dialogue
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import START, Counter, Lines, Reply, make_world, purchase

PEOPLE = load_people()
TODAY = START.date()
TABLETS: Lines = (("D03", 4, 1250),)
"""50.00, class A."""
MANY_TABLETS: Lines = (("D03", 60, 1250),)
"""750.00: 150.00 above the yearly deductible of an employee."""


@pytest.fixture(scope="module")
def world() -> SimulatedWorld:
    """One world for all: nothing here is booked but visits."""
    return make_world()


@pytest.fixture(scope="module")
def till(world: SimulatedWorld) -> Counter:
    """Till T01 of the pharmacy."""
    counter = Counter(world, "P99990000001")
    counter.sign_in()
    return counter


@pytest.fixture(scope="module")
def clinic(world: SimulatedWorld) -> Counter:
    """Window N01 of the clinic."""
    counter = Counter(world, "H99990000002")
    counter.sign_in()
    return counter


# -- the three that are made of one file ---------------------------------------------------------------


def asked(till: Counter, kind: str, number: str, card_sn: str = "") -> Reply:
    """1101 by one medium."""
    medium = {"mdtrt_cert_type": kind, "mdtrt_cert_no": number, "card_sn": card_sn}
    return till.ask("1101", {"data": {**medium, "psn_cert_type": "01"}})


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.slug)
def test_card_certificate_and_books_speak_of_one_person(till: Counter, person: Person) -> None:
    reply = asked(till, "02", person.certno)
    told = reply.output["baseinfo"]
    assert (told["psn_no"], told["certno"], told["psn_name"]) == (person.psn_no, person.certno, person.name)
    assert (told["gend"], told["brdy"]) == (person.sex, person.born.isoformat())
    assert [
        (row["insutype"], row["psn_type"], row["psn_insu_stas"], row["insuplc_admdvs"])
        for row in reply.output["insuinfo"]
    ] == [(row.insutype, row.psn_type, row.status, row.division) for row in person.enrolment]
    assert [row["memo"] for row in reply.output["idetinfo"]] == [
        kind.zh for kind in KINDS if kind.id in {row.kind for row in person.category}
    ]
    if person.certificate.state == "ACTIVATED":
        code = till.world.phone.issue(person, till.now)
        holder, token = till.world.book.decode(code, till.institution.code, till.now)
        assert holder is person
        assert token.startswith(person.enrolment[0].division)
        assert asked(till, "01", token).output == reply.output
    if person.card is not None and not person.card.blocked:
        machine = CardMachine(image_for(person))
        read = run_dialogue(read_card(machine.atr), machine)
        by_card = asked(till, "03", read.card_number.reveal(), read.card_sn.reveal())
        assert by_card.output == reply.output
        if read.certno is not None:  # 3.x cards show their holder to a SAM only
            assert read.name is not None
            assert (read.certno.reveal(), read.name.reveal()) == (told["certno"], told["psn_name"])


def test_two_enrolments_are_two_rows_with_their_states(till: Counter) -> None:
    states = {}
    for slug in ("gui", "shuangcan", "zhuanyi"):
        rows = asked(till, "02", find(PEOPLE, slug).certno).output["insuinfo"]
        states[slug] = [(row["insutype"], row["psn_insu_stas"], row["paus_insu_date"]) for row in rows]
    assert states == {
        "gui": [("310", "1", None), ("390", "2", "2019-12-31")],
        "shuangcan": [("310", "1", None), ("390", "1", None)],
        "zhuanyi": [("390", "1", None), ("390", "4", "2026-06-30")],
    }


# -- what the hub makes of them ------------------------------------------------------------------------


def quoted(
    clinic: Counter,
    who: str,
    med_type: str = "11",
    disease: str = "",
    lines: Lines = TABLETS,
    flag: str = "0",
) -> Reply:
    """The quote of a visit, or the first refusal on the way to it."""
    visit = ClinicVisit(clinic, find(PEOPLE, who), med_type=med_type, disease=disease)
    reply = visit.register()
    if reply.infcode:
        return reply
    visit.diagnose()
    visit.upload(lines)
    return visit.quote(flag)


RATIOS = [
    ("jia", "employee", "11", "", "0.7000"),
    ("linghuo", "flexible", "11", "", "0.7000"),
    ("yi", "retired", "11", "", "0.7500"),
    ("jumin", "resident", "11", "", "0.5500"),
    ("bing", "pupil", "11", "", "0.5500"),
    ("xuesheng", "student", "11", "", "0.5500"),
    ("xin", "newborn", "11", "", "0.5500"),
    ("dibian", "elderly_resident", "11", "", "0.5500"),
    ("qianyue", "signed_doctor", "11", "", "0.6000"),
    ("yunzhi", "pregnant", "51", "", "1.0000"),
    ("yunmin", "pregnant", "51", "", "0.6000"),
    ("geng", "chronic", "14", "M07801", "0.8500"),
    ("duobing", "several_chronic", "14", "M03900", "0.8500"),
    ("duobing", "several_chronic", "14", "M01600", "0.8500"),
    ("ding", "two_disease", "9901", "M03900", "0.6000"),
    ("liangbing", "both_two_diseases", "9901", "M03900", "0.6000"),
    ("liangbing", "both_two_diseases", "9901", "M01600", "0.6000"),
    ("zhuanman", "two_disease_held_as_chronic", "14", "M03900", "0.6000"),
    ("geng", "other_district", "11", "", "0.5500"),
    ("ren", "other_city", "11", "", "0.7500"),
    ("wu", "visiting_long_term", "11", "", "0.6000"),
    ("waiman", "visiting_long_term", "14", "M01600", "0.8000"),
    ("zhuanzhen", "visiting_referral", "11", "", "0.5400"),
    ("xianfu", "visiting_referral", "11", "", "0.7000"),
    ("jizhen", "visiting_emergency", "11", "", "0.5400"),
    ("weibei", "visiting_unfiled", "11", "", "0.4200"),
    ("beiman", "filing_ended", "11", "", "0.4200"),
    ("fanpin", "waiting_exempt", "11", "", "0.5500"),
    ("xubao", "waiting_exempt", "11", "", "0.5500"),
    ("qinei", "waiting_exempt", "11", "", "0.5500"),
    ("zhuanyi", "moved", "11", "", "0.5500"),
    ("gui", "one_of_two_paused", "11", "", "0.7000"),
    ("shuangcan", "double_enrolment", "11", "", "0.7000"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "kind", "med_type", "disease", "ratio"), RATIOS)
def test_the_pool_pays_each_kind_its_ratio(
    clinic: Counter, who: str, kind: str, med_type: str, disease: str, ratio: str
) -> None:
    assert find(PEOPLE, who) in of_kind(PEOPLE, kind, TODAY)
    reply = quoted(clinic, who, med_type, disease)
    assert reply.infcode == 0, reply.err_msg
    assert Decimal(reply.setlinfo["pool_prop_selfpay"]) == Decimal(ratio)


def test_a_place_that_takes_a_share_first_takes_it_of_a_referred_visitor(clinic: Counter) -> None:
    info = quoted(clinic, "xianfu").setlinfo
    assert (info["medfee_sumamt"], info["preselfpay_amt"], info["inscp_scp_amt"]) == (
        "50.00",
        "5.00",
        "45.00",
    )


ASSISTED = [
    ("extremely_poor", "geng", "22.50"),
    ("orphan", "guer", "22.50"),
    ("de_facto_unattended", "wuyang", "22.50"),
    ("low_income", "dibao", "18.00"),
    ("return_poverty", "fanpin", "18.00"),
    ("low_margin", "dibian", "15.75"),
    ("poverty_monitored", "jiance", "15.75"),
    ("lifted_poverty", "tuopin", "0.00"),
    ("category_ended", "tuizhu", "0.00"),
]


@pytest.mark.parametrize(("kind", "who", "aid"), ASSISTED)
def test_assistance_pays_each_category_its_part(clinic: Counter, kind: str, who: str, aid: str) -> None:
    assert [person.slug for person in of_kind(PEOPLE, kind, TODAY)] == [who]
    info = quoted(clinic, who).setlinfo
    assert (info["hifp_pay"], info["maf_pay"]) == ("27.50", aid)


SUPPLEMENTED = [
    ("civil_servant", "ji", "cvlserv_pay", "13.50"),
    ("enterprise_supplement", "qibu", "hifes_pay", "22.50"),
]


@pytest.mark.parametrize(("kind", "who", "field", "paid"), SUPPLEMENTED)
def test_supplements_pay_above_the_deductible(
    clinic: Counter, kind: str, who: str, field: str, paid: str
) -> None:
    assert [person.slug for person in of_kind(PEOPLE, kind, TODAY)] == [who]
    info = quoted(clinic, who, lines=MANY_TABLETS).setlinfo
    assert (info["act_pay_dedc"], info["hifp_pay"], info[field]) == ("600.00", "105.00", paid)


def test_a_further_layer_pays_half_of_what_lies_above_its_threshold(clinic: Counter) -> None:
    """9,900.00 borne before and 1,200.00 now: 1,100.00 above the line of 10,000.00."""
    (person,) = of_kind(PEOPLE, "further_layer", TODAY)
    before = Accumulators(year=2026, layers={"JH_N1": LayerAccumulator(990_000, 0)})
    clinic.world.ledger.set_accumulators(person.psn_no, "JH", before)
    info = quoted(clinic, person.slug, "14", "M01600", (("S06", 8, 100_000),)).setlinfo
    assert (info["inscp_scp_amt"], info["hifp_pay"], info["oth_pay"]) == ("7200.00", "6000.00", "550.00")


REFUSED = [
    ("visiting_long_term", "waiman", "14", "M05300", "XPROV_DISEASE_NOT_OPEN", "未开通跨省结算"),
    ("waiting", "dengdai", "11", "", "WAITING_PERIOD", "待遇等待期未满"),
    ("suspended", "tingbao", "11", "", "NOT_ENROLLED", "参保已暂停，最后一天 2026-06-30"),
    ("ended", "zhongbao", "11", "", "NOT_ENROLLED", "参保已终止，最后一天 2025-12-31"),
    ("two_disease_held_as_chronic", "zhuanman", "9901", "M03900", "USE_CHRONIC", "请按慢特病结算"),
]


@pytest.mark.parametrize(("kind", "who", "med_type", "disease", "code", "words"), REFUSED)
def test_the_hub_refuses_by_code_and_in_plain_words(
    clinic: Counter, kind: str, who: str, med_type: str, disease: str, code: str, words: str
) -> None:
    assert find(PEOPLE, who) in of_kind(PEOPLE, kind, TODAY)
    reply = quoted(clinic, who, med_type, disease)
    assert reply.code == code
    assert words in reply.err_msg
    visit = ClinicVisit(clinic, find(PEOPLE, who), med_type=med_type, disease=disease)
    (row,) = visit.benefit().output["trtinfo"]
    assert row["trt_enjymnt_flag"] == "0"
    assert row["trt_chk_rslt"] == reply.err_msg


def test_the_scheme_that_does_not_pay_is_refused_and_the_one_that_pays_is_named(clinic: Counter) -> None:
    visit = ClinicVisit(clinic, find(PEOPLE, "shuangcan"))
    reply = visit.register(insutype="390")
    told = {"refused": reply.code, "pays": "insutype 310" if "insutype 310" in reply.err_msg else ""}
    asserted("R13", {"refused": "DUPLICATE_ENROLMENT", "pays": "insutype 310"}, told, what="payable")


def test_the_fee_date_decides_which_of_two_insured_places_pays(clinic: Counter) -> None:
    """Moved on 1 July: the day before is the old place's (R12)."""
    ratios = {}
    for place, day in enumerate(("2026-07-01", "2026-06-30")):
        visit = ClinicVisit(clinic, find(PEOPLE, "zhuanyi"), med_type="11", disease="")
        visit.insured = visit.person.enrolment[place]
        assert visit.register(begntime=f"{day} 10:00:00").infcode == 0
        visit.diagnose()
        visit.upload(TABLETS, fee_ocur_time=f"{day} 10:00:00")
        ratios[day] = visit.quote("0").setlinfo["pool_prop_selfpay"]
    for what, day, expected in (("30 June", "2026-06-30", "0.42"), ("1 July", "2026-07-01", "0.55")):
        asserted("R12", {"pool_prop_selfpay": expected}, {"pool_prop_selfpay": ratios[day]}, what=what)


def test_an_approval_is_for_its_drug_and_days() -> None:
    """What it pays: tests of the institutions."""
    (person,) = of_kind(PEOPLE, "drug_approval", TODAY)
    days = (dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2031, 1, 1))
    assert [person.approved("XTEST000000000000000D09", day) for day in days] == [False, True, False]
    assert not person.approved("XTEST000000000000000D10", TODAY)


@pytest.mark.parametrize("who", ["gui", "guashi"])
def test_a_blocked_card_is_refused_by_card_and_hub_alike(till: Counter, who: str) -> None:
    person = find(PEOPLE, who)
    assert person in of_kind(PEOPLE, "blocked_card", TODAY)
    machine = CardMachine(image_for(person))
    with pytest.raises(CardBlocked):
        run_dialogue(read_card(machine.atr), machine)
    assert person.card is not None
    assert asked(till, "03", person.card.number, person.card.identification_code).code == "CARD_BLOCKED"


@pytest.mark.parametrize("kind", ["certificate_not_active", "certificate_stopped"])
def test_a_phone_without_an_active_certificate_shows_no_code(world: SimulatedWorld, kind: str) -> None:
    found = of_kind(PEOPLE, kind, TODAY)
    assert len(found) >= 2
    for person in found:
        with pytest.raises(CentreRefusal):
            world.book.show(person, START)


def test_nobody_without_a_card_has_an_image(till: Counter) -> None:
    for person in of_kind(PEOPLE, "no_card", TODAY):
        assert person.card is None
        assert asked(till, "02", person.certno).infcode == 0


def test_an_empty_account_leaves_all_to_cash_and_relatives_pay_in_their_order(till: Counter) -> None:
    empty, helped = find(PEOPLE, "lingzhang"), find(PEOPLE, "qinshu")
    assert empty in of_kind(PEOPLE, "empty_account", TODAY)
    assert helped in of_kind(PEOPLE, "relatives_accounts", TODAY)
    amounts = []
    for person in (empty, helped):
        info = till.ask("2101", purchase(till, person, till.token(person)), "999900").setlinfo
        amounts.append((info["acct_pay"], info["acct_mulaid_pay"], info["psn_cash_pay"]))
    assert amounts == [("0.00", "0.00", "83.30"), ("83.30", "73.30", "0.00")]


TESTED = {
    *(row[1] for row in RATIOS),
    *(row[0] for row in (*ASSISTED, *SUPPLEMENTED, *REFUSED)),
    *("drug_approval", "blocked_card", "certificate_not_active", "certificate_stopped", "no_card"),
    *("empty_account", "relatives_accounts", "further_layer"),
}


def test_every_kind_has_somebody_and_a_test() -> None:
    assert {kind.id for kind in KINDS} == TESTED
    for kind in KINDS:
        assert of_kind(PEOPLE, kind.id, TODAY), kind.id


def test_everybody_is_of_some_kind_and_is_found_by_words() -> None:
    kinds = {person.slug: kinds_of(person, TODAY) for person in PEOPLE}
    assert all(kinds.values())
    for words, found in (("pregnant employee", ["yunzhi"]), ("孕妇 居民", ["yunmin"]), ("no such", [])):
        assert [who for who, has in kinds.items() if matching(has, words)] == found
    with pytest.raises(KeyError, match="no kind tall"):
        of_kind(PEOPLE, "tall", TODAY)


def test_a_kind_holds_on_its_day() -> None:
    tuizhu = find(PEOPLE, "tuizhu")
    ids = [{kind.id for kind in kinds_of(tuizhu, day)} for day in (dt.date(2026, 6, 30), dt.date(2026, 7, 1))]
    assert "low_income" in ids[0]
    assert ids[1] & {"low_income", "category_ended"} == {"category_ended"}
    assert msgspec.structs.replace(tuizhu, category=()).categories(TODAY) == ()
