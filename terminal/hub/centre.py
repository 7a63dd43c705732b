"""The certificate centre as the terminal asks it: who showed this code? Books nothing, so silence is harmless.

A lost answer is repeated once with the same code inside its life (the centre then gives the same token); after that a
fresh code is asked for. Some hubs decode themselves (`ecert.path = "hub_1162"`): then the same question goes there.
What became of a settlement is told once to the certified terminal behind the centre; nothing depends on it.
"""

from collections.abc import Mapping

import msgspec

from drivers.interfaces.clock import Clock
from drivers.interfaces.hub_transport import HubTransport, NoAnswer, NotSent, RawAnswer
from protocols.ecertificate import hub_1162, refusals
from protocols.ecertificate.notice import SettleNotice, encode_notice, parse_notice_reply
from protocols.ecertificate.query import Decoded, DecodeRequest, encode_query, parse_reply
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub.addresses import decode_path
from protocols.hub.profile import Profile
from protocols.secret import Secret
from terminal.core.events import CentreRefused, CentreSaid
from terminal.core.values import Medium
from terminal.hub.client import HEADERS, Institution, Operator
from terminal.hub.gate import HubGate

_WORDS: Mapping[int, str] = {
    refusals.NOT_A_CERTIFICATE: "not_a_certificate",
    refusals.CODE_EXPIRED: "code_expired",
    refusals.CODE_UNKNOWN: "code_unknown",
    refusals.CODE_USED_ELSEWHERE: "code_used",
    refusals.NOT_ACTIVATED: "certificate_not_activated",
    refusals.FROZEN: "certificate_frozen",
}


class Office(msgspec.Struct, frozen=True):
    """The department that every decode names, and what its customers are told."""

    code: str
    name: str
    activation_entry: str = "国家医保服务平台 App"
    """Where a customer can activate a certificate (PD-10); we cannot do it for them."""


class CentreClient:
    """Asks one certificate centre."""

    def __init__(
        self,
        profile: Profile,
        institution: Institution,
        operator: Operator,
        office: Office,
        business_type: str,
        transport: HubTransport,
        clock: Clock,
        hub_transport: HubTransport | None = None,
        gate: HubGate | None = None,
    ) -> None:
        """`transport` leads to the centre; `hub_transport` to a hub that decodes itself, where the profile says so.

        `gate` makes the headers of that hub's gateway.
        """
        self._profile = profile
        self._institution = institution
        self._operator = operator
        self._office = office
        self._business_type = business_type
        self._transport = transport
        self._decoder = hub_transport if profile.ecert.path == "hub_1162" and hub_transport else transport
        self._gate = gate
        self._clock = clock

    async def decode(self, code: Secret) -> CentreSaid | CentreRefused:
        """Decode one scanned code; never raises for what the centre does."""
        body = self._question(code)
        asked_at_s = self._clock.monotonic_s()
        answer = await self._ask(body)
        if isinstance(answer, CentreRefused) and self._may_repeat(answer, asked_at_s):
            answer = await self._ask(body)
        return answer

    async def tell(self, notice: SettleNotice) -> str:
        """Show a settlement's result at the certified terminal: "" = shown, else why not. Sent once, never repeated."""
        ecert = self._profile.ecert
        try:
            raw = await self._transport.post(
                ecert.url_path, encode_notice(notice), HEADERS, ecert.connect_timeout_s, ecert.total_timeout_s
            )
            refusal = parse_notice_reply(raw.body)
        except (NotSent, NoAnswer) as silent:
            return silent.reason
        except MalformedMessage:
            return "unreadable"
        return "" if refusal is None else str(refusal.code)

    def _question(self, code: Secret) -> bytes:
        at_hub = self._profile.ecert.path == "hub_1162"
        kind: type[hub_1162.Request] | type[DecodeRequest] = hub_1162.Request if at_hub else DecodeRequest
        request = kind(
            institution_code=self._institution.code,
            business_type=self._business_type,
            operator_id=self._operator.number,
            operator_name=self._operator.name,
            department_code=self._office.code,
            department_name=self._office.name,
            code=code,
        )
        return hub_1162.encode(request) if isinstance(request, hub_1162.Request) else encode_query(request)

    def _may_repeat(self, answer: CentreRefused, asked_at_s: float) -> bool:
        return (
            not answer.rescan and self._clock.monotonic_s() - asked_at_s < self._profile.ecert.code_life_s / 2
        )

    async def _ask(self, body: bytes) -> CentreSaid | CentreRefused:
        ecert = self._profile.ecert
        at_hub = ecert.path == "hub_1162"
        try:
            headers = await self._gate.headers("1162", body) if at_hub and self._gate else HEADERS
            raw = await self._decoder.post(
                decode_path(self._profile) if at_hub else ecert.url_path,
                body,
                headers,
                ecert.connect_timeout_s,
                ecert.total_timeout_s,
            )
        except NotSent as not_sent:
            return CentreRefused("centre_not_reached", {"reason": not_sent.reason})
        except NoAnswer as silent:
            return CentreRefused("centre_not_reached", {"reason": silent.reason}, rescan=False)
        if raw.status == 401 and at_hub and self._gate:
            self._gate.refused()  # nothing else is asked before there is a medium: who else should notice?
            return CentreRefused("centre_not_reached", {"reason": "http 401"}, rescan=False)
        return self._read(raw, at_hub)

    def _read(self, raw: RawAnswer, at_hub: bool) -> CentreSaid | CentreRefused:
        try:
            reply = hub_1162.parse_answer(raw.body) if at_hub else parse_reply(raw.body)
        except MalformedMessage:
            return CentreRefused("centre_not_reached", {"reason": "unreadable"}, rescan=False)
        match reply:
            case CentreRefusal():
                params = {"centre_code": str(reply.code)}
                if reply.code == refusals.NOT_ACTIVATED:
                    params["entry"] = self._office.activation_entry
                return CentreRefused(_WORDS.get(reply.code, "centre_refused"), params)
            case Decoded():
                return CentreSaid(Medium("01", reply.token, certno=reply.document_no, name=reply.name))
