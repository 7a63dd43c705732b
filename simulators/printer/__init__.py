"""A simulated receipt printer: what arrives on its wire becomes paper, as text lines and as a picture."""

from simulators.printer.drawing import FontMissing, draw_png
from simulators.printer.paper import Paper
from simulators.printer.reading import DecodedSlip, UnreadableSlip, decode_slip
from simulators.printer.virtual_printer import SimulatedPrinter

__all__ = [
    "DecodedSlip",
    "FontMissing",
    "Paper",
    "SimulatedPrinter",
    "UnreadableSlip",
    "decode_slip",
    "draw_png",
]
