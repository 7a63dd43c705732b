"""Slips: pure functions from facts to a receipt document. Chinese only."""

from terminal.slips.check_code import check_code
from terminal.slips.incident import IncidentKind, IncidentSlip, incident_document
from terminal.slips.masking import MaskedPerson, MaskRule
from terminal.slips.settlement import (
    FundShare,
    SettlementSlip,
    SlipKind,
    SlipLine,
    settlement_document,
)

__all__ = [
    "FundShare",
    "IncidentKind",
    "IncidentSlip",
    "MaskRule",
    "MaskedPerson",
    "SettlementSlip",
    "SlipKind",
    "SlipLine",
    "check_code",
    "incident_document",
    "settlement_document",
]
