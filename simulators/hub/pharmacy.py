"""Pharmacy: 2101 quote, 2102 settlement, 2103 cancellation."""

from collections.abc import Mapping, Sequence

import msgspec

from protocols.money import Price, Quantity, line_amount_fen
from simulators.hub import answers, prescriptions, settling, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Node, absent, as_list, as_node, check
from simulators.hub.identify import enrolment_of, person_named, person_with_medium
from simulators.hub.ledger import LineRecord, SettlementRecord, VisitRecord
from simulators.hub.refusals import FieldRefused, Refused
from simulators.people import Person


class _Purchase(msgspec.Struct, frozen=True):
    """A checked 2101 or 2102 with its calculation."""

    head: Node
    person: Person
    lines: tuple[LineRecord, ...]
    priced: settling.Priced


def quote(desk: Desk, call: Call) -> Output:
    """2101: the same calculation as 2102, nothing booked; a trial `mdtrt_id`, no `setl_id`."""
    purchase = _purchase(desk, call, with_traces=False)
    record = _record(desk, call, purchase, settling.new_mdtrt_id(desk, call))
    return {
        "setlinfo": answers.pharmacy_quote(desk, call, purchase.person, record),
        "setldetail": answers.setldetail(desk, record.result, purchase.priced.workings),
        "detlcutinfo": answers.line_splits(desk, purchase.lines, record.result.lines, call.infno),
    }


def settle(desk: Desk, call: Call) -> Output:
    """2102: books the purchase and its lines in one step; the visit is made by this call."""
    purchase = _purchase(desk, call, with_traces=True)
    record = _record(desk, call, purchase, settling.new_mdtrt_id(desk, call))
    head = purchase.head
    desk.ledger.add_visit(
        VisitRecord(
            mdtrt_id=record.mdtrt_id,
            psn_no=record.psn_no,
            fixmedins_code=record.fixmedins_code,
            insutype=record.insutype,
            begntime=head.text("begntime"),
            mdtrt_cert_type=record.mdtrt_cert_type,
            med_type=record.med_type,
            dise_codg=record.dise_codg,
            dise_name=record.dise_name,
            operator=call.operator,
            operator_name=call.operator_name,
            opened_at=call.time_text,
        )
    )
    settling.book(desk, record)
    desk.ledger.add_lines(record.mdtrt_id, purchase.lines, record.setl_id)
    prescriptions.dispense(desk, call, purchase.lines, record.setl_id)
    return {
        "setlinfo": answers.setlinfo(desk, call, purchase.person, record),
        "setldetail": answers.setldetail(desk, record.result, purchase.priced.workings),
        "detlcutinfo": answers.line_splits(desk, purchase.lines, record.result.lines, call.infno),
    }


def cancel(desk: Desk, call: Call) -> Output:
    """2103: undo a known settlement as a whole, by a record with the stored amounts negated."""
    person, record = cancel_settlement(desk, call, frozenset({"2102"}))
    return {
        "setlinfo": answers.pharmacy_cancellation(desk, call, person, record),
        "setldetail": answers.setldetail(desk, record.result),
    }


def cancel_settlement(desk: Desk, call: Call, made_by: frozenset[str]) -> tuple[Person, SettlementRecord]:
    """What 2103 and 2208 share: find, judge, undo. Raises `Refused`."""
    node = check(as_node(call.input.get("data"), "data"), tables.SETTLEMENT_ID, "data")
    person = person_named(desk, call, node.text("psn_no"))
    original = find_settlement(desk, call, node)
    if original.infno not in made_by or original.direction < 0:
        raise Refused("SETL_NOT_FOUND")
    if original.live:
        settling.check_year_open(desk, call, original.fee_date)
    return person, settling.undo(desk, call, original, keep_order=True)


def find_settlement(desk: Desk, call: Call, node: Node) -> SettlementRecord:
    """The record of this institution under `setl_id`, `mdtrt_id` and `psn_no`. Raises `Refused`."""
    record = desk.ledger.settlement(node.text("setl_id"))
    if (
        record is None
        or record.mdtrt_id != node.text("mdtrt_id")
        or record.psn_no != node.text("psn_no")
        or record.fixmedins_code != call.institution.code
    ):
        raise Refused("SETL_NOT_FOUND")
    return record


def read_line(desk: Desk, call: Call, node: Node, where: str) -> LineRecord:
    """The charge line of a checked node; amounts must fit and the item must be in the catalogue."""
    item = desk.policies.catalogue.item_of_code.get(node.text("med_list_codg"))
    if item is None or item not in desk.policies.place(
        desk.policies.set_of_division(call.institution.division)
    ):
        raise FieldRefused(f"{where}.med_list_codg", "目录中无此编码 (not in the catalogue)")
    price_micro, quantity_e4 = node.scaled("pric", 6), node.scaled("cnt", 4)
    for name, value in (("pric", price_micro), ("cnt", quantity_e4)):
        if value <= 0:
            raise FieldRefused(f"{where}.{name}", "必须大于 0 (not above zero)")
    amount_fen = node.fen("det_item_fee_sumamt")
    if amount_fen != line_amount_fen(Price(price_micro), Quantity(quantity_e4)):
        raise FieldRefused(f"{where}.det_item_fee_sumamt", "不等于单价乘数量 (is not price times quantity)")
    rxno, circulates = node.text("rxno"), node.text("rx_circ_flag") == "1"
    if circulates:
        if rxno not in desk.settings.prescriptions and prescriptions.find(desk.ledger, rxno) is None:
            raise Refused("RX_NOT_FOUND")
        _check_credit(desk, call, node.text("bilg_dr_codg"), f"{where}.bilg_dr_codg")
    return LineRecord(
        feedetl_sn=node.text("feedetl_sn"),
        chrg_bchno=node.text("chrg_bchno"),
        med_list_codg=node.text("med_list_codg"),
        medins_list_codg=node.text("medins_list_codg"),
        item=item,
        quantity_e4=quantity_e4,
        price_micro=price_micro,
        amount_fen=amount_fen,
        fee_date=node.day("fee_ocur_time"),
        indication_ok=node.text("hosp_appr_flag") == "1",
        rx_pooled=circulates,
        rxno=rxno,
    )


def _check_credit(desk: Desk, call: Call, prescriber: str, field: str) -> None:
    """A pooled prescription needs a prescriber and a pharmacist above level D (R66, K93). Raises `Refused`.

    A charge line names no pharmacist: a pharmacy is refused when every pharmacist it has registered is of level D.
    """
    doctor = desk.world.staff(prescriber)
    if doctor is not None and doctor.credit == "D":
        raise Refused("CREDIT_LEVEL", detail=f"开方医师 {field} (prescriber)")
    levels = {row.credit for row in call.institution.staff if row.pharmacist}
    if call.institution.kind == "pharmacy" and levels == {"D"}:
        raise Refused("CREDIT_LEVEL", detail="本店药师 (pharmacist)")


def check_total(node: Node, lines: Sequence[LineRecord]) -> None:
    """The total must be the sum of the lines (M2). Raises `Refused`."""
    if node.fen("medfee_sumamt") != sum(row.amount_fen for row in lines):
        raise Refused("SUM_MISMATCH", detail="medfee_sumamt")


def _purchase(desk: Desk, call: Call, *, with_traces: bool) -> _Purchase:
    table = tables.with_identity(tables.PHARMACY_HEAD, desk.wants_identity)
    head = check(as_node(call.input.get("druginfo"), "druginfo"), table, "druginfo")
    lines = _lines(desk, call, with_traces=with_traces)
    person = person_with_medium(desk, call, head)
    insured = enrolment_of(call, person, head.text("insutype"), settling.last_fee_date(lines))
    prescriptions.require_usable(desk, call, person.psn_no, lines)
    check_total(head, lines)
    priced = settling.price(
        desk,
        call,
        person,
        insured,
        head.text("med_type"),
        head.text("dise_codg"),
        head.text("acct_used_flag"),
        lines,
    )
    return _Purchase(head, person, lines, priced)


def _lines(desk: Desk, call: Call, *, with_traces: bool) -> tuple[LineRecord, ...]:
    lines: list[LineRecord] = []
    serials: set[str] = set()
    for place, row in enumerate(as_list(call.input.get("drugdetail"), "drugdetail")):
        where = f"drugdetail[{place}]"
        raw = as_node(row, where)
        line = read_line(desk, call, check(raw, tables.PHARMACY_LINE, where), where)
        if line.feedetl_sn in serials:
            raise Refused("LINE_REPEATED", detail=f"{where}.feedetl_sn")
        serials.add(line.feedetl_sn)
        if with_traces:
            line = msgspec.structs.replace(line, trace_codes=_trace_codes(desk, raw, line, where))
        lines.append(line)
    return tuple(lines)


def _trace_codes(desk: Desk, raw: Mapping[str, object], line: LineRecord, where: str) -> tuple[str, ...]:
    codes: list[str] = []
    given = next(
        (raw[name] for name in ("durg_trac_info", "drug_trac_info") if not absent(raw.get(name))), None
    )
    if given is not None and given != []:
        inside = f"{where}.durg_trac_info"
        for place, row in enumerate(as_list(given, inside)):
            node = check(as_node(row, f"{inside}[{place}]"), tables.TRACE, f"{inside}[{place}]")
            if node.text("feedetl_sn") != line.feedetl_sn:
                raise FieldRefused(f"{inside}[{place}].feedetl_sn", "与明细不一致 (differs from its line)")
            codes.append(node.text("drug_trac_codg"))
    packed = desk.policies.catalogue.items[line.item].type in ("western", "patent")
    if not codes and packed and desk.wants_trace_codes:
        raise Refused("TRACE_CODE", detail=f"{where}.durg_trac_info")
    return tuple(codes)


def _record(desk: Desk, call: Call, purchase: _Purchase, mdtrt_id: str) -> SettlementRecord:
    head, priced = purchase.head, purchase.priced
    return SettlementRecord(
        setl_id=settling.new_setl_id(desk, call),
        mdtrt_id=mdtrt_id,
        psn_no=purchase.person.psn_no,
        fixmedins_code=call.institution.code,
        msgid=call.msgid,
        infno=call.infno,
        setl_time=call.time_text,
        policy_set=priced.policy_set,
        fee_date=priced.fee_date,
        insutype=head.text("insutype"),
        psn_type=priced.psn_type,
        insured_division=priced.insured.division,
        pay_loc=priced.pay_loc,
        mdtrt_cert_type=head.text("mdtrt_cert_type"),
        med_type=head.text("med_type"),
        clr_type=priced.clr_type,
        clr_optins=priced.insured.division,
        result=priced.result,
        dise_codg=head.text("dise_codg"),
        dise_name=head.text("dise_name"),
        invono=head.text("invono"),
        operator=call.operator,
        operator_name=call.operator_name,
        relatives=priced.relatives,
    )
