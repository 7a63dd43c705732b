"""Wires between a simulated device and the terminal: pseudo-terminals and loopback sockets.

A simulated device holds the far end of a `DeviceLink`; the terminal is given the link's `url` in its configuration and
opens it like any serial port. The two may be different processes.
"""

from simulators.links.device_link import DeviceLink, LinkClosed, NobodyListening
from simulators.links.pty_link import PtyLink
from simulators.links.tcp_link import TcpLink

__all__ = ["DeviceLink", "LinkClosed", "NobodyListening", "PtyLink", "TcpLink"]
