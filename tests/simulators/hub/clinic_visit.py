"""One out-patient visit, step by step, for the tests of the clinic family."""

from typing import Any

from simulators.people import Person
from tests.simulators.hub.counter import Counter, Lines, Reply, drug_line, yuan

STORY: Lines = (("D12", 8, 4871), ("D03", 4, 1250), ("S01", 1, 1000))
"""Insulin pens, tablets, consultation."""


class ClinicVisit:
    """A person at a window; every method sends one transaction and returns the answer."""

    def __init__(
        self, counter: Counter, person: Person, *, med_type: str = "14", disease: str = "M01600"
    ) -> None:
        self.counter = counter
        self.person = person
        self.insured = person.enrolment[0]
        self.med_type = med_type
        self.disease = disease
        self.own_no = f"OP{counter.now:%H%M%S}{person.slug}"
        self.mdtrt_id = ""
        self.batch = "CB0001"
        self.total_fen = 0

    def ask(self, infno: str, nodes: dict[str, Any]) -> Reply:
        """One transaction under the person's insured place."""
        return self.counter.ask(infno, nodes, self.insured.division)

    def medium(self) -> dict[str, Any]:
        """The social-security card, or the identity number of somebody without one."""
        card = self.person.card
        if card is None or card.blocked:
            return {"mdtrt_cert_type": "02", "mdtrt_cert_no": self.person.certno}
        return {
            "mdtrt_cert_type": "03",
            "mdtrt_cert_no": card.number,
            "card_sn": card.identification_code,
        }

    def register(self, **changes: Any) -> Reply:
        """2201; keeps the visit id."""
        data = {
            "psn_no": self.person.psn_no,
            "insutype": self.insured.insutype,
            "begntime": self.counter.wire_now(),
            **self.medium(),
            "ipt_otp_no": self.own_no,
            "atddr_no": "D999900000001",
            "dr_name": "测试医师",
            "dept_code": "A02",
            "dept_name": "全科",
            "caty": "A02",
            "expContent": "",
        }
        reply = self.ask("2201", {"data": data | changes})
        if reply.infcode == 0:
            self.mdtrt_id = reply.output["data"]["mdtrt_id"]
        return reply

    def diagnose(self, **changes: Any) -> Reply:
        """2203A."""
        info = {
            "mdtrt_id": self.mdtrt_id,
            "psn_no": self.person.psn_no,
            "med_type": self.med_type,
            "begntime": self.counter.wire_now(),
            "main_cond_dscr": "复诊取药",
            "dise_codg": self.disease,
            "dise_name": "糖尿病",
        }
        diagnosis = {
            "diag_type": "1",
            "diag_srt_no": 1,
            "diag_code": "E11.900",
            "diag_name": "2型糖尿病",
            "diag_dept": "全科",
            "dise_dor_no": "D999900000001",
            "dise_dor_name": "测试医师",
            "diag_time": self.counter.wire_now(),
            "vali_flag": "1",
        }
        return self.ask("2203A", {"mdtrtinfo": info | changes, "diseinfo": [diagnosis]})

    def upload(self, lines: Lines = STORY, first: int = 1, **changes: Any) -> Reply:
        """2204; keeps the total of the batch."""
        rows = []
        for serial, (item, count, price_fen) in enumerate(lines, start=first):
            row = drug_line(self.counter.world, item, count, price_fen, serial, self.counter.wire_now())
            rows.append(
                row
                | {
                    "mdtrt_id": self.mdtrt_id,
                    "psn_no": self.person.psn_no,
                    "chrg_bchno": self.batch,
                    "bilg_dept_codg": "A02",
                    "bilg_dept_name": "全科",
                    "bilg_dr_codg": "D999900000001",
                    "bilg_dr_name": "测试医师",
                    "hosp_appr_flag": "0",
                }
                | changes
            )
        self.total_fen = sum(count * price_fen for _, count, price_fen in lines)
        return self.ask("2204", {"feedetail": rows})

    def withdraw_lines(self, batch: str = "0000") -> Reply:
        """2205."""
        data = {"mdtrt_id": self.mdtrt_id, "chrg_bchno": batch, "psn_no": self.person.psn_no}
        return self.ask("2205", {"data": data})

    def withdraw(self) -> Reply:
        """2202."""
        data = {"psn_no": self.person.psn_no, "mdtrt_id": self.mdtrt_id, "ipt_otp_no": self.own_no}
        return self.ask("2202", {"data": data})

    def _money(self, flag: str) -> dict[str, Any]:
        medium = self.medium()
        medium.pop("card_sn", None)
        return {
            "psn_no": self.person.psn_no,
            **medium,
            "med_type": self.med_type,
            "medfee_sumamt": yuan(self.total_fen),
            "psn_setlway": "01",
            "mdtrt_id": self.mdtrt_id,
            "chrg_bchno": self.batch,
            "insutype": self.insured.insutype,
            "acct_used_flag": flag,
            "expContent": "",
        }

    def quote(self, flag: str = "1") -> Reply:
        """2206A."""
        return self.ask("2206A", {"data": self._money(flag)})

    def settle(self, quoted: Reply, flag: str = "1", **changes: Any) -> Reply:
        """2207A with the four amounts of the quote."""
        names = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
        amounts = {name: quoted.setlinfo[name] for name in names}
        return self.ask("2207A", {"data": self._money(flag) | amounts | {"invono": ""} | changes})

    def cancel(self, settled: Reply) -> Reply:
        """2208."""
        ids = {
            "setl_id": settled.setlinfo["setl_id"],
            "mdtrt_id": self.mdtrt_id,
            "psn_no": self.person.psn_no,
        }
        return self.ask("2208", {"data": ids})

    def settlement(self, settled: Reply) -> Reply:
        """5203."""
        ids = {
            "setl_id": settled.setlinfo["setl_id"],
            "mdtrt_id": self.mdtrt_id,
            "psn_no": self.person.psn_no,
        }
        return self.ask("5203", {"data": ids})

    def visits(self, begin: str = "2026-11-21 00:00:00", end: str = "2026-11-21 23:59:59") -> Reply:
        """5201."""
        data = {"psn_no": self.person.psn_no, "begntime": begin, "endtime": end, "med_type": self.med_type}
        return self.ask("5201", {"data": data})

    def benefit(self, disease: str | None = None) -> Reply:
        """2001."""
        data = {
            "psn_no": self.person.psn_no,
            "insutype": self.insured.insutype,
            "fixmedins_code": self.counter.institution.code,
            "med_type": self.med_type,
            "begntime": self.counter.wire_now(),
            "dise_codg": self.disease if disease is None else disease,
        }
        return self.ask("2001", {"data": data})
