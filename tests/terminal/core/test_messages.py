"""Answers that cannot be used for this settlement, and the edges of the tables: each says which message it was about."""

from typing import Any

import msgspec
import pytest

from protocols.hub.outpatient import FeeLinesOutput, Registered, RegistrationOutput
from protocols.hub.person import BenefitCheckOutput, Entitlement, PersonOutput
from protocols.hub.profile_sections import Sign
from protocols.hub.queries import ChronicFiling, ChronicQueryOutput, Visit, VisitQueryOutput
from protocols.hub.settlement import LineSplit
from protocols.money import Fen
from protocols.secret import Secret
from terminal.core.advancing import due_step, facts
from terminal.core.events import HubSaid
from terminal.core.flows import CLINIC_VISIT, FLOWS, Act, Fact
from terminal.core.machine import step
from terminal.core.message_parts import Misfit
from terminal.core.messages import READERS, misfits, shows_refund
from terminal.core.states import ALLOWED, ForbiddenTransition, State, require_allowed
from terminal.core.values import Filing, RefundOf, Settlement
from terminal.core.visit import WITHDRAW, withdraw
from terminal.core.visit_messages import charge_batch, found_visit
from tests.terminal.core.samples import (
    LINE,
    MEDIUM,
    NOTHING_PROVED,
    PERSON_NO,
    PROFILE,
    TO_CONFIRMED,
    after,
    cancelled_output,
    draft,
    person_output,
    query_output,
    sale_output,
)

_replace = msgspec.structs.replace
SECOND_LINE = _replace(LINE, number=2)


def visit(**changes: Any) -> Settlement:
    """A registered visit of two lines, identified."""
    known = after(start=draft(flow=CLINIC_VISIT.name, medium=MEDIUM, lines=(LINE, SECOND_LINE)))
    person = READERS["1101"](known, person_output(), PROFILE).person
    return _replace(known, person=person, own_visit_no="V7", visit_id="M1", entitled=True, **changes)


@pytest.mark.parametrize(
    ("infno", "names"),
    [
        ("1101", "1101"), ("2101", "setlinfo"), ("2102", "setlinfo"), ("2103", "2103"), ("2206A", "setlinfo"), ("2207A", "setlinfo"),
        ("2208", "2103"), ("2001", "2001"), ("5301", "5301"), ("2201", "2201"), ("2204", "2204"),
    ],
)  # fmt: skip
def test_an_output_of_another_kind_is_unusable_and_says_of_which_message(infno: str, names: str) -> None:
    for output in ("something else", None, VisitQueryOutput()):
        with pytest.raises(Misfit) as misfit:
            READERS[infno](visit(), output, PROFILE)
        assert (misfit.value.code, misfit.value.params) == ("hub_answer_unusable", {"infno": names})


def test_every_message_of_a_flow_that_is_read_has_its_reader() -> None:
    """2601 has an output of its own that says nothing more than `infcode`; 2202, 2205 and 3103 too."""
    asked = {
        row.message
        for flow in FLOWS.values()
        for row in flow.steps
        if row.act in (Act.ASK, Act.BOOK, Act.SETTLE)
    }
    assert asked - {"3103"} | {"2103", "2208"} == READERS.keys()


def test_who_1101_describes_must_be_who_showed_the_medium_and_insured_now() -> None:
    def read(output: PersonOutput, **changes: Any) -> Settlement:
        return READERS["1101"](draft(medium=MEDIUM, **changes), output, PROFILE)

    person = read(person_output()).person
    assert person is not None
    assert (person.psn_no, person.insutype, person.psn_type, person.insured_division, person.balance_fen) == (
        PERSON_NO, "310", "11", "999900", 6000
    )  # fmt: skip
    other = Secret("999999199001010024")
    with pytest.raises(Misfit, match="another_person"):
        read(person_output(certno=other))
    assert read(person_output(certno=Secret(""))).person is not None, "a hub that does not say is believed"
    with pytest.raises(Misfit, match="not_insured_now"):
        read(person_output(status="2"))
    mine, not_mine = (
        RefundOf("S0", 1, "H0", number) for number in (PERSON_NO, Secret("99990000000000000002"))
    )
    assert read(person_output(), refund_of=mine).person == person
    with pytest.raises(Misfit, match="refund_other_person"):
        read(person_output(), refund_of=not_mine)


@pytest.mark.parametrize(
    ("benefit", "local_only", "division", "refused"),
    [
        ("dual_channel", True, "989900", True),
        ("dual_channel", True, "999900", False),
        ("dual_channel", False, "989900", False),
        ("pharmacy", True, "989900", False),  # from the account alone: every institution may
    ],
)
def test_r07_an_institution_that_is_not_networked_serves_the_pool_of_its_own_province_only(
    benefit: str, local_only: bool, division: str, refused: bool
) -> None:
    sale = draft(medium=MEDIUM, benefit=benefit, local_only=local_only, division=division)
    if refused:
        with pytest.raises(Misfit, match="not_networked"):
            READERS["1101"](sale, person_output(), PROFILE)
    else:
        assert READERS["1101"](sale, person_output(), PROFILE).person is not None


def test_entitled_once_is_entitled_and_otherwise_the_reasons_are_told() -> None:
    def row(flag: str, reason: str = "") -> Entitlement:
        return Entitlement(entitled=flag, reason=reason)

    before = _replace(visit(), entitled=False)
    yes = READERS["2001"](before, BenefitCheckOutput(trtinfo=(row("0", "欠费"), row("1"))), PROFILE)
    assert yes.entitled
    for rows, text in (
        ((), "-"),
        ((row("0"),), "-"),
        ((row("0", "欠费"), row("0", "未备案")), "欠费; 未备案"),
    ):
        with pytest.raises(Misfit) as misfit:
            READERS["2001"](before, BenefitCheckOutput(trtinfo=rows), PROFILE)
        assert (misfit.value.code, misfit.value.params) == ("not_entitled", {"text": text})


def test_filings_are_kept_in_the_hubs_order_and_none_is_said() -> None:
    rows = tuple(
        ChronicFiling(disease_code=code, disease_name=name)
        for code, name in (("M01600", "糖尿病"), ("M03900", "高血压"))
    )
    known = READERS["5301"](visit(), ChronicQueryOutput(filings=rows), PROFILE)
    assert known.filings == (Filing("M01600", "糖尿病"), Filing("M03900", "高血压"))
    with pytest.raises(Misfit, match="no_filing"):
        READERS["5301"](visit(), ChronicQueryOutput(), PROFILE)


def test_a_registration_must_name_a_visit_and_our_own_number_or_none() -> None:
    def read(visit_id: str, own: str) -> str:
        output = RegistrationOutput(registered=Registered(visit_id=visit_id, own_visit_no=own))
        return READERS["2201"](_replace(visit(), visit_id=""), output, PROFILE).visit_id

    assert read("M9", "V7") == "M9"
    assert read("M9", "") == "M9"
    for visit_id, own in (("", "V7"), ("", ""), ("M9", "V8")):
        with pytest.raises(Misfit) as misfit:
            read(visit_id, own)
        assert (misfit.value.code, misfit.value.params) == ("hub_answer_unusable", {"infno": "2201"})


def test_an_upload_is_ours_when_it_names_exactly_our_lines_once() -> None:
    def rows(*numbers: str) -> FeeLinesOutput:
        splits = [
            LineSplit(line_no=number, amount_fen=sale_output().info.total_fen, quantity=LINE.quantity, price=LINE.price,
                      catalogue_class=f"0{place}")
            for place, number in enumerate(numbers, start=1)
        ]  # fmt: skip
        return FeeLinesOutput(line_splits=tuple(splits))

    assert charge_batch(visit()) == "V7001"
    known = READERS["2204"](visit(), rows("V7001002", "V7001001"), PROFILE)
    assert (known.charged, known.line_classes) == (True, ("02", "01")), "in our order"
    for numbers in ((), ("V7001001",), ("V7001001", "V7001001"), ("V7001001", "V7001002", "V7001002"), ("V7001001", "V7002002"),
                    ("V7001001", "V7001002", "V7001003")):  # fmt: skip
        with pytest.raises(Misfit) as misfit:
            READERS["2204"](visit(), rows(*numbers), PROFILE)
        assert (misfit.value.code, misfit.value.params) == ("hub_answer_unusable", {"infno": "2204"})


def test_our_visit_is_found_among_others_by_our_own_number() -> None:
    def seen(*numbers: str) -> VisitQueryOutput:
        return VisitQueryOutput(
            visits=tuple(
                Visit(visit_id=f"M{number}", own_visit_no=number, person_no=PERSON_NO) for number in numbers
            )
        )

    assert found_visit(visit(), seen("V6", "V7", "V8")) == "MV7"
    assert found_visit(visit(), seen("V6", "V8")) == ""
    assert found_visit(visit(), seen()) == ""
    assert found_visit(visit(), "something else") == ""


def test_only_5203_about_our_settlement_shows_its_refund() -> None:
    settled = after(*TO_CONFIRMED)
    assert shows_refund(settled, query_output("1"), PROFILE)
    assert shows_refund(settled, query_output("0"), PROFILE) is False
    assert shows_refund(settled, query_output("1", settlement_id="H2"), PROFILE) is None
    assert shows_refund(settled, "something else", PROFILE) is None
    assert misfits(settled, "something else", PROFILE) == ["output"]


@pytest.mark.parametrize("sign", [Sign(profile="input-only"), Sign(profile="unsigned-answers")])
def test_where_no_signature_binds_it_an_undoing_of_another_person_is_not_ours(sign: Sign) -> None:
    settled, profile = after(*TO_CONFIRMED), _replace(PROFILE, sign=sign)
    other = Secret("99990000000000000002")
    with pytest.raises(Misfit, match="hub_answer_unusable"):
        READERS["2103"](settled, cancelled_output(person_no=other), profile)
    assert shows_refund(settled, query_output("1", person_no=other), profile) is None
    for own in (PERSON_NO, Secret()):
        assert READERS["2103"](settled, cancelled_output(person_no=own), profile).cancellation is not None
        assert shows_refund(settled, query_output("1", person_no=own), profile)


def test_an_amount_broken_by_one_fen_in_a_cancellation_is_no_cancellation() -> None:
    settled = after(*TO_CONFIRMED)
    known = READERS["2103"](settled, cancelled_output(), PROFILE).cancellation
    assert known is not None
    assert settled.booking is not None
    assert known.split == settled.booking.split
    for changes in ({"account_fen": -3749}, {"account_fen": -3749, "psn_cash_fen": -1}, {"total_fen": 3750}):
        output = cancelled_output(**{name: Fen(value) for name, value in changes.items()})
        with pytest.raises(Misfit, match="hub_amounts_broken"):
            READERS["2103"](settled, output, PROFILE)


# -- the tables ------------------------------------------------------------------------------------


def test_the_state_table_lets_nothing_else_through() -> None:
    for source in State:
        for target in State:
            if (source, target) in ALLOWED:
                require_allowed(source, target)
                continue
            with pytest.raises(ForbiddenTransition, match=f"^{source} to {target}$"):
                require_allowed(source, target)


def test_a_step_that_a_flow_does_not_have_is_our_own_bug() -> None:
    assert CLINIC_VISIT.step("charge").message == "2204"
    with pytest.raises(KeyError, match="pay"):
        CLINIC_VISIT.step("pay")


def test_when_everything_is_known_no_step_is_due() -> None:
    over = _replace(after(*TO_CONFIRMED), medium=MEDIUM, paper_out=True, acknowledged=True)
    assert facts(over) >= {Fact.MEDIUM, Fact.SETTLEMENT, Fact.PAPER, Fact.ACKNOWLEDGEMENT}
    assert due_step(over) is None
    paper_missing = due_step(_replace(over, paper_out=False))
    assert paper_missing is not None
    assert paper_missing.name == "slip"


def test_silence_to_the_last_look_for_a_visit_is_asked_again_later() -> None:
    """The registration is refused to be taken back; whether it still stands is asked, and nobody answers."""
    owing = _replace(visit(), state=State.ABANDONED, owed=("2202",))
    asking = withdraw(owing).settlement
    assert asking.running == WITHDRAW
    looking = withdraw(_replace(owing, visit_id="")).settlement
    for heard in NOTHING_PROVED:
        later = step(looking, HubSaid("5201", heard), PROFILE)
        assert (later.settlement.owed, later.settlement.tries, later.settlement.running) == (("2202",), 1, "")
        assert later.retry is not None
        assert (later.retry.delay_s, later.retry.jitter, later.retry.verdict) == (5.0, 0.2, "unknown")
        assert later.ended is None
