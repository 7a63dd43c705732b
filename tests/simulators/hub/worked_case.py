"""One worked case of the benefit rules, played over the hub's signed messages: people, places and records made for it."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from protocols.money import Price, Quantity, line_amount_fen
from protocols.wire_time import WIRE_ZONE
from simulators.benefit.case_file import accumulators
from simulators.benefit.datafile import FEN, Node
from simulators.hub import HubSettings
from simulators.people import Enrolment, Person
from simulators.people.loader import identity_check_character
from simulators.people.model import (
    Approval,
    Card,
    Category,
    Certificate,
    Filing,
    Joining,
    Registration,
    Relative,
)
from simulators.serve import SimulatedWorld
from simulators.world import Institution, load_world
from tests.simulators.benefit.conftest import CASES
from tests.simulators.hub.counter import Counter, Reply, drug_line, make_world, shipped_book, yuan

DIVISIONS: Final = {"JH": "999900", "GX": "979900", "NC": "969900", "CD": "989900"}
OTHER_CITY: Final = "999800"
"""In the province of set JH, for care elsewhere in the province."""
LEVELS: Final = {"pharmacy": "11", "primary": "10", "tier2": "5", "tier3": "2"}
WORLD: Final = load_world()
TEMPLATE: Final = WORLD.institutions["H99990000004"]
PRESCRIPTION: Final = "RX0001"
SINCE: Final = dt.date(2010, 1, 1)


@cache
def cases() -> dict[str, Any]:
    """All worked cases as they stand in the file, by name."""
    return {case["id"]: case for case in json.loads(CASES.read_text("utf-8"))["cases"]}


class WorkedCase:
    """The world of one case; `play` carries its steps out and keeps the answers.

    `medium` is what the person shows (01 e-certificate, 02 identity number, 03 card), `insured` another division of the
    insured place, `birthplace` where the card says they were born,
    `until` the last day of the assistance categories.
    """

    def __init__(
        self,
        case_id: str,
        *,
        medium: str = "02",
        insured: str = "",
        birthplace: str = "999999",
        until: str = "",
    ) -> None:
        self.case = cases()[case_id]
        self._medium = medium
        self._insured = insured or DIVISIONS[self.case["person"]["set"]]
        self._birthplace = birthplace
        self._until = dt.date.fromisoformat(until) if until else None
        self.steps: Sequence[Mapping[str, Any]] = self.case["steps"]
        visits = [step["visit"] for step in self.steps if step["op"] == "settle"]
        self._areas = {visit["area"] for visit in visits}
        self._first_day = min(dt.date.fromisoformat(visit["date"]) for visit in visits)
        self._places: dict[str, Institution] = {}
        for visit in visits:
            place = self._institution(visit)
            self._places[place.code] = place
        self.person, *relatives = self._people()
        self.world = make_world(
            HubSettings(prescriptions=frozenset({PRESCRIPTION})),
            people=[self.person, *relatives],
            world=msgspec.structs.replace(WORLD, institutions=self._places),
        )
        self._open_books(relatives)
        self._booked: dict[str, tuple[Counter, Reply]] = {}
        self._counters: dict[str, Counter] = {}

    # -- the world ------------------------------------------------------------------------------------

    def _institution(self, visit: Mapping[str, Any]) -> Institution:
        kind, inst = visit["inst"]["kind"], visit["inst"]
        division = OTHER_CITY if visit["area"] == "intra" else DIVISIONS[visit["place"]]
        number = f"{division}{list(LEVELS).index(kind)}{int(inst['dual'])}{int(inst['networked'])}99"
        return msgspec.structs.replace(
            TEMPLATE,
            code=f"{'P' if kind == 'pharmacy' else 'H'}{number}",
            kind=kind,
            division=division,
            level=LEVELS[kind],
            dual_channel=inst["dual"],
            networked=inst["networked"],
        )

    def _people(self) -> list[Person]:
        known, start = self.case["person"], self.case["start"]
        bound = start.get("mulaid", [])
        filed = self._areas & {"long_term", "referral", "emergency"}
        enrol = known.get("enrol") or {}
        newborn = enrol.get("newborn_birth")
        enrolment = Enrolment(
            insutype=known["insutype"],
            psn_type="15" if known["psn_type"] == "*" else known["psn_type"],
            division=self._insured,
            since=SINCE,
            civil_servant=known.get("cvlserv", False),
            enterprise_supplement=known.get("hifes", False),
            signed_doctor=known.get("signed", False),
            layers=tuple(known.get("layers", ())),
            **_joined(enrol),
            filing=Filing(filed.pop(), self._first_day) if filed else None,
        )
        registered = [
            *(Registration("chronic", code, "测试病种", SINCE) for code in known.get("chr_reg", ())),
            *(Registration("two_disease", code, "测试病种", SINCE) for code in known.get("two_reg", ())),
        ]
        relatives = [
            _somebody(place, Enrolment("310", "11", DIVISIONS[known["set"]], SINCE))
            for place, _ in enumerate(bound, start=2)
        ]
        return [
            _somebody(
                1, enrolment, born=dt.date.fromisoformat(newborn) if newborn else dt.date(1980, 1, 1),
                **recognised(known["categories"], self._until), approval=self._approvals(), registration=tuple(registered),
                relative=tuple(Relative(row.slug, "spouse", mutual_aid=True) for row in relatives),
                card=_card(self._birthplace),
            ),
            *relatives,
        ]  # fmt: skip

    def _approvals(self) -> tuple[Approval, ...]:
        """Every negotiated drug on the sheets, where the case says that its use is approved."""
        asked = [step for step in self.steps if step["op"] == "settle" and step["visit"].get("nego_approved")]
        items = {line["item"] for step in asked for line in step["lines"]} & {"D09", "D10"}
        codes = {item: code for code, item in shipped_book().catalogue.item_of_code.items()}
        return tuple(Approval(codes[item], SINCE, dt.date(2030, 1, 1)) for item in sorted(items))

    def _open_books(self, relatives: Sequence[Person]) -> None:
        start, ledger = self.case["start"], self.world.ledger
        ledger.set_balance(self.person.psn_no, start["balance"])
        for person, bound in zip(relatives, start.get("mulaid", []), strict=True):
            ledger.set_balance(person.psn_no, bound["balance"])
        for sums in accumulators(Node("case", start["acc"], FEN)).values():
            ledger.set_accumulators(self.person.psn_no, self.case["person"]["set"], sums)

    # -- the messages ---------------------------------------------------------------------------------

    def play(self) -> list[Reply]:
        """Carry out every step; the last answer of each."""
        return [self._settle(step) if step["op"] == "settle" else self._cancel(step) for step in self.steps]

    def _counter(self, place: Institution, day: dt.date) -> Counter:
        if place.code not in self._counters:
            self._counters[place.code] = Counter(self.world, place.code)
        counter = self._counters[place.code]
        wanted = dt.datetime.combine(day, dt.time(10, 0, 1), WIRE_ZONE)
        counter.now = max(counter.now, wanted) if counter.sign_no else wanted
        if not counter.sign_no:
            counter.sign_in()
        return counter

    def _settle(self, step: Mapping[str, Any]) -> Reply:
        visit = step["visit"]
        place = self._institution(visit)
        day = dt.date.fromisoformat(visit["date"])
        latest = max([counter.now.date() for counter in self._counters.values()], default=day)
        counter = self._counter(place, max(day, latest))
        lines = _lines(self.world, step["lines"], visit, f"{day} 09:00:00")
        total_fen = sum(int(Decimal(line["det_item_fee_sumamt"]) * 100) for line in lines)
        head = {
            "psn_no": self.person.psn_no, **self._shown(counter),
            "insutype": self.case["person"]["insutype"], "medfee_sumamt": yuan(total_fen),
            "acct_used_flag": str(visit["acct_used_flag"]), "med_type": visit["med_type"],
            "expContent": '{"MDTRT_GRP_TYPE":"1"}' if visit.get("epidemic") else "",
        }  # fmt: skip
        ask = self._pharmacy if place.kind == "pharmacy" else self._clinic
        reply = ask(counter, step["ref"], head, visit.get("dise", ""), lines)
        if reply.infcode == 0:
            self._booked[step["ref"]] = (counter, reply)
        return reply

    def _shown(self, counter: Counter) -> dict[str, str]:
        """The medium, as a message names it."""
        card = self.person.card
        assert card is not None
        numbers = {"02": self.person.certno, "03": card.number}
        number = counter.token(self.person) if self._medium == "01" else numbers[self._medium]
        sn = {"card_sn": card.identification_code} if self._medium == "03" else {}
        return {"mdtrt_cert_type": self._medium, "mdtrt_cert_no": number} | sn

    def _pharmacy(
        self, counter: Counter, _ref: str, head: dict[str, Any], disease: str, lines: list[dict[str, Any]]
    ) -> Reply:
        begun = {"begntime": counter.wire_now(), "dise_codg": disease}
        nodes = {"druginfo": head | begun, "drugdetail": lines}
        quoted = counter.ask("2101", nodes, self._insured)
        settled = counter.ask("2102", nodes, self._insured)
        _same_money(quoted, settled)
        return settled

    def _clinic(
        self, counter: Counter, ref: str, head: dict[str, Any], disease: str, lines: list[dict[str, Any]]
    ) -> Reply:
        def ask(infno: str, **nodes: Any) -> Reply:
            return counter.ask(infno, nodes, self._insured)

        doctor = {"dept_code": "A02", "dept_name": "全科", "caty": "A02", "dr_name": "测试医师",
                  "atddr_no": "D999900000001"}  # fmt: skip
        medium = {
            name: head[name] for name in head if name.startswith(("psn_no", "mdtrt_cert", "card", "insu"))
        }
        begun = counter.wire_now()
        visit = ask("2201", data=medium | doctor | {"begntime": begun, "ipt_otp_no": f"OP{ref}"})
        if visit.infcode:
            return visit
        mdtrt_id = visit.output["data"]["mdtrt_id"]
        of_visit = {"mdtrt_id": mdtrt_id, "psn_no": self.person.psn_no}
        diagnosis = {
            "diag_type": "1", "diag_srt_no": 1, "diag_code": "E11.900", "diag_name": "测试诊断", "diag_dept": "全科",
            "dise_dor_no": "D999900000001", "dise_dor_name": "测试医师", "diag_time": begun, "vali_flag": "1",
        }  # fmt: skip
        info = {"med_type": head["med_type"], "begntime": begun, "main_cond_dscr": "复诊", "dise_codg": disease,
                "dise_name": "测试病种"}  # fmt: skip
        told = ask("2203A", mdtrtinfo=of_visit | info, diseinfo=[diagnosis])
        assert told.infcode == 0, told.err_msg
        batch = {"chrg_bchno": "CB0001"}
        by = {"bilg_dept_codg": "A02", "bilg_dept_name": "全科", "bilg_dr_codg": "D999900000001",
              "bilg_dr_name": "测试医师"}  # fmt: skip
        uploaded = ask("2204", feedetail=[line | of_visit | batch | by for line in lines])
        assert uploaded.infcode == 0, uploaded.err_msg
        money = head | of_visit | batch | {"psn_setlway": "01"}
        quoted = ask("2206A", data=money)
        if quoted.infcode:
            return quoted
        split = {
            name: quoted.setlinfo[name]
            for name in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
        }
        settled = ask("2207A", data=money | split)
        _same_money(quoted, settled)
        return settled

    def _cancel(self, step: Mapping[str, Any]) -> Reply:
        return self.cancel(step["target"])

    def cancel(self, ref: str) -> Reply:
        """Cancel what a step has settled."""
        counter, settled = self._booked[ref]
        counter.now = max(one.now for one in self._counters.values())
        ids = {name: settled.setlinfo[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
        infno = "2103" if counter.institution.kind == "pharmacy" else "2208"
        return counter.ask(infno, {"data": ids}, self._insured)


def _somebody(number: int, enrolment: Enrolment, **more: Any) -> Person:
    seventeen = f"99999919800101{number:03d}"
    return Person(
        slug=f"case{number}", name="测试例", psn_no=f"9999{number:016d}",
        certno=f"{seventeen}{identity_check_character(seventeen)}", sex="1",
        **{"born": dt.date(1980, 1, 1)} | more, enrolment=(enrolment,),
        certificate=Certificate("ACTIVATED", f"{number:032d}", f"999900ecsim{number:027d}"),
    )  # fmt: skip


def _joined(enrol: Mapping[str, Any]) -> dict[str, Any]:
    """How somebody came to the scheme, as a persona holds it."""
    if not enrol:
        return {}
    gap = enrol.get("employee_gap_months")
    reasons = {
        "newborn": "newborn_birth" in enrol,
        "in_window": enrol["in_window"],
        "employee_gap": gap is not None,
    }
    exempt = next((reason for reason, holds in reasons.items() if holds), "")
    facts = {"paid_on": enrol["paid_on"], "exempt": exempt, "employee_gap_months": gap}
    joined = msgspec.convert(facts | {"lapsed_years": enrol.get("lapsed_years", 0)}, Joining)
    return {"joined": joined}


def recognised(categories: Sequence[str], until: dt.date | None = None) -> dict[str, Any]:
    """Assistance categories, as a persona holds them."""
    return {"category": tuple(Category(kind, end=until) for kind in categories)}


def _card(birthplace: str) -> Card:
    return Card(
        generation="3", version="3.00", number="T0000099X",
        identification_code="999999D15600000500000099FFFFFFFF", reset_information="00815445538660999900000099",
        initialising_institution="915600000299999999999901", category="3", issued=dt.date(2024, 1, 2),
        valid_until=dt.date(2034, 1, 2), birthplace=birthplace, social_security_number="999999198001010016",
        pin="135790",
    )  # fmt: skip


def _lines(
    world: SimulatedWorld, rows: Sequence[Mapping[str, Any]], visit: Mapping[str, Any], when: str
) -> list[dict[str, Any]]:
    lines = []
    for serial, row in enumerate(rows, start=1):
        line = drug_line(world, row["item"], 1, row["pric"], serial, when)
        quantity_e4 = int(Decimal(row["cnt"]) * 10_000)
        amount_fen = line_amount_fen(Price(row["pric"] * 10_000), Quantity(quantity_e4))
        line |= {"cnt": row["cnt"], "det_item_fee_sumamt": yuan(amount_fen),
                 "hosp_appr_flag": "1" if row.get("lmt_ok") else "0"}  # fmt: skip
        if visit.get("rx_pooled"):
            line |= {"rx_circ_flag": "1", "rxno": PRESCRIPTION}
        lines.append(line)
    return lines


def _same_money(quoted: Reply, settled: Reply) -> None:
    """A settlement has the amounts of the quote before it, or is refused as that was."""
    assert (quoted.infcode, quoted.code) == (settled.infcode, settled.code)
    if quoted.infcode == 0:
        ids = {"setl_id", "mdtrt_id", "setl_time", "clr_way", "clr_optins", "medins_setl_id", "age"}
        assert {name: value for name, value in quoted.setlinfo.items() if name not in ids} == {
            name: value for name, value in settled.setlinfo.items() if name not in ids
        }
