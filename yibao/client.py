"""The local API of a running counter, for Python: typed, asynchronous, and safe when no answer comes.

    async with CounterClient(Path("state/api.sock")) as counter:
        sale = await counter.open_sale(SaleWish(sale_number="17", lines=(LineWish(barcode="6901234567892"),)))
        sale = await counter.give_code(sale.id, code)
        sale = await counter.confirm(sale.id)

A change whose answer is lost is never sent again: the client asks for the sale's state instead, until it is told or
its patience ends. Opening a sale is the one request that may be repeated, because it carries its own key.
Its errors: `yibao/service_line.py`.
"""

import asyncio
import contextlib
import hashlib
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from protocols.secret import hide_numbers
from terminal.counter.wishes import DiseaseWish, LineWish, RefundWish, ReturnWish, SaleWish
from terminal.shapes.anchors import AnchorView
from terminal.shapes.clearing import ClearingView, FarView
from terminal.shapes.goods import GoodsView
from terminal.shapes.hub import (
    CatalogueWish,
    DictionaryWish,
    InstitutionWish,
    Ping,
    RowsView,
    SignOutView,
    StandingView,
)
from terminal.shapes.prescriptions import CirculatingView, HandOverView
from terminal.shapes.reconciliation import FixedView, ReportView
from terminal.shapes.retention import ExpiryView
from terminal.shapes.service import DeviceView, StatusView
from terminal.shapes.settlements import EventView, HistoryView, SettlementView, SummaryView
from terminal.shapes.submissions import SubmissionView
from terminal.shapes.technician import CardView, ExchangedView, HealthView
from yibao.service_line import CounterError, CounterProblem, NoAnswer, ServiceLine, ServiceNotRunning
from yibao.words import Words, say

__all__ = [
    "CardView",
    "CatalogueWish",
    "ClearingView",
    "CounterClient",
    "CounterError",
    "CounterProblem",
    "DeviceView",
    "DictionaryWish",
    "DiseaseWish",
    "EventView",
    "ExchangedView",
    "FarView",
    "FixedView",
    "HealthView",
    "HistoryView",
    "InstitutionWish",
    "LineWish",
    "NoAnswer",
    "Ping",
    "RefundWish",
    "ReportView",
    "ReturnWish",
    "RowsView",
    "SaleWish",
    "ServiceNotRunning",
    "SettlementView",
    "StatusView",
    "SubmissionView",
    "SummaryView",
]

ANSWER_LIMIT_S: Final = 150.0
"""How long one answer may take: a confirmation may wait for a sign-in, the settlement and its first reversal."""

PATIENCE_S: Final = 30.0
"""How long the client goes on asking for a sale after an answer was lost; a restarted service is back long before."""

ASK_PAUSE_S: Final = 0.1
_ID: Final = re.compile(r"S[0-9a-f]{24}")


class _Copy(msgspec.Struct, frozen=True):
    copy_number: int


class CounterClient:
    """One client of one counter; use it as an asynchronous context manager."""

    def __init__(
        self,
        socket_path: Path,
        *,
        name: str = "till",
        answer_limit_s: float = ANSWER_LIMIT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`name` is what the journal's audit record calls this client; idempotency keys are apart by it."""
        self._line = ServiceLine(socket_path, name, answer_limit_s)
        self._patience_s = patience_s

    async def __aenter__(self) -> "CounterClient":
        self._line.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    # -- the counter ------------------------------------------------------------------------------

    async def status(self) -> StatusView:
        """How far the service is; answers from its first moment on."""
        return await self._line.get("/status", StatusView)

    async def wait_ready(self, limit_s: float = 30.0, *, absent_s: float = 0.0) -> StatusView:
        """Return as soon as sales are taken; raises the last `CounterError` when that takes longer than `limit_s`.

        A service that has failed for good is not waited for; one that does not run, for `absent_s`.
        """
        start_s = asyncio.get_running_loop().time()
        deadline_s = start_s + limit_s
        while True:
            try:
                status = await self.status()
            except ServiceNotRunning:
                if asyncio.get_running_loop().time() >= start_s + absent_s:
                    raise
            else:
                if status.phase == "ready":
                    return status
                if status.phase == "failed" or asyncio.get_running_loop().time() > deadline_s:
                    reason = status.reason
                    words = (
                        say("service_not_ready", phase=status.phase)
                        if reason is None
                        else Words(reason.code, reason.zh, reason.en)
                    )
                    raise CounterProblem(words, 503)
            await asyncio.sleep(ASK_PAUSE_S)

    async def devices(self) -> list[DeviceView]:
        """The devices of the counter with their state."""
        return await self._line.get("/devices", list[DeviceView])

    async def wait_device(self, name: str, limit_s: float = 10.0) -> DeviceView:
        """Return a device (`scanner`, `printer`) as soon as it is ready; raises `CounterProblem` with its reason.

        A code scanned before the scanner is ready may be taken for the rest of another one and be dropped.
        """
        deadline_s = asyncio.get_running_loop().time() + limit_s
        while True:
            found = [device for device in await self.devices() if device.name == name]
            if found and found[0].state == "ready":
                return found[0]
            if asyncio.get_running_loop().time() > deadline_s:
                reason = f"{found[0].state} {found[0].reason}".strip() if found else "-"
                raise CounterProblem(say("device_not_ready", device=name, reason=reason), 503)
            await asyncio.sleep(ASK_PAUSE_S)

    async def health(self) -> HealthView:
        """Everything the service knows of what it owns; answers from its first moment on."""
        return await self._line.get("/health", HealthView)

    async def ping_hub(self) -> Ping:
        """Look whether the hub is there, how fast, and whether it is the hub; disturbs nothing."""
        return await self._line.send("POST", "/hub/ping", {}, Ping)

    async def institutions(self, wish: InstitutionWish) -> RowsView:
        """Institutions in the hub's register."""
        return await self._line.send("POST", "/hub/institutions", msgspec.to_builtins(wish), RowsView)

    async def standing(self) -> StandingView:
        """How the own institution stands at the hub: agreement, credit, network, as far as it says so."""
        return await self._line.send("POST", "/hub/standing", {}, StandingView)

    async def dictionary(self, wish: DictionaryWish) -> RowsView:
        """Values of one of the hub's dictionaries."""
        return await self._line.send("POST", "/hub/dictionary", msgspec.to_builtins(wish), RowsView)

    async def catalogue(self, name: str, wish: CatalogueWish) -> RowsView:
        """One page of a catalogue of the hub: `items`, `ethnic`, `national`, `own`, `ceilings` or `shares`."""
        path = f"/hub/catalogues/{_part(name)}"
        return await self._line.send("POST", path, msgspec.to_builtins(wish), RowsView)

    async def catalogue_file(self, number: str, since: str = "v0000") -> bytes:
        """A catalogue as a file (a zip), for example 1301: the rows newer than a version."""
        body = msgspec.json.encode({"since": since})
        sent = {"data": body, "headers": {"Content-Type": "application/json"}, "params": {}}
        return await self._line.exchange("POST", f"/hub/catalogue_files/{_part(number)}", sent)

    async def records(self, settlement_id: str, record: str) -> RowsView:
        """What the hub keeps: `diagnoses`, `lines` or `items` of a sale, `drugs`, `totals`, `institutions` or `transfers` of its
        person.

        The journal notes who asked.
        """
        path = f"/sales/{_part(settlement_id)}/records/{_part(record)}"
        return await self._line.send("POST", path, {}, RowsView)

    async def goods(self, *, check: bool = False) -> list[GoodsView]:
        """The shop's articles with warnings; `check` asks the hub about each of them."""
        if check:
            return await self._line.send("POST", "/goods/check", {}, list[GoodsView])
        return await self._line.send("GET", "/goods", None, list[GoodsView])

    async def prescriptions(self, settlement_id: str) -> list[CirculatingView]:
        """The circulating prescriptions of a sale's person; the journal notes who asked."""
        path = f"/sales/{_part(settlement_id)}/prescriptions"
        return await self._line.send("POST", path, {}, list[CirculatingView])

    async def take_prescription(self, settlement_id: str, number: str, pharmacist: str) -> SettlementView:
        """Sell against a prescription that this pharmacist has reviewed."""
        return await self._change(settlement_id, "prescription", {"number": number, "pharmacist": pharmacist})

    async def handed_over(self, settlement_id: str) -> HandOverView:
        """How far the goods of a sale have come that was settled at order."""
        return await self._line.send("GET", f"/sales/{_part(settlement_id)}/hand_over", None, HandOverView)

    async def hand_over(self, settlement_id: str, code: str, *, sent: bool = False) -> HandOverView:
        """Note that the goods were sent, or handed over, against this pick-up code; safe to repeat."""
        path = f"/sales/{_part(settlement_id)}/hand_over"
        return await self._line.send("POST", path, {"code": code, "sent": sent}, HandOverView)

    async def show_card(self, *, full: bool = False) -> CardView:
        """Read the social-security card in the reader; masked unless `full`, which the journal notes."""
        return await self._line.send("POST", "/card/read", {"full": full}, CardView)

    async def apdu(self, commands: Sequence[str], *, full: bool = False) -> list[ExchangedView]:
        """Send raw commands (hexadecimal) to the card in one conversation."""
        body = {"commands": list(commands), "full": full}
        return await self._line.send("POST", "/card/apdu", body, list[ExchangedView])

    async def doubts(self) -> list[SettlementView]:
        """Settlements whose outcome is open, oldest first."""
        return await self._line.get("/doubts", list[SettlementView])

    async def events(self, after: int = 0) -> AsyncGenerator[EventView, None]:
        """What happened behind entry `after`, then everything new; ends when the service ends."""
        async with contextlib.aclosing(self._line.stream("/events", {"after": str(after)})) as lines:
            async for line in lines:
                yield msgspec.json.decode(line, type=EventView)

    # -- reading ----------------------------------------------------------------------------------

    async def sale(self, settlement_id: str) -> SettlementView:
        """The status question: what is known of this sale now."""
        return await self._line.get(f"/sales/{_part(settlement_id)}", SettlementView)

    async def history(self, settlement_id: str) -> HistoryView:
        """A sale with every message that could change the hub and every slip."""
        return await self._line.get(f"/sales/{_part(settlement_id)}/history", HistoryView)

    async def evidence(self, settlement_id: str) -> bytes:
        """The evidence capsule of a sale (a zip file). It holds identities in clear; the journal notes who took it."""
        return await self._line.exchange("GET", f"/sales/{_part(settlement_id)}/evidence", {})

    async def recent(self, limit: int = 50, before: int | None = None) -> list[SummaryView]:
        """The newest sales, newest first; `before` is a `sequence` to go on behind."""
        more = {} if before is None else {"before": str(before)}
        return await self._line.get("/sales", list[SummaryView], {"limit": str(limit), **more})

    async def find(self, sale_number: str, business_date: str = "") -> SummaryView | None:
        """The newest settlement of a sale number; the day (`2026-11-22`) defaults to today. No number is no sale's."""
        if not sale_number.strip():
            return None
        query = {"sale_number": sale_number, "business_date": business_date}
        rows = await self._line.get(
            "/sales", list[SummaryView], {key: text for key, text in query.items() if text}
        )
        return rows[0] if rows else None

    async def resolve(self, name: str) -> str:
        """The id behind an id, a sale number of today or a receipt number. Raises `CounterProblem`."""
        if _ID.fullmatch(name):
            return name
        if not name.strip():
            raise CounterProblem(say("no_sale_named"), 404)
        row = await self.find(name)
        if row is None:
            rows = [known for known in await self.recent(500) if known.receipt_number == name]
            row = rows[0] if rows else None
        if row is None:
            raise CounterProblem(say("no_such_sale", name=hide_numbers(name)), 404)
        return row.id

    async def wait_until(
        self, settlement_id: str, over: Callable[[SettlementView], bool], limit_s: float
    ) -> SettlementView:
        """Follow a sale until `over` says so, or for `limit_s`; return what was known last.

        Survives a restart of the service.
        """
        known: list[SettlementView] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while True:
                    with contextlib.suppress(ServiceNotRunning, NoAnswer):
                        async with contextlib.aclosing(self._follow(settlement_id)) as states:
                            async for sale in states:
                                known.append(sale)
                                if over(sale):
                                    return sale
                    await asyncio.sleep(ASK_PAUSE_S)
        if not known:
            raise NoAnswer(settlement_id)
        return known[-1]

    async def _follow(self, settlement_id: str) -> AsyncGenerator[SettlementView, None]:
        """The sale now, and again after every event of it. The feed is replayed, so that no event is missed."""
        yield await self.sale(settlement_id)
        async with contextlib.aclosing(self.events()) as events:
            async for event in events:
                if event.settlement_id == settlement_id:
                    yield await self.sale(settlement_id)

    # -- reconciliation ---------------------------------------------------------------------------

    async def reconcile(self, date: str) -> ReportView:
        """Compare a day (`2026-11-22`) with the hub now; changes nothing, and can be repeated."""
        return await self._line.send("POST", f"/reconciliation/{_part(date)}", {}, ReportView)

    async def reconciliation(self, date: str) -> ReportView:
        """The newest report of a day since the service was started; asks nobody."""
        return await self._line.get(f"/reconciliation/{_part(date)}", ReportView)

    async def fix_difference(self, date: str, difference: str, operators: tuple[str, str]) -> FixedView:
        """Carry out what the report proposes for a difference, on the word of two different operators."""
        body = {"difference": difference, "operators": operators}
        return await self._line.send("POST", f"/reconciliation/{_part(date)}/fixes", body, FixedView)

    async def clearing(self, month: str) -> ClearingView:
        """What the books of a month (`2026-11`) ask for; asks nobody."""
        return await self._line.send("POST", f"/clearing/{_part(month)}", {}, ClearingView)

    async def far_clearing(self, month: str) -> FarView:
        """The month's records of people insured elsewhere, beside our books."""
        return await self._line.send("POST", f"/clearing/{_part(month)}/far", {}, FarView)

    async def submit_clearing(
        self, path: str, body: Mapping[str, str], key: str = ""
    ) -> list[SubmissionView]:
        """Change the hub's clearing: `2026-11/applications`, `withdrawals` (`serial`), `2026-11/far/confirmation` or
        `2026-11/far/taking_back`. `key` (default: a new one) makes the request safe to repeat."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                return await self._line.send("POST", f"/clearing/{path}", body, list[SubmissionView], headers)
            except NoAnswer:
                await self._wait_for_service(deadline_s, "")

    async def sign_out(self) -> SignOutView:
        """Sign the operator out at the hub (9002); the next message signs in again."""
        return await self._line.send("POST", "/hub/sign_out", {}, SignOutView)

    async def expire(self) -> ExpiryView:
        """Delete what is past its term now; for ever."""
        return await self._line.send("POST", "/retention/expire", {}, ExpiryView)

    # -- submissions ------------------------------------------------------------------------------

    async def submit(
        self, kind: str, rows: Sequence[Mapping[str, Any]], sale_id: str = "", key: str = ""
    ) -> list[SubmissionView]:
        """Submit what changes the hub outside a settlement. `key` (default: made of the content) makes the request safe to
        repeat: the same content is submitted once, however often it is asked for."""
        body = {"kind": kind, "rows": [dict(row) for row in rows], "sale": sale_id}
        headers = {"Idempotency-Key": key or hashlib.sha256(msgspec.json.encode(body)).hexdigest()}
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                return await self._line.send("POST", "/submissions", body, list[SubmissionView], headers)
            except NoAnswer:
                await self._wait_for_service(deadline_s, "")

    async def submissions(self, limit: int = 50, *, open_only: bool = False) -> list[SubmissionView]:
        """The newest submissions, or every one that still wants something."""
        query = {"limit": str(limit), "open": "true" if open_only else "false"}
        return await self._line.get("/submissions", list[SubmissionView], query)

    async def submission(self, submission_id: str) -> SubmissionView:
        """One submission with its messages."""
        return await self._line.get(f"/submissions/{_part(submission_id)}", SubmissionView)

    async def decide_submission(
        self, submission_id: str, decision: str, operator: str = "", reason: str = ""
    ) -> SubmissionView:
        """Decide about a submission that waits for a person: `again`, `accepted` or `given_up`."""
        body = {"decision": decision, "operator": operator, "reason": reason}
        return await self._line.send(
            "POST", f"/submissions/{_part(submission_id)}/decision", body, SubmissionView
        )

    async def trace_codes(self, which: Literal["stocked", "sold"], **wish: str) -> RowsView:
        """Trace codes at the hub, taken into stock or sold: `batch`, `own_code`, `national_code`, `code`, `since`, `until`."""
        return await self._line.send("POST", f"/hub/trace_codes/{which}", wish, RowsView)

    # -- changing ---------------------------------------------------------------------------------

    async def open_sale(self, wish: SaleWish, key: str = "") -> SettlementView:
        """Open a sale. The same `key` (default: a fresh one) with the same wish is the same sale for ever, so this
        request is repeated when no answer comes."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                return await self._line.send("POST", "/sales", wish, SettlementView, headers)
            except NoAnswer:
                await self._wait_for_service(deadline_s, "")

    async def add_line(self, settlement_id: str, line: LineWish) -> SettlementView:
        """Add one charge line. After a lost answer look at the lines: `set_lines` can be repeated, this cannot."""
        return await self._change(settlement_id, "lines", line)

    async def set_lines(self, settlement_id: str, lines: tuple[LineWish, ...]) -> SettlementView:
        """Replace the charge sheet."""
        return await self._change(settlement_id, "lines", {"lines": lines}, "PUT")

    async def give_code(self, settlement_id: str, code: str) -> SettlementView:
        """Give the customer's certificate code; with lines on the sheet the quote follows by itself."""
        return await self._change(settlement_id, "medium", {"code": code})

    async def give_identity_number(self, settlement_id: str, number: str) -> SettlementView:
        """Give the number of the customer's identity card."""
        return await self._change(settlement_id, "medium", {"identity_number": number})

    async def read_card(self, settlement_id: str) -> SettlementView:
        """Let the counter read the social-security card in its reader."""
        return await self._change(settlement_id, "medium", {"card": True})

    async def pick_disease(self, settlement_id: str, wish: DiseaseWish) -> SettlementView:
        """Pick one of the person's filed diseases for a clinic visit."""
        return await self._change(settlement_id, "disease", wish)

    async def anchor(self) -> AnchorView:
        """How the anchors of the audit log stand, and what contradicts the journal."""
        return await self._line.get("/anchor", AnchorView)

    async def accept_journal(self, operators: tuple[str, str], *, undo_open: bool = False) -> AnchorView:
        """Go on with a journal that a witness contradicts; two people answer for it.

        `undo_open`: also leave to the ordinary rules, which undo it, what may stand at the hub.
        """
        wish = {"operators": operators, "undo_open": undo_open}
        return await self._line.send("POST", "/anchor/acceptance", wish, AnchorView)

    async def answer_review(
        self, settlement_id: str, *, carry_on: bool, reason: str = "", operator: str = ""
    ) -> SettlementView:
        """Answer what the hub's review found: carry on for a reason, or go back and change the sheet."""
        wish = {"carry_on": carry_on, "reason": reason, "operator": operator}
        return await self._change(settlement_id, "review", wish)

    async def quote(self, settlement_id: str) -> SettlementView:
        """Ask the hub who would pay what."""
        return await self._change(settlement_id, "quote")

    async def confirm(self, settlement_id: str, operator: str = "") -> SettlementView:
        """Settle; returns when the outcome is on disk: look at `state`, `in_doubt` and `notice`."""
        return await self._change(settlement_id, "confirm", {"operator": operator})

    async def cancel(self, settlement_id: str, reason: str, operator: str = "") -> SettlementView:
        """Undo a known settlement."""
        return await self._change(settlement_id, "cancel", {"reason": reason, "operator": operator})

    async def abandon(self, settlement_id: str, operator: str = "") -> SettlementView:
        """Give up a sale of which nothing was sent that books."""
        return await self._change(settlement_id, "abandon", {"operator": operator})

    async def refund(
        self,
        settlement_id: str,
        lines: Sequence[ReturnWish] = (),
        *,
        everything: bool = False,
        reason: str = "",
        operator: str = "",
    ) -> SettlementView:
        """Goods come back: the whole sale is cancelled and what remains opened as the sale `refund.rest_id`.

        Returns the old sale. While its cancellation is in doubt nothing is opened; wait for CANCELLED.
        """
        wish = RefundWish(tuple(lines), everything, operator, reason)
        return await self._change(settlement_id, "refund", wish)

    async def withdraw_refund(self, settlement_id: str, operator: str = "") -> SettlementView:
        """Settle nothing anew after a refund; the cancellation stands."""
        return await self._change(settlement_id, "refund/withdraw", {"operator": operator})

    async def acknowledge(self, settlement_id: str, operator: str = "") -> SettlementView:
        """Tell the counter that the till has taken note of the result."""
        return await self._change(settlement_id, "acknowledge", {"operator": operator})

    async def copy(self, settlement_id: str, operator: str = "") -> int:
        """Owe one more slip, marked as a copy; returns its number. Not repeated when no answer comes."""
        path = f"/sales/{_part(settlement_id)}/copies"
        return (await self._line.send("POST", path, {"operator": operator}, _Copy)).copy_number

    async def slip_seen(self, settlement_id: str, operator: str = "") -> SettlementView:
        """Say that the slip whose fate was unknown did come out."""
        return await self._change(settlement_id, "slip_seen", {"operator": operator})

    async def explain(self, settlement_id: str) -> SettlementView:
        """Print why the newest refusal was one; asked once, because a repetition would print it twice."""
        path = f"/sales/{_part(settlement_id)}/explanation"
        return await self._line.send("POST", path, {}, SettlementView)

    async def _change(
        self, settlement_id: str, verb: str, body: object = None, method: str = "POST"
    ) -> SettlementView:
        """Send one change; when its answer is lost, ask what became of the sale instead of sending it again."""
        path = f"/sales/{_part(settlement_id)}/{verb}"
        try:
            return await self._line.send(method, path, {} if body is None else body, SettlementView)
        except NoAnswer:
            pass
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                sale = await self.sale(settlement_id)
                if not sale.busy:
                    return sale
            except (NoAnswer, ServiceNotRunning, CounterProblem) as error:
                if isinstance(error, CounterProblem) and error.status != 503:
                    raise
            await self._wait_for_service(deadline_s, settlement_id)

    async def _wait_for_service(self, deadline_s: float, settlement_id: str) -> None:
        if asyncio.get_running_loop().time() > deadline_s:
            raise NoAnswer(settlement_id)
        await asyncio.sleep(ASK_PAUSE_S)


def _part(text: str) -> str:
    return quote(text, safe="")
