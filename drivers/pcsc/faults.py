"""PC/SC result codes as reader faults: what happened, in which phase, and what the operator can do."""

from types import MappingProxyType
from typing import Final

from drivers.interfaces.card_reader import (
    CardRemoved,
    MuteCard,
    NoCard,
    NoReader,
    NoService,
    ReaderBusy,
    ReaderFault,
    ReaderTimeout,
)
from drivers.pcsc import scard
from drivers.pcsc.scard import PcscFailure


class CardReset(ReaderFault):
    """Another program has reset the card in the middle of a dialogue; all its security state is gone."""

    kind = "card_reset"
    what_to_do = "Another program has disturbed the card. Close that program and read the card again."


class ProtocolMismatch(ReaderFault):
    """Reader and card found no common protocol: a memory card, or an answer to reset that makes no sense."""

    kind = "protocol_mismatch"
    what_to_do = "The reader cannot talk to this card. Use a social-security card or another medium."


class ReaderBroken(ReaderFault):
    """The card is still there, yet the exchange failed: a fault of reader, cable or chip contacts."""

    kind = "reader_broken"
    what_to_do = "The exchange with the card failed. Insert the card again; check the reader's cable."


SERVICE_LOST: Final = frozenset(
    {
        scard.NO_SERVICE,
        scard.SERVICE_STOPPED,
        scard.COMM_ERROR,
        scard.INVALID_HANDLE,
        # Given once by a new context right after the service was killed.
        scard.SECURITY_VIOLATION,
        scard.INTERNAL_ERROR,
    }
)
"""Codes after which a context never works again: drop it and open a new one."""

_FAULTS: Final = MappingProxyType(
    {
        scard.REMOVED_CARD: (CardRemoved, "the card was taken out"),
        scard.RESET_CARD: (CardReset, "another program has reset the card"),
        scard.NOT_TRANSACTED: (ReaderBroken, "the exchange with the card failed"),
        scard.NO_SMARTCARD: (NoCard, "there is no card"),
        scard.UNRESPONSIVE_CARD: (MuteCard, "the card does not answer to reset"),
        scard.UNPOWERED_CARD: (MuteCard, "the card could not be powered"),
        scard.SHARING_VIOLATION: (ReaderBusy, "another program holds the reader"),
        scard.PROTO_MISMATCH: (ProtocolMismatch, "reader and card have no common protocol"),
        scard.READER_UNAVAILABLE: (NoReader, "the reader is gone"),
        scard.UNKNOWN_READER: (NoReader, "the service does not know the reader"),
        scard.NO_READERS_AVAILABLE: (NoReader, "there is no reader"),
        scard.NOT_READY: (ReaderBroken, "the reader is not ready"),
        scard.TIMEOUT: (ReaderTimeout, "the service reports a time-out"),
        scard.CANCELLED: (ReaderTimeout, "the call was cancelled"),
        **dict.fromkeys(SERVICE_LOST, (NoService, "the PC/SC service is not running or has gone away")),
    }
)


def fault_for(failure: PcscFailure, reader: str) -> ReaderFault:
    """Turn a failed call into the fault to raise; the text holds reader, call and code, never card data."""
    kind, reason = _FAULTS.get(failure.code, (ReaderFault, "an error nobody expected"))
    return kind(f"{reader}: {reason} ({failure})")
