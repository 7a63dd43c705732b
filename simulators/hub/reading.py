"""Reading a request once, however many look at it: door, faults and hub each ask for the same bytes."""

from functools import lru_cache

from protocols.hub.envelope import Request, decode_request


@lru_cache(maxsize=8)
def read_request(body: bytes) -> Request:
    """As `protocols.hub.envelope.decode_request`; raises `MalformedMessage` each time anew."""
    return decode_request(body)
