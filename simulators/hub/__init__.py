"""The simulated hub of one invented province.

    server ──┐                               one POST path, and /control for people and tests
    link  ───┤  two thin shells              the same hub without sockets, for tests and the simulation
             ▼
           faulty        what goes wrong between the hub and whoever asked (faults): armed or from a script, counted
             ▼
            core         bytes + time -> bytes: signature, envelope, message id, one transaction, signed answer
             ▼
    person_desk pharmacy clinic queries reversal     one module per family; a handler takes (Desk, Call)
             ▼
    identify   who is meant           fields, tables   what an input must look like (the hub's own reading)
    settling   quote, book, undo      answers, wire    what an output looks like
             ▼
    ledger (SQLite: the oracle)       simulators.benefit (who pays what)

Nothing below the shells knows a socket or a clock; keys, random numbers, people and the token book are handed in.
A refusal is an exception (`refusals.Refused`), books nothing, and answers `infcode` -1 with a code in brackets.
"""

from simulators.hub.core import HubCore
from simulators.hub.desk import HubSettings
from simulators.hub.faults import Fault
from simulators.hub.faulty import FaultyHub
from simulators.hub.keys import TerminalKeys
from simulators.hub.ledger import Ledger
from simulators.hub.link import HubLink

__all__ = ["Fault", "FaultyHub", "HubCore", "HubLink", "HubSettings", "Ledger", "TerminalKeys"]
