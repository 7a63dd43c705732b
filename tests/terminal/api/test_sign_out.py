"""Signing out (9002): the hub forgets the sign-in, and the next message signs in again."""

from pathlib import Path

from terminal.core.states import State
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, counter_config, virtual


@virtual
async def test_who_signs_out_is_signed_in_again_by_the_next_message(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    before = till.counter.hub.sign_in_no
    assert shop.world.ledger.sign_in(before) is not None
    assert await api.post("/hub/sign_out") == {"signed_out": True}
    assert shop.world.ledger.sign_in(before) is None
    assert await api.post("/hub/sign_out") == {"signed_out": False}
    assert (await till.settle()).state is State.CONFIRMED
    assert till.counter.hub.sign_in_no != before
    assert [record["actor"] for record in till.audit() if record.get("action") == "signed_out"] == ["test"]
    await till.stop()
