"""A technician reads what is wrong and what to do."""

import errno
import socket

import pytest
from serialx import UnsupportedSetting

from drivers.interfaces.byte_stream import StreamClosed
from drivers.serial.errors import PortAbsent, PortUnusable, open_failure


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (FileNotFoundError(errno.ENOENT, ""), PortAbsent, "unplugged, or connected under another name"),
        (OSError(errno.ENXIO, ""), PortAbsent, "unplugged"),
        (OSError(errno.EIO, ""), PortAbsent, "does not answer"),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), PortAbsent, "nobody listens"),
        (TimeoutError(), PortAbsent, "switched on"),
        (socket.gaierror(socket.EAI_NONAME, ""), PortAbsent, "host name unknown"),
        (OSError(errno.ENOSPC, ""), PortAbsent, "ENOSPC"),
        (PermissionError(errno.EACCES, ""), PortUnusable, "dialout"),
        (OSError(errno.EBUSY, ""), PortUnusable, "another program"),
        (OSError(errno.ENOTTY, ""), PortUnusable, "not a serial port"),
        (UnsupportedSetting("Unsupported baudrate 123"), PortUnusable, "settings were refused"),
    ],
)
def test_every_cause_has_its_words(error: Exception, kind: type[StreamClosed], words: str) -> None:
    failure = open_failure("/dev/x", error)
    assert type(failure) is kind
    assert str(failure).startswith("/dev/x: ")
    assert words in str(failure)
