"""The simulated things that stand on a counter, behind one control API: scanner and printer on pseudo-terminals, and a
card reader on a real pcscd.

The terminal is given the paths of the pseudo-terminals; people, demo and tests move the things through HTTP.
"""

from simulators.desk.desk import Desk
from simulators.desk.server import RunningDesk, serve_desk

__all__ = ["Desk", "RunningDesk", "serve_desk"]
