"""Texts that are kept readable (who, why) take no number of a person: refused at once, with nothing done and nothing kept."""

from pathlib import Path
from typing import Any

import pytest

from terminal.api.checks import TEXTS_KEPT
from terminal.api.routes import build_app
from terminal.api.service import Service
from tests.terminal.api.calling import Api
from tests.terminal.harness import NATIONAL, Shop, Till, counter_config, virtual

JIA = "999999199001010016"
BODIES: dict[str, dict[str, Any]] = {
    "/sales/{settlement_id}/confirm": {"operator": JIA},
    "/sales/{settlement_id}/acknowledge": {"operator": f"T01 {JIA}"},
    "/sales/{settlement_id}/cancel": {"operator": "T01", "reason": f"顾客{JIA}改变主意"},
    "/sales/{settlement_id}/refund": {"everything": True, "reason": JIA},
    "/sales/{settlement_id}/refund/withdraw": {"operator": JIA},
    "/sales/{settlement_id}/review": {"carry_on": True, "reason": JIA},
    "/sales/{settlement_id}/abandon": {"operator": JIA},
    "/sales/{settlement_id}/explanation": {"operator": JIA},
    "/sales/{settlement_id}/copies": {"operator": JIA},
    "/sales/{settlement_id}/slip_seen": {"operator": JIA},
    "/sales/{settlement_id}/records/{record}": {"operator": JIA},
    "/sales/{settlement_id}/prescriptions": {"operator": JIA},
    "/sales/{settlement_id}/prescription": {"number": "R1", "pharmacist": JIA},
    "/sales/{settlement_id}/hand_over": {"code": "123456", "operator": JIA},
    "/submissions/{submission_id}/decision": {"decision": "accepted", "operator": JIA},
    "/reconciliation/{date}/fixes": {"difference": "1", "operators": ["T01", JIA]},
    "/anchor/acceptance": {"operators": [JIA, "T01"]},
}
"""Every request that takes such a text, by its path in the API's own description."""


def written(folder: Path) -> bytes:
    """What stands in the journal's files."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith("journal"))


async def settled(shop: Shop, till: Till) -> str:
    """A sale that anything could be asked of."""
    opened = await till.open()
    await till.counter.media.give_code(opened.id, shop.code())
    return (await till.counter.sales.confirm(opened.id, "T01")).id


@virtual
async def test_a_persons_number_is_refused_as_operator_or_reason_and_stands_nowhere(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sale = await settled(shop, till)
    before = await api.get(f"/sales/{sale}")
    named = {"settlement_id": sale, "submission_id": "1", "record": "totals", "date": "2026-11-23"}
    for path, body in BODIES.items():
        refused = await api.call("POST", path.format(**named), body)
        assert (refused.status_code, refused.json()["code"]) == (422, "number_in_text"), path
        assert JIA not in refused.text
    assert await api.get(f"/sales/{sale}") == before
    await till.kill()
    assert JIA.encode() not in written(tmp_path)


@virtual
async def test_a_persons_number_is_no_name_of_a_program(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    api = Api(till, counter_config())
    refused = await api.call("POST", "/hub/sign_out", {}, X_Client=JIA)
    assert (refused.status_code, refused.json()["code"]) == (422, "number_in_text")
    await till.kill()
    assert JIA.encode() not in written(tmp_path)


def test_no_request_with_such_a_text_is_forgotten() -> None:
    """Who adds a request finds its body here."""
    schema = build_app(Service(counter_config(), NATIONAL, "0.0.0")).openapi_schema.to_schema()
    taking = set()
    for path, verbs in schema["paths"].items():
        body = verbs.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
        members = schema["components"]["schemas"].get(name, {}).get("properties", {})
        if TEXTS_KEPT & members.keys():
            taking.add(path)
    assert taking == BODIES.keys()


@virtual
@pytest.mark.parametrize(
    "reason", ["顾客改变主意", "2026-11-23 退药", "发票 1234567890123", "电话 13900000000"]
)
async def test_what_people_write_otherwise_is_taken(reason: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    sale = await settled(shop, till)
    cancelled = await api.post(f"/sales/{sale}/cancel", {"operator": "T01", "reason": reason})
    assert cancelled["state"] == "CANCELLED"
    await till.stop()
