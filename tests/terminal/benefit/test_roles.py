"""A cashier asks for nobody's records but those of the person being served; what was refused is on record (R79)."""

from pathlib import Path

import msgspec
import pytest

from terminal.api.records import may_ask
from terminal.config import StaffConfig
from terminal.core.states import State
from terminal.counter.staff import Member, Staff
from tests.capabilities import asserted
from tests.terminal.api.calling import Api
from tests.terminal.core.samples import draft
from tests.terminal.harness import Shop, counter_config, virtual

PEOPLE = Staff(
    [Member("T01", "一", "cashier"), Member("T02", "二", "cashier"), Member("S01", "三", "supervisor")]
)


@pytest.mark.parametrize(
    ("operator", "state", "may"),
    [
        ("T01", State.DRAFT, True),
        ("T01", State.CONFIRMED, True),
        ("T01", State.CLOSED, False),
        ("T02", State.DRAFT, False),
        ("X99", State.DRAFT, False),
        ("S01", State.CLOSED, True),
    ],
)
def test_r79_who_may_ask(operator: str, state: State, may: bool) -> None:
    assert may_ask(PEOPLE, operator, draft(state=state)) is may
    assert may_ask(Staff(), operator, draft(state=state)), "a file that names nobody knows no roles"


@virtual
async def test_r79_a_cashier_cannot_open_another_persons_history_and_the_attempt_is_logged(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    config = msgspec.structs.replace(
        counter_config(), staff=(StaffConfig("T01", "一"), StaffConfig("S01", "三", "supervisor"))
    )
    till = await shop.start(config=config)
    sold = await till.closed()
    api = Api(till, config)
    path = f"/sales/{sold.id}/records/totals"
    refused = await api.call("POST", path, {"operator": "T01"})
    asserted("R79", (422, "not_permitted"), (refused.status_code, refused.json()["code"]), what="refused")
    drugs = await api.call("POST", f"/sales/{sold.id}/prescriptions", {"operator": "T01"})
    assert (drugs.status_code, drugs.json()["code"]) == (422, "not_permitted"), "they name diagnoses"
    told = await api.post(path, {"operator": "S01"})
    assert told["infno"] == "5206"
    notes = [(row["actor"], row["action"]) for row in till.audit() if "records" in str(row.get("action"))]
    asserted("R79", ("T01", "records_refused"), notes[0], what="noted")
    assert [action for _, action in notes[1:]] == ["records_refused", "records_asked"]
    await till.stop()


@virtual
async def test_a_cashier_sees_no_prescriptions_of_somebody_who_has_gone(tmp_path: Path) -> None:
    config = msgspec.structs.replace(
        counter_config(), staff=(StaffConfig("T01", "一"), StaffConfig("S01", "三", "supervisor"))
    )
    till = await Shop(tmp_path).start(config=config)
    sold = await till.closed()
    api = Api(till, config)
    path = f"/sales/{sold.id}/prescriptions"
    refused = await api.call("POST", path, {})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_permitted")
    assert await api.post(path, {"operator": "S01"}) == []
    told = [(row["actor"], str(row.get("action"))) for row in till.audit()]
    notes = [note for note in told if note[1].startswith(("records", "prescriptions"))]
    assert notes == [("T01", "records_refused"), ("test", "prescriptions_asked")]
    await till.stop()
