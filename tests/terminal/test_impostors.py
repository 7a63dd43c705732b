"""F52 at the counter: whoever cannot prove to be the hub gets not one byte of a sale, and no one can press past it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.http.tls import client_context
from simulators.certificates import SimulatedAuthority, server_context
from terminal.core.states import State
from terminal.texts import tell_notice
from tests.faults import fired
from tests.terminal.over_sockets import site

pytestmark = pytest.mark.blocking_allowed("the journal is called in line, and certificates are written here")


def elsewhere(authority: SimulatedAuthority) -> Path:
    """A certificate of another authority that carries the same name as ours."""
    folder = authority.file.parent / "elsewhere"
    folder.mkdir()
    return SimulatedAuthority(folder).issue()


IMPOSTORS: dict[str, Callable[[SimulatedAuthority], Path]] = {
    "expired": lambda ours: ours.issue("bad.pem", from_days=-9, until_days=-1),
    "not yet valid": lambda ours: ours.issue("bad.pem", from_days=1),
    "wrong name": lambda ours: ours.issue("bad.pem", hosts=("hub.example",)),
    "self-signed": lambda ours: ours.issue_self_signed("bad.pem"),
    "another authority": elsewhere,
    "revoked": lambda ours: ours.issue("bad.pem"),
}


@pytest.mark.parametrize("kind", IMPOSTORS)
async def test_an_impostor_gets_nothing_and_the_same_bytes_settle_at_the_hub_itself(
    kind: str, tmp_path: Path
) -> None:
    authority = SimulatedAuthority(tmp_path)
    good, bad = server_context(authority.issue()), IMPOSTORS[kind](authority)
    trust = client_context(authority.revocation_list(bad) if kind == "revoked" else authority.file)
    async with site(tmp_path, server=good, trust=trust) as till:
        priced = await till.priced("1")
        taken = len(till.world.ledger.messages())
        await till.nobody_there()
        till.proxy.near, till.proxy.far = server_context(bad), trust
        await till.proxy.listen()
        for _ in range(3):  # there is no button that gets past it
            told = await till.confirm(priced)
            fired("F52")
            assert told.state is State.ARMED
            assert told.notice is not None
            assert told.notice.code == "hub_not_trusted"
            words = tell_notice(told.notice)
            assert words is not None
            assert "Call the service" in words.en
        assert len(till.world.ledger.messages()) == taken
        (attempt,) = till.journal.attempts.of(priced.id)
        await till.nobody_there()
        till.proxy.near = till.proxy.far = None
        await till.proxy.listen()
        assert (await till.confirm(priced)).state is State.CONFIRMED
        assert till.journal.attempts.of(priced.id)[0].request == attempt.request
        till.assert_books_agree()


async def test_a_hub_without_tls_at_all_is_no_hub(tmp_path: Path) -> None:
    """A page comes where a handshake should; not sent, and the sale stays as it was."""
    authority = SimulatedAuthority(tmp_path)
    good, trust = server_context(authority.issue()), client_context(authority.file)
    async with site(tmp_path, server=good, trust=trust) as till:
        priced = await till.priced("1")
        taken = len(till.world.ledger.messages())
        await till.nobody_there()
        till.proxy.order("replace html x3")
        await till.proxy.listen()
        told = await till.confirm(priced)
        fired("F52")
        assert told.state is State.ARMED
        assert len(till.world.ledger.messages()) == taken
        till.proxy.plan.clear()
        assert (await till.confirm(priced)).state is State.CONFIRMED
        till.assert_books_agree()
