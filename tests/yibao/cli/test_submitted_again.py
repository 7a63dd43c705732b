"""The same file submitted twice by command: nothing is sent the second time, and that is said; a key of one's own sends it."""

from pathlib import Path

from tests.simulators.hub.submitted import MAPPING
from tests.terminal.harness import Shop, virtual
from tests.yibao.cli.direct_client import DirectClient
from yibao.cli.submissions import submit_or_find


@virtual
async def test_what_has_ended_is_not_sent_again_unless_a_key_says_so(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    client = DirectClient(till)
    (first,), was_old = await submit_or_find(client, "mapping.upload", [dict(MAPPING)], "", "")
    assert (first.state, was_old) == ("ACCEPTED", False)
    (again,), was_old = await submit_or_find(client, "mapping.upload", [dict(MAPPING)], "", "")
    assert (again.id, was_old) == (first.id, True)
    (anew,), was_old = await submit_or_find(client, "mapping.upload", [dict(MAPPING)], "", "once more")
    assert anew.id != first.id
    assert not was_old
    await till.stop()
