"""Ways to put a simulated card in front of the terminal.

`VpcdSlot` plugs it into a real pcscd through the vpcd driver, so that the operating system sees a reader with a card;
`InProcessReader` needs no pcscd at all; `PcscdInstance` runs a pcscd of our own that leaves the machine's alone.
"""

from simulators.reader.in_process import InProcessReader
from simulators.reader.pcscd_instance import PcscdInstance, PcscdUnavailable, missing_parts
from simulators.reader.tear import Tear, TearPoint
from simulators.reader.vpcd import SlotUnavailable, VpcdSlot

__all__ = [
    "InProcessReader",
    "PcscdInstance",
    "PcscdUnavailable",
    "SlotUnavailable",
    "Tear",
    "TearPoint",
    "VpcdSlot",
    "missing_parts",
]
