"""PC/SC card readers: one owner thread per reader, one monitor thread, whole dialogues handed over."""

from drivers.pcsc.faults import CardReset, ProtocolMismatch, ReaderBroken
from drivers.pcsc.owner import Timing
from drivers.pcsc.reader import PcscReader, ServiceReport, probe_service

__all__ = [
    "CardReset",
    "PcscReader",
    "ProtocolMismatch",
    "ReaderBroken",
    "ServiceReport",
    "Timing",
    "probe_service",
]
