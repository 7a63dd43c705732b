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
        self._committed: asyncio.Future[None] | None = None

    def join(self) -> asyncio.Future[None]:
        """Call before a request is handled and await the result before it is answered.

        Raises there what the database raised, to every request of the group: none of them is booked then.
        """
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._transaction.enter_context(self._ledger.transaction())
            self._committed = loop.create_future()
            loop.call_soon(self._commit, self._committed)
        return self._committed

    def _commit(self, committed: asyncio.Future[None]) -> None:
        self._committed = None
        try:
            self._transaction.close()
        except apsw.Error as error:
            committed.set_exception(error)
        else:
            committed.set_result(None)
