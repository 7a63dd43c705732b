"""When something unexpected happens inside: no settlement is left hanging, and nobody is told more than is known."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apsw
import pytest

from drivers.interfaces.hub_transport import RawAnswer
from drivers.interfaces.signer import SignerUnavailable
from terminal.core.events import Confirmed, Due, HubSaid, Misuse
from terminal.core.machine import step
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.workroom import Phase
from terminal.hub.client import HubClient
from terminal.journal.records import Commit, JournalFailed
from tests.terminal.harness import Shop, Till, virtual


class Explodes:
    """A link whose next messages of one transaction blow up inside our own code."""

    def __init__(self, inner: Any, infno: str, after: bool, times: int = 1) -> None:
        self._inner = inner
        self._infno = f'"infno":"{infno}"'.encode()
        self._after = after
        self._times = times

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        hit = self._infno in body and self._times > 0
        if hit:
            self._times -= 1
        if hit and not self._after:
            raise RuntimeError("测试甲 999999199001010016")
        answer: RawAnswer = await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        if hit:
            raise RuntimeError("测试甲 999999199001010016")
        return answer

    async def close(self) -> None:
        """See `HubTransport`."""


def explode(till: Till, infno: str, after: bool, times: int = 1) -> None:
    """Put an exploding link between this counter and its hub."""
    hub = till.counter.hub
    hub._transport = Explodes(hub._transport, infno, after, times)


@pytest.mark.parametrize("after", [False, True], ids=["before the hub", "after the hub"])
@virtual
async def test_an_error_while_sending_a_settlement_is_a_doubt(after: bool, tmp_path: Path) -> None:
    """We cannot say whether a byte had left: nobody knows, and the rules go on from there."""
    shop = Shop(tmp_path)
    till = await shop.start()
    explode(till, "2102", after)
    doubtful = await till.settle()
    assert doubtful.state is State.DOUBT
    assert doubtful.notice == Notice("doubt", {"reason": "internal"})
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    assert (await till.settle("0002")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_an_error_while_sending_a_2601_is_tried_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    explode(till, "2601", after=True, times=2)
    doubtful = await till.settle()
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert [verdict for purpose, *_, verdict in till.attempts(doubtful.id) if purpose == "REVERSE"] == [
        "internal",
        "internal",
        "already",
    ]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_an_error_while_cancelling_is_a_doubt_that_is_finished(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    explode(till, "2103", after=True)
    assert (await till.counter.sales.cancel(settled.id, "T01", "")).state is State.CANCEL_DOUBT
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@pytest.mark.parametrize("infno", ["1101", "2101"])
@virtual
async def test_an_error_in_a_question_frees_the_sale_and_tells_the_caller(infno: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    explode(till, infno, after=True)
    stuck = await till.quote()
    assert stuck.running == ""
    assert stuck.notice == Notice("hub_silent_question", {"reason": "internal"})
    assert (await till.counter.sales.quote(stuck.id)).state is State.PRICED
    await till.stop()


@virtual
async def test_an_error_at_the_certificate_centre_frees_the_sale_and_tells_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    monkeypatch.setattr(shop.centre_link, "trouble", ValueError("测试甲"))
    stuck = await till.quote()
    assert stuck.notice == Notice("centre_not_reached", {"reason": "internal"})
    assert stuck.running == ""
    shop.centre_link.trouble = None
    assert (await till.counter.sales.quote(stuck.id)).state is State.PRICED
    await till.stop()


def _failing(times: int, error: Callable[[], Exception], right: Callable[..., Any]) -> Callable[..., Any]:
    left = times

    def fails(*args: Any, **options: Any) -> Any:
        nonlocal left
        if left > 0:
            left -= 1
            raise error()
        return right(*args, **options)

    return fails


def _does_not_sign_once(hub: HubClient, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next message of this counter is not signed."""
    right = hub._signer.sign
    monkeypatch.setattr(hub._signer, "sign", _failing(1, lambda: error, right))


@virtual
async def test_an_error_while_composing_sends_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    hub = till.counter.hub
    _does_not_sign_once(hub, RuntimeError("x"), monkeypatch)
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.state is State.ARMED
    assert armed.notice == Notice("internal_error")
    assert till.attempts(priced.id) == []
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_locked_key_sends_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    hub = till.counter.hub
    _does_not_sign_once(hub, SignerUnavailable("locked"), monkeypatch)
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.notice == Notice("key_locked")
    settled = await till.counter.sales.confirm(priced.id, "T01")
    assert settled.state is State.CONFIRMED
    _does_not_sign_once(hub, SignerUnavailable("locked"), monkeypatch)
    back = await till.counter.sales.cancel(settled.id, "T01", "")
    assert back.state is State.CONFIRMED
    assert back.notice == Notice("key_locked")
    assert (await till.counter.sales.cancel(settled.id, "T01", "")).state is State.CANCELLED
    await till.stop()


@virtual
async def test_a_question_with_a_locked_key_is_not_sent_and_can_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    hub = till.counter.hub
    _does_not_sign_once(hub, SignerUnavailable("locked"), monkeypatch)
    stuck = await till.quote()
    assert (stuck.state, stuck.running) == (State.DRAFT, "")
    assert stuck.notice == Notice("hub_not_reached", {"reason": "key_locked"})
    assert (await till.counter.sales.quote(stuck.id)).state is State.PRICED
    await till.stop()


@virtual
async def test_a_disk_that_fails_while_a_message_gets_its_number_stops_the_counter_and_nothing_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worst outcome is made up of it: what is on disk decides, after the next start."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    await till.wait(60)
    full = _failing(1, lambda: JournalFailed("FullError"), lambda until: until)
    monkeypatch.setattr(till.journal, "reserve_message_numbers", full)
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.sales.confirm(priced.id, "T01")
    assert isinstance(await till.ended(), JournalFailed)
    assert shop.live() == []
    assert till.attempts(priced.id) == []
    await till.kill()
    till = await shop.start()
    assert till.states() == [State.ABANDONED]
    await till.stop()


@virtual
async def test_a_reversal_with_a_locked_key_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    priced = await till.quote()
    hub = till.counter.hub
    right = hub._signer.sign
    calls = 0

    def locks_after_the_settlement(data: bytes) -> bytes:
        nonlocal calls
        calls += 1
        if 2 <= calls <= 4:
            raise SignerUnavailable("locked")
        return right(data)

    monkeypatch.setattr(hub._signer, "sign", locks_after_the_settlement)
    doubtful = await till.counter.sales.confirm(priced.id, "T01")
    await till.wait(1)
    waiting = await till.get(doubtful.id)
    assert waiting.state is State.DOUBT
    assert waiting.notice == Notice("reversal_waits", {"tries": "1"})
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    await till.stop()


# -- the journal says no ---------------------------------------------------------------------------


def refuse(
    till: Till, monkeypatch: pytest.MonkeyPatch, when: Callable[[Commit], bool], times: int = 1
) -> None:
    """Let the journal's guards refuse commits, as they would for a bug of ours."""
    right, left = till.journal.commit, times

    def guarded(commit: Commit) -> None:
        nonlocal left
        if left and when(commit):
            left -= 1
            raise apsw.ConstraintError("a guard said no, on purpose")
        right(commit)

    monkeypatch.setattr(till.journal, "commit", guarded)


@virtual
async def test_a_guard_that_refuses_the_intent_keeps_the_message_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    refuse(till, monkeypatch, lambda commit: commit.sent is not None)
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.state is State.ARMED
    assert armed.notice == Notice("internal_error")
    assert shop.live() == []
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_guard_that_refuses_the_outcome_makes_it_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is at the hub and cannot be written as settled: then it must not stay at the hub."""
    shop = Shop(tmp_path)
    till = await shop.start()
    refuse(till, monkeypatch, lambda commit: commit.row.state is State.CONFIRMED)
    doubtful = await till.settle()
    assert doubtful.state is State.DOUBT
    assert doubtful.notice == Notice("doubt", {"reason": "internal"})
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert shop.live() == []
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_when_not_even_the_doubt_can_be_written_the_counter_stops_and_the_next_one_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    refuse(till, monkeypatch, lambda commit: commit.row.state in (State.CONFIRMED, State.DOUBT), times=2)
    with pytest.raises(Misuse, match="journal_failed"):
        await till.settle()
    assert isinstance(await till.ended(), JournalFailed)
    assert till.counter.phase is Phase.STOPPED
    assert till.states() == [State.SENDING], "the disk says what it said before"
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert till.states() == [State.REVERSED]
    shop.assert_books_agree(till)
    await till.stop()


# -- our own rules break ---------------------------------------------------------------------------


@virtual
async def test_a_bug_in_the_rules_for_an_answer_is_the_worst_outcome_of_that_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()

    def buggy(settlement: Any, event: Any, profile: Any) -> Any:
        if isinstance(event, HubSaid) and event.infno == "2102" and hasattr(event.heard, "infcode"):
            raise ZeroDivisionError("测试甲")
        return step(settlement, event, profile)

    monkeypatch.setattr("terminal.counter.engine.step", buggy)
    doubtful = await till.settle()
    assert doubtful.state is State.DOUBT
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_bug_in_the_rules_for_a_wish_is_the_callers_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()

    def buggy(settlement: Any, event: Any, profile: Any) -> Any:
        if isinstance(event, Confirmed):
            raise ZeroDivisionError
        return step(settlement, event, profile)

    monkeypatch.setattr("terminal.counter.engine.step", buggy)
    with pytest.raises(ZeroDivisionError):
        await till.counter.sales.confirm(priced.id, "T01")
    monkeypatch.undo()
    assert (await till.get(priced.id)).state is State.PRICED
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_doubt_that_cannot_be_worked_off_does_not_stop_the_others_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    doubtful = await till.quote("0001")
    broken = True

    def buggy(settlement: Any, event: Any, profile: Any) -> Any:
        if broken and isinstance(event, Due) and settlement.id == doubtful.id:
            raise ZeroDivisionError
        return step(settlement, event, profile)

    monkeypatch.setattr("terminal.counter.engine.step", buggy)
    await till.counter.sales.confirm(doubtful.id, "T01")
    await till.wait(130)
    assert till.counter.phase is Phase.READY
    assert (await till.settle("0002", who="ding")).state is State.CONFIRMED
    broken = False
    await till.quiet(400)
    assert (await till.get(doubtful.id)).state is State.REVERSED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_log_names_type_and_place_and_nothing_of_a_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    explode(till, "2102", after=True)
    with caplog.at_level(logging.DEBUG):
        doubtful = await till.settle()
        await till.quiet()
    (record,) = [record for record in caplog.records if record.name.startswith("terminal")]
    assert doubtful.id in record.getMessage()
    assert "RuntimeError" in record.getMessage()
    assert "测试甲" not in caplog.text
    assert "999999199001010016" not in caplog.text
    await till.stop()


@virtual
async def test_a_slip_that_cannot_be_drawn_is_unknown_and_money_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    monkeypatch.setattr(
        "terminal.counter.paper.render_slip",
        _failing(1, lambda: ValueError("测试甲"), lambda *args: b"paper"),
    )
    settled = await till.settle("0001")
    await till.wait(1)
    assert [receipt.state for receipt in till.journal.receipts.of(settled.id)] == ["unknown"]
    assert settled.state is State.CONFIRMED
    assert till.counter.phase is Phase.READY
    assert Notice("slip_impossible") in [entry.notice for entry in till.counter.feed.entries]
    await till.settle("0002")
    await till.wait(1)
    assert shop.printer.papers == [b"paper"]
    await till.stop()
