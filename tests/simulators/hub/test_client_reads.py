"""The two ends were written apart: what hub and centre answer, the client's typed messages must read."""

from typing import Any

import msgspec
import pytest

from protocols.ecertificate import query
from protocols.ecertificate.envelope import ReplyShape
from protocols.hub import settlement, wire
from protocols.hub.catalogue import MESSAGES
from protocols.hub.check import check_settlement_identities
from protocols.secret import Secret
from simulators.certificate_centre import CentreSettings, CertificateCentre
from simulators.hub.core import HANDLERS
from simulators.people import Person
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, purchase

HOME = "999900"


def typed(infno: str, reply: Reply) -> Any:
    """The output as the client's message of that transaction."""
    assert reply.infcode == 0, reply.err_msg
    return wire.decode(reply.answer.output, MESSAGES[infno].output_type)


def test_the_hub_answers_every_transaction_the_client_speaks() -> None:
    assert set(MESSAGES) <= set(HANDLERS)


def test_a_pharmacy_conversation_reads_back(till: Counter, jia: Person) -> None:
    world, token = till.world, till.token(jia)
    data = {"mdtrt_cert_type": "01", "mdtrt_cert_no": token, "psn_cert_type": "01"}
    person = typed("1101", till.ask("1101", {"data": data}))
    assert person.base.person_no.reveal() == jia.psn_no
    assert person.active_insurance("310").balance_fen == 6000
    for infno in ("2101", "2102"):
        reply = till.ask(infno, purchase(till, jia, token), HOME)
        output = typed(infno, reply)
        split = settlement.settlement_split(output.info, world.profile)
        assert (split.total_fen, split.account_fen, split.cash_fen) == (8330, 6000, 2330)
        broken = check_settlement_identities(output.info, output.funds, output.line_splits, world.profile)
        assert broken == []
    ids = {name: reply.setlinfo[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    cancelled = typed("2103", till.ask("2103", {"data": ids}, HOME))
    assert settlement.cancellation_split(cancelled.info, world.profile).account_fen == 6000
    assert check_settlement_identities(cancelled.info, cancelled.funds, (), world.profile) == []
    shown = typed("5203", till.ask("5203", {"data": ids}, HOME))
    assert shown.info.refunded == "1"
    assert settlement.settlement_split(shown.info, world.profile).cash_fen == 2330


def test_a_clinic_conversation_reads_back(clinic: Counter, yi: Person) -> None:
    visit = ClinicVisit(clinic, yi)
    profile = clinic.world.profile
    filings = typed("5301", visit.ask("5301", {"data": {"psn_no": yi.psn_no}}))
    assert [row.disease_code for row in filings.filings] == ["M01600"]
    assert typed("2001", visit.benefit()).entitlements[0].entitled == "1"
    assert typed("2201", visit.register()).registered.visit_id == visit.mdtrt_id
    typed("2203A", visit.diagnose())
    assert len(typed("2204", visit.upload()).line_splits) == 3
    (found,) = typed("5201", visit.visits()).visits
    assert found.visit_id == visit.mdtrt_id
    quoted = visit.quote()
    settled = visit.settle(quoted)
    for infno, reply in (("2206A", quoted), ("2207A", settled)):
        output = typed(infno, reply)
        split = settlement.settlement_split(output.info, profile)
        assert (split.total_fen, split.fund_fen, split.account_fen, split.cash_fen) == (
            44968,
            36567,
            5000,
            3401,
        )
        assert check_settlement_identities(output.info, output.funds, (), profile) == []
    cancelled = typed("2208", visit.cancel(settled))
    assert settlement.cancellation_split(cancelled.info, profile).fund_fen == 36567
    typed("2205", visit.withdraw_lines())
    typed("2202", visit.withdraw())


@pytest.mark.parametrize("shape", ["object", "text", "in_message"])
def test_the_centres_reply_reads_back(till: Counter, jia: Person, shape: ReplyShape) -> None:
    centre = CertificateCentre(till.world.book, [till.institution.code], CentreSettings(reply_shape=shape))
    request = query.DecodeRequest(
        institution_code=till.institution.code,
        business_type="02121",
        operator_id="T01",
        operator_name="收银终端一",
        department_code="0001",
        department_name="收银台",
        code=Secret(till.world.phone.issue(jia, till.now)),
    )
    decoded = query.parse_reply(centre.handle(query.encode_query(request), till.now))
    assert isinstance(decoded, query.Decoded)
    assert decoded.document_no.reveal() == jia.certno
    assert decoded.insured_division == HOME
    unknown = msgspec.structs.replace(request, code=Secret("4240000000000000001707990000"))
    refusal = query.parse_reply(centre.handle(query.encode_query(unknown), till.now))
    assert not isinstance(refusal, query.Decoded)
    assert refusal.code == 990002
    assert refusal.meaning is not None
