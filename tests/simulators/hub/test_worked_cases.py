"""The worked cases of the benefit rules over the hub's signed messages: every amount as computed beforehand."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from simulators.benefit.case_file import accumulators
from simulators.benefit.cases import MONEY_FIELDS
from simulators.benefit.datafile import FEN, Node
from simulators.benefit.model import FUND_OTHER
from tests.capabilities import amounts, asserted
from tests.simulators.benefit.facts import (
    ABOUT_BURDEN,
    ABOUT_FUNDS,
    ABOUT_REASONS,
    Facts,
    burden,
    record_case,
)
from tests.simulators.hub.counter import Reply
from tests.simulators.hub.worked_case import WorkedCase, cases

RATIO: Final = "pool_prop_selfpay"


def _fen(text: object) -> int:
    return int(Decimal(str(text)) * 100)


def money_of(reply: Reply) -> dict[str, int | str]:
    """The money fields of `setlinfo` that an answer has, in fen, the ratio as text."""
    info = reply.setlinfo
    found: dict[str, int | str] = {name: _fen(info[name]) for name, _ in MONEY_FIELDS if name in info}
    if RATIO in info:
        found[RATIO] = f"{Decimal(str(info[RATIO])):.4f}"
    return found


def _funds(reply: Reply) -> dict[str, int]:
    return {
        "other" if row["fund_pay_type"] == FUND_OTHER else row["fund_pay_type"]: _fen(row["fund_payamt"])
        for row in reply.output["setldetail"]
    }


@pytest.mark.parametrize("case_id", cases())
def test_a_worked_case_comes_out_over_the_wire(case_id: str) -> None:
    """Amounts, fund rows, refusals, and what the books hold afterwards."""
    case = WorkedCase(case_id)
    replies = case.play()
    for step, reply in zip(case.steps, replies, strict=True):
        expect = step["expect"]
        if "refused" in expect:
            assert (reply.infcode, reply.code) == (-1, expect["refused"])
            continue
        assert reply.infcode == 0, reply.err_msg
        expected: dict[str, Any] = {RATIO: "0.0000"} | expect
        got = money_of(reply)
        assert got == {name: expected.get(name, 0) for name in got}
        assert {name for name, _ in MONEY_FIELDS} - set(got) <= {"hosp_part_amt"}
        if "expect_setldetail" in step:
            assert _funds(reply) == step["expect_setldetail"]
    _check_books(case)
    record_case(case_id, case.steps, lambda number, place: _facts(number, case, replies[place]))


def _check_books(case: WorkedCase) -> None:
    after, ledger = case.steps[-1]["after"], case.world.ledger
    assert ledger.balance(case.person.psn_no) == after["balance"]
    relatives = [row.psn_no for row in case.world.people if row is not case.person]
    assert [ledger.balance(psn_no) for psn_no in relatives] == [
        row["balance"] for row in after.get("mulaid", [])
    ]
    for year, sums in accumulators(Node("case", after["acc"], FEN)).items():
        assert ledger.accumulators(case.person.psn_no, case.case["person"]["set"], year) == sums


def _facts(number: str, case: WorkedCase, reply: Reply) -> Facts:
    """What the hub answered, as far as it concerns the row."""
    if reply.infcode:
        return {reply.code: reply.err_msg.partition(" (")[0]}
    if number in ABOUT_REASONS:
        return {}
    if number in ABOUT_FUNDS:
        return amounts(_funds(reply))
    if number in ABOUT_BURDEN:
        sums = case.world.ledger.accumulators(case.person.psn_no, case.case["person"]["set"], 2026)
        return burden({2026: sums.si_base_fen})
    order: Mapping[str, object] = case.steps[0]["expect"]
    found = money_of(reply)
    return amounts({name: found[name] for name in sorted(found, key=list(order).index)} if order else found)


def test_every_money_field_stands_under_its_national_name() -> None:
    """R77: also those that are 0."""
    (reply,) = WorkedCase("P38").play()
    names = [*(name for name, _ in MONEY_FIELDS), RATIO]
    asserted("R77", names, [name for name in names if name in reply.setlinfo], what="setlinfo")


def test_lines_add_up_and_so_do_their_shares() -> None:
    """R70, on P01: a drug of each class."""
    (sold,) = WorkedCase("P01").play()
    lines, bill = sold.output["detlcutinfo"], money_of(sold)
    total = {"medfee_sumamt": sum(_fen(line["det_item_fee_sumamt"]) for line in lines)}
    asserted("R70", {"medfee_sumamt": "93.50"}, amounts(total), what="lines")
    of_line = {"overlmt_selfpay": "overlmt_amt"}
    shares = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
    added = {name: sum(_fen(line[of_line.get(name, name)]) for line in lines) for name in shares}
    expected = {"fulamt_ownpay_amt": "39.90", "preselfpay_amt": "1.43", "inscp_scp_amt": "52.17"}
    assert {name: bill[name] for name in shares} == added
    asserted("R70", expected, amounts(added), what="shares")
