"""What an answer proves: the rules of the outcome, answer by answer, for settlement, cancellation and reversal."""

from typing import Any

import msgspec
import pytest

from protocols.hub.profile_sections import Outcome, Sign
from protocols.hub.settlement import LineSplit
from protocols.money import Fen
from protocols.secret import Secret
from terminal.core.events import (
    Abandoned,
    ComposeFailed,
    Confirmed,
    Due,
    Heard,
    HubSaid,
    NotSent,
    Transmit,
)
from terminal.core.messages import misfits
from terminal.core.outcome import (
    Verdict,
    judge,
    judge_cancellation,
    judge_reversal,
    not_sent_notice,
    reason_of,
    retry_delay_s,
)
from terminal.core.states import State
from terminal.core.undoing import may_be_hurried
from terminal.core.values import Notice, RefundOf
from tests.terminal.core.samples import (
    ALREADY,
    COMPOSED,
    COMPOSED_2601,
    CONFIRM,
    DONE_2601,
    FORGED,
    GATEWAY,
    HTML,
    LINE,
    NOT_FOUND,
    OTHER_CODE,
    PERSON_NO,
    PROFILE,
    REFUSED,
    SEEN,
    SETTLE_ID,
    SHAPELESS,
    SILENT,
    SUBSYSTEM,
    TO_PRICED,
    TO_SENDING,
    TOTAL,
    UNSENT,
    after,
    begun,
    decide,
    good,
    notice_of,
    said_2102,
    sale_output,
)

GOOD = good(sale_output())
UNLISTED = msgspec.structs.replace(ALREADY, infcode=-7)
TABLE: list[tuple[str, Heard, Verdict, Verdict, Verdict]] = [
    # answer, to a settlement, to a cancellation, to a 2601
    ("done", GOOD, Verdict.DONE, Verdict.DONE, Verdict.DONE),
    ("done without an output", DONE_2601, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.DONE),
    ("output of another shape", SHAPELESS, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.DONE),
    ("definite refusal", REFUSED, Verdict.REFUSED, Verdict.REFUSED, Verdict.UNKNOWN),
    ("a code not on the list", OTHER_CODE, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("message id seen before", SEEN, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("the subsystem failed", SUBSYSTEM, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("already undone", ALREADY, Verdict.REFUSED, Verdict.ALREADY, Verdict.ALREADY),
    ("words of an answer to 2601 under another code", UNLISTED, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("no such settlement", NOT_FOUND, Verdict.REFUSED, Verdict.REFUSED, Verdict.NOT_FOUND),
    ("silence", SILENT, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("a page", HTML, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("the gateway's 401", GATEWAY, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("a wrong signature", FORGED, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ("zero bytes sent", UNSENT, Verdict.UNSENT, Verdict.UNSENT, Verdict.UNSENT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "heard", "settlement", "cancellation", "reversal"), TABLE, ids=[row[0] for row in TABLE]
)
def test_an_answer_is_judged(
    name: str, heard: Heard, settlement: Verdict, cancellation: Verdict, reversal: Verdict
) -> None:
    assert judge(heard, PROFILE) is settlement
    assert judge_cancellation(heard, PROFILE) is cancellation
    assert judge_reversal(heard, PROFILE) is reversal


def test_a_province_may_name_more_refusal_codes() -> None:
    profile = msgspec.structs.replace(PROFILE, outcome=Outcome(refusal_codes=(-1, -7)))
    assert judge(OTHER_CODE, PROFILE) is Verdict.UNKNOWN
    assert judge(OTHER_CODE, profile) is Verdict.REFUSED


def test_a_reason_is_a_machine_word_and_never_the_content_of_the_answer() -> None:
    assert [reason_of(heard) for heard in (REFUSED, OTHER_CODE, SHAPELESS, SILENT, FORGED, GATEWAY, UNSENT)] == [
        "infcode -1", "infcode -7", "malformed output", "timeout", "bad signature", "http 401", "refused"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "code", "params"),
    [
        ("timeout", "x", {"reason": "timeout"}),
        ("tls", "hub_not_trusted", {"reason": "tls"}),
        ("gateway_token", "hub_not_understood", {"profile": PROFILE.name, "reason": "gateway_token"}),
        ("too_long psn_name", "field_too_long", {"field": "psn_name"}),
    ],
)
def test_why_a_message_did_not_leave_is_told_by_what_can_be_done_about_it(
    reason: str, code: str, params: dict[str, str]
) -> None:
    told = not_sent_notice("x", NotSent(reason), PROFILE)
    assert (told.code, told.params) == (code, params)


# -- the settlement ------------------------------------------------------------------------------


def test_success_that_fits_is_settled_and_owes_a_slip() -> None:
    decision = said_2102(GOOD)
    settlement = decision.settlement
    assert settlement.state is State.CONFIRMED
    assert settlement.booking is not None
    assert settlement.booking.split.account_fen == 3750
    assert notice_of(settlement) == "settled"
    assert decision.receipt == "original"
    assert decision.ended is not None
    assert (decision.ended.state, decision.ended.verdict, decision.ended.answer) == (
        "ANSWERED",
        "done",
        b"raw",
    )


def test_each_line_gets_its_class_whatever_rows_the_hub_sends() -> None:
    """Rows may come in another order, or not at all: the slip needs one class for each of our lines."""
    output = sale_output()
    row = LineSplit(
        line_no="1", amount_fen=TOTAL, quantity=LINE.quantity, price=LINE.price, catalogue_class="02"
    )
    stranger = msgspec.structs.replace(row, line_no="7", catalogue_class="03", amount_fen=Fen(0))
    for rows, classes in (((), ()), ((row,), ("02",)), ((stranger, row), ("02",)), ((stranger,), ("",))):
        settled = said_2102(good(msgspec.structs.replace(output, line_splits=rows))).settlement
        if settled.booking is not None:
            assert settled.booking.line_classes == classes


def test_another_lawful_split_is_settled_and_said_to_differ() -> None:
    """A balance may have moved between quote and settlement (K45)."""
    settlement = said_2102(good(sale_output(account=3000))).settlement
    assert settlement.state is State.CONFIRMED
    assert not settlement.quarantine
    assert notice_of(settlement) == "settled_differently"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"person_no": Secret("99990000000000000002")}, "person"),
        ({"echoed_message_id": "P99990000001202611230900000199"}, "message id"),
        ({"total_fen": Fen(3749)}, "total"),
        ({"total_fen": Fen(3751)}, "total"),
        ({"account_fen": Fen(3749)}, "M6"),
        ({"fund_total_fen": Fen(1)}, "M5"),
        ({"policy_scope_fen": Fen(3749)}, "M3"),
        ({"psn_cash_fen": Fen(1)}, "M6"),
        ({"settlement_id": ""}, "no settlement id"),
    ],
)
def test_success_that_does_not_fit_is_quarantined_and_undone_by_our_message_id(
    changes: dict[str, Any], problem: str
) -> None:
    decision = said_2102(good(sale_output(**changes)))
    held = decision.settlement
    assert held.state is State.CONFIRMED
    assert held.quarantine
    assert held.booking is None, "nothing of a wrong answer is shown as good"
    assert notice_of(held) == "quarantined"
    assert decision.receipt == "doubt", "an incident slip, never a settlement slip"
    assert problem in decision.moves[0].reason
    assert decision.retry is not None
    assert decision.retry.delay_s == 0

    reversing = decide(held, Due(0.0))
    assert begun(reversing) == ["compose REVERSE 2601"]
    sent = decide(reversing.settlement, COMPOSED_2601)
    assert sent.settlement.state is State.REVERSING
    assert sent.settlement.settle_msgid == SETTLE_ID
    over = decide(sent.settlement, HubSaid("2601", DONE_2601)).settlement
    assert over.state is State.REVERSED
    assert over.booking is None


def test_answers_of_the_wrong_kind_are_quarantined_too() -> None:
    assert said_2102(good("something")).settlement.quarantine


def test_a_refusal_ends_it_and_shows_the_hubs_words() -> None:
    decision = said_2102(REFUSED)
    assert decision.settlement.state is State.REFUSED
    assert decision.settlement.notice is not None
    assert decision.settlement.notice.params == {"text": "账户余额不足 [X]"}
    assert decision.receipt == ""


def test_why_what_remains_after_a_refund_was_refused_is_kept_to_be_explained() -> None:
    rest = msgspec.structs.replace(after(*TO_SENDING), refund_of=RefundOf("S0", 1, "H0", PERSON_NO))
    refused = decide(rest, HubSaid("2102", REFUSED)).settlement
    assert refused.refusal == refused.notice == Notice("refund_rest_refused", {"text": "账户余额不足 [X]"})


@pytest.mark.parametrize("heard", [OTHER_CODE, SEEN, SUBSYSTEM, SHAPELESS, SILENT, HTML, GATEWAY, FORGED])
def test_everything_else_is_a_doubt_whose_reversal_is_due_at_once(heard: Heard) -> None:
    decision = said_2102(heard)
    assert decision.settlement.state is State.DOUBT
    assert notice_of(decision.settlement) == "doubt"
    assert decision.receipt == "doubt"
    assert decision.retry is not None
    assert decision.retry.delay_s == 0
    assert decision.ended is not None
    assert decision.ended.state == "UNKNOWN"
    due = decide(decision.settlement, Due(0.0))
    assert begun(due) == ["compose REVERSE 2601"]


def test_what_was_proved_unsent_goes_out_again_with_the_same_id_and_bytes() -> None:
    unsent = said_2102(UNSENT)
    armed = unsent.settlement
    assert armed.state is State.ARMED
    assert notice_of(armed) == "not_sent"
    assert unsent.ended is not None
    assert unsent.ended.state == "UNSENT"
    assert unsent.receipt == ""

    again = decide(armed, Confirmed("T01"))
    assert again.settlement.state is State.SENDING
    assert again.effects == (Transmit("2102", COMPOSED.msgid, COMPOSED.request),)
    assert again.durable
    assert again.sent is None, "no second attempt row"
    assert again.ended is not None
    assert (again.ended.msgid, again.ended.state) == (SETTLE_ID, "SENT")
    assert decide(again.settlement, HubSaid("2102", GOOD)).settlement.state is State.CONFIRMED


def test_an_unsent_settlement_may_be_given_up() -> None:
    armed = said_2102(UNSENT).settlement
    assert decide(armed, Abandoned("T01")).settlement.state is State.ABANDONED


# -- the reversal --------------------------------------------------------------------------------

DOUBT = after(*TO_SENDING, HubSaid("2102", SILENT))
REVERSING = after(Due(0.0), COMPOSED_2601, start=DOUBT)


@pytest.mark.parametrize(("heard", "verdict"), [(DONE_2601, "done"), (ALREADY, "already")])
def test_done_or_already_ends_the_doubt(heard: Heard, verdict: str) -> None:
    decision = decide(REVERSING, HubSaid("2601", heard))
    assert decision.settlement.state is State.REVERSED
    assert not decision.settlement.unseen
    assert decision.leave_queue
    assert decision.receipt == "reversed"
    assert decision.ended is not None
    assert decision.ended.verdict == verdict


@pytest.mark.parametrize(
    "heard", [REFUSED, OTHER_CODE, SEEN, SUBSYSTEM, SILENT, HTML, GATEWAY, FORGED, UNSENT]
)
def test_no_usable_answer_means_the_same_again_later(heard: Heard) -> None:
    decision = decide(REVERSING, HubSaid("2601", heard))
    assert decision.settlement.state is State.REVERSING
    assert decision.settlement.tries == 1
    assert decision.retry is not None
    assert decision.retry.delay_s == 5


def test_not_found_is_final_only_the_second_time_after_the_quiet_time() -> None:
    once = decide(REVERSING, HubSaid("2601", NOT_FOUND))
    assert once.settlement.state is State.REVERSED_ONCE
    assert once.retry is not None
    assert once.retry.delay_s == PROFILE.quiet_s == 120
    assert once.retry.jitter == 0, "never earlier than the quiet time"
    assert (once.retry.tries, once.retry.quiet_stage, once.retry.verdict) == (0, 1, "not_found")
    assert not may_be_hurried(once.settlement)
    assert may_be_hurried(msgspec.structs.replace(once.settlement, tries=1)), "the quiet time has passed"
    assert not once.leave_queue
    again = after(Due(120.0), COMPOSED_2601, start=once.settlement)
    assert again.state is State.REVERSING
    assert again.quiet_stage == 2
    twice = decide(again, HubSaid("2601", NOT_FOUND))
    assert twice.settlement.state is State.REVERSED
    assert twice.settlement.unseen
    assert notice_of(twice.settlement) == "reversed_unseen"
    assert twice.leave_queue


def test_the_original_that_arrived_in_the_quiet_time_is_undone_by_the_second_2601() -> None:
    """Fault F39: the hub commits after it has said "not found"."""
    second = after(HubSaid("2601", NOT_FOUND), Due(120.0), COMPOSED_2601, start=REVERSING)
    over = decide(second, HubSaid("2601", DONE_2601)).settlement
    assert over.state is State.REVERSED
    assert not over.unseen


def test_silence_to_the_second_2601_keeps_its_stage() -> None:
    second = after(
        HubSaid("2601", NOT_FOUND), Due(120.0), COMPOSED_2601, HubSaid("2601", SILENT), start=REVERSING
    )
    assert second.quiet_stage == 2
    assert after(Due(130.0), COMPOSED_2601, HubSaid("2601", NOT_FOUND), start=second).state is State.REVERSED


def test_pauses_grow_to_five_minutes_and_a_person_is_called_after_the_sixth_try() -> None:
    settlement, delays, codes = REVERSING, [], []
    for _ in range(9):
        decision = decide(settlement, HubSaid("2601", SILENT))
        assert decision.retry is not None
        delays.append(decision.retry.delay_s)
        codes.append(notice_of(decision.settlement))
        settlement = after(Due(1.0), COMPOSED_2601, start=decision.settlement)
    assert delays == [5, 10, 20, 40, 80, 300, 300, 300, 300]
    assert codes == ["reversal_waits"] * 5 + ["reversal_alarm"] * 4
    assert [retry_delay_s(tries) for tries in (0, 1, 5, 6, 10_000)] == [0, 5, 80, 300, 300]


def test_after_a_day_a_person_is_called_and_the_tries_go_on() -> None:
    young = decide(DOUBT, Due(86_399.0))
    assert young.settlement.state is State.DOUBT
    old = decide(DOUBT, Due(86_400.0))
    assert old.settlement.state is State.MANUAL
    assert old.durable
    assert notice_of(old.settlement) == "manual"
    assert begun(old) == ["compose REVERSE 2601"]
    reversing = decide(old.settlement, COMPOSED_2601).settlement
    assert reversing.state is State.REVERSING
    assert decide(reversing, HubSaid("2601", DONE_2601)).settlement.state is State.REVERSED


def test_a_confirmed_sale_is_armed_without_a_message_until_the_key_is_there() -> None:
    armed = after(*TO_PRICED, CONFIRM, ComposeFailed("SETTLE", "key_locked"))
    assert armed.state is State.ARMED
    assert armed.attempt is None
    assert notice_of(armed) == "key_locked"
    again = decide(armed, Confirmed("T01"))
    assert begun(again) == ["compose SETTLE 2102"]


@pytest.mark.parametrize("sign", [Sign(profile="input-only"), Sign(profile="unsigned-answers")])
def test_where_the_signature_binds_nothing_an_answer_must_say_whom_and_what_it_is_about(sign: Sign) -> None:
    profile = msgspec.structs.replace(PROFILE, sign=sign)
    sending = after(*TO_SENDING)
    assert misfits(sending, sale_output(), profile) == []
    silent = sale_output(echoed_message_id="", person_no=Secret())
    assert misfits(sending, silent, PROFILE) == []
    assert misfits(sending, silent, profile) == ["person", "message id"]


def test_a_gateway_that_gives_no_token_speaks_another_profiles_way() -> None:
    armed = said_2102(NotSent("gateway_token")).settlement
    assert (armed.state, notice_of(armed)) == (State.ARMED, "hub_not_understood")
    assert armed.notice is not None
    assert armed.notice.params == {"profile": "national", "reason": "gateway_token"}
