"""Is the hub there, how fast, and is it the hub? Without disturbing anything.

Two things are measured. First a connection of its own (TCP, TLS, one HTTP answer): it carries no message. Second the
signed way, by `ensure`: when the day's sign-in has not been done yet it is done now, which the next sale would do
anyway; when it has, the newest authentic answer is told with its age instead. A second sign-in is never made for a
look: some hubs end the old one with it, and a settlement on its way would then be refused.
"""

from drivers.interfaces.clock import Clock
from drivers.interfaces.reach import Reach
from terminal.counter.session import HubSession
from terminal.hub.client import HubClient
from terminal.shapes.hub import HubView, Ping


def hub_view(hub: HubClient, session: HubSession, clock: Clock) -> HubView:
    """Return what is known now; asks nobody."""
    contact = hub.contact
    if contact is None:
        return HubView(session.state.value, session.reason, "", None, None, None, None)
    offset_s = contact.clock_offset_s
    return HubView(
        session.state.value,
        session.reason,
        contact.infno,
        round(clock.monotonic_s() - contact.arrived_s, 3),
        round(contact.answer_ms, 3),
        round(contact.verify_ms, 3),
        None if offset_s is None else round(offset_s * 1000),
    )


async def ping(url: str, path: str, hub: HubClient, session: HubSession, reach: Reach, clock: Clock) -> Ping:
    """Look at the line, then make sure of the sign-in. Never raises for what the far side does."""
    line = await reach(url, path)
    before = hub.contact
    if line.ok:
        await session.ensure()
    return Ping(url, line, hub_view(hub, session, clock), asked_now=hub.contact is not before)
