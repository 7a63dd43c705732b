"""One accepted input of every transaction of a sale, a visit and a day's accounts, to be spoiled field by field."""

from collections.abc import Mapping
from typing import Any

from protocols.hub.accounts import pack
from simulators.cheap_signing import CheapKey
from simulators.hub import tables
from simulators.hub.fields import Field
from simulators.serve import SimulatedWorld
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, make_world, purchase

HOME = "999900"
Path = tuple[str | int, ...]
"""Where a node stands in an input: names of members and places in lists."""

NODES: Mapping[str, Mapping[Path, tuple[Field, ...]]] = {
    "9001": {("signIn",): tables.SIGN_IN},
    "9002": {("signOut",): tables.SIGN_OUT},
    "9101": {("fsUploadIn",): tables.UPLOAD},
    "9102": {("fsDownloadIn",): tables.DOWNLOAD},
    "1101": {("data",): tables.PERSON},
    "2001": {("data",): tables.BENEFIT_CHECK},
    "2101": {("druginfo",): tables.PHARMACY_HEAD, ("drugdetail", 1): tables.PHARMACY_LINE},
    "2102": {
        ("druginfo",): tables.PHARMACY_HEAD,
        ("drugdetail", 1): tables.PHARMACY_LINE,
        ("drugdetail", 0, "durg_trac_info", 1): tables.TRACE,
    },
    "2103": {("data",): tables.SETTLEMENT_ID},
    "2201": {("data",): tables.REGISTRATION},
    "2202": {("data",): tables.WITHDRAW_REGISTRATION},
    "2203": {("mdtrtinfo",): tables.VISIT, ("diseinfo", 0): tables.DIAGNOSIS},
    "2203A": {("mdtrtinfo",): tables.VISIT, ("diseinfo", 0): tables.DIAGNOSIS},
    "2204": {("feedetail", 2): tables.FEE_LINE},
    "2205": {("data",): tables.WITHDRAW_LINES},
    "2206": {("data",): tables.CLINIC_QUOTE},
    "2206A": {("data",): tables.CLINIC_QUOTE},
    "2207": {("data",): tables.CLINIC_SETTLEMENT, ("drug_trac_info", 0): tables.TRACE},
    "2207A": {("data",): tables.CLINIC_SETTLEMENT, ("drug_trac_info", 0): tables.TRACE},
    "2208": {("data",): tables.SETTLEMENT_ID},
    "2601": {("data",): tables.REVERSAL},
    "3201": {("data",): tables.TOTALS},
    "3202": {("data",): tables.DETAIL},
    "5201": {("data",): tables.VISIT_QUERY},
    "5203": {("data",): tables.SETTLEMENT_ID},
    "5301": {("data",): tables.FILINGS_QUERY},
}
"""Nodes of the inputs with their tables. The questions about registers and records are spoiled in tests of their own."""


class RecordingCounter(Counter):
    """A counter that keeps the last accepted input of every transaction."""

    def __init__(self, world: SimulatedWorld, institution: str) -> None:
        super().__init__(world, institution)
        self.accepted: dict[str, tuple[Mapping[str, Any], str]] = {}

    def ask(self, infno: str, nodes: Mapping[str, object], insured: str = "", **changes: Any) -> Reply:
        """Keep the input if it is accepted; else the test is wrong."""
        reply = super().ask(infno, nodes, insured, **changes)
        assert reply.infcode == 0, (infno, reply.err_msg)
        self.accepted[infno] = (nodes, insured)
        return reply

    def ask_unrecorded(self, infno: str, nodes: Mapping[str, object], insured: str = "") -> Reply:
        """Ask what may be refused."""
        return super().ask(infno, nodes, insured)


class Story:
    """A day at a till and at a clinic's window in which every transaction of `NODES` was accepted once."""

    def __init__(self) -> None:
        self.world = make_world(signer=CheapKey("hub"))
        self.till = RecordingCounter(self.world, "P99990000001")
        self.clinic = RecordingCounter(self.world, "H99990000002")
        for counter in (self.till, self.clinic):
            counter.sign_in()
        self._purchases()
        self._accounts()
        self._visits()
        for counter in (self.till, self.clinic):
            counter.ask("9002", {"signOut": {"sign_no": counter.sign_no, "opter_no": counter.place.operator}})
            counter.sign_in()

    def accepted(self, infno: str) -> tuple[RecordingCounter, Mapping[str, Any], str]:
        """Who sent it, the input, the insured place."""
        counter = next(one for one in (self.clinic, self.till) if infno in one.accepted)
        return counter, *counter.accepted[infno]

    def books(self) -> object:
        """Everything booked, as one value to compare."""
        ledger = self.world.ledger
        visits = {row.mdtrt_id for row in ledger.settlements()} | {
            row.mdtrt_id
            for person in self.world.people
            for code in self.world.world.institutions
            for row in ledger.visits(person.psn_no, code)
        }
        return (
            ledger.settlements(),
            ledger.balances(),
            ledger.file_count(),
            [(ledger.visit(number), ledger.lines(number)) for number in sorted(visits)],
        )

    def _purchases(self) -> None:
        till, jia = self.till, self.world.person("jia")
        medium = {"mdtrt_cert_type": "02", "mdtrt_cert_no": jia.certno, "psn_cert_type": "01"}
        till.ask("1101", {"data": {**medium, "certno": jia.certno, "psn_name": jia.name}})
        till.ask("5301", {"data": {"psn_no": jia.psn_no}}, HOME)
        for undo in ("2103", "2601"):
            bought = purchase(till, jia, till.token(jia))
            till.ask("2101", bought, HOME)
            for line in bought["drugdetail"]:
                line["durg_trac_info"] = [
                    {
                        "feedetl_sn": line["feedetl_sn"],
                        "drug_trac_codg": f"8999999000000000000{n}",
                        "trdn_flag": "0",
                    }
                    for n in range(2)
                ]
            settled = till.ask("2102", bought, HOME).setlinfo
            ids = {name: settled[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
            till.ask("5203", {"data": ids}, HOME)
            reversal = {"psn_no": jia.psn_no, "omsgid": settled["medins_setl_id"], "oinfno": "2102"}
            till.ask(undo, {"data": ids if undo == "2103" else reversal}, HOME)

    def _accounts(self) -> None:
        till = self.till
        name = {"filename": "day.zip", "fixmedins_code": till.institution.code}
        content = list(pack("day.txt", b""))
        file = till.ask("9101", {"fsUploadIn": {"in": content, **name}}).output["file_qury_no"]
        till.ask("9101", {"fsUploadIn": {"in": content, **name}})
        told = {
            "setl_optins": HOME, "stmt_begndate": "2026-11-20", "stmt_enddate": "2026-11-20", "clr_type": "41",
            "medfee_sumamt": 0, "fund_pay_sumamt": 0, "fixmedins_setl_cnt": 0,
            "refd_setl_flag": "0", "fixmedins_refd_setl_flag": "0",
        }  # fmt: skip
        till.ask("3201", {"data": {**told, "insutype": "310", "acct_pay": 0}})
        till.ask("3202", {"data": {**told, "cash_payamt": 0, "file_qury_no": file}})
        # 9102 is answered by a bare file.
        till.accepted["9102"] = ({"fsDownloadIn": {"file_qury_no": file, **name}}, "")

    def _visits(self) -> None:
        clinic, yi = self.clinic, self.world.person("yi")
        settled = ClinicVisit(clinic, yi)
        settled.register()
        settled.diagnose()
        settled.benefit()
        settled.upload()
        answer = settled.settle(settled.quote())
        settled.visits()
        settled.cancel(answer)
        withdrawn = ClinicVisit(clinic, yi)
        withdrawn.register()
        withdrawn.withdraw()
        still_open = ClinicVisit(clinic, yi)
        still_open.register()
        still_open.diagnose()
        still_open.upload()
        still_open.withdraw_lines()
        nodes, insured = clinic.accepted["2207A"]
        trace = {"feedetl_sn": "1", "drug_trac_codg": "89999990000000000009", "trdn_flag": "0"}
        clinic.accepted["2207A"] = ({**nodes, "drug_trac_info": [trace]}, insured)
        for form_a in ("2203A", "2206A", "2207A"):
            clinic.accepted[form_a.removesuffix("A")] = clinic.accepted[form_a]
