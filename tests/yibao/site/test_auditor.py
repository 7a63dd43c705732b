"""The auditor of the whole site sees what a run ends with: a journal that lost what was told, and one without amounts."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import terminal.journal.journal
from protocols.money import format_yuan
from simulators.people import load_people
from simulators.printer.reading import SETTLED, DecodedSlip, decode_slip
from terminal.journal.records import SettlementRow
from terminal.journal.settlement_table import SettlementTable
from yibao.site.auditor import Auditor, by_beginning, names_one
from yibao.site.disk import Contents, StoredFile
from yibao.site.machine import Machine
from yibao.site.site import Site
from yibao.site.tape import Piece
from yibao.site.twins import Twin
from yibao.site.virtual_loop import run_virtual

pytestmark = pytest.mark.blocking_allowed(
    "virtual time: the disk is called in line, and nobody is kept waiting"
)
SEED, SALES = 3, 6


def audited_again(folder: Path, spoil: Callable[[Machine], None]) -> tuple[Auditor, set[str], int]:
    """A small run in which all is well, audited once more after its machines were spoilt.

    Besides every sale that was told of, and how many settlements stand at the hub.
    """

    async def life() -> tuple[Auditor, set[str], int]:
        site = Site(SEED, folder, Twin())
        await site.run(SALES)
        assert site.auditor.breaks == []
        for machine in site.machines:
            spoil(machine)
        site.auditor.audit(site.machines, folder)
        told = {settlement.id for till in site.tills for sale in till.sales for settlement in sale.told}
        return site.auditor, told, len(site.world.ledger.live_settlements())

    return run_virtual(life, SEED)


def found(auditor: Auditor, invariant: str, words: str) -> set[str]:
    """The settlements of which a break of this kind is noted."""
    return {one.text.split()[0] for one in auditor.breaks if one.invariant == invariant and words in one.text}


class Paper(Piece, frozen=True):
    """A piece of paper with these lines."""

    words: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """See `Piece`."""
        return self.words


def cancellation_slip(
    undone: DecodedSlip, *facts: str, total_fen: int | None = None, balance: tuple[str, ...] = ()
) -> Piece:
    """A slip that says this of itself, and undoes the amounts of a settlement."""
    amounts = {
        "费用总额": undone.total_fen if total_fen is None else total_fen,
        "基金支付": undone.fund_fen, "个人账户支付": undone.account_fen, "现金支付": undone.cash_fen,
    }  # fmt: skip
    sums = [f"{label}    {format_yuan(-(fen or 0))}" for label, fen in amounts.items()]
    return Paper(b"", True, ("医保结算撤销单", "单号：R", *facts, *sums, *balance))


FORGED: dict[str, tuple[Callable[[DecodedSlip], Piece], str]] = {
    "as it should be": (lambda slip: cancellation_slip(slip, f"原结算编号：{slip.setl_id}"), ""),
    "the settlement's own number": (
        lambda slip: cancellation_slip(slip, f"结算编号：{slip.setl_id}", f"原结算编号：{slip.setl_id}"), "names a record",
    ),
    "a number nobody made": (lambda slip: cancellation_slip(slip, "结算编号：S0", f"原结算编号：{slip.setl_id}"), "names a record"),
    "undoes nothing": (lambda slip: cancellation_slip(slip), "names a record"),
    "a balance nobody told": (
        lambda slip: cancellation_slip(slip, f"原结算编号：{slip.setl_id}", balance=("个人账户余额 1.00",)), "what is left on the account",
    ),
    "other sums": (lambda slip: cancellation_slip(slip, f"原结算编号：{slip.setl_id}", total_fen=1), "the hub disagree"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_a_cancellation_slip_that_claims_what_the_hub_never_told_is_seen(case: str, tmp_path: Path) -> None:
    forged, words = FORGED[case]

    def prints_it(machine: Machine) -> None:
        slips = [decode_slip(piece.lines()) for piece in machine.printer.tape if piece.whole]
        machine.printer.tape.append(forged(next(slip for slip in slips if slip.title == SETTLED)))

    auditor, _, _ = audited_again(tmp_path, prints_it)
    texts = [one.text for one in auditor.breaks]
    assert texts == ([text for text in texts if words in text] if words else [])
    assert bool(texts) is bool(words)


def test_what_was_told_and_is_in_no_journal_is_unsaid(tmp_path: Path) -> None:
    """Whatever its state: a sale is on disk before anybody hears of it."""

    def loses_its_disk(machine: Machine) -> None:
        machine.contents = Contents()

    auditor, told, _ = audited_again(tmp_path, loses_its_disk)
    assert len(told) >= SALES
    assert found(auditor, "I4", "is not there") == told


class ForgetsAmounts(SettlementTable):
    """Reads every settlement without its amounts."""

    def recent(self, limit: int, before_sequence: int | None = None) -> list[SettlementRow]:
        """See `SettlementTable.recent`."""
        rows = super().recent(limit, before_sequence)
        return [msgspec.structs.replace(row, amounts=None) for row in rows]


def test_a_settlement_that_is_booked_without_amounts_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgets_amounts(machine: Machine) -> None:
        monkeypatch.setattr(terminal.journal.journal, "SettlementTable", ForgetsAmounts)

    auditor, _, live = audited_again(tmp_path, forgets_amounts)
    assert live > 0
    assert len(found(auditor, "I5", "without amounts")) == live


def test_a_person_named_in_the_log_or_on_the_disk_is_seen(tmp_path: Path) -> None:
    def tells(machine: Machine) -> None:
        machine.logged.append("settled for 测试灵活")
        machine.contents.files["-note"] = StoredFile(b"99990000000000000501")

    auditor, _, _ = audited_again(tmp_path, tells)
    assert {one.text.partition(": ")[2] for one in auditor.breaks if one.invariant == "I8"} == {
        "the log names a person",
        "the disk names a person in clear",
    }


@pytest.mark.parametrize(
    ("text", "names_somebody"),
    [
        (b"P99990000001 settled 37.50 for T01", False),
        ("9999992026: 测试大药房一号店 9999000000000000".encode(), False),
        ("a slip for 测试灵活, by T01".encode(), True),
        (b"psn_no=99990000000000000501", True),
        (b"999999192408200288", False),
        (b"certno=999999199203040117", True),
    ],
)
def test_a_name_or_number_of_a_person_is_found_and_what_only_begins_like_one_is_not(
    text: bytes, names_somebody: bool
) -> None:
    secrets = [secret.encode() for who in load_people() for secret in (who.name, who.psn_no, who.certno)]
    assert names_one(text, by_beginning(secrets)) is names_somebody
