"""Circulating prescriptions: reviewed, locked, dispensed by the settlement, freed by what undoes it (R64)."""

import asyncio
import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.hub.envelope import decode_request
from protocols.hub.prescriptions import PrescriptionLock, PrescriptionLockInput
from protocols.money import Quantity
from simulators.hub import prescriptions as centre
from simulators.hub.prescriptions import Item, Prescription
from terminal.config import StaffConfig
from terminal.core.events import Misuse
from terminal.core.prescribing import covers
from terminal.core.states import State
from terminal.core.values import PrescribedDrug, Settlement
from terminal.core.values import Prescription as Held
from terminal.counter.wishes import LineWish, SaleWish
from terminal.journal.journal import Journal
from terminal.journal.records import SubmissionRow
from terminal.submissions.kinds import LOCK
from tests.capabilities import asserted
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, Window, state_of, window_config
from tests.terminal.core.samples import LINE
from tests.terminal.harness import Crash, Watch, virtual

DRUG = "XTEST000000000000000D03"
PILLS = LineWish(
    national_code=DRUG, own_code="SKU0003", name="测试降糖片", spec="0.5g×20片", price="12.50", quantity="10"
)
STAFF = (
    StaffConfig("Y01", "测试药师", "pharmacist", "Y999900000001", "A"),
    StaffConfig("Y02", "测试药师二", "pharmacist", "Y999900000002", "D"),
    StaffConfig("T01", "收银终端一"),
)


class Counters:
    """Two pharmacies of one city, and a prescription for 测试丁 that both can see."""

    def __init__(self, folder: Path) -> None:
        for name in ("a", "b"):
            (folder / name).mkdir()
        self.first = Clinic(folder / "a", institution="P99990000001")
        self.second = Clinic(folder / "b", institution="P99990000003", beside=self.first)
        self.ledger = self.first.world.ledger
        centre.issue(
            self.ledger,
            Prescription(
                rxno="RX2026112300001",
                psn_no=self.first.world.person("ding").psn_no,
                issuer="H99990000002",
                doctor="测试医师",
                diagnosis="2型糖尿病",
                issued=dt.date(2026, 11, 23),
                until=dt.date(2026, 11, 25),
                items=(Item(DRUG, "测试降糖片", 100_000),),
            ),
        )

    async def open(self, clinic: Clinic) -> Window:
        """The counter of one of them."""
        config = msgspec.structs.replace(window_config(clinic.institution, clinic.slot), staff=STAFF)
        return Window(clinic, await clinic.start(config=config))

    @property
    def state(self) -> tuple[str, str]:
        """State of the prescription, and who holds it."""
        found = centre.find(self.ledger, "RX2026112300001")
        assert found is not None
        return found.state, found.holder


async def shown(window: Window, number: str = "1", lines: tuple[LineWish, ...] = (PILLS,)) -> Settlement:
    """A purchase of 测试丁 up to the quote without a prescription."""
    opened = await window.counter.sales.open(SaleWish(number, lines), "till", "")
    return await window.type_number(opened, "ding")


RX = "RX2026112300001"


def delivered(window: Window) -> list[SubmissionRow]:
    """What the journal holds of messages outside the sale's own steps, newest first."""
    return window.till.journal.submissions.recent(10)


def messages(window: Window, row: SubmissionRow) -> list[tuple[str, bytes, str]]:
    """Id, exact bytes and state of every message of one."""
    sent = window.till.journal.submissions.attempts(row.id)
    return [(one.msgid, one.request, one.state) for one in sent]


@virtual
async def test_r64_r61_r15_a_prescription_is_reviewed_locked_dispensed_and_freed_again(
    tmp_path: Path,
) -> None:
    """Set JH, resident: without it an account purchase, with it the pool pays above the deductible."""
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await shown(window)
    assert priced.quote is not None
    assert priced.quote.split.fund_fen == 0
    (row,) = await window.counter.prescriptions.of(priced.id)
    assert (row.number, row.status, [item.code for item in row.items]) == (RX, "1", [DRUG])
    pooled = await window.counter.prescriptions.take(priced.id, RX, "Y01")
    assert counters.state == ("locked", "P99990000001")
    assert pooled.state is State.PRICED
    settled = await window.confirm(pooled)
    assert settled.state is State.CONFIRMED
    assert counters.state == ("dispensed", "P99990000001")
    (told,) = counters.first.hub_link.inputs("2102")
    assert [(row["rxno"], row["rx_circ_flag"]) for row in told["drugdetail"]] == [(RX, "1")]
    await window.rest()
    assert f"待遇：统筹处方{RX}" in flat(counters.first.printer.texts()[0])
    notes = [record for record in window.till.audit() if record.get("action") == "prescription_reviewed"]
    assert [record["actor"] for record in notes] == ["Y01"]

    second = await counters.open(counters.second)
    elsewhere = await shown(second)
    (row,) = await second.counter.prescriptions.of(elsewhere.id)
    assert row.status == "3"
    with pytest.raises(Misuse) as refused:
        await second.counter.prescriptions.take(elsewhere.id, RX, "Y01")
    asserted("R64", "prescription_not_open", refused.value.code, what="dispensed elsewhere")

    assert (await window.cancel(settled)).state is State.CANCELLED
    asserted("R64", ("issued", ""), counters.state, what="unlocked")
    taken = await second.counter.prescriptions.take(elsewhere.id, RX, "Y01")
    assert (await second.confirm(taken)).state is State.CONFIRMED
    assert counters.state == ("dispensed", "P99990000003")
    await window.till.stop()
    await second.till.stop()


@virtual
async def test_r64_what_one_pharmacy_holds_another_cannot_take_until_it_is_freed_or_the_lease_ends(
    tmp_path: Path,
) -> None:
    counters = Counters(tmp_path)
    window, second = await counters.open(counters.first), await counters.open(counters.second)
    here, there = await shown(window), await shown(second)
    await window.counter.prescriptions.take(here.id, RX, "Y01")
    with pytest.raises(Misuse) as refused:
        await second.counter.prescriptions.take(there.id, RX, "Y01")
    assert (refused.value.code, refused.value.params["text"][-11:]) == ("hub_refused_question", "[RX_LOCKED]")
    await window.abandon(here)
    assert counters.state == ("issued", "")
    asked = [number for number in counters.first.hub_link.transactions() if number.startswith("99")]
    assert asked == ["990101", "990102", "990103"]
    await second.counter.prescriptions.take(there.id, RX, "Y01")
    again = await shown(window, "2")
    with pytest.raises(Misuse):
        await window.counter.prescriptions.take(again.id, RX, "Y01")
    await window.pass_time(16 * 60)
    await window.counter.prescriptions.take(again.id, RX, "Y01")
    assert counters.state == ("locked", "P99990000001")
    await window.till.stop()
    await second.till.stop()


@virtual
async def test_r64_a_lost_answer_to_the_settlement_frees_the_prescription_with_its_reversal(
    tmp_path: Path,
) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await window.counter.prescriptions.take((await shown(window)).id, RX, "Y01")
    counters.first.arm("lose-answer", "2102")
    await window.confirm(priced)
    await window.rest()
    assert (await window.get(priced)).state is State.REVERSED
    assert counters.state == ("issued", "")
    await window.till.stop()


@virtual
async def test_r64_a_lost_answer_to_the_lock_needs_nothing_but_another_try(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await shown(window)
    counters.first.arm("lose-answer", "990102")
    with pytest.raises(Misuse) as silent:
        await window.counter.prescriptions.take(priced.id, RX, "Y01")
    assert silent.value.code == "hub_silent_question"
    assert counters.state == ("locked", "P99990000001")
    assert (await window.counter.prescriptions.take(priced.id, RX, "Y01")).prescription is not None
    left = [sent for sent in counters.first.hub_link.sent if sent.infno == "990102"]
    second, first = delivered(window)
    assert [(first.kind, first.progress.state.value), (second.kind, second.progress.state.value)] == [
        ("prescription.lock", "GIVEN_UP"),
        ("prescription.lock", "ACCEPTED"),
    ]
    assert [messages(window, row) for row in (first, second)] == [
        [(left[0].msgid, left[0].body, "UNKNOWN")],
        [(left[1].msgid, left[1].body, "ANSWERED")],
    ]
    assert left[0].msgid != left[1].msgid
    assert first.key.startswith(f"{priced.id} "), "the journal tells which sale it was for"
    await window.till.stop()


class KillBeforeTheLock(Watch):
    """Kills the counter when the message of a prescription is on disk and its first byte has not left."""

    last: Journal | None = None

    def wrote(self, journal: Journal) -> None:
        """See `Watch`."""
        self.last = journal
        super().wrote(journal)

    def point(self, name: str) -> None:
        """See `Watch`."""
        super().point(name)
        rows = self.last.submissions.unfinished() if self.last is not None else []
        if name.startswith("before") and [row.progress.state.value for row in rows] == ["SENT"]:
            self.kill()
            raise Crash


@virtual
async def test_r64_a_lock_that_a_crash_kept_back_is_on_disk_given_up_and_never_sent(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    clinic = counters.first
    config = msgspec.structs.replace(window_config(clinic.institution, clinic.slot), staff=STAFF)
    watch = KillBeforeTheLock()
    window = Window(clinic, await clinic.start(watch, config=config))
    priced = await shown(window)
    taking = asyncio.ensure_future(window.counter.prescriptions.take(priced.id, RX, "Y01"))
    await watch.stopped.wait()
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await window.till.kill()
    window = await counters.open(clinic)
    await window.till.wait(3600)
    (kept,) = delivered(window)
    assert (kept.kind, kept.progress.state.value, kept.reason) == (
        "prescription.lock",
        "GIVEN_UP",
        "restarted",
    )
    ((_, body, state),) = messages(window, kept)
    assert (decode_request(body).infno, state) == ("990102", "UNKNOWN")
    assert "990102" not in clinic.hub_link.transactions()
    assert counters.state == ("issued", "")
    await window.till.stop()


@virtual
async def test_r64_a_caller_who_goes_away_leaves_no_message_without_its_outcome(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await shown(window)
    submissions = window.counter.submissions
    assert submissions is not None
    assert priced.person is not None
    lock = PrescriptionLock(
        person_no=priced.person.psn_no, prescription_no=RX, lock_no=priced.id, pharmacist_code="Y999900000001", pharmacist_name="测试药师"
    )  # fmt: skip
    counters.first.arm("delay 5", "990102")
    content = PrescriptionLockInput(lock=lock)
    calling = asyncio.ensure_future(submissions.deliver_once(LOCK, content, "999900", "test"))
    await window.till.wait(1)
    calling.cancel()
    await window.till.wait(10)
    (kept,) = delivered(window)
    assert kept.progress.state.value == "ACCEPTED"
    await window.till.stop()


@virtual
async def test_r64_a_sign_in_that_the_hub_has_forgotten_is_made_anew_and_the_lock_asked_again(
    tmp_path: Path,
) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await shown(window)
    counters.first.arm("expire-sign-in", "990102")
    assert (await window.counter.prescriptions.take(priced.id, RX, "Y01")).prescription is not None
    states = [(row.progress.state.value, row.reason) for row in reversed(delivered(window))]
    assert states == [("GIVEN_UP", "sign_in_lost"), ("ACCEPTED", "accepted")]
    assert len({msgid for row in delivered(window) for msgid, *_ in messages(window, row)}) == 2
    await window.till.stop()


@virtual
async def test_r64_a_refused_lock_is_told_to_whoever_asked_and_to_nobody_else(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    window, second = await counters.open(counters.first), await counters.open(counters.second)
    await second.counter.prescriptions.take((await shown(second)).id, RX, "Y01")
    priced = await shown(window)
    with pytest.raises(Misuse, match="hub_refused_question"):
        await window.counter.prescriptions.take(priced.id, RX, "Y01")
    (refused,) = delivered(window)
    assert refused.progress.state.value == "REFUSED"
    notices = [entry.notice.code for entry in window.counter.feed.entries if entry.notice]
    assert not [code for code in notices if code.startswith("submission")]
    await window.till.stop()
    await second.till.stop()


@virtual
async def test_r61_r66_no_pooled_prescription_without_a_pharmacist_of_good_credit(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await shown(window)
    for number, code in (
        ("T01", "not_a_pharmacist"),
        ("X", "not_a_pharmacist"),
        ("Y02", "pharmacist_credit"),
    ):
        with pytest.raises(Misuse) as refused:
            await window.counter.prescriptions.take(priced.id, RX, number)
        assert refused.value.code == code
    asserted("R66", "pharmacist_credit", refused.value.code, what="level D")
    assert "990102" not in counters.first.hub_link.transactions()
    await window.till.stop()


@virtual
async def test_r07_an_institution_that_is_not_networked_locks_nothing_for_people_of_other_provinces(
    tmp_path: Path,
) -> None:
    """Without a prescription theirs is a purchase from the account; with one the pooled fund would be asked."""
    counters = Counters(tmp_path)
    clinic = counters.first
    config = window_config(clinic.institution, clinic.slot)
    alone = msgspec.structs.replace(config.institution, networked=False)
    closed = msgspec.structs.replace(config, staff=STAFF, institution=alone)
    window = Window(clinic, await clinic.start(config=closed))
    opened = await window.counter.sales.open(SaleWish("1", (PILLS,)), "till", "")
    known = await window.type_number(opened, "wu")
    assert known.person is not None
    with pytest.raises(Misuse, match="not_networked"):
        await window.counter.prescriptions.take(known.id, RX, "Y01")
    assert [number for number in clinic.hub_link.transactions() if number.startswith("99")] == []
    await window.till.stop()


@virtual
async def test_r61_the_hub_settles_no_prescription_that_nobody_locked(tmp_path: Path) -> None:
    """Should a terminal skip its own step: the lease has ended before the person agreed."""
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await window.counter.prescriptions.take((await shown(window)).id, RX, "Y01")
    await window.pass_time(16 * 60)
    refused = await window.confirm(priced)
    assert state_of(refused) == (State.REFUSED, "refused")
    assert refused.notice is not None
    asserted("R61", "[RX_NOT_LOCKED]", refused.notice.params["text"][-15:], what="without review")
    await window.till.stop()


@virtual
async def test_r64_changed_lines_drop_the_prescription_and_void_ones_cannot_be_taken(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    window = await counters.open(counters.first)
    priced = await window.counter.prescriptions.take((await shown(window)).id, RX, "Y01")
    fewer = msgspec.structs.replace(PILLS, quantity="4")
    changed = await window.counter.sales.set_lines(priced.id, (fewer,))
    assert changed.prescription is None
    assert (await window.counter.prescriptions.take(priced.id, RX, "Y01")).prescription is not None
    more = msgspec.structs.replace(PILLS, quantity="11")
    await window.counter.sales.set_lines(priced.id, (more,))
    with pytest.raises(Misuse) as refused:
        await window.counter.prescriptions.take(priced.id, RX, "Y01")
    assert refused.value.code == "prescription_lines"
    centre.void(counters.ledger, RX)
    with pytest.raises(Misuse) as gone:
        await window.counter.prescriptions.take(priced.id, RX, "Y01")
    assert gone.value.code == "prescription_not_open"
    await window.till.stop()


@virtual
async def test_r64_a_prescription_that_the_sale_no_longer_uses_is_freed_at_once(tmp_path: Path) -> None:
    """Changed lines, or another person: nobody waits a quarter of an hour for the lease to end."""
    counters = Counters(tmp_path)
    window, second = await counters.open(counters.first), await counters.open(counters.second)
    priced = await window.counter.prescriptions.take((await shown(window)).id, RX, "Y01")
    changed = await window.counter.sales.set_lines(priced.id, (msgspec.structs.replace(PILLS, quantity="4"),))
    assert changed.prescription is None
    assert counters.state == ("issued", "")
    elsewhere = await shown(second)
    await second.counter.prescriptions.take(elsewhere.id, RX, "Y01")
    await second.type_number(elsewhere, "jia")
    assert counters.state == ("issued", "")
    await window.till.stop()
    await second.till.stop()


def test_r64_every_line_must_stand_on_the_prescription() -> None:
    drug = PrescribedDrug(LINE.national_code, LINE.name, Quantity(LINE.quantity))
    held = Held("RX1", (drug,), "Y01")
    assert covers(held, (LINE,))
    assert covers(Held("RX1", (drug, drug), "Y01"), (LINE, msgspec.structs.replace(LINE, number=2))), "twice"
    assert not covers(held, ())
    assert not covers(held, (LINE, msgspec.structs.replace(LINE, number=2)))
    assert not covers(held, (msgspec.structs.replace(LINE, national_code="X"),))
