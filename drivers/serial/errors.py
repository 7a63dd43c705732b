"""Why a serial line cannot be opened, in words a technician can act on."""

import errno
import socket

from drivers.interfaces.byte_stream import StreamClosed


class PortAbsent(StreamClosed):
    """Nothing is there: unplugged, switched off, another address."""


class PortUnusable(StreamClosed):
    """Something is there and cannot be used until a person changes something."""


_ABSENT = {
    errno.ENOENT: "no such device; unplugged, or connected under another name (see /dev/serial/by-id)",
    errno.ENODEV: "the device has been unplugged",
    errno.ENXIO: "the device has been unplugged",
    errno.EIO: "the device does not answer; unplugged just now, or its adapter hangs",
    errno.ECONNREFUSED: "nobody listens at this address; is the serial server switched on, is the port right?",
    errno.EHOSTUNREACH: "no way to this address; check cable and network settings",
    errno.ENETUNREACH: "no way to this address; check cable and network settings",
    errno.ECONNRESET: "the serial server closed the connection; is another program connected?",
}
_UNUSABLE = {
    errno.EACCES: "permission denied; the service's user must belong to the device's group (usually dialout)",
    errno.EPERM: "permission denied; the service's user must belong to the device's group (usually dialout)",
    errno.EBUSY: "in use by another program",
    errno.ENOTTY: "not a serial port",
    errno.EISDIR: "not a serial port but a folder",
}


def open_failure(url: str, error: Exception) -> StreamClosed:
    """The named failure for what a serial library raised while opening."""
    if isinstance(error, socket.gaierror):
        return PortAbsent(f"{url}: host name unknown")
    if isinstance(error, TimeoutError):
        return PortAbsent(f"{url}: no answer; is the device or serial server switched on?")
    code = error.errno if isinstance(error, OSError) else None
    if code in _UNUSABLE:
        return PortUnusable(f"{url}: {_UNUSABLE[code]}")
    if code in _ABSENT:
        return PortAbsent(f"{url}: {_ABSENT[code]}")
    if code is not None:
        return PortAbsent(f"{url}: {errno.errorcode.get(code, code)}")
    return PortUnusable(f"{url}: {type(error).__name__}: the line's settings were refused")
