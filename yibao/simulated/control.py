"""Moves the far ends of a running simulated counter through their control APIs: phone, hub, scanner, printer, card."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from simulators.control import (
    CardOrder,
    CreditOrder,
    DeskView,
    FeedOrder,
    PaperView,
    PrescriptionSeen,
    Report,
    ReportOrder,
    ScanOrder,
)
from yibao.simulated.endpoints import Endpoints, SimulationRefused
from yibao.words import say

Wanted = TypeVar("Wanted")


class PersonRow(msgspec.Struct, frozen=True):
    """One invented person as the simulated hub knows them."""

    slug: str
    name: str
    psn_no: str
    certificate: str
    balance_fen: int


class LedgerRow(msgspec.Struct, frozen=True):
    """One record of the hub's books, amounts in fen; `direction` -1 undoes the record `undoes`."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    fixmedins_code: str
    msgid: str
    infno: str
    setl_time: str
    med_type: str
    clr_type: str
    direction: int
    undoes: str | None
    how_undone: str
    live: bool
    total_fen: int
    fund_fen: int
    account_fen: int
    mutual_aid_fen: int
    cash_fen: int
    hospital_fen: int
    balance_fen: int


class Credited(msgspec.Struct, frozen=True):
    """What a monthly credit came to."""

    credited_fen: int
    balance_fen: int


class CentreView(msgspec.Struct, frozen=True):
    """How the certificate centre is set."""

    single_use_code: bool
    reply_shape: str
    operator_len: int
    scan_wait_s: float


class NoticeRow(msgspec.Struct, frozen=True):
    """One settle notice that the certified terminal has shown; amounts as the notice writes them."""

    institution: str
    business_number: str
    state: str
    kind: str
    settlement_no: str
    settled_at: str
    total: str
    fund: str
    account: str
    own: str
    balance: str
    lines: int


class MessageRow(msgspec.Struct, frozen=True):
    """One message id the hub has taken, and the infcode it answered."""

    msgid: str
    infno: str
    infcode: int


class ArmedFault(msgspec.Struct, frozen=True):
    """A fault that waits for a request."""

    fault: dict[str, Any]
    infno: str
    left: int


class FiredFault(msgspec.Struct, frozen=True):
    """One time a fault fired."""

    kind: str
    infno: str
    msgid: str


class Faults(msgspec.Struct, frozen=True):
    """Faults of the hub, waiting and fired."""

    armed: tuple[ArmedFault, ...] = ()
    fired: tuple[FiredFault, ...] = ()
    counts: dict[str, int] = {}
    """How often each kind has fired."""
    script: dict[str, Any] | None = None
    """The script in force."""
    travelling: int = 0
    """Requests that have not reached the hub yet."""


class HubKeys(msgspec.Struct, frozen=True):
    """The hub's answer keys as 04 || x || y in hex."""

    public_point: str
    former: tuple[str, ...] = ()
    next: str = ""


class SimClient:
    """Use it as an asynchronous context manager. Every method raises `SimulationRefused` with the far end's reason."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "SimClient":
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def has_card_reader(self) -> bool:
        """Whether a card reader stands on this counter."""
        return bool(self._endpoints.reader)

    # -- phone and people -------------------------------------------------------------------------

    async def phone_code(self, person: str) -> str:
        """The 28 digits that the phone of a person (name, slug or psn_no) shows now."""
        found = await self._hub("POST", "phone/codes", dict[str, str], {"person": person})
        return found["code"]

    async def issue_prescription(self, person: str, drugs: Sequence[str], *, revisit: bool = False) -> str:
        """Have a doctor's office issue a prescription of CODE or CODE*QUANTITY; returns its number.

        `revisit`: over the internet, which needs an earlier visit.
        """
        rows = [text.partition("*") for text in drugs]
        body = {
            "psn_no": person,
            "drugs": [{"code": code, "quantity": int(quantity or "1")} for code, _, quantity in rows],
            "revisit": revisit,
        }
        return (await self._hub("POST", "prescriptions", PrescriptionSeen, body)).rxno

    async def void_prescription(self, number: str) -> PrescriptionSeen:
        """Have the doctor's office take a prescription back."""
        return await self._hub("POST", "prescriptions", PrescriptionSeen, {"void": number})

    async def people(self) -> list[PersonRow]:
        """Everybody with the state of their certificate and their account."""
        found = await self._hub("GET", "people", dict[str, list[PersonRow]])
        return found["people"]

    async def set_certificate(self, person: str, state: str) -> PersonRow:
        """Activate, freeze ... a certificate: NOT_INSURED, NOT_ACTIVATED, ACTIVATED, FROZEN, CANCELLED."""
        return await self._hub("POST", "certificates", PersonRow, {"person": person, "state": state})

    # -- certificate centre and its terminal -----------------------------------------------------------

    async def centre(self, **changes: object) -> CentreView:
        """Settings of the centre, after `changes` to them (`single_use_code`, `reply_shape`, `scan_wait_s`)."""
        return await self._hub("POST" if changes else "GET", "centre", CentreView, changes or None)

    async def terminal_scan(self, code: str) -> CentreView:
        """Hold a code to the certified terminal's own scanner."""
        return await self._hub("POST", "centre/scan", CentreView, {"code": code})

    async def terminal_face(self, person: str, outcome: str = "match") -> CentreView:
        """Stand before its camera: match, mismatch, not_alive, cancelled, timeout."""
        return await self._hub("POST", "centre/face", CentreView, {"person": person, "outcome": outcome})

    async def notices(self) -> list[NoticeRow]:
        """Settle notices it has shown, oldest first."""
        found = await self._hub("GET", "centre/notices", dict[str, list[NoticeRow]])
        return found["notices"]

    # -- hub --------------------------------------------------------------------------------------

    async def arm(self, fault: str, infno: str = "", count: int = 1) -> Faults:
        """Let a fault (`lose-answer`, `delay 2.5` ...) hit the next `count` requests of `infno` ("" = any)."""
        order = {"fault": fault, "infno": infno, "count": count}
        return await self._hub("POST", "faults", Faults, order)

    async def load_script(self, script: object) -> Faults:
        """Take a fault script into force (a `simulators.hub.script.Script`), instead of the one before."""
        return await self._hub("POST", "script", Faults, script)

    async def hub_keys(self) -> HubKeys:
        """The hub's answer key, those before it and the one to come."""
        return await self._hub("GET", "key", HubKeys)

    async def rotate_hub_key(self) -> HubKeys:
        """Let the hub sign with its next key from now on."""
        return await self._hub("POST", "key/rotate", HubKeys)

    async def faults(self) -> Faults:
        """Faults waiting and fired."""
        return await self._hub("GET", "faults", Faults)

    async def clear_faults(self) -> None:
        """Disarm all and drop the script."""
        await self._hub("DELETE", "faults", Faults)

    async def ledger(
        self, *, msgid: str = "", psn_no: str = "", setl_id: str = "", live: bool = False
    ) -> list[LedgerRow]:
        """Records of the hub's books, oldest first."""
        query = {"msgid": msgid, "psn_no": psn_no, "setl_id": setl_id, "live": "1" if live else ""}
        wanted = {key: text for key, text in query.items() if text}
        found = await self._hub("GET", "ledger", dict[str, list[LedgerRow]], query=wanted)
        return found["settlements"]

    async def messages(self, msgid: str = "") -> list[MessageRow]:
        """Message ids the hub has taken."""
        query = {"msgid": msgid} if msgid else {}
        found = await self._hub("GET", "messages", dict[str, list[MessageRow]], query=query)
        return found["messages"]

    async def report(self, name: str, order: ReportOrder) -> Report:
        """A report of the hub's books."""
        return await self._hub("POST", f"reports/{quote(name)}", Report, order)

    async def feed(self, order: FeedOrder) -> dict[str, int]:
        """Hand the hub a feed of another department; how many changes and births it held."""
        return await self._hub("POST", "feeds", dict[str, int], order)

    async def quotes(self) -> bytes:
        """The quotes that the hub has kept, as a file."""
        return await self._ask("GET", f"{self._endpoints.control}/quotes")

    async def credit(self, order: CreditOrder) -> Credited:
        """Credit a person's account for a month; 0 where it is not due or has been done."""
        return await self._hub("POST", "credits", Credited, order)

    async def register_terminal(
        self, institution: str, public_point: bytes, slot: str = "", *, keep: bool = False
    ) -> None:
        """Let the hub accept a terminal's key; `keep` = besides those it accepts already."""
        order = {"institution": institution, "slot": slot, "public_point": public_point.hex(), "keep": keep}
        await self._hub("POST", "terminals", dict[str, object], order)

    # -- desk -------------------------------------------------------------------------------------

    async def desk(self) -> DeskView:
        """Scanner, printer and card reader with their true state."""
        return await self._desk("GET", "", DeskView)

    async def scan(self, text: str, symbology: str | None = None, **more: Any) -> DeskView:
        """Hold a code under the scanner; `more` as in `ScanOrder`."""
        return await self._desk("POST", "scanner/scan", DeskView, ScanOrder(text, symbology, **more))

    async def plug_scanner(self, plugged: bool) -> DeskView:
        """Pull the scanner's cable, or put it back."""
        return await self._desk("POST", "scanner/plug" if plugged else "scanner/unplug", DeskView)

    async def printer(self, verb: str, after_lines: int = 0) -> DeskView:
        """Do something to the printer: `paper-out`, `load`, `cover-open` ... (see `simulators.desk.server`)."""
        return await self._desk("POST", f"printer/{quote(verb)}", DeskView, {"after_lines": after_lines})

    async def insert_card(self, person: str = "", image: str = "") -> DeskView:
        """Put a person's card (or one's own image, TOML text) into the reader; returns when the card service saw it."""
        return await self._desk("POST", "card/insert", DeskView, CardOrder(person, image))

    async def remove_card(self) -> DeskView:
        """Take the card out; returns when the card service saw it."""
        return await self._desk("POST", "card/remove", DeskView)

    async def papers(self) -> list[PaperView]:
        """The last pieces of paper, oldest first."""
        return await self._desk("GET", "papers", list[PaperView])

    async def paper(self, number: int = 0, wait_s: float = 0.0) -> PaperView:
        """Piece `number` (0 = the newest), waiting up to `wait_s` until it has come out."""
        return await self._desk("GET", f"papers/{number or 'last'}", PaperView, query={"wait_s": str(wait_s)})

    async def picture(self, number: int = 0) -> bytes:
        """A piece of paper as PNG."""
        return await self._ask("GET", f"{self._endpoints.desk}/papers/{number or 'last'}.png")

    # -- the wire ---------------------------------------------------------------------------------

    async def _hub(
        self,
        method: str,
        path: str,
        wanted: type[Wanted],
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Wanted:
        content = await self._ask(method, f"{self._endpoints.control}/{path}", body, query)
        return msgspec.json.decode(content, type=wanted)

    async def _desk(
        self,
        method: str,
        path: str,
        wanted: type[Wanted],
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Wanted:
        url = f"{self._endpoints.desk}/{path}".rstrip("/")
        return msgspec.json.decode(await self._ask(method, url, body, query), type=wanted)

    async def _ask(
        self, method: str, url: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> bytes:
        if self._session is None:
            raise RuntimeError("use SimClient as an asynchronous context manager")
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(method, url, data=data, params=dict(query or {})) as answer:
                content = await answer.read()
                if answer.status == 200:
                    return content
        except (aiohttp.ClientError, TimeoutError):
            raise SimulationRefused(say("sim_gone", url=url)) from None
        raise SimulationRefused(say("sim_says_no", reason=_reason(content)))


def _reason(content: bytes) -> str:
    try:
        return msgspec.json.decode(content, type=dict[str, str])["error"]
    except (msgspec.MsgspecError, KeyError):
        return content.decode("utf-8", "replace")[:200]
