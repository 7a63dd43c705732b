"""`yibao devices` and `yibao events`."""

from typing import TYPE_CHECKING

import typer

from yibao.cli.common import CounterOption, JsonOption, with_client
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell_line
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.client import CounterClient, EventView


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("devices", help=help_of("devices"), short_help=help_of("devices"))(devices)
    app.command("events", help=help_of("events"), short_help=help_of("events"))(events)


def devices(json: JsonOption = False, counter: CounterOption = None) -> None:
    """List the devices."""
    from yibao.cli.tables import Screen

    found = with_client(counter, lambda client: client.devices())
    print_json(found) if json else Screen().devices(found)


def events(json: JsonOption = False, counter: CounterOption = None) -> None:
    """Print what happens, until the service ends."""

    async def work(client: "CounterClient") -> None:
        import contextlib

        async with contextlib.aclosing(client.events()) as stream:
            async for event in stream:
                if json:
                    print_json(event, compact=True)
                else:
                    _tell(event)

    with_client(counter, work)
    if not json:
        tell_line(say("events_ended"))


def _tell(event: "EventView") -> None:
    notice = event.notice
    head = f"{event.number} {event.settlement_id} {event.state}".strip()
    if notice is None:
        print(head, flush=True)
    else:
        tell_line(Words(notice.code, f"{head} {notice.zh}", f"{notice.en}"))
