"""Every documented field of an input is checked: missing, of the wrong type, too long, of no dictionary."""

from typing import Any

import msgspec
import pytest

from protocols.hub import outpatient, pharmacy, queries, reversal
from simulators.hub import HubSettings, tables
from simulators.hub.fields import Field, check, decode_input
from simulators.hub.refusals import FieldRefused
from simulators.people import Person
from tests.simulators.hub.counter import Counter, make_world, purchase

HOME = "999900"

HEAD = (
    *("psn_no", "mdtrt_cert_type", "mdtrt_cert_no", "begntime", "medfee_sumamt"),
    *("insutype", "acct_used_flag", "med_type"),
)
LINE = (
    *("feedetl_sn", "rx_circ_flag", "fee_ocur_time", "med_list_codg", "medins_list_codg"),
    *("det_item_fee_sumamt", "cnt", "pric"),
)
HUNAN = ("psn_cert_type", "certno", "psn_type", "psn_name")


def with_head(body: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    """The purchase with one member of `druginfo` replaced."""
    return body | {"druginfo": body["druginfo"] | {name: value}}


def refused_text(till: Counter, body: dict[str, Any], infno: str = "2102") -> str:
    """Text of the refusal of a purchase; nothing may be booked."""
    reply = till.ask(infno, body, HOME)
    assert reply.infcode == -1
    assert till.world.ledger.settlements() == ()
    return reply.err_msg


@pytest.mark.parametrize("infno", ["2101", "2102"])
@pytest.mark.parametrize("name", HEAD)
@pytest.mark.parametrize("gone", [None, "", "null"])
def test_a_missing_head_field_is_refused_by_name(
    till: Counter, jia: Person, infno: str, name: str, gone: str | None
) -> None:
    body = with_head(purchase(till, jia, till.token(jia)), name, gone)
    assert f"druginfo.{name} " in refused_text(till, body, infno)


@pytest.mark.parametrize("name", LINE)
def test_a_missing_line_field_is_refused_by_name(till: Counter, jia: Person, name: str) -> None:
    body = purchase(till, jia, till.token(jia))
    del body["drugdetail"][1][name]
    assert f"drugdetail[1].{name} " in refused_text(till, body)


@pytest.mark.parametrize("name", HUNAN)
def test_the_hunan_edition_also_demands_the_identity_fields(name: str) -> None:
    world = make_world(HubSettings(identity_fields="required"))
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    body = with_head(purchase(till, jia, till.token(jia)), name, "")
    assert f"druginfo.{name} " in refused_text(till, body)


@pytest.mark.parametrize("name", HUNAN)
def test_the_national_edition_takes_empty_identity_fields(till: Counter, jia: Person, name: str) -> None:
    assert till.ask("2102", with_head(purchase(till, jia, till.token(jia)), name, ""), HOME).infcode == 0


@pytest.mark.parametrize("node", ["druginfo", "drugdetail"])
@pytest.mark.parametrize("value", [None, "text", 7])
def test_a_node_that_is_missing_or_of_the_wrong_kind_is_refused_by_name(
    till: Counter, jia: Person, node: str, value: object
) -> None:
    body = purchase(till, jia, till.token(jia)) | {node: value}
    assert node in refused_text(till, body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("psn_no", True),
        ("psn_no", {"a": 1}),
        ("psn_no", "9" * 31),
        ("mdtrt_cert_type", "04"),
        ("insutype", "999"),
        ("acct_used_flag", "3"),
        ("med_type", "11"),
        ("begntime", "2026-11-21"),
        ("begntime", "2026-02-30 10:00:00"),
        ("begntime", 20261121),
        ("medfee_sumamt", "83.301"),
        ("medfee_sumamt", "8.33e1"),
        ("medfee_sumamt", "NaN"),
        ("medfee_sumamt", "8" * 15),
        ("medfee_sumamt", [83.3]),
        ("dise_name", "病" * 501),
        ("expContent", "x" * 4001),
    ],
)
def test_a_wrong_head_field_is_refused_by_name(till: Counter, jia: Person, name: str, value: object) -> None:
    wanted = "exp_content" if name == "expContent" else name
    body = with_head(purchase(till, jia, till.token(jia)), name, value)
    assert f"druginfo.{wanted} " in refused_text(till, body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rx_circ_flag", "2"),
        ("cnt", "1.00001"),
        ("cnt", "0"),
        ("pric", "-12.50"),
        ("pric", "12.5000001"),
        ("fee_ocur_time", "21.11.2026"),
        ("medins_list_codg", "S" * 151),
        ("tcmdrug_used_way", "9"),
    ],
)
def test_a_wrong_line_field_is_refused_by_name(till: Counter, jia: Person, name: str, value: object) -> None:
    body = purchase(till, jia, till.token(jia))
    body["drugdetail"][0][name] = value
    assert f"drugdetail[0].{name} " in refused_text(till, body)


@pytest.mark.parametrize("value", [83.3, "83.3", "83.30", "83.300"])
def test_an_amount_may_be_a_number_or_numeric_text(till: Counter, jia: Person, value: object) -> None:
    assert till.ask("2101", purchase(till, jia, till.token(jia), medfee_sumamt=value), HOME).infcode == 0


def test_a_number_with_an_exponent_on_the_wire_is_refused(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia), medfee_sumamt=83.3)
    request = till.request("2102", body, HOME)
    changed = type(request)(
        **{name: getattr(request, name) for name in request.__struct_fields__ if name != "input"},
        input=request.input.replace(b":83.3,", b":8.33e1,"),
    )
    reply = till.send(till.sign(changed))
    assert "druginfo.medfee_sumamt" in reply.err_msg


@pytest.mark.parametrize(
    "table",
    [
        value
        for name, value in vars(tables).items()
        if name.isupper() and isinstance(value, tuple) and not isinstance(value, Field)
    ],
)
def test_the_tables_name_each_field_once(table: tuple[Field, ...]) -> None:
    names = [field.name for field in table]
    assert len(names) == len(set(names))


def test_the_first_wrong_field_in_table_order_is_named() -> None:
    with pytest.raises(FieldRefused) as refused:
        check({"opter_no": "T01"}, tables.SIGN_IN, "signIn")
    assert refused.value.field == "signIn.mac"


def test_the_clients_message_and_the_hubs_table_agree_on_the_names() -> None:
    """Both ends were written from the published table by different hands; what one sends the other must know."""
    pairs: list[tuple[type, tuple[Field, ...]]] = [
        (pharmacy.Purchase, tables.PHARMACY_HEAD),
        (outpatient.Registration, tables.REGISTRATION),
        (outpatient.VisitInfo, tables.VISIT),
        (outpatient.Diagnosis, tables.DIAGNOSIS),
        (outpatient.FeeLine, tables.FEE_LINE),
        (outpatient.ClinicSettlement, tables.CLINIC_SETTLEMENT),
        (reversal.Reversal, tables.REVERSAL),
        (queries.VisitQuery, tables.VISIT_QUERY),
    ]
    for message, table in pairs:
        known = {name for field in table for name in (field.name, *field.also)}
        sent = {field.encode_name for field in msgspec.structs.fields(message)}
        assert sent <= known, message.__name__
        required = {field.name for field in table if field.required}
        assert required <= sent, message.__name__


def test_an_input_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(FieldRefused, match="FIELD") as refused:
        decode_input(b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}")
    assert refused.value.field == "input"


@pytest.mark.parametrize("amount", ["１２", "1２.5", "٣"])
def test_digits_of_other_scripts_are_no_number(amount: str) -> None:
    with pytest.raises(FieldRefused):
        check({"cnt": amount}, (Field("cnt", "N", 16, 4),), "row")
