"""Activation step by step, and family accounts with the rule for under 16 (PD-10)."""

import datetime as dt

import msgspec
import pytest

from simulators.certificate_centre import (
    Activation,
    ActivationRefused,
    CertificateCentre,
    CodeBook,
    FaceOutcome,
    Step,
)
from simulators.certificate_centre.activation import Papers
from simulators.people import Person, Relative
from simulators.people.model import CertificateState, Relation
from tests.simulators.certificate_centre.asking import NOW, ask

People = dict[str, Person]
PAPERS: frozenset[Papers] = frozenset({"commitment", "household_register"})
DAY = dt.date(2026, 11, 21)


@pytest.fixture
def activation(book: CodeBook, people: People) -> Activation:
    """Nobody has begun."""
    return Activation(book, list(people.values()))


def refused(call: object) -> str:
    """The code with which a step is refused."""
    assert callable(call)
    with pytest.raises(ActivationRefused) as found:
        call()
    assert found.value.zh
    assert found.value.en
    return found.value.code


def test_four_steps_make_a_certificate_that_decodes(
    activation: Activation, centre: CertificateCentre, people: People
) -> None:
    ren = people["ren"]
    before = centre.book.issue(ren, NOW)
    assert ask(centre, "ec.query", ecQrCode=before)["code"] == 990004
    assert activation.step(ren) is Step.TERMS
    assert activation.agree(ren) is Step.REAL_NAME
    assert activation.real_name(ren, ren.name, ren.certno) is Step.FACE
    assert activation.face(ren, "match") is Step.PASSWORD
    assert activation.set_password(ren, "135790") is Step.DONE
    assert activation.step(ren) is Step.DONE
    assert ask(centre, "ec.query", ecQrCode=before)["code"] == 0, "the rescan after the help"


def test_steps_are_taken_in_their_order(activation: Activation, people: People) -> None:
    ren = people["ren"]
    assert refused(lambda: activation.face(ren, "match")) == "wrong_step"
    assert refused(lambda: activation.set_password(ren, "135790")) == "wrong_step"
    activation.agree(ren)
    assert refused(lambda: activation.agree(ren)) == "wrong_step"
    assert activation.step(ren) is Step.REAL_NAME


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("mismatch", "face_mismatch"),
        ("not_alive", "not_alive"),
        ("cancelled", "face_cancelled"),
        ("timeout", "face_cancelled"),
    ],
)
def test_a_face_that_fails_leaves_the_step_open(
    activation: Activation, people: People, outcome: FaceOutcome, code: str
) -> None:
    ren = people["ren"]
    activation.agree(ren)
    activation.real_name(ren, ren.name, ren.certno)
    assert refused(lambda: activation.face(ren, outcome)) == code
    assert activation.step(ren) is Step.FACE


def test_somebody_elses_name_is_not_accepted(activation: Activation, people: People) -> None:
    ren, jia = people["ren"], people["jia"]
    activation.agree(ren)
    assert refused(lambda: activation.real_name(ren, jia.name, ren.certno)) == "not_the_person"
    assert refused(lambda: activation.real_name(ren, ren.name, jia.certno)) == "not_the_person"


@pytest.mark.parametrize("password", ["", "12345", "1234567", "12345a", "111111", "123456", "１３５７９０"])
def test_a_password_has_six_digits_and_is_not_simple(
    activation: Activation, people: People, password: str
) -> None:
    ren = people["ren"]
    activation.agree(ren)
    activation.real_name(ren, ren.name, ren.certno)
    activation.face(ren, "match")
    assert refused(lambda: activation.set_password(ren, password)) == "password_weak"
    assert activation.step(ren) is Step.PASSWORD


@pytest.mark.parametrize(
    ("state", "code"), [("NOT_INSURED", "not_insured"), ("FROZEN", "frozen"), ("CANCELLED", "frozen")]
)
def test_who_has_nothing_to_activate_is_told_where_to_go(
    activation: Activation, book: CodeBook, people: People, state: CertificateState, code: str
) -> None:
    book.set_state(people["jia"], state)
    assert refused(lambda: activation.agree(people["jia"])) == code


def test_an_active_certificate_is_not_activated_again(activation: Activation, people: People) -> None:
    assert activation.step(people["jia"]) is Step.DONE
    assert refused(lambda: activation.agree(people["jia"])) == "wrong_step"


# -- family ----------------------------------------------------------------------------------------


def test_the_shipped_family_is_there(activation: Activation, people: People) -> None:
    (bing,) = activation.members(people["jia"])
    assert (bing.person.slug, bing.relation) == ("bing", "child")
    assert activation.members(people["bing"]) == ()


@pytest.mark.parametrize(
    ("relative_is", "member_is"), [("parent", "child"), ("child", "parent"), ("spouse", "spouse")]
)
def test_what_the_holder_is_to_the_member_is_turned_round(
    book: CodeBook, people: People, relative_is: Relation, member_is: Relation
) -> None:
    holder = Relative("yi", relative_is, family_certificate=True)
    member = msgspec.structs.replace(people["ding"], relative=(holder,))
    (found,) = Activation(book, [people["yi"], member]).members(people["yi"])
    assert found.relation == member_is


def test_a_member_of_16_needs_a_face_and_one_under_16_does_not(
    activation: Activation, people: People
) -> None:
    jia, ren, xin = people["jia"], people["ren"], people["xin"]
    assert refused(lambda: activation.add_member(jia, ren, "parent", PAPERS, None, DAY)) == "face_needed"
    assert (
        refused(lambda: activation.add_member(jia, ren, "parent", PAPERS, "mismatch", DAY)) == "face_mismatch"
    )
    activation.add_member(jia, xin, "child", PAPERS, None, DAY)
    activation.add_member(jia, ren, "parent", PAPERS, "match", DAY)
    assert [one.person.slug for one in activation.members(jia)] == ["bing", "xin", "ren"]
    assert activation.step(ren) is Step.DONE, "the family account has activated the member"


def test_a_member_who_had_begun_alone_begins_anew_when_the_certificate_ends(
    activation: Activation, book: CodeBook, people: People
) -> None:
    ren = people["ren"]
    activation.agree(ren)
    activation.real_name(ren, ren.name, ren.certno)
    activation.add_member(people["jia"], ren, "parent", PAPERS, "match", DAY)
    book.set_state(ren, "NOT_ACTIVATED")
    assert activation.step(ren) is Step.TERMS


def test_on_the_sixteenth_birthday_the_face_is_asked_for(activation: Activation, people: People) -> None:
    yi, bing = people["yi"], people["bing"]
    birthday = dt.date(bing.born.year + 16, bing.born.month, bing.born.day)
    assert refused(lambda: activation.add_member(yi, bing, "child", PAPERS, None, birthday)) == "face_needed"
    activation.add_member(yi, bing, "child", PAPERS, None, birthday - dt.timedelta(days=1))


def test_a_family_account_needs_both_papers_an_active_holder_and_another_person(
    activation: Activation, people: People
) -> None:
    jia, yi, ren = people["jia"], people["yi"], people["ren"]
    one: frozenset[Papers] = frozenset({"commitment"})
    assert refused(lambda: activation.add_member(jia, yi, "spouse", one, "match", DAY)) == "papers_missing"
    assert (
        refused(lambda: activation.add_member(ren, yi, "child", PAPERS, "match", DAY)) == "holder_not_active"
    )
    assert refused(lambda: activation.add_member(jia, jia, "child", PAPERS, "match", DAY)) == "already_member"
    assert (
        refused(lambda: activation.add_member(jia, people["bing"], "child", PAPERS, None, DAY))
        == "already_member"
    )
    assert (
        refused(lambda: activation.add_member(jia, people["gui"], "spouse", PAPERS, "match", DAY)) == "frozen"
    )
