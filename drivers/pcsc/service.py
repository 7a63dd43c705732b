"""Which PC/SC service this process talks to: the machine's own, unless another one is chosen here."""

import os
from pathlib import Path
from typing import Final

SOCKET_VARIABLE: Final = "PCSCLITE_CSOCK_NAME"


def use_service(socket_path: Path) -> None:
    """Send every PC/SC call of this process to the service behind this socket.

    The PC/SC library reads the variable once, at the first call of the process: choose before it, and once.
    """
    os.environ[SOCKET_VARIABLE] = str(socket_path)
