"""Requests that arrive together are committed together, and no answer leaves before the commit that holds it.

A durable commit waits for the disk; sixteen tills that each waited for one of their own would keep the hub idle. So the
first request of a turn of the event loop opens a transaction, the others of the same turn book inside it, each in a
savepoint of its own, and the commit comes when that turn is over.
"""

import asyncio
import contextlib

import apsw

from simulators.hub.ledger import Ledger


class GroupCommit:
    """One for each server. Use it on one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        """`ledger` is the one that requests are booked in."""
        self._ledger = ledger
        self._transaction = contextlib.ExitStack()
        self._waiting: list[asyncio.Future[None]] = []

    def join(self) -> asyncio.Future[None]:
        """Call before a request is handled and await the result before it is answered.

        Raises there what the database raised, to every request of the group: none of them is booked then.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._transaction.enter_context(self._ledger.transaction())
            loop.call_soon(self._commit)
        on_disk = loop.create_future()
        self._waiting.append(on_disk)
        return on_disk

    def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        failure: apsw.Error | None = None
        try:
            self._transaction.close()
        except apsw.Error as error:
            failure = error
        for on_disk in group:
            if on_disk.done():  # whoever asked has hung up; what was booked stays booked
                continue
            if failure is None:
                on_disk.set_result(None)
            else:
                on_disk.set_exception(failure)
