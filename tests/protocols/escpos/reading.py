"""Runs bytes through a decoder to the end."""

from protocols.escpos.decoder import Decoder
from protocols.escpos.events import Event, TextLine


def events_of(data: bytes, columns: int = 48, chunk: int = 1 << 20) -> list[Event]:
    """Everything a printer does with these bytes, given in chunks of that size."""
    decoder = Decoder(columns)
    events: list[Event] = []
    for start in range(0, len(data), chunk):
        decoder.receive(data[start : start + chunk])
        while (event := decoder.next_event()) is not None:
            events.append(event)
    return events


def lines_of(data: bytes, columns: int = 48) -> list[str]:
    """The text lines among them, without alignment."""
    events = events_of(data, columns)
    return ["".join(span.text for span in event.spans) for event in events if isinstance(event, TextLine)]
