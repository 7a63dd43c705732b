"""A message of a submission that arrives at the hub after a person has looked there."""

from pathlib import Path

from simulators.hub import clearing as hub_clearing
from tests.profiles.rig import profile_of
from tests.terminal.api.calling import Api
from tests.terminal.harness import INSTITUTION, Shop, counter_config, virtual
from tests.terminal.reconciliation.days import DAY_S


@virtual
async def test_an_application_that_arrives_after_a_person_has_looked_is_not_told_as_refused(
    tmp_path: Path,
) -> None:
    """Between the look and the word the first 3203 arrives; the hub refuses the repeat, because it has the first."""
    shop = Shop(tmp_path, profile=profile_of('[recon]\nclearing = "3203"'))
    till = await shop.start()
    api = Api(till, counter_config())
    await till.settle()
    await till.wait(8 * DAY_S)
    shop.arm("late-request 110", "3203")
    (lost,) = await api.post("/clearing/2026-11/applications", Idempotency_Key="k1")
    assert (lost["state"], lost["unanswered"]) == ("HELD", 1)

    def standing() -> int:
        return len(
            shop.world.ledger.documents.all(
                hub_clearing.APPLICATION, INSTITUTION, hub_clearing.ApplicationRecord
            )
        )

    await till.wait(100)
    assert standing() == 0, "a person looks, and it is not there"
    await till.wait(30)
    await api.post(
        f"/submissions/{lost['id']}/decision", {"decision": "again", "reason": "portal shows none"}
    )
    await till.wait(30)
    now = await api.get(f"/submissions/{lost['id']}")
    assert standing() == 1
    assert (now["state"], now["unanswered"]) == ("HELD", 1), "the hub has it"
    assert "refused to take it again" in now["told"]["en"]
    decided = await api.post(f"/submissions/{lost['id']}/decision", {"decision": "accepted"})
    assert decided["state"] == "ACCEPTED"
    await till.stop()
