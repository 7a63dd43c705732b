"""A process talks to the card service that was chosen for it."""

import os
from pathlib import Path

import pytest

from tests.real_parts import require_real_module


def test_the_chosen_socket_is_what_the_library_will_read(monkeypatch: pytest.MonkeyPatch) -> None:
    require_real_module("smartcard.scard")
    from drivers.pcsc.service import SOCKET_VARIABLE, use_service

    monkeypatch.setenv(SOCKET_VARIABLE, "/somewhere/else")
    use_service(Path("/run/counter/pcscd.comm"))
    assert os.environ["PCSCLITE_CSOCK_NAME"] == "/run/counter/pcscd.comm"
