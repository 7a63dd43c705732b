"""A port that is held: refused to callers, free for our own server, and nobody else's."""

import socket

import pytest

from simulators.held_port import HeldPort, bound


def test_a_held_port_is_refused_to_callers_and_nobody_else_can_have_it() -> None:
    place = HeldPort().take()
    try:
        assert place.port > 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.host, place.port), timeout=5)
        with pytest.raises(OSError, match="in use"):
            bound(place.host, place.port, lingering=False)
    finally:
        place.release()
    bound(place.host, place.port, lingering=False).close()


def test_a_server_of_ours_comes_and_goes_on_it() -> None:
    place = HeldPort().take()
    try:
        for _ in range(2):
            with (
                socket.create_server((place.host, place.port)),
                socket.create_connection((place.host, place.port), timeout=5),
            ):
                pass
        assert place.take().port == place.port
    finally:
        place.release()


def test_a_port_that_somebody_listens_on_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = HeldPort("127.0.0.1", other.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            place.take()
